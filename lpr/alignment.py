"""Where in a lattice the characters of a text stand.

The best path of connectionist temporal classification that spells the text (Graves et
al. 2006, the Viterbi form of their forward recursion). It chooses no text.
"""

from collections.abc import Sequence
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lpr.alphabet import BLANK

__all__ = ["middles_of"]

Floats: TypeAlias = NDArray[np.float32]

_FLOOR: Final = 1e-12


def middles_of(chances: Floats, symbols: Sequence[int]) -> Floats:
    """Columns, as shares of the lattice, in the middle of each symbol.

    Args:
        chances: probabilities, shape (columns, symbols and blank).
        symbols: what is spelt, at most as many as columns can hold.

    Returns:
        Shape (symbols,), each within 0 and 1; evenly apart where no path spells them.
    """
    count, width = len(symbols), len(chances)
    even = (np.arange(count) + 0.5) / max(count, 1)
    states = [BLANK]
    for symbol in symbols:
        states += [symbol, BLANK]
    cost = -np.log(np.maximum(chances[:, states], _FLOOR))
    skips = np.array(
        [
            place >= 2 and states[place] not in (BLANK, states[place - 2])
            for place in range(len(states))
        ]
    )
    total = np.full(len(states), np.inf)
    total[:2] = cost[0, :2]
    came = np.zeros((width, len(states)), np.intp)
    for column in range(1, width):
        stay = total
        step = np.concatenate([[np.inf], total[:-1]])
        skip = np.where(skips, np.concatenate([[np.inf] * 2, total[:-2]]), np.inf)
        ways = np.stack([stay, step, skip])
        came[column] = ways.argmin(axis=0)
        total = ways.min(axis=0) + cost[column]
    place = len(states) - 1
    if count and total[-2] < total[-1]:
        place -= 1
    if not np.isfinite(total[place]):
        return np.asarray(even, np.float32)
    weight, moment = np.zeros(count), np.zeros(count)
    for column in range(width - 1, -1, -1):
        if place % 2:
            share = float(chances[column, states[place]]) + _FLOOR
            weight[place // 2] += share
            moment[place // 2] += share * (column + 0.5)
        place -= int(came[column, place])
    return np.asarray(moment / np.maximum(weight, _FLOOR) / width, np.float32)
