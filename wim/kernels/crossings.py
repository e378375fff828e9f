"""What the joint estimate reads: crossings of rows, and what may swing in them."""

import math

import numpy as np
import numpy.typing as npt

from wim._jit import inlined, njit
from wim.kernels.curves import between
from wim.kernels.exact import MOST_PARTS, exact_sum
from wim.kernels.row_table import (
    AXLE,
    LEFT,
    LEFT_KG,
    LOAD,
    RIGHT,
    RIGHT_KG,
    ROW_NUMBER,
    ROW_PLACE,
    ROW_RANK,
    SEEN,
    SIGMA,
    SPEED,
    SPEED_SIGMA,
    WHOLE,
)

__all__ = ["rough_loads", "see_crossings", "suppose_swings"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_LEAST_MPS = 0.1
_LEAST_SEEN = 0.1
_LEAST_KG = 50.0
_USUAL_LOAD_KG = 1e4


@njit
def see_crossings(
    rows: Floats,
    factors: Floats,
    strips: Floats,
    completed: float,
    halved: float,
    axles: Integers,
    ranks: Integers,
    places_m: Floats,
    speeds_mps: Floats,
    loads_kg: Floats,
    own_variances_kg2: Floats,
    row_variances: Floats,
) -> float:
    """Write what rows saw of axles, a wheel that a row missed made up for.

    Args:
        rows: axle after axle, shape (n, ROW_COLUMNS).
        factors: of the calibration at each of them, shape (n,).
        strips: relative variance that the strips of a row bring, by the site's number.
        completed: relative uncertainty of a wheel whose share other rows tell,
        halved: and where none tells it.
        axles: whose crossing, shape (n,); written.
        ranks: on which row along the way, shape (n,); written.
        places_m: where along the way, shape (n,); written.
        speeds_mps: how fast the axle was there, shape (n,); written.
        loads_kg: what the row saw, shape (n,); written.
        own_variances_kg2: what is independent of all others, shape (n,); written.
        row_variances: by rank, as many as the lane has rows; written.

    Returns:
        The mean relative uncertainty of the speeds.
    """
    n = rows.shape[0]
    unsure = np.empty(n)
    begin = 0
    while begin < n:
        axle = rows[begin, AXLE]
        end = begin
        left = right = 0.0
        while end < n and rows[end, AXLE] == axle:
            seen = int(rows[end, SEEN])
            if rows[end, WHOLE] != 0.0 and seen & LEFT and seen & RIGHT:
                left += rows[end, LEFT_KG]
                right += rows[end, RIGHT_KG]
            end += 1
        for k in range(begin, end):
            load, sigma = rows[k, LOAD], rows[k, SIGMA]
            seen = int(rows[k, SEEN])
            if rows[k, WHOLE] == 0.0 and (seen & LEFT > 0) != (seen & RIGHT > 0):
                load, sigma = _completed(
                    load, sigma, seen, left, left + right, completed, halved
                )
            speed = max(rows[k, SPEED], _LEAST_MPS)
            rank = int(rows[k, ROW_RANK])
            sigma *= factors[k]
            axles[k] = int(axle)
            ranks[k] = rank
            places_m[k] = rows[k, ROW_PLACE]
            speeds_mps[k] = speed
            loads_kg[k] = factors[k] * load
            own_variances_kg2[k] = max(sigma * sigma, 1.0)
            row_variances[rank] = strips[int(rows[k, ROW_NUMBER])]
            unsure[k] = rows[k, SPEED_SIGMA] / speed
        begin = end
    return float(exact_sum(unsure, n, np.empty(MOST_PARTS)) / n)


@inlined
def _completed(
    load: float,
    sigma: float,
    seen: int,
    left: float,
    both: float,
    completed: float,
    halved: float,
) -> tuple[float, float]:
    """Return load and uncertainty with the wheel that was missed, by the others."""
    share = left / both if both > 0.0 else 0.5
    part = max(share if seen & LEFT else 1.0 - share, _LEAST_SEEN)
    whole = load / part
    noise = sigma / part
    missed = completed if both > 0.0 else halved
    return whole, math.sqrt(noise * noise + missed * missed * whole * whole)


@inlined
def rough_loads(axles: Integers, loads_kg: Floats, rough_kg: Floats) -> None:
    """Write each axle's plain mean over its crossings, at least a few kilograms."""
    count = np.zeros(rough_kg.shape[0])
    rough_kg[:] = 0.0
    for k in range(loads_kg.shape[0]):
        rough_kg[axles[k]] += loads_kg[k]
        count[axles[k]] += 1.0
    for a in range(rough_kg.shape[0]):
        rough_kg[a] = max(rough_kg[a] / count[a], _LEAST_KG)


@njit
def suppose_swings(
    axles: Integers,
    speeds_mps: Floats,
    loads_kg: Floats,
    rest: float,
    at_mps: Floats,
    shares: Floats,
    at_kg: Floats,
    load_factors: Floats,
    first: float,
    bounces: Floats,
    damping: float,
    usual_hz: float,
    spread: float,
    swings_kg: Floats,
    likely: Floats,
) -> float:
    """Write how much each axle may swing and which bounces are likely at its load.

    The latter is the resonance curve of an oscillator over its frequency; no library's
    exponential.

    Args:
        axles: whose crossing, each axle's at least once, shape (n,).
        speeds_mps: of the crossings, shape (n,).
        loads_kg: what the rows saw, shape (n,).
        rest: factor of the swing.
        at_mps: where the swing of a usual axle is known, with
        shares: of its load.
        at_kg: where its dependence on the load is known, with
        load_factors: times the share.
        first: times the share of the first axle.
        bounces: frequency [Hz] and prior probability, shape (b, 2).
        damping: of all of them.
        usual_hz: of an axle of 10 t.
        spread: how far from the usual one a frequency is still likely.
        swings_kg: shape (axles,); written.
        likely: frequency [Hz], damping ratio and probability, shape (b, 3); written.

    Returns:
        The mean speed [m/s].
    """
    n = speeds_mps.shape[0]
    count = swings_kg.shape[0]
    parts = np.empty(MOST_PARTS)
    pace_mps = float(exact_sum(speeds_mps, n, parts) / n)
    rough_loads(axles, loads_kg, swings_kg)
    mean_kg = exact_sum(swings_kg, count, parts) / count
    share = between(at_mps, shares, pace_mps)
    for a in range(count):
        rough_kg = swings_kg[a]
        own = share * between(at_kg, load_factors, rough_kg)
        if a == 0:
            own *= first
        swings_kg[a] = rest * rough_kg * own
    middle_hz = usual_hz * math.sqrt(_USUAL_LOAD_KG / mean_kg)
    for b in range(bounces.shape[0]):
        relative = bounces[b, 0] / middle_hz
        off = (relative - 1.0 / relative) / spread
        fall = 1.0 + off * off
        likely[b, 0] = bounces[b, 0]
        likely[b, 1] = damping
        likely[b, 2] = bounces[b, 1] / (fall * fall)
    return pace_mps
