"""What each row weighed of a whole vehicle."""

import numpy as np
import numpy.typing as npt

from wim._jit import njit
from wim.kernels.exact import MOST_PARTS, exact_sum
from wim.kernels.row_table import (
    LEFT,
    LEFT_KG,
    LOAD,
    RIGHT,
    RIGHT_KG,
    ROW_NUMBER,
    SEEN,
    WHOLE,
)

__all__ = ["SUM_FIGURES", "sum_rows"]

Floats = npt.NDArray[np.float64]

SUM_FIGURES = 5
"""0 how many axles a row saw wholly; 1 the sum of its left wheels and 2 of its right
ones [kg]; 3 of both [kg]; 4 the sides that it saw of every axle, added up."""


@njit
def sum_rows(rows: Floats, sums: Floats) -> None:
    """Add up what rows saw of axles of which they saw all wheels.

    Args:
        rows: axle after axle, shape (n, ROW_COLUMNS).
        sums: by the site's number of the row, shape (numbers, SUM_FIGURES); written.
    """
    n = rows.shape[0]
    parts = np.empty(MOST_PARTS)
    loads = np.empty(n)
    for number in range(sums.shape[0]):
        count = 0
        left = right = 0.0
        sides = LEFT | RIGHT
        for k in range(n):
            if rows[k, ROW_NUMBER] == number and rows[k, WHOLE] != 0.0:
                left += rows[k, LEFT_KG]
                right += rows[k, RIGHT_KG]
                loads[count] = rows[k, LOAD]
                sides &= int(rows[k, SEEN])
                count += 1
        sums[number, 0] = count
        sums[number, 1] = left
        sums[number, 2] = right
        sums[number, 3] = exact_sum(loads, count, parts)
        sums[number, 4] = sides
