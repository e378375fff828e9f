"""When nothing more of a vehicle can come: gaps, waits and counts of wheels."""

import math
from collections.abc import Sequence
from itertools import pairwise

from wim.assembly import Assembly
from wim.hits import Hit, rough_speed_mps
from wim.open_vehicles import OpenVehicle, Views
from wim.paces import Pace
from wim.pulse_store import PulseStore
from wim.pulses import Pulse
from wim.samples import Lane
from wim.turns import find_turn, is_in_order
from wim.views import View

__all__ = ["Waits"]

_KMH = 3.6
_LONGEST_WAIT_S = 30.0
_LEAST_ROW_WAIT_S = 1.0
_STALLED = 0.7
_STOPS = 1.7
_NEAREST_AXLES_M = 0.8
"""No two axles are closer."""


class Waits:
    """How long the vehicles of one lane are waited for.

    All of it is told by pulses, the separator's word and the vehicle itself; no clock
    is read.
    """

    def __init__(
        self, lane: Lane, *, assembly: Assembly, store: PulseStore, views: Views
    ) -> None:
        self._lane = lane
        self._assembly = assembly
        self._store = store
        self._views = views
        self._last_row = views.forward.rows - 1
        self._forward = Pace(views.forward, store)
        self._backward = Pace(views.backward, store)
        self._headless = Pace(views.headless, store)

    def pace_mps(self, vehicle: OpenVehicle) -> float | None:
        """Return how fast the latest axle went between the vehicle's first two rows."""
        return self._pace_of(vehicle).mps

    @staticmethod
    def goes_on(vehicle: OpenVehicle) -> bool:
        """Tell whether only a gap can end a vehicle: it neither stands nor leaves."""
        return (
            not vehicle.reverse
            and vehicle.ended_s is None
            and vehicle.left is None
            and vehicle.stands is None
        )

    def is_told_by(self, vehicle: OpenVehicle, row: int) -> bool:
        """Tell whether a pulse of a later row may change how fast a vehicle goes."""
        return self._pace_of(vehicle).is_told_by(row)

    def _pace_of(self, vehicle: OpenVehicle) -> Pace:
        if vehicle.headless:
            return self._headless
        return self._backward if vehicle.reverse else self._forward

    def open_ends_s(self, vehicle: OpenVehicle) -> float:
        """Return when the oldest vehicle ends, or is overdue, without a pulse."""
        if vehicle.ended_s is not None:
            return vehicle.overdue_s
        end_s = self.gap_ends_s(vehicle)
        if self._leaves_with_the_newest(vehicle) and not vehicle.by_separator:
            end_s = min(end_s, vehicle.leaves_s)
        if vehicle.by_separator:
            longest_s = self._assembly.longest_presence_s
            return max(end_s, vehicle.last_entry_s + longest_s)
        if vehicle.stands is not None and vehicle.stands[0] == self._store.taken:
            return max(end_s, vehicle.stands[1])
        return end_s

    def surely_open_until_s(self, vehicle: OpenVehicle) -> float:
        """Return a time that ``open_ends_s`` is not before, without finding a pace.

        After most pulses that is all that is asked: the next one comes sooner.
        """
        if vehicle.ended_s is not None:
            return vehicle.overdue_s
        if vehicle.by_separator:
            return vehicle.last_entry_s + self._assembly.longest_presence_s
        gap_s = self._pace_of(vehicle).least_s(self._assembly.axle_gap_m)
        until_s = vehicle.last_entry_s + min(gap_s, _LEAST_ROW_WAIT_S)
        if self._leaves_with_the_newest(vehicle):
            return min(until_s, vehicle.leaves_s)
        return until_s

    def gap_ends_s(self, vehicle: OpenVehicle) -> float:
        """Return when the gap behind the latest axle is long enough to end it."""
        pace_mps = self.pace_mps(vehicle)
        if pace_mps is None:
            return vehicle.last_entry_s + self._row_wait_s(self._views.of(vehicle))
        return vehicle.last_entry_s + self._assembly.axle_gap_m / pace_mps

    def is_on_rows(self, vehicle: OpenVehicle, now_s: float) -> bool:
        """Tell whether the latest axle that was seen has not crossed all rows yet.

        At the vehicle's pace the last row is still ahead of it, where fewer wheels were
        seen, the latest of them another's.
        """
        pace_mps = self.pace_mps(vehicle)
        if pace_mps is None:
            return False
        crosses_s = vehicle.last_entry_s + self._views.of(vehicle).length_m / pace_mps
        rows = self._rows_of(vehicle)
        latest_s = rows[-1][-1].centroid_s if rows[-1] else -math.inf
        return (
            now_s < crosses_s
            and len(rows[-1]) < len(rows[0])
            and latest_s < crosses_s - _NEAREST_AXLES_M / pace_mps
        )

    def is_settled(self, vehicle: OpenVehicle) -> bool:
        """Tell whether nothing of a vehicle that ends with a gap can come again.

        Who is slow may stop between the rows, roll back and come again, as long as not
        every row has seen every axle, one row after the other; and where the latest
        wheel took long for the way from the row before, or it or the one on that row
        nearly stood, it may be another that came back.
        """
        latest = self._store.newest()
        if not latest or not self._is_slow(latest):
            return True
        rows = self._rows_of(vehicle)
        if not rows[0] or not _are_in_order(rows):
            return False
        view = self._views.of(vehicle)
        early, late = rows[-2][-1], rows[-1][-1]
        way_m = view.by_rank[-1][0].s_m - view.by_rank[-2][0].s_m
        took_s = late.centroid_s - early.centroid_s
        lasts_s = sorted(pulse.end_s - pulse.start_s for row in rows for pulse in row)
        return (
            way_m / took_s > _STALLED * rough_speed_mps(early, late)
            and max(early.end_s - early.start_s, late.end_s - late.start_s)
            < _STOPS * lasts_s[len(lasts_s) // 2]
        )

    def _rows_of(self, vehicle: OpenVehicle) -> list[list[Pulse]]:
        """Return the pulses of each row since a vehicle began, of the fuller side."""
        return [
            max(
                (self._store.since(vehicle.begun_s, sensor.index) for sensor in row),
                key=len,
            )
            for row in self._views.of(vehicle).by_rank
        ]

    def is_in_order(self, vehicle: OpenVehicle, *, before_s: float) -> bool:
        """Tell whether each row saw every axle, one after the other, until a time."""
        rows = self._rows_of(vehicle)
        return _are_in_order(
            [[pulse for pulse in row if pulse.start_s < before_s] for row in rows]
        )

    def has_left_before(self, vehicle: OpenVehicle, pulse: Pulse) -> bool:
        """Tell whether a vehicle had left when a pulse of the first row began.

        The last that was seen of it was a wheel on the last row, some time ago.
        """
        return (
            not vehicle.by_separator
            and vehicle.left == self._store.taken - 1
            and vehicle.leaves_s <= pulse.start_s
        )

    def comes_again_until_s(self, vehicle: OpenVehicle) -> float:
        """Return until when a vehicle that is not settled may come again.

        Where all its axles have left, in order or to and fro, it has when the next one
        would be too far behind them; else it may stand anywhere.
        """
        if self._leaves_with_the_newest(vehicle) and (
            _are_in_order(self._rows_of(vehicle)) or self._has_turned(vehicle)
        ):
            return vehicle.leaves_s
        return self._store.latest_s + self._assembly.longest_stand_s

    def note_exit(self, vehicle: OpenVehicle, pulse: Pulse) -> None:
        """Take note of a slow wheel on the last row that may be the vehicle's last.

        If it is, ``leaves_s`` is when an axle behind it would be too far behind.
        """
        vehicle.left = None
        speed_mps = rough_speed_mps(pulse)
        slow = speed_mps <= self._assembly.stopping_mps
        settled = slow and self.is_settled(vehicle) and self._paces(vehicle, speed_mps)
        if slow and not settled and self._is_over(vehicle):
            beyond_m = self._assembly.axle_gap_m - self._views.forward.length_m
            gone_s = max(beyond_m, 0.0) / speed_mps
            vehicle.leaves_s = pulse.end_s + gone_s
            vehicle.left = self._store.taken

    def _is_over(self, vehicle: OpenVehicle) -> bool:
        """Tell whether no axle is known to be between the rows, or to come back."""
        lasts_s = [
            row[-1].centroid_s if row else -math.inf for row in self._rows_of(vehicle)
        ]
        return all(early_s < late_s for early_s, late_s in pairwise(lasts_s))

    def _paces(self, vehicle: OpenVehicle, speed_mps: float) -> bool:
        """Tell whether the latest axle went on about as fast as it came.

        Else it stood between the first two rows: then its pace says nothing of when
        the next axle would be too far behind.
        """
        pace_mps = self.pace_mps(vehicle)
        return pace_mps is None or pace_mps >= _STALLED * speed_mps

    def _leaves_with_the_newest(self, vehicle: OpenVehicle) -> bool:
        """Tell whether the newest pulse may be the last of a vehicle."""
        return vehicle.left == self._store.taken

    def _has_turned(self, vehicle: OpenVehicle) -> bool:
        return find_turn(vehicle, self._views.forward, self._store) is not None

    def has_moved_on(self, vehicle: OpenVehicle) -> bool:
        """Tell whether the last axle that entered has been on the last rows too."""
        view = self._views.of(vehicle)
        seen = [
            max(len(self._store.since(vehicle.begun_s, sensor.index)) for sensor in row)
            for row in view.by_rank
        ]
        last = max((rank for rank in range(view.rows) if seen[rank]), default=0)
        if seen[last] >= seen[0] and last > 0:
            return True
        latest = [
            self._store.of[sensor.index][-1]
            for sensor in view.sensors
            if self._store.of[sensor.index]
        ]
        if not latest:
            return True
        if not self._is_slow(latest):
            return True
        return self._has_turned(vehicle)

    def lacks_plainly(self, vehicle: OpenVehicle) -> bool:
        """Tell without matching that the last row has not seen all axles yet."""
        pace_mps = self.pace_mps(vehicle)
        if vehicle.by_separator or vehicle.ended_s is None or pace_mps is None:
            return False
        view = self._views.of(vehicle)
        entered = max(
            sum(
                p.start_s <= vehicle.ended_s
                for p in self._store.since(vehicle.begun_s, s.index)
            )
            for s in view.row(0)
        )
        left = max(
            len(self._store.since(vehicle.begun_s, s.index)) for s in view.by_rank[-1]
        )
        latest = self._store.newest()
        if left >= entered or self._is_slow(latest):
            return False
        ended_s = max(vehicle.last_entry_s, vehicle.ended_s)
        vehicle.overdue_s = ended_s + 3.0 * view.length_m / pace_mps + 1.0
        return True

    def is_complete(
        self, vehicle: OpenVehicle, hits: Sequence[tuple[Hit, ...]]
    ) -> bool:
        """Tell whether both sides of the last row saw as many axles as there are."""
        if vehicle.waiting:
            return False
        exits = self._views.of(vehicle).row(self._last_row)
        fewest = min(
            len(self._store.since(vehicle.begun_s, sensor.index)) for sensor in exits
        )
        if fewest >= len(hits):
            return True
        latest = self._store.newest()
        return (
            not vehicle.by_separator
            and self._is_slow(latest)
            and self._has_turned(vehicle)
        )

    def overdue_s(self, vehicle: OpenVehicle, hits: Sequence[tuple[Hit, ...]]) -> float:
        """Return the time after which the missing pulses are lost."""
        ended_s = vehicle.ended_s or 0.0
        if not hits:
            return ended_s + _LONGEST_WAIT_S
        view = self._views.of(vehicle)
        pace_mps = self.pace_mps(vehicle)
        exits = view.row(self._last_row)
        fullest = max(
            (self._store.since(vehicle.begun_s, e.index) for e in exits), key=len
        )
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

    def _row_wait_s(self, view: View) -> float:
        """Return how long the slowest vehicle of the lane takes to the second row."""
        row_m = min(sensor.s_m for sensor in view.row(1))
        slowest_mps = self._lane.speed_range_kmh[0] / _KMH
        if row_m > slowest_mps * _LONGEST_WAIT_S:  # also a range down to standing
            return _LONGEST_WAIT_S
        return min(row_m / slowest_mps + _LEAST_ROW_WAIT_S, _LONGEST_WAIT_S)

    def _is_slow(self, latest: Sequence[Pulse]) -> bool:
        """Tell by the newest of some pulses whether a vehicle may stop or turn."""
        newest = max(latest, key=lambda pulse: pulse.centroid_s)
        return rough_speed_mps(newest) <= self._assembly.stopping_mps


def _are_in_order(rows: Sequence[Sequence[Pulse]]) -> bool:
    return is_in_order([[pulse.centroid_s for pulse in row] for row in rows])
