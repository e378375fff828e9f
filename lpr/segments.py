"""Cuts a straightened plate into pieces that could be characters.

It proposes more spans than there are characters, overlapping ones too; which of them
are characters is decided by whoever classifies them. It knows no character.
"""

import itertools
from typing import Final, TypeAlias

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from lpr.glyphs import PATCH_HEIGHT, PATCH_WIDTH
from lpr.image import Image

__all__ = [
    "Line",
    "Span",
    "cut_line",
    "find_text_band",
    "ink_of",
    "patch_of",
    "without_frame",
]

Ink: TypeAlias = NDArray[np.float32]
"""Shape (height, width): 0 on the plate's ground, 1 on its characters."""

_CONTENT_HEIGHT: Final = 32
_CONTENT_WIDTH: Final = 24
_NARROWEST: Final = 0.35
"""A narrower character (1) is not stretched further than this share of its height."""

_MARGIN: Final = 0.14
"""Chinese characters reach above and below the letters by this share of the band."""
_HAZE: Final = 0.25
"""Fainter ink is noise of the ground and parts no characters."""
_GAP_INK: Final = 0.03
_FRAME_COLUMNS: Final = 0.034
_FRAME_ROWS: Final = 0.12
"""The frame runs within these shares of the plate's width and height from its rim."""
_FRAME_INK: Final = 0.3
_FRAME_REACH: Final = 0.6
_CRUMB: Final = 0.25
"""Lower rests of ink at the rim are pieces of the frame and bolts."""
_LEVEL_ENOUGH: Final = 0.008
_WIDEST: Final = 1.3
_MOST_PIECES: Final = 5
_MOST_LINE_PIECES: Final = 24


