"""Who drives over a site, in which order and how close to whom.

Drawn from a seed before anything moves; every vehicle has chance of its own, so that
one more or fewer changes nothing of the others but their times.
"""

from typing import Literal, get_args

import msgspec
import numpy as np
from numpy.typing import NDArray

from simulators.driving import STEP_S, Motion
from simulators.fleet import (
    MODELS,
    TRAILER_MODELS,
    Vehicle,
    draw_any_vehicle,
    draw_vehicle,
)
from simulators.manoeuvres import (
    MANOEUVRES,
    Driving,
    Manoeuvre,
    Place,
    draw_driving,
    normal_drive,
)
from wim.samples import Site

__all__ = ["TRAFFICS", "Member", "Traffic", "plan_convoy"]

Traffic = Literal["normal", "lawful", "manoeuvres", "reference"]
TRAFFICS: tuple[Traffic, ...] = get_args(Traffic)

_ALL_MODELS = MODELS + TRAILER_MODELS
_FIRST_S = 3.0
_GAP_S = (0.8, 1.2)  # least, and mean of what is more
_GAP_M = 4.0
_TAILGATE_M = (3.5, 0.8)
_MANOEUVRE_SHARE = 0.6
_REFERENCE_TRUCKS = 6
_REFERENCE_KMH = (10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 92.0)


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """One vehicle of the traffic.

    ``begins_s`` is when the first step of its motion happens, in true seconds from
    the first sample; ``truck`` names the springs and tyres: a reference truck keeps
    its own.
    """

    number: int
    truck: int
    lane: int
    vehicle: Vehicle
    driving: Driving
    begins_s: float
    ends_s: float


class _Occupancy:
    """When the way of a lane is free again, place by place."""

    def __init__(self, length_m: float) -> None:
        self.places_m = np.arange(-30.0, length_m + 1.0, 1.0)
        self.free_s = np.full(len(self.places_m), _FIRST_S)

    def earliest_s(
        self, vehicle: Vehicle, motion: Motion, *, gap_s: float, gap_m: float
    ) -> float:
        """Return the earliest beginning of a motion that keeps its distance."""
        front_s = self._front_s(vehicle, motion)
        slowest = max(float(np.abs(motion.speed_mps[0])), 0.3)
        return float((self.free_s - front_s).max()) + max(gap_s, gap_m / slowest)

    def take(self, vehicle: Vehicle, motion: Motion, begins_s: float) -> None:
        """Let a vehicle have the way."""
        tail_m = vehicle.wheelbase_m + vehicle.rear_overhang_m
        place = motion.place_m
        if _one_way(motion):
            clear_s = STEP_S * np.interp(
                self.places_m + tail_m, place, np.arange(len(place))
            )
            beyond = np.maximum(self.places_m + tail_m - place[-1], 0.0)
            clear_s += beyond / max(float(motion.speed_mps[-1]), 0.3)
        else:
            clear_s = np.full(len(self.places_m), STEP_S * len(place) + 2.0)
        self.free_s = np.maximum(self.free_s, begins_s + clear_s)

    def _front_s(self, vehicle: Vehicle, motion: Motion) -> NDArray[np.float64]:
        place = motion.place_m + vehicle.front_overhang_m
        if not _one_way(motion):
            near = np.abs(place - self.places_m.mean()) < 40.0
            return np.full(len(self.places_m), STEP_S * int(np.argmax(near)))
        front_s: NDArray[np.float64] = STEP_S * np.interp(
            self.places_m, place, np.arange(len(place))
        )
        return front_s


def _one_way(motion: Motion) -> bool:
    return bool(motion.speed_mps.min() >= 0.0)


