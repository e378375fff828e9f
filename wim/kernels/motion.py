"""Place, speed and its uncertainty on a way whose acceleration is a broken line.

``parts`` are place, speed, acceleration and its change a second at the beginning of
each of some equal parts of the time, shape (parts, 4), the last where the way ends;
before and after, the acceleration stays as it is.
"""

import numpy as np
import numpy.typing as npt

from wim._jit import helper, inlined

__all__ = ["place_at", "sigma_at", "speed_at", "time_over"]

Floats = npt.NDArray[np.float64]


@helper
def place_at(t: float, first_s: float, step_s: float, parts: Floats) -> float:
    """Return how far along the way the body is at a time."""
    since = t - first_s
    k = 0 if since < 0.0 else min(int(since / step_s), parts.shape[0] - 1)
    dt = since - k * step_s
    change = 0.0 if since < 0.0 else parts[k, 3]
    return float(
        parts[k, 0] + (parts[k, 1] + (0.5 * parts[k, 2] + change * dt / 6.0) * dt) * dt
    )


@helper
def speed_at(t: float, first_s: float, step_s: float, parts: Floats) -> float:
    """Return the speed at a time."""
    since = t - first_s
    k = 0 if since < 0.0 else min(int(since / step_s), parts.shape[0] - 1)
    dt = since - k * step_s
    change = 0.0 if since < 0.0 else parts[k, 3]
    return float(parts[k, 1] + (parts[k, 2] + 0.5 * change * dt) * dt)


@inlined
def sigma_at(t: float, first_s: float, step_s: float, sigmas: Floats) -> float:
    """Return the standard uncertainty of the speed at a time."""
    along = (t - first_s) / step_s
    k = min(max(int(along), 0), sigmas.shape[0] - 2)
    share = min(max(along - k, 0.0), 1.0)
    return float((1.0 - share) * sigmas[k] + share * sigmas[k + 1])


@helper
def time_over(
    s_m: float,
    near_s: float,
    start_m: float,
    mean_mps: float,
    first_s: float,
    step_s: float,
    parts: Floats,
) -> float:
    """Return when an axle is over a place, searched from a time close to it.

    Where the way does not lead there at a forward speed, the speed at ``near_s`` or,
    if that is none, the mean speed is taken to last.

    Args:
        s_m: the place.
        near_s: time close to it.
        start_m: where the axle was when the way began.
        mean_mps: speed of the axle, as one figure.
        first_s: when the way began.
        step_s: length of its parts.
        parts: see above.
    """
    origin_m = place_at(first_s, first_s, step_s, parts)
    at_s = near_s
    for _ in range(8):
        speed = speed_at(at_s, first_s, step_s, parts)
        if speed <= 0.05 * mean_mps:
            break
        here_m = start_m + place_at(at_s, first_s, step_s, parts) - origin_m
        step = (s_m - here_m) / speed
        at_s += step
        if abs(step) < 1e-9:
            return at_s
    here_m = start_m + place_at(at_s, first_s, step_s, parts) - origin_m
    if abs(here_m - s_m) < 1e-4:
        return at_s
    speed = speed_at(near_s, first_s, step_s, parts)
    if speed <= 0.05 * mean_mps:
        speed = max(mean_mps, 1e-3)
    here_m = start_m + place_at(near_s, first_s, step_s, parts) - origin_m
    return near_s + (s_m - here_m) / speed
