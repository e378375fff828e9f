import numpy as np
import pytest

from simulators.roads import ROUGHNESS_M3, filtered_road, iso_road

FAR = (1000.0, 1003.0)


def density(heights_m, step_m):
    """One-sided spectral density [m³] of windowed pieces, over cycles per metre."""
    pieces = heights_m[: len(heights_m) // 2048 * 2048].reshape(-1, 2048)
    window = np.hanning(2048)
    power = np.abs(np.fft.rfft((pieces - pieces.mean(axis=1)[:, None]) * window)) ** 2
    per_m = np.fft.rfftfreq(2048, step_m)
    return per_m, 2.0 * step_m * power.mean(axis=0) / (window**2).sum()


@pytest.mark.parametrize("road_class", ["A", "B", "C"])
def test_the_spectrum_of_a_road_falls_with_the_square_from_its_class(road_class):
    densities = []
    for seed in range(30):
        road = iso_road(np.random.default_rng(seed), road_class, FAR)
        per_m, one = density(road.heights_m.mean(axis=0), road.step_m)
        densities.append(one)
    mean = np.mean(densities, axis=0)
    near = (per_m > 0.08) & (per_m < 1.0)  # shorter waves the tyre smooths
    slope, level = np.polyfit(np.log(per_m[near] / 0.1), np.log(mean[near]), 1)
    assert slope == pytest.approx(-2.0, abs=0.15)
    assert np.exp(level) == pytest.approx(ROUGHNESS_M3[road_class], rel=0.15)


def test_the_tyre_smooths_what_is_shorter_than_itself():
    road = iso_road(np.random.default_rng(1), "A", FAR)
    per_m, found = density(road.heights_m.mean(axis=0), road.step_m)
    free = ROUGHNESS_M3["A"] * (per_m[1:] / 0.1) ** -2.0
    short = (per_m[1:] > 4.0) & (per_m[1:] < 5.0)
    assert (found[1:] / free)[short].mean() < 0.1


def test_the_tracks_share_long_waves_and_differ_in_short_ones():
    shares = []
    for seed in range(10):
        road = iso_road(np.random.default_rng(seed), "A", FAR)
        left, right = (np.fft.rfft(track) for track in road.heights_m)
        per_m = np.fft.rfftfreq(road.heights_m.shape[1], road.step_m)

        def agree(least, most, left=left, right=right, per_m=per_m):
            near = (per_m > least) & (per_m < most)
            cross = (left[near] * right[near].conj()).real.sum()
            own = np.sqrt(
                (np.abs(left[near]) ** 2).sum() * (np.abs(right[near]) ** 2).sum()
            )
            return cross / own

        shares.append([agree(0.01, 0.05), agree(1.0, 3.0)])
    long_waves, short_waves = np.mean(shares, axis=0)
    assert long_waves > 0.9
    assert abs(short_waves) < 0.45


def test_the_sensors_lie_in_a_slab_one_to_three_millimetres_off():
    steps_m = []
    for seed in range(20):
        slab = iso_road(np.random.default_rng(seed), "A", (0.0, 3.0, 6.0, 9.0))
        bare = iso_road(np.random.default_rng(seed), "A", (1000.0, 1003.0))
        places = slab.first_m + slab.step_m * np.arange(slab.heights_m.shape[1])
        raised = (slab.heights_m - bare.heights_m).mean(axis=0)
        between = (places > 1.0) & (places < 2.0)
        steps_m.append(abs(raised[between].mean()))
        assert abs(raised[places < -3.0]).max() < 1e-12
    assert min(steps_m) > 0.0009
    assert max(steps_m) < 0.0031


def test_the_other_way_to_make_a_road_has_the_level_of_the_class():
    levels = []
    for seed in range(20):
        road = filtered_road(np.random.default_rng(seed), "A", FAR)
        per_m, found = density(road.heights_m[0], road.step_m)
        near = (per_m > 0.08) & (per_m < 0.15)
        levels.append((found[near] / (per_m[near] / 0.1) ** -2.0).mean())
    assert np.mean(levels) == pytest.approx(ROUGHNESS_M3["A"], rel=0.25)


def test_one_site_has_one_road():
    one, same = (iso_road(np.random.default_rng(7), "A", FAR) for _ in range(2))
    other = iso_road(np.random.default_rng(8), "A", FAR)
    np.testing.assert_array_equal(one.heights_m, same.heights_m)
    assert not np.allclose(one.heights_m, other.heights_m)
