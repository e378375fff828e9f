"""Faults of poor cameras and thick air, one or more on a picture.

Chosen from what lenses, sensors and cheap electronics do. Who has none uses no chance.
"""

from typing import NamedTuple, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["Faults", "drawn_faults", "out_of_focus"]

Floats: TypeAlias = NDArray[np.float32]


class Faults(NamedTuple):
    """What a poor camera or thick air does, 0 where it does nothing.

    ``haze`` as a share of the picture's contrast, ``defocus`` and ``radius`` in heights
    of a character, ``noise`` in grey levels, ``sharpening`` as a factor.
    """

    haze: float = 0.0
    defocus: float = 0.0
    noise: float = 0.0
    sharpening: float = 0.0
    radius: float = 0.0


def drawn_faults(rng: np.random.Generator, poor: float, strength: float) -> Faults:
    """One fault or more of a picture in so many; of others none, and no chance used."""
    if not poor or rng.random() >= poor:
        return Faults()
    has = rng.random(4) < (0.5, 0.45, 0.3, 0.45)
    if not has.any():
        has[int(rng.integers(4))] = True
    most = 0.4 + 0.6 * strength
    return Faults(
        haze=float(has[0] * most * rng.uniform(0.2, 0.75)),
        defocus=float(has[1] * most * rng.uniform(0.03, 0.11)),
        noise=float(has[2] * most * rng.uniform(4, 22)),
        sharpening=float(has[3] * most * rng.uniform(1.0, 4.5)),
        radius=float(rng.uniform(0.04, 0.14)),
    )


def out_of_focus(seen: Floats, radius_px: float) -> Floats:
    """Each point spread over a disc, as a lens does that is set to another distance."""
    half = int(np.ceil(radius_px)) + 1
    y, x = np.mgrid[-half : half + 1, -half : half + 1]
    disc = np.clip(radius_px + 0.5 - np.hypot(x, y), 0, 1).astype(np.float32)
    return np.asarray(cv2.filter2D(seen, -1, disc / disc.sum()), np.float32)
