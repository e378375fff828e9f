"""Views of plates as the rectifier meets them, with where the corners truly are.

Of each rendered plate one view is what a detector or a collection took for it, one what
the rectifier's first pass leaves, and one a coarser mistake: a level box around a
leaning plate, or corners far off.
"""

from typing import Final, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from lpr.image import Corners, mapped
from lpr.rectifier import VIEW_PX, view_of
from lpr.strips import widened
from lpr.training.reader_samples import (
    Recipe,
    Sample,
    draw_sample,
    jittered,
    too_wide,
)
from lpr.training.shapes import Shapes

__all__ = ["PER_PLATE", "Views", "draw_views"]

Pixels: TypeAlias = NDArray[np.uint8]
Floats: TypeAlias = NDArray[np.float32]

PER_PLATE: Final = 3
_LEFT_OFF: Final = (0.012, 0.05)
"""Standard deviation of what the first pass leaves, in shares of width and height."""
_FAR_OFF: Final = (0.04, 0.1)
_SPREADS: Final = (0.4, 1.0, 1.6)


class Views(msgspec.Struct, frozen=True):
    """``views`` (n, 48, 128, 3) and ``corners`` (n, 4, 2) [px of the view]."""

    views: Pixels
    corners: Floats


def draw_views(
    shapes: Shapes,
    plates: int,
    *,
    seed: tuple[int, ...],
    recipe: Recipe,
    wider: float = 0.0,
) -> Views:
    """Three views of each of so many plates of this seed.

    Args:
        shapes: to render plates with.
        plates: so many.
        seed: of all chance.
        recipe: what is drawn.
        wider: the coarsest boxes have up to so much too much at each side, in shares
            of their width, and above and below, in shares of their height.
    """
    rng = np.random.default_rng(seed)
    width, height = VIEW_PX
    made = Views(
        np.empty((plates * PER_PLATE, height, width, 3), np.uint8),
        np.empty((plates * PER_PLATE, 4, 2), np.float32),
    )
    place = 0
    for _ in range(plates):
        sample = draw_sample(rng, shapes, recipe)
        while not len(sample.corners):
            sample = draw_sample(rng, shapes, recipe)
        for around in _arounds(rng, sample, wider):
            view, back = view_of(sample.picture, around)
            made.views[place] = view
            made.corners[place] = mapped(
                sample.corners, np.asarray(np.linalg.inv(back), np.float64)
            )
            place += 1
    return made


def _arounds(
    rng: np.random.Generator, sample: Sample, wider: float
) -> tuple[Corners, Corners, Corners]:
    def off(corners: Corners, by: tuple[float, float]) -> Corners:
        return jittered(rng, corners, by, float(rng.choice(_SPREADS)))

    close = off(sample.corners, _LEFT_OFF)
    if rng.random() < 0.5:
        far = off(_level(sample.corners), (0.02, 0.08))
        far = widened(far, *rng.uniform(-0.02, 0.12, 2))
        if wider:
            far = too_wide(rng, far, (wider, wider))
    else:
        far = off(sample.corners, _FAR_OFF)
    return sample.around, close, far


def _level(corners: Corners) -> Corners:
    """A rectangle along the plate's lines around its corners."""
    along = corners[1] - corners[0] + corners[2] - corners[3]
    along = along / max(float(np.hypot(*along)), 1e-6)
    turn = np.array([along, [-along[1], along[0]]])
    seen = corners @ turn.T
    (x0, y0), (x1, y1) = seen.min(axis=0), seen.max(axis=0)
    box = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])
    return np.asarray(box @ turn, np.float32)
