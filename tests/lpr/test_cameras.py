"""What a camera's electronics do: haze, blur, coarse noise and hard sharpening."""

import numpy as np
import pytest

from lpr.training import damage
from lpr.training.cameras import seen_cheaply, smoothed

CHARACTER_PX = 40.0


@pytest.fixture
def bar():
    """A light bar on a dark ground, float, as `seen_cheaply` takes it."""
    page = np.full((60, 120, 3), 70.0, np.float32)
    page[:, 50:70] = 170.0
    return page


def many(picture, strength, seeds=range(120)):
    return [
        seen_cheaply(np.random.default_rng(seed), picture, CHARACTER_PX, strength)
        for seed in seeds
    ]


def test_a_seed_gives_the_same_picture_and_leaves_the_given_one_alone(bar):
    before = bar.copy()
    one, same = many(bar, 1.0, seeds=(7, 7))
    assert (one == same).all()
    assert (bar == before).all()
    assert one.shape == bar.shape
    assert one.dtype == np.float32


def test_what_comes_out_can_be_shown(bar):
    for seen in many(bar, 1.0):
        assert seen.min() >= 0.0
        assert seen.max() <= 255.0


def test_a_good_camera_leaves_the_picture_nearly_as_it_was(bar):
    for seen in many(bar, 0.0):
        assert abs(seen - bar).mean() < 2.0


def test_some_pictures_are_flat_some_unsharp_and_some_have_dark_lines_at_strokes(bar):
    seen = many(bar, 1.0)
    contrast = [
        float(one[20:40, 56:64].mean() - one[20:40, 5:30].mean()) for one in seen
    ]
    assert min(contrast) < 50.0
    steepest = [float(np.diff(one[30].mean(axis=1)).max()) for one in seen]
    assert min(steepest) < 15.0
    beside = [float(one[20:40, 46:50].mean() - one[20:40, 5:30].mean()) for one in seen]
    assert min(beside) < -20.0


def test_noise_may_be_of_colour_alone():
    flat = np.full((80, 160, 3), 120.0, np.float32)
    coloured = 0
    for seen in many(flat, 1.0):
        brightness = float(seen.mean(axis=2).std())
        coloured += float(seen.std(axis=(0, 1)).mean()) > 4.0 * brightness + 1.0
    assert coloured


def test_one_field_of_an_interlaced_picture_has_half_the_rows():
    rng = np.random.default_rng(5)
    rough = rng.uniform(60, 190, (64, 96, 3)).astype(np.float32)
    means = [
        np.abs(seen[1:-1:2] - 0.5 * (seen[:-2:2] + seen[2::2])).mean()
        for seen in many(rough, 0.0)
    ]
    # of rows made up from those beside them nothing is left
    assert 2 <= sum(float(mean) < 0.5 for mean in means) < 60


def test_smoothing_keeps_the_edge_of_a_bar(bar):
    seen = smoothed(np.random.default_rng(3), bar, 0.3)
    assert seen[30, 58:62].mean() - seen[30, 5:30].mean() > 80.0


def test_pictures_are_processed_only_where_it_is_asked_for(bar):
    picture = bar.astype(np.uint8)

    def taken(share):
        return damage.photographed(
            np.random.default_rng(9), picture, CHARACTER_PX, grey=False, cheap=share
        )

    assert (taken(0.0) == taken(0.0)).all()
    assert (taken(0.0) != taken(1.0)).any()