class Span(msgspec.Struct, frozen=True):
    """Pieces ``first`` to ``last`` (inclusive) of a line, and the box of their ink."""

    first: int
    last: int
    box: tuple[float, float, float, float]


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line of characters: its ink, its pieces from left to right and all spans."""

    ink: Ink
    height_px: float
    pieces: tuple[tuple[int, int], ...]
    spans: tuple[Span, ...]


def ink_of(plate: Image, *, light_characters: bool) -> Ink:
    """How much of each pixel is character, whatever light lies on the plate."""
    grey = cv2.cvtColor(plate, cv2.COLOR_BGR2GRAY)
    if light_characters:
        grey = 255 - grey
    side = max(3, plate.shape[0] // 2) | 1
    kernel = cv2.getStructuringElement(cv2.MORPH_RECT, (side, side))
    ground = cv2.morphologyEx(grey, cv2.MORPH_CLOSE, kernel)
    ground = cv2.blur(ground, (side, side))
    depth = np.clip(ground.astype(np.float32) - grey.astype(np.float32), 0, None)
    full = float(np.percentile(depth, 92))
    if full < 6.0:
        return np.zeros(grey.shape, dtype=np.float32)
    return np.asarray(np.clip(depth / full, 0.0, 1.0), np.float32)


def find_text_band(ink: Ink) -> tuple[Ink, int, int] | None:
    """The ink turned level, and the rows between which the characters stand.

    Rows come from the pieces of ink that are as tall as characters; without three of
    them there is no line of text.
    """
    height, width = ink.shape
    _, _, boxes, _ = cv2.connectedComponentsWithStats((ink > 0.5).astype(np.uint8))
    tall = [
        (x + w / 2, y, y + h)
        for x, y, w, h, _ in boxes[1:].tolist()
        if 0.35 * height <= h <= 0.88 * height
        and 0.03 * height <= w <= 0.9 * height
        and y > 0
        and y + h < height
    ]
    if len(tall) < 3:
        return None
    middles = np.array([[x, (top + bottom) / 2] for x, top, bottom in tall])
    usual = float(np.median([bottom - top for _, top, bottom in tall]))
    alike = np.array([abs(b - t - usual) < 0.08 * usual for _, t, b in tall])
    slope = _slope(middles[alike])
    if abs(slope) > _LEVEL_ENOUGH:
        lift = np.array([[1, 0, 0], [-slope, 1, slope * width / 2]], dtype=np.float32)
        ink = np.asarray(cv2.warpAffine(ink, lift, (width, height)), np.float32)
    else:
        slope = 0.0
    tops, bottoms = [], []
    for x, top, bottom in tall:
        shift = slope * (width / 2 - x)
        if 0.8 * usual <= bottom - top <= 1.25 * usual:
            tops.append(top + shift)
            bottoms.append(bottom + shift)
    if not tops:
        return None
    return ink, round(float(np.median(tops))), round(float(np.median(bottoms)))


def without_frame(ink: Ink) -> Ink:
    """The ink of a whole plate without the frame that runs along its rim.

    Unlike a character the frame is as tall or as wide as the plate; it is taken away
    only near the rim, so that a character that touches it stays.
    """
    height, width = ink.shape
    _, labels, boxes, _ = cv2.connectedComponentsWithStats(
        (ink > _FRAME_INK).astype(np.uint8)
    )
    long = (boxes[:, cv2.CC_STAT_HEIGHT] > _FRAME_REACH * height) | (
        boxes[:, cv2.CC_STAT_WIDTH] > _FRAME_REACH * width
    )
    short = boxes[:, cv2.CC_STAT_HEIGHT] < _CRUMB * height
    long[0] = short[0] = False
    frame = cv2.dilate(long[labels].astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    rim = np.ones(ink.shape, dtype=bool)
    rows, columns = round(_FRAME_ROWS * height), round(_FRAME_COLUMNS * width)
    rim[rows:-rows, columns:-columns] = False
    return np.where(rim & (frame | short[labels]), np.float32(0.0), ink)


def _pieces(profile: NDArray[np.float32], height_px: float) -> list[tuple[int, int]]:
    """Runs of ink along the columns, wide runs cut at their valleys too."""
    inked = np.concatenate(([False], profile > _GAP_INK, [False]))
    edges = np.flatnonzero(inked[1:] != inked[:-1])
    pieces: list[tuple[int, int]] = []
    for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        if end - start < 0.03 * height_px:
            continue
        cuts = [start, *_valleys(profile, start, end, height_px), end]
        pieces.extend(itertools.pairwise(cuts))
    return pieces


def _valleys(
    profile: NDArray[np.float32], start: int, end: int, height_px: float
) -> list[int]:
    """Columns inside a wide run where two characters may touch."""
    if end - start < 0.55 * height_px:
        return []
    reach = max(2, round(0.10 * height_px))
    valleys: list[int] = []
    for x in range(start + reach, end - reach):
        value = profile[x]
        near = profile[x - reach : x + reach + 1]
        if value > near.min() or value > 0.4:
            continue
        left = profile[max(start, x - 3 * reach) : x].max()
        right = profile[x + 1 : min(end, x + 3 * reach) + 1].max()
        if min(left, right) < 1.6 * value:
            continue
        if valleys and x - valleys[-1] < reach:
            continue
        valleys.append(x)
    return valleys


def _slope(points: NDArray[np.float64]) -> float:
    """Median slope of all pairs of points that stand apart; 0 when there are few."""
    if len(points) < 4:
        return 0.0
    across = points[:, None, 0] - points[None, :, 0]
    rise = points[:, None, 1] - points[None, :, 1]
    apart = across > 0.3 * np.ptp(points[:, 0])
    return float(np.median(rise[apart] / across[apart])) if apart.any() else 0.0


def cut_line(ink: Ink, top: int, bottom: int) -> Line | None:
    """All spans of one line that could be a character; none when too much is inked."""
    height_px = float(bottom - top)
    if height_px < 8:
        return None
    clear = np.clip((ink[max(top, 0) : bottom] - _HAZE) / (1.0 - _HAZE), 0.0, 1.0)
    profile = np.asarray(clear.mean(axis=0), np.float32)
    pieces = _pieces(profile, height_px)
    if not pieces or len(pieces) > _MOST_LINE_PIECES:
        return None
    margin = round(_MARGIN * height_px)
    upper, lower = max(top - margin, 0), min(bottom + margin, ink.shape[0])
    spans: list[Span] = []
    for first, (start, _) in enumerate(pieces):
        for last in range(first, min(first + _MOST_PIECES, len(pieces))):
            end = pieces[last][1]
            if end - start > _WIDEST * height_px:
                break
            rows = np.flatnonzero(ink[upper:lower, start:end].max(axis=1) > 0.5)
            if not len(rows) or rows[-1] - rows[0] < 0.4 * height_px:
                continue
            box = (start, upper + int(rows[0]), end, upper + int(rows[-1]) + 1)
            spans.append(Span(first, last, box))
    return Line(ink=ink, height_px=height_px, pieces=tuple(pieces), spans=tuple(spans))


def patch_of(ink: Ink, box: tuple[float, float, float, float]) -> Ink:
    """The ink in a box, with a little of what stands around, in the classifier's size.

    The surroundings tell half a character from a whole one.
    """
    x0, y0, x1, y1 = box
    height = max(y1 - y0, 1.0)
    width = max(x1 - x0, _NARROWEST * height)
    across, down = _CONTENT_WIDTH / width, _CONTENT_HEIGHT / height
    matrix = np.array(
        [
            [across, 0.0, PATCH_WIDTH / 2 - 0.5 - across * ((x0 + x1) / 2 - 0.5)],
            [0.0, down, PATCH_HEIGHT / 2 - 0.5 - down * ((y0 + y1) / 2 - 0.5)],
        ],
        dtype=np.float32,
    )
    shrink = min(across, down)
    source = ink
    if shrink < 0.6:  # smooth before shrinking, or thin strokes vanish between pixels
        source = np.asarray(cv2.GaussianBlur(ink, (0, 0), 0.35 / shrink), np.float32)
    patch = cv2.warpAffine(
        source, matrix, (PATCH_WIDTH, PATCH_HEIGHT), flags=cv2.INTER_LINEAR
    )
    return np.asarray(patch, dtype=np.float32)
