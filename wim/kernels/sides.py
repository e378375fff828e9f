"""What the left and the right strips of a lane bore of a vehicle."""

import numpy as np
import numpy.typing as npt

from wim._jit import helper, inlined, njit
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
    wheels = np.zeros((2, axles))
    more = np.zeros(n)
    counts = np.zeros(n, dtype=np.bool_)
    begin = 0
    for a in range(axles):
        end = begin
        seen = pressed = 0
        while end < n and rows[end, AXLE] == a:
            if _tells(rows[end], fit):
                left[seen] = rows[end, LEFT_KG]
                right[seen] = rows[end, RIGHT_KG]
                seen += 1
            end += 1
        if seen > 0:
            wheels[0, a] = exact_sum(left, seen, parts) / seen
            wheels[1, a] = exact_sum(right, seen, parts) / seen
        # each axle is held against its own mean, so that one which a row missed does
        # not make that row another's; one row alone says nothing
        for k in range(begin, end):
            if _tells(rows[k], fit) and rows[k, LOAD] > 0.0:
                left[pressed] = rows[k, LEFT_KG]
                load[pressed] = rows[k, LOAD]
                pressed += 1
        if pressed > 1:
            total_kg = exact_sum(load, pressed, parts)
            share = exact_sum(left, pressed, parts) / total_kg
            for k in range(begin, end):
                if _tells(rows[k], fit) and rows[k, LOAD] > 0.0:
                    more[k] = rows[k, LEFT_KG] - share * rows[k, LOAD]
                    counts[k] = True
        begin = end
    first = 0
    for g in range(groups.shape[0]):
        count = groups[g] - first
        left_kg = exact_sum(wheels[0, first : groups[g]], count, parts)
        right_kg = exact_sum(wheels[1, first : groups[g]], count, parts)
        tilts[g] = (left_kg - right_kg) / max(left_kg + right_kg, light_kg * count)
        first = groups[g]
    for k in range(n):
        load[k] = rows[k, SPEED]
    pace_mps = exact_sum(load, n, parts) / n
    figures[0] = exact_sum(wheels[0], axles, parts)
    figures[1] = exact_sum(wheels[1], axles, parts)
    figures[2] = figures[3] = 0.0
    figures[5] = -1.0
    if steered >= 0:
        figures[2] = wheels[0, steered]
        figures[3] = wheels[1, steered]
        _swing(rows, more, counts, steered, steer_usual, pace_mps, figures[4:7])
    _swing(rows, more, counts, -1, usual, pace_mps, figures[7:10])


@inlined
def _tells(row: Floats, fit: Flags) -> bool:
    number = int(row[ROW_NUMBER])
    return number < fit.shape[0] and bool(fit[number])


@helper
def _swing(
    rows: Floats,
    more: Floats,
    counts: Flags,
    axle: int,
    usual: tuple[float, float],
    pace_mps: float,
    figures: Floats,
) -> None:
    """Write how much the sides change from row to row, over what is usual, and where.

    Args:
        rows: shape (n, ROW_COLUMNS).
        more: by how much an axle pressed more on the left there than on average [kg].
        counts: whether that says anything, shape (n,).
        axle: the one that is looked at, -1 all.
        usual: what the road makes of the sides, standing and for each m/s.
        pace_mps: mean speed.
        figures: swing, and the rows of the greatest and the least; written.
    """
    n = rows.shape[0]
    numbers, off_kg, both_kg = np.empty(n), np.zeros(n), np.zeros(n)
    known = 0
    for k in range(n):
        if not counts[k] or (axle >= 0 and rows[k, AXLE] != axle):
            continue
        at = 0
        while at < known and numbers[at] != rows[k, ROW_NUMBER]:
            at += 1
        if at == known:
            numbers[at] = rows[k, ROW_NUMBER]
            known += 1
        off_kg[at] += more[k]
        both_kg[at] += rows[k, LOAD]
    figures[1] = -1.0
    if known < 2:
        return
    most = least = 0
    for at in range(known):
        off_kg[at] /= both_kg[at]
        if off_kg[at] > off_kg[most]:
            most = at
        if off_kg[at] < off_kg[least]:
            least = at
    figures[0] = (off_kg[most] - off_kg[least]) / (usual[0] + usual[1] * pace_mps)
    figures[1] = numbers[most]
    figures[2] = numbers[least]
