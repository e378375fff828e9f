"""Vehicles that came slowly one after another: two, or one that stood (走停) between.

A lane tells vehicles apart by the way between axles, and that way is known only as long
as somebody drives. Who stops with a few axles behind the rows and the others before
them looks like two short vehicles. So a slow vehicle is held back until the lane has
been quiet. Axles behind it that begin no vehicle are the rest of it, where a stop had
room between them; where what comes may be the rest and may be another, both are said
not to be told apart. A separator that sees the gap knows better; it is believed.
Nothing is weighed here.
"""

import math
from collections.abc import Sequence
from operator import itemgetter
from typing import Annotated, TypeAlias

import msgspec

from wim.crossings import Crossing, with_axles
from wim.geometry import apart_m
from wim.lanes import LaneWatch
from wim.samples import Lane
from wim.vehicles import Shapes

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

    Whoever leaves below ``driving_mps`` may have a rest that begins no vehicle, within
    ``rest_s`` of it: then both are one, where ``longest_gap_m`` between two axles
    leave room, besides the rows, to brake with ``brake_mps2`` and to set off with
    ``start_mps2``. No lorry has axles farther apart, brakes harder to stop at a queue
    or sets off faster.
    """

    slow_mps: Positive = 2.2
    stopping_m: Positive = 8.0
    driving_mps: Positive = 6.0
    longest_s: Positive = 45.0
    rest_s: Positive = 15.0
    longest_gap_m: Positive = 9.0
    brake_mps2: Positive = 2.0
    start_mps2: Positive = 1.2


class _Tail(msgspec.Struct, frozen=True, kw_only=True):
    """How the latest vehicle of a lane left the rows; until when it is waited for."""

    ended_s: float
    speed_mps: float
    may_stand: bool
    stood: bool
    until_s: float


class Standing:
    """Crossings that wait until nobody can be the rest of them, one a lane.

    Args:
        watches: of the lanes, which know when wheels were last seen.
        stand: figures of who may have stood.
        shapes: what vehicles look like.
    """

    def __init__(
        self, watches: Sequence[LaneWatch], *, stand: Stand, shapes: Shapes
    ) -> None:
        self._stand = stand
        self._shapes = shapes
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
        doubted = before is not None and self._may_be_one(before, crossing)
        if before is not None and self._is_rest(before, crossing):
            doubted = True
            if held is not None and self._are_one(before, held[1], crossing):
                crossing = _joined(held[1], crossing)
                held, doubted = None, False
        if held is not None:
            found.append((held[0], _doubted(held[1])) if doubted else held)
        own = (lane, _doubted(crossing) if doubted else crossing)
        tail = self._tail_of(crossing)
        self._tails[lane.number] = tail
        if tail.until_s > tail.ended_s and not crossing.by_separator:
            self._held[lane.number] = own
        else:
            found.append(own)
        return found

    def release(self, now_s: float) -> list[tuple[Lane, Crossing]]:
        """Return the crossings behind which the lane has been quiet for long."""
        due = [number for number in self._held if self._due_s(number) <= now_s]
        return [self._held.pop(number) for number in due]

    def _due_s(self, number: int) -> float:
        if self._watches[number].is_busy:
            return math.inf  # who comes now may be the rest, however long he takes
        tail = self._tails[number]
        waits_s = tail.until_s - tail.ended_s
        return max(self._watches[number].latest_s, tail.ended_s) + waits_s

    def _tail_of(self, crossing: Crossing) -> _Tail:
        rows = [(row.at_s, axle, row) for axle in crossing.axles for row in axle.rows]
        _, axle, last = max(rows, key=itemgetter(0))
        stood = not crossing.smooth or crossing.reverse or crossing.turned
        gain = axle.motion.acceleration_at(last.at_s)
        may_stand = stood or self._is_slow(last.speed_mps, -gain)
        waits_s = 0.0
        if may_stand:
            waits_s = self._stand.longest_s
        elif last.speed_mps < self._stand.driving_mps:
            waits_s = self._stand.rest_s
        return _Tail(
            ended_s=last.at_s,
            speed_mps=last.speed_mps,
            may_stand=may_stand,
            stood=stood,
            until_s=last.at_s + waits_s,
        )

    def _is_rest(self, before: _Tail, crossing: Crossing) -> bool:
        """Tell whether a crossing begins no vehicle and may be the rest of another."""
        first = crossing.axles[0]
        row = first.rows[0]
        if crossing.by_separator or crossing.reverse or crossing.turned:
            return False
        if row.at_s > before.until_s or row.speed_mps > self._stand.driving_mps:
            return False
        if len(crossing.axles) < 2:
            return True
        ahead_m, behind_m = apart_m(first, crossing.axles[1])
        return 0.5 * (ahead_m + behind_m) < self._shapes.least_wheelbase_m

    def _are_one(self, before: _Tail, ahead: Crossing, rest: Crossing) -> bool:
        """Tell whether a stop had room between a vehicle and what may be its rest."""
        stand = self._stand
        if ahead.by_separator or ahead.reverse or ahead.turned or ahead.straddles:
            return False
        if rest.straddles or ahead.view is not rest.view:
            return False
        if len(ahead.axles) + len(rest.axles) > self._shapes.most_axles:
            return False
        comes_mps = rest.axles[0].rows[0].speed_mps
        stops_m = before.speed_mps * before.speed_mps / (2.0 * stand.brake_mps2)
        starts_m = comes_mps * comes_mps / (2.0 * stand.start_mps2)
        return stops_m + starts_m + ahead.view.length_m <= stand.longest_gap_m

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


def _joined(ahead: Crossing, rest: Crossing) -> Crossing:
    """Return one crossing of a vehicle that stood between two parts of its axles."""
    left_s = max([row.at_s for axle in ahead.axles for row in axle.rows])
    known = {damage.strip for damage in ahead.damages}
    more = tuple(damage for damage in rest.damages if damage.strip not in known)
    return msgspec.structs.replace(
        with_axles(ahead, ahead.axles + rest.axles),
        whole=ahead.whole and rest.whole,
        told_apart=ahead.told_apart and rest.told_apart,
        smooth=False,
        rest_m=max(ahead.rest_m, rest.rest_m),
        behind=rest.behind,
        damages=ahead.damages + more,
        stood_s=ahead.stood_s + rest.axles[0].rows[0].at_s - left_s,
    )


def _doubted(crossing: Crossing) -> Crossing:
    return msgspec.structs.replace(crossing, told_apart=False)
