"""The vertical force that a passing wheel rests on one strip at each moment.

Lengths are metres along the lane from the centre of row 0, positive downstream; times
are seconds of the station's samples. It knows no counts, noise or channels.
"""

import msgspec
import numpy as np
from numpy.typing import NDArray

from simulators.dynamics import Dynamics, Side
from simulators.fleet import Vehicle
from simulators.roads import Road

__all__ = ["Passing", "draw_passing", "resting_share"]


def resting_share(
    distance_m: NDArray[np.float64], *, footprint_m: float, width_m: float
) -> NDArray[np.float64]:
    """Return which part of a wheel's force rests on a strip.

    The footprint presses with a parabola along travel; its part over the strip is the
    difference of the parabola's integral at the strip's two edges.

    Args:
        distance_m: strip centre from wheel centre, any shape.
        footprint_m: length of the footprint along travel.
        width_m: active width of the strip along travel.
    """
    half = width_m / 2.0
    return _pressed(distance_m + half, footprint_m) - _pressed(
        distance_m - half, footprint_m
    )


def _pressed(edge_m: NDArray[np.float64], footprint_m: float) -> NDArray[np.float64]:
    """Return the share of the force before an edge: integral of the parabola."""
    u = np.clip(2.0 * edge_m / footprint_m, -1.0, 1.0)
    return 0.5 + 0.75 * u - 0.25 * u * u * u


class Passing(msgspec.Struct, frozen=True):
    """One vehicle on its way over the station at constant speed."""

    lane: int
    vehicle: Vehicle
    speed_mps: float
    arrives_s: float
    footprints_m: tuple[float, ...]
    dynamics: Dynamics

    def first_axle_m(self, times_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return where the first axle is."""
        return self.speed_mps * (times_s - self.arrives_s)

    def axle_at_s(self, axle: int, position_m: float) -> float:
        """Return when the centre of one axle is over a position."""
        behind_m = self.vehicle.axle_positions_m[axle]
        return self.arrives_s + (position_m + behind_m) / self.speed_mps

    def front_at_s(self, position_m: float) -> float:
        """Return when the bumper reaches a position."""
        ahead_m = self.vehicle.front_overhang_m
        return self.arrives_s + (position_m - ahead_m) / self.speed_mps

    def tail_at_s(self, position_m: float) -> float:
        """Return when the tail leaves a position."""
        behind_m = self.vehicle.wheelbase_m + self.vehicle.rear_overhang_m
        return self.arrives_s + (position_m + behind_m) / self.speed_mps

    def last_force_s(self, position_m: float, width_m: float) -> float:
        """Return when the last wheel stops to press on a strip at a position."""
        reach_m = (self.footprints_m[-1] + width_m) / 2.0
        return self.axle_at_s(-1, position_m + reach_m)

    def covers(self, time_s: float) -> bool:
        """Return whether the body stands in the separator's curtain at row 0."""
        return self.front_at_s(0.0) <= time_s < self.tail_at_s(0.0)

    def force_n(
        self, axle: int, side: Side, times_s: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the force under one axle's wheels of one side."""
        return self.dynamics.force_n(axle, side, self.first_axle_m(times_s))

    def force_on_strip_n(
        self,
        axle: int,
        side: Side,
        *,
        position_m: float,
        width_m: float,
        times_s: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """Return the force of one axle that rests on one strip."""
        behind_m = self.vehicle.axle_positions_m[axle]
        distance_m = position_m - (self.first_axle_m(times_s) - behind_m)
        share = resting_share(
            distance_m, footprint_m=self.footprints_m[axle], width_m=width_m
        )
        return share * self.force_n(axle, side, times_s)


def draw_passing(
    rng: np.random.Generator,
    vehicle: Vehicle,
    *,
    lane: int,
    speed_mps: float,
    arrives_s: float,
    road: Road,
) -> Passing:
    """Draw what chance adds to a crossing: footprints, springs and tyres.

    A footprint is 180 to 280 mm long, the longer the heavier the axle.
    """
    footprints = tuple(
        float(np.clip(0.19 + 0.005 * load / 1000.0 + rng.normal(0.0, 0.01), 0.18, 0.28))
        for load in vehicle.axle_loads_kg
    )
    return Passing(
        lane=lane,
        vehicle=vehicle,
        speed_mps=speed_mps,
        arrives_s=arrives_s,
        footprints_m=footprints,
        dynamics=Dynamics(vehicle, speed_mps, road, springs=int(rng.integers(2**31))),
    )
