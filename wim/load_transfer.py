"""What a change of speed moves from axle to axle (轴荷转移), from geometry and loads.

Mass times acceleration pushes at the height of the centre of gravity, the road holds
against it below: gaining speed takes load off the front axles and puts it on the rear
ones, and a strip weighs what it finds. The sum stays. It measures no acceleration and
decides nothing about the driving.

Source: moments about a body's centre; ``m * a * h / L`` for two axles.
"""

import functools
from collections.abc import Sequence
from typing import Annotated, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from wim.calibration import STANDARD_GRAVITY_MPS2, VehicleClass
from wim.kernels.levers import DRAWBAR, FIFTH_WHEEL, NO_COUPLING, move_loads
from wim.roads import Ride, Role, roles_of, springs_of

__all__ = ["Transfer", "Transferred", "moved_kg", "transferred"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Positive = Annotated[float, msgspec.Meta(gt=0.0)]
NotNegative = Annotated[float, msgspec.Meta(ge=0.0)]
_KEPT = 16
_COUPLINGS: dict[VehicleClass | None, int] = {
    "articulated": FIFTH_WHEEL,
    "centre_axle": DRAWBAR,
}


class Transfer(
    msgspec.Struct,
    frozen=True,
    forbid_unknown_fields=True,
    kw_only=True,
    cache_hash=True,
):
    """Usual heights and masses, none of which a scale can see.

    A body's centre of gravity is at ``heights_m``, by its mass per axle
    (``axle_loads_kg``); a tractor's own at the lowest of them. What is towed pulls at
    ``coupling_height_m`` while the vehicle gains speed and brakes itself while it loses
    speed. A fifth wheel lies ``fifth_wheel_ahead_m`` before the middle of the driven
    axles, a drawbar's eye ``drawbar_behind_m`` behind the last axle of the truck.
    ``tractor_kg`` is what a tractor weighs alone.

    ``doubt`` is the relative standard uncertainty of what is moved,
    ``acceleration_sigma_mps2`` that of a measured acceleration, and
    ``unknown_acceleration_mps2`` what stands for one that was not measured.
    """

    axle_loads_kg: tuple[Positive, ...] = (3e3, 9e3)
    heights_m: tuple[Positive, ...] = (1.2, 1.7)
    coupling_height_m: Positive = 1.15
    fifth_wheel_ahead_m: NotNegative = 0.5
    drawbar_behind_m: NotNegative = 1.4
    tractor_kg: Positive = 7e3
    doubt: NotNegative = 0.45
    acceleration_sigma_mps2: NotNegative = 0.01
    unknown_acceleration_mps2: Positive = 0.3


class Transferred(NamedTuple):
    """What each axle carries more than at rest, and its standard uncertainty, k = 1.

    ``steady_kg`` is what rows saw, less that: the loads of the crossings at a steady
    speed. ``rough_mass_kg`` is the sum of the axles' plain means over their rows.
    """

    moved_kg: tuple[float, ...]
    sigmas_kg: tuple[float, ...]
    steady_kg: Floats
    rough_mass_kg: float


def transferred(
    axles: Integers,
    loads_kg: Floats,
    *,
    spacings_m: Sequence[float],
    groups: Sequence[Sequence[int]],
    roles: tuple[Role, ...],
    vehicle_class: VehicleClass | None,
    acceleration_mps2: float | None,
    transfer: Transfer,
    ride: Ride,
) -> Transferred:
    """Return what a change of speed moved between the axles of a vehicle.

    Nothing is moved where the acceleration is not known; it is the less certain.

    Args:
        axles: whose crossing, each axle's at least once, shape (n,).
        loads_kg: what rows saw of it, shape (n,).
        spacings_m: between the axles, one fewer.
        groups: axle groups as indices of axles, in the order of the axles.
        roles: of the axles.
        vehicle_class: None and ``rigid`` are one body.
        acceleration_mps2: along the travel, positive when gaining speed.
        transfer: usual heights and masses.
        ride: usual suspensions.
    """
    springs = springs_of(roles, ride)
    figures = _figures(transfer)
    towed = _towed(groups, vehicle_class)
    coupling = _COUPLINGS.get(vehicle_class, NO_COUPLING) if towed else NO_COUPLING
    steady_kg = np.empty_like(loads_kg)
    moved, sigmas = np.empty((2, len(roles)))
    rough_kg = move_loads(
        axles,
        loads_kg,
        np.array(spacings_m, dtype=np.float64),
        springs.working,
        springs.driven,
        len(roles) - towed,
        coupling,
        figures.transfer,
        figures.loads_kg,
        figures.heights_m,
        acceleration_mps2 or 0.0,
        transfer.unknown_acceleration_mps2
        if acceleration_mps2 is None
        else transfer.acceleration_sigma_mps2,
        steady_kg,
        moved,
        sigmas,
    )
    return Transferred(
        tuple(moved.tolist()), tuple(sigmas.tolist()), steady_kg, rough_kg
    )


def moved_kg(
    loads_kg: Sequence[float],
    *,
    spacings_m: Sequence[float],
    groups: Sequence[Sequence[int]],
    vehicle_class: VehicleClass | None,
    acceleration_mps2: float,
    transfer: Transfer,
    ride: Ride,
) -> tuple[float, ...]:
    """Return what each axle carries more than at rest, of a vehicle as it stands.

    >>> moved = moved_kg(
    ...     (6000.0, 12000.0), spacings_m=(5.0,), groups=((0,), (1,)),
    ...     vehicle_class="rigid", acceleration_mps2=1.0,
    ...     transfer=Transfer(heights_m=(1.5, 1.5)), ride=Ride(),
    ... )
    >>> [round(kg) for kg in moved]
    [-551, 551]
    """
    found = transferred(
        np.arange(len(loads_kg)),
        np.array(loads_kg, dtype=np.float64),
        spacings_m=spacings_m,
        groups=groups,
        roles=roles_of(groups, spacings_m, ride=ride),
        vehicle_class=vehicle_class,
        acceleration_mps2=acceleration_mps2,
        transfer=transfer,
        ride=ride,
    )
    return found.moved_kg


def _towed(groups: Sequence[Sequence[int]], vehicle_class: VehicleClass | None) -> int:
    """Return how many axles are towed; at least one group stays with the truck."""
    behind = {"articulated": 1, "centre_axle": 1, "full_trailer": 2}
    many = min(behind.get(vehicle_class or "rigid", 0), len(groups) - 1)
    return sum([len(group) for group in groups[len(groups) - many :]])


class _Figures(NamedTuple):
    """Usual heights and masses as the kernel reads them."""

    transfer: Floats
    loads_kg: Floats
    heights_m: Floats


@functools.lru_cache(maxsize=_KEPT)
def _figures(transfer: Transfer) -> _Figures:
    figures = (
        transfer.coupling_height_m,
        transfer.fifth_wheel_ahead_m,
        transfer.drawbar_behind_m,
        transfer.tractor_kg,
        transfer.doubt,
        STANDARD_GRAVITY_MPS2,
    )
    return _Figures(
        np.array(figures),
        np.array(transfer.axle_loads_kg),
        np.array(transfer.heights_m),
    )
