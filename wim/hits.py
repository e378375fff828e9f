"""One wheel on one strip.

How fast it was is guessed here from the length of its pulse and nothing better. It
joins no pulses and weighs nothing.
"""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

from wim.pulses import Pulse
from wim.views import Sensor

__all__ = [
    "USUAL_CONTACT_M",
    "Hit",
    "hit_time_s",
    "hits_of",
    "rough_speed_mps",
]

USUAL_CONTACT_M = 0.25
"""Way of a wheel from its first touch of a strip to its last, roughly."""


class Hit(NamedTuple):
    """One pulse of an axle and the sensor that gave it."""

    sensor: Sensor
    pulse: Pulse


def hits_of(sensors: Sequence[Sensor], pulses: Sequence[Pulse]) -> tuple[Hit, ...]:
    """Return what one axle pressed: as many pulses as sensors, in their order.

    Forty are made a vehicle, by the tuples' own code without a call of Python's.
    """
    pairs = zip(sensors, pulses, strict=True)
    return tuple(map(tuple.__new__, itertools.repeat(Hit), pairs))


def hit_time_s(hit: Hit) -> float:
    """Return when the wheel's centre was over the strip's."""
    return hit.pulse.centre_s


def rough_speed_mps(pulse: Pulse, other: Pulse | None = None) -> float:
    """Return a speed from the length of pulses alone, right within a third or so."""
    lasts_s = pulse.end_s - pulse.start_s
    if other is not None:
        lasts_s = 0.5 * (lasts_s + (other.end_s - other.start_s))
    return USUAL_CONTACT_M / max(lasts_s, 1e-3)
