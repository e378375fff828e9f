"""How likely a text is in a lattice of columns.

The forward recursion of connectionist temporal classification (Graves et al. 2006). It
chooses no text.
"""

from collections.abc import Sequence
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lpr.alphabet import BLANK, SYMBOLS

__all__ = ["chances_of"]

Floats: TypeAlias = NDArray[np.float32]
Doubles: TypeAlias = NDArray[np.float64]

_PLACES: Final = {symbol: place for place, symbol in enumerate(SYMBOLS)}


def chances_of(texts: Sequence[str], chances: Floats) -> Doubles:
    """How likely a lattice holds each text, over all of its paths.

    Args:
        texts: at most half as long as the lattice has columns.
        chances: probabilities, shape (columns, symbols and blank).

    Returns:
        Shape (texts,).
    """
    longest = 2 * max(map(len, texts)) + 1
    states = np.full((len(texts), longest + 2), BLANK)
    for row, text in zip(states, texts, strict=True):
        row[3 : 3 + 2 * len(text) : 2] = [_PLACES[symbol] for symbol in text]
    # two states that are never entered stand before the first: no index is below zero
    may_skip = (states[:, 2:] != states[:, :-2]) & (states[:, 2:] != BLANK)
    weight = may_skip.astype(np.float64)
    entered, skipped = np.empty_like(weight), np.empty_like(weight)
    seen = chances.astype(np.float64)[:, states[:, 2:]]
    paths = np.zeros(states.shape)
    paths[:, 1] = 1.0
    to, by_one, by_two = paths[:, 2:], paths[:, 1:-1], paths[:, :-2]
    for column in seen:
        np.add(to, by_one, out=entered)
        entered += np.multiply(weight, by_two, out=skipped)
        np.multiply(entered, column, out=to)
        paths[:, 1] = 0.0
    ends = 2 + 2 * np.array([len(text) for text in texts])
    rows = np.arange(len(texts))
    last = np.where(ends > 2, paths[rows, ends - 1], 0.0)
    return np.asarray(paths[rows, ends] + last)
