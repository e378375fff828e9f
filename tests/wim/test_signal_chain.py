"""Counts made from forces that are known, and what the detector makes of them."""

import math
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from wim.hit_tables import HitTable
from wim.hits import Hit
from wim.pulses import Detection, Pulse, PulseDetector
from wim.samples import Lane, Strip
from wim.twin import find_pulses
from wim.views import View

GRAVITY = 9.80665
RATE_HZ = 4000.0
_STRIP = Strip(
    channel=0,
    row=0,
    side="full",
    position_m=0.0,
    width_m=0.053,
    counts_per_newton=0.2,
)
_LANE = Lane(number=1, speed_range_kmh=(1.0, 100.0), strips=(_STRIP,))
(SENSOR,) = View.of(_LANE, reverse=False).sensors


def resting(distance_m, width_m, footprint_m):
    """Share of a parabolic footprint that rests on a strip."""

    def before(edge_m):
        w = np.clip(edge_m / footprint_m, -0.5, 0.5)
        return 0.5 + 1.5 * w - 2.0 * w**3

    return before(distance_m + width_m / 2) - before(distance_m - width_m / 2)


def record(
    wheels,
    *,
    seconds,
    rate_hz=RATE_HZ,
    noise=8.0,
    hum=0.0,
    hum_hz=50.0,
    tau_s=None,
    per_newton=0.2,
    width_m=0.053,
    drift=0.0,
    seed=0,
    top=2**31 - 1,
):
    """Counts of one strip; wheels are (time, kg, speed or way as function of time)."""
    rng = np.random.default_rng(seed)
    n = round(seconds * rate_hz)
    t = np.arange(n) / rate_hz
    force = np.zeros(n)
    for at_s, kg, way in wheels:
        gone = way(t - at_s) if callable(way) else way * (t - at_s)
        force += resting(gone, width_m, 0.22) * kg * GRAVITY
    seen = force * per_newton
    if tau_s is not None:
        keep, slow = math.exp(-1.0 / (tau_s * rate_hz)), 0.0
        for i, x in enumerate(seen.tolist()):
            slow = keep * slow + (1.0 - keep) * x
            seen[i] = x - slow
    seen += 120.0 + drift * t + hum * np.sin(2 * np.pi * hum_hz * t + 0.1 * seed)
    seen += rng.normal(0.0, noise, n)
    return np.minimum(np.rint(seen), top).astype(np.int32)


def strips(n=1, *, tau_s=None, per_newton=0.2, width_m=0.053, kind="strip"):
    return tuple(
        Strip(
            channel=k,
            row=k,
            side="full",
            position_m=float(k),
            width_m=width_m,
            counts_per_newton=per_newton,
            time_constant_s=tau_s,
            kind=kind,
        )
        for k in range(n)
    )


def detect(counts, *, rate_hz=RATE_HZ, **strip):
    counts = counts.reshape(len(counts), -1)
    detection = Detection()
    detector = PulseDetector(
        strips(counts.shape[1], **strip), sample_rate_hz=rate_hz, detection=detection
    )
    detector.begin(counts[: round(detection.first_estimate_s * rate_hz)])
    return detector.receive(counts, 0) + detector.finish(len(counts)), detector


def area(kg, speed_mps, *, per_newton=0.2, width_m=0.053):
    return kg * GRAVITY * per_newton * width_m / speed_mps


@pytest.mark.parametrize("rate_hz", [1000.0, 4000.0, 20_000.0])
@pytest.mark.parametrize("kmh", [0.5, 3.0, 20.0, 60.0, 120.0])
def test_two_wheels_of_a_tandem_are_measured_at_every_speed(rate_hz, kmh):
    v = kmh / 3.6
    times = [1.0 + 0.5 / v, 1.0 + 1.8 / v]
    seconds = 1.4 + 2.3 / v
    if kmh < 1.0 and rate_hz > 4000.0:
        pytest.skip("the same method with five times the samples")
    counts = record(
        [(at, 3000.0, v) for at in times],
        seconds=seconds,
        rate_hz=rate_hz,
        hum=6.0,
        tau_s=2.0,
    )
    pulses, _ = detect(counts, rate_hz=rate_hz, tau_s=2.0)
    assert [p.centroid_s for p in pulses] == pytest.approx(times, abs=2e-3 / v)
    for pulse in pulses:
        off = pulse.area_counts_s - area(3000.0, v)
        assert abs(off) < 0.006 * area(3000.0, v)
        assert abs(off) < 4.5 * pulse.area_sigma_counts_s
        length_m = (pulse.fall_s - pulse.rise_s) * v
        assert length_m == pytest.approx(0.1575, rel=0.03)
        assert pulse.noise_counts == pytest.approx(8.0, rel=0.2)


