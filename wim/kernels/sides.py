"""What the left and the right strips of a lane bore of a vehicle."""

import numpy as np
import numpy.typing as npt

from wim._jit import helper, njit
from wim.kernels.exact import MOST_PARTS, exact_sum
from wim.kernels.row_table import AXLE, LEFT_KG, LOAD, RIGHT_KG, ROW_NUMBER, SPEED

__all__ = ["SIDE_FIGURES", "bear_on_sides"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

SIDE_FIGURES = 10
"""0 left and 1 right of all axles, 2 left and 3 right of the steered one [kg]; how much
the sides of the steered axle change from row to row, over what is usual, and the rows
of the greatest and the least part (4 to 6), -1 where fewer than two rows tell; the same
of all axles (7 to 9)."""


@njit
def bear_on_sides(
    rows: Floats,
    axles: int,
    steered: int,
    fit: Flags,
    groups: Integers,
    light_kg: float,
    steer_usual: tuple[float, float],
    usual: tuple[float, float],
    tilts: Floats,
    figures: Floats,
) -> None:
    """Write how the load of a vehicle lay on left and right.

    Args:
        rows: axle after axle, shape (n, ROW_COLUMNS), n at least 1.
        axles: how many there are.
        steered: which of them is steered, -1 where none says anything.
        fit: by row, whether its left and right strips tell, shape (rows,).
        groups: where each axle group ends, shape (groups,).
        light_kg: an axle counts for so much at least.
        steer_usual: what the road makes of the steered axle's sides, standing and for
            each m/s.
        usual: the same of all axles.
        tilts: left less right over both, of each group, shape (groups,); written.
        figures: shape (SIDE_FIGURES,); written.
    """
    n = rows.shape[0]
    parts = np.empty(MOST_PARTS)
    left, right, load = np.empty(n), np.empty(n), np.empty(n)
    left_kg, right_kg = np.empty(axles), np.empty(axles)
    # by how much an axle pressed more on the left of a row than on average
    more = np.empty(n)
    begin = 0
    for a in range(axles):
        end = begin
        seen = pressed = 0
        while end < n and rows[end, AXLE] == a:
            more[end] = np.nan
            number = int(rows[end, ROW_NUMBER])
            if number < fit.shape[0] and fit[number]:
                left[seen] = rows[end, LEFT_KG]
                right[seen] = rows[end, RIGHT_KG]
                seen += 1
                more[end] = 0.0
            end += 1
        left_kg[a] = exact_sum(left, seen, parts) / max(seen, 1)
        right_kg[a] = exact_sum(right, seen, parts) / max(seen, 1)
        # each axle is held against its own mean, so that one which a row missed does
        # not make that row another's; one row alone says nothing
        for k in range(begin, end):
            if more[k] == 0.0 and rows[k, LOAD] > 0.0:
                left[pressed] = rows[k, LEFT_KG]
                load[pressed] = rows[k, LOAD]
                pressed += 1
            else:
                more[k] = np.nan
        if pressed > 1:
            total_kg = exact_sum(load, pressed, parts)
            share = exact_sum(left, pressed, parts) / total_kg
            for k in range(begin, end):
                more[k] += rows[k, LEFT_KG] - share * rows[k, LOAD]
        elif pressed == 1:
            more[begin:end] = np.nan
        begin = end
    first = 0
    for g in range(groups.shape[0]):
        count = groups[g] - first
        for k in range(count):
            left[k] = left_kg[first + k]
            right[k] = right_kg[first + k]
        one, other = exact_sum(left, count, parts), exact_sum(right, count, parts)
        tilts[g] = (one - other) / max(one + other, light_kg * count)
        first = groups[g]
    for k in range(n):
        load[k] = rows[k, SPEED]
    pace_mps = exact_sum(load, n, parts) / n
    figures[0] = exact_sum(left_kg, axles, parts)
    figures[1] = exact_sum(right_kg, axles, parts)
    figures[2] = figures[3] = 0.0
    figures[5] = -1.0
    if steered >= 0:
        figures[2] = left_kg[steered]
        figures[3] = right_kg[steered]
        usual_swing = steer_usual[0] + steer_usual[1] * pace_mps
        _swing(rows, more, steered, usual_swing, figures, 4)
    _swing(rows, more, -1, usual[0] + usual[1] * pace_mps, figures, 7)


@helper
def _swing(
    rows: Floats, more: Floats, axle: int, usual: float, figures: Floats, at: int
) -> None:
    """Write how much the sides change from row to row, over what is usual, and where.

    Args:
        rows: shape (n, ROW_COLUMNS).
        more: by how much an axle pressed more on the left there than on average [kg],
            not a number where that says nothing, shape (n,).
        axle: the one that is looked at, -1 all.
        usual: what the road makes of the sides.
        figures: swing, and the rows of the greatest and the least; written.
        at: from where on.
    """
    n = rows.shape[0]
    most, least = -np.inf, np.inf
    known = 0
    for first in range(n):
        # each row once, in the order of its first axles
        off_kg = both_kg = 0.0
        count = 0
        for k in range(n):
            told = more[k] == more[k] and (axle < 0 or rows[k, AXLE] == axle)
            if told and rows[k, ROW_NUMBER] == rows[first, ROW_NUMBER]:
                if count == 0 and k != first:
                    break
                off_kg += more[k]
                both_kg += rows[k, LOAD]
                count += 1
        if count == 0:
            continue
        known += 1
        part = off_kg / both_kg
        if part > most:
            most = part
            figures[at + 1] = rows[first, ROW_NUMBER]
        if part < least:
            least = part
            figures[at + 2] = rows[first, ROW_NUMBER]
    if known < 2:
        figures[at + 1] = -1.0
    figures[at] = (most - least) / usual
