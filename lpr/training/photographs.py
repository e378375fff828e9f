"""A painted scene as a camera gives it: light, weather, lens, sensor and what follows.

What follows is what recorders do to a picture before anybody sees it: they take noise
out, sharpen until strokes have rims, stretch tones, write the time into it and compress
it, some twice. It paints nothing of the scene itself.
"""

from collections.abc import Sequence
from typing import Any, Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from lpr.image import Image
from lpr.training.compression import compressed
from lpr.training.lamps import Lamp, shine
from lpr.training.textures import lettering, noise_field, write

__all__ = ["photographed"]

Floats: TypeAlias = NDArray[np.float32]

_COARSE: Final = 4
"""Light and haze change slowly: their fields are drawn so many times coarser."""
_FAIR: Final = 0.3
"""Share of pictures by day with nothing wrong: there every small thing shows."""
_INKS: Final = (
    (255, 255, 255),
    (0, 255, 255),
    (0, 0, 255),
    (0, 255, 0),
    (0, 0, 0),
)


def photographed(
    rng: np.random.Generator, page: Image, lamps: Sequence[Lamp], *, night: bool
) -> Image:
    """The page as a camera gives it.

    Args:
        rng: source of all chance.
        page: BGR, shape (height, width, 3).
        lamps: that shine into the camera, but for pictures with nothing wrong.
        night: whether little light falls on what has none of its own.
    """
    if not night and rng.random() < _FAIR:
        return compressed(page, quality=int(rng.integers(50, 97)))
    seen = page.astype(np.float32)
    _lit(rng, seen, night=night)
    shine(seen, lamps)
    _hazy(rng, seen)
    if rng.random() < 0.1:
        _rain(rng, seen)
    seen = _through_lens(rng, seen)
    _noisy(rng, seen, night=night)
    seen = _processed(rng, seen)
    picture = np.clip(seen, 0, 255).astype(np.uint8)
    if rng.random() < 0.4:
        _caption(rng, picture)
    if rng.random() < 0.8:
        picture = compressed(picture, quality=int(rng.integers(25, 97)))
    if rng.random() < 0.1:
        picture = compressed(picture, quality=int(rng.integers(50, 97)))
    return picture


