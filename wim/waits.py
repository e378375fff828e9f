"""When nothing more of a vehicle can come: gaps, waits and counts of wheels."""

from collections.abc import Sequence

from wim.assembly import Assembly
from wim.hits import Hit, rough_speed_mps
from wim.open_vehicles import OpenVehicle, Views
from wim.paces import Pace
from wim.pulse_store import PulseStore
from wim.pulses import Pulse
from wim.samples import Lane
from wim.turns import find_turn
from wim.views import View

__all__ = ["Waits"]

_KMH = 3.6
_LONGEST_WAIT_S = 30.0


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
        if vehicle.headless:
            return self._headless.mps
        return self._backward.mps if vehicle.reverse else self._forward.mps

    def open_ends_s(self, vehicle: OpenVehicle) -> float:
        """Return when the oldest vehicle ends, or is overdue, without a pulse."""
        if vehicle.ended_s is not None:
            return vehicle.overdue_s
        end_s = self.gap_ends_s(vehicle)
        if vehicle.by_separator:
            longest_s = self._assembly.longest_presence_s
            return max(end_s, vehicle.last_entry_s + longest_s)
        if vehicle.stands is not None and vehicle.stands[0] == self._store.taken:
            return max(end_s, vehicle.stands[1])
        return end_s

    def gap_ends_s(self, vehicle: OpenVehicle) -> float:
        """Return when the gap behind the latest axle is long enough to end it."""
        pace_mps = self.pace_mps(vehicle)
        if pace_mps is None:
            return vehicle.last_entry_s + self._row_wait_s(self._views.of(vehicle))
        return vehicle.last_entry_s + self._assembly.axle_gap_m / pace_mps

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
        return find_turn(vehicle, self._views.forward, self._store) is not None

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
            and find_turn(vehicle, self._views.forward, self._store) is not None
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
        return min(row_m / slowest_mps + 1.0, _LONGEST_WAIT_S)

    def _is_slow(self, latest: Sequence[Pulse]) -> bool:
        """Tell by the newest of some pulses whether a vehicle may stop or turn."""
        newest = max(latest, key=lambda pulse: pulse.centroid_s)
        return rough_speed_mps(newest) <= self._assembly.stopping_mps
