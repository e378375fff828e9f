from pathlib import Path

import numpy as np
import pytest

from simulators.chassis import GRAVITY_MPS2
from simulators.dynamics import station_road
from simulators.fleet import draw_vehicle, heavy_vehicle
from simulators.forces import draw_passing, resting_share
from simulators.strips import SignalShape, StripField
from wim.samples import parse_site

SITE_PATH = Path(__file__).parents[2] / "configs" / "stations" / "demo-site.toml"
SITE = parse_site(SITE_PATH.read_text(encoding="utf-8"), name="demo-site.toml")
SILENT = SignalShape(
    noise_counts=0.0, hum_counts=0.0, offset_counts=0.0, drift_counts_per_hour=0.0
)


def crossing(vehicle, seed=1, speed_mps=16.0, lane=1):
    rng = np.random.default_rng(seed)
    road = station_road(1)
    return draw_passing(
        rng, vehicle, lane=lane, speed_mps=speed_mps, arrives_s=1.0, road=road
    )


def counted(field, passings, seconds, block=80):
    blocks = [
        field.counts(passings, first_sample=first, samples=block)
        for first in range(0, round(seconds * 4000), block)
    ]
    return np.concatenate(blocks)


def test_forces_swing_about_the_static_mass_on_the_way_over_the_station():
    vehicle = heavy_vehicle(np.random.default_rng(2))
    passing = crossing(vehicle)
    times = np.arange(1.0, 3.0, 0.001)
    forces = np.array([passing.force_n(axle, "full", times) for axle in range(6)])
    total_kg = forces.sum(axis=0) / GRAVITY_MPS2
    assert total_kg.mean() == pytest.approx(120_000.0, rel=0.05)
    swing = forces.std(axis=1) / forces.mean(axis=1)
    assert (swing > 0.003).all()
    assert (swing < 0.15).all()


def test_the_same_truck_swings_the_same_way_again():
    vehicle = heavy_vehicle(np.random.default_rng(2))
    times = np.arange(1.0, 3.0, 0.01)
    once, again = (crossing(vehicle).force_n(3, "left", times) for _ in range(2))
    np.testing.assert_array_equal(once, again)
    other = crossing(vehicle, seed=2).force_n(3, "left", times)
    assert (other != once).any()


def test_left_and_right_wheels_carry_the_axle():
    passing = crossing(heavy_vehicle(np.random.default_rng(2)))
    times = np.linspace(0.0, 1.0, 50)
    both = passing.force_n(2, "left", times) + passing.force_n(2, "right", times)
    np.testing.assert_allclose(both, passing.force_n(2, "full", times))


def test_a_wheel_rests_on_a_strip_for_its_width_in_all():
    way = np.linspace(-1.0, 1.0, 20_001)
    share = resting_share(way, footprint_m=0.22, width_m=0.053)
    assert np.trapezoid(share, way) == pytest.approx(0.053, rel=1e-4)
    assert share.max() == pytest.approx(0.354, abs=0.01)


@pytest.mark.parametrize("speed_mps", [5.0, 16.0, 26.0])
def test_counts_integrate_to_force_times_width(speed_mps):
    """The interface: area of a pulse = counts_per_newton x force x width."""
    rng = np.random.default_rng(4)
    vehicle = draw_vehicle(rng, 1.0, 0.0)
    passing = crossing(vehicle, speed_mps=speed_mps)
    field = StripField(SITE, SILENT, np.random.default_rng(1))
    counts = counted(field, [passing], 12.0)
    times = np.arange(len(counts)) / 4000.0
    for strip in SITE.lanes[0].strips:
        area = counts[:, strip.channel].sum() / 4000.0 * speed_mps
        expected = 0.0
        for axle in range(len(vehicle.axle_loads_kg)):
            over_s = passing.axle_at_s(axle, strip.position_m)
            near = np.abs(times - over_s) * speed_mps < 0.2
            force = passing.force_n(axle, strip.side, times[near]).mean()
            expected += strip.counts_per_newton * force * strip.width_m
        assert area == pytest.approx(expected, rel=0.01)
    other_lane = [strip.channel for strip in SITE.lanes[1].strips]
    assert not counts[:, other_lane].any()


def test_counts_do_not_depend_on_the_block_size_but_for_noise():
    passing = crossing(heavy_vehicle(np.random.default_rng(2)))
    fine = counted(StripField(SITE, SILENT, np.random.default_rng(1)), [passing], 3, 80)
    coarse = counted(
        StripField(SITE, SILENT, np.random.default_rng(1)), [passing], 3, 400
    )
    np.testing.assert_array_equal(fine, coarse)


def test_the_heaviest_wheel_fits_sixteen_bits_and_the_lightest_tops_the_noise():
    rng = np.random.default_rng(6)
    vehicle = heavy_vehicle(rng)
    field = StripField(SITE, SignalShape(), np.random.default_rng(1))
    counts = counted(field, [crossing(vehicle)], 4.0)
    assert 4_000 < np.abs(counts).max() < 16_000
    quiet = StripField(SITE, SignalShape(), np.random.default_rng(1))
    idle = counted(quiet, [], 1.0)
    assert 2.0 < idle.std(axis=0).max() < 10.0
    assert 50.0 < np.abs(idle.mean(axis=0)).max() <= 310.0


def test_an_amplifier_that_droops_forgets_a_constant_force():
    text = SITE_PATH.read_text(encoding="utf-8").replace(
        "counts_per_newton = 0.2", "counts_per_newton = 0.2\ntime_constant_s = 1.0"
    )
    site = parse_site(text, name="droop.toml")
    passing = crossing(heavy_vehicle(np.random.default_rng(2)), speed_mps=5.0)
    droopy = StripField(site, SILENT, np.random.default_rng(1))
    counts = counted(droopy, [passing], 12.0)
    straight = counted(
        StripField(SITE, SILENT, np.random.default_rng(1)), [passing], 12.0
    )
    # a naive first-order high-pass of the undrooped counts says the same
    keep = np.exp(-1.0 / 4000.0)
    slow, expected = 0.0, []
    for value in straight[:, 0]:
        slow = keep * slow + (1.0 - keep) * value
        expected.append(value - slow)
    np.testing.assert_allclose(counts[:, 0], expected, atol=1.6)
    assert counts[:, 0].min() < -20


def test_the_separator_reports_the_body_and_only_in_its_lane():
    vehicle = heavy_vehicle(np.random.default_rng(2))
    passing = crossing(vehicle, lane=2, speed_mps=10.0)
    field = StripField(SITE, SILENT, np.random.default_rng(1))
    times = np.arange(0.0, 4.0, 0.001)
    bits = np.array([field.inputs([passing], time) for time in times])
    assert set(bits) == {0, 2}
    covered = times[bits == 2]
    assert covered[0] == pytest.approx(1.0 - vehicle.front_overhang_m / 10, abs=0.002)
    assert covered[-1] == pytest.approx(
        1.0 + (vehicle.wheelbase_m + vehicle.rear_overhang_m) / 10, abs=0.002
    )
    assert np.all(np.diff(covered) < 0.0015)  # no hole between tractor and trailer
