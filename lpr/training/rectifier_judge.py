"""How near a rectifier brings corners to their place, on plates no training drew."""

from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from lpr.figures import Share
from lpr.image import Corners
from lpr.rectifier import Rectifier
from lpr.training.reader_samples import FIELD, Recipe, draw_sample
from lpr.training.shapes import Shapes

__all__ = ["CornerFigures", "judge_rectifier"]

_SEED: Final = 100_031
_NEAR: Final = 0.1
_BASE: Final = Recipe(
    hard=0.3,
    covered=0.0,
    nothing=0.0,
    typefaces=0.0,
    unlawful=0.0,
    smoothed=FIELD["smoothed"],
    wide=FIELD["wide"],
)
_SETS: Final = {
    "upright boxes": msgspec.structs.replace(_BASE, boxed=1.0),
    "corners as detected": msgspec.structs.replace(_BASE, boxed=0.0),
    "yellow, two lines": msgspec.structs.replace(
        _BASE, boxed=0.3, kinds=(("yellow", 2),)
    ),
}


class CornerFigures(msgspec.Struct, frozen=True, kw_only=True):
    """One set: median errors in shares of the plate's height, and who is near."""

    name: str
    given: float
    once: float
    twice: float
    near: Share


def judge_rectifier(
    rectifier: Rectifier, shapes: Shapes, *, count: int
) -> tuple[CornerFigures, ...]:
    """Figures over ``count`` plates of each set."""
    return tuple(
        _figures(rectifier, shapes, name, recipe, count)
        for name, recipe in _SETS.items()
    )


def _figures(
    rectifier: Rectifier, shapes: Shapes, name: str, recipe: Recipe, count: int
) -> CornerFigures:
    rng = np.random.default_rng(_SEED)
    errors = np.empty((count, 3, 4))
    for index in range(count):
        sample = draw_sample(rng, shapes, recipe)
        once = rectifier.rectified(sample.picture, sample.around, passes=1)
        twice = rectifier.rectified(sample.picture, once, passes=1)
        errors[index] = [
            _error(found, sample.corners) for found in (sample.around, once, twice)
        ]
    medians = np.median(errors, axis=(0, 2))
    return CornerFigures(
        name=name,
        given=float(medians[0]),
        once=float(medians[1]),
        twice=float(medians[2]),
        near=Share.of(int((errors[:, 2].mean(axis=1) <= _NEAR).sum()), count),
    )


def _error(found: Corners, truth: Corners) -> NDArray[np.float64]:
    """Distance of each corner from its place in shares of the plate's height."""
    tall = np.hypot(*(truth[3] + truth[2] - truth[0] - truth[1])) / 2
    return np.asarray(np.hypot(*(found - truth).T) / max(tall, 1e-6))
