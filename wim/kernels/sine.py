"""One sine through what the rows saw of each axle, at many frequencies."""

import numpy as np
from numpy.typing import NDArray

from wim._jit import njit
from wim.kernels.elementary import cosine

__all__ = ["fit_sines"]

Floats = NDArray[np.float64]

_HALF_TURN = 3.141592653589793
_PRIOR = 0.05  # at some speeds the waves are constants


@njit
def fit_sines(
    loads_kg: Floats,
    after_s: Floats,
    ends: NDArray[np.int64],
    hertz: Floats,
    fits: Floats,
) -> None:
    """Fit ``P + A·sin + B·cos`` to each axle's rows, frequency by frequency.

    Least squares by elimination, the waves drawn a little to zero.

    Args:
        loads_kg: of all axles' rows, shape (rows,).
        after_s: when each was crossed.
        ends: where the rows of each axle end, shape (axles,).
        hertz: frequencies to try, shape (frequencies,).
        fits: filled, shape (frequencies, axles, 2): the constant P and the sum of
            squares that is left [kg²].
    """
    wave = np.empty((loads_kg.shape[0], 3))
    normal = np.empty((3, 4))
    found = np.empty(3)
    for f in range(hertz.shape[0]):
        first = 0
        for axle in range(ends.shape[0]):
            last = ends[axle]
            normal[:] = 0.0
            for k in range(first, last):
                angle = 2.0 * _HALF_TURN * hertz[f] * after_s[k]
                wave[k, 0] = 1.0
                wave[k, 1] = cosine(angle)
                wave[k, 2] = cosine(angle - 0.5 * _HALF_TURN)
                for i in range(3):
                    for j in range(3):
                        normal[i, j] += wave[k, i] * wave[k, j]
                    normal[i, 3] += wave[k, i] * loads_kg[k]
            for i in (1, 2):
                normal[i, i] += _PRIOR * (last - first)
            for i in range(3):
                for k in range(i + 1, 3):
                    factor = normal[k, i] / normal[i, i]
                    for j in range(4):
                        normal[k, j] -= factor * normal[i, j]
            for i in (2, 1, 0):
                rest = 0.0
                for k in range(i + 1, 3):
                    rest += normal[i, k] * found[k]
                found[i] = (normal[i, 3] - rest) / normal[i, i]
            left = 0.0
            for k in range(first, last):
                fitted = found[0] + found[1] * wave[k, 1] + found[2] * wave[k, 2]
                left += (loads_kg[k] - fitted) * (loads_kg[k] - fitted)
            fits[f, axle, 0] = found[0]
            fits[f, axle, 1] = left
            first = last
