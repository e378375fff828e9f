"""How unevenly a vehicle went, beyond what a smooth way and its rows' places explain.

A row that stands somewhere else than the site file says is off by as much for every
axle; a foot that goes down and up is felt at one time, by each axle at another place.
"""

import math
from collections.abc import Sequence

from wim.axles import Axle

__all__ = ["unevenness_m"]


def unevenness_m(axles: Sequence[Axle]) -> float | None:
    """Return what the way leaves at the crossings once rows have places of their own.

    A root mean square [m] over what crossings say beyond one mean a row and one an
    axle; None where these leave nothing to say.

    Args:
        axles: of one vehicle, on one smooth way.
    """
    off_m: dict[tuple[int, int], list[float]] = {}
    for number, axle in enumerate(axles):
        for sensor, pulse in axle.hits:
            rest_m = axle.motion.place_at(pulse.centre_s) - sensor.s_m
            off_m.setdefault((number, sensor.rank), []).append(rest_m)
    rests = {at: math.fsum(own) / len(own) for at, own in off_m.items()}
    rows = {rank for _, rank in rests}
    seen = {number for number, _ in rests}
    free = len(rests) - len(rows) - len(seen) + 1
    if free < 1:
        return None
    for part in (0, 1) * _SWEEPS:
        sums: dict[int, list[float]] = {}
        for at, rest_m in rests.items():
            sums.setdefault(at[part], []).append(rest_m)
        means = {key: math.fsum(own) / len(own) for key, own in sums.items()}
        rests = {at: rest_m - means[at[part]] for at, rest_m in rests.items()}
    return math.sqrt(math.fsum([rest * rest for rest in rests.values()]) / free)


_SWEEPS = 4
"""Crossings that are missing leave the means of rows and axles tied to each other."""
