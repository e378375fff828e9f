"""Sums that are rounded once, whatever the order of what is added."""

import numpy as np
import numpy.typing as npt

from wim._jit import helper

__all__ = ["MOST_PARTS", "exact_sum"]

Floats = npt.NDArray[np.float64]

MOST_PARTS = 48
"""So many parts hold any sum: each has 53 bits of its own of some 2100."""


@helper
def exact_sum(values: Floats, count: int, parts: Floats) -> float:
    """Return the sum of finite values as ``math.fsum`` does, to the bit.

    Args:
        values: shape (count or more,).
        count: how many of them are added.
        parts: room for what does not overlap, shape (MOST_PARTS,); written.

    Source:
        Shewchuk, Discrete & Computational Geometry 18 (1997) 305, "Adaptive precision
        floating-point arithmetic"; the last step is that of CPython.
    """
    n = 0
    for k in range(count):
        x = values[k]
        kept = 0
        for i in range(n):
            y = parts[i]
            if abs(x) < abs(y):
                x, y = y, x
            high = x + y
            low = y - (high - x)
            if low != 0.0:
                parts[kept] = low
                kept += 1
            x = high
        n = kept
        if x != 0.0:
            parts[n] = x
            n += 1
    total = low = 0.0
    while n > 0:
        n -= 1
        x = total
        total = x + parts[n]
        low = parts[n] - (total - x)
        if low != 0.0:
            break
    # half-way between two floats, what is left below decides
    if n > 0 and (low > 0.0) == (parts[n - 1] > 0.0):
        x = total + 2.0 * low
        if x - total == 2.0 * low:
            total = x
    return total
