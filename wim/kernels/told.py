"""What is told of a pulse: its times, where its middle is, whether it was clipped."""

import numpy as np

from wim._jit import helper
from wim.kernels.hit_table import (
    AREA,
    AREA_SIGMA,
    CENTRE,
    CENTROID,
    CLIPPED,
    END,
    FALL,
    NOISE,
    PLATEAU,
    RISE,
    START,
)
from wim.kernels.layout import FEWEST_TOPS, LANES, OUT_FIGURES, Floats

__all__ = ["tell"]

_LEAN = 0.15
_RAILS = (2047.0, 32767.0, 131071.0, 524287.0, 8388607.0, 2147483647.0)
"""Highest counts of converters with a sign, of 12 to 32 bits."""


@helper
def tell(
    column: int,
    first: float,
    last: float,
    rise: float,
    fall: float,
    centroid: float,
    area: float,
    sigma: float,
    plateau: float,
    noise: float,
    top: float,
    tops: int,
    reals: Floats,
    factors: Floats,
    row: Floats,
) -> None:
    """Write the figures of one pulse.

    Args:
        column: of the counts.
        first: where the threshold is crossed, and
        last: where it is again [samples since the first of the stream].
        rise: where half the height is, and
        fall: where it is again [likewise].
        centroid: of the area [likewise].
        area: [counts * samples].
        sigma: its standard uncertainty [counts * samples].
        plateau: mean while a plate carried the wheel wholly [counts].
        noise: around the pulse [counts].
        top: highest count.
        tops: how often it was seen.
        reals: state of the channels.
        factors: figures of the detector.
        row: of ``out``; columns of a hit table are written.
    """
    rate = factors[13]
    shift = reals[24 * LANES + column]
    full_scale = reals[23 * LANES + column]
    clipped = top >= full_scale
    if full_scale == np.inf and tops > 1:
        for rail in _RAILS:
            clipped = clipped or top == rail
    if tops >= FEWEST_TOPS and noise >= reals[25 * LANES + column]:
        clipped = clipped or tops >= factors[12] * (fall - rise)
    rise_s = rise / rate + shift
    fall_s = fall / rate + shift
    centroid_s = centroid / rate + shift
    middle_s = 0.5 * (rise_s + fall_s)
    leans = clipped or abs(centroid_s - middle_s) > _LEAN * (fall_s - rise_s)
    figures = row[OUT_FIGURES:]
    figures[CENTROID - CENTROID] = centroid_s
    figures[CENTRE - CENTROID] = middle_s if leans else centroid_s
    figures[AREA - CENTROID] = area / rate
    figures[AREA_SIGMA - CENTROID] = sigma / rate
    figures[RISE - CENTROID] = rise_s
    figures[FALL - CENTROID] = fall_s
    figures[START - CENTROID] = first / rate + shift
    figures[END - CENTROID] = last / rate + shift
    figures[NOISE - CENTROID] = noise
    figures[CLIPPED - CENTROID] = 1.0 if clipped else 0.0
    figures[PLATEAU - CENTROID] = plateau
