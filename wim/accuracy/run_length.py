"""How long a control chart runs until it speaks: average run lengths.

The chart's statistic is cut into cells and followed as a Markov chain (Brook and Evans
1972), for normal readings of known mean and scatter. It is how the kind of chart and
its figures in :mod:`wim.drift` were chosen; it takes no part in any weighing.
"""

import math

import numpy as np
import numpy.typing as npt

from wim.accuracy.quantiles import normal_cdf

__all__ = ["cusum_run_length", "ewma_run_length"]


def cusum_run_length(
    *, allowance: float, decision: float, shift: float, cells: int = 200
) -> float:
    """Return the mean number of readings until a two-sided CUSUM exceeds its bound.

    Args:
        allowance: k, in units of the scatter.
        decision: h, in the same.
        shift: by how much the mean has moved, in the same.
        cells: of the chain, for each side.
    """
    up = _one_sided(allowance, decision, shift, cells)
    down = _one_sided(allowance, decision, -shift, cells)
    return 1.0 / (1.0 / up + 1.0 / down)


def ewma_run_length(
    *, weight: float, width: float, shift: float, cells: int = 401
) -> float:
    """Return the mean number of readings until an EWMA leaves its limits.

    Args:
        weight: of the newest reading.
        width: of the limits, in standard deviations of the settled average.
        shift: by how much the mean has moved, in units of the scatter.
        cells: of the chain.
    """
    bound = width * math.sqrt(weight / (2.0 - weight))
    step = 2.0 * bound / cells
    middles = -bound + step * (np.arange(cells) + 0.5)
    edges = -bound + step * np.arange(cells + 1)
    moves = np.empty((cells, cells))
    for k, now in enumerate(middles):
        places = (edges - (1.0 - weight) * now) / weight - shift
        moves[k] = np.diff([normal_cdf(place) for place in places])
    return _mean_length(moves, start=cells // 2)


def _one_sided(allowance: float, decision: float, shift: float, cells: int) -> float:
    step = 2.0 * decision / (2 * cells - 1)
    # a move depends on how many cells it goes only: to below the cell's upper edge
    ends = [
        normal_cdf((far + 0.5) * step + allowance - shift)
        for far in range(-cells, cells)
    ]
    below = np.array(ends)
    moves = np.empty((cells, cells))
    for i in range(cells):
        own = below[cells - i : 2 * cells - i]
        moves[i, 0] = own[0]
        moves[i, 1:] = np.diff(own)
    return _mean_length(moves, start=0)


def _mean_length(moves: npt.NDArray[np.float64], *, start: int) -> float:
    n = len(moves)
    lengths = np.linalg.solve(np.eye(n) - moves, np.ones(n))
    return float(lengths[start])
