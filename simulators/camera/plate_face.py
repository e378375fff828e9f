"""The face of a plate, one pixel per millimetre, characters where GA 36 puts them.

The letters come from the font that OpenCV carries; no reader may learn from it.
"""

from functools import cache

import cv2
import numpy as np

from simulators.camera.canvas import BGR, Image
from simulators.plates import Plate

__all__ = ["draw_plate"]

_YELLOW: BGR = (18, 176, 246)
_INK: BGR = (22, 20, 18)
_GLYPH_PX = 160
_WEIGHT = 620

# left edge, top edge, width, height of each character [mm]
_Boxes = tuple[tuple[float, float, float, float], ...]
_SINGLE: _Boxes = tuple(
    (left, 25.0, 45.0, 90.0) for left in (15.5, 72.5, 151.5, 208.5, 265.5, 322.5, 379.5)
)
_DOUBLE: _Boxes = (
    (110.0, 15.0, 80.0, 60.0),
    (250.0, 15.0, 80.0, 60.0),
    *((27.5 + 80.0 * place, 90.0, 65.0, 110.0) for place in range(5)),
)


def draw_plate(plate: Plate, rng: np.random.Generator) -> Image:
    """Return the plate as a camera would see it from straight ahead, a little worn."""
    height = 140 if plate.lines == 1 else 220
    boxes = _SINGLE if plate.lines == 1 else _DOUBLE
    face = np.full((height, 440, 3), _YELLOW, np.uint8)
    _border(face)
    for character, (left, top, width, tall) in zip(plate.text, boxes, strict=True):
        glyph = _fitted(character, int(width), int(tall))
        window = face[
            int(top) : int(top) + int(tall), int(left) : int(left) + int(width)
        ]
        part = glyph[:, :, None].astype(np.float32) / 255.0
        window[:] = (window * (1.0 - part) + np.array(_INK) * part).astype(np.uint8)
    if plate.lines == 1:
        cv2.circle(face, (134, 70), 5, _INK, -1, cv2.LINE_AA)
    else:
        cv2.circle(face, (220, 45), 6, _INK, -1, cv2.LINE_AA)
    return _worn(face, rng)


def _border(face: Image) -> None:
    """Draw the line along the rim and the four screws."""
    height, width = face.shape[:2]
    cv2.rectangle(face, (5, 5), (width - 6, height - 6), _INK, 2, cv2.LINE_AA)
    for x in (100, width - 100):
        for y in (13, height - 13):
            cv2.circle(face, (x, y), 5, (150, 160, 165), -1, cv2.LINE_AA)


@cache
def _glyph(character: str) -> Image:
    """Return one character as white on black, cut to its ink."""
    sheet = np.zeros((2 * _GLYPH_PX, 2 * _GLYPH_PX, 3), np.uint8)
    font = cv2.FontFace("sans")
    at = (_GLYPH_PX // 2, 3 * _GLYPH_PX // 2)
    cv2.putText(sheet, character, at, (255, 255, 255), font, _GLYPH_PX, _WEIGHT)
    ink = sheet[:, :, 0]
    rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _fitted(character: str, width: int, height: int) -> Image:
    """Return a character stretched to its box; a narrow one keeps its stroke."""
    ink = _glyph(character)
    natural = ink.shape[1] * height / ink.shape[0]
    if not character.isascii() and height > width:
        # a province keeps some of its squareness, as on the real plate
        height_used = round(0.92 * height)
    else:
        height_used = height
    wide = min(width, round(1.15 * natural))
    box = np.zeros((height, width), np.uint8)
    drawn = cv2.resize(ink, (wide, height_used), interpolation=cv2.INTER_AREA)
    x, y = (width - wide) // 2, (height - height_used) // 2
    box[y : y + height_used, x : x + wide] = drawn
    return box


def _worn(face: Image, rng: np.random.Generator) -> Image:
    """Lay light from one side and a little dust over a plate."""
    height, width = face.shape[:2]
    light = np.linspace(rng.uniform(0.9, 1.0), rng.uniform(0.9, 1.04), width)
    coarse = rng.uniform(0.0, 1.0, (5, 9)).astype(np.float32)
    dust = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    part = np.clip(dust - 0.6, 0.0, 1.0)[:, :, None] * rng.uniform(0.0, 0.5)
    lit = face * light[None, :, None]
    dusty = lit * (1.0 - part) + np.array([96.0, 118.0, 130.0]) * part
    worn: Image = np.clip(dusty, 0, 255).astype(np.uint8)
    return worn
