"""What the road before the strips does to every truck: learned once, expected again.

The same unevenness shakes all vehicles of a lane, so a part of each row's dynamic
load can be foreseen from an axle's place, speed and load (spatial repeatability). A
road comes with a station's parameter set and is never learned while weighing.
"""

import functools
import itertools
from collections.abc import Sequence
from typing import Annotated, Literal, NamedTuple, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from wim.kernels.ride import answer_to_slope, expected_excess

__all__ = [
    "Ride",
    "Road",
    "Role",
    "Springs",
    "Suspension",
    "answers",
    "excess",
    "roles_of",
    "springs_of",
]

Floats = npt.NDArray[np.float64]
Positive = Annotated[float, msgspec.Meta(gt=0.0)]
Role: TypeAlias = Literal["steer", "drive", "trailer"]

_GRAVITY_MPS2 = 9.80665
_KEPT = 256


class Suspension(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One axle's usual springs; leaf and air lie about it on both sides."""

    unsprung_kg: Positive
    spring_npm: Positive
    damper_nspm: Positive
    tyre_npm: Positive


class Ride(
    msgspec.Struct,
    frozen=True,
    forbid_unknown_fields=True,
    kw_only=True,
    cache_hash=True,
):
    """The suspensions that a road is learned and applied with.

    ``memory_s`` and ``memory_m`` bound how long an unevenness is felt;
    ``steer_spacing_m`` is the distance up to which a second axle steers too. A vehicle
    below ``least_vehicle_kg`` stands on no truck's springs: what the road does to a
    truck of its weight says nothing of it, and no learned road is taken off.
    """

    steer: Suspension = Suspension(
        unsprung_kg=700.0, spring_npm=400e3, damper_nspm=14e3, tyre_npm=1750e3
    )
    drive: Suspension = Suspension(
        unsprung_kg=1050.0, spring_npm=700e3, damper_nspm=25e3, tyre_npm=3500e3
    )
    trailer: Suspension = Suspension(
        unsprung_kg=730.0, spring_npm=550e3, damper_nspm=22e3, tyre_npm=3000e3
    )
    memory_s: Positive = 3.0
    memory_m: Positive = 45.0
    least_sprung_kg: Positive = 300.0
    least_vehicle_kg: Positive = 4500.0
    steer_spacing_m: Positive = 2.5


class Road(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The effective slopes of one lane before and under its strips.

    ``slopes`` [m/m] are those of cells of ``cell_m`` from ``from_m`` on, places along
    the travel from row 0. ``rest`` is how much dynamic load
    is left when the expected part is taken off, over that of a usual road: the factor
    that gross masses ask for which the road was not learned from, at the speeds
    ``rest_speeds_mps``, linear between and constant beyond.
    """

    lane: Annotated[int, msgspec.Meta(ge=1)]
    from_m: float
    cell_m: Positive
    slopes: Annotated[tuple[float, ...], msgspec.Meta(min_length=2, max_length=4096)]
    rest_speeds_mps: Annotated[
        tuple[Positive, ...], msgspec.Meta(min_length=1, max_length=16)
    ]
    rest: tuple[Annotated[float, msgspec.Meta(gt=0.0, le=20.0)], ...]

    def __post_init__(self) -> None:
        """Refuse a rest that does not belong to its speeds, and speeds out of order."""
        if len(self.rest) != len(self.rest_speeds_mps):
            message = (
                f"road of lane {self.lane}: {len(self.rest)} figures of rest for "
                f"{len(self.rest_speeds_mps)} speeds; give one each"
            )
            raise ValueError(message)
        speeds = self.rest_speeds_mps
        if any(b <= a for a, b in itertools.pairwise(speeds)):
            message = (
                f"road of lane {self.lane}: rest_speeds_mps {list(speeds)} must grow"
            )
            raise ValueError(message)


def roles_of(
    groups: Sequence[Sequence[int]], spacings_m: Sequence[float], *, ride: Ride
) -> tuple[Role, ...]:
    """Return what each axle most likely does, from geometry alone.

    >>> roles_of([[0], [1, 2], [3, 4]], [3.3, 1.35, 6.0, 1.3], ride=Ride())
    ('steer', 'drive', 'drive', 'trailer', 'trailer')
    """
    steering = {0}
    if len(groups) > 2 and spacings_m[0] <= ride.steer_spacing_m:
        steering.add(1)
    roles: list[Role] = []
    driven: int | None = None
    for number, group in enumerate(groups):
        for axle in group:
            if axle in steering:
                roles.append("steer")
            elif driven is None or driven == number:
                driven = number
                roles.append("drive")
            else:
                roles.append("trailer")
    return tuple(roles)


class Springs(NamedTuple):
    """What some axles stand on, as kernels read it; nobody writes there.

    ``working`` are the rates of spring and tyre one on the other, ``locked`` those of
    the tyres alone [N/m]; ``driven`` is 1 of axles that are, else 0.
    """

    unsprung_kg: Floats
    working: Floats
    locked: Floats
    driven: Floats


@functools.lru_cache(maxsize=_KEPT)
def springs_of(roles: tuple[Role, ...], ride: Ride) -> Springs:
    """Return what axles stand on by their roles."""
    own: list[Suspension] = [getattr(ride, role) for role in roles]
    return Springs(
        unsprung_kg=np.array([each.unsprung_kg for each in own]),
        working=np.array([_working(each) for each in own]),
        locked=np.array([each.tyre_npm for each in own]),
        driven=np.array([float(role == "drive") for role in roles]),
    )


def _working(suspension: Suspension) -> float:
    spring, tyre = suspension.spring_npm, suspension.tyre_npm
    return spring * tyre / (spring + tyre)


def answers(
    role: Role, *, load_kg: float, speed_mps: float, cell_m: float, ride: Ride
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return an axle's extra force over its static one after one cell of slope 1.

    Args:
        role: of the axle.
        load_kg: its static load, as well as it is known.
        speed_mps: its speed, above zero.
        cell_m: length of a cell.
        ride: usual suspensions.

    Returns:
        Relative excess at the end of the cell, one cell later and so on.
    """
    own: Suspension = getattr(ride, role)
    length_m = min(ride.memory_m, ride.memory_s * speed_mps)
    answer = np.zeros(max(2, int(length_m / cell_m) + 1))
    answer_to_slope(
        max(load_kg - own.unsprung_kg, ride.least_sprung_kg),
        own.unsprung_kg,
        own.spring_npm,
        own.damper_nspm,
        own.tyre_npm,
        speed_mps,
        cell_m,
        answer,
    )
    answer /= load_kg * _GRAVITY_MPS2
    return answer


def excess(
    road: Road,
    role: Role,
    *,
    load_kg: float,
    speed_mps: float,
    places_m: Sequence[float],
    ride: Ride,
) -> tuple[float, ...]:
    """Return by how much of its static load an axle presses more at some places."""
    answer = answers(
        role, load_kg=load_kg, speed_mps=speed_mps, cell_m=road.cell_m, ride=ride
    )
    slopes = np.array(road.slopes)
    return tuple(
        expected_excess(answer, slopes, road.from_m, road.cell_m, place)
        for place in places_m
    )