def _field(rng: np.random.Generator, seen: Floats, *, coarsest: int = 5) -> Floats:
    """Noise that changes slowly, about -1 to 1, shape (height, width, 1)."""
    height, width = seen.shape[:2]
    small = noise_field(rng, height // _COARSE, width // _COARSE, coarsest=coarsest)
    return np.asarray(cv2.resize(small, (width, height))[..., None], np.float32)


def _lit(rng: np.random.Generator, seen: Floats, *, night: bool) -> None:
    """How much light there is, of which colour, and where it does not fall."""
    if night:
        seen *= np.float32(rng.uniform(0.12, 0.6))
    elif rng.random() < 0.5:
        seen *= np.float32(rng.uniform(0.6, 1.25))
    if rng.random() < 0.4:
        seen *= rng.uniform(0.8, 1.2, 3).astype(np.float32)
    chance = rng.random()
    if chance < 0.35:  # rounded bodies, and the world's soft shadows
        seen *= 1 + np.float32(rng.uniform(0.1, 0.6)) * _field(rng, seen)
    elif chance < 0.5:  # a hard shadow, of a tree or of the next vehicle
        shade = _field(rng, seen, coarsest=int(rng.integers(2, 6)))
        edge = np.float32(rng.uniform(4, 30))
        dark = 1 + np.tanh(edge * (shade - np.float32(rng.uniform(-0.3, 0.3))))
        seen *= 1 - np.float32(rng.uniform(0.1, 0.35)) * dark


def _hazy(rng: np.random.Generator, seen: Floats) -> None:
    """Fog, a dusty pane or a lens that is not clean: even, or thicker in places."""
    chance = rng.random()
    if chance >= 0.24:
        return
    share: NDArray[np.float32] | np.float32 = np.float32(rng.uniform(0.1, 0.75))
    if chance < 0.14:
        cloud = _field(rng, seen, coarsest=3)
        share = np.clip(share * (1 + np.float32(0.8) * cloud), 0.0, 0.8)
    veil = rng.uniform(60, 230) * rng.uniform(0.85, 1.15, 3)
    seen += share * (veil.astype(np.float32) - seen)


def _through_lens(rng: np.random.Generator, seen: Floats) -> Floats:
    """Out of focus, in motion, or seen with fewer pixels than the picture has."""
    chance = rng.random()
    if chance < 0.4:
        spread = rng.uniform(0.3, 1.3)
    elif chance < 0.48:
        spread = rng.uniform(1.3, 2.4)
    elif chance < 0.62:
        return _smeared(rng, seen)
    elif chance < 0.74:
        return _brought_larger(rng, seen)
    else:
        return seen
    return np.asarray(cv2.GaussianBlur(seen, (0, 0), spread), np.float32)


def _brought_larger(rng: np.random.Generator, seen: Floats) -> Floats:
    """As a recorder of fewer pixels keeps it; some keep every second line alone."""
    height, width = seen.shape[:2]
    across = rng.uniform(0.4, 0.9)
    along = 0.5 if rng.random() < 0.3 else across
    size = max(8, round(across * width)), max(8, round(along * height))
    ways = (cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_AREA)
    down, up = (ways[int(rng.integers(3))] for _ in range(2))
    small = cv2.resize(seen, size, interpolation=down)
    return np.asarray(cv2.resize(small, (width, height), interpolation=up), np.float32)


def _noisy(rng: np.random.Generator, seen: Floats, *, night: bool) -> None:
    noise = rng.uniform(2, 16) if night else rng.uniform(0, 7)
    height, width = seen.shape[:2]
    grain = rng.standard_normal((height, width, 1), np.float32) * np.float32(noise)
    if rng.random() < 0.15:  # grains larger than a pixel
        spread = rng.uniform(0.5, 1.1)
        soft = cv2.GaussianBlur(grain[..., 0], (0, 0), spread)[..., None]
        grain = np.asarray(soft, np.float32) * np.float32(1 + 2.2 * spread)
    seen += grain
    if rng.random() < 0.3:
        seen += rng.standard_normal(seen.shape, np.float32) * np.float32(noise / 2)


def _processed(rng: np.random.Generator, seen: Floats) -> Floats:
    """What a camera's own computer does: smooth, sharpen, stretch, take colour out."""
    if rng.random() < 0.08:
        flat = np.clip(seen, 0, 255).astype(np.uint8)
        seen = cv2.medianBlur(flat, 3).astype(np.float32)
    if rng.random() < 0.22:
        soft = cv2.GaussianBlur(seen, (0, 0), rng.uniform(0.8, 2.4))
        seen = seen + np.float32(rng.uniform(0.3, 2.2)) * (seen - soft)
    if rng.random() < 0.35:
        middle = np.float32(rng.uniform(90, 140))
        seen = (seen - middle) * np.float32(rng.uniform(0.4, 1.6)) + middle
    if rng.random() < 0.2:
        light = np.clip(seen, 0, 255) / np.float32(255)
        seen = np.float32(255) * light ** np.float32(rng.uniform(0.55, 1.7))
    chance = rng.random()
    if chance < 0.3:
        grey = seen.mean(axis=2, keepdims=True)
        share = np.float32(1 if chance < 0.12 else rng.uniform(0.2, 0.8))
        seen = seen + share * (grey - seen)
    return seen


def _rain(rng: np.random.Generator, seen: Floats) -> None:
    height, width = seen.shape[:2]
    layer = np.zeros((height, width), np.uint8)
    slant = rng.uniform(-0.4, 0.4)
    for _ in range(int(rng.integers(30, 300))):
        x, y = int(rng.integers(width)), int(rng.integers(height))
        length = int(rng.integers(5, 30))
        end = (x + int(slant * length), y + length)
        cv2.line(layer, (x, y), end, int(rng.integers(40, 160)), 1, cv2.LINE_AA)
    seen += layer[..., None].astype(np.float32) * np.float32(rng.uniform(0.2, 0.8))


def _smeared(rng: np.random.Generator, seen: NDArray[Any]) -> Floats:
    length = int(rng.integers(2, 8))
    kernel = np.zeros((15, 15), np.float32)
    angle = rng.uniform(0, np.pi)
    reach = (length / 2 * np.cos(angle), length / 2 * np.sin(angle))
    start = (round(7 - reach[0]), round(7 - reach[1]))
    cv2.line(kernel, start, (round(7 + reach[0]), round(7 + reach[1])), 1.0)
    return np.asarray(cv2.filter2D(seen, -1, kernel / kernel.sum()), np.float32)


def _caption(rng: np.random.Generator, picture: Image) -> None:
    """What a camera writes over its picture: time, place, speed."""
    height, width = picture.shape[:2]
    size = int(rng.integers(9, 26))
    colour = _INKS[int(rng.integers(len(_INKS)))]
    top = rng.random() < 0.7
    for row in range(int(rng.integers(1, 3))):
        y = (row + 1) * (size + 4) if top else height - 4 - row * (size + 4)
        x = int(rng.uniform(0, 0.5) * width)
        write(rng, picture, lettering(rng), at=(x, y), size_px=size, colour=colour)
