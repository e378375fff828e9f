"""Characters as the second look meets them: patches of rendered plates.

Of each plate the first character, which is the hardest, and some of the others; the
middle is off by as much as a lattice misplaces it.
"""

from typing import Final, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from lpr.alphabet import SYMBOLS
from lpr.second_look import PATCH_PX, patches_of
from lpr.strips import FINE
from lpr.training.reader_samples import Recipe, draw_sample
from lpr.training.shapes import Shapes

__all__ = ["PER_PLATE", "Patches", "draw_patches"]

Pixels: TypeAlias = NDArray[np.uint8]

PER_PLATE: Final = 3
_OFF_PX: Final = 2.0
"""Standard deviation of a middle [px of the reader's strip]."""


class Patches(msgspec.Struct, frozen=True):
    """``patches`` (n, 48, 48, 3) and ``answers`` (n,), indices of symbols."""

    patches: Pixels
    answers: NDArray[np.int64]


def draw_patches(
    shapes: Shapes, plates: int, *, seed: tuple[int, ...], recipe: Recipe
) -> Patches:
    """Three characters of each of so many plates of this seed."""
    rng = np.random.default_rng(seed)
    made = Patches(
        np.empty((plates * PER_PLATE, PATCH_PX, PATCH_PX, 3), np.uint8),
        np.empty(plates * PER_PLATE, np.int64),
    )
    for plate in range(plates):
        sample = draw_sample(rng, shapes, recipe)
        while not sample.spelt:
            sample = draw_sample(rng, shapes, recipe)
        others = 1 + rng.permutation(len(sample.text) - 1)[: PER_PLATE - 1]
        places = [0, *others.tolist()]
        middles = sample.columns[places] + rng.normal(0, _OFF_PX, PER_PLATE)
        part = slice(plate * PER_PLATE, (plate + 1) * PER_PLATE)
        scaled = np.asarray(middles * FINE, np.float32)
        made.patches[part] = patches_of(sample.fine, scaled)
        made.answers[part] = [SYMBOLS.index(sample.text[place]) for place in places]
    return made
