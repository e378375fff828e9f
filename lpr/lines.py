"""Reads the characters of one plate: straighten, cut, classify, choose the best way.

Of all ways to cut a line into the right number of characters it takes the likeliest,
where ink that belongs to no character costs. It refuses nothing itself: how sure each
character is goes up with it, and who asks decides.
"""

from collections.abc import Sequence
from typing import Final, TypeAlias

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from lpr.glyphs import ALPHABET, GlyphClassifier
from lpr.image import Corners, Image, straighten
from lpr.models import CharacterReading, LineReading, PlateBox
from lpr.plate import DIGITS, HANZI_SUFFIXES, PROVINCES, SERIAL_LETTERS, PlateColour
from lpr.segments import (
    Ink,
    Line,
    cut_line,
    find_text_band,
    ink_of,
    patch_of,
    without_frame,
)

__all__ = ["LineReader", "colour_of"]

Chances: TypeAlias = NDArray[np.float32]

_WIDTH_PX: Final = 240
_SINGLE_HEIGHT_PX: Final = 76
_DOUBLE_HEIGHT_PX: Final = 120
_WIDEST_DOUBLE: Final = 2.5
_NARROWEST_SINGLE: Final = 1.9
_UPPER_SHARE: Final = 0.375
"""A double-line plate is cut here; above stand two characters, below five."""

_FIRST: Final = PROVINCES + "使"
_MIDDLE: Final = SERIAL_LETTERS + DIGITS
_LAST: Final = SERIAL_LETTERS + DIGITS + HANZI_SUFFIXES

_SKIP: Final = 0.2
_CRUMB_TAKEN: Final = 0.5
"""Cost of a character that begins or ends with a piece too low to be one, as a dot."""
_SKIP_FULL_CHARACTER: Final = 9.0
_CHARACTER_INK: Final = 0.18
"""Ink of a usual character as a share of its height squared."""


class _Way(msgspec.Struct, frozen=True):
    """A way through the pieces so far: its score and the spans taken."""

    score: float
    taken: tuple[tuple[int, int], ...]


class LineReader(msgspec.Struct, frozen=True):
    """The reader behind the protocol of the same name."""

    classifier: GlyphClassifier

    def read(self, image: Image, box: PlateBox) -> LineReading | None:
        """The likeliest characters of a plate; nothing when it has no line of them."""
        aspect = box.width_px / max(box.height_px, 1.0)
        readings = []
        if aspect >= _NARROWEST_SINGLE:
            readings.append(self._read_single(image, box.corners))
        if aspect <= _WIDEST_DOUBLE:
            readings.append(self._read_double(image, box.corners))
        real = [reading for reading in readings if reading is not None]
        return max(real, key=lambda reading: reading.weakest, default=None)

    def _read_single(self, image: Image, corners: Corners) -> LineReading | None:
        plate = straighten(image, corners, width=_WIDTH_PX, height=_SINGLE_HEIGHT_PX)
        colour = colour_of(plate)
        ink = ink_of(plate, light_characters=colour == "blue")
        line = _single_line(without_frame(ink))
        if line is None:
            return None
        green = colour in {"green", "yellow_green", "gradient_green"}
        count = 8 if green else 7
        alphabets = (_FIRST, *(_MIDDLE,) * (count - 2), _LAST)
        characters = self._characters(line, alphabets)
        if characters is None:
            return None
        complete = len(characters) == count
        return LineReading(characters=characters, complete=complete, colour=colour)

    def _read_double(self, image: Image, corners: Corners) -> LineReading | None:
        plate = straighten(image, corners, width=_WIDTH_PX, height=_DOUBLE_HEIGHT_PX)
        colour = colour_of(plate)
        ink = without_frame(ink_of(plate, light_characters=colour == "blue"))
        cut = round(_UPPER_SHARE * _DOUBLE_HEIGHT_PX)
        upper = _upper_line(ink[:cut])
        lower = _single_line(ink[cut:])
        if upper is None or lower is None:
            return None
        head = self._characters(upper, (_FIRST, _MIDDLE))
        tail = self._characters(lower, (*(_MIDDLE,) * 4, _LAST))
        if head is None or tail is None:
            return None
        return LineReading(
            characters=head + tail,
            complete=len(head) == 2 and len(tail) == 5,
            colour=colour,
        )

    def _characters(
        self, line: Line, alphabets: Sequence[str]
    ) -> tuple[CharacterReading, ...] | None:
        """The likeliest way through the line; fewer characters when some are hidden."""
        if not line.spans:
            return None
        patches = np.stack([patch_of(line.ink, span.box) for span in line.spans])
        way = _best_way(line, self.classifier.propose(patches), alphabets)
        if way is None:
            return None
        chosen = patches[[index for index, _ in way.taken]]
        chances = self.classifier.classify(chosen)
        return tuple(
            CharacterReading(
                character=ALPHABET[best], confidence=float(chances[place, best])
            )
            for place, (_, best) in enumerate(way.taken)
        )


