"""What the pulses of one vehicle say of each strip of its lane."""

import numpy as np
import numpy.typing as npt

from wim._jit import njit
from wim.kernels.hit_table import CLIPPED, INDEX, NOISE
from wim.kernels.row_table import (
    AXLE,
    FULL,
    LEFT,
    LEFT_KG,
    LOAD,
    RIGHT,
    RIGHT_KG,
    SEEN,
)

__all__ = ["STRIP_FIGURES", "tell_of_strips"]

Floats = npt.NDArray[np.float64]

STRIP_FIGURES = 3
"""0 how many pulses a strip gave; 1 how many of them were clipped; 2 the most noise
around one [counts]."""


@njit
def tell_of_strips(
    hits: Floats, rows: Floats, axles: int, near: float, strips: Floats
) -> bool:
    """Write what the hits of a vehicle say of each strip.

    Args:
        hits: shape (n, HIT_COLUMNS).
        rows: axle after axle, shape (m, ROW_COLUMNS).
        axles: how many there are.
        near: two figures agree where none is so many times the other.
        strips: shape (strips, STRIP_FIGURES); written.

    Returns:
        Whether the rows agree about each side of each axle, and none saw nothing there.
    """
    strips[:] = 0.0
    for k in range(hits.shape[0]):
        own = strips[int(hits[k, INDEX])]
        own[0] += 1.0
        own[1] += hits[k, CLIPPED]
        own[2] = max(own[2], hits[k, NOISE])
    begin = 0
    for a in range(axles):
        end = begin
        while end < rows.shape[0] and rows[end, AXLE] == a:
            end += 1
        for side, column in ((LEFT, LEFT_KG), (RIGHT, RIGHT_KG), (FULL, LOAD)):
            most, least = -np.inf, np.inf
            for k in range(begin, end):
                if int(rows[k, SEEN]) & side:
                    most = max(most, rows[k, column])
                    least = min(least, rows[k, column])
            if most >= least and not 0.0 < most < near * least:
                return False
        begin = end
    return True
