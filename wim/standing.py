"""Vehicles that came slowly one after another: two, or one that stood (走停) between.

A lane tells vehicles apart by the way between axles, and that way is known only as long
as somebody drives. Who stops with a few axles behind the rows and the others before
them looks like two short vehicles. So a slow vehicle is held back until the lane has
been quiet, and where the next one may be the rest of it, both are said not to be told
apart. A separator that sees the gap knows better; it is believed. Nothing is weighed
here.
"""

import math
from collections.abc import Sequence
from operator import itemgetter
from typing import Annotated, TypeAlias

import msgspec

from wim.lanes import Crossing, LaneWatch
from wim.samples import Lane

__all__ = ["Stand", "Standing"]

Positive: TypeAlias = Annotated[float, msgspec.Meta(gt=0.0)]
_LEAST_GAIN_MPS2 = 0.05


class Stand(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Figures of who may have stood.

    Below ``slow_mps``, or where its acceleration leads to a standstill within
    ``stopping_m``, a vehicle may stand unseen, for ``longest_s`` at most. Behind one
    that was seen standing or turning, whoever begins below ``driving_mps`` may be its
    rest. Set from recordings of a generator of trucks that go to and fro and stand
    for up to twenty seconds, half as slow as that and half as long again.
    """

    slow_mps: Positive = 2.2
    stopping_m: Positive = 8.0
    driving_mps: Positive = 6.0
    longest_s: Positive = 45.0


class _Tail(msgspec.Struct, frozen=True, kw_only=True):
    """How the latest vehicle of a lane left the rows."""

    ended_s: float
    may_stand: bool
    stood: bool


class Standing:
    """Crossings that wait until nobody can be the rest of them, one a lane.

    Args:
        watches: of the lanes, which know when wheels were last seen.
        stand: figures of who may have stood.
    """

    def __init__(self, watches: Sequence[LaneWatch], *, stand: Stand) -> None:
        self._stand = stand
        self._watches = {watch.lane.number: watch for watch in watches}
        self._held: dict[int, tuple[Lane, Crossing]] = {}
        self._tails: dict[int, _Tail] = {}

    @property
    def due_s(self) -> float:
        """Return when the next crossing need not wait any longer."""
        if not self._held:
            return math.inf
        return min(map(self._due_s, self._held))

    def take(self, lane: Lane, crossing: Crossing) -> list[tuple[Lane, Crossing]]:
        """Take one crossing and return what need not wait any longer."""
        before = self._tails.get(lane.number)
        held = self._held.pop(lane.number, None)
        found = []
        parted = before is None or not self._may_be_one(before, crossing)
        if held is not None:
            found.append(held if parted else (held[0], _doubted(held[1])))
        own = (lane, crossing if parted else _doubted(crossing))
        tail = self._tail_of(crossing)
        self._tails[lane.number] = tail
        if tail.may_stand and not crossing.by_separator:
            self._held[lane.number] = own
        else:
            found.append(own)
        return found

    def release(self, now_s: float) -> list[tuple[Lane, Crossing]]:
        """Return the crossings behind which the lane has been quiet for long."""
        due = [number for number in self._held if self._due_s(number) <= now_s]
        return [self._held.pop(number) for number in due]

    def _due_s(self, number: int) -> float:
        latest_s = self._watches[number].latest_s
        return max(latest_s, self._tails[number].ended_s) + self._stand.longest_s

    def _tail_of(self, crossing: Crossing) -> _Tail:
        rows = [(row.at_s, axle, row) for axle in crossing.axles for row in axle.rows]
        _, axle, last = max(rows, key=itemgetter(0))
        stood = not crossing.smooth or crossing.reverse or crossing.turned
        gain = axle.motion.acceleration_at(last.at_s)
        return _Tail(
            ended_s=last.at_s,
            may_stand=stood or self._is_slow(last.speed_mps, -gain),
            stood=stood,
        )

    def _may_be_one(self, before: _Tail, crossing: Crossing) -> bool:
        """Tell whether a crossing may be the rest of the one before it."""
        if crossing.by_separator or not before.may_stand:
            return False
        first = crossing.axles[0]
        row = first.rows[0]
        if row.at_s > before.ended_s + self._stand.longest_s:
            return False
        if not crossing.smooth or crossing.reverse or crossing.turned:
            return True
        if before.stood:
            return row.speed_mps < self._stand.driving_mps
        return self._is_slow(row.speed_mps, first.motion.acceleration_at(row.at_s))

    def _is_slow(self, speed_mps: float, gain_mps2: float) -> bool:
        """Tell whether a vehicle stands near here, by its speed and what changes it."""
        if speed_mps < self._stand.slow_mps:
            return True
        if gain_mps2 < _LEAST_GAIN_MPS2:
            return False
        return speed_mps * speed_mps < 2.0 * gain_mps2 * self._stand.stopping_m


def _doubted(crossing: Crossing) -> Crossing:
    return msgspec.structs.replace(crossing, told_apart=False)
