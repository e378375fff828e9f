"""The plan of who drives when: weighed at the source, then over the station.

It is drawn from a seed before anything moves and reads no clock: times are seconds
for the people who watch, from the start of the traffic. Station, scale and cameras
follow the same plan.
"""

import msgspec
import numpy as np

from simulators.fleet import Vehicle, draw_vehicle, heavy_vehicle

__all__ = ["Crossing", "Plan", "TrafficShape", "Weighing", "plan_traffic"]

_FIRST_ARRIVAL_S = 3.0
_FIRST_GAP_S = 3.0
_BEHIND_M = 6.0  # free road between one tail past the last row and the next front


class TrafficShape(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True
):
    """How dense, fast and lawful the traffic is; shares are of all vehicles.

    ``weighed_share`` is the part of the loaded trucks that wish to be weighed at the
    source; the single scale there serves those whose turn fits. ``headway_s`` is the
    mean time between two vehicles of one lane on the station's own clock,
    ``least_headway_s`` is the least, for the people who watch.
    """

    overloaded_share: float = 0.35
    empty_share: float = 0.2
    weighed_share: float = 0.7
    headway_s: float = 7.0
    least_headway_s: float = 1.6
    least_speed_kmh: float = 15.0
    greatest_speed_kmh: float = 95.0

    def __post_init__(self) -> None:
        """Refuse shares beyond one and times or speeds that cannot be."""
        for name in ("overloaded_share", "empty_share", "weighed_share"):
            share = getattr(self, name)
            if not 0.0 <= share <= 1.0:
                message = f"{name} {share:g}: a share lies between 0 and 1"
                raise ValueError(message)
        if self.overloaded_share + self.empty_share > 1.0:
            message = "overloaded_share + empty_share: more than all vehicles"
            raise ValueError(message)
        if not 0.0 < self.least_headway_s <= self.headway_s:
            message = "least_headway_s: lies above 0 and not above headway_s"
            raise ValueError(message)
        if not 5.0 <= self.least_speed_kmh <= self.greatest_speed_kmh <= 120.0:
            message = "least_speed_kmh, greatest_speed_kmh: between 5 and 120, in order"
            raise ValueError(message)


class Weighing(msgspec.Struct, frozen=True):
    """One truck on the scale of the source enterprise, in seconds of the plan."""

    starts_at_s: float
    rising_s: float
    standing_s: float
    falling_s: float

    @property
    def stands_at_s(self) -> float:
        """When all axles are on the platform and the truck stands."""
        return self.starts_at_s + self.rising_s

    @property
    def leaves_at_s(self) -> float:
        """When the truck starts to drive off."""
        return self.stands_at_s + self.standing_s

    @property
    def ends_at_s(self) -> float:
        """When the platform is empty again."""
        return self.leaves_at_s + self.falling_s


class Crossing(msgspec.Struct, frozen=True):
    """One vehicle's way over the station, and over the source's scale if it was there.

    ``arrives_at_s`` is when its first axle stands over row 0.
    """

    number: int
    lane: int
    vehicle: Vehicle
    speed_mps: float
    arrives_at_s: float
    weighing: Weighing | None


class Plan(msgspec.Struct, frozen=True):
    """All crossings in the order of their arrival."""

    seed: int
    speed: float
    crossings: tuple[Crossing, ...]

    @property
    def weighings(self) -> tuple[Crossing, ...]:
        """The crossings that were weighed at the source, in the order of weighing."""
        weighed = (c for c in self.crossings if c.weighing is not None)
        return tuple(sorted(weighed, key=_weighed_at))


def _weighed_at(crossing: Crossing) -> float:
    return crossing.weighing.starts_at_s if crossing.weighing else 0.0


