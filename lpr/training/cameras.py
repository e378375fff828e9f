"""What the electronics of a camera make of a picture before anybody sees it.

Strengths are chosen from what cheap cameras do; every function takes a picture and a
generator and gives a new picture of the same shape.
"""

from typing import Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["seen_cheaply", "smoothed"]

Floats: TypeAlias = NDArray[np.float32]

_COARSEST: Final = 4.0
_MOST_SHARPENED: Final = 4.0


def smoothed(rng: np.random.Generator, seen: Floats, strength: float) -> Floats:
    """What a camera makes of its own noise, and of a sensor coarser than its picture.

    Noise reduction keeps the edges and washes out thin strokes between them.
    """
    if rng.random() < 0.7:
        alike = strength * rng.uniform(10, 60)
        seen = np.asarray(cv2.bilateralFilter(seen, 5, alike, 2.0), np.float32)
    if rng.random() < 0.5:
        height, width = seen.shape[:2]
        share = 1 - strength * rng.uniform(0.1, 0.5)
        coarse = (max(8, round(width * share)), max(8, round(height * share)))
        small = cv2.resize(seen, coarse, interpolation=cv2.INTER_AREA)
        way = cv2.INTER_LINEAR if rng.random() < 0.5 else cv2.INTER_CUBIC
        seen = np.asarray(
            cv2.resize(small, (width, height), interpolation=way), np.float32
        )
    return seen


def seen_cheaply(
    rng: np.random.Generator, seen: Floats, character_px: float, strength: float
) -> Floats:
    """What is left after haze, a lens out of focus, coarse noise and hard sharpening.

    Each of them on some pictures, any number at once. Sharpening draws a dark line
    around every light stroke, and a light one around a dark.

    Args:
        rng: source of all chance.
        seen: BGR, 0 to 255, shape (height, width, 3).
        character_px: height of a character in it [px].
        strength: from 0 (a good camera) to 1.
    """
    if rng.random() < 0.2:  # flat, and in the colour of the haze
        level = rng.uniform(40, 220) + rng.normal(0, 15, 3)
        share = np.float32(strength * rng.uniform(0.3, 0.85))
        seen = seen + share * (level.astype(np.float32) - seen)
    if rng.random() < 0.2:
        sigma = strength * rng.uniform(0.04, 0.13) * character_px
        seen = np.asarray(cv2.GaussianBlur(seen, (0, 0), max(sigma, 0.3)), np.float32)
    if rng.random() < 0.25:
        seen = seen + _coarse_noise(rng, seen.shape, strength)
    if rng.random() < 0.2:
        seen = np.asarray(cv2.medianBlur(np.ascontiguousarray(seen), 3), np.float32)
    if rng.random() < 0.12:
        seen = _one_field(seen)
    if rng.random() < 0.5:
        soft = cv2.GaussianBlur(seen, (0, 0), rng.uniform(0.7, 2.5))
        more = np.float32(strength * rng.uniform(0.5, _MOST_SHARPENED))
        seen = seen + more * (seen - np.asarray(soft, np.float32))
    return np.asarray(np.clip(seen, 0, 255), np.float32)


def _coarse_noise(
    rng: np.random.Generator, shape: tuple[int, ...], strength: float
) -> Floats:
    """Noise in spots of some pixels, as the colour of a dark picture has it."""
    height, width = shape[:2]
    grain = rng.uniform(1.5, _COARSEST)
    size = max(2, round(width / grain)), max(2, round(height / grain))
    small = rng.standard_normal((size[1], size[0], 3)).astype(np.float32)
    if rng.random() < 0.5:  # of colour alone
        small -= small.mean(axis=2, keepdims=True)
    spots = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(spots, np.float32) * np.float32(strength * rng.uniform(4, 22))


def _one_field(seen: Floats) -> Floats:
    """Every second row made up from those beside it, as of an interlaced picture."""
    made = seen.copy()
    inner = made[1:-1:2]
    inner[:] = 0.5 * (seen[:-2:2][: len(inner)] + seen[2::2][: len(inner)])
    return made