def test_what_is_said_to_be_unknown_of_an_area_is_what_it_scatters():
    off = []
    for seed in range(12):
        times = [0.8 + 0.25 * k for k in range(12)]
        counts = record(
            [(at, 300.0, 15.0) for at in times], seconds=4.2, noise=40.0, seed=seed
        )
        pulses, _ = detect(counts)
        assert len(pulses) == 12
        off += [
            (p.area_counts_s - area(300.0, 15.0)) / p.area_sigma_counts_s
            for p in pulses
        ]
    assert 0.8 < math.sqrt(sum(z * z for z in off) / len(off)) < 1.25
    assert abs(sum(off) / len(off)) < 0.35


def test_a_light_wheel_is_seen_in_the_noise_of_a_thousandth_of_full_scale():
    times = [1.0 + 0.3 * k for k in range(20)]
    counts = record([(at, 150.0, 16.7) for at in times], seconds=8.0, noise=33.0)
    pulses, _ = detect(counts)
    assert [p.centroid_s for p in pulses] == pytest.approx(times, abs=2e-3)


def test_the_noise_of_a_whole_station_makes_hardly_a_pulse():
    rng = np.random.default_rng(5)
    counts = np.rint(rng.normal(0.0, 98.0, (80_000, 32))).astype(np.int32)
    assert len(detect(counts)[0]) <= 1


@pytest.mark.parametrize("tau_s", [None, 1.0])
def test_a_wheel_that_stops_on_the_strip_is_one_pulse(tau_s):
    def stop_and_go(dt):
        return np.where(dt < 0.0, 2.0 * dt, np.where(dt < 4.0, 0.0, 2.0 * (dt - 4.0)))

    wheels = [(1.5, 2000.0, stop_and_go), (6.5, 2000.0, 2.0)]
    pulses, _ = detect(record(wheels, seconds=8.0, tau_s=tau_s, hum=5.0), tau_s=tau_s)
    standing = resting(np.zeros(1), 0.053, 0.22)[0] * 2000.0 * GRAVITY * 0.2 * 4.0
    expected = [area(2000.0, 2.0) + standing, area(2000.0, 2.0)]
    assert [p.area_counts_s for p in pulses] == pytest.approx(expected, rel=2e-3)
    assert pulses[0].end_s - pulses[0].start_s == pytest.approx(4.15, abs=0.05)


def test_a_wheel_on_the_strip_from_the_first_sample_costs_no_later_one():
    def away(dt):
        return np.where(dt < 2.0, 0.0, 2.0 * (dt - 2.0))

    pulses, detector = detect(
        record([(0.0, 3000.0, away), (3.5, 2000.0, 10.0)], seconds=5.0)
    )
    (pulse,) = pulses
    assert pulse.area_counts_s == pytest.approx(area(2000.0, 10.0), rel=5e-3)
    assert detector.offsets_renewed == 1


def test_in_a_short_recording_nothing_is_lost():
    wheels = [(0.03, 2000.0, 20.0), (0.15, 2000.0, 20.0)]
    pulses, _ = detect(record(wheels, seconds=0.18))
    assert [p.centroid_s for p in pulses] == pytest.approx([0.03, 0.15], abs=1e-3)
    for pulse in pulses:
        assert pulse.area_counts_s == pytest.approx(area(2000.0, 20.0), rel=0.02)


def test_what_is_cut_off_by_an_end_of_the_recording_is_no_pulse():
    wheels = [(0.0, 2000.0, 20.0), (1.0, 2000.0, 20.0), (1.998, 2000.0, 20.0)]
    pulses, _ = detect(record(wheels, seconds=2.0))
    assert [round(p.centroid_s, 3) for p in pulses] == [1.0]


