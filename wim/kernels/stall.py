"""How slowly an axle went between two rows, as against over them."""

import numpy as np
import numpy.typing as npt

from wim._jit import njit
from wim.kernels.hit_table import CENTRE, FALL, HALF, PLACE, RISE, SIDE

__all__ = ["find_stall"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@njit
def find_stall(hits: Floats, ends: Integers) -> tuple[float, int, int]:
    """Return the lowest speed between two rows over that which their pulses tell.

    A pulse's length at half its height tells the speed over its strip within a quarter,
    whatever happened between the strips; over a plate it tells it better.

    Args:
        hits: axle after axle, shape (n, HIT_COLUMNS).
        ends: where each axle's hits end, shape (axles,).

    Returns:
        The share and between which hits it was; -1 for both where none tells it.
    """
    least = np.inf
    before = behind = -1
    begin = 0
    for a in range(ends.shape[0]):
        for k in range(begin, ends[a]):
            # the latest hit of the same side before it
            i = k - 1
            while i >= begin and hits[i, SIDE] != hits[k, SIDE]:
                i -= 1
            if i < begin:
                continue
            took_s = hits[k, CENTRE] - hits[i, CENTRE]
            lasts_s = hits[k, FALL] - hits[k, RISE]
            half = hits[k, HALF]
            lasted_s = hits[i, FALL] - hits[i, RISE]
            if lasted_s * half > lasts_s * hits[i, HALF]:
                lasts_s = lasted_s
                half = hits[i, HALF]
            if took_s > 0.0 and lasts_s > 0.0:
                way = abs(hits[k, PLACE] - hits[i, PLACE])
                share = way / took_s * lasts_s / half
                if share < least:
                    least = share
                    before = i
                    behind = k
        begin = ends[a]
    return least, before, behind
