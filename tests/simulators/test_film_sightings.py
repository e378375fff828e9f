import numpy as np
import pytest

from simulators.camera.scene import Scene
from simulators.clock import Pace
from simulators.config import CamerasConfig
from simulators.film import Film
from simulators.stream import FrameFeed
from simulators.timetable import Timetable
from simulators.traffic import TrafficShape, plan_traffic


def moment_s(view, entry, speed):
    """Return the elapsed second that matters to a camera, from first principles."""
    arrives_s = entry.crossing.arrives_at_s
    vehicle, speed_mps = entry.crossing.vehicle, entry.crossing.speed_mps
    through_m = vehicle.wheelbase_m + 9.0
    way_m = {"front": 0.0, "side": through_m / 2.0, "rear": through_m}[view]
    return arrives_s + way_m / speed_mps / speed


@pytest.mark.parametrize("view", ["front", "side", "rear"])
@pytest.mark.parametrize("speed", [1.0, 20.0])
def test_every_vehicle_is_in_three_frames_around_its_moment(view, speed):
    plan = plan_traffic(
        TrafficShape(),
        seed=4,
        vehicles=30,
        lanes=(1, 2),
        station_length_m=9.0,
        speed=speed,
    )
    timetable = Timetable(plan, begins_s=0.0)
    film = Film(
        Scene(view, view, places=2, seed=1),
        FrameFeed(view),
        Pace(speed),
        config=CamerasConfig(),
        lanes=(1, 2),
        station_length_m=9.0,
    )
    film.follow(timetable)
    for entry in timetable.entries:
        middle_s = moment_s(view, entry, speed)
        frames = [
            film.sightings(middle_s + offset)
            for offset in np.arange(-0.2, 0.21, 1.0 / 12.0)
        ]
        own = [
            sighting
            for sightings in frames
            for sighting in sightings
            if sighting.vehicle == entry.crossing.vehicle
        ]
        assert len(own) >= 3
        assert {sighting.place for sighting in own} == {entry.crossing.lane - 1}
        (now,) = (
            sighting
            for sighting in film.sightings(middle_s)
            if sighting.vehicle == entry.crossing.vehicle
        )
        assert abs(now.beyond_m) < 0.05


def test_an_empty_road_has_no_sightings():
    film = Film(
        Scene("front", "front", places=2, seed=1),
        FrameFeed("front"),
        Pace(1.0),
        config=CamerasConfig(),
        lanes=(1, 2),
        station_length_m=9.0,
    )
    assert film.sightings(10.0) == []
