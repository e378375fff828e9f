"""How far axles of a lane are apart, by when each crossed which row.

While both are over the rows that is a question of where the one was when the other
crossed a row, and the rows before and behind it bound the answer, whatever stop lies in
between. Once the first has left them, only its speed tells.
"""

import numpy as np
import numpy.typing as npt

from wim._jit import helper, inlined, njit
from wim.kernels.exact import MOST_PARTS, exact_sum

__all__ = ["HARDEST_MPS2", "space_axles"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_UNEVEN = 0.65
"""Who is slower between two rows than so much of what he is elsewhere nearly stood."""
_FASTER = 1.35
"""The length of a pulse tells the speed over a strip within a quarter; a third is sure,
and nobody is faster between two rows than over both."""
HARDEST_MPS2 = 10.0
"""No tyre changes a speed faster. To stop and start between two rows takes twice the
root of their way over this; who needed less than half of that time did not stop."""
_GAIN_MPS2 = 1.0
_LEAST_SIGMA_M = 0.02


@njit
def space_axles(
    at_s: Floats, places: Floats, over_mps: Floats, ends: Integers, apart: Floats
) -> None:
    """Write how far each axle is ahead of the next.

    Where both went evenly, that is the time between them at their speeds. Else it is
    put together from where either was when the other crossed a row, each place counted
    by how little the rows and speeds around leave open.

    Args:
        at_s: when axles crossed rows [s], axle after axle, shape (n,).
        places: of the rows [m], shape (n,).
        over_mps: how fast they were there by their pulses [m/s], shape (n,).
        ends: where each axle's crossings end, shape (axles,).
        apart: shape (axles - 1,) [m]; written.
    """
    took_s = np.empty(at_s.shape[0])
    parts = np.empty(MOST_PARTS)
    begin = 0
    for a in range(ends.shape[0] - 1):
        middle = ends[a]
        end = ends[a + 1]
        # however slowly a vehicle goes or stands: an axle that is on row 0 before
        # another one has left row 3 is no further behind it than these are apart
        least, most = 0.0, np.inf
        for i in range(begin, middle):
            for k in range(middle, end):
                between = places[i] - places[k]
                if at_s[i] < at_s[k]:
                    least = max(least, between)
                elif between < most:
                    most = max(between, 0.0)
        most = max(most, least)
        if _went_evenly(at_s, places, over_mps, begin, middle) and _went_evenly(
            at_s, places, over_mps, middle, end
        ):
            likely = _ahead(at_s, places, begin, middle, end, took_s, parts)
        else:
            weights = total = 0.0
            own_least, own_most = least, most
            # where the first was when the second crossed a row, then the other way
            # round: what is ahead of the row then is behind it
            for m in range(begin, end):
                k = middle + m - begin
                first, last, ahead = begin, middle, 1.0
                if k >= end:
                    k += begin - end
                    first, last, ahead = middle, end, -1.0
                here, low, high = _place_at(
                    at_s, places, over_mps, first, last, at_s[k]
                )
                here = ahead * (here - places[k])
                low = ahead * (low - places[k])
                high = ahead * (high - places[k])
                own_least = max(own_least, min(low, high))
                own_most = min(own_most, max(low, high))
                sigma = max(abs(high - low), _LEAST_SIGMA_M)
                weights += 1.0 / (sigma * sigma)
                total += here / (sigma * sigma)
            if own_least <= own_most:
                least, most = own_least, own_most
            likely = total / weights
        apart[a] = min(max(likely, least), most)
        begin = middle


@helper
def _place_at(
    at_s: Floats, places: Floats, over_mps: Floats, begin: int, end: int, now_s: float
) -> tuple[float, float, float]:
    """Return where an axle was at a time: likely, at least and at most.

    Its crossings are those from one to before another; none need be at that time.
    """
    behind = begin
    while behind < end and at_s[behind] <= now_s:
        behind += 1
    if behind == end:
        since_s = now_s - at_s[end - 1]
        gone = over_mps[end - 1] * since_s
        most = _FASTER * gone + 0.5 * _GAIN_MPS2 * since_s * since_s
        last = places[end - 1]
        return last + gone, last, last + most
    if behind == begin:
        until_s = at_s[begin] - now_s
        comes = over_mps[begin] * until_s
        most = _FASTER * comes + 0.5 * _GAIN_MPS2 * until_s * until_s
        first = places[begin]
        return first - comes, first - most, first
    early_s, late_s = at_s[behind - 1], at_s[behind]
    early, late = places[behind - 1], places[behind]
    mean_mps = (late - early) / (late_s - early_s)
    most_mps = _FASTER * max(over_mps[behind - 1], over_mps[behind], mean_mps)
    return (
        early + mean_mps * (now_s - early_s),
        max(early, late - most_mps * (late_s - now_s)),
        min(late, early + most_mps * (now_s - early_s)),
    )


@helper
def _went_evenly(
    at_s: Floats, places: Floats, over_mps: Floats, begin: int, end: int
) -> bool:
    """Tell whether an axle went about as fast between all rows as over them.

    Where it went too fast to have stopped between the rows where it was slowest, it is
    not asked how fast it was over them: a light axle stands on half the usual contact.
    """
    slowest, fastest = np.inf, 0.0
    stops = False
    least_over = over_mps[begin]
    for k in range(begin + 1, end):
        took = at_s[k] - at_s[k - 1]
        if took <= 0.0:
            return False
        way = places[k] - places[k - 1]
        mean = way / took
        if mean < slowest:
            slowest = mean
            stops = way <= HARDEST_MPS2 * took * took
        fastest = max(fastest, mean)
        least_over = min(least_over, over_mps[k])
    if stops:
        fastest = max(fastest, least_over)
    return bool(_UNEVEN * fastest <= slowest)


@inlined
def _ahead(
    at_s: Floats,
    places: Floats,
    begin: int,
    middle: int,
    end: int,
    took_s: Floats,
    parts: Floats,
) -> float:
    """Return how far one axle is ahead of another, on the rows that both crossed.

    The speed of either tells a distance of its own. Where they crossed no row in
    common, it bridges the rows.
    """
    total = 0.0
    told = 0
    for own in range(2):
        first = begin if own == 0 else middle
        last = middle - 1 if own == 0 else end - 1
        lasted_s = at_s[last] - at_s[first]
        mps = (places[last] - places[first]) / lasted_s if lasted_s > 0.0 else 0.0
        if mps <= 0.0:
            continue
        both = 0
        for i in range(begin, middle):
            for k in range(middle, end):
                if places[i] == places[k]:
                    took_s[both] = (at_s[k] - at_s[i]) * mps
                    both += 1
                    break
        if both > 0:
            total += exact_sum(took_s, both, parts) / both
        else:
            late_s = at_s[middle] - at_s[begin]
            total += late_s * mps - (places[middle] - places[begin])
        told += 1
    return total / told if told > 0 else 0.0
