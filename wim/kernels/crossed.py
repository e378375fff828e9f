"""When each axle crossed each row, and how fast it was there by its pulses."""

import numpy as np
import numpy.typing as npt

from wim._jit import inlined, njit
from wim.kernels.exact import MOST_PARTS, exact_sum
from wim.kernels.hit_table import CENTRE, FALL, HALF, PLACE, RANK, RISE, SIDE

__all__ = ["cross_rows"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_LEFT, _RIGHT, _FULL = 0.0, 1.0, 2.0
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
    n = hits.shape[0]
    leads = np.empty(n)
    parts = np.empty(MOST_PARTS)
    # of each crossing, the wheels that tell it: one, and the other or none
    one = np.empty(n, dtype=np.int64)
    other = np.empty(n, dtype=np.int64)
    written = begin = 0
    for a in range(ends.shape[0]):
        end = ends[a]
        first = written
        rank = -1.0
        while True:
            before = rank
            rank = np.inf
            for i in range(begin, end):
                if before < hits[i, RANK] < rank:
                    rank = hits[i, RANK]
            if rank == np.inf:
                break
            one[written] = other[written] = -1
            fastest = 0.0
            for i in range(begin, end):
                if hits[i, RANK] != rank:
                    continue
                if one[written] < 0:
                    one[written] = i
                else:
                    other[written] = i
                lasts_s = max(hits[i, FALL] - hits[i, RISE], _SHORTEST_S)
                fastest = max(fastest, hits[i, HALF] / lasts_s)
            i, k = one[written], other[written]
            at_s[written] = hits[i, CENTRE]
            places[written] = hits[i, PLACE]
            if k >= 0:
                at_s[written] = (hits[i, CENTRE] + hits[k, CENTRE]) / 2
                places[written] = (hits[i, PLACE] + hits[k, PLACE]) / 2
            over_mps[written] = fastest
            axle[written] = a
            written += 1
        both = 0
        for r in range(first, written):
            both += other[r] >= 0
        if 0 < both < written - first:
            pace = _seconds_a_metre(hits[begin:end])
            known = 0
            for r in range(first, written):
                if other[r] >= 0:
                    left, right = one[r], other[r]
                    if hits[left, SIDE] != _LEFT:
                        left, right = right, left
                    apart = hits[right, PLACE] - hits[left, PLACE]
                    lead = hits[right, CENTRE] - hits[left, CENTRE]
                    leads[known] = lead - apart * pace
                    known += 1
            lead = exact_sum(leads, known, parts) / known
            for r in range(first, written):
                side = hits[one[r], SIDE]
                if other[r] < 0 and side != _FULL:
                    at_s[r] += (0.5 if side == _LEFT else -0.5) * lead
        row_ends[a] = written
        begin = end


@inlined
def _seconds_a_metre(hits: Floats) -> float:
    """Return the pace between the first and the last row of any one side."""
    way = took_s = 0.0
    for side in (_LEFT, _RIGHT, _FULL):
        first = last = -1
        for i in range(hits.shape[0]):
            if hits[i, SIDE] == side:
                if first < 0:
                    first = i
                last = i
        if first >= 0 and hits[last, PLACE] - hits[first, PLACE] > way:
            way = hits[last, PLACE] - hits[first, PLACE]
            took_s = hits[last, CENTRE] - hits[first, CENTRE]
    return took_s / way if way > 0.0 else 0.0
