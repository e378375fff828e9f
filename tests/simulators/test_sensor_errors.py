from pathlib import Path

import msgspec
import numpy as np
import pytest

from simulators.chassis import draw_chassis
from simulators.driving import STEP_S, Drive, Path as Way
from simulators.electronics import Electronics, Fault
from simulators.fleet import MODELS, draw_vehicle
from simulators.ride import Ride, ride_planar
from simulators.roads import iso_road
from simulators.sensors import BLOCK_SAMPLES, SensorField
from simulators.truth import row_forces
from wim.samples import parse_site

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "configs" / "stations" / "4row-site.toml").read_text(encoding="utf-8")
SITE = parse_site(TEXT, name="4row-site.toml")
DRY = parse_site(TEXT.replace("time_constant_s = 5.0\n", ""), name="dry.toml")
IDEAL = Electronics(imperfect=False, bit_depth=32)
LENGTH_M = 9.0


def truck(speed_mps, model=MODELS[0], **path):
    rng = np.random.default_rng(3)
    vehicle = draw_vehicle(rng, 0.0, 0.0, models=(model,))
    chassis = draw_chassis(rng, vehicle)
    drive = Drive(start_mps=speed_mps, path=Way(**path))
    motion = drive.motion(wheelbase_m=vehicle.wheelbase_m, length_m=LENGTH_M)
    road = iso_road(np.random.default_rng(1), "A", (0.0, 3.0, 6.0, 9.0))
    return vehicle, drive, ride_planar(chassis, motion, road)


def counted(field, ride, drive, begins_s=1.0, part=0.0, lane=1):
    pressed = field.press(ride, lane=lane, path=drive.path, begins_s=begins_s)
    blocks = 1 + int((begins_s + len(ride.place_m) * STEP_S) * 4000 / BLOCK_SAMPLES)
    return np.concatenate(
        [field.block(number, [pressed], part=part) for number in range(blocks)]
    )


def fine(site):
    """The same site with strips so sensitive that rounding does not matter."""
    lanes = [
        msgspec.structs.replace(
            lane,
            strips=tuple(
                msgspec.structs.replace(
                    strip, counts_per_newton=1000.0, full_scale_counts=2**30
                )
                for strip in lane.strips
            ),
        )
        for lane in site.lanes
    ]
    return msgspec.structs.replace(site, lanes=tuple(lanes))


@pytest.mark.parametrize("speed_mps", [2.0, 16.0, 27.0])
def test_the_area_of_a_pulse_is_force_times_width(speed_mps):
    """The interface: area times speed = counts_per_newton x force x width, to 0.1 %."""
    site = fine(DRY)
    field = SensorField(site, IDEAL, site_seed=1, seed=1)
    vehicle, drive, ride = truck(speed_mps)
    counts = counted(field, ride, drive)
    forces = row_forces(
        ride,
        field.strips_of(1),
        loads_kg=vehicle.axle_loads_kg,
        begins_s=1.0,
        recorded=1.0,
        backwards=False,
    )
    for strip in site.lanes[0].strips:
        area = counts[:, strip.channel].sum() / 4000.0 * speed_mps
        column = 3 if strip.side == "left" else 4
        force_n = forces[forces[:, 1] == strip.row, column].sum()
        expected = strip.counts_per_newton * force_n * strip.width_m
        assert area == pytest.approx(expected, rel=1e-3)


def test_the_noted_moment_is_that_of_the_pulse():
    field = SensorField(DRY, IDEAL, site_seed=1, seed=1)
    vehicle, drive, ride = truck(12.0)
    counts = counted(field, ride, drive).astype(float)
    forces = row_forces(
        ride,
        field.strips_of(1),
        loads_kg=vehicle.axle_loads_kg,
        begins_s=1.0,
        recorded=1.0,
        backwards=False,
    )
    for axle, row, *_, time_s, speed_mps, _ in forces:
        assert speed_mps == pytest.approx(12.0)
        near = slice(round((time_s - 0.03) * 4000), round((time_s + 0.03) * 4000))
        pulse = counts[near, 2 * int(row)]
        centre = (np.arange(len(pulse)) * pulse).sum() / pulse.sum() + near.start
        assert centre / 4000.0 == pytest.approx(time_s, abs=3e-4), (axle, row)


