"""Which pulses are one vehicle's, and when nothing more of it can come.

It weighs nothing beyond joining axles and judges nothing. Every decision is taken at
a time that pulses and separator set, never at the end of a block of samples, so that
the blocks do not matter.
"""

import math
from bisect import bisect
from collections.abc import Callable, Collection, Sequence

from wim.assembly import Assembly
from wim.axles import Axle
from wim.crossings import Crossing, Entry, LaneEvent, Neighbour
from wim.endings import Endings
from wim.health import Health, Run, StripMemory
from wim.kinematics import Kinematics
from wim.matching import Matched, find_axles
from wim.open_vehicles import OpenVehicle, Views
from wim.parts import entry_s, is_seen
from wim.pulse_store import PulseStore
from wim.pulses import Pulse
from wim.row_times import RowTimes
from wim.samples import Lane
from wim.vehicles import Part, Shapes
from wim.waits import Waits

__all__ = ["Assembly", "Crossing", "Entry", "LaneEvent", "LaneWatch", "Neighbour"]

_EARLY_S = 1e-6
_LEAST_MPS = 0.1


class LaneWatch:
    """Pulses of one lane and the separator's word in, entries and crossings out.

    ``empty_presences`` were seen by the separator without any axle,
    ``unweighed_vehicles`` by strips on too few rows to be weighed;
    ``separator_overruns`` tells how often a separator was not believed any more. Until
    ``quiet_until_s``, rather too early than too late, ``advance`` has nothing to do.
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
        self._memory = StripMemory(lane, health=health, runs=runs)
        self.empty_presences = 0
        self.unweighed_vehicles = 0
        self.separator_overruns = 0
        self._assembly = assembly
        self._first_index = first_index
        self._views = Views(lane)
        self._forward = self._views.forward
        self._last_row = self._forward.rows - 1
        self._store = PulseStore(lane)
        self._waits = Waits(
            lane, assembly=assembly, store=self._store, views=self._views
        )
        self._endings = Endings(
            self._memory,
            assembly=assembly,
            kinematics=kinematics,
            shapes=shapes,
            store=self._store,
            views=self._views,
        )
        self._open: list[OpenVehicle] = []
        self._row_of = [strip.row for strip in lane.strips]
        self._first_indices = [s.index for s in self._forward.row(0)]
        self._disbelieved = False
        self._beheaded: OpenVehicle | None = None
        self.quiet_until_s = math.inf
        self._settled_s: float | None = None
        # pulses of these strips change nothing but the store, if they are as long
        self._between = [
            k for k, row in enumerate(self._row_of) if 0 < row < self._last_row
        ]
        self._passing: Collection[int] = ()
        self._shortest_s = math.inf

    @property
    def stray_pulses(self) -> int:
        """Return how many pulses became no axle."""
        return self._store.stray_pulses

    @property
    def runs(self) -> tuple[Run, ...]:
        """Return what is remembered of the strips."""
        return self._memory.runs

    @property
    def latest_s(self) -> float:
        """Return when the latest pulse ended."""
        return self._store.latest_s

    @property
    def is_busy(self) -> bool:
        """Tell whether wheels have come whose vehicle has not been told of."""
        return bool(self._open) or self._beheaded is not None

    def due_s(self, now_s: float) -> float:
        """Return the next time at which something is decided without a pulse.

        Where that is after ``now_s``, any time until then may be returned.
        """
        if not self._open and self._beheaded is None:
            return math.inf
        quiet_s = self.quiet_until_s
        return quiet_s if quiet_s > now_s else self._settled_until_s()

    def _settled_until_s(self) -> float:
        """Return until when ``advance`` has nothing to do, not too early.

        It is found once for what the lane has taken.
        """
        if self._settled_s is None:
            self.quiet_until_s = self._settled_s = self._find_quiet_s()
            self._passing = ()
        return self._settled_s

    def _look_ahead(self) -> None:
        """Say anew until when the lane is quiet, after what it has taken."""
        self._settled_s = None
        self._passing = ()
        if self._open and self._beheaded is None:
            vehicle = self._open[0]
            self.quiet_until_s = self._waits.surely_open_until_s(vehicle)
            if self._waits.goes_on(vehicle):
                self._passing = self._between
                self._shortest_s = self._store.shortest_s
        else:
            self._settled_until_s()

    def _find_quiet_s(self) -> float:
        if not self._open and self._beheaded is None:
            return self._store.oldest_s + self._assembly.stray_after_s - _EARLY_S
        if self._beheaded is None:
            return self._waits.open_ends_s(self._open[0])
        gap_s = self._waits.gap_ends_s(self._beheaded)
        return min([gap_s, *map(self._waits.open_ends_s, self._open[:1])])

    def holds(self, axles: Sequence[Axle], *, within_m: float, share: float) -> bool:
        """Tell whether wheels wait here that crossed some row with some axles.

        Who changes lanes leaves wheels on the later rows only.

        Args:
            axles: of a vehicle in another lane.
            within_m: how far apart along the way they may be.
            share: of the axles that must have such a wheel on one row.
        """
        waiting = [
            sorted(
                [
                    pulse.centroid_s
                    for sensor in row
                    for pulse in self._store.of[sensor.index]
                ]
            )
            for row in self._forward.by_rank
        ]
        if not any(waiting):
            return False
        together = [0] * len(waiting)
        for axle in axles:
            for row in axle.rows:
                if row.row > self._last_row or not waiting[row.row]:
                    continue
                times, at_s = waiting[row.row], row.at_s
                speed_mps = max(row.speed_mps, _LEAST_MPS)
                k = bisect(times, at_s)
                before = k > 0 and (at_s - times[k - 1]) * speed_mps <= within_m
                together[row.row] += before or (
                    k < len(times) and (times[k] - at_s) * speed_mps <= within_m
                )
        return max(together) >= share * len(axles)

    def pass_by(self, pulse: Pulse) -> bool:
        """Take a pulse that changes nothing of what is waited for, if it is one.

        Nobody has asked when the oldest vehicle ends since that was bounded, and the
        pulse is of a row between the first and the last and not so short that it bounds
        it anew.
        """
        index = pulse.strip - self._first_index
        if index not in self._passing or pulse.end_s - pulse.start_s < self._shortest_s:
            return False
        self._store.add(index, pulse)
        return True

    def take(self, pulse: Pulse, now_s: float) -> list[LaneEvent]:
        """Take one pulse that became known at ``now_s``."""
        events = [] if now_s < self.quiet_until_s else self.advance(now_s)
        index = pulse.strip - self._first_index
        self._store.add(index, pulse)
        row = self._row_of[index]
        goes_by = row > 0 and self._goes_by(row)
        if row == 0:
            self._at_first_row(index, pulse, events)
        elif row == self._last_row:
            self._at_last_row(pulse, events)
            if len(self._open) == 1 and self._open[0].ended_s is None:
                self._waits.note_exit(self._open[0], pulse)
            goes_by = goes_by and self._goes_by(row)
        if not goes_by:
            self._close_complete(events)
            self._look_ahead()
        return events

    def _goes_by(self, row: int) -> bool:
        """Tell whether a pulse of a later row changes nothing of what is waited for."""
        if self._beheaded is not None or not self._open:
            return False
        vehicle = self._open[0]
        if not self._waits.goes_on(vehicle):
            return False
        if self._settled_s is None:
            return self._store.shortest_s >= self._shortest_s
        return not self._waits.is_told_by(vehicle, row)

    def appear(self, from_s: float, now_s: float) -> list[LaneEvent]:
        """Take the separator's word that a vehicle came between these times."""
        events = self.advance(now_s)
        slack_s = self._assembly.separator_slack_s
        last = self._open[-1] if self._open else None
        is_open = last is not None and not last.by_separator and last.ended_s is None
        if (
            last is not None
            and is_open
            and (last.reverse or last.begun_s >= from_s - slack_s)
        ):
            last.by_separator = True
        else:
            if last is not None and is_open:
                last.ended_s = from_s
            vehicle = OpenVehicle(begun_s=from_s, by_separator=True, reverse=False)
            self._open.append(vehicle)
            self._close_complete(events)
        self._look_ahead()
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
        self._look_ahead()
        return events

    def interrupt(self, now_s: float) -> list[LaneEvent]:
        """Take note that samples are missing: no pulse under way will come."""
        for vehicle in self._open:
            vehicle.waiting.clear()
            vehicle.whole &= vehicle.ended_s is not None
        self._look_ahead()
        return self.advance(now_s)

    def advance(self, now_s: float) -> list[LaneEvent]:
        """Let time pass: gaps become long enough, waits end."""
        events: list[LaneEvent] = []
        if now_s < self.quiet_until_s or now_s < self._settled_until_s():
            return events
        if self._beheaded and now_s >= self._waits.gap_ends_s(self._beheaded):
            self._finish_beheaded(events)
        while self._open:
            vehicle = self._open[0]
            end_s = self._waits.open_ends_s(vehicle)
            if now_s < end_s:
                break
            if vehicle.ended_s is None:
                if not vehicle.by_separator and not self._waits.is_settled(vehicle):
                    if vehicle.stands is None or vehicle.stands[0] != self._store.taken:
                        until_s = self._waits.comes_again_until_s(vehicle)
                        vehicle.stands = (self._store.taken, until_s)
                        continue
                    if not self._waits.has_moved_on(vehicle):
                        vehicle.whole = False
                        self._endings.stalled_s = end_s
                self._cut(vehicle, end_s, told_apart=not vehicle.by_separator)
            else:
                matched = self._axles_of(vehicle, known_s=end_s)
                self._finish(vehicle, matched, events)
            self._close_complete(events)
        if not self._open and self._beheaded is None:
            self._store.sweep(now_s - self._assembly.stray_after_s)
        self._look_ahead()
        return events

    def close(self, *, now_s: float, interrupted: bool) -> list[LaneEvent]:
        """Close everything as it stands.

        Args:
            now_s: when the samples end; who is on the rows then is not whole.
            interrupted: more was to come, so that what is still open is not whole.
        """
        events: list[LaneEvent] = []
        self._finish_beheaded(events)
        while self._open:
            vehicle = self._open[0]
            if vehicle.ended_s is None:
                cut_off = interrupted or vehicle.by_separator
                vehicle.whole = not (cut_off or self._waits.is_on_rows(vehicle, now_s))
                vehicle.ended_s = math.inf
            self._finish(vehicle, self._axles_of(vehicle, known_s=math.inf), events)
        self._store.sweep(math.inf)
        self._look_ahead()
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
        if owner is not None and self._waits.has_left_before(owner, pulse):
            # where it went to and fro and nothing explains how, it is not whole
            owner.whole &= self._waits.is_in_order(owner, before_s=pulse.start_s)
            owner.ended_s = 0.5 * (owner.leaves_s + pulse.start_s)
            self._finish(owner, self._axles_of(owner), events)
            owner = None
        if owner is not None and self._is_outgrown(owner, pulse):
            owner = self._shed(owner, pulse, events)
        if owner is None:
            self._finish_beheaded(events)
            owner = OpenVehicle(
                begun_s=pulse.start_s, by_separator=False, reverse=False
            )
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
            backing = self._open[-1]
            if backing.ended_s is None and self._backs_too_long(backing):
                between_s = 0.5 * (backing.last_entry_s + pulse.start_s)
                backing.whole = False
                self._cut(backing, between_s, told_apart=False)
                self._close_complete(events)
                return
            backing.last_entry_s = pulse.centroid_s
            return
        if self._beheaded is not None:
            self._beheaded.last_entry_s = pulse.centroid_s
            return
        if any(self._store.of[index] for index in self._first_indices):
            return
        before = [
            first_s
            for row in range(1, self._last_row)
            if (first_s := self._store.row_first_hit_s(row)) is not None
        ]
        if not before and not self._open and self._endings.stalled_s == math.inf:
            vehicle = OpenVehicle(
                begun_s=pulse.start_s, by_separator=False, reverse=True
            )
            self._open.append(vehicle)
            self._tell(vehicle, pulse, events)
        elif (
            before
            and len(before) == self._last_row - 1
            and [*before, pulse.centroid_s] == sorted([*before, pulse.centroid_s])
        ):
            vehicle = OpenVehicle(
                begun_s=before[0], by_separator=False, reverse=False, headless=True
            )
            vehicle.last_entry_s = pulse.centroid_s
            vehicle.whole = False
            self._beheaded = vehicle

    def _is_outgrown(self, vehicle: OpenVehicle, pulse: Pulse) -> bool:
        """Tell whether a pulse of the first row cannot be the open vehicle's."""
        if vehicle.ended_s is not None or vehicle.reverse or not vehicle.told:
            return False
        rules = self._assembly
        most = rules.most_axles
        for index in self._first_indices:
            pulses = self._store.of[index]
            if len(pulses) > most:
                own = [each.start_s >= vehicle.begun_s for each in pulses]
                if sum(own) > most:
                    return True
        pace_mps = self._waits.pace_mps(vehicle) if vehicle.by_separator else None
        if pace_mps is None:
            return False
        return pulse.start_s > vehicle.last_entry_s + rules.longest_gap_m / pace_mps

    def _backs_too_long(self, vehicle: OpenVehicle) -> bool:
        """Tell whether one that seems to drive backwards has too many axles for that.

        A wheel left over on the last row looks so; who comes behind it drives forward.
        """
        most = self._assembly.most_axles // 2
        return any(
            len(self._store.since(vehicle.begun_s, sensor.index)) > most
            for sensor in self._views.backward.row(0)
        )

    def _shed(
        self, vehicle: OpenVehicle, pulse: Pulse, events: list[LaneEvent]
    ) -> OpenVehicle | None:
        """End a vehicle that has become too long, where another seems to begin.

        Returns:
            What the pulse belongs to, None where it begins another vehicle.
        """
        starts_s: list[float] = []
        cut: Part | None = None
        if not vehicle.by_separator:
            kept = [
                hits
                for hits in self._axles_of(vehicle).axles
                if is_seen(hits, self._forward)
            ]
            parts = self._endings.parts(kept, RowTimes.of_hits(kept)) if kept else []
            if len(parts) > 1:
                first, last = parts[-2].end - 1, parts[-1].first
                starts_s = [entry_s(kept[first]), entry_s(kept[last])]
                cut = parts[-1]
        if not starts_s:
            between_s = 0.5 * (vehicle.last_entry_s + pulse.start_s)
            self._cut(vehicle, between_s, told_apart=False)
            return None
        between_s = 0.5 * (starts_s[0] + starts_s[1])
        self._cut(vehicle, between_s, told_apart=True)
        follower = OpenVehicle(begun_s=between_s, by_separator=False, reverse=False)
        follower.told_apart = vehicle.told_apart and not self._disbelieved
        follower.told = True
        follower.last_entry_s = vehicle.last_entry_s
        vehicle.cut_behind = follower.cut_before = cut
        events.append(Entry(at_s=starts_s[1]))
        self._open.append(follower)
        return follower

    def _cut(self, vehicle: OpenVehicle, ended_s: float, *, told_apart: bool) -> None:
        """End a vehicle here, whatever its separator says."""
        vehicle.ended_s = ended_s
        vehicle.told_apart &= told_apart
        if vehicle.by_separator:
            vehicle.by_separator = False
            self._disbelieved = True
            self.separator_overruns += 1

    def _tell(
        self, vehicle: OpenVehicle, pulse: Pulse, events: list[LaneEvent]
    ) -> None:
        if not vehicle.told:
            vehicle.told = True
            events.append(Entry(at_s=pulse.centroid_s))

    def _is_backing(self) -> bool:
        """Tell whether the rows were hit from the last to the first."""
        if len(self._open) > 1:
            return False
        last_s = self._store.row_first_hit_s(self._last_row)
        if last_s is None:
            return False
        here_s = self._store.row_first_hit_s(0)
        if here_s is None:
            here_s = math.inf
        if last_s >= here_s:
            return False
        times_s = [
            at_s
            for row in range(self._last_row + 1)
            if (at_s := self._store.row_first_hit_s(row)) is not None and at_s < here_s
        ]
        descending = times_s == sorted(times_s, reverse=True)
        return descending and 2 * len(times_s) > self._last_row

    # when complete

    def _axles_of(self, vehicle: OpenVehicle, *, known_s: float = -math.inf) -> Matched:
        """Return the hits of a vehicle's axles.

        Args:
            vehicle: what they are of.
            known_s: no pulse that is not known yet began before that.
        """
        if self._store.is_crowded:
            self._store.drop_second_wheels(known_s=known_s)
        before_s = self._assembly.separator_slack_s
        if not vehicle.by_separator:
            pace_mps = self._waits.pace_mps(vehicle)
            gap_m = self._assembly.axle_gap_m
            before_s = math.inf if pace_mps is None else gap_m / pace_mps
        return find_axles(
            self._views.of(vehicle),
            self._store.of,
            begun_s=vehicle.begun_s - self._assembly.separator_slack_s,
            from_s=vehicle.begun_s - before_s,
            until_s=math.inf if vehicle.ended_s is None else vehicle.ended_s,
        )

    def _close_complete(self, events: list[LaneEvent]) -> None:
        """Close the oldest vehicles as long as nothing more of them can come."""
        while self._open:
            vehicle = self._open[0]
            if vehicle.ended_s is None:
                break
            if self._store.is_crowded:
                self._store.drop_second_wheels()
            if self._waits.lacks_plainly(vehicle):
                break
            matched = self._axles_of(vehicle)
            if not self._waits.is_complete(vehicle, matched.axles):
                vehicle.overdue_s = self._waits.overdue_s(vehicle, matched.axles)
                break
            self._finish(vehicle, matched, events)

    def _finish(
        self,
        vehicle: OpenVehicle,
        matched: Matched,
        events: list[LaneEvent],
    ) -> None:
        if vehicle is self._beheaded:
            self._beheaded = None
        else:
            self._open.remove(vehicle)
        found = self._endings.crossings(vehicle, matched)
        events += found
        if not found and matched.axles:
            self.unweighed_vehicles += 1
        elif not found and vehicle.by_separator:
            self.empty_presences += 1

    def _finish_beheaded(self, events: list[LaneEvent]) -> None:
        """Close the vehicle that the first row missed, if there is one.

        Its last axle hit the second row before it hit the last; what hit the second
        row later follows it.
        """
        vehicle = self._beheaded
        if vehicle is not None:
            vehicle.ended_s = vehicle.last_entry_s
            self._finish(vehicle, self._axles_of(vehicle), events)
