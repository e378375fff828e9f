"""Which pulses are one vehicle's, and when nothing more of it can come.

It weighs nothing beyond joining axles and judges nothing. Every decision is taken at
a time that pulses and separator set, never at the end of a block of samples, so that
the blocks do not matter.
"""

import math
from collections.abc import Callable, Sequence
from typing import TypeAlias

import msgspec

from wim.axles import Axle, Weighed, weigh_axle, weigh_axles
from wim.health import Damage, Health, Run, StripMemory
from wim.hits import Hit, hit_time_s, rough_speed_mps, row_crossings
from wim.kinematics import Crossed, Kinematics
from wim.matching import find_axles
from wim.pulses import Pulse
from wim.samples import Lane
from wim.vehicles import Part, Shapes, Untangled, separate, untangle
from wim.views import View

__all__ = ["Assembly", "Crossing", "Entry", "LaneEvent", "LaneWatch", "Neighbour"]

_KMH = 3.6
_LONGEST_WAIT_S = 30.0
_MOST_TANGLED = 24
_TURNING = 2.0
_RECENT = 8


class Assembly(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Figures of telling vehicles apart.

    Without a separator's word, ``axle_gap_m`` without an axle ends a vehicle.
    ``separator_slack_s`` is how far the separator may be off the first row in time.
    A separator is not believed that reports one vehicle over ``longest_gap_m`` without
    an axle, over ``longest_presence_s`` without one, or with more than ``most_axles``;
    without a separator that many end a vehicle too.
    A vehicle whose last axle has come to the first row and not to the last one yet may
    have stopped, if it was slower than ``stopping_mps``: it is waited for up to
    ``longest_stand_s`` after its latest pulse.
    Pulses that no vehicle claimed are strays after ``stray_after_s``.
    """

    axle_gap_m: float = 12.0
    longest_gap_m: float = 18.0
    longest_presence_s: float = 30.0
    most_axles: int = 16
    separator_slack_s: float = 0.1
    longest_stand_s: float = 12.0
    stopping_mps: float = 6.0
    stray_after_s: float = 30.0


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A first axle has crossed the first row."""

    at_s: float


class Neighbour(msgspec.Struct, frozen=True, kw_only=True):
    """Another vehicle close before or behind, on the same lane.

    ``gap_m`` is the way between the last axle of the one and the first of the other;
    ``alike`` tells that their speeds do not say that they are two.
    """

    gap_m: float
    alike: bool


class Crossing(msgspec.Struct, frozen=True, kw_only=True):
    """A vehicle that has crossed the lane.

    It is not ``whole`` when axles were seen too rarely, or its beginning or end not at
    all; not ``told_apart`` when nothing says that its axles are those of one vehicle.
    It ``turned`` when it went forward, back and forward again. ``rest_m`` is
    what its way leaves at the rows; where it is not ``smooth``,
    no speed is known. ``damages`` are strips that were left out of its loads.
    It ``straddles`` when a half of it was in the neighbouring lane.
    """

    axles: tuple[Axle, ...]
    view: View
    reverse: bool
    whole: bool
    told_apart: bool
    turned: bool
    smooth: bool
    rest_m: float
    before: Neighbour | None
    behind: Neighbour | None
    damages: tuple[Damage, ...]
    straddles: bool = False


LaneEvent: TypeAlias = Entry | Crossing


class _Vehicle:
    """A vehicle that is not closed yet.

    ``begun_s`` and ``ended_s`` say between which times its axles crossed the row that
    it reached first; ``gap_ends`` is when the gap behind the latest axle is long
    enough, with what that was found from; ``stands`` until when it may stand, counted
    from a number of pulses; ``waiting`` are strips of that row on which
    a pulse was still under way when it ended; after ``overdue_s`` nothing is waited
    for.
    """

    def __init__(self, *, begun_s: float, by_separator: bool, reverse: bool) -> None:
        self.begun_s = begun_s
        self.by_separator = by_separator
        self.reverse = reverse
        self.ended_s: float | None = None
        self.overdue_s = math.inf
        self.told = False
        self.waiting: set[int] = set()
        self.last_entry_s = begun_s
        self.gap_ends: tuple[int, float, float] | None = None
        self.stands: tuple[int, float] | None = None
        self.whole = True
        self.told_apart = True


class LaneWatch:
    """Pulses of one lane and the separator's word in, entries and crossings out.

    ``stray_pulses`` became no axle, ``empty_presences`` were seen by the separator
    without any axle, ``unweighed_vehicles`` by strips on too few rows to be weighed;
    ``separator_overruns`` tells how often a separator was not believed any more.
    """

    def __init__(
        self,
        lane: Lane,
        *,
        first_index: int,
        assembly: Assembly,
        kinematics: Kinematics,
        shapes: Shapes,
        health: Health,
        runs: Sequence[Run] = (),
    ) -> None:
        self.lane = lane
        self._kinematics = kinematics
        self._shapes = shapes
        self._memory = StripMemory(lane, health=health, runs=runs)
        self.stray_pulses = 0
        self.empty_presences = 0
        self.unweighed_vehicles = 0
        self.separator_overruns = 0
        self._assembly = assembly
        self._first_index = first_index
        self._forward = View.of(lane, reverse=False)
        self._backward = View.of(lane, reverse=True)
        self._headless = View.of(lane, reverse=False, first_row=1)
        self._last_row = self._forward.rows - 1
        self._store: list[list[Pulse]] = [[] for _ in lane.strips]
        self._open: list[_Vehicle] = []
        self._disbelieved = False
        self._beheaded: _Vehicle | None = None
        self._latest_s = -math.inf
        self._taken = 0
        self._stalled_s = math.inf

    @property
    def runs(self) -> tuple[Run, ...]:
        """Return what is remembered of the strips."""
        return self._memory.runs

    @property
    def due_s(self) -> float:
        """Return the next time at which something is decided without a pulse."""
        due_s = math.inf
        if self._beheaded is not None:
            due_s = self._gap_ends_s(self._beheaded)
        if self._open:
            due_s = min(due_s, self._open_ends_s(self._open[0]))
        return due_s

    def holds(
        self,
        axles: Sequence[tuple[float, float]],
        *,
        within_m: float,
        share: float,
    ) -> bool:
        """Tell whether wheels wait here that crossed the first row with some axles.

        Args:
            axles: time [s] and speed [m/s] of each.
            within_m: how far apart along the way they may be.
            share: of the axles that must have such a wheel.
        """
        times = [
            pulse.centroid_s
            for sensor in self._forward.row(0)
            for pulse in self._store[sensor.index]
        ]
        if not times:
            return False
        found = sum(
            any(abs(time - at_s) * speed_mps <= within_m for time in times)
            for at_s, speed_mps in axles
        )
        return found >= share * len(axles)

    def take(self, pulse: Pulse, now_s: float) -> list[LaneEvent]:
        """Take one pulse that became known at ``now_s``."""
        events = self.advance(now_s)
        index = pulse.strip - self._first_index
        self._store[index].append(pulse)
        self._taken += 1
        self._latest_s = max(self._latest_s, pulse.end_s)
        row = self.lane.strips[index].row
        if row == 0:
            self._at_first_row(index, pulse, events)
        elif row == self._last_row:
            self._at_last_row(pulse, events)
        self._close_complete(events)
        return events

    def appear(self, from_s: float, now_s: float) -> list[LaneEvent]:
        """Take the separator's word that a vehicle came between these times."""
        events = self.advance(now_s)
        slack_s = self._assembly.separator_slack_s
        last = self._open[-1] if self._open else None
        if last is not None and not last.by_separator and last.ended_s is None:
            if last.reverse or last.begun_s >= from_s - slack_s:
                last.by_separator = True
                return events
            last.ended_s = from_s
        self._open.append(_Vehicle(begun_s=from_s, by_separator=True, reverse=False))
        self._close_complete(events)
        return events

    def vanish(self, now_s: float, *, active: Callable[[int], bool]) -> list[LaneEvent]:
        """Take the separator's word that the vehicle has passed it.

        Args:
            now_s: the time.
            active: tells of a strip's index whether a pulse is under way on it.
        """
        events = self.advance(now_s)
        self._disbelieved = False
        for vehicle in self._open:
            if vehicle.by_separator and vehicle.ended_s is None:
                vehicle.ended_s = now_s
                vehicle.waiting = {
                    sensor.index
                    for sensor in self._forward.row(0)
                    if active(sensor.index + self._first_index)
                }
        self._close_complete(events)
        return events

    def interrupt(self, now_s: float) -> list[LaneEvent]:
        """Take note that samples are missing: no pulse under way will come."""
        for vehicle in self._open:
            vehicle.waiting.clear()
            vehicle.whole &= vehicle.ended_s is not None
        return self.advance(now_s)

    def advance(self, now_s: float) -> list[LaneEvent]:
        """Let time pass: gaps become long enough, waits end."""
        events: list[LaneEvent] = []
        if self._beheaded and now_s >= self._gap_ends_s(self._beheaded):
            self._finish_beheaded(events)
        while self._open:
            vehicle = self._open[0]
            end_s = self._open_ends_s(vehicle)
            if now_s < end_s:
                break
            if vehicle.ended_s is None:
                if not vehicle.by_separator and not self._has_moved_on(vehicle):
                    if vehicle.stands is None or vehicle.stands[0] != self._taken:
                        until_s = self._latest_s + self._assembly.longest_stand_s
                        vehicle.stands = (self._taken, until_s)
                        continue
                    vehicle.whole = False
                    self._stalled_s = end_s
                self._cut(vehicle, end_s, told_apart=not vehicle.by_separator)
            else:
                self._finish(vehicle, self._axles_of(vehicle), events)
            self._close_complete(events)
        if not self._open and self._beheaded is None:
            self._sweep(now_s - self._assembly.stray_after_s)
        return events

    def close(self, *, interrupted: bool) -> list[LaneEvent]:
        """Close everything as it stands.

        Args:
            interrupted: more was to come, so that what is still open is not whole.
        """
        events: list[LaneEvent] = []
        self._finish_beheaded(events)
        while self._open:
            vehicle = self._open[0]
            if vehicle.ended_s is None:
                vehicle.ended_s = math.inf
                vehicle.whole = not (interrupted or vehicle.by_separator)
            self._finish(vehicle, self._axles_of(vehicle), events)
        self._sweep(math.inf)
        return events

    # whose pulse

    def _at_first_row(self, index: int, pulse: Pulse, events: list[LaneEvent]) -> None:
        slack_s = self._assembly.separator_slack_s
        owner = None
        for vehicle in self._open:
            vehicle.waiting.discard(index)
            if vehicle.ended_s is None or (
                vehicle.by_separator and pulse.start_s <= vehicle.ended_s + slack_s
            ):
                owner = vehicle
                break
        if owner is not None and self._is_outgrown(owner, pulse):
            owner = self._shed(owner, pulse, events)
        if owner is None:
            self._finish_beheaded(events)
            owner = _Vehicle(begun_s=pulse.start_s, by_separator=False, reverse=False)
            owner.told_apart = not (self._open and not self._open[-1].told_apart)
            owner.told_apart &= not self._disbelieved
            self._open.append(owner)
        if owner.ended_s is not None:
            owner.ended_s = max(owner.ended_s, pulse.start_s)
        backing = self._is_backing()
        if owner.reverse and not backing:
            owner.reverse = False
            owner.begun_s = pulse.start_s
            owner.told = False
        elif backing and not owner.reverse:
            owner.reverse = True
            owner.begun_s = -math.inf
            owner.told = True
        if not owner.reverse:
            owner.last_entry_s = pulse.centroid_s
            self._tell(owner, pulse, events)

    def _at_last_row(self, pulse: Pulse, events: list[LaneEvent]) -> None:
        """Take what may be a vehicle backing in, or one that the first row missed."""
        if self._open and self._open[-1].reverse:
            self._open[-1].last_entry_s = pulse.centroid_s
            return
        if self._beheaded is not None:
            self._beheaded.last_entry_s = pulse.centroid_s
            return
        first_s = self._rows_first_hit_s()
        if 0 in first_s:
            return
        before = [first_s[row] for row in range(1, self._last_row) if row in first_s]
        if not before and not self._open and self._stalled_s == math.inf:
            vehicle = _Vehicle(begun_s=pulse.start_s, by_separator=False, reverse=True)
            self._open.append(vehicle)
            self._tell(vehicle, pulse, events)
        elif (
            before
            and len(before) == self._last_row - 1
            and [*before, pulse.centroid_s] == sorted([*before, pulse.centroid_s])
        ):
            vehicle = _Vehicle(begun_s=before[0], by_separator=False, reverse=False)
            vehicle.last_entry_s = pulse.centroid_s
            vehicle.whole = False
            self._beheaded = vehicle

    def _is_outgrown(self, vehicle: _Vehicle, pulse: Pulse) -> bool:
        """Tell whether a pulse of the first row cannot be the open vehicle's."""
        if vehicle.ended_s is not None or vehicle.reverse or not vehicle.told:
            return False
        rules = self._assembly
        axles = max(
            sum(each.start_s >= vehicle.begun_s for each in self._store[sensor.index])
            for sensor in self._forward.row(0)
        )
        if axles > rules.most_axles:
            return True
        pace_mps = self._pace_mps(vehicle) if vehicle.by_separator else None
        if pace_mps is None:
            return False
        return pulse.start_s > vehicle.last_entry_s + rules.longest_gap_m / pace_mps

    def _shed(
        self, vehicle: _Vehicle, pulse: Pulse, events: list[LaneEvent]
    ) -> _Vehicle | None:
        """End a vehicle that has become too long, where another seems to begin.

        Returns:
            What the pulse belongs to, None where it begins another vehicle.
        """
        starts_s: list[float] = []
        if not vehicle.by_separator:
            kept = [hits for hits in self._axles_of(vehicle) if self._is_seen(hits)]
            parts = self._parts(kept)
            if len(parts) > 1:
                first, last = parts[-2].end - 1, parts[-1].first
                starts_s = [self._entry_s(kept[first]), self._entry_s(kept[last])]
        if not starts_s:
            between_s = 0.5 * (vehicle.last_entry_s + pulse.start_s)
            self._cut(vehicle, between_s, told_apart=False)
            return None
        between_s = 0.5 * (starts_s[0] + starts_s[1])
        self._cut(vehicle, between_s, told_apart=True)
        follower = _Vehicle(begun_s=between_s, by_separator=False, reverse=False)
        follower.told_apart = vehicle.told_apart and not self._disbelieved
        follower.told = True
        follower.last_entry_s = vehicle.last_entry_s
        events.append(Entry(at_s=starts_s[1]))
        self._open.append(follower)
        return follower

    def _cut(self, vehicle: _Vehicle, ended_s: float, *, told_apart: bool) -> None:
        """End a vehicle here, whatever its separator says."""
        vehicle.ended_s = ended_s
        vehicle.told_apart &= told_apart
        if vehicle.by_separator:
            vehicle.by_separator = False
            self._disbelieved = True
            self.separator_overruns += 1

    def _tell(self, vehicle: _Vehicle, pulse: Pulse, events: list[LaneEvent]) -> None:
        if not vehicle.told:
            vehicle.told = True
            events.append(Entry(at_s=pulse.centroid_s))

    def _is_backing(self) -> bool:
        """Tell whether the rows were hit from the last to the first."""
        if len(self._open) > 1:
            return False
        first_s = self._rows_first_hit_s()
        here_s = first_s.get(0, math.inf)
        before = sorted(row for row, at_s in first_s.items() if at_s < here_s)
        times_s = [first_s[row] for row in before]
        descending = times_s == sorted(times_s, reverse=True)
        return (
            descending and self._last_row in before and 2 * len(before) > self._last_row
        )

    def _rows_first_hit_s(self) -> dict[int, float]:
        """Return the time of the first pulse in the store of each row that has one."""
        first_s: dict[int, float] = {}
        for strip, pulses in zip(self.lane.strips, self._store, strict=True):
            if pulses:
                known_s = first_s.get(strip.row, math.inf)
                first_s[strip.row] = min(known_s, pulses[0].centroid_s)
        return first_s

    # when complete

    def _view(self, vehicle: _Vehicle) -> View:
        if vehicle is self._beheaded:
            return self._headless
        return self._backward if vehicle.reverse else self._forward

    def _pace_mps(self, vehicle: _Vehicle) -> float | None:
        """Return how fast the latest axle went between the vehicle's first two rows.

        Which two pulses are that axle's is judged by their length: contact over
        duration is a rough speed that needs no partner.
        """
        view = self._view(vehicle)
        for row in view.by_rank[1:]:
            found: list[tuple[float, float]] = []
            for second in row:
                if not self._store[second.index]:
                    continue
                late = self._store[second.index][-1]
                for first in view.row(0):
                    if {first.side, second.side} == {"left", "right"}:
                        continue
                    for early in self._store[first.index][-_RECENT:]:
                        taken_s = late.centroid_s - early.centroid_s
                        if taken_s > 0.0:
                            pace_mps = (second.s_m - first.s_m) / taken_s
                            ratio = pace_mps / rough_speed_mps(early, late)
                            found.append((max(ratio, 1.0 / ratio), pace_mps))
            if found:
                return min(found)[1]
        return None

    def _row_wait_s(self, view: View) -> float:
        """Return how long the slowest vehicle of the lane takes to the second row."""
        row_m = min(sensor.s_m for sensor in view.row(1))
        slowest_mps = self.lane.speed_range_kmh[0] / _KMH
        return min(row_m / slowest_mps + 1.0, _LONGEST_WAIT_S)

    def _open_ends_s(self, vehicle: _Vehicle) -> float:
        """Return when the oldest vehicle ends, or is overdue, without a pulse."""
        if vehicle.ended_s is not None:
            return vehicle.overdue_s
        end_s = self._gap_ends_s(vehicle)
        if vehicle.by_separator:
            longest_s = self._assembly.longest_presence_s
            return max(end_s, vehicle.last_entry_s + longest_s)
        if vehicle.stands is not None and vehicle.stands[0] == self._taken:
            return max(end_s, vehicle.stands[1])
        return end_s

    def _gap_ends_s(self, vehicle: _Vehicle) -> float:
        """Return when the gap behind the latest axle is long enough to end it."""
        known = vehicle.gap_ends
        if known is None or known[:2] != (self._taken, vehicle.last_entry_s):
            known = (self._taken, vehicle.last_entry_s, self._find_gap_end_s(vehicle))
            vehicle.gap_ends = known
        return known[2]

    def _find_gap_end_s(self, vehicle: _Vehicle) -> float:
        pace_mps = self._pace_mps(vehicle)
        if pace_mps is None:
            return vehicle.last_entry_s + self._row_wait_s(self._view(vehicle))
        return vehicle.last_entry_s + self._assembly.axle_gap_m / pace_mps

    def _has_moved_on(self, vehicle: _Vehicle) -> bool:
        """Tell whether the last axle that entered has been on the last rows too."""
        view = self._view(vehicle)
        seen = [
            max(len(self._since(vehicle, sensor.index)) for sensor in row)
            for row in view.by_rank
        ]
        last = max((rank for rank in range(view.rows) if seen[rank]), default=0)
        if seen[last] >= seen[0] and last > 0:
            return True
        latest = [
            self._store[sensor.index][-1]
            for sensor in view.sensors
            if self._store[sensor.index]
        ]
        if not latest:
            return True
        if not self._is_slow(latest):
            return True
        return self._untangled(vehicle) is not None

    def _is_slow(self, latest: Sequence[Pulse]) -> bool:
        """Tell by the newest of some pulses whether a vehicle may stop or turn."""
        newest = max(latest, key=lambda pulse: pulse.centroid_s)
        return rough_speed_mps(newest) <= self._assembly.stopping_mps

    def _untangled(self, vehicle: _Vehicle) -> Untangled | None:
        """Tell the axles of a vehicle that went to and fro, None if it did not."""
        rows = [self._row_times(vehicle, rank) for rank in range(self._forward.rows)]
        if vehicle.reverse or vehicle is self._beheaded or min(map(len, rows)) < 2:
            return None
        if max(map(len, rows)) > _MOST_TANGLED:
            return None
        plain = _untangled([[at_s for at_s, _ in row] for row in rows])
        if plain is not None:
            return plain
        # where it turned on a strip, that strip saw one long wheel and not two
        lasts_s = sorted(_lasts_s(hits) for row in rows for _, hits in row)
        long_s = _TURNING * lasts_s[len(lasts_s) // 2]
        doubled: list[list[tuple[float, int]]] = [[] for _ in rows]
        for row, times in zip(rows, doubled, strict=True):
            for k, (at_s, hits) in enumerate(row):
                if _lasts_s(hits) > long_s:
                    times.append((min(hit.pulse.start_s for hit in hits), k))
                    times.append((max(hit.pulse.end_s for hit in hits), k))
                else:
                    times.append((at_s, k))
        found = _untangled([[at_s for at_s, _ in times] for times in doubled])
        if found is None:
            return None
        kept = tuple(
            tuple(times[k][1] for k in own)
            for times, own in zip(doubled, found.kept, strict=True)
        )
        return found._replace(kept=kept)

    def _row_times(
        self, vehicle: _Vehicle, rank: int
    ) -> list[tuple[float, tuple[Hit, ...]]]:
        """Return when a row was crossed since a vehicle began, and the hits."""
        until_s = math.inf if vehicle.ended_s is None else vehicle.ended_s
        next_s = min(
            (
                pulse.start_s
                for sensor in self._forward.row(0)
                for pulse in self._store[sensor.index]
                if pulse.start_s > until_s
            ),
            default=math.inf,
        )
        sensors = self._forward.row(rank)
        own = []
        for sensor in sensors:
            pulses = [
                pulse
                for pulse in self._since(vehicle, sensor.index)
                if pulse.start_s <= (until_s if rank == 0 else next_s)
            ]
            own.append([Hit(sensor, pulse) for pulse in pulses])
        if len(own) == 2 and len(own[0]) == len(own[1]):
            return [
                (0.5 * (hit_time_s(a) + hit_time_s(b)), (a, b))
                for a, b in zip(own[0], own[1], strict=True)
            ]
        return [(hit_time_s(hit), (hit,)) for hit in max(own, key=len)]

    def _axles_of(self, vehicle: _Vehicle) -> list[tuple[Hit, ...]]:
        before_s = self._assembly.separator_slack_s
        if not vehicle.by_separator:
            pace_mps = self._pace_mps(vehicle)
            gap_m = self._assembly.axle_gap_m
            before_s = math.inf if pace_mps is None else gap_m / pace_mps
        return find_axles(
            self._view(vehicle),
            self._store,
            from_s=vehicle.begun_s - before_s,
            until_s=math.inf if vehicle.ended_s is None else vehicle.ended_s,
        )

    def _close_complete(self, events: list[LaneEvent]) -> None:
        """Close the oldest vehicles as long as nothing more of them can come."""
        while self._open:
            vehicle = self._open[0]
            if vehicle.ended_s is None:
                break
            if self._lacks_plainly(vehicle):
                break
            hits = self._axles_of(vehicle)
            if not self._is_complete(vehicle, hits):
                vehicle.overdue_s = self._overdue_s(vehicle, hits)
                break
            self._finish(vehicle, hits, events)

    def _lacks_plainly(self, vehicle: _Vehicle) -> bool:
        """Tell without matching that the last row has not seen all axles yet."""
        pace_mps = self._pace_mps(vehicle)
        if vehicle.by_separator or vehicle.ended_s is None or pace_mps is None:
            return False
        view = self._view(vehicle)
        entered = max(
            sum(p.start_s <= vehicle.ended_s for p in self._since(vehicle, s.index))
            for s in view.row(0)
        )
        left = max(len(self._since(vehicle, s.index)) for s in view.by_rank[-1])
        latest = [pulses[-1] for pulses in self._store if pulses]
        if left >= entered or self._is_slow(latest):
            return False
        ended_s = max(vehicle.last_entry_s, vehicle.ended_s)
        vehicle.overdue_s = ended_s + 3.0 * view.length_m / pace_mps + 1.0
        return True

    def _is_complete(self, vehicle: _Vehicle, hits: Sequence[tuple[Hit, ...]]) -> bool:
        """Tell whether both sides of the last row saw as many axles as there are."""
        if vehicle.waiting:
            return False
        exits = self._view(vehicle).row(self._last_row)
        fewest = min(len(self._since(vehicle, sensor.index)) for sensor in exits)
        if fewest >= len(hits):
            return True
        latest = [pulses[-1] for pulses in self._store if pulses]
        return (
            not vehicle.by_separator
            and self._is_slow(latest)
            and self._untangled(vehicle) is not None
        )

    def _since(self, vehicle: _Vehicle, index: int) -> list[Pulse]:
        """Return the pulses of a strip since a vehicle began."""
        return [p for p in self._store[index] if p.centroid_s >= vehicle.begun_s]

    def _overdue_s(self, vehicle: _Vehicle, hits: Sequence[tuple[Hit, ...]]) -> float:
        """Return the time after which the missing pulses are lost."""
        ended_s = vehicle.ended_s or 0.0
        if not hits:
            return ended_s + _LONGEST_WAIT_S
        view = self._view(vehicle)
        pace_mps = self._pace_mps(vehicle)
        exits = view.row(self._last_row)
        fullest = max((self._since(vehicle, e.index) for e in exits), key=len)
        if len(fullest) >= len(hits) and not vehicle.waiting:
            pulse = fullest[len(hits) - 1]
            places_m = [sensor.s_m for sensor in exits]
            apart_m = max(places_m) - min(places_m)
            apart_s = apart_m / (pace_mps or rough_speed_mps(pulse))
            return pulse.end_s + 2.0 * (pulse.end_s - pulse.start_s) + apart_s
        latest_s = max(hits[-1][0].pulse.centroid_s, ended_s)
        if pace_mps is not None:
            return latest_s + 3.0 * view.length_m / pace_mps + 1.0
        return latest_s + (self._row_wait_s(view) if vehicle.by_separator else 0.0)

    # what is its own

    def _finish(
        self,
        vehicle: _Vehicle,
        hits: Sequence[tuple[Hit, ...]],
        events: list[LaneEvent],
    ) -> None:
        view = self._view(vehicle)
        tangle = self._tangle(vehicle, view, hits)
        if vehicle is self._beheaded:
            self._beheaded = None
        else:
            self._open.remove(vehicle)
        groups = list(hits if tangle is None else tangle)
        kept = [axle for axle in groups if self._is_seen(axle, view)]
        if vehicle.by_separator or tangle is not None:
            parts = [Part(0, len(kept), None, alike=False)] if kept else []
        else:
            parts = self._parts(kept)
        found = [
            (part, self._weigh(kept[part.first : part.end], tangled=tangle is not None))
            for part in parts
        ]
        weighed = [(part, told) for part, told in found if told.axles]
        self._look_for_the_rest(vehicle, [*hits, *groups])
        self._consume(
            [*hits, *groups], [axle for _, told in weighed for axle in told.axles]
        )
        whole = [
            vehicle.whole
            and len(told.axles) == part.end - part.first
            and not self._lacks(part, kept, groups)
            for part, told in weighed
        ]
        for i, (part, told) in enumerate(weighed):
            if tangle is not None:
                told = _from(told, min(map(self._entry_s, hits)))  # noqa: PLW2901 - it turned
            damages = self._memory.judge(told.axles)
            if damages:
                told = _without(told, damages)  # noqa: PLW2901 - the better figures
            if i:
                events.append(Entry(at_s=told.axles[0].crossed_s))
            behind = weighed[i + 1][0] if i + 1 < len(weighed) else None
            events.append(
                Crossing(
                    axles=told.axles,
                    view=view,
                    reverse=vehicle.reverse,
                    whole=whole[i],
                    told_apart=vehicle.told_apart,
                    turned=tangle is not None,
                    smooth=told.smooth,
                    rest_m=told.rest_m,
                    before=_neighbour(part) if i else None,
                    behind=None if behind is None else _neighbour(behind),
                    damages=damages,
                )
            )
        if not weighed and hits:
            self.unweighed_vehicles += 1
        elif not weighed and vehicle.by_separator:
            self.empty_presences += 1

    def _look_for_the_rest(
        self, vehicle: _Vehicle, hits: Sequence[tuple[Hit, ...]]
    ) -> None:
        """Find out whether a vehicle is the rest of one that had stopped.

        Wheels that stood between the rows cross the later ones without having crossed
        the first: pulses that are no axle of this vehicle.
        """
        own = {
            (hit.sensor.index, hit.pulse.last_sample) for axle in hits for hit in axle
        }
        if self._stalled_s < vehicle.begun_s:
            vehicle.told_apart &= not any(
                pulse.start_s > self._stalled_s
                and (sensor.index, pulse.last_sample) not in own
                for sensor in self._forward.sensors
                for pulse in self._store[sensor.index]
                if sensor.rank > 0
            )
            self._stalled_s = math.inf

    def _tangle(
        self, vehicle: _Vehicle, view: View, hits: Sequence[tuple[Hit, ...]]
    ) -> list[tuple[Hit, ...]] | None:
        """Return the axles of a vehicle that went to and fro, None if it did not.

        Rows over which nothing went back are enough where there are two; else each
        axle counts where it went forward for the last time.
        """
        if all(len({hit.sensor.rank for hit in axle}) == view.rows for axle in hits):
            return None
        untangled = self._untangled(vehicle)
        if untangled is None:
            return None
        straight = [r for r in range(view.rows) if r not in untangled.turned]
        ranks = straight if len(straight) > 1 else list(range(view.rows))
        rows = {rank: self._row_times(vehicle, rank) for rank in ranks}
        return [
            tuple(
                hit for rank in ranks for hit in rows[rank][untangled.kept[rank][i]][1]
            )
            for i in range(untangled.axles)
        ]

    def _is_seen(self, axle: Sequence[Hit], view: View | None = None) -> bool:
        """Tell whether at least half the rows saw an axle."""
        rows = (view or self._forward).rows
        return 2 * len({hit.sensor.rank for hit in axle}) >= rows

    @staticmethod
    def _entry_s(axle: Sequence[Hit]) -> float:
        return min(hit_time_s(hit) for hit in axle)

    def _parts(self, kept: Sequence[tuple[Hit, ...]]) -> list[Part]:
        """Find the vehicles among axles that no separator told apart."""
        crossings = [row_crossings(axle) for axle in kept]
        if not crossings:
            return []
        paces = [_pace_mps(each) for each in crossings]
        spacings = []
        for i in range(1, len(crossings)):
            here, there = crossings[i - 1], crossings[i]
            told = [
                _ahead_m(here, there, pace)
                for pace in (paces[i - 1], paces[i])
                if pace > 0.0
            ]
            likely_m = sum(told) / len(told) if told else 0.0
            least_m, most_m = _apart_m(here, there)
            spacings.append(min(max(likely_m, least_m), most_m))
        return separate(
            crossings,
            spacings,
            longest_gap_m=self._assembly.axle_gap_m,
            shapes=self._shapes,
            kinematics=self._kinematics,
        )

    def _lacks(
        self,
        part: Part,
        kept: Sequence[tuple[Hit, ...]],
        groups: Sequence[tuple[Hit, ...]],
    ) -> bool:
        """Tell whether an axle seen too rarely crossed close to a vehicle's others."""
        if len(kept) == len(groups):
            return False
        own = kept[part.first : part.end]
        paces = [_pace_mps(row_crossings(axle)) for axle in own]
        speeds = [pace for pace in paces if pace > 0.0]
        if not speeds:
            return True
        slack_s = self._assembly.axle_gap_m / max(min(speeds), 0.1)
        first_s, last_s = self._entry_s(own[0]), self._entry_s(own[-1])
        chosen = {id(axle) for axle in kept}
        return any(
            id(axle) not in chosen
            and first_s - slack_s <= self._entry_s(axle) <= last_s + slack_s
            for axle in groups
        )

    def _weigh(self, axles: Sequence[tuple[Hit, ...]], *, tangled: bool) -> Weighed:
        told = weigh_axles(axles, kinematics=self._kinematics)
        return msgspec.structs.replace(told, smooth=False) if tangled else told

    def _finish_beheaded(self, events: list[LaneEvent]) -> None:
        """Close the vehicle that the first row missed, if there is one.

        Its last axle hit the second row before it hit the last; what hit the second
        row later follows it.
        """
        vehicle = self._beheaded
        if vehicle is not None:
            vehicle.ended_s = vehicle.last_entry_s
            self._finish(vehicle, self._axles_of(vehicle), events)

    def _consume(self, hits: Sequence[tuple[Hit, ...]], axles: Sequence[Axle]) -> None:
        """Take the vehicle's pulses, and what lies before them, out of the store."""
        weighed = {
            (hit.sensor.index, hit.pulse.last_sample)
            for axle in axles
            for hit in axle.hits
        }
        through_s = [-math.inf] * len(self._store)
        for axle in hits:
            for hit in axle:
                index = hit.sensor.index
                through_s[index] = max(through_s[index], hit.pulse.centroid_s)
        for index, pulses in enumerate(self._store):
            done = [p for p in pulses if p.centroid_s <= through_s[index]]
            self.stray_pulses += sum(
                (index, pulse.last_sample) not in weighed for pulse in done
            )
            self._store[index] = pulses[len(done) :]

    def _sweep(self, before_s: float) -> None:
        """Drop pulses that no vehicle claimed."""
        for index, pulses in enumerate(self._store):
            if pulses and pulses[0].centroid_s < before_s:
                kept = [pulse for pulse in pulses if pulse.centroid_s >= before_s]
                self.stray_pulses += len(pulses) - len(kept)
                self._store[index] = kept


def _lasts_s(hits: Sequence[Hit]) -> float:
    return max(hit.pulse.end_s - hit.pulse.start_s for hit in hits)


def _untangled(rows_s: Sequence[Sequence[float]]) -> Untangled | None:
    """Untangle rows if their numbers allow it: what goes to and fro counts twice."""
    counts = {len(row) for row in rows_s}
    if any((n - min(counts)) % 2 for n in counts):
        return None
    return untangle(rows_s)


def _neighbour(part: Part) -> Neighbour | None:
    return None if part.gap_m is None else Neighbour(gap_m=part.gap_m, alike=part.alike)


def _from(weighed: Weighed, first_s: float) -> Weighed:
    """Let a vehicle that went to and fro begin where it came to the rows at first."""
    first, *others = weighed.axles
    first = msgspec.structs.replace(first, crossed_s=min(first.crossed_s, first_s))
    return msgspec.structs.replace(weighed, axles=(first, *others))


def _without(weighed: Weighed, damages: Sequence[Damage]) -> Weighed:
    """Weigh the axles again without damaged strips.

    An axle of which one side would be left without any strip keeps them: half an axle
    is further from the truth.
    """
    damaged = frozenset(damage.strip for damage in damages)
    axles = []
    for axle in weighed.axles:
        seen = {hit.sensor.side for hit in axle.hits}
        healthy = {h.sensor.side for h in axle.hits if h.sensor.index not in damaged}
        if healthy == seen:
            axles.append(
                weigh_axle(
                    axle.hits, axle.motion, damaged=damaged, smooth=weighed.smooth
                )
            )
        else:
            axles.append(axle)
    return msgspec.structs.replace(weighed, axles=tuple(axles))


def _apart_m(
    first: Sequence[Crossed], second: Sequence[Crossed]
) -> tuple[float, float]:
    """Return how far two axles are apart at least and at most, by the order of times.

    However slowly a vehicle goes or stands: an axle that is on row 0 before another
    one has left row 3 is no further behind it than these rows are apart.
    """
    least_m, most_m = 0.0, math.inf
    for ahead in first:
        for behind in second:
            apart_m = ahead.s_m - behind.s_m
            if ahead.at_s >= behind.at_s:
                most_m = min(most_m, max(apart_m, 0.0))
            else:
                least_m = max(least_m, apart_m)
    return least_m, max(most_m, least_m)


def _pace_mps(crossings: Sequence[Crossed]) -> float:
    """Return the mean speed of an axle between the first and the last row it hit."""
    took_s = crossings[-1].at_s - crossings[0].at_s
    return (crossings[-1].s_m - crossings[0].s_m) / took_s if took_s > 0.0 else 0.0


def _ahead_m(
    here: Sequence[Crossed], there: Sequence[Crossed], speed_mps: float
) -> float:
    """Return how far one axle is ahead of another, on a row that both crossed.

    Where they crossed no row in common, their speed bridges the rows.
    """
    places = {crossed.s_m: crossed.at_s for crossed in there}
    told = [
        (places[crossed.s_m] - crossed.at_s) * speed_mps
        for crossed in here
        if crossed.s_m in places
    ]
    if told:
        return sum(told) / len(told)
    return (there[0].at_s - here[0].at_s) * speed_mps - (there[0].s_m - here[0].s_m)
