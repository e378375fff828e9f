"""How far axles of a lane are apart, by when each crossed which row.

While both are over the rows that is a question of where the one was when the other
crossed a row, and the rows before and behind it bound the answer, whatever stop lies in
between. Once the first has left them, only its speed tells.
"""

import numpy as np
import numpy.typing as npt

from wim._jit import helper, inlined, njit
from wim.kernels.exact import MOST_PARTS, exact_sum

__all__ = ["space_axles"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_UNEVEN = 0.65
"""Who is slower between two rows than so much of what he is elsewhere nearly stood."""
_FASTER = 1.35
"""The length of a pulse tells the speed over a strip within a quarter; a third is sure,
and nobody is faster between two rows than over both."""
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
        first_s, second_s = at_s[begin:middle], at_s[middle:end]
        first_m, second_m = places[begin:middle], places[middle:end]
        first_mps, second_mps = over_mps[begin:middle], over_mps[middle:end]
        least, most = _by_order(first_s, first_m, second_s, second_m)
        even = _went_evenly(first_s, first_m, first_mps)
        if even and _went_evenly(second_s, second_m, second_mps):
            likely = _ahead(first_s, first_m, second_s, second_m, took_s, parts)
        else:
            weights = total = 0.0
            own_least, own_most = least, most
            # where the first was when the second crossed a row, and the other way round
            for k in range(second_s.shape[0]):
                place, near, far = _place_at(first_s, first_m, first_mps, second_s[k])
                row = second_m[k]
                own_least = max(own_least, near - row)
                own_most = min(own_most, far - row)
                variance = _variance((far - row) - (near - row))
                weights += 1.0 / variance
                total += (place - row) / variance
            for k in range(first_s.shape[0]):
                place, near, far = _place_at(second_s, second_m, second_mps, first_s[k])
                row = first_m[k]
                own_least = max(own_least, row - far)
                own_most = min(own_most, row - near)
                variance = _variance((row - near) - (row - far))
                weights += 1.0 / variance
                total += (row - place) / variance
            if own_least <= own_most:
                least, most = own_least, own_most
            likely = total / weights
        apart[a] = min(max(likely, least), most)
        begin = middle


@inlined
def _variance(open_m: float) -> float:
    """Return how little a place counts of which so much is open."""
    sigma = max(open_m, _LEAST_SIGMA_M)
    return sigma * sigma


@helper
def _place_at(
    crossed_s: Floats, crossed_m: Floats, over_mps: Floats, at_s: float
) -> tuple[float, float, float]:
    """Return where an axle was at a time: likely, at least and at most.

    One of its crossings need not be at that time.
    """
    n = crossed_s.shape[0]
    behind = 0
    while behind < n and crossed_s[behind] <= at_s:
        behind += 1
    if behind == n:
        since_s = at_s - crossed_s[n - 1]
        gone = over_mps[n - 1] * since_s
        most = _FASTER * gone + 0.5 * _GAIN_MPS2 * since_s * since_s
        end = crossed_m[n - 1]
        return end + gone, end, end + most
    if behind == 0:
        until_s = crossed_s[0] - at_s
        comes = over_mps[0] * until_s
        most = _FASTER * comes + 0.5 * _GAIN_MPS2 * until_s * until_s
        begin = crossed_m[0]
        return begin - comes, begin - most, begin
    early_s, late_s = crossed_s[behind - 1], crossed_s[behind]
    early, late = crossed_m[behind - 1], crossed_m[behind]
    mean_mps = (late - early) / (late_s - early_s)
    most_mps = _FASTER * max(over_mps[behind - 1], over_mps[behind], mean_mps)
    return (
        early + mean_mps * (at_s - early_s),
        max(early, late - most_mps * (late_s - at_s)),
        min(late, early + most_mps * (at_s - early_s)),
    )


@helper
def _went_evenly(at_s: Floats, places: Floats, over_mps: Floats) -> bool:
    """Tell whether an axle went about as fast between all rows as over them."""
    slowest, fastest = np.inf, 0.0
    least_over = over_mps[0]
    for k in range(1, at_s.shape[0]):
        took = at_s[k] - at_s[k - 1]
        if took <= 0.0:
            return False
        mean = (places[k] - places[k - 1]) / took
        slowest = min(slowest, mean)
        fastest = max(fastest, mean)
        least_over = min(least_over, over_mps[k])
    return bool(_UNEVEN * max(fastest, least_over) <= slowest)


@inlined
def _by_order(
    first_s: Floats, first_m: Floats, second_s: Floats, second_m: Floats
) -> tuple[float, float]:
    """Return how far two axles are apart at least and at most, by the order of times.

    However slowly a vehicle goes or stands: an axle that is on row 0 before another
    one has left row 3 is no further behind it than these rows are apart.
    """
    least, most = 0.0, np.inf
    for i in range(first_s.shape[0]):
        for k in range(second_s.shape[0]):
            apart = first_m[i] - second_m[k]
            if first_s[i] < second_s[k]:
                least = max(least, apart)
            elif apart < most:
                most = max(apart, 0.0)
    return least, max(most, least)


@inlined
def _ahead(
    first_s: Floats,
    first_m: Floats,
    second_s: Floats,
    second_m: Floats,
    took_s: Floats,
    parts: Floats,
) -> float:
    """Return how far one axle is ahead of another, on the rows that both crossed.

    The speed of either tells a distance of its own. Where they crossed no row in
    common, it bridges the rows.
    """
    total = 0.0
    told = 0
    for own_s, own_m in ((first_s, first_m), (second_s, second_m)):
        n = own_s.shape[0]
        lasted_s = own_s[n - 1] - own_s[0]
        mps = (own_m[n - 1] - own_m[0]) / lasted_s if lasted_s > 0.0 else 0.0
        if mps <= 0.0:
            continue
        both = 0
        for i in range(first_s.shape[0]):
            for k in range(second_s.shape[0]):
                if first_m[i] == second_m[k]:
                    took_s[both] = (second_s[k] - first_s[i]) * mps
                    both += 1
                    break
        if both > 0:
            total += exact_sum(took_s, both, parts) / both
        else:
            late_s = second_s[0] - first_s[0]
            total += late_s * mps - (second_m[0] - first_m[0])
        told += 1
    return total / told if told > 0 else 0.0
