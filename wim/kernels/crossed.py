"""When each axle crossed each row, and how fast it was there by its pulses."""

import numpy as np
import numpy.typing as npt

from wim._jit import inlined, njit
from wim.kernels.exact import MOST_PARTS, exact_sum
from wim.kernels.hit_table import CENTRE, FALL, HALF, PLACE, RANK, RISE, SIDE

__all__ = ["cross_rows"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_LEFT = 0.0
_AHEAD = (0.5, -0.5, 0.0)
"""By side: so much of its lead over the right wheel a left one is before the middle."""
_SHORTEST_S = 1e-4


@njit
def cross_rows(
    hits: Floats,
    ends: Integers,
    at_s: Floats,
    places: Floats,
    over_mps: Floats,
    axle: Integers,
    row_ends: Integers,
) -> None:
    """Write when axles crossed rows, axle after axle, each in the order of the rows.

    Where only one wheel was seen, it is taken to be as far ahead of the other as it is
    on the rows that saw both.

    Args:
        hits: axle after axle, shape (n, HIT_COLUMNS).
        ends: where each axle's hits end, shape (axles,).
        at_s: when the axle's centre was over the row [s], shape (n,); written.
        places: of the row [m], shape (n,); written.
        over_mps: how fast it was there by its longest speed [m/s], shape (n,); written.
        axle: whose crossing it is, shape (n,); written.
        row_ends: where each axle's crossings end, shape (axles,); written.
    """
    parts = np.empty(MOST_PARTS)
    leads = np.empty(hits.shape[0])
    # by how many leads a crossing is early that only one wheel tells
    alone = np.empty(hits.shape[0])
    written = begin = 0
    for a in range(ends.shape[0]):
        end = ends[a]
        pace = _seconds_a_metre(hits, begin, end)
        first = written
        both = 0
        rank = -1.0
        while True:
            before = rank
            rank = np.inf
            for i in range(begin, end):
                if before < hits[i, RANK] < rank:
                    rank = hits[i, RANK]
            if rank == np.inf:
                break
            one = other = -1
            fastest = 0.0
            for i in range(begin, end):
                if hits[i, RANK] != rank:
                    continue
                if one < 0:
                    one = i
                else:
                    other = i
                lasts_s = max(hits[i, FALL] - hits[i, RISE], _SHORTEST_S)
                fastest = max(fastest, hits[i, HALF] / lasts_s)
            if other < 0:
                at_s[written] = hits[one, CENTRE]
                places[written] = hits[one, PLACE]
                alone[written] = _AHEAD[int(hits[one, SIDE])]
            else:
                at_s[written] = (hits[one, CENTRE] + hits[other, CENTRE]) / 2
                places[written] = (hits[one, PLACE] + hits[other, PLACE]) / 2
                alone[written] = 0.0
                if hits[one, SIDE] != _LEFT:
                    one, other = other, one
                apart = hits[other, PLACE] - hits[one, PLACE]
                late_s = hits[other, CENTRE] - hits[one, CENTRE]
                leads[both] = late_s - apart * pace
                both += 1
            over_mps[written] = fastest
            axle[written] = a
            written += 1
        if 0 < both < written - first:
            lead = exact_sum(leads, both, parts) / both
            for r in range(first, written):
                at_s[r] += alone[r] * lead
        row_ends[a] = written
        begin = end


@inlined
def _seconds_a_metre(hits: Floats, begin: int, end: int) -> float:
    """Return an axle's pace between the first and the last row of any one side."""
    way = took_s = 0.0
    for side in range(3):
        first = last = -1
        for i in range(begin, end):
            if hits[i, SIDE] == side:
                if first < 0:
                    first = i
                last = i
        if first >= 0 and hits[last, PLACE] - hits[first, PLACE] > way:
            way = hits[last, PLACE] - hits[first, PLACE]
            took_s = hits[last, CENTRE] - hits[first, CENTRE]
    return took_s / way if way > 0.0 else 0.0
