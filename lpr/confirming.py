"""What the pictures of one vehicle, read one after another, say together.

A limit that lets one reading in 500 through wrong lets more through where it is tried
on picture after picture until one passes. A plate that one picture is read as is given
out when another says the same and none says otherwise. It reads nothing.
"""

from collections.abc import Sequence
from typing import Final

from lpr.models import PlateReading, UnreadReason

__all__ = ["concluded", "is_settled"]

_SAYS: Final = 0.9
"""A picture confirms or disputes a plate from here on for its weakest character; that
alone it would not be read is another matter."""
_IN_DOUBT: Final[frozenset[UnreadReason]] = frozenset({"doubtful", "blurred"})
_SHOWS_NO_PLATE: Final[frozenset[UnreadReason]] = frozenset(
    {"no_plate", "off_frame", "too_small"}
)
"""Such a picture could confirm nothing: the vehicle is not in it, or not near."""


def is_settled(readings: Sequence[PlateReading]) -> bool:
    """Whether no further picture is asked for: nothing that it says would count.

    Args:
        readings: in the order in which they were made.
    """
    said = [text for text in map(_said, readings) if text is not None]
    read = any(reading.text is not None for reading in readings)
    return len(set(said)) > 1 or (read and len(said) > 1)


def concluded(readings: Sequence[PlateReading]) -> tuple[int, PlateReading]:
    """Which picture to keep, and what is read from all of them.

    Args:
        readings: at least one, in the order in which they were made.

    Returns:
        The place of a reading, and the reading itself where another picture says the
        same and none says otherwise, or where no other picture shows a plate. Of a
        plate that no other picture confirms the same place and ``doubtful``; where
        nothing was read the first reading.
    """
    read = [place for place, one in enumerate(readings) if one.text is not None]
    if not read:
        return 0, readings[0]
    first = readings[read[0]]
    said = [text for text in map(_said, readings) if text is not None]
    shown = [one for one in readings if one.unread_reason not in _SHOWS_NO_PLATE]
    if set(said) == {first.text} and (len(said) > 1 or len(shown) == 1):
        return read[0], first
    doubt = PlateReading.unread(
        "doubtful", corners=first.corners, colour=first.colour, decoded=first.decoded
    )
    return read[0], doubt


def _said(reading: PlateReading) -> str | None:
    """The plate that a picture speaks for, read or nearly so."""
    decoded = reading.decoded
    if reading.text is not None or decoded is None:
        return reading.text
    sure = reading.unread_reason in _IN_DOUBT and decoded.confidence >= _SAYS
    return decoded.text if sure and decoded.conflict is None else None