def plan_convoy(
    site: Site,
    *,
    seed: int,
    vehicles: int,
    traffic: Traffic,
    manoeuvre: Manoeuvre | None,
    length_m: float,
) -> tuple[Member, ...]:
    """Draw the traffic, in the order of its beginning.

    Args:
        site: its lanes.
        seed: of the traffic.
        vehicles: how many.
        traffic: which kind.
        manoeuvre: what everybody does, or None.
        length_m: from row 0 to the last strip.
    """
    lanes = {lane.number: lane for lane in site.lanes}
    ways = {number: _Occupancy(length_m) for number in lanes}
    members: list[Member] = []
    leader: Member | None = None
    for number in range(vehicles):
        rng = np.random.default_rng([seed, 1, number])
        truck, vehicle = _vehicle(rng, traffic, seed=seed, number=number)
        lane = sorted(lanes)[int(rng.integers(len(lanes)))]
        gap_s = _GAP_S[0] + float(rng.exponential(_GAP_S[1]))
        aside = 1 if lane + 1 in lanes else -1 if lane - 1 in lanes else 0
        low, high = lanes[lane].speed_range_kmh
        place = Place(
            length_m=length_m, low_mps=low / 3.6, high_mps=high / 3.6, aside=aside
        )
        gap_m = _GAP_M
        if leader is not None:
            lane, driving = leader.lane, leader.driving
            severity = driving.severity or 0.0
            gap_s = 0.0
            gap_m = _TAILGATE_M[0] + severity * (_TAILGATE_M[1] - _TAILGATE_M[0])
        else:
            name = _manoeuvre(rng, traffic, manoeuvre)
            if name == "tailgating" and number == vehicles - 1:
                name = None  # nobody is left to follow
            driving = _driving(rng, traffic, name, vehicle, place, number=number)
        motion = driving.drive.motion(
            wheelbase_m=vehicle.wheelbase_m, length_m=length_m
        )
        touched = [lane]
        if lane + aside in lanes and "straddling" in driving.flags:
            touched.append(lane + aside)
        begins_s = max(
            ways[each].earliest_s(vehicle, motion, gap_s=gap_s, gap_m=gap_m)
            for each in touched
        )
        for each in touched:
            ways[each].take(vehicle, motion, begins_s)
        member = Member(
            number=number,
            truck=truck,
            lane=lane,
            vehicle=vehicle,
            driving=driving,
            begins_s=begins_s,
            ends_s=begins_s + STEP_S * len(motion.place_m),
        )
        leads = driving.manoeuvre == "tailgating" and leader is None
        leader = member if leads else None
        members.append(member)
    return tuple(sorted(members, key=lambda member: member.begins_s))


def _vehicle(
    rng: np.random.Generator, traffic: Traffic, *, seed: int, number: int
) -> tuple[int, Vehicle]:
    if traffic == "reference":
        truck = number % _REFERENCE_TRUCKS
        known = np.random.default_rng([seed, 2, truck])
        model = MODELS[truck]
        return truck, draw_vehicle(
            known, 0.0, 0.0, models=(model,), lawful_part=(0.6, 1.0)
        )
    if traffic == "lawful":
        return number, draw_vehicle(
            rng, 0.0, 0.1, models=_ALL_MODELS, lawful_part=(0.6, 1.0)
        )
    return number, draw_any_vehicle(rng, models=_ALL_MODELS, empty_share=0.05)


def _driving(
    rng: np.random.Generator,
    traffic: Traffic,
    manoeuvre: Manoeuvre | None,
    vehicle: Vehicle,
    place: Place,
    *,
    number: int,
) -> Driving:
    if traffic == "reference":
        turn = number // _REFERENCE_TRUCKS
        kmh = _REFERENCE_KMH[turn % len(_REFERENCE_KMH)] + float(rng.uniform(-5, 5))
        return Driving(drive=normal_drive(rng, speed_mps=kmh / 3.6))
    return draw_driving(rng, manoeuvre, vehicle, place)


def _manoeuvre(
    rng: np.random.Generator, traffic: Traffic, everybody: Manoeuvre | None
) -> Manoeuvre | None:
    """Draw what the driver is up to, unless everybody does the same."""
    if everybody is None and traffic == "manoeuvres":
        if rng.random() < _MANOEUVRE_SHARE:
            return MANOEUVRES[int(rng.integers(len(MANOEUVRES)))]
        return None
    return everybody
