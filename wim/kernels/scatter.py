"""How far the rows are from each other in what they say of a vehicle's axles."""

import math

import numpy as np
import numpy.typing as npt

from wim._jit import njit
from wim.kernels.curves import between
from wim.kernels.exact import MOST_PARTS, exact_sum
from wim.kernels.row_table import AXLE, LOAD, ROW_NUMBER, SPEED, WHOLE

__all__ = ["scatter_rows"]

Floats = npt.NDArray[np.float64]


@njit
def scatter_rows(
    rows: Floats,
    axles: int,
    speeds_mps: Floats,
    shares: Floats,
    loads_kg: Floats,
    factors: Floats,
    strips: float,
    alike: float,
) -> tuple[float, int]:
    """Return the scatter of the rows over the usual one, and the row that is furthest.

    Args:
        rows: axle after axle, shape (n, ROW_COLUMNS), n at least 1.
        axles: how many there are.
        speeds_mps: where the usual scatter is known, with
        shares: of the load.
        loads_kg: where its dependence on the load is known, with
        factors: times the share.
        strips: what no two strips agree in (relative).
        alike: correlation of two axles at a row.

    Returns:
        The scatter and the row; below zero where no axle was seen wholly by two rows.
    """
    n = rows.shape[0]
    parts = np.empty(MOST_PARTS)
    own = np.empty(n)
    for k in range(n):
        own[k] = rows[k, SPEED]
    share = between(speeds_mps, shares, exact_sum(own, n, parts) / n)
    # how far each axle is off at each row, not a number where that says nothing
    rests = np.empty(n)
    expected = 0.0
    begin = 0
    for a in range(axles):
        end = begin
        whole = 0
        while end < n and rows[end, AXLE] == a:
            rests[end] = np.nan
            if rows[end, WHOLE] != 0.0:
                own[whole] = rows[end, LOAD]
                whole += 1
            end += 1
        if whole > 1:
            mean = exact_sum(own, whole, parts) / whole
            usual = mean * share * between(loads_kg, factors, mean)
            expected += usual * usual + (strips * mean) * (strips * mean)
            freedom = math.sqrt(whole - 1)
            for k in range(begin, end):
                if rows[k, WHOLE] != 0.0:
                    rests[k] = (rows[k, LOAD] - mean) / freedom
        begin = end
    if expected <= 0.0:
        return -1.0, -1
    furthest = -1.0
    worst = -1
    squares = np.empty(n)
    known = 0
    for first in range(n):
        # each row once, in the order of its first axles
        number = rows[first, ROW_NUMBER]
        count = 0
        for k in range(n):
            if rows[k, ROW_NUMBER] == number and rests[k] == rests[k]:
                if count == 0 and k != first:
                    break
                own[count] = rests[k]
                count += 1
        if count == 0:
            continue
        total = exact_sum(own, count, parts)
        for k in range(count):
            own[k] *= own[k]
        length = exact_sum(own, count, parts)
        if length > furthest:
            furthest = length
            worst = int(number)
        # the squared length of figures that are alike in pairs (Mahalanobis): what
        # they have in common counts for less
        common = total * total / count
        apart = max(length - common, 0.0)
        squares[known] = common / (1.0 + (count - 1) * alike) + apart / (1.0 - alike)
        known += 1
    return math.sqrt(exact_sum(squares, known, parts) / expected), worst