def _single_line(ink: Ink) -> Line | None:
    band = find_text_band(ink)
    return None if band is None else cut_line(*band)


def _upper_line(ink: Ink) -> Line | None:
    """The upper line of a double-line plate: two characters, where GA 36 puts them."""
    height = ink.shape[0] / _UPPER_SHARE
    return cut_line(ink, round(15 / 220 * height), round(75 / 220 * height))


def _best_way(line: Line, chances: Chances, alphabets: Sequence[str]) -> _Way | None:
    """Dynamic programming over pieces from left to right and characters taken.

    A step takes a span as the next character, or leaves a piece out at a cost that
    grows with its ink. When there is no way with all characters, the way with the
    most of them is the answer.
    """
    columns = [[ALPHABET.index(c) for c in alphabet] for alphabet in alphabets]
    tall = {span.first for span in line.spans if span.first == span.last}
    by_first: dict[int, list[int]] = {}
    for index, span in enumerate(line.spans):
        by_first.setdefault(span.first, []).append(index)
    ways: list[dict[int, _Way]] = [{} for _ in range(len(line.pieces) + 1)]
    ways[0][0] = _Way(0.0, ())
    for piece, (start, end) in enumerate(line.pieces):
        inked = float(line.ink[:, start:end].sum()) / line.height_px**2
        skip = _SKIP_FULL_CHARACTER * min(1.0, inked / _CHARACTER_INK) ** 2
        if piece in tall:
            skip += _SKIP
        for taken, way in ways[piece].items():
            _keep(ways[piece + 1], taken, _Way(way.score - skip, way.taken))
            if taken == len(alphabets):
                continue
            allowed = columns[taken]
            for index in by_first.get(piece, ()):
                odds = chances[index, allowed]
                best = int(odds.argmax())
                span = line.spans[index]
                score = way.score + float(np.log(odds[best] + 1e-6))
                score -= _CRUMB_TAKEN * len({span.first, span.last} - tall)
                step = (*way.taken, (index, allowed[best]))
                _keep(ways[span.last + 1], taken + 1, _Way(score, step))
    for taken in range(len(alphabets), 0, -1):
        if taken in ways[-1]:
            return ways[-1][taken]
    return None


def _keep(ways: dict[int, _Way], taken: int, way: _Way) -> None:
    if taken not in ways or ways[taken].score < way.score:
        ways[taken] = way


def colour_of(plate: Image) -> PlateColour | None:
    """The colour of a straightened plate's ground, nothing when it is none of these.

    Yellow-green plates (large new-energy vehicles) are yellow on the left and green
    on the right; gradient-green ones (small) fade from white above to green below.
    """
    tones = np.asarray(cv2.cvtColor(plate, cv2.COLOR_BGR2HSV), np.uint8)
    height, width = tones.shape[:2]
    left = _ground(tones[:, : round(0.2 * width)])
    right = _ground(tones[:, round(0.4 * width) :])
    if left == "yellow" and right == "green":
        return "yellow_green"
    if right == "green":
        upper = tones[round(0.08 * height) : round(0.25 * height), :, 1]
        lower = tones[round(0.75 * height) : round(0.92 * height), :, 1]
        if float(np.median(lower)) - float(np.median(upper)) > 40:
            return "gradient_green"
        return "green"
    return right


def _ground(tones: NDArray[np.uint8]) -> PlateColour | None:
    """The prevailing colour among saturated, not too dark pixels."""
    hue, saturation, value = (tones[..., index].ravel() for index in range(3))
    clear = (saturation > 60) & (value > 45)
    if clear.mean() < 0.2:
        return None
    shares: dict[PlateColour, float] = {
        "yellow": float(((hue >= 10) & (hue < 36) & clear).mean()),
        "green": float(((hue >= 36) & (hue < 92) & clear).mean()),
        "blue": float(((hue >= 95) & (hue < 132) & clear).mean()),
    }
    name = max(shares, key=lambda colour: shares[colour])
    return name if shares[name] > 0.2 else None
