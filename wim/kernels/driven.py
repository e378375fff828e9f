"""How a way was driven between two times: its speeds and accelerations."""

import numpy as np
import numpy.typing as npt

from wim._jit import inlined, njit
from wim.kernels.motion import speed_at

__all__ = ["DRIVEN_FIGURES", "drive_between"]

Floats = npt.NDArray[np.float64]

DRIVEN_FIGURES = 8
"""0 mean acceleration [m/s²]; 1 the greatest and 2 when that was [s]; 3 the least and 4
when; 5 the lowest speed [m/s] and 6 when; 7 the highest."""


@njit
def drive_between(
    from_s: float,
    until_s: float,
    steps: int,
    first_s: float,
    step_s: float,
    parts: Floats,
    told: Floats,
) -> None:
    """Write what speeds and accelerations a way had; the first moment of each.

    Args:
        from_s: looked at from here,
        until_s: until there,
        steps: at one more moment than that, equally far apart.
        first_s: when the way began.
        step_s: length of its parts.
        parts: the way, see ``motion``.
        told: shape (DRIVEN_FIGURES,); written.
    """
    lasts_s = until_s - from_s
    gained = speed_at(until_s, first_s, step_s, parts)
    told[0] = (gained - speed_at(from_s, first_s, step_s, parts)) / lasts_s
    told[1] = told[7] = -np.inf
    told[3] = told[5] = np.inf
    for k in range(steps + 1):
        moment_s = from_s + lasts_s * k / steps
        gain = _acceleration_at(moment_s, first_s, step_s, parts)
        speed = speed_at(moment_s, first_s, step_s, parts)
        if gain > told[1]:
            told[1], told[2] = gain, moment_s
        if gain < told[3]:
            told[3], told[4] = gain, moment_s
        if speed < told[5]:
            told[5], told[6] = speed, moment_s
        told[7] = max(told[7], speed)


@inlined
def _acceleration_at(t: float, first_s: float, step_s: float, parts: Floats) -> float:
    since = t - first_s
    if since < 0.0:
        return float(parts[0, 2])
    k = min(int(since / step_s), parts.shape[0] - 1)
    return float(parts[k, 2] + parts[k, 3] * (since - k * step_s))
