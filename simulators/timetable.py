"""The plan set against the station's own clock: who is where at a moment.

``elapsed`` seconds run for the people who watch, stream seconds for the samples; the
plan began at some elapsed second. It moves nothing by itself.
"""

import msgspec
import numpy as np

from simulators.dynamics import station_road
from simulators.forces import Passing, draw_passing
from simulators.traffic import Crossing, Plan

__all__ = ["Entry", "Timetable"]


class Entry(msgspec.Struct, frozen=True):
    """One crossing and its motion in stream time."""

    crossing: Crossing
    passing: Passing


class Timetable:
    """All crossings of a plan that began at ``begins_s`` elapsed seconds."""

    def __init__(self, plan: Plan, *, begins_s: float) -> None:
        self.plan = plan
        self.begins_s = begins_s
        road = station_road(plan.seed)
        self.entries = tuple(
            Entry(
                crossing,
                draw_passing(
                    np.random.default_rng([plan.seed, crossing.number, 1]),
                    crossing.vehicle,
                    lane=crossing.lane,
                    speed_mps=crossing.speed_mps,
                    arrives_s=(begins_s + crossing.arrives_at_s) * plan.speed,
                    road=road,
                ),
            )
            for crossing in plan.crossings
        )

    def plan_s(self, elapsed_s: float) -> float:
        """Return how many seconds of the plan have passed."""
        return elapsed_s - self.begins_s
