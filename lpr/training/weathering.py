"""A plate's face in its own light: shaded, lit up, soiled and faded, all at once."""

from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lpr.image import Image
from lpr.training.textures import noise_field

__all__ = ["weathered"]

Floats: TypeAlias = NDArray[np.float64]

_SOIL: Final = (70, 90, 105)


def weathered(rng: np.random.Generator, face: Image) -> tuple[Image, Floats]:
    """A face as wind, weather and the sun leave it.

    Args:
        rng: source of all chance.
        face: BGR, shape (height, width, 3).

    Returns:
        The face, and how opaque the dirt on it is at each pixel, 0 to 1, shape (height,
        width).
    """
    seen: NDArray[np.floating[Any]] = face.astype(np.float32)
    tall, wide = seen.shape[:2]
    soil = np.zeros((tall, wide))
    if rng.random() < 0.6:
        seen *= rng.uniform(0.45, 1.2)
    if rng.random() < 0.25:
        grey = seen.mean(axis=2, keepdims=True)
        share = rng.uniform(0.0, 0.6)
        seen = seen * (1 - share) + grey * share
    if rng.random() < 0.3:  # the edge of a shadow
        x, y = np.meshgrid(np.linspace(-1, 1, wide), np.linspace(-1, 1, tall))
        angle = rng.uniform(0, 2 * np.pi)
        side = np.cos(angle) * x + np.sin(angle) * y > rng.uniform(-0.8, 0.8)
        seen *= np.where(side, rng.uniform(0.3, 0.8), 1.0)[..., None]
    if rng.random() < 0.3:
        dirt = noise_field(rng, tall, wide) - rng.uniform(-0.3, 0.8)
        soil = np.clip(dirt * rng.uniform(1, 4), 0, rng.uniform(0.3, 0.9))
        colour = np.array(_SOIL) * rng.uniform(0.5, 1.6)
        seen = seen * (1 - soil[..., None]) + colour * soil[..., None]
    if rng.random() < 0.12:  # the sun, or a lamp
        left, top = rng.uniform(0, wide), rng.uniform(0, tall)
        far = np.hypot(
            np.arange(wide)[None] - left, 2 * (np.arange(tall)[:, None] - top)
        )
        seen += (rng.uniform(60, 260) * np.exp(-((far / (0.25 * wide)) ** 2)))[
            ..., None
        ]
    return np.clip(seen, 0, 255).astype(np.uint8), soil
