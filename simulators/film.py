"""What each camera sees at a moment, and the loop that films it.

Above real time a vehicle would be gone between two frames; around the moment that
matters to a camera it moves at its true speed for the people who watch, and faster
before and after. The samples on the line know nothing of that.
"""

import threading
from collections.abc import Callable

from simulators.camera.scene import Scene, Sighting, View, in_sight
from simulators.clock import Pace, utc_now
from simulators.config import CamerasConfig
from simulators.fleet import Vehicle
from simulators.stream import FrameFeed
from simulators.timetable import Entry, Timetable
from simulators.traffic import Weighing

__all__ = ["Film", "apparent_s", "gate_beyond_m"]

_HELD_S = 0.4
_PREPARED_S = 5.0
_DRIVE_UP_S = 1.5
_DRIVE_UP_M = 25.0
_DRIVE_OFF_MPS2 = 1.6
_SEEN_S = 30.0  # no vehicle shows longer before or after its moment


def apparent_s(offset_s: float, speed: float) -> float:
    """Return how long before or after its moment a vehicle appears to be.

    >>> apparent_s(0.25, 20.0)
    0.25
    >>> round(apparent_s(-1.4, 20.0), 3)
    -20.4
    """
    if speed <= 1.0:
        return offset_s * speed
    if abs(offset_s) <= _HELD_S:
        return offset_s
    beyond = _HELD_S + (abs(offset_s) - _HELD_S) * speed
    return beyond if offset_s > 0.0 else -beyond


def gate_beyond_m(weighing: Weighing, time_s: float) -> float:
    """Return how far a truck's front is from where it stands on the scale.

    It comes braking, stands, and drives off towards the camera.
    """
    begins_s = weighing.starts_at_s - _DRIVE_UP_S
    if time_s < weighing.stands_at_s:
        left = (weighing.stands_at_s - time_s) / (weighing.stands_at_s - begins_s)
        return _DRIVE_UP_M * left * abs(left)
    if time_s < weighing.leaves_at_s:
        return 0.0
    return -0.5 * _DRIVE_OFF_MPS2 * (time_s - weighing.leaves_at_s) ** 2


class Film:
    """One camera's loop: often while a vehicle shows, a keep-alive otherwise."""

    def __init__(
        self,
        scene: Scene,
        feed: FrameFeed,
        pace: Pace,
        *,
        config: CamerasConfig,
        lanes: tuple[int, ...],
        station_length_m: float,
    ) -> None:
        self.feed = feed
        self.frozen = False
        self._scene = scene
        self._pace = pace
        self._config = config
        self._lanes = lanes
        self._station_length_m = station_length_m
        self._timetable: Timetable | None = None

    def follow(self, timetable: Timetable) -> None:
        """Let the vehicles of a timetable come."""
        self._timetable = timetable

    def run(self, stop: threading.Event) -> None:
        """Film until told to stop; draw nothing while nobody watches."""
        period_s = 1.0 / self._config.frames_per_s
        idle_s = 1.0 / self._config.idle_frames_per_s
        due_s = self._pace.elapsed_s()
        filmed_s = due_s - idle_s
        while not stop.wait(max(0.0, due_s - self._pace.elapsed_s())):
            now_s = self._pace.elapsed_s()
            due_s = max(due_s + period_s, now_s)
            if not self.feed.watched or self.frozen:
                continue
            sightings = self.sightings(now_s)
            if sightings or now_s - filmed_s >= idle_s - 0.5 * period_s:
                label = utc_now().strftime("%Y-%m-%d %H:%M:%S.%f")[:-4] + " UTC"
                self.feed.publish(self._scene.jpeg(sightings, label))
                filmed_s = now_s
            if not sightings:
                self._prepare(now_s)

    def sightings(self, elapsed_s: float) -> list[Sighting]:
        """Return the vehicles in view at a moment."""
        return [
            Sighting(vehicle, place, beyond_m)
            for vehicle, place, beyond_m in self._places(elapsed_s)
            if in_sight(self._scene.view, beyond_m)
        ]

    def _prepare(self, elapsed_s: float) -> None:
        """Paint the next vehicle's likeness while there is time."""
        soon = [*self._places(elapsed_s + _PREPARED_S), *self._places(elapsed_s + 1.5)]
        for vehicle, _, beyond_m in soon:
            if in_sight(self._scene.view, beyond_m):
                self._scene.prepare(vehicle)

    def _places(self, elapsed_s: float) -> list[tuple[Vehicle, int, float]]:
        """Return all vehicles near the camera: vehicle, lane's place, distance."""
        timetable = self._timetable
        if timetable is None:
            return []
        if self._scene.view == "gate":
            time_s = timetable.plan_s(elapsed_s)
            return [
                (crossing.vehicle, 0, gate_beyond_m(weighing, time_s))
                for crossing in timetable.plan.weighings
                if (weighing := crossing.weighing) is not None
                and abs(time_s - weighing.stands_at_s) < _SEEN_S
            ]
        measure = _MEASURES[self._scene.view]
        found = []
        for entry in timetable.entries:
            moment_s = self._moment_s(entry)
            offset_s = elapsed_s - moment_s / self._pace.speed
            if abs(offset_s) < _SEEN_S:
                gone_m = entry.passing.speed_mps * apparent_s(
                    offset_s, self._pace.speed
                )
                place = self._lanes.index(entry.crossing.lane)
                found.append((entry.crossing.vehicle, place, measure(gone_m)))
        return found

    def _moment_s(self, entry: Entry) -> float:
        """Return the stream time that matters to this camera."""
        passing = entry.passing
        match self._scene.view:
            case "side":
                last_s = passing.axle_at_s(-1, self._station_length_m)
                return (passing.arrives_s + last_s) / 2.0  # over the middle row
            case "rear":
                return passing.axle_at_s(-1, self._station_length_m)
            case _:
                return passing.arrives_s


def _coming(gone_m: float) -> float:
    return -gone_m


def _going(gone_m: float) -> float:
    return gone_m


_MEASURES: dict[View, Callable[[float], float]] = {
    "front": _coming,
    "side": _coming,
    "rear": _going,
}