@pytest.mark.parametrize("kmh", [3.0, 80.0])
def test_a_plate_tells_its_plateau(kmh):
    v = kmh / 3.6
    counts = record(
        [(1.0 + 0.5 / v, 3000.0, v)],
        seconds=1.2 + 1.0 / v,
        width_m=0.5,
        per_newton=0.05,
        noise=3.0,
    )
    (pulse,), _ = detect(counts, width_m=0.5, per_newton=0.05, kind="plate")
    assert pulse.plateau_counts == pytest.approx(3000.0 * GRAVITY * 0.05, rel=2e-3)
    strip = detect(counts, width_m=0.5, per_newton=0.05)[0][0]
    assert strip.plateau_counts is None


@pytest.mark.parametrize("width_m", [0.5, 0.8, 1.0])
@pytest.mark.parametrize("phase", [0.0, 1.0, 2.0, 3.0, 4.0, 5.0])
def test_a_wheel_that_hops_on_a_plate_does_not_hide_its_plateau(width_m, phase):
    """Its mean force while it stood wholly on the plate, not that near the peak."""
    v = 20.0
    still = record(
        [(1.0, 3000.0, v)], seconds=2.0, width_m=width_m, per_newton=0.05, noise=3.0
    )
    t = np.arange(len(still)) / RATE_HZ - 1.0
    force = 1.0 + 0.3 * np.sin(2.0 * np.pi * 12.0 * t + phase)
    counts = np.rint(120.0 + (still - 120.0) * force).astype(np.int32)
    (pulse,), _ = detect(counts, width_m=width_m, per_newton=0.05, kind="plate")
    wholly = np.abs(t) * v < 0.5 * (width_m - 0.22)
    expected = 3000.0 * GRAVITY * 0.05 * force[wholly].mean()
    assert pulse.plateau_counts == pytest.approx(expected, rel=0.04)


def test_a_plate_no_wider_than_a_wheel_has_a_top_and_no_plateau():
    counts = record(
        [(1.0, 3000.0, 10.0)], seconds=2.0, width_m=0.2, per_newton=0.05, noise=3.0
    )
    (pulse,), _ = detect(counts, width_m=0.2, per_newton=0.05, kind="plate")
    assert 0.9 * pulse.peak_counts < pulse.plateau_counts < pulse.peak_counts


def test_a_wrong_time_constant_shows_in_the_closure_and_costs_little_area():
    wheels = [(1.0 + 0.2 * k, 5000.0, 10.0) for k in range(6)]
    counts = record(wheels, seconds=3.0, tau_s=1.0)
    right, _ = detect(counts, tau_s=1.0)
    wrong, _ = detect(counts, tau_s=2.0)
    undershoot = area(5000.0, 10.0)
    assert max(abs(p.closure_counts) for p in right) < 0.2 * undershoot
    assert wrong[0].closure_counts == pytest.approx(-0.5 * undershoot, rel=0.25)
    areas = [p.area_counts_s for p in wrong]
    assert areas == pytest.approx([area(5000.0, 10.0)] * 6, rel=0.01)


def test_dead_and_stuck_channels_harm_no_other():
    alone = record([(1.5, 2000.0, 10.0)], seconds=5.0)
    other = np.full_like(alone, 5)
    columns = [alone, other, np.full_like(alone, 32_767), other * -(2**28)]
    pulses, _ = detect(np.stack(columns, axis=1))
    assert pulses == detect(alone)[0]


@pytest.mark.parametrize("hum_hz", [49.9, 50.0])
def test_the_hum_costs_a_light_wheel_no_mass(hum_hz):
    times = [1.0 + 0.317 * k for k in range(16)]
    counts = record(
        [(at, 400.0, 16.7) for at in times],
        seconds=6.5,
        noise=2.0,
        hum=16.0,
        hum_hz=hum_hz,
    )
    pulses, _ = detect(counts)
    areas = np.array([p.area_counts_s for p in pulses]) / area(400.0, 16.7)
    assert len(areas) == 16
    assert math.sqrt(float(np.mean((areas - 1.0) ** 2))) < 0.012


