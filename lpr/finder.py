"""Finds plates by the colour of their ground and the strokes that stand on it.

A candidate is a filled, nearly rectangular patch of plate colour that carries strokes.
It refuses bare patches (machinery, lamps, painted stripes) and never reads.
"""

from collections.abc import Sequence
from typing import Final, TypeAlias

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from lpr.image import Corners, Image, Region, pixels_of_region, straighten
from lpr.models import PlateBox

__all__ = ["ColourFinder"]

Mask: TypeAlias = NDArray[np.uint8]
Ground: TypeAlias = tuple[tuple[int, int, int], tuple[int, int, int]]

# hue of 180, saturation, value
_GROUNDS: Final[tuple[Ground, ...]] = (
    ((13, 85, 60), (35, 255, 255)),  # yellow
    ((96, 90, 45), (130, 255, 255)),  # blue
    ((13, 60, 60), (90, 255, 255)),  # yellow and green together
)
_SHRINK: Final = 2
_SMALLEST_WIDTH_PX: Final = 32.0
_ASPECTS: Final = (1.45, 5.6)
_MOST_TILT_DEG: Final = 28.0
_LEAST_RIM: Final = 0.5
"""So much of a plate's rim shows its colour; the rest may be dirt and holder."""
_FEWEST_STROKES: Final = 5
_STROKE_DEPTH: Final = 9.0
_SHORTEST_OUTLINE: Final = 36
"""Points of the outline of the smallest patch, at the coarse scale."""
_MOST_CANDIDATES: Final = 6


class ColourFinder(msgspec.Struct, frozen=True):
    """The detector of the first reader: colour, shape, strokes."""

    most: int = 4

    def detect(self, image: Image, *, region: Region | None) -> tuple[PlateBox, ...]:
        """Boxes in pixels of the whole image, the most likely first."""
        x0, y0, x1, y1 = pixels_of_region(image, region)
        if x1 - x0 < 24 or y1 - y0 < 12:
            return ()
        part = image[y0:y1, x0:x1]
        coarse = np.asarray(part[::_SHRINK, ::_SHRINK], np.uint8)
        tones = np.asarray(
            cv2.cvtColor(np.ascontiguousarray(coarse), cv2.COLOR_BGR2HSV), np.uint8
        )
        found: list[PlateBox] = []
        for ground in _GROUNDS:
            for contour in _distinct(_mask_of(tones, ground)):
                corners = _refined(part, contour * _SHRINK, ground)
                if corners is None:
                    continue
                confidence = _plausibility(part, corners, ground)
                if confidence > 0.0:
                    offset = np.array([x0, y0], dtype=np.float32)
                    found.append(
                        PlateBox(corners=corners + offset, confidence=confidence)
                    )
        found.sort(key=lambda box: -box.confidence * min(box.width_px, 160.0))
        return tuple(_without_twins(found)[: self.most])


def _mask_of(tones: Mask, ground: Ground) -> Mask:
    low, high = ground
    return np.asarray(cv2.inRange(tones, np.array(low), np.array(high)), np.uint8)


def _versions(mask: Mask) -> tuple[Mask, Mask, Mask]:
    """The mask as it is, with pinholes filled, and with thin bridges cut.

    Noise breaks the rim of a plate; bodywork of its colour touches it at a corner.
    """
    kernel = np.ones((3, 3), np.uint8)
    closed = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, kernel)
    opened = cv2.morphologyEx(mask, cv2.MORPH_OPEN, kernel)
    return mask, np.asarray(closed, np.uint8), np.asarray(opened, np.uint8)


def _without_twins(boxes: list[PlateBox]) -> list[PlateBox]:
    """The boxes less those that lie on an earlier one with nearly the same size."""
    kept: list[PlateBox] = []
    for box in boxes:
        if all(
            np.abs(box.corners - other.corners).max() > 0.06 * other.width_px
            for other in kept
        ):
            kept.append(box)
    return kept


def _distinct(mask: Mask) -> list[NDArray[np.int32]]:
    """Candidates of all versions of a mask, each place once."""
    kept: list[NDArray[np.int32]] = []
    places: list[NDArray[np.int64]] = []
    for version in _versions(mask):
        for outline in _patches(version):
            place = np.array(cv2.boundingRect(outline))
            if all(np.abs(place - other).max() > 2 for other in places):
                kept.append(outline)
                places.append(place)
    return kept


def _outlines(mask: Mask) -> list[NDArray[np.int32]]:
    """Outer outlines of all patches, those inside the hole of another too."""
    found, tree = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    if not found:  # then there is no tree either
        return []
    return [
        np.asarray(outline[:, 0], np.int32)
        for outline, (_, _, _, parent) in zip(found, tree[0], strict=True)
        if parent < 0
    ]


def _patches(mask: Mask) -> list[NDArray[np.int32]]:
    """Outlines that are nearly rectangles of a plate's proportions."""
    kept: list[tuple[float, NDArray[np.int32]]] = []
    for outline in _outlines(mask):
        if len(outline) < _SHORTEST_OUTLINE:
            continue
        _, _, width, height = cv2.boundingRect(outline)
        if width < _SMALLEST_WIDTH_PX / _SHRINK or height < 5 or height > width:
            continue
        (_, _), sides, _ = cv2.minAreaRect(outline)
        long, short = max(sides), min(sides)
        if short < 4 or not _ASPECTS[0] <= long / short <= _ASPECTS[1]:
            continue
        filled = cv2.contourArea(outline) / (long * short)
        if filled > 0.66:
            kept.append((filled * long, outline))
    kept.sort(key=lambda pair: -pair[0])
    return [outline for _, outline in kept[:_MOST_CANDIDATES]]


