"""Values between places at which they are known."""

import numpy as np
import numpy.typing as npt

from wim._jit import helper

__all__ = ["between"]

Floats = npt.NDArray[np.float64]


@helper
def between(at: Floats, values: Floats, x: float) -> float:
    """Return a value linearly between growing places, constant beyond them.

    To the bit what :func:`wim.calibration.interpolated` returns.
    """
    n = at.shape[0]
    if x <= at[0]:
        return float(values[0])
    i = 1
    while i < n and at[i] <= x:
        i += 1
    if i == n:
        return float(values[n - 1])
    share = (x - at[i - 1]) / (at[i] - at[i - 1])
    return float(values[i - 1] + share * (values[i] - values[i - 1]))