def plan_traffic(
    shape: TrafficShape,
    *,
    seed: int,
    vehicles: int,
    lanes: tuple[int, ...],
    station_length_m: float,
    speed: float = 1.0,
) -> Plan:
    """Draw the plan of ``vehicles`` crossings.

    Vehicles depend on the seed alone. Among the first four is the truck of 120 t that
    was weighed before; it is the last of them, so that its weighing has time. The
    station runs ``speed`` times as fast as the scale and the people.
    """
    heavy_at = min(4, vehicles)
    free_at_s = dict.fromkeys(lanes, _FIRST_ARRIVAL_S)
    scale_free_at_s = 0.5
    last_s = 0.0
    crossings: list[Crossing] = []
    for number in range(1, vehicles + 1):
        # one generator per vehicle: what is drawn for one shifts nothing for the next
        rng = np.random.default_rng([seed, number])
        is_heavy = number == heavy_at
        vehicle = (
            heavy_vehicle(rng)
            if is_heavy
            else draw_vehicle(rng, shape.overloaded_share, shape.empty_share)
        )
        speed_mps = _speed(rng, shape, vehicle)
        lane = _lane(seed, number, lanes)
        gap_s = max(shape.least_headway_s, rng.exponential(shape.headway_s) / speed)
        if number <= heavy_at:  # nobody waits long for the first of them
            gap_s = min(gap_s, _FIRST_GAP_S * len(lanes))
        arrives_at_s = max(free_at_s[lane], last_s + gap_s / len(lanes))
        if number == 1:
            arrives_at_s = _FIRST_ARRIVAL_S
        drawn = _draw_weighing(rng)
        travel_s = float(rng.uniform(3.0, 12.0))
        wished = vehicle.loaded and rng.random() < shape.weighed_share
        weighing = None
        if is_heavy:
            weighing = _placed(drawn, scale_free_at_s)
            arrives_at_s = max(arrives_at_s, weighing.ends_at_s + 3.0)
        elif wished:
            latest_s = arrives_at_s - travel_s - _duration(drawn)
            if latest_s >= scale_free_at_s:
                weighing = _placed(drawn, latest_s)
        if weighing is not None:
            scale_free_at_s = weighing.ends_at_s + 1.5
        crossings.append(
            Crossing(number, lane, vehicle, speed_mps, arrives_at_s, weighing)
        )
        last_s = arrives_at_s
        passing_s = (vehicle.length_m + station_length_m + _BEHIND_M) / speed_mps
        free_at_s[lane] = arrives_at_s + passing_s / speed + shape.least_headway_s
    return Plan(seed, speed, tuple(crossings))


def _lane(seed: int, number: int, lanes: tuple[int, ...]) -> int:
    """Return the lane of a vehicle: chance, but every lane has its turn in a round."""
    turn, place = divmod(number - 1, len(lanes))
    order = np.random.default_rng([seed, 0, turn]).permutation(len(lanes))
    return lanes[int(order[place])]


def _speed(rng: np.random.Generator, shape: TrafficShape, vehicle: Vehicle) -> float:
    """Draw a speed [m/s]: the heavier, the slower; one in ten crawls."""
    mean_kmh = 72.0 - 0.2 * vehicle.gross_mass_kg / 1000.0
    speed_kmh = rng.normal(mean_kmh, 11.0)
    if rng.random() < 0.1:
        speed_kmh = rng.uniform(shape.least_speed_kmh, 35.0)
    return float(
        np.clip(speed_kmh, shape.least_speed_kmh, shape.greatest_speed_kmh) / 3.6
    )


def _draw_weighing(rng: np.random.Generator) -> Weighing:
    return Weighing(
        starts_at_s=0.0,
        rising_s=float(rng.uniform(1.6, 2.2)),
        standing_s=float(rng.uniform(4.4, 5.0)),
        falling_s=float(rng.uniform(1.2, 1.6)),
    )


def _placed(weighing: Weighing, starts_at_s: float) -> Weighing:
    return msgspec.structs.replace(weighing, starts_at_s=starts_at_s)


def _duration(weighing: Weighing) -> float:
    return weighing.rising_s + weighing.standing_s + weighing.falling_s
