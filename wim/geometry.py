"""What a crossing shows of a vehicle's speed and of the distances between its axles.

It decides between a figure and None: nothing is guessed in the place of what the
crossings do not show, and a figure that no vehicle can have is none.
"""

import math
from collections.abc import Sequence
from itertools import starmap

import msgspec

from wim.axles import Axle
from wim.crossings import Crossing
from wim.hits import rough_speed_mps
from wim.kinematics import Kinematics

__all__ = ["LEAST_SPACING_M", "Geometry", "apart_m", "geometry_of"]

LEAST_SPACING_M = 0.5
"""Wheels are in each other's way that are nearer; such an axle is two of one pulse."""

_SPACING_DIFFERENCE = 0.05
_PULSE_DIFFERENCE = 0.25
_STANDING_MPS = 0.5


class Geometry(msgspec.Struct, frozen=True, kw_only=True):
    """Speed [m/s] of the first axle and spacings [m] between axles; None is not shown.

    Without one of the spacings, nothing is known of groups and configuration.
    ``seeming_m`` are the spacings as they seem, good enough for figures that are rough
    where they are.
    """

    speed_mps: float | None
    spacings_m: tuple[float | None, ...]
    seeming_m: tuple[float, ...] = ()

    @property
    def all_spacings_m(self) -> tuple[float, ...] | None:
        """Return the spacings where each is shown, None where one is not."""
        shown = tuple(each for each in self.spacings_m if each is not None)
        return shown if len(shown) == len(self.spacings_m) else None


def geometry_of(crossing: Crossing, *, kinematics: Kinematics) -> Geometry:
    """Return what a crossing shows of speed and spacings.

    A spacing is shown where the ways of both axles tell the same: on one smooth way
    they always do, and where the axles have ways of their own, a stop or a turn
    between them moves one far from the other. The speed is shown where one smooth way
    that never stands fits axles that can be a vehicle's. On any other the first axle's
    is shown where its pulses on the first row tell about the same and either it is
    certain or all spacings are shown.

    Args:
        crossing: the vehicle.
        kinematics: figures by which its ways were fitted.
    """
    axles = crossing.axles
    apart = tuple(map(apart_m, axles, axles[1:]))
    spacings_m = tuple(starmap(_spacing_m, apart))
    first = axles[0]
    speed_mps = first.motion.speed_at(first.crossed_s)
    shown = speed_mps > 0.0
    if not crossing.smooth or None in spacings_m or _stands(first):
        sigma_mps = first.motion.speed_sigma_at(first.crossed_s)
        certain = sigma_mps <= kinematics.speed_sigma * speed_mps
        agreed = len(axles) > 1 and None not in spacings_m
        shown = shown and (certain or agreed) and _pulses_agree(first, speed_mps)
    return Geometry(
        speed_mps=speed_mps if shown else None,
        spacings_m=spacings_m,
        seeming_m=tuple(
            [max(0.5 * (ahead_m + behind_m), 0.0) for ahead_m, behind_m in apart]
        ),
    )


def apart_m(first: Axle, second: Axle) -> tuple[float, float]:
    """Return how far two axles are apart as the way of the one and the other tells."""
    ahead_m = first.motion.place_at(second.crossed_s)
    return ahead_m, -second.motion.place_at(first.crossed_s)


def _spacing_m(ahead_m: float, behind_m: float) -> float | None:
    """Return the distance between two axles where the ways of both tell it."""
    spacing_m = 0.5 * (ahead_m + behind_m)
    most_m = _SPACING_DIFFERENCE * spacing_m
    if spacing_m >= LEAST_SPACING_M and abs(ahead_m - behind_m) <= most_m:
        return spacing_m
    return None


def _stands(axle: Axle) -> bool:
    """Tell whether an axle's way all but stands or leads back somewhere."""
    way = axle.motion.way
    if way is None:
        return True
    return min(way.speeds_mps) < _STANDING_MPS


def _pulses_agree(axle: Axle, speed_mps: float) -> bool:
    """Tell whether the pulses on the first row are about as long as a speed says."""
    told = _pulse_speeds_mps(axle)
    if not told:
        return False
    mean_mps = math.fsum(told) / len(told)
    return abs(speed_mps - mean_mps) <= _PULSE_DIFFERENCE * mean_mps


def _pulse_speeds_mps(axle: Axle) -> Sequence[float]:
    return [
        rough_speed_mps(pulse)
        for sensor, pulse in axle.hits
        if sensor.rank == 0 and sensor.strip.kind == "strip"
    ]
