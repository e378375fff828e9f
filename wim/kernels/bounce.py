"""What a few rows leave of a bounce of unknown frequency: their mean over it."""

import numpy as np
import numpy.typing as npt

from wim._jit import inlined, njit
from wim.kernels.elementary import cosine

__all__ = ["share_in_mean", "shares_in_means"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_TWO_PI = 6.283185307179586
_QUARTER_TURN = 1.5707963267948966
_NARROW = 1.0e-6


@njit
def shares_in_means(
    places_m: Floats, axles: Integers, pace_mps: float, bands_hz: Floats, shares: Floats
) -> None:
    """Write for each axle of a vehicle what ``share_in_mean`` says of its rows.

    Args:
        places_m: of all crossings [m], shape (n,).
        axles: whose crossing, each axle's at least once, shape (n,).
        pace_mps: speed of travel, above zero.
        bands_hz: lower and upper end of each axle's band, shape (axles, 2).
        shares: shape (axles,); written.
    """
    own = np.empty(places_m.shape[0])
    for axle in range(shares.shape[0]):
        count = 0
        for i in range(places_m.shape[0]):
            if axles[i] == axle:
                own[count] = places_m[i]
                count += 1
        shares[axle] = share_in_mean(
            own[:count], pace_mps, bands_hz[axle, 0], bands_hz[axle, 1]
        )


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
