"""What a change of speed moves from axle to axle (轴荷转移), from geometry and loads.

Mass times acceleration pushes at the height of the centre of gravity, the road holds
against it below: gaining speed takes load off the front axles and puts it on the rear
ones, and a strip weighs what it finds. The sum stays. It measures no acceleration and
decides nothing about the driving.

Source: moments about a body's centre; ``m * a * h / L`` for two axles.
"""

import math
from collections.abc import Sequence
from typing import Annotated, NamedTuple

import msgspec

from wim.calibration import STANDARD_GRAVITY_MPS2, VehicleClass, interpolated
from wim.roads import Ride, Role, Suspension, roles_of

__all__ = ["Stance", "Transfer", "moved_kg"]

Positive = Annotated[float, msgspec.Meta(gt=0.0)]
NotNegative = Annotated[float, msgspec.Meta(ge=0.0)]


class Transfer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
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


class Stance(NamedTuple):
    """Where the axles of a vehicle stand and what they carry, however it is driven.

    ``own`` are the axles of the truck or tractor, ``towed`` those of what it pulls,
    none of a rigid one; both with their mass, the height of its centre and the levers
    with which a moment about a place is shared out. Where both are coupled is
    ``coupling_m`` behind the first axle, None where nothing presses there.
    """

    own: "_Levers"
    towed: "_Levers"
    own_kg: float
    towed_kg: float
    own_height_m: float
    towed_height_m: float
    coupling_m: float | None
    middle_m: float

    @staticmethod
    def of(
        loads_kg: Sequence[float],
        *,
        spacings_m: Sequence[float],
        groups: Sequence[Sequence[int]],
        roles: Sequence[Role],
        vehicle_class: VehicleClass | None,
        transfer: Transfer,
        ride: Ride,
    ) -> "Stance":
        """Return how a vehicle stands.

        Args:
            loads_kg: of the axles, as well as they are known, in the order of travel.
            spacings_m: between them, one fewer.
            groups: axle groups as indices of axles.
            roles: of the axles.
            vehicle_class: None and ``rigid`` are one body.
            transfer: usual heights and masses.
            ride: usual suspensions.
        """
        places = [0.0]
        for spacing in spacings_m:
            places.append(places[-1] + spacing)
        rates = [_rate(getattr(ride, role)) for role in roles]
        towed = _towed(groups, vehicle_class)
        own = [axle for axle in range(len(loads_kg)) if axle not in towed]
        own_kg = math.fsum([loads_kg[axle] for axle in own])
        towed_kg = math.fsum([loads_kg[axle] for axle in towed])
        coupling_m: float | None = None
        if vehicle_class == "articulated" and towed:
            driven = [axle for axle in own if roles[axle] == "drive"] or own
            driven_m = math.fsum([places[axle] for axle in driven]) / len(driven)
            coupling_m = driven_m - transfer.fifth_wheel_ahead_m
            on_coupling_kg = max(own_kg - transfer.tractor_kg, 0.25 * own_kg)
            own_kg -= on_coupling_kg
            towed_height_m = _height_m(towed_kg / len(towed), transfer)
            towed_kg += on_coupling_kg
            own_height_m = min(transfer.heights_m)
        else:
            if vehicle_class == "centre_axle" and towed:
                coupling_m = places[own[-1]] + transfer.drawbar_behind_m
            own_height_m = _height_m(own_kg / len(own), transfer)
            towed_height_m = _height_m(towed_kg / max(len(towed), 1), transfer)
        about_m = coupling_m
        if towed and about_m is None:
            about_m = _middle(towed, places, rates)
        middle_m = _middle(own, places, rates)
        return Stance(
            own=_levers(own, places, rates, middle_m),
            towed=_levers(towed, places, rates, about_m or 0.0),
            own_kg=own_kg,
            towed_kg=towed_kg,
            own_height_m=own_height_m,
            towed_height_m=towed_height_m,
            coupling_m=coupling_m,
            middle_m=middle_m,
        )

    def moved_kg(
        self, acceleration_mps2: float, *, transfer: Transfer
    ) -> tuple[float, ...]:
        """Return what each axle carries more than at rest; the sum is zero.

        Args:
            acceleration_mps2: along the travel, positive when gaining speed.
            transfer: usual heights and masses.
        """
        push = acceleration_mps2 / STANDARD_GRAVITY_MPS2
        pulled = transfer.coupling_height_m if push > 0.0 else 0.0
        moment = push * (self.own_kg * self.own_height_m + self.towed_kg * pulled)
        turned = push * self.towed_kg * (self.towed_height_m - pulled)
        behind = self.towed.turned(turned)
        pressed_kg = 0.0
        for kg in behind:
            pressed_kg -= kg
        if self.coupling_m is not None:
            moment += pressed_kg * (self.coupling_m - self.middle_m)
        own = self.own
        moved = [0.0] * (len(own.axles) + len(behind))
        for axle, kg in zip(self.towed.axles, behind, strict=True):
            moved[axle] = kg
        for axle, kg, rate in zip(
            own.axles, own.turned(moment), own.rates, strict=True
        ):
            moved[axle] = kg + pressed_kg * rate / own.whole
        return tuple(moved)

    def sigmas_kg(
        self,
        moved: Sequence[float],
        acceleration_mps2: float | None,
        *,
        transfer: Transfer,
    ) -> tuple[float, ...]:
        """Return the standard uncertainty of what each axle carries more, k = 1.

        Args:
            moved: what it carries more (nothing where the acceleration is not known).
            acceleration_mps2: None where it is not known.
            transfer: usual heights and masses.
        """
        unsure_mps2 = (
            transfer.unknown_acceleration_mps2
            if acceleration_mps2 is None
            else transfer.acceleration_sigma_mps2
        )
        more = self.moved_kg(unsure_mps2, transfer=transfer)
        return tuple(
            [
                math.sqrt(own * own + transfer.doubt * transfer.doubt * kg * kg)
                for own, kg in zip(more, moved, strict=True)
            ]
        )


