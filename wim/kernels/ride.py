"""How a wheel's load answers to the road: one axle on its springs, linear.

Arrays and numbers in and out; steps of fixed order, so the bits are the same on every
processor.
"""

import numpy as np
import numpy.typing as npt

from wim._jit import njit

__all__ = ["answer_to_slope", "expected_excess"]

Floats = npt.NDArray[np.float64]

_LONGEST_STEP_S = 0.0003


@njit
def answer_to_slope(
    sprung_kg: float,
    unsprung_kg: float,
    spring_npm: float,
    damper_nspm: float,
    tyre_npm: float,
    speed_mps: float,
    cell_m: float,
    answer_n: Floats,
) -> None:
    """Write the tyre's extra force after one cell of slope 1 that then stays level.

    Args:
        sprung_kg: mass on the axle's springs.
        unsprung_kg: mass of axle and wheels.
        spring_npm: stiffness of the suspension [N/m].
        damper_nspm: its damping [N·s/m].
        tyre_npm: stiffness of the tyres [N/m].
        speed_mps: of travel.
        cell_m: length of a cell of the road.
        answer_n: force [N] when the wheel is at the end of the cell, one cell later
            and so on, shape (cells,); written.
    """
    duration_s = cell_m / speed_mps
    steps = max(1, int(duration_s / _LONGEST_STEP_S) + 1)
    dt = duration_s / steps
    body_m = 0.0
    body_mps = 0.0
    wheel_m = 0.0
    wheel_mps = 0.0
    for cell in range(answer_n.shape[0]):
        for step in range(steps):
            road_m = cell_m * (step + 0.5) / steps if cell == 0 else cell_m
            spring_n = spring_npm * (wheel_m - body_m)
            spring_n += damper_nspm * (wheel_mps - body_mps)
            tyre_n = tyre_npm * (road_m - wheel_m)
            body_mps += dt * spring_n / sprung_kg
            wheel_mps += dt * (tyre_n - spring_n) / unsprung_kg
            body_m += dt * body_mps
            wheel_m += dt * wheel_mps
        answer_n[cell] = tyre_npm * (cell_m - wheel_m)


@njit
def expected_excess(
    answer_n: Floats, slopes: Floats, first_m: float, cell_m: float, place_m: float
) -> float:
    """Return the extra force [N] at a place of a road whose slopes are known.

    Between two cells' ends it is interpolated; beyond the known cells the road counts
    as level.
    """
    exact = (place_m - first_m) / cell_m
    low = int(np.floor(exact))
    share = exact - low
    total = 0.0
    for cell in range(answer_n.shape[0]):
        near = low - 1 - cell
        if 0 <= near < slopes.shape[0]:
            total += (1.0 - share) * answer_n[cell] * slopes[near]
        far = low - cell
        if 0 <= far < slopes.shape[0]:
            total += share * answer_n[cell] * slopes[far]
    return total
