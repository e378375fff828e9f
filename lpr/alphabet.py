"""What the sequence reader can say: symbols, grounds and states, in the weights' order.

The order is part of every file of weights; whoever changes it must train anew.
"""

from typing import Final, Literal, TypeAlias, get_args

from lpr.plate import DIGITS, HANZI_SUFFIXES, PROVINCES, SERIAL_LETTERS, PlateColour

__all__ = [
    "BLANK",
    "COVERED",
    "GROUNDS",
    "STATES",
    "SYMBOLS",
    "Ground",
    "State",
]

COVERED: Final = "?"
"""Stands where a character is but cannot be seen."""
SYMBOLS: Final = (
    PROVINCES + SERIAL_LETTERS + "O" + DIGITS + HANZI_SUFFIXES + "民航" + COVERED
)
"""O is one of them because the authorities' own vehicles carry it; I is nowhere used
and looks like 1."""
BLANK: Final = len(SYMBOLS)
"""Index of "no character in this column"."""

Ground: TypeAlias = PlateColour | Literal["grey"]
GROUNDS: Final[tuple[Ground, ...]] = (
    "blue",
    "yellow",
    "black",
    "white",
    "green",
    "yellow_green",
    "gradient_green",
    "grey",
)
"""Colours of a plate's ground; grey is a picture without colour, as infrared gives."""

State: TypeAlias = Literal["whole", "covered", "none"]
STATES: Final[tuple[State, ...]] = get_args(State)
"""A plate that shows all its characters, one that hides some, and no plate at all."""
