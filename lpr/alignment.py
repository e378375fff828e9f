"""Where in a lattice the characters of a text stand.

The best path of connectionist temporal classification that spells the text (Graves et
al. 2006, the Viterbi form of their forward recursion). It chooses no text.
"""

import math
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
    states = [BLANK]
    for symbol in symbols:
        states += [symbol, BLANK]
    costs: list[list[float]] = (
        -np.log(np.maximum(chances[:, states], _FLOOR))
    ).tolist()
    last = len(states)
    skips = [
        place >= 2 and states[place] not in (BLANK, states[place - 2])
        for place in range(last)
    ]
    # plain lists: of arrays this small the calls would take most of the time
    total = costs[0][:2] + [math.inf] * (last - 2)
    came: list[list[int]] = []
    for cost in costs[1:]:
        fresh, steps = [], []
        for place in range(last):
            least, step = total[place], 0
            if place and total[place - 1] < least:
                least, step = total[place - 1], 1
            if skips[place] and total[place - 2] < least:
                least, step = total[place - 2], 2
            fresh.append(least + cost[place])
            steps.append(step)
        total = fresh
        came.append(steps)
    place = last - 1
    if count and total[-2] < total[-1]:
        place -= 1
    if not math.isfinite(total[place]):
        even = (np.arange(count) + 0.5) / max(count, 1)
        return np.asarray(even, np.float32)
    weight, moment = np.zeros(count), np.zeros(count)
    for column in range(width - 1, -1, -1):
        if place % 2:
            share = float(chances[column, states[place]]) + _FLOOR
            weight[place // 2] += share
            moment[place // 2] += share * (column + 0.5)
        if column:
            place -= came[column - 1][place]
    return np.asarray(moment / np.maximum(weight, _FLOOR) / width, np.float32)
