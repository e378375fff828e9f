"""Whether a picture has colour of its own, once a cast that lies over it is taken out.

Infrared cameras give pictures whose channels are nearly functions of one another, often
with a tint and with a coloured time written into the rim. The tint is fitted and taken
out, then places are counted that differ from it. It knows nothing of plates.
"""

from typing import Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["is_colourful", "is_grey", "without_colour"]

Pixels: TypeAlias = NDArray[np.uint8]
"""BGR, shape (height, width, 3)."""
Floats: TypeAlias = NDArray[np.float32]

_SAMPLES: Final = 130_000
_CELL: Final = 4
"""Samples along a side of what is judged together: compression smears colour over 16
pixels, and noise and the smallest strokes go under in the mean."""
_RIM: Final = 1 / 8
"""So much of the height above and below is left out: there cameras write the time."""
_BURNT: Final = 250.0
_FITS: Final = 4
_FITTED: Final = 1500
"""So many places are enough to fit a cast by."""
_TOLERANCE: Final = 3.0
"""[levels] A place that differs so much from a cast counts half for its next fit."""
_HELD: Final = 0.01
"""Keeps the fit of a picture of one brightness near zero."""
_CAST_OFFSET: Final = 8.0
_CAST_GAIN: Final = 0.2
"""Further apart than these levels, and this share of the brightness, a camera does not
move its channels; a picture all in one deep colour has that colour."""
_TINGED: Final = 10.0
_TINGED_SHARE: Final = 0.03
"""So many places of a grey picture may be off its cast by so much: compression and
tones that the fit does not follow."""
_COLOURED: Final = 24.0
_COLOURED_SHARE: Final = 0.001
"""And so few by so much: of 72 rendered plates, the one coloured thing in a picture,
two are overlooked (at 0.003 12, at 0.01 45), of 240 tinted grey scenes 7 are taken for
coloured (6, 5)."""
_COLOURFUL_SHARE: Final = 0.03


def is_grey(image: Pixels) -> bool:
    """Tell whether a picture holds no colour, as infrared and old cameras give it.

    A tint over all of it and a coloured time written into it are no colour of the
    world's.

    >>> is_grey(np.full((40, 60, 3), 90, np.uint8))
    True
    >>> is_grey(np.full((40, 60, 3), (83, 90, 85), np.uint8))
    True
    """
    return _holds_none(_colour_of(image))


def is_colourful(image: Pixels) -> bool:
    """Whether a picture surely has colour: more of it than a time printed into it.

    Between this and :func:`is_grey` lie foggy days and cameras that mix both.

    >>> is_colourful(np.full((40, 60, 3), 90, np.uint8))
    False
    >>> is_colourful(np.full((40, 60, 3), (20, 90, 160), np.uint8))
    True
    """
    return _share(_colour_of(image), _COLOURED) > _COLOURFUL_SHARE


def without_colour(image: Pixels) -> Pixels:
    """The same picture in brightness alone, its channels alike."""
    level = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    return np.asarray(cv2.cvtColor(level, cv2.COLOR_GRAY2BGR), np.uint8)


def _holds_none(colour: Floats) -> bool:
    """Whether no more differs from the cast than a time in the picture does."""
    return (
        _share(colour, _TINGED) <= _TINGED_SHARE
        and _share(colour, _COLOURED) <= _COLOURED_SHARE
    )


def _share(colour: Floats, least: float) -> float:
    return float((colour > least).mean()) if colour.size else 0.0


def _colour_of(image: Pixels) -> Floats:
    """How far each place's channels lie apart beyond the cast, shape (n,) [levels].

    Burnt-out places are left out: there a cast ends, and no colour is seen.
    """
    cells = _cells_of(image)
    cells = cells.compress(cells.max(axis=0, initial=0.0) < _BURNT, axis=1)
    level = cells.mean(axis=0)
    apart = cells[::2] - cells[1]
    plain = _spread(apart)
    if not plain.size or float(plain.max()) <= _TOLERANCE:
        return plain
    powers = np.stack([np.ones_like(level), level / 255, np.square(level / 255)])
    few = slice(None, None, max(1, plain.size // _FITTED))
    cast = _cast_of(powers[:, few], apart[:, few]) @ powers
    most = np.float32(_CAST_GAIN) * level + np.float32(_CAST_OFFSET)
    possible = float((_spread(cast) > most).mean()) <= _TINGED_SHARE
    return _spread(apart - cast) if possible else plain


def _cast_of(powers: Floats, apart: Floats) -> Floats:
    """How brightness alone moves the channels apart: factors of its powers, (2, 3).

    A parabola, since cameras tint by gains, offsets and tone curves; it is fitted to
    what most places have in common, those far from it weighing little.

    Args:
        powers: of brightness from 0 to 1, shape (3, n).
        apart: blue and red less green, shape (2, n) [levels].
    """
    held = np.float32(_HELD) * np.eye(3, dtype=np.float32)
    factors = np.zeros((2, 3), np.float32)
    for _ in range(_FITS):
        left = _spread(apart - factors @ powers)
        weighed = powers / (1 + np.square(left / np.float32(_TOLERANCE)))
        solved = np.linalg.solve(weighed @ powers.T + held, weighed @ apart.T)
        factors = np.asarray(solved.T, np.float32)
    return factors


def _spread(apart: Floats) -> Floats:
    """How far three channels lie apart, from two of them less the third, (2, n)."""
    blue, red = apart
    highest = np.maximum(np.maximum(blue, red), 0)
    return np.asarray(highest - np.minimum(np.minimum(blue, red), 0), np.float32)


def _cells_of(image: Pixels) -> Floats:
    """Mean colours of places all over a picture but its rim, shape (3, n) [levels]."""
    height, width = image.shape[:2]
    rim = int(_RIM * height)
    inner = image[rim : height - rim]
    if not inner.size:
        return np.empty((3, 0), np.float32)
    step = max(1.0, (height * width / _SAMPLES) ** 0.5)
    columns, rows = (
        max(1, int(length / step / _CELL)) for length in inner.shape[1::-1]
    )
    size = _CELL * columns, _CELL * rows
    # a tenth of the time that slicing takes: the step is no whole number
    samples = cv2.resize(inner, size, interpolation=cv2.INTER_NEAREST)
    cells = cv2.resize(samples, (columns, rows), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(cells.reshape(-1, 3).T, np.float32)
