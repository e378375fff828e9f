"""The strip that the sequence reader sees, whether a plate has one line or two.

A plate of one line is laid flat. Of a plate of two lines the upper one comes first and
the lower one beside it, so that one reader serves both. It refuses to judge what it
lays flat.
"""

from typing import Final, Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from lpr.image import Corners, Image, map_between, mapped, rim_of

__all__ = [
    "FINE",
    "HEIGHT",
    "MARGIN",
    "UPPER_COLUMNS",
    "WIDTH",
    "Lines",
    "along_strip",
    "laid_flat",
    "normalised",
    "strip_of",
    "widened",
]

Lines: TypeAlias = Literal[1, 2]
Floats: TypeAlias = NDArray[np.float32]

HEIGHT: Final = 32
WIDTH: Final = 144
FINE: Final = 1.5
"""So many times finer plates are seen again that are in doubt."""
UPPER_COLUMNS: Final = 48
"""Columns that the upper of two lines takes."""
MARGIN: Final = (0.03, 0.06)
"""How much around a plate is shown, as shares of its width and height: corners found
in a picture are never exact, and a first character cut off is lost."""

_UPPER: Final = (0.19, -0.02, 0.81, 0.405)
_LOWER: Final = (-0.01, 0.365, 1.01, 1.02)
"""The two lines as x0, y0, x1, y1 in shares of a plate of two lines (GA 36: characters
from 110 to 330 of 440 mm and 15 to 75 of 220 mm, and from 27 to 413 and 90 to 200)."""

_WHOLE: Final = (0.0, 0.0, 1.0, 1.0)
_DENSE: Final = 1.4
"""Above so many picture pixels for one of the strip it is shrunk by area."""


def strip_of(
    image: Image, corners: Corners, lines: Lines, *, scale: float = 1.0
) -> Image:
    """The plate between ``corners`` as a strip, BGR, shape (32, 144, 3) times scale.

    Args:
        image: BGR, shape (height, width, 3).
        corners: of what is to be seen, clockwise from the upper left [px]; around a
            plate these are its own corners :func:`widened`.
        lines: lines of characters on the plate.
        scale: so many times finer than the sequence reader sees it.
    """
    height, width = round(HEIGHT * scale), round(WIDTH * scale)
    if lines == 1:
        return laid_flat(image, corners, width, height)
    first = round(UPPER_COLUMNS * scale)
    upper = laid_flat(image, corners, first, height, _UPPER)
    lower = laid_flat(image, corners, width - first, height, _LOWER)
    return np.concatenate([upper, lower], axis=1)


def widened(corners: Corners, across: float, along: float) -> Corners:
    """The corners moved outwards by these shares of the plate's width and height.

    Shares are of the plate's own plane, so a tilted plate gets an even border.
    """
    return _between(corners, (-across, -along, 1 + across, 1 + along))


def laid_flat(
    image: Image,
    corners: Corners,
    width: int,
    height: int,
    part: tuple[float, float, float, float] = _WHOLE,
) -> Image:
    """What lies between corners, or a part of it, as an upright picture.

    Args:
        image: BGR, shape (height, width, 3); its rim is repeated beyond it.
        corners: clockwise from the upper left [px].
        width: of the picture that is made [px].
        height: likewise.
        part: x0, y0, x1, y1 in shares of what the corners enclose.
    """
    source = _between(corners, part)
    across = float(np.hypot(*(source[1] - source[0])))
    along = float(np.hypot(*(source[3] - source[0])))
    times = max(1, min(4, round(max(across / width, along / height) / _DENSE)))
    w, h = width * times, height * times
    flat = cv2.warpPerspective(
        image,
        map_between(source, rim_of(w, h)),
        (w, h),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    if times > 1:
        flat = cv2.resize(flat, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(flat, np.uint8)


def _between(corners: Corners, shares: tuple[float, float, float, float]) -> Corners:
    """Corners of the part x0, y0, x1, y1 of a plate's plane, in shares of it."""
    x0, y0, x1, y1 = shares
    part = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float32)
    return mapped(part, map_between(rim_of(1, 1), corners))


def along_strip(points: Floats, lines: Lines) -> Floats:
    """Columns of the strip at which points of the plate's plane come to lie.

    Args:
        points: shape (n, 2), as shares of what the corners enclose.
        lines: as in :func:`strip_of`; of two lines the first two points are taken to
            stand on the upper one.

    Returns:
        Shape (n,), [px of the strip]; outside 0 to 144 where a point is not shown.
    """
    if lines == 1:
        return np.asarray(points[:, 0] * np.float32(WIDTH), np.float32)
    columns = np.empty(len(points), np.float32)
    x0, _, x1, _ = _UPPER
    columns[:2] = (points[:2, 0] - x0) / (x1 - x0) * UPPER_COLUMNS
    x0, _, x1, _ = _LOWER
    rest = WIDTH - UPPER_COLUMNS
    columns[2:] = UPPER_COLUMNS + (points[2:, 0] - x0) / (x1 - x0) * rest
    return columns


def normalised(strips: NDArray[np.uint8]) -> Floats:
    """Strips as a network takes them: no mean, unit spread, channels first.

    Args:
        strips: shape (n, height, width, 3).

    Returns:
        Shape (n, 3, height, width).
    """
    values = strips.astype(np.float32)
    values -= values.mean(axis=(1, 2, 3), keepdims=True)
    spread = np.sqrt((values * values).mean(axis=(1, 2, 3), keepdims=True))
    values /= spread + np.float32(6.0)
    return np.ascontiguousarray(values.transpose(0, 3, 1, 2))
