"""How an axle moves by its pulses so far, to know when it comes to the next row.

A parabola over the hits by least squares: rough, and only to find pulses by.
"""

import math
from collections.abc import Sequence

from wim.hits import Hit
from wim.kinematics import Motion

__all__ = ["rough_motion", "time_over_s"]


def time_over_s(motion: Motion, at_s: float, way_m: float) -> float:
    """Return the time that a way [m], backwards if negative, takes from ``at_s`` on."""
    speed_mps = motion.speed_at(at_s)
    if speed_mps <= 0.0:
        return way_m / motion.speed_mps
    half_gain = 0.5 * (motion.acceleration_mps2 or 0.0)
    taken_s = way_m / speed_mps
    for _ in range(4):
        mean_mps = speed_mps + half_gain * taken_s
        taken_s = way_m / max(mean_mps, 0.2 * speed_mps)
    return taken_s


def rough_motion(hits: Sequence[Hit]) -> Motion | None:
    """Fit place over time by least squares; None when it says no forward speed."""
    rows = {hit.sensor.rank for hit in hits}
    if len(rows) < 2:
        return None
    n = len(hits)
    at_s = math.fsum(hit.pulse.centroid_s for hit in hits) / n
    times = [hit.pulse.centroid_s - at_s for hit in hits]
    places = [hit.sensor.s_m for hit in hits]
    t2 = math.fsum(t * t for t in times)
    s0 = math.fsum(places) / n
    st = math.fsum(s * t for s, t in zip(places, times, strict=True))
    if t2 <= 0.0 or st <= 0.0:
        return None
    line = Motion(at_s, s0, st / t2, None)
    if len(rows) < 3:
        return line
    t3 = math.fsum(t * t * t for t in times)
    t4 = math.fsum((t * t) * (t * t) for t in times)
    stt = math.fsum(s * t * t for s, t in zip(places, times, strict=True))
    # Parabola s = c + v t + q t², the mean of t being zero: eliminate c and v.
    denominator = t4 - t2 * t2 / n - t3 * t3 / t2
    if denominator <= 0.0:
        return line
    q = (stt - s0 * t2 - st / t2 * t3) / denominator
    v = (st - q * t3) / t2
    c = s0 - q * t2 / n
    return Motion(at_s, c, v, 2.0 * q) if v > 0.0 else line
