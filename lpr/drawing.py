"""Draws what was read onto a copy of the picture, for people to look at.

It shows every plate's corners, its text or why it has none, and marks the weakest
character. The picture that is evidence is never drawn on.
"""

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np

from lpr.image import Image
from lpr.models import PlateReading

__all__ = ["caption_of", "drawn"]

_READ: Final = (60, 200, 60)
_UNREAD: Final = (40, 40, 230)
_FACE: Final = "sans"


def caption_of(reading: PlateReading) -> str:
    """What stands beside a plate: its text, or the reason and what can be read.

    >>> caption_of(PlateReading.unread("blurred"))
    'unread: blurred'
    """
    if reading.text is not None:
        return f"{reading.text} {min(reading.character_confidences):.2f}"
    decoded = reading.decoded
    seen = f" ({decoded.text})" if decoded is not None and decoded.covered else ""
    return f"unread: {reading.unread_reason}{seen}"


def drawn(image: Image, readings: Sequence[PlateReading]) -> Image:
    """A copy of the picture with every plate outlined and named."""
    page = image.copy()
    height, width = page.shape[:2]
    stroke = max(1, round(max(height, width) / 700))
    size = max(14, round(max(height, width) / 45))
    face = cv2.FontFace(_FACE)
    for reading in readings:
        if reading.corners is None:
            continue
        colour = _UNREAD if reading.text is None else _READ
        outline = np.round(reading.corners).astype(np.int32)
        cv2.polylines(page, [outline], True, colour, stroke, cv2.LINE_AA)
        left = int(np.clip(outline[:, 0].min(), 0, max(width - 8 * size, 0)))
        top = int(outline[:, 1].min()) - size // 2
        place = (left, top if top > size else int(outline[:, 1].max()) + size + 4)
        text = caption_of(reading)
        for weight, ink in ((900, (0, 0, 0)), (500, colour)):
            cv2.putText(page, text, place, ink, face, size, weight)
    return page
