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
Beam: TypeAlias = dict[str, tuple[float, float]]
"""Prefixes, with the chance that each ends in a blank and that it does not."""

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
    beam: Beam = {"": (1.0, 0.0)}
    for blank, symbols in zip(blanks, _followed(chances), strict=True):
        if symbols:
            beam = _longer(beam, blank, symbols)
        else:
            beam = {
                prefix: ((ended + open_) * blank, 0.0)
                for prefix, (ended, open_) in beam.items()
            }
    return tuple(
        Spelling(prefix, ended + open_)
        for prefix, (ended, open_) in sorted(beam.items(), key=_falling)
    )


def _followed(chances: Floats) -> list[dict[str, float]]:
    """The symbols of each column that are likely enough, the likeliest first."""
    columns, symbols = np.nonzero(chances[:, :BLANK] > _LEAST)
    told = chances[columns, symbols]
    order = np.lexsort((-told, columns))
    likely: list[dict[str, float]] = [{} for _ in chances]
    for column, symbol, chance in zip(
        columns[order].tolist(),
        symbols[order].tolist(),
        told[order].tolist(),
        strict=True,
    ):
        likely[column][SYMBOLS[symbol]] = chance
    return likely


def _longer(beam: Beam, blank: float, symbols: dict[str, float]) -> Beam:
    """The likeliest prefixes after one more column: as they were, or longer by one.

    A longer prefix that cannot be among them is not made: in a column without a clear
    symbol that is nearly all of them.
    """
    grown: Beam = {}
    sums: list[float] = []
    first, most = next(iter(symbols.items()))
    for prefix, (ended, open_) in beam.items():
        both, last, again = ended + open_, prefix[-1:], 0.0
        chance = symbols.get(last)
        if chance is not None:
            again = open_ * chance
            shorter = beam.get(prefix[:-1])
            if shorter is not None:
                twice = prefix[-2:-1] == last
                again += (shorter[0] if twice else shorter[0] + shorter[1]) * chance
        kept = both * blank
        grown[prefix] = kept, again
        sums.append(kept + again)
        if prefix + first not in beam:
            sums.append((ended if last == first else both) * most)
    least = 0.0
    if len(sums) >= _BEAM:
        sums.sort(reverse=True)
        least = sums[_BEAM - 1]
    for prefix, (ended, open_) in beam.items():
        both, last = ended + open_, prefix[-1:]
        for symbol, chance in symbols.items():
            if both * chance < least:
                break
            gained = (ended if symbol == last else both) * chance
            if gained and gained >= least:
                grown.setdefault(prefix + symbol, (0.0, gained))
    if len(grown) <= _BEAM:
        return grown
    return dict(sorted(grown.items(), key=_falling)[:_BEAM])


def _falling(one: tuple[str, tuple[float, float]]) -> float:
    ended, open_ = one[1]
    return -(ended + open_)
