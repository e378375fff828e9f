"""Grammar and colours of Chinese number plates after GA 36 and JT/T 415.

The grammar is one table: a row per kind of plate, each with the alphabet of every
position. Parsing, validation, drawing at random and the patterns all walk this table.
It refuses to repair a text: what breaks the grammar is an error, never a near miss.
"""

import random
import re
from typing import Final, Literal, TypeAlias

import msgspec

from lpr.errors import PlateError

__all__ = [
    "AUTHORITY_LETTERS",
    "COLOUR_CODES",
    "DIGITS",
    "HANZI_SUFFIXES",
    "KINDS",
    "OTHER_COLOUR_CODE",
    "PROVINCES",
    "SERIAL_LETTERS",
    "Kind",
    "Plate",
    "PlateColour",
    "PlateKind",
    "alphabets",
    "kind_of",
]

PlateColour: TypeAlias = Literal[
    "blue", "yellow", "black", "white", "green", "yellow_green", "gradient_green"
]
PlateKind: TypeAlias = Literal[
    "ordinary",
    "trailer",
    "new_energy_large",
    "new_energy_small",
    "learner",
    "police",
    "hong_kong_macao",
    "consulate",
    "embassy",
    "over_limit",
    "government",
    "armed_police",
    "civil_aviation",
]

COLOUR_CODES: Final[dict[PlateColour, int]] = {
    "blue": 1,
    "yellow": 2,
    "black": 3,
    "white": 4,
    "green": 5,
    "yellow_green": 93,
    "gradient_green": 94,
}
"""车牌颜色 of JT/T 415, as the transport ministry's platforms number them."""

OTHER_COLOUR_CODE: Final = 9

PROVINCES: Final = "京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川贵云藏陕甘青宁新"
SERIAL_LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ"
"""I and O are not used: on a plate they could not be told from 1 and 0."""
AUTHORITY_LETTERS: Final = SERIAL_LETTERS
DIGITS: Final = "0123456789"
NEW_ENERGY_LETTERS: Final = "ABCDEFGHJK"
HANZI_SUFFIXES: Final = "挂学警港澳领使超"