class _Levers(NamedTuple):
    """Some axles, the rates of their springs and the levers about a place."""

    axles: tuple[int, ...]
    rates: tuple[float, ...]
    levers: tuple[float, ...]
    whole: float
    stiff: float

    def turned(self, moment: float) -> list[float]:
        """Return what a moment [kg·m] about that place presses on each axle [kg]."""
        if self.stiff <= 0.0:
            return [0.0] * len(self.axles)
        return [moment * lever / self.stiff for lever in self.levers]


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
    stance = Stance.of(
        loads_kg,
        spacings_m=spacings_m,
        groups=groups,
        roles=roles_of(groups, spacings_m, ride=ride),
        vehicle_class=vehicle_class,
        transfer=transfer,
        ride=ride,
    )
    return stance.moved_kg(acceleration_mps2, transfer=transfer)


def _towed(
    groups: Sequence[Sequence[int]], vehicle_class: VehicleClass | None
) -> tuple[int, ...]:
    """Return the axles of what is towed; at least one group stays with the truck."""
    behind = {"articulated": 1, "centre_axle": 1, "full_trailer": 2}
    many = min(behind.get(vehicle_class or "rigid", 0), len(groups) - 1)
    return tuple(axle for group in groups[len(groups) - many :] for axle in group)


def _rate(suspension: Suspension) -> float:
    """Return the rate of spring and tyre one on the other [N/m]."""
    spring, tyre = suspension.spring_npm, suspension.tyre_npm
    return spring * tyre / (spring + tyre)


def _height_m(axle_load_kg: float, transfer: Transfer) -> float:
    return interpolated(transfer.axle_loads_kg, transfer.heights_m, axle_load_kg)


def _middle(
    axles: Sequence[int], places: Sequence[float], rates: Sequence[float]
) -> float:
    """Return about which place a body on its springs turns."""
    whole = math.fsum([rates[axle] for axle in axles])
    return math.fsum([rates[axle] * places[axle] for axle in axles]) / whole


def _levers(
    axles: Sequence[int],
    places: Sequence[float],
    rates: Sequence[float],
    about_m: float,
) -> _Levers:
    own = [rates[axle] for axle in axles]
    arms = [places[axle] - about_m for axle in axles]
    levers = [rate * arm for rate, arm in zip(own, arms, strict=True)]
    return _Levers(
        axles=tuple(axles),
        rates=tuple(own),
        levers=tuple(levers),
        whole=math.fsum(own),
        stiff=math.fsum([k * arm for k, arm in zip(levers, arms, strict=True)]),
    )
