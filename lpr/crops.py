"""Reads pictures that somebody has cut out around a plate.

The picture is read as it is. Where that leaves doubt, the plate's own corners are
looked for in it: an upright box around a leaning plate shows its characters slanted,
its corners lay them straight. It never makes two doubtful readings into a sure one.
"""

from typing import Final

from lpr.decoding import Decoded
from lpr.detector import NetworkDetector
from lpr.image import Image
from lpr.judging import PlateLimits
from lpr.sequence import SequenceReader

__all__ = ["read_cut_out"]

_SMALLEST_PX: Final = 8
"""Fewer pixels across or along hold no corners to be found."""


def read_cut_out(
    image: Image,
    detector: NetworkDetector,
    reader: SequenceReader,
    *,
    enough: float = PlateLimits().character_confidence,
) -> Decoded:
    """What stands in a picture that a plate fills, the likelier of two readings.

    Args:
        image: BGR, shape (height, width, 3).
        detector: looks for the corners.
        reader: reads the whole picture, and what the corners enclose.
        enough: with its weakest character at least so sure, the first reading stands.
    """
    whole = reader.read_crop(image)
    if whole.confidence >= enough or min(image.shape[:2]) < _SMALLEST_PX:
        return whole
    box = detector.within(image)
    if box is None:
        return whole
    straight = reader.read(image, box.corners, lines=box.lines)
    return max(whole, straight, key=lambda one: one.probability)
