"""Rendered scenes: plates lie where the labels say, and a seed gives the same scene."""

import numpy as np
import pytest

from lpr.image import straighten
from lpr.training.lamps import headlamps, shine
from lpr.training.photographs import photographed
from lpr.training.scenes import Face, draw_scene
from lpr.training.textures import background, lettering
from lpr.training.vehicles import plane

MARK = (255, 0, 255)


def marked(*, double=False):
    """A face of a colour that no scene has, darker below."""
    tall, wide = (110, 220) if double else (70, 220)
    picture = np.full((tall, wide, 3), MARK, np.uint8)
    picture[tall // 2 :] = (120, 0, 120)
    return Face(picture=picture, double=double)


def supply(rng):
    return marked(double=rng.random() < 0.3)


def scenes(seed, count=12):
    rng = np.random.default_rng(seed)
    return [draw_scene(rng, supply, width=384, height=256) for _ in range(count)]


def test_a_seed_gives_the_same_scenes_and_another_gives_others():
    one, same, other = scenes(5, 3), scenes(5, 3), scenes(6, 3)
    for first, again in zip(one, same, strict=True):
        assert np.array_equal(first.picture, again.picture)
    assert not np.array_equal(one[0].picture, other[0].picture)


def test_plates_lie_between_their_corners_the_right_way_up():
    upright = seen = 0
    for scene in scenes(8, 60):
        for plate in scene.plates:
            if not plate.countable or plate.width_px < 40:
                continue
            flat = straighten(scene.picture, plate.corners, width=96, height=32)
            light = flat.astype(float).sum(axis=2)
            seen += 1
            upright += light[4:13, 8:88].mean() > light[19:28, 8:88].mean()
    assert seen > 20
    assert upright >= 0.85 * seen  # glare, dirt and grey pictures hide some


def test_countable_plates_lie_within_the_frame():
    countable = [
        plate for scene in scenes(9, 40) for plate in scene.plates if plate.countable
    ]
    assert countable
    for plate in countable:
        assert (plate.corners > -2).all()
        assert (plate.corners < (386, 258)).all()


def test_scenes_without_a_plate_are_among_them():
    drawn = scenes(14, 60)
    assert any(not scene.plates for scene in drawn)
    assert any(len(scene.plates) > 1 for scene in drawn)
    assert any(plate.double for scene in drawn for plate in scene.plates)


def test_a_plane_maps_its_origin_to_the_place_asked_for():
    rng = np.random.default_rng(4)
    for _ in range(50):
        matrix = plane(rng, centre_px=(200.0, 120.0), px_per_m=300.0)
        x, y, depth = matrix @ (0.0, 0.0, 1.0)
        assert (x / depth, y / depth) == pytest.approx((200.0, 120.0))


def slope_deg(rng, *, from_above=False, askew_deg=0.0):
    """How steeply a level line of a turned vehicle runs in the picture."""
    matrix = plane(
        rng,
        centre_px=(0.0, 0.0),
        px_per_m=300.0,
        most_turn_deg=42.0,
        from_above=from_above,
        askew_deg=askew_deg,
    )
    ends = [matrix @ (along, 0.0, 1.0) for along in (0.2, -0.2)]
    x, y = np.subtract(*(end[:2] / end[2] for end in ends))
    return abs(np.degrees(np.arctan2(y, x)))


def test_lines_run_steeper_where_a_camera_looks_down():
    rng = np.random.default_rng(5)
    level = [slope_deg(rng, from_above=False) for _ in range(300)]
    steep = [slope_deg(rng, from_above=True) for _ in range(300)]
    assert np.quantile(steep, 0.9) > 1.6 * np.quantile(level, 0.9)
    assert np.quantile(steep, 0.95) > 25


def test_a_camera_held_askew_turns_the_whole_picture():
    rng = np.random.default_rng(5)
    turned = [slope_deg(rng, askew_deg=30.0) for _ in range(300)]
    assert np.median(turned) == pytest.approx(30, abs=4)


def test_some_pictures_are_held_askew_with_all_that_is_in_them():
    """Who is turned alone stands beside others that are level."""
    askew = 0
    for scene in scenes(12, 80) + scenes(13, 80):
        along = [plate.corners[1] - plate.corners[0] for plate in scene.plates]
        turned = [np.degrees(np.arctan2(y, x)) for x, y in along]
        askew += len(turned) > 1 and (min(turned) > 15 or max(turned) < -15)
    assert askew >= 3


def test_a_camera_makes_a_page_lighter_darker_and_paler_and_never_loses_it():
    """Stripes from side to side: which of them are lighter is seen in all but few."""
    page = np.full((96, 144, 3), 60, np.uint8)
    page[:, (np.arange(144) // 12) % 2 == 1] = 170
    light = page[0, :, 0] > 100
    rng = np.random.default_rng(7)
    contrasts = []
    for _ in range(200):
        seen = photographed(rng, page, [], night=False)
        assert seen.shape == page.shape
        assert seen.dtype == np.uint8
        means = seen.astype(float).mean(axis=(0, 2))
        contrasts.append(means[light].mean() - means[~light].mean())
    assert np.mean(np.array(contrasts) > 8) > 0.97
    assert np.quantile(contrasts, 0.05) < 50, "some are hazy"
    assert np.quantile(contrasts, 0.95) > 110, "some are stretched"
    again = photographed(np.random.default_rng(8), page, [], night=True)
    same = photographed(np.random.default_rng(8), page, [], night=True)
    assert np.array_equal(again, same)


def test_lit_lamps_stand_on_both_sides_of_a_plate_and_brighten_the_picture():
    corners = np.array([[100, 50], [160, 50], [160, 70], [100, 70]], np.float32)
    rng = np.random.default_rng(6)
    for _ in range(50):
        lamps = headlamps(rng, corners)
        assert [lamp.x < 100 for lamp in lamps] == [True, True, False, False]
        assert all(lamp.x > 160 for lamp in lamps[2:])
        page = np.zeros((120, 260, 3), np.float32)
        shine(page, lamps)
        assert page.min() >= 0
        assert page.max() > 50


def test_grounds_and_lettering_come_in_many_forms():
    rng = np.random.default_rng(2)
    for _ in range(30):
        page = background(rng, 96, 128)
        assert page.shape == (96, 128, 3)
        assert page.dtype == np.uint8
    texts = {lettering(rng) for _ in range(60)}
    assert len(texts) > 50
