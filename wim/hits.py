"""One wheel on one strip, and when an axle crossed a row by its wheels.

Times come from the pulses alone; how fast a wheel was is guessed here from the length
of its pulse and nothing better. It joins no pulses and weighs nothing.
"""

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

from wim.kinematics import Crossed
from wim.pulses import Pulse
from wim.samples import Strip
from wim.views import Sensor

__all__ = [
    "USUAL_CONTACT_M",
    "Hit",
    "half_height_m",
    "hit_time_s",
    "hits_of",
    "rough_speed_mps",
    "row_crossings",
]

USUAL_CONTACT_M = 0.25
"""Way of a wheel from its first touch of a strip to its last, roughly."""
_USUAL_HALF_M = 0.155


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


def half_height_m(strip: Strip) -> float:
    """Return how far a wheel goes while its pulse is above half its height, usually."""
    if strip.kind == "plate":
        return max(strip.width_m, _USUAL_HALF_M)
    return _USUAL_HALF_M


def row_crossings(hits: Sequence[Hit]) -> list[Crossed]:
    """Return when the axle's centre crossed each row, in the order of the rows.

    Where only one wheel was seen, it is taken to be as far ahead of the other as it
    is on the rows that saw both.
    """
    by_row: dict[int, list[Hit]] = {}
    for hit in hits:
        rank = hit.sensor.rank
        if rank in by_row:
            by_row[rank].append(hit)
        else:
            by_row[rank] = [hit]
    ranks = sorted(by_row)
    if len(set(map(len, by_row.values()))) == 1:
        return [_row_crossed(by_row[rank]) for rank in ranks]
    both = [by_row[rank] for rank in ranks if len(by_row[rank]) == 2]
    pace = _pace(hits)
    leads = []
    for own in both:
        one, other = own if own[0].sensor.side == "left" else own[::-1]
        apart_m = other.sensor.s_m - one.sensor.s_m
        leads.append(hit_time_s(other) - hit_time_s(one) - apart_m * pace)
    lead_s = math.fsum(leads) / len(leads) if leads else 0.0
    crossings = []
    for rank in ranks:
        own = by_row[rank]
        crossed = _row_crossed(own)
        if len(own) == 1 and own[0].sensor.side != "full":
            ahead = 0.5 if own[0].sensor.side == "left" else -0.5
            crossed = crossed._replace(at_s=crossed.at_s + ahead * lead_s)
        crossings.append(crossed)
    return crossings


def rough_speed_mps(pulse: Pulse, other: Pulse | None = None) -> float:
    """Return a speed from the length of pulses alone, right within a third or so."""
    lasts_s = pulse.end_s - pulse.start_s
    if other is not None:
        lasts_s = 0.5 * (lasts_s + (other.end_s - other.start_s))
    return USUAL_CONTACT_M / max(lasts_s, 1e-3)


def _row_crossed(hits: Sequence[Hit]) -> Crossed:
    n = len(hits)
    if n == 2:
        (one, first), (other, second) = hits
        at_s = (first.centre_s + second.centre_s) / n
        return Crossed(at_s, (one.s_m + other.s_m) / n)
    return Crossed(
        at_s=math.fsum([hit.pulse.centre_s for hit in hits]) / n,
        s_m=math.fsum([hit.sensor.s_m for hit in hits]) / n,
    )


def _pace(hits: Sequence[Hit]) -> float:
    """Return seconds a metre between the first and the last row of any one side."""
    best_m, best_s = 0.0, 0.0
    for side in ("left", "right", "full"):
        own = [hit for hit in hits if hit.sensor.side == side]
        if len(own) > 1:
            way_m = own[-1].sensor.s_m - own[0].sensor.s_m
            if way_m > best_m:
                best_m = way_m
                best_s = hit_time_s(own[-1]) - hit_time_s(own[0])
    return best_s / best_m if best_m > 0.0 else 0.0