def test_a_creeping_wheel_is_not_taken_for_drift():
    v = 0.6 / 3.6
    counts = record([(3.5, 400.0, v)], seconds=6.0, noise=8.0)
    (pulse,), _ = detect(counts)
    assert pulse.area_counts_s == pytest.approx(area(400.0, v), rel=0.04)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    scale=st.sampled_from([1, 300, 2**20, 2**31 - 1]),
    rate_hz=st.sampled_from([300.0, 1000.0, 4096.0, 20_000.0]),
    tau_s=st.sampled_from([None, 0.002, 1.0]),
    walk=st.booleans(),
)
def test_no_counts_make_it_raise_or_tell_what_is_no_number(
    seed, scale, rate_hz, tau_s, walk
):
    rng = np.random.default_rng(seed)
    counts = rng.integers(-scale - 1, scale, (3000, 3), endpoint=True)
    counts[rng.integers(0, 3000) :, 0] = scale
    counts[:, 1] = np.where(rng.random(3000) < 0.05, scale, 0)
    if walk:
        counts = np.clip(np.cumsum(counts, axis=0), -(2**31), 2**31 - 1)
    pulses, _ = detect(counts.astype(np.int32), rate_hz=rate_hz, tau_s=tau_s)
    assert len(pulses) < 3000
    for pulse in pulses:
        figures = msgspec.structs.asdict(pulse)
        packed = figures.pop("figures")
        assert all(math.isfinite(f) for f in figures.values() if f is not None)
        bare = msgspec.structs.replace(pulse, figures=b"")
        hits = [[Hit(SENSOR, each)] for each in (pulse, bare)]
        with_them, without = HitTable.of(hits).hits
        assert packed
        assert with_them.tobytes() == without.tobytes()
        assert pulse.area_counts_s > 0.0
        assert pulse.area_sigma_counts_s > 0.0
        assert pulse.rise_s < pulse.fall_s


@settings(max_examples=12, deadline=None)
@given(
    wheels=st.lists(
        st.tuples(st.floats(0.6, 2.8), st.floats(200.0, 6000.0), st.floats(1.0, 30.0)),
        max_size=4,
    ),
    tau_s=st.sampled_from([None, 0.5, 5.0]),
    seed=st.integers(0, 99),
)
def test_numpy_and_scipy_find_the_same_pulses(wheels, tau_s, seed):
    counts = record(wheels, seconds=3.0, tau_s=tau_s, hum=5.0, seed=seed)[:, None]
    detector = PulseDetector(
        strips(tau_s=tau_s), sample_rate_hz=RATE_HZ, detection=Detection()
    )
    detector.begin(counts[:2000])
    ours = detector.receive(counts, 0)
    theirs = find_pulses(
        counts,
        strips(tau_s=tau_s),
        sample_rate_hz=RATE_HZ,
        detection=Detection(),
    )
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        for name in b.__struct_fields__:
            expected = getattr(b, name)
            assert getattr(a, name) == pytest.approx(expected, rel=1e-9, abs=1e-9)


PROGRAM = """
import sys
import numpy as np, msgspec
from wim.pulses import Detection, PulseDetector
from wim.samples import Strip
strip = msgspec.json.decode(sys.argv[1], type=Strip)
counts = np.load(sys.argv[2])
made = PulseDetector((strip,), sample_rate_hz=4000.0, detection=Detection())
made.begin(counts[:2000])
sys.stdout.buffer.write(msgspec.json.encode(made.receive(counts, 0)))
"""


@pytest.mark.timeout(600)  # it may be the first to compile
def test_an_old_processor_finds_the_same_bits(tmp_path, another_processor):
    wheels = [(0.8 + 0.2 * k, 1000.0 + 300.0 * k, 3.0 + 2.0 * k) for k in range(10)]
    counts = record(wheels, seconds=3.5, tau_s=1.0, hum=9.0)[:, None]
    path = tmp_path / "counts.npy"
    np.save(path, counts)
    (strip,) = strips(tau_s=1.0)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, msgspec.json.encode(strip), str(path)],
        check=True,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        env={**another_processor, "OMP_NUM_THREADS": "1"},
    )
    detector = PulseDetector((strip,), sample_rate_hz=RATE_HZ, detection=Detection())
    detector.begin(counts[:2000])
    here = detector.receive(counts, 0)
    assert len(here) == 10
    assert msgspec.json.decode(done.stdout, type=list[Pulse]) == here
