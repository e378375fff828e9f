import cv2
import msgspec
import numpy as np
import pytest

from simulators.camera.plate_face import draw_plate
from simulators.camera.scene import Scene, Sighting, in_sight
from simulators.film import apparent_s, gate_beyond_m
from simulators.fleet import draw_vehicle, heavy_vehicle
from simulators.plates import Plate
from simulators.traffic import Weighing

TRUCK = heavy_vehicle(np.random.default_rng(3))
OTHER = draw_vehicle(np.random.default_rng(8), 0.0, 0.0)


@pytest.fixture(scope="module")
def front():
    return Scene("front", "front", places=2, seed=1)


def yellow(picture):
    """Return where a plate's yellow is, as a mask."""
    hue = cv2.cvtColor(picture, cv2.COLOR_BGR2HSV)
    return cv2.inRange(hue, (15, 140, 110), (32, 255, 255)) > 0


def plate_width(picture):
    """Return the width of the largest yellow patch of a plate's proportions."""
    found, _, stats, _ = cv2.connectedComponentsWithStats(
        cv2.morphologyEx(
            yellow(picture).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((7, 7))
        )
    )
    widths = [
        stats[k, cv2.CC_STAT_WIDTH]
        for k in range(1, found)
        if 1.7 < stats[k, cv2.CC_STAT_WIDTH] / stats[k, cv2.CC_STAT_HEIGHT] < 4.5
    ]
    return max(widths, default=0)


def test_a_vehicle_changes_only_its_own_half_of_the_picture(front):
    empty = front.render([], "").astype(int)
    for place in (0, 1):
        seen = front.render([Sighting(TRUCK, place, 2.0)], "").astype(int)
        changed = np.abs(seen - empty).max(axis=2) > 40
        halves = changed[:, :640].mean(), changed[:, 640:].mean()
        assert halves[place] > 0.4
        assert halves[1 - place] < 0.05


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("beyond_m", [-1.0, 0.0, 1.0])
def test_the_front_plate_is_wide_enough_when_the_first_axle_is_on_row_0(
    front, place, beyond_m
):
    red = repainted(TRUCK, colour="red")
    picture = front.render([Sighting(red, place, beyond_m)], "")
    half = picture[:690, 640 * place : 640 * (place + 1)]
    assert plate_width(half) >= 130


def repainted(vehicle, **changes):
    return msgspec.structs.replace(vehicle, likeness_seed=4711, **changes)


def test_the_plate_grows_as_the_truck_comes(front):
    red = repainted(TRUCK, colour="red")
    widths = [
        plate_width(front.render([Sighting(red, 0, beyond)], "")[:690, :640])
        for beyond in (12.0, 6.0, 0.0)
    ]
    assert widths == sorted(widths)
    assert widths[0] < widths[-1]


def test_the_side_view_shows_the_whole_truck_with_its_wheels_to_scale():
    scene = Scene("side", "side", places=2, seed=1)
    empty = scene.render([], "").astype(int)
    seen = scene.render([Sighting(TRUCK, 0, 0.0)], "").astype(int)
    changed = np.abs(seen - empty).max(axis=2) > 30
    columns = np.flatnonzero(changed[380:540, :640].any(axis=0))
    assert columns[0] > 5
    assert columns[-1] < 634
    assert (columns[-1] - columns[0]) / 32.0 == pytest.approx(TRUCK.length_m, abs=0.6)
    # tyres touch the road at the axles and nowhere else
    row = seen[516].max(axis=1)
    middle, front_px = 320.0, 320.0 + TRUCK.length_m / 2 * 32.0
    first = front_px - TRUCK.front_overhang_m * 32.0
    for behind in TRUCK.axle_positions_m:
        assert row[round(first - behind * 32.0)] < 60
    between = first - (TRUCK.axle_positions_m[2] + 3.0) * 32.0
    assert row[round(between)] > 60
    assert not changed[:680, 640:].any()
    assert middle > between


def test_the_rear_view_shows_the_trailer_s_double_line_plate():
    scene = Scene("rear", "rear", places=2, seed=1)
    picture = scene.render([Sighting(repainted(TRUCK, colour="red"), 1, 0.0)], "")
    assert plate_width(picture[400:690, 640:]) >= 130


def test_a_plate_has_the_size_and_the_colour_of_the_standard():
    rng = np.random.default_rng(1)
    single = draw_plate(Plate("豫A12345", "yellow", 1), rng)
    double = draw_plate(Plate("豫A1234挂", "yellow", 2), rng)
    assert single.shape == (140, 440, 3)
    assert double.shape == (220, 440, 3)
    assert yellow(single).mean() > 0.45
    ink = single[60:80].max(axis=2).min(axis=0) < 90
    assert ink.any()


def test_different_plates_look_different():
    pictures = [
        draw_plate(Plate(text, "yellow", 1), np.random.default_rng(1))
        for text in ("豫A12345", "豫A12346", "冀A12345")
    ]
    difference = np.abs(pictures[0].astype(int) - pictures[1]).max(axis=(0, 2))
    assert difference[380:424].max() > 100  # the last character
    assert difference[:375].max() == 0
    assert np.abs(pictures[0].astype(int) - pictures[2])[:, 15:60].max() > 100


def test_a_frame_is_a_jpeg_of_the_promised_size(front):
    jpeg = front.jpeg([Sighting(OTHER, 1, 5.0)], "2026-01-01 00:00:00.00 UTC")
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (720, 1280, 3)
    assert 30_000 < len(jpeg) < 250_000


def test_above_real_time_a_vehicle_lingers_around_its_moment():
    frames = [apparent_s(offset, 20.0) for offset in (-0.2, -0.1, 0.0, 0.1, 0.2)]
    assert frames == [-0.2, -0.1, 0.0, 0.1, 0.2]
    assert apparent_s(1.0, 20.0) > 10.0
    assert apparent_s(-3.0, 1.0) == -3.0


def test_at_the_gate_a_truck_comes_stands_and_leaves():
    weighing = Weighing(10.0, 2.0, 4.0, 1.5)
    ways = [gate_beyond_m(weighing, 8.5 + 0.1 * step) for step in range(36)]
    assert ways == sorted(ways, reverse=True)
    assert {gate_beyond_m(weighing, t) for t in (12.0, 14.0, 15.9)} == {0.0}
    assert not in_sight("gate", gate_beyond_m(weighing, 19.0))
    assert not in_sight("gate", gate_beyond_m(weighing, 5.0))
