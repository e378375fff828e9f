"""What a few rows leave of a bounce of unknown frequency: their mean over it."""

import math

import numpy as np
import numpy.typing as npt

from wim._jit import inlined, njit
from wim.kernels.curves import between
from wim.kernels.elementary import cosine
from wim.kernels.exact import MOST_PARTS, exact_sum

__all__ = ["band_hz", "leave_bounces", "share_in_mean"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_TWO_PI = 6.283185307179586
_QUARTER_TURN = 1.5707963267948966
_NARROW = 1.0e-6


@njit
def leave_bounces(
    axles: Integers,
    places_m: Floats,
    speeds_mps: Floats,
    loads_kg: Floats,
    unsprung_kg: Floats,
    working: Floats,
    locked: Floats,
    at_mps: Floats,
    shares: Floats,
    at_kg: Floats,
    load_factors: Floats,
    first: float,
    unforetold_kg: Floats,
    unforetold: Floats,
    rest: float,
    alike: float,
    sigmas_kg: Floats,
) -> float:
    """Write what a bounce leaves in each axle's mean over its rows.

    Args:
        axles: whose crossing, each axle's at least once, shape (n,).
        places_m: of all crossings [m], shape (n,).
        speeds_mps: likewise, above zero.
        loads_kg: of the axles, shape (a,).
        unsprung_kg: that part of it, shape (a,).
        working: rates of springs and tyres [N/m], shape (a,).
        locked: rates of the tyres alone [N/m], shape (a,).
        at_mps: where the swing of a usual axle is known, with
        shares: of its load.
        at_kg: where its dependence on the load is known, with
        load_factors: times the share.
        first: times the share of the first axle.
        unforetold_kg: where it is known which part a learned road does not foretell,
        unforetold: with that part.
        rest: of the learned road over that of a usual one; below zero none is.
        alike: how far axles of a vehicle are akin.
        sigmas_kg: standard deviations, shape (a,); written.

    Returns:
        What they leave in the sum of the axles [kg].
    """
    n = places_m.shape[0]
    count = loads_kg.shape[0]
    parts = np.empty(MOST_PARTS)
    own_m = np.empty(n)
    squares = np.empty(count)
    pace_mps = exact_sum(speeds_mps, n, parts) / n
    usual = between(at_mps, shares, pace_mps)
    for a in range(count):
        own = 0
        for i in range(n):
            if axles[i] == a:
                own_m[own] = places_m[i]
                own += 1
        swinging_kg = max(loads_kg[a], unsprung_kg[a])
        share = usual * between(at_kg, load_factors, swinging_kg)
        if a == 0:
            share *= first
        if rest >= 0.0:
            left = between(unforetold_kg, unforetold, swinging_kg) * math.sqrt(rest)
            share *= left
        low_hz, high_hz = band_hz(working[a], locked[a], swinging_kg)
        seen = share_in_mean(own_m[:own], pace_mps, low_hz, high_hz)
        sigmas_kg[a] = share * loads_kg[a] * math.sqrt(seen)
        squares[a] = sigmas_kg[a] * sigmas_kg[a]
    whole_kg = exact_sum(sigmas_kg, count, parts)
    own_kg2 = exact_sum(squares, count, parts)
    return math.sqrt((1.0 - alike) * own_kg2 + alike * whole_kg * whole_kg)


@inlined
def band_hz(working: float, locked: float, load_kg: float) -> tuple[float, float]:
    """Return between which frequencies an axle bounces: springs at work, and locked.

    Args:
        working: rate of springs and tyres [N/m].
        locked: rate of the tyres alone [N/m].
        load_kg: what bounces on them.
    """
    low_hz = math.sqrt(working / load_kg) / _TWO_PI
    return low_hz, math.sqrt(locked / load_kg) / _TWO_PI


@inlined
def share_in_mean(
    places_m: Floats, pace_mps: float, low_hz: float, high_hz: float
) -> float:
    """Return how much of the variance of a sine is left in the mean over the rows.

    The sine does not die away, its phase is anything and its frequency anything within
    a band: 1 where all rows see the same phase whatever the frequency is, 1/n where
    they are as good as independent.

    Args:
        places_m: of the rows [m], shape (n,), n at least 1.
        pace_mps: speed of travel, above zero.
        low_hz: lower end of the band.
        high_hz: upper end, not below the lower.

    Source:
        The mean square of ``mean(exp(2 pi i f place / speed))`` over the band; for two
        rows ``a`` and ``b`` the mean of ``cos(2 pi f (a - b) / speed)`` over ``f``.
    """
    n = places_m.shape[0]
    total = float(n)
    for i in range(n):
        for k in range(i):
            turn = _TWO_PI * abs(places_m[i] - places_m[k]) / pace_mps
            low = low_hz * turn
            high = high_hz * turn
            if high - low < _NARROW:
                alike = cosine(low)
            else:
                alike = cosine(high - _QUARTER_TURN) - cosine(low - _QUARTER_TURN)
                alike /= high - low
            total += 2.0 * alike
    share: float = max(total, 0.0) / (n * n)
    return share
