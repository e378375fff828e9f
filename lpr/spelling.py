"""From a lattice of columns to the likeliest texts that it spells.

A prefix beam search for connectionist temporal classification (Hannun et al. 2014). It
knows no grammar and looks at no pixels.
"""

from typing import Final, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from lpr.alphabet import BLANK, SYMBOLS

__all__ = ["Spelling", "softmax", "spellings"]

Floats: TypeAlias = NDArray[np.float32]

_BEAM: Final = 12
_LEAST: Final = 2e-4
"""A symbol less likely than this in a column is not followed."""


class Spelling(msgspec.Struct, frozen=True):
    """A text and how likely it is; covered characters are written ``?``."""

    text: str
    probability: float


def softmax(logits: Floats) -> Floats:
    """Probabilities along the last axis.

    >>> softmax(np.array([0.0, 0.0], np.float32)).tolist()
    [0.5, 0.5]
    """
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True), np.float32)


def spellings(chances: Floats) -> tuple[Spelling, ...]:
    """The likeliest texts of a lattice, each with all the paths that spell it.

    A prefix beam search: a prefix is kept with the chance that it ends in a blank and
    the chance that it does not, as connectionist temporal classification asks.

    Args:
        chances: probabilities, shape (columns, symbols and blank).

    Returns:
        At most twelve, likeliest first; the empty text where nothing is seen.
    """
    blanks: list[float] = chances[:, BLANK].tolist()
    likely: list[list[tuple[int, float]]] = [[] for _ in blanks]
    for column, symbol in np.argwhere(chances[:, :BLANK] > _LEAST).tolist():
        likely[column].append((symbol, float(chances[column, symbol])))
    beam: dict[tuple[int, ...], tuple[float, float]] = {(): (1.0, 0.0)}
    for blank, symbols in zip(blanks, likely, strict=True):
        if not symbols:
            beam = {
                prefix: ((ended + open_) * blank, 0.0)
                for prefix, (ended, open_) in beam.items()
            }
            continue
        grown = _grown(beam, blank, symbols)
        if len(grown) > _BEAM:
            order = sorted(grown.items(), key=lambda one: -(one[1][0] + one[1][1]))
            grown = dict(order[:_BEAM])
        beam = {prefix: (pair[0], pair[1]) for prefix, pair in grown.items()}
    ranked = sorted(beam.items(), key=lambda one: -(one[1][0] + one[1][1]))
    return tuple(
        Spelling("".join(SYMBOLS[index] for index in prefix), ended + open_)
        for prefix, (ended, open_) in ranked
    )


def _grown(
    beam: dict[tuple[int, ...], tuple[float, float]],
    blank: float,
    symbols: list[tuple[int, float]],
) -> dict[tuple[int, ...], list[float]]:
    """The prefixes after one more column: as they were, or longer by a symbol."""
    grown: dict[tuple[int, ...], list[float]] = {}
    for prefix, (ended, open_) in beam.items():
        both = ended + open_
        kept = grown.setdefault(prefix, [0.0, 0.0])
        kept[0] += both * blank
        last = prefix[-1] if prefix else -1
        for symbol, chance in symbols:
            fresh = both
            if symbol == last:
                kept[1] += open_ * chance
                fresh = ended
            if fresh:
                longer = grown.setdefault((*prefix, symbol), [0.0, 0.0])
                longer[1] += fresh * chance
    return grown
