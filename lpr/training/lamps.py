"""Lights that shine into the camera: street lamps, and those beside a plate.

They add light to a picture and draw nothing of what they belong to.
"""

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from lpr.image import Corners
from lpr.training.textures import Colour

__all__ = ["Lamp", "headlamps", "lamps_anywhere", "shine"]


class Lamp(msgspec.Struct, frozen=True):
    """A light that shines into the camera: where [px], how strong, how far [px]."""

    x: float
    y: float
    strength: float
    reach_px: float
    colour: Colour = (255, 255, 255)


def lamps_anywhere(rng: np.random.Generator, height: int, width: int) -> list[Lamp]:
    """Lights anywhere in the picture."""
    return [
        Lamp(
            rng.uniform(0, width),
            rng.uniform(0, height),
            rng.uniform(40, 400),
            rng.uniform(0.01, 0.1) * width,
        )
        for _ in range(int(rng.integers(1, 5)))
    ]


def headlamps(rng: np.random.Generator, corners: Corners) -> list[Lamp]:
    """The lit lamps of the vehicle that bears a plate, on both sides of it.

    Each has a bright core and, by a lens that is not clean, a weak veil over all around
    it: that shows the plate of an oncoming lorry at night as letters without a ground.
    """
    middle = corners.mean(axis=0)
    along = (corners[1] - corners[0] + corners[2] - corners[3]) / 2
    down = (corners[3] - corners[0] + corners[2] - corners[1]) / 2
    out, above = rng.uniform(0.8, 2.3), rng.uniform(-0.6, 2.5)
    core, veil = rng.uniform(150, 600), rng.uniform(0, 110)
    near, far = rng.uniform(0.15, 0.7), rng.uniform(1.5, 4.0)
    colour: Colour = (255, 255, 255) if rng.random() < 0.6 else (150, 200, 255)
    wide = float(np.hypot(*along))
    lamps = []
    for side in (-out, out):
        x, y = (float(value) for value in middle + side * along - above * down)
        lamps.append(Lamp(x, y, core, near * wide, colour))
        lamps.append(Lamp(x, y, veil, far * wide, colour))
    return lamps


def shine(seen: NDArray[np.float32], lamps: Sequence[Lamp]) -> None:
    """Add the light of all lamps to a picture, shape (height, width, 3)."""
    height, width = seen.shape[:2]
    for lamp in lamps:
        far = np.hypot(
            np.arange(width, dtype=np.float32)[None] - np.float32(lamp.x),
            np.arange(height, dtype=np.float32)[:, None] - np.float32(lamp.y),
        )
        halo = lamp.strength * np.exp(-((far / lamp.reach_px) ** 1.2))
        seen += halo[..., None] * (np.array(lamp.colour, np.float32) / 255)
