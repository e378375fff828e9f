"""What the pictures of one vehicle, read one after another, say together.

A limit that lets one reading in 500 through wrong lets more through where it is tried
on picture after picture until one passes. A plate that one picture is read as is given
out when another says the same and none says otherwise, in text or in colour. It reads
nothing.
"""

from collections.abc import Sequence
from typing import Final

from lpr.models import PlateReading, UnreadReason
from lpr.plate import PlateColour

__all__ = ["concluded", "is_settled"]

_SAYS: Final = 0.9
"""A picture confirms or disputes a plate from here on for its weakest character; that
alone it would not be read is another matter."""
_IN_DOUBT: Final[frozenset[UnreadReason]] = frozenset({"doubtful", "blurred"})
_SHOWS_NO_PLATE: Final[frozenset[UnreadReason]] = frozenset(
    {"no_plate", "off_frame", "too_small"}
)
"""Such a picture counts for nothing: the vehicle is not in it, or not whole, or far."""


def is_settled(readings: Sequence[PlateReading]) -> bool:
    """Whether no further picture is asked for: nothing that it says would count.

    Args:
        readings: in the order in which they were made.
    """
    said = _all_said(readings)
    read = any(reading.text is not None for reading in readings)
    return _differ(said) or (read and len(said) > 1)


def concluded(readings: Sequence[PlateReading]) -> tuple[int, PlateReading]:
    """Which picture to keep, and what is read from all of them.

    Args:
        readings: at least one, in the order in which they were made.

    Returns:
        The place of a reading, and the reading itself where another picture says the
        same and none says otherwise, or where no other picture shows a whole plate
        near enough. Of a plate that no other picture confirms the same place and
        ``doubtful``; where nothing was read the first reading.
    """
    read = [place for place, one in enumerate(readings) if one.text is not None]
    if not read:
        return 0, readings[0]
    first = readings[read[0]]
    said = _all_said(readings)
    shown = [one for one in readings if one.unread_reason not in _SHOWS_NO_PLATE]
    if not _differ(said) and (len(said) > 1 or len(shown) == 1):
        return read[0], first
    doubt = PlateReading.unread(
        "doubtful", corners=first.corners, colour=first.colour, decoded=first.decoded
    )
    return read[0], doubt


def _all_said(readings: Sequence[PlateReading]) -> list[tuple[str, PlateColour | None]]:
    """The plates that pictures speak for, read or nearly so; grey has no colour."""
    said: list[tuple[str, PlateColour | None]] = []
    for reading in readings:
        decoded = reading.decoded
        if reading.text is not None:
            said.append((reading.text, reading.colour))
        elif (
            decoded is not None
            and reading.unread_reason in _IN_DOUBT
            and decoded.confidence >= _SAYS
            and decoded.conflict is None
        ):
            said.append((decoded.text, decoded.colour))
    return said


def _differ(said: Sequence[tuple[str, PlateColour | None]]) -> bool:
    """Whether two of them speak for different plates."""
    texts = {text for text, _ in said}
    colours = {colour for _, colour in said if colour is not None}
    return len(texts) > 1 or len(colours) > 1
