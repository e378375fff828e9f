"""From the area of a pulse to a mass: the calibration chain of one strip.

The chain is ``C = C_strip * f_speed * f_type * f_temperature``. This version knows the
strip's own factor only; no curve is assumed where none was measured, so the others do
not stand here as ones in disguise: a site with curves will bring them as data.
"""

from wim.samples import Strip

__all__ = ["STANDARD_GRAVITY_MPS2", "mass_kg"]

STANDARD_GRAVITY_MPS2 = 9.80665


def mass_kg(strip: Strip, *, area_counts_s: float, speed_mps: float) -> float:
    """Return the mass that a wheel's pulse stands for.

    Args:
        strip: the strip that was crossed.
        area_counts_s: time integral of the counts above the offset.
        speed_mps: speed of the wheel while it was on this strip.
    """
    force_n = area_counts_s * speed_mps / (strip.counts_per_newton * strip.width_m)
    return force_n / STANDARD_GRAVITY_MPS2
