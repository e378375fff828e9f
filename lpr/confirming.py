"""What the pictures of one vehicle, read one after another, say together.

A limit that lets one reading in 500 through wrong lets more through where it is tried
on picture after picture until one passes. A plate is given out when two pictures, each
read alone, say the same. It reads nothing.
"""

from collections.abc import Sequence
from typing import Final

from lpr.models import PlateReading, UnreadReason

__all__ = ["concluded", "is_settled"]

_ALIKE: Final = 2
_SHOWS_NO_PLATE: Final[frozenset[UnreadReason]] = frozenset(
    {"no_plate", "off_frame", "too_small"}
)
"""Such a picture could confirm nothing: the vehicle is not in it, or not near."""


def is_settled(readings: Sequence[PlateReading]) -> bool:
    """Whether no further picture is asked for: two say the same, or two say different.

    Args:
        readings: in the order in which they were made.
    """
    read = [reading.text for reading in readings if reading.text is not None]
    return len(read) >= _ALIKE


def concluded(readings: Sequence[PlateReading]) -> tuple[int, PlateReading]:
    """Which picture to keep, and what is read from all of them.

    Args:
        readings: at least one, in the order in which they were made.

    Returns:
        The place of a reading, and the reading itself where two say the same, or where
        no other picture shows a plate. Of a plate that was read once and not again, or
        as two different texts, the same place and ``doubtful``; where nothing was read
        the first reading.
    """
    read = [place for place, one in enumerate(readings) if one.text is not None]
    if not read:
        return 0, readings[0]
    first = readings[read[0]]
    alone = not any(
        one.text is None and one.unread_reason not in _SHOWS_NO_PLATE
        for one in readings
    )
    alike = {readings[place].text for place in read} == {first.text}
    if alike and (alone or len(read) >= _ALIKE):
        return read[0], first
    doubt = PlateReading.unread(
        "doubtful", corners=first.corners, colour=first.colour, decoded=first.decoded
    )
    return read[0], doubt
