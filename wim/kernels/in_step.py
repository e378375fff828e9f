"""Whether the wheels of axles that every strip saw are matched in their order."""

import numpy as np
import numpy.typing as npt

from wim._jit import njit
from wim.kernels.hit_table import (
    CENTROID,
    END,
    FALL,
    PLACE,
    RANK,
    RISE,
    START,
)

__all__ = ["ASKEW", "IN_STEP", "OUT_OF_ORDER", "step_of"]

Floats = npt.NDArray[np.float64]

OUT_OF_ORDER, ASKEW, IN_STEP = 0, 1, 2
_USUAL_HALF_M = 0.155
_REACH = 0.75


@njit
def step_of(hits: Floats, axles: int, contact_m: float) -> int:
    """Tell whether each row saw the wheels after the one before, one by one.

    Then they are matched in their order, however long the vehicle stood in between,
    unless one would have gone from row to row faster than over each of them. They are
    in step where the first row's other wheel came when it was due, too.

    Args:
        hits: axle after axle, each of all strips in the order of the rows, shape
            (n, HIT_COLUMNS).
        axles: how many there are.
        contact_m: way of a wheel from its first touch of a strip to its last, roughly.

    Returns:
        One of the figures above.
    """
    count = hits.shape[0] // axles
    before_s, lasted_s = np.zeros(axles), np.zeros(axles)
    before_m = 0.0
    first = 0
    while first < count:
        second = first + 1
        if second == count or hits[second, RANK] != hits[first, RANK]:
            second = first
        here_m = 0.5 * (hits[first, PLACE] + hits[second, PLACE])
        for a in range(axles):
            one, other = a * count + first, a * count + second
            at_s = 0.5 * (hits[one, CENTROID] + hits[other, CENTROID])
            lasts_s = min(
                hits[one, FALL] - hits[one, RISE], hits[other, FALL] - hits[other, RISE]
            )
            if first > 0:
                took_s = at_s - before_s[a]
                over_s = max(min(lasts_s, lasted_s[a]), 1e-4)
                fastest_mps = _USUAL_HALF_M / over_s
                if took_s <= 0.0 or here_m - before_m > 1.5 * fastest_mps * took_s:
                    return OUT_OF_ORDER
            before_s[a] = at_s
            lasted_s[a] = lasts_s
        before_m = here_m
        first = second + 1
    if count == 1 or hits[1, RANK] != hits[0, RANK]:
        return IN_STEP
    offset_m = hits[1, PLACE] - hits[0, PLACE]
    for a in range(axles):
        one = a * count
        length_s = max(hits[one, END] - hits[one, START], 1e-3)
        due_s = hits[one, CENTROID] + offset_m * length_s / contact_m
        nearest_s = abs(hits[one + 1, CENTROID] - due_s)
        if nearest_s > (_REACH + abs(offset_m) / contact_m) * length_s:
            return ASKEW
        for k in range(a + 1, axles):
            if abs(hits[k * count + 1, CENTROID] - due_s) < nearest_s:
                return ASKEW
    return IN_STEP
