"""Draws what was read onto a copy of the picture, for people to look at.

It shows every plate's corners, its text or why it has none, and marks the weakest
character. The picture that is evidence is never drawn on.
"""

from collections.abc import Sequence
from typing import Final

import cv2
import msgspec
import numpy as np

from lpr.image import Corners, Image
from lpr.models import PlateReading
from lpr.plate import PlateColour, kind_of

__all__ = ["Mark", "caption_of", "drawn", "marked", "offence"]

_READ: Final = (60, 200, 60)
_UNREAD: Final = (40, 40, 230)
_FACE: Final = "sans"


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """What is drawn around one plate and written beside it."""

    corners: Corners
    caption: str
    is_read: bool


def caption_of(reading: PlateReading) -> str:
    """What stands beside a plate: its text, or the reason and what is behind it.

    >>> caption_of(PlateReading.unread("blurred"))
    'unread: blurred'
    """
    if reading.text is not None:
        return f"{reading.text} {min(reading.character_confidences):.2f}"
    told = reading.pattern
    if reading.unread_reason == "grammar" and reading.decoded is not None:
        told = offence(reading.decoded.text, reading.colour)
    return f"unread: {reading.unread_reason}{'' if told is None else f' ({told})'}"


def offence(text: str, colour: PlateColour | None) -> str:
    """What the grammar contradicts in a text whose every character is sure.

    Args:
        text: as it is seen.
        colour: of the ground it stands on, if that is a plate's.

    >>> offence("豫A123456", "yellow")
    '豫A123456 is spelt as no plate is'
    >>> offence("豫A1234挂", "blue")
    '豫A1234挂 stands on blue, not on yellow'
    >>> offence("豫A12345", None)
    "豫A12345 stands on no plate's ground"
    """
    kind = kind_of(text)
    if kind is None:
        return f"{text} is spelt as no plate is"
    if colour is None:
        return f"{text} stands on no plate's ground"
    return f"{text} stands on {colour}, not on {' or '.join(sorted(kind.colours))}"


def drawn(image: Image, readings: Sequence[PlateReading]) -> Image:
    """A copy of the picture with every plate outlined and named."""
    marks = [
        Mark(
            corners=reading.corners,
            caption=caption_of(reading),
            is_read=reading.text is not None,
        )
        for reading in readings
        if reading.corners is not None
    ]
    return marked(image, marks)


def marked(image: Image, marks: Sequence[Mark]) -> Image:
    """A copy of the picture with these marks."""
    page = image.copy()
    height, width = page.shape[:2]
    stroke = max(1, round(max(height, width) / 700))
    size = max(14, round(max(height, width) / 45))
    face = cv2.FontFace(_FACE)
    for mark in marks:
        colour = _READ if mark.is_read else _UNREAD
        outline = np.round(mark.corners).astype(np.int32)
        cv2.polylines(page, [outline], True, colour, stroke, cv2.LINE_AA)
        left = int(np.clip(outline[:, 0].min(), 0, max(width - 8 * size, 0)))
        top = int(outline[:, 1].min()) - size // 2
        place = (left, top if top > size else int(outline[:, 1].max()) + size + 4)
        for weight, ink in ((900, (0, 0, 0)), (500, colour)):
            cv2.putText(page, mark.caption, place, ink, face, size, weight)
    return page