def _refined(
    part: Image,
    outline: NDArray[np.int32],
    ground: Ground,
) -> Corners | None:
    """The four corners of a patch at full resolution, from lines along its sides."""
    x, y, width, height = cv2.boundingRect(outline)
    margin = max(4, width // 12)
    left, top = max(x - margin, 0), max(y - margin, 0)
    window = part[top : y + height + margin, left : x + width + margin]
    tones = np.asarray(cv2.cvtColor(window, cv2.COLOR_BGR2HSV), np.uint8)
    outlines = [
        outline
        for version in _versions(_mask_of(tones, ground))
        for outline in _outlines(version)
    ]
    if not outlines:
        return None
    coarse = np.array([x - left, y - top, width, height])
    alike = min(outlines, key=lambda one: _difference(cv2.boundingRect(one), coarse))
    points = np.asarray(alike, dtype=np.float64)
    quadrilateral = _quadrilateral(points)
    if quadrilateral is None:
        return None
    return np.asarray(quadrilateral + np.array([left, top]), np.float32)


def _difference(bounds: Sequence[int], wanted: NDArray[np.int64]) -> float:
    """How far apart the sides of two upright boxes lie, all together [px]."""
    x, y, width, height = bounds
    sides = np.array([x, y, x + width, y + height])
    others = np.array([*wanted[:2], *(wanted[:2] + wanted[2:])])
    return float(np.abs(sides - others).sum())


def _quadrilateral(points: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """The four corners that lines along the sides of an outline make."""
    centre, sides, degrees = cv2.minAreaRect(points.astype(np.float32))
    if sides[0] < sides[1]:
        sides, degrees = (sides[1], sides[0]), degrees - 90.0
    degrees = (degrees + 90.0) % 180.0 - 90.0
    if abs(degrees) > _MOST_TILT_DEG or min(sides) < 6:
        return None
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    along, down = turn @ (points - np.array(centre)).T
    half_long, half_short = sides[0] / 2, sides[1] / 2
    lines = [
        _side(along, down, half_long, -1),
        _side(down, along, half_short, 1),
        _side(along, down, half_long, 1),
        _side(down, along, half_short, -1),
    ]
    if any(line is None for line in lines):
        return None
    (top_a, top_b), (right_a, right_b), (bottom_a, bottom_b), (left_a, left_b) = (
        line for line in lines if line is not None
    )
    corners = []
    for level_a, level_b, upright_a, upright_b in (
        (top_a, top_b, left_a, left_b),
        (top_a, top_b, right_a, right_b),
        (bottom_a, bottom_b, right_a, right_b),
        (bottom_a, bottom_b, left_a, left_b),
    ):
        # down = a·along + b meets along = a'·down + b'
        u = (upright_a * level_b + upright_b) / (1.0 - upright_a * level_a)
        corners.append([u, level_a * u + level_b])
    # the outline runs through the middle of the outermost pixels
    grown = np.array(corners) + np.array(
        [[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]]
    )
    return np.asarray(grown @ turn + np.array(centre) + 0.5, np.float64)


def _side(
    along: NDArray[np.float64], across: NDArray[np.float64], half: float, sign: int
) -> tuple[float, float] | None:
    """The line ``across = a·along + b`` along the outermost points of one side."""
    bins = max(4, min(40, int(half / 1.5)))
    inner = np.abs(along) < 0.86 * half
    if inner.sum() < 8:
        return None
    place = ((along[inner] / half + 1.0) / 2.0 * bins).astype(int)
    values = sign * across[inner]
    outermost = np.full(bins, -np.inf)
    np.maximum.at(outermost, np.clip(place, 0, bins - 1), values)
    used = np.isfinite(outermost) & (outermost > 0)
    if used.sum() < 3:
        return None
    x = (np.flatnonzero(used) + 0.5) / bins * 2 * half - half
    y = outermost[used]
    a, b = 0.0, float(np.median(y))
    for _ in range(4):  # reweighted: dirt at the rim does not pull
        weight = (1.0 + np.abs(y - (a * x + b))) ** -2.0
        total = weight.sum()
        mean_x, mean_y = (weight * x).sum() / total, (weight * y).sum() / total
        a = (weight * (x - mean_x) * y).sum() / (weight * (x - mean_x) ** 2).sum()
        b = mean_y - a * mean_x
    return float(sign * a), float(sign * b)


def _plausibility(part: Image, corners: Corners, ground: Ground) -> float:
    """0 for a patch without strokes or without a rim; near 1 for a likely plate."""
    flat = straighten(part, corners, width=128, height=40)
    tones = np.asarray(cv2.cvtColor(flat, cv2.COLOR_BGR2HSV), np.uint8)
    painted = _mask_of(tones, ground) > 0
    rim = np.concatenate(
        [painted[:2].ravel(), painted[-2:].ravel(), *painted[:, [0, 1, -2, -1]].T]
    ).mean()
    if rim < _LEAST_RIM:
        return 0.0
    grey = cv2.cvtColor(flat, cv2.COLOR_BGR2GRAY).astype(np.float32)
    strokes = float(np.median([_turns(row) for row in grey[10:30:3, 4:124]])) / 2
    if strokes < _FEWEST_STROKES:
        return 0.0
    busy = min(1.0, 0.5 + 0.05 * (strokes - _FEWEST_STROKES))
    return float(busy * (0.3 + 0.7 * rim))


def _turns(row: NDArray[np.float32]) -> int:
    """How often brightness turns along a row, by more than noise does."""
    turns, level, direction = 0, float(row[0]), 0
    for value in row[1:].tolist():
        change = value - level
        if abs(change) > _STROKE_DEPTH:
            side = 1 if change > 0 else -1
            turns += side != direction
            direction, level = side, value
        elif (change > 0) == (direction > 0):
            level = value
    return turns
