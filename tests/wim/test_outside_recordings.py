"""Recordings as others make them: wide roads, odd layouts, sensors of other kinds."""

import numpy as np
import pytest


def wide_road(road, *, lanes, rows, channels=None):
    """Lanes of ``rows`` rows, left and right, on the channels given."""
    named = iter(channels or range(2 * lanes * rows))
    lines = ['[station]\nid = "WIDE"']
    for lane in range(lanes):
        lines.append(f"[[lanes]]\nnumber = {lane + 1}\nspeed_range_kmh = [0.5, 120.0]")
        lines += [
            f"[[lanes.strips]]\nchannel = {next(named)}\nrow = {row}\n"
            f'side = "{side}"\nposition_m = {2.5 * row}\nwidth_m = 0.053\n'
            "counts_per_newton = 0.2\ntime_constant_s = 5.0"
            for row in range(rows)
            for side in ("left", "right")
        ]
    return road.site_of("\n".join(lines))


def test_a_road_of_more_than_32_channels_is_weighed_whatever_the_blocks(road):
    site = wide_road(road, lanes=4, rows=5)
    trucks = [
        road.Truck((6000.0, 10_000.0), (5.0,), 60.0, at_s=1.0 + 0.05 * lane, lane=lane)
        for lane in (1, 2, 3, 4)
    ]
    counts, _ = road.drive(site, trucks, seconds=3.0)
    events = road.weigh(site, counts, separator=False)
    told = road.passages(events)
    assert [passage.lane for passage in told] == [1, 2, 3, 4]
    for passage in told:
        assert passage.gross_mass_kg == pytest.approx(16_000.0, rel=2e-3)
        assert passage.valid
    assert road.weigh(site, counts, separator=False, block=len(counts)) == events


def test_a_few_strips_on_high_channels_are_weighed_as_on_low_ones(road):
    trucks = [road.Truck((6000.0, 10_000.0), (5.0,), 60.0)]
    low = wide_road(road, lanes=1, rows=2)
    counts, _ = road.drive(low, trucks, seconds=3.0)
    high = wide_road(road, lanes=1, rows=2, channels=[90, 7, 40, 33])
    moved = counts.repeat(25, axis=1)[:, :91] * 0
    moved[:, [90, 7, 40, 33]] = counts
    (passage,) = road.passages(road.weigh(high, moved, separator=False))
    (same,) = road.passages(road.weigh(low, counts, separator=False))
    assert passage.axle_loads_kg == same.axle_loads_kg


@pytest.mark.parametrize("footprint_m", [0.2, 0.28])
@pytest.mark.parametrize("kmh", [20.0, 95.0])
def test_axles_closer_than_a_wheel_and_a_wide_plate_are_told_apart(
    road, kmh, footprint_m
):
    text = road.site_text(rows=2, extra='kind = "plate"')
    site = road.site_of(text.replace("width_m = 0.053", "width_m = 1.0"))
    truck = road.Truck(
        (7000.0, 10_000.0, 11_000.0, 8000.0, 7000.0, 8000.0),
        (3.3, 1.35, 7.0, 1.31, 1.31),
        kmh,
        footprint_m=footprint_m,
    )
    counts, _ = road.drive(site, [truck], seconds=2.0 + 60.0 / kmh)
    (passage,) = road.passages(road.weigh(site, counts, separator=False))
    assert passage.axle_loads_kg == pytest.approx(truck.loads_kg, rel=2e-3)
    assert passage.axle_spacings_m == pytest.approx(truck.spacings_m, abs=0.01)
    assert passage.valid


def test_one_axle_alone_is_no_vehicle(road):
    site = road.site_of(road.site_text())
    truck = road.Truck((9000.0,), (), 40.0)
    counts, _ = road.drive(site, [truck], seconds=4.0)
    (passage,) = road.passages(road.weigh(site, counts, separator=False))
    assert passage.flags == ("axle_missing",)
    assert not passage.valid


def test_a_strip_is_not_noisy_because_the_others_are_silent(road):
    site = road.site_of(road.site_text())
    truck = road.Truck((6000.0, 10_000.0), (5.0,), 60.0)
    counts, _ = road.drive(site, [truck], seconds=3.0, noise_counts=0.0)
    rng = np.random.default_rng(1)
    counts[:, 2] += np.rint(rng.normal(0.0, 3.5, len(counts))).astype(np.int32)
    (passage,) = road.passages(road.weigh(site, counts, separator=False))
    assert passage.flags == ()
    counts[:, 2] += np.rint(rng.normal(0.0, 40.0, len(counts))).astype(np.int32)
    (passage,) = road.passages(road.weigh(site, counts, separator=False))
    assert passage.flags == ("strip_damaged",)


@pytest.mark.parametrize("tau_s", [1.0, 5.0])
def test_a_long_truck_on_the_strips_from_the_first_moment_leaves_them_hearing(
    road, tau_s
):
    site = road.site_of(road.site_text(extra=f"time_constant_s = {tau_s}"))
    loads = (10_000.0, 24_000.0, 24_000.0, 24_000.0, 24_000.0, 24_000.0)
    long = road.Truck(loads, (3.3, 1.35, 7.0, 1.31, 1.31), 80.0, at_s=0.05)
    behind = road.Truck((6000.0, 10_000.0), (5.0,), 80.0, at_s=2.0)
    counts, _ = road.drive(site, [long, behind], seconds=3.5, noise_counts=3.0)
    told = road.passages(road.weigh(site, counts, separator=False))
    assert [passage.flags for passage in told] == [(), ()]
    for passage, truck in zip(told, (long, behind), strict=True):
        assert passage.gross_mass_kg == pytest.approx(truck.gross_kg, rel=2e-3)


def test_a_vehicle_between_lanes_of_full_strips_is_not_two_lighter_ones(road):
    lines = ['[station]\nid = "FULL"']
    for lane in (0, 1):
        lines.append(f"[[lanes]]\nnumber = {lane + 1}\nspeed_range_kmh = [0.5, 120.0]")
        lines += [
            f"[[lanes.strips]]\nchannel = {3 * lane + row}\nrow = {row}\n"
            'side = "full"\n'
            f"position_m = {3.0 * row}\nwidth_m = 0.053\ncounts_per_newton = 0.2"
            for row in range(3)
        ]
    site = road.site_of("\n".join(lines))
    halves = [
        road.Truck((3000.0, 5000.0), (5.0,), 60.0, lane=1),
        road.Truck((3000.0, 5000.0), (5.0,), 60.0, lane=2),
    ]
    counts, _ = road.drive(site, halves, seconds=3.0)
    (passage,) = road.passages(road.weigh(site, counts, separator=False))
    assert passage.flags == ("straddling",)
    assert passage.gross_mass_kg == pytest.approx(16_000.0, rel=2e-3)
    assert not passage.valid
    beside = [
        halves[0],
        road.Truck((3000.0, 5000.0), (5.0,), 60.0, at_s=1.02, lane=2),
    ]
    counts, _ = road.drive(site, beside, seconds=3.0)
    told = road.passages(road.weigh(site, counts, separator=False))
    assert [passage.flags for passage in told] == [(), ()]