def test_droop_is_that_of_a_first_order_high_pass():
    """A long force on a wide plate decays as its exponential says, exactly."""
    droopy = SensorField(fine(SITE), IDEAL, site_seed=1, seed=1)
    dry = SensorField(fine(DRY), IDEAL, site_seed=1, seed=1)
    _, drive, ride = truck(3.0)
    felt, true = (counted(field, ride, drive)[:, 0] for field in (droopy, dry))
    keep = np.exp(-1.0 / (5.0 * 4000.0))
    change = (1.0 - keep) * 5.0 * 4000.0
    output, expected, before = 0.0, [], 0.0
    for value in true:
        output = keep * output + change * (value - before)
        before = value
        expected.append(output)
    scale = np.abs(true).max()
    np.testing.assert_allclose(felt / scale, np.array(expected) / scale, atol=1e-6)
    # and the sum over the fading signal is nothing in the end, as a high-pass's is
    restored = felt + np.cumsum(felt) / (5.0 * 4000.0)
    np.testing.assert_allclose(restored[-1000:] / scale, 0.0, atol=2e-3)


def test_a_wrong_time_constant_leaves_a_tail():
    _, drive, ride = truck(3.0)
    tails = []
    for factor in (1.0, 0.5):
        field = SensorField(
            fine(SITE),
            Electronics(imperfect=False, bit_depth=32, time_constant=factor),
            site_seed=1,
            seed=1,
        )
        felt = counted(field, ride, drive)[:, 0].astype(float)
        restored = felt + np.cumsum(felt) / (5.0 * 4000.0)
        tails.append(np.abs(restored[-4000:]).mean() / felt.max())
    assert tails[1] > 10.0 * tails[0]


def test_rows_that_stand_farther_apart_are_met_later_by_that():
    _, drive, ride = truck(20.0)
    moments = []
    for factor in (1.0, 1.02):
        field = SensorField(
            DRY, Electronics(imperfect=False, row_distance=factor), site_seed=1, seed=1
        )
        counts = counted(field, ride, drive).astype(float)
        moments.append([np.argmax(counts[:, k] > 200) for k in (6, 0)])
    apart = [late - early for late, early in moments]
    assert apart[1] / apart[0] == pytest.approx(1.02, abs=0.002)


def test_wheels_beside_a_strip_are_lost_and_come_back_on_the_next():
    field = SensorField(DRY, IDEAL, site_seed=1, seed=1)
    _, drive, ride = truck(16.0)
    usual = field.gains(ride, drive.path.lateral_m(field.strip_m))
    np.testing.assert_allclose(usual[:, 0, 0], 0.2)  # left wheels on the left strip
    assert usual[:, 1, 0].max() == 0.0
    half_off = field.gains(ride, np.full(8, -0.75))  # towards the left edge
    assert 0.0 < half_off[:, 0, 0].min() < 0.2
    assert half_off[:, 1, 1].min() > 0.1
    beyond = field.gains(ride, np.full(8, 1.8))
    assert beyond[:, 1].max() == 0.0  # right wheels in the next lane
    assert beyond[:, 0, 1].min() > 0.19  # left wheels on the right strip


def test_strips_are_as_uneven_as_real_ones_and_true_on_the_usual_path():
    gains = []
    for seed in range(20):
        field = SensorField(DRY, Electronics(), site_seed=seed, seed=1)
        _, _, ride = truck(16.0)
        along = [
            field.gains(ride, np.full(8, offset))[0, 0, 0] / 0.2
            for offset in np.linspace(-0.25, 0.25, 11)
        ]
        gains.append(along)
    deviation = np.array(gains) - 1.0
    assert np.abs(deviation).max() < 0.06
    assert deviation.std() > 0.003
    assert np.abs(deviation.mean(axis=1)).max() < 0.012


