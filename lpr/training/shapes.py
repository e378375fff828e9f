"""Shapes of plate characters: cells of a folder of glyph pictures, and typefaces.

A plate's own shapes come as whole cells, so that a narrow 1 stands where it stands on a
plate; a typeface's come cut tight and are fitted to the cell. Nothing here draws a
plate.
"""

from pathlib import Path
from typing import Final

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from lpr.training.typefaces import Bitmap, typefaces_of_font

__all__ = ["Shapes", "Typeset", "described", "gather_shapes"]

_PICTURES: Final = (".jpg", ".png")
_FONT_SUFFIXES: Final = frozenset({".ttf", ".otf", ".ttc"})
_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_PROVINCES: Final = "京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川贵云藏陕甘青宁新"
_HANZI: Final = _PROVINCES + "挂学警港澳领使超民航"
_HEIGHT_PX: Final = 96


class Typeset(msgspec.Struct, frozen=True):
    """One source of shapes; ``tight`` when they were cut to the ink."""

    name: str
    tight: bool
    shapes: dict[str, Bitmap]

    def __contains__(self, character: str) -> bool:
        """Whether this source has the character."""
        return character in self.shapes


class Shapes(msgspec.Struct, frozen=True):
    """All that a plate may be drawn with.

    ``single``, ``upper``, ``lower`` and ``green`` are the plate's own cells, by the
    place they are made for; ``letters`` and ``hanzi`` are typefaces.
    """

    single: Typeset
    upper: Typeset
    lower: Typeset
    green: Typeset
    letters: tuple[Typeset, ...]
    hanzi: tuple[Typeset, ...]
    source: str
    """What a model card says of where they come from."""


def gather_shapes(glyphs: Path, fonts: tuple[Path, ...], *, faces: int = 120) -> Shapes:
    """Read a folder of glyph pictures and the font files of other folders.

    Args:
        glyphs: pictures named ``140_A.jpg`` (single line), ``220_A`` or ``220_down_A``
            (lower line), ``220_up_A`` (upper line) and ``green_A`` (new energy), dark
            on light, one cell each.
        fonts: folders searched through for ``.ttf``, ``.otf`` and ``.ttc``.
        faces: at most so many typefaces for letters, spread evenly over the files.

    Raises:
        ValueError: the folder lacks a province, a letter or a digit, or the fonts lack
            either letters or Chinese characters.
    """
    single = _cells(glyphs, ("140",))
    lower = _cells(glyphs, ("220_down", "220"))
    upper = _cells(glyphs, ("220_up", "220"))
    green = _cells(glyphs, ("green",))
    lacking = [c for c in _PROVINCES + "ABCDEFGH01234567" if c not in single.shapes]
    if lacking:
        message = f"{glyphs} has no picture 140_{lacking[0]}.jpg or .png"
        raise ValueError(message)
    files = sorted(
        path
        for folder in fonts
        for path in folder.rglob("*")
        if path.suffix.lower() in _FONT_SUFFIXES
    )
    letters, hanzi = _typesets(files)
    if not letters or not hanzi:
        raise ValueError("the font folders need typefaces with letters and with 豫")
    step = max(1, len(letters) // faces)
    return Shapes(
        single=single,
        upper=upper,
        lower=lower,
        green=green,
        letters=tuple(letters[::step]),
        hanzi=tuple(hanzi),
        source=f"{described(glyphs)}; fonts " + ", ".join(_families(files)),
    )


def described(glyphs: Path) -> str:
    """A folder of glyph pictures in words: its name, how many, and their licence.

    A file ``LICENSE`` in it names the licence in its first line and who holds the
    rights in the one that begins with Copyright.
    """
    pictures = [path for path in glyphs.iterdir() if path.suffix in _PICTURES]
    told = f"{glyphs.name} ({len(pictures)} pictures"
    licence = glyphs / "LICENSE"
    if licence.is_file():
        lines = [line.strip() for line in licence.read_text("utf-8").splitlines()]
        rights = [line for line in lines if line.startswith("Copyright")]
        told += ", " + ", ".join([*lines[:1], *rights[:1]])
    return f"{told})"


def _families(files: list[Path]) -> list[str]:
    """Names of the families, each once, without weight or width."""
    return sorted({path.stem.split("[")[0].split("-")[0] for path in files})


def _cells(folder: Path, series: tuple[str, ...]) -> Typeset:
    """Whole cells of these series, the first series that has a character counting."""
    shapes: dict[str, Bitmap] = {}
    for name in series:
        for character in _LETTERS + _HANZI:
            for suffix in _PICTURES:
                path = folder / f"{name}_{character}{suffix}"
                if character not in shapes and path.is_file():
                    shapes[character] = _cell(path)
    return Typeset("+".join(series), False, shapes)


def _cell(path: Path) -> Bitmap:
    data = np.frombuffer(path.read_bytes(), np.uint8)
    grey = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)
    if grey is None:
        message = f"{path} is no picture"
        raise ValueError(message)
    ink: NDArray[np.uint8] = np.asarray(255 - grey, np.uint8)
    width = max(8, round(ink.shape[1] * _HEIGHT_PX / ink.shape[0]))
    return np.asarray(
        cv2.resize(ink, (width, _HEIGHT_PX), interpolation=cv2.INTER_AREA), np.uint8
    )


def _typesets(files: list[Path]) -> tuple[list[Typeset], list[Typeset]]:
    letters: list[Typeset] = []
    hanzi: list[Typeset] = []
    for path in files:
        chinese = path.suffix.lower() == ".ttc" or path.stat().st_size > 3_000_000
        for face in typefaces_of_font(path, _HANZI if chinese else _LETTERS):
            shapes = {c: _scaled(ink) for c, ink in face.shapes.items()}
            if all(character in shapes for character in _HANZI):
                hanzi.append(Typeset(face.name, True, shapes))
            elif "A" in shapes and "0" in shapes:
                letters.append(Typeset(face.name, True, shapes))
    return letters, hanzi


def _scaled(ink: Bitmap) -> Bitmap:
    scale = _HEIGHT_PX / max(ink.shape)
    size = (max(6, round(ink.shape[1] * scale)), max(6, round(ink.shape[0] * scale)))
    return np.asarray(cv2.resize(ink, size, interpolation=cv2.INTER_AREA), np.uint8)
