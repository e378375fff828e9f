"""Shapes of characters from font files and from a folder of glyph pictures.

It takes every path as an argument and refuses a typeface that lacks a character
silently replaced by a box: such characters are left out of that typeface.
"""

from pathlib import Path
from typing import Final, TypeAlias

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from lpr.glyphs import ALPHABET

__all__ = ["Bitmap", "Typeface", "typefaces_of_font", "typefaces_of_pictures"]

Bitmap: TypeAlias = NDArray[np.uint8]
"""Ink of one character, cut tight: 255 where inked."""

_SIZE_PX: Final = 110
_WEIGHTS: Final = (350, 500, 650, 800)
_MISSING: Final = "\U0010fffd"
_SIMPLIFIED: Final = ("SC", "CN")


class Typeface(msgspec.Struct, frozen=True):
    """A named set of character shapes; ``family`` is what is held out together."""

    name: str
    family: str
    shapes: dict[str, Bitmap]


def _tight(ink: Bitmap) -> Bitmap | None:
    rows = np.flatnonzero(ink.max(axis=1) > 100)
    columns = np.flatnonzero(ink.max(axis=0) > 100)
    if len(rows) < 8 or len(columns) < 4:
        return None
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].copy()


def _drawn(font: ImageFont.FreeTypeFont, character: str) -> Bitmap:
    page = Image.new("L", (2 * _SIZE_PX, 2 * _SIZE_PX), 0)
    ImageDraw.Draw(page).text((_SIZE_PX // 2, _SIZE_PX // 4), character, 255, font)
    return np.asarray(page, dtype=np.uint8)


def _shapes(font: ImageFont.FreeTypeFont, characters: str) -> dict[str, Bitmap]:
    box = _drawn(font, _MISSING)
    shapes = {}
    for character in characters:
        drawn = _drawn(font, character)
        tight = None if np.array_equal(drawn, box) else _tight(drawn)
        if tight is not None:
            shapes[character] = tight
    return shapes


def _opened(path: Path) -> ImageFont.FreeTypeFont:
    """The font of a file; of a collection the member with simplified Chinese."""
    first = ImageFont.truetype(path, _SIZE_PX)
    if path.suffix.lower() != ".ttc":
        return first
    index = 0
    while True:
        try:
            font = ImageFont.truetype(path, _SIZE_PX, index=index)
        except OSError:
            return first
        if str(font.getname()[0]).endswith(_SIMPLIFIED):
            return font
        index += 1


def typefaces_of_font(path: Path, characters: str = ALPHABET) -> list[Typeface]:
    """The typefaces of one font file; a variable font gives one for each weight."""
    family = path.stem.split("[")[0].split("-")[0]
    font = _opened(path)
    try:
        axes = font.get_variation_axes()
    except OSError:
        return [Typeface(path.stem, family, _shapes(font, characters))]
    made = []
    for weight in _WEIGHTS:
        values = []
        for axis in axes:
            low, high = axis["minimum"] or 0, axis["maximum"] or 0
            is_weight = axis["name"] == b"Weight"
            wanted = weight if is_weight else axis["default"] or 0
            values.append(float(min(max(wanted, low), high)))
        font.set_variation_by_axes(values)
        name = f"{path.stem}@{weight}"
        made.append(Typeface(name, family, _shapes(font, characters)))
    return made


def typefaces_of_pictures(folder: Path) -> list[Typeface]:
    """Typefaces from pictures named ``<series>_<character>.jpg``, dark on light."""
    series: dict[str, dict[str, Bitmap]] = {}
    for path in sorted(folder.iterdir()):
        name, _, character = path.stem.rpartition("_")
        if not name or len(character) != 1 or character not in ALPHABET:
            continue
        data = np.frombuffer(path.read_bytes(), np.uint8)
        grey = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)
        if grey is None:
            continue
        tight = _tight(np.asarray(255 - grey, np.uint8))
        if tight is not None:
            series.setdefault(name, {})[character] = tight
    return [
        Typeface(name, f"pictures-{name}", shapes) for name, shapes in series.items()
    ]
