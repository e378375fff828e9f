"""Who drives across the lane stands askew, and nobody drives as no lorry can."""

from pathlib import Path

import numpy as np
import pytest

from simulators.chassis import draw_chassis
from simulators.driving import STEP_S, Drive, Path as Way
from simulators.electronics import Electronics
from simulators.fleet import MODELS, draw_vehicle
from simulators.manoeuvres import Place, draw_driving
from simulators.ride import ride_planar
from simulators.roads import iso_road
from simulators.sensors import BLOCK_SAMPLES, SensorField
from wim.samples import parse_site

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "configs" / "stations" / "4row-site.toml").read_text(encoding="utf-8")
DRY = parse_site(TEXT.replace("time_constant_s = 5.0\n", ""), name="dry.toml")
IDEAL = Electronics(imperfect=False, bit_depth=32)
S_WAY = Way(s_m=0.5, s_wave_m=24.0)
"""Askew by 0.13 on row 0, by 0.09 on row 1, straight on row 2, back on row 3."""


def truck(speed_mps, way):
    vehicle = draw_vehicle(np.random.default_rng(3), 0.0, 0.0, models=(MODELS[0],))
    chassis = draw_chassis(np.random.default_rng(3), vehicle)
    drive = Drive(start_mps=speed_mps, path=way)
    motion = drive.motion(wheelbase_m=vehicle.wheelbase_m, length_m=9.0)
    road = iso_road(np.random.default_rng(1), "A", (0.0, 3.0, 6.0, 9.0))
    return vehicle, ride_planar(chassis, motion, road)


def counted(ride, way):
    field = SensorField(DRY, IDEAL, site_seed=1, seed=1)
    pressed = field.press(ride, lane=1, path=way, begins_s=1.0)
    blocks = 1 + int((1.0 + len(ride.place_m) * STEP_S) * 4000 / BLOCK_SAMPLES)
    return np.concatenate(
        [field.block(number, [pressed], part=0.0) for number in range(blocks)]
    ).astype(float)


@pytest.mark.parametrize(
    "way",
    [
        Way(offset_m=0.2, wander_m=0.06, wander_wave_m=50.0, wander_phase=1.0),
        Way(s_m=0.7, s_wave_m=18.0, s_phase=0.4),
        Way(aside_m=-3.75, move_from_m=-7.0, move_m=40.0),
    ],
)
def test_slope_and_bend_are_how_the_path_changes(way):
    places = np.linspace(-6.0, 30.0, 300)
    ahead, behind = places + 1e-4, places - 1e-4
    slope = (way.lateral_m(ahead) - way.lateral_m(behind)) / 2e-4
    np.testing.assert_allclose(way.slope(places), slope, atol=1e-6)
    bend = (way.slope(ahead) - way.slope(behind)) / 2e-4
    np.testing.assert_allclose(way.bend_per_m(places), bend, atol=1e-6)


def test_whoever_drives_straight_has_its_wheels_side_by_side_to_the_bit():
    _, ride = truck(8.0, Way(offset_m=0.3))
    field = SensorField(DRY, IDEAL, site_seed=1, seed=1)
    pressed = field.press(ride, lane=1, path=Way(offset_m=0.3), begins_s=1.0)
    assert not pressed.ahead_m.any()
    assert (pressed.pace == 1.0).all()


def test_a_wheel_is_ahead_of_its_axle_by_its_distance_times_the_slope():
    speed_mps = 5.0
    _, ride = truck(speed_mps, S_WAY)
    counts = counted(ride, S_WAY)
    apart_m = 2.0 * ride.wheel_centres_m[0]
    skews = []
    for row in range(4):
        first = np.argmax(counts[:, 2 * row] > 100)
        window = slice(first - 200, first + 400)  # of the first axle
        centres = [
            (np.arange(600) * counts[window, channel]).sum()
            / counts[window, channel].sum()
            for channel in (2 * row, 2 * row + 1)
        ]
        skews.append((centres[1] - centres[0]) / 4000.0 * speed_mps)
    slopes = S_WAY.slope(np.array([0.0, 3.0, 6.0, 9.0]))
    assert slopes[0] == pytest.approx(0.131, abs=0.001)
    np.testing.assert_allclose(skews, apart_m * slopes, atol=0.006)


def test_the_outer_wheel_of_a_bend_is_faster_and_its_pulse_smaller_by_that():
    """At the top of an S to the right it turns left: the right wheel is outside."""
    top = Way(s_m=0.5, s_wave_m=24.0, s_phase=0.5 * np.pi)
    _, ride = truck(5.0, top)
    bent, straight = counted(ride, top), counted(ride, Way(offset_m=0.5))
    faster = 1.0 + ride.wheel_centres_m.mean() * 0.5 * (2.0 * np.pi / 24.0) ** 2
    left, right = (bent[:, k].sum() / straight[:, k].sum() for k in (0, 1))
    assert left == pytest.approx(1.0 / (2.0 - faster), rel=0.01)
    assert right == pytest.approx(1.0 / faster, rel=0.01)
    assert right < 0.98
    assert left > 1.02


@pytest.mark.parametrize("manoeuvre", ["s_path", "lane_change"])
@pytest.mark.parametrize("length_m", [3.0, 9.0, 14.0])
def test_no_lorry_is_steered_or_tipped_further_than_one_can_be(manoeuvre, length_m):
    place = Place(length_m=length_m, low_mps=1.0, high_mps=30.0, aside=1)
    places = np.linspace(-30.0, 60.0, 2000)
    slopes = []
    for number in range(150):
        rng = np.random.default_rng([number, 8])
        vehicle = draw_vehicle(rng, 0.0, 0.2)
        driving = draw_driving(rng, manoeuvre, vehicle, place)
        path, speed_mps = driving.drive.path, driving.drive.start_mps
        bend = np.abs(path.bend_per_m(places)).max()
        assert bend < 0.102  # a wander adds to the S
        assert speed_mps**2 * bend < 3.3
        slopes.append(np.abs(path.slope(places)).max())
    assert max(slopes) < 0.4
    assert min(slopes) > 0.08
