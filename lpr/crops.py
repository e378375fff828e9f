"""Reads pictures that somebody has cut out around a plate.

It is read between the plate's own corners: an upright box around a leaning plate shows
its characters slanted, its corners lay them straight. Where that leaves doubt, the
picture is read as it is, too. Two doubtful readings never make a sure one.
"""

from typing import Final

from lpr.decoding import Decoded
from lpr.image import Image, rim_of
from lpr.judging import Judged, PlateLimits, judge
from lpr.models import PlateBox
from lpr.rectifier import Rectifier
from lpr.sequence import SequenceReader

__all__ = ["judge_cut_out", "read_cut_out", "seems_cut_out"]

_PASSES: Final = (1, 2)
"""Most plates are read after one pass of the rectifier; others get up to two more."""
_SMALLEST_PX: Final = 8
"""Fewer pixels across or along hold no corners to be found."""
_WIDEST_PX: Final = 480
"""Wider pictures are frames: a plate that fills one is found by the detector."""
_ASPECTS: Final = (1.3, 6.5)
"""Width by height of a box around a plate: of two lines and tilted, to squeezed."""


def read_cut_out(
    image: Image,
    rectifier: Rectifier,
    reader: SequenceReader,
    *,
    enough: float = PlateLimits().character_confidence,
) -> Decoded:
    """What stands in a picture that a plate fills: the surest or likeliest reading.

    Args:
        image: BGR, shape (height, width, 3).
        rectifier: finds the plate's corners in it.
        reader: reads the whole picture, and what the corners enclose.
        enough: the first reading stands whose weakest character is at least so sure,
            where it spells a plate.
    """
    if min(image.shape[:2]) < _SMALLEST_PX:
        return reader.read_crop(image)
    height, width = image.shape[:2]
    corners = rim_of(width, height)
    readings = []
    for passes in _PASSES:
        corners = rectifier.rectified(image, corners, passes=passes)
        decoded = reader.read(image, corners)
        if decoded.confidence >= enough and decoded.conflict != "text":
            return decoded
        readings.append(decoded)
    readings.append(reader.read_crop(image))
    return reader.best_of(readings)


def seems_cut_out(image: Image) -> bool:
    """Whether a picture has the size and the shape of a plate alone."""
    height, width = image.shape[:2]
    least, most = _ASPECTS
    small = height >= _SMALLEST_PX and width <= _WIDEST_PX
    return bool(small and least <= width / height <= most)


def judge_cut_out(
    image: Image,
    rectifier: Rectifier,
    reader: SequenceReader,
    limits: PlateLimits,
) -> Judged:
    """The plate that fills a picture, read or unread, or that none can be seen.

    What is too small, blurred or doubtful in a frame is so here.
    """
    decoded = read_cut_out(image, rectifier, reader, enough=limits.character_confidence)
    height, width = image.shape[:2]
    box = PlateBox(corners=rim_of(width, height), confidence=1.0)
    return judge(image, box, decoded, limits)