_SERIAL: Final = SERIAL_LETTERS + DIGITS


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the grammar: where each character comes from, and which colours."""

    name: PlateKind
    alphabets: tuple[str, ...]
    colours: frozenset[PlateColour]

    def admits(self, text: str) -> bool:
        """Whether each character of ``text`` may stand where it stands."""
        return len(text) == len(self.alphabets) and all(
            character in alphabet
            for character, alphabet in zip(text, self.alphabets, strict=True)
        )

    @property
    def pattern(self) -> str:
        """The regular expression of this kind.

        >>> kind_of("粤B1234挂").pattern[-6:]
        ']{4}挂$'
        """
        parts = ["^"]
        position = 0
        while position < len(self.alphabets):
            alphabet = self.alphabets[position]
            run = 1
            while self.alphabets[position + run : position + run + 1] == (alphabet,):
                run += 1
            part = alphabet if len(alphabet) == 1 else f"[{re.escape(alphabet)}]"
            parts.append(part if run == 1 else f"{part}{{{run}}}")
            position += run
        return "".join([*parts, "$"])

    def draw(self, rng: random.Random) -> str:
        """One text of this kind, drawn evenly position by position."""
        return "".join(rng.choice(alphabet) for alphabet in self.alphabets)


def _kind(name: PlateKind, alphabets: tuple[str, ...], *colours: PlateColour) -> Kind:
    return Kind(name=name, alphabets=alphabets, colours=frozenset(colours))


_HEAD: Final = (PROVINCES, AUTHORITY_LETTERS)

KINDS: Final[tuple[Kind, ...]] = (
    _kind("ordinary", (*_HEAD, *(_SERIAL,) * 5), "blue", "yellow", "black"),
    _kind("trailer", (*_HEAD, *(_SERIAL,) * 4, "挂"), "yellow"),
    _kind(
        "new_energy_large", (*_HEAD, *(DIGITS,) * 5, NEW_ENERGY_LETTERS), "yellow_green"
    ),
    _kind(
        "new_energy_small",
        (*_HEAD, NEW_ENERGY_LETTERS, _SERIAL, *(DIGITS,) * 4),
        "gradient_green",
    ),
    _kind("learner", (*_HEAD, *(_SERIAL,) * 4, "学"), "yellow"),
    _kind("police", (*_HEAD, *(_SERIAL,) * 4, "警"), "white"),
    _kind("hong_kong_macao", ("粤", "Z", *(_SERIAL,) * 4, "港澳"), "black"),
    _kind("consulate", (*_HEAD, *(_SERIAL,) * 4, "领"), "black"),
    _kind("embassy", ("使", *(DIGITS,) * 6), "black"),
    _kind("over_limit", (*_HEAD, *(_SERIAL,) * 4, "超"), "yellow", "white"),
    _kind("government", (PROVINCES, "O", *(_SERIAL,) * 5), "blue", "yellow", "white"),
    _kind(
        "armed_police",
        ("W", "J", PROVINCES, *(DIGITS,) * 4, DIGITS + "XBTSHJD"),
        "white",
    ),
    _kind("civil_aviation", ("民", "航", *(_SERIAL,) * 5), "green"),
)
"""The whole grammar; no text belongs to two rows."""


def kind_of(text: str) -> Kind | None:
    """The row that admits ``text``, or nothing.

    >>> kind_of("豫A12345").name
    'ordinary'
    >>> kind_of("豫AI2345") is None
    True
    """
    return next((kind for kind in KINDS if kind.admits(text)), None)


def alphabets(length: int) -> tuple[str, ...]:
    """Which characters may stand at each position of a plate of ``length``."""
    rows = [kind.alphabets for kind in KINDS if len(kind.alphabets) == length]
    return tuple(
        "".join(sorted(set("".join(column)))) for column in zip(*rows, strict=True)
    )


class Plate(msgspec.Struct, frozen=True, kw_only=True):
    """A number plate: a vehicle's key is the text together with the colour."""

    text: str
    kind: PlateKind
    colour: PlateColour | None = None

    def __post_init__(self) -> None:
        """Refuse a text that is no plate, another kind's, or of a foreign colour."""
        row = kind_of(self.text)
        if row is None:
            message = f"plate {self.text!r} breaks the grammar of GA 36"
            raise PlateError(message)
        if row.name != self.kind:
            message = f"plate {self.text!r} is {row.name}, not {self.kind}"
            raise PlateError(message)
        if self.colour is not None and self.colour not in row.colours:
            allowed = ", ".join(sorted(row.colours))
            message = (
                f"plate {self.text!r} is {row.name}: colour {self.colour!r} is not "
                f"among {allowed}"
            )
            raise PlateError(message)

    @classmethod
    def parse(cls, text: str, colour: PlateColour | None = None) -> "Plate":
        """Read a plate from text as people write it: blanks, dots, small letters.

        Raises:
            PlateError: the text breaks the grammar or the colour is foreign to it.

        >>> Plate.parse("豫a·12345", "yellow")
        Plate(text='豫A12345', kind='ordinary', colour='yellow')
        """
        tidy = re.sub(r"[\s·•.\-]", "", text).upper()
        row = kind_of(tidy)
        if row is None:
            message = f"plate {text!r} breaks the grammar of GA 36"
            raise PlateError(message)
        return cls(text=tidy, kind=row.name, colour=colour)

    @property
    def colour_code(self) -> int | None:
        """The colour as JT/T 415 numbers it.

        >>> Plate.parse("豫A12345", "yellow").colour_code
        2
        """
        return None if self.colour is None else COLOUR_CODES[self.colour]

    def __str__(self) -> str:
        """As painted: the dot stands after the authority letter.

        >>> str(Plate.parse("豫A12345"))
        '豫A·12345'
        """
        if self.kind in {"embassy", "armed_police", "civil_aviation"}:
            return self.text
        return f"{self.text[:2]}·{self.text[2:]}"