def quiet(electronics, samples=4 * BLOCK_SAMPLES, seed=1):
    field = SensorField(SITE, electronics, site_seed=seed, seed=seed)
    blocks = range(samples // BLOCK_SAMPLES)
    return np.concatenate([field.block(n, [], part=n / len(blocks)) for n in blocks])


def test_a_quiet_strip_shows_noise_hum_offset_and_drift():
    counts = quiet(Electronics())
    scale = 16_000.0
    noise = np.diff(counts, axis=0).std(axis=0) / np.sqrt(2.0) / scale
    assert (noise > 0.0009).all()
    assert (noise < 0.0031).all()
    assert np.abs(counts.mean(axis=0)).max() < 0.03 * scale
    assert np.ptp(counts.mean(axis=0)) > 0.002 * scale
    spectrum = np.abs(np.fft.rfft(counts - counts.mean(axis=0), axis=0))
    hertz = np.fft.rfftfreq(len(counts), 1 / 4000.0)
    at_50 = np.abs(hertz - 50.0) < 0.2
    beside = (np.abs(hertz - 50.0) > 1.0) & (np.abs(hertz - 50.0) < 5.0)
    hum = 2.0 * spectrum[at_50].max(axis=0) / len(counts) / scale
    assert (hum > 0.0002).all()
    assert (hum < 0.001).all()
    assert (spectrum[at_50].max(axis=0) > 3.0 * np.median(spectrum[beside])).all()


@pytest.mark.parametrize(
    ("kind", "shows"),
    [
        ("dead", lambda c, other: c.max() - np.median(c) < 0.1 * other.max()),
        ("stuck", lambda c, _: np.ptp(c) == 0),
        ("gain", lambda c, other: 0.4 < np.ptp(c) / np.ptp(other) < 0.65),
        ("noise", lambda c, other: np.diff(c).std() > 8.0 * np.diff(other).std()),
        ("clipping", lambda c, _: (c == c.max()).sum() > 20),
    ],
)
def test_a_damaged_strip_shows_its_damage(kind, shows):
    _, drive, ride = truck(16.0, MODELS[5])
    field = SensorField(
        SITE, Electronics(faults=(Fault(kind, 2),)), site_seed=2, seed=2
    )
    counts = counted(field, ride, drive)
    assert shows(counts[:, 2], counts[:, 4])


def test_fewer_bits_count_in_coarser_steps_over_the_same_range():
    steps = {}
    for bits in (12, 16, 24):
        counts = quiet(Electronics(bit_depth=bits), samples=BLOCK_SAMPLES)
        steps[bits] = np.diff(np.unique(counts[:, 0])).min()
    assert steps[12] in {7, 8}  # 16000 / 2048
    assert steps[16] == steps[24] == 1


def test_damage_may_come_later():
    faults = (Fault("stuck", 1, 0.5),)
    counts = quiet(Electronics(faults=faults))
    assert counts[: 2 * BLOCK_SAMPLES, 1].std() > 5.0
    assert np.ptp(counts[2 * BLOCK_SAMPLES :, 1]) == 0


def test_heat_season_and_gain_move_all_strips_together():
    _, drive, ride = truck(16.0)
    peaks = {}
    for name, electronics in {
        "usual": Electronics(),
        "hot": Electronics(temperature_c=70.0),
        "summer": Electronics(season="summer"),
        "winter": Electronics(season="winter"),
        "drifted": Electronics(gain=0.98),
    }.items():
        field = SensorField(DRY, electronics, site_seed=3, seed=3)
        counts = counted(field, ride, drive).astype(float)
        peaks[name] = (counts.max(axis=0) - np.median(counts, axis=0)).sum()
    ratio = {name: peak / peaks["usual"] for name, peak in peaks.items()}
    assert ratio["hot"] == pytest.approx(0.99, abs=0.001)
    assert ratio["drifted"] == pytest.approx(0.98, abs=0.001)
    assert 1.028 < ratio["summer"] < 1.052
    assert 0.948 < ratio["winter"] < 0.972


def gains(*, site_seed=3, seed=3, **electronics):
    field = SensorField(DRY, Electronics(**electronics), site_seed=site_seed, seed=seed)
    return np.array([strip.gain for strip in field.true_strips])


def test_each_strip_drifts_on_its_own_by_up_to_a_per_cent_a_month():
    drifts = np.concatenate(
        [gains(site_seed=s, day=30.0) / gains(site_seed=s) - 1.0 for s in range(20)]
    )
    assert 0.0049 < np.abs(drifts).min() < 0.006
    assert 0.009 < np.abs(drifts).max() < 0.0101
    assert 0.35 < (drifts > 0.0).mean() < 0.65
    told = SensorField(DRY, Electronics(day=30.0), site_seed=3, seed=3).true_strips
    assert [each.gain_drift_per_month for each in told] == pytest.approx(
        list(gains(day=30.0) / gains() - 1.0)
    )
    assert [each.channel for each in told] == list(range(8))
    assert gains(day=60.0) / gains() - 1.0 == pytest.approx(
        2.0 * (gains(day=30.0) / gains() - 1.0)
    )


def test_drift_is_the_sites_and_no_drift_is_there_on_day_0_or_without_errors():
    np.testing.assert_array_equal(gains(day=30.0, seed=3), gains(day=30.0, seed=4))
    np.testing.assert_array_equal(gains(day=0.0), gains())
    np.testing.assert_array_equal(gains(day=30.0, imperfect=False), np.ones(8))


def test_pulses_are_higher_by_what_the_true_gain_says():
    _, drive, ride = truck(16.0)
    areas = []
    for day in (0.0, 300.0):
        field = SensorField(DRY, Electronics(day=day), site_seed=3, seed=3)
        counts = counted(field, ride, drive).astype(float)
        areas.append(counts.max(axis=0) - np.median(counts, axis=0))
    assert areas[1] / areas[0] == pytest.approx(gains(day=300.0) / gains(), abs=0.004)


def test_a_fast_clock_counts_more_samples_over_the_same_way():
    _, drive, ride = truck(20.0)
    apart = []
    for clock in (1.0, 1.05):
        field = SensorField(
            DRY, Electronics(imperfect=False, clock=clock), site_seed=1, seed=1
        )
        counts = counted(field, ride, drive).astype(int)
        apart.append(np.argmax(counts[:, 6] > 200) - np.argmax(counts[:, 0] > 200))
    assert apart[1] / apart[0] == pytest.approx(1.05, abs=0.002)


@pytest.mark.parametrize(
    "wrong",
    [
        {"sample_rate_hz": 100.0},
        {"temperature_c": 200.0},
        {"bit_depth": 4},
        {"day": -1.0},
        {"day": float("nan")},
    ],
)
def test_electronics_that_cannot_be_are_refused(wrong):
    with pytest.raises(ValueError, match="between"):
        Electronics(**wrong)


def test_a_ride_knows_its_step():
    _, _, ride = truck(16.0)
    assert isinstance(ride, Ride)
    assert ride.step_s == STEP_S


ODD_SITE = """
[station]
id = "ODD"
[[lanes]]
number = 1
speed_range_kmh = [3.0, 110.0]
[[lanes.strips]]
channel = 5
row = 0
side = "left"
position_m = 10.0
width_m = 0.5
counts_per_newton = 0.1
kind = "plate"
[[lanes.strips]]
channel = 1
row = 0
side = "right"
position_m = 10.6
width_m = 0.5
counts_per_newton = 0.1
kind = "plate"
[[lanes.strips]]
channel = 2
row = 1
side = "full"
position_m = 14.0
width_m = 0.07
counts_per_newton = 0.1
time_offset_s = 0.001
"""


def test_plates_staggered_rows_and_late_channels_are_pressed_where_they_are():
    odd = parse_site(ODD_SITE, name="odd.toml")
    field = SensorField(odd, IDEAL, site_seed=1, seed=1)
    np.testing.assert_allclose(field.strip_m, [-0.3, 0.3, 3.7])
    vehicle, drive, ride = truck(10.0)
    counts = counted(field, ride, drive)
    assert counts.shape[1] == 6
    assert not counts[:, [0, 3, 4]].any()
    forces = row_forces(
        ride,
        field.strips_of(1),
        loads_kg=vehicle.axle_loads_kg,
        begins_s=1.0,
        recorded=1.0,
        backwards=False,
    )
    first_row, second_row = forces[0], forces[1]
    # a plate carries a wheel wholly for a while: its plateau is the wheel's force
    assert counts[:, 5].max() * 10.0 > 0.97 * forces[forces[:, 1] == 0, 3].max()
    seen = [np.flatnonzero(counts[:, k] > 100)[0] / 4000.0 for k in (5, 1)]
    assert seen[1] - seen[0] == pytest.approx(0.06, abs=0.002)
    # the full strip's channel is read a millisecond, four samples, later
    prompt = SensorField(
        parse_site(ODD_SITE.replace("time_offset_s = 0.001", ""), name="prompt.toml"),
        IDEAL,
        site_seed=1,
        seed=1,
    )
    on_time = counted(prompt, ride, drive)
    assert np.abs(counts[:-4, 2] - on_time[4:, 2]).max() <= 1
    assert second_row[2] == pytest.approx(second_row[3] + second_row[4])
    assert first_row[8] == pytest.approx(0.0)


def test_a_straddler_meets_the_other_lane_where_its_rows_are():
    text = (ROOT / "configs" / "stations" / "2lane-site.toml").read_text("utf-8")
    first, second = text.split("number = 2")
    for place in ("9.0", "6.0", "3.0", "0.0"):
        moved = f"position_m = {float(place) + 0.5}"
        second = second.replace(f"position_m = {place}", moved)
    site = parse_site((first + "number = 2" + second), name="staggered.toml")
    field = SensorField(site, IDEAL, site_seed=1, seed=1)
    _, drive, ride = truck(10.0, offset_m=1.85)
    counts = counted(field, ride, drive)
    own, other = (np.argmax(counts[:, channel] > 300) / 4000.0 for channel in (1, 8))
    assert other - own == pytest.approx(0.05, abs=0.004)
    came_from_there = counted(
        SensorField(site, IDEAL, site_seed=1, seed=1), ride, drive, lane=2
    )
    at_row_0 = np.argmax(came_from_there[:, 9] > 300) / 4000.0
    assert at_row_0 == pytest.approx(own, abs=0.004)
