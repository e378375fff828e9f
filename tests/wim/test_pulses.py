import mmap
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from wim.pulses import Detection, PulseDetector
from wim.samples import Strip

RATE_HZ = 2000.0


def strips(n, *, tau=None, full=None):
    return tuple(
        Strip(
            channel=k,
            row=k,
            side="full",
            position_m=float(k),
            width_m=0.053,
            counts_per_newton=0.2,
            time_constant_s=tau,
            full_scale_counts=full,
        )
        for k in range(n)
    )


def detector(counts, *, tau=None, full=None, detection=None):
    made = PulseDetector(
        strips(counts.shape[1], tau=tau, full=full),
        sample_rate_hz=RATE_HZ,
        detection=detection or Detection(),
    )
    made.begin(counts[:1000])
    return made


def signal(bumps, *, n=6000, channels=2, noise=4.0, seed=0, offset=100.0):
    """Counts with parabolas of (channel, at sample, length, height)."""
    rng = np.random.default_rng(seed)
    counts = offset + rng.normal(0.0, noise, (n, channels))
    for channel, at, length, height in bumps:
        u = np.linspace(-1.0, 1.0, length)
        room = max(min(length, n - at), 0)
        counts[at : at + room, channel % channels] += (height * (1 - u * u))[:room]
    return np.rint(counts).astype(np.int32)


bumps_anywhere = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.integers(0, 1700) | st.integers(0, 5900),
        st.integers(3, 900),
        st.floats(-800.0, 8000.0),
    ),
    max_size=8,
)


@settings(max_examples=40, deadline=None)
@given(
    bumps=bumps_anywhere,
    cuts=st.lists(st.integers(1, 1500), min_size=1, max_size=12),
    tau=st.sampled_from([None, 1.0]),
)
def test_where_blocks_end_does_not_change_a_bit(bumps, cuts, tau):
    counts = signal(bumps, channels=3)
    whole = detector(counts, tau=tau).receive(counts, 0)
    cut_up = detector(counts, tau=tau)
    pulses, at, k = [], 0, 0
    while at < len(counts):
        size = cuts[k % len(cuts)]
        pulses += cut_up.receive(counts[at : at + size], at)
        at, k = at + size, k + 1
    assert pulses == whole


def test_a_pulse_has_the_area_and_the_centre_that_went_in():
    counts = signal([(0, 2000, 81, 3000.0)], noise=3.0)
    (pulse,) = detector(counts).receive(counts, 0)
    assert pulse.strip == 0
    assert pulse.area_counts_s == pytest.approx(3000 * 80 * 2 / 3 / RATE_HZ, rel=2e-3)
    assert pulse.centroid_s == pytest.approx(2040 / RATE_HZ, abs=2e-5)
    assert pulse.peak_counts == pytest.approx(3000.0, rel=0.01)


def test_the_tails_below_the_threshold_are_in_the_area():
    rng = np.random.default_rng(1)
    u = np.arange(6000) - 3000.0
    bell = 400.0 * np.exp(-0.5 * (u / 30.0) ** 2)
    counts = np.rint(100 + bell + rng.normal(0, 5, 6000)).astype(np.int32)[:, None]
    (pulse,) = detector(counts).receive(counts, 0)
    assert pulse.area_counts_s * RATE_HZ == pytest.approx(bell.sum(), rel=0.01)


def test_noise_alone_gives_no_pulse_whatever_its_size():
    for noise in (0.0, 1.0, 30.0, 300.0):
        counts = signal([], n=60_000, channels=2, noise=noise)
        assert detector(counts).receive(counts, 0) == []


def test_a_single_spike_is_no_pulse():
    counts = signal([])
    counts[3000, 0] += 20_000
    assert detector(counts).receive(counts, 0) == []


def test_a_drifting_offset_is_followed_in_quiet_time_and_costs_no_area():
    n = 60_000
    counts = signal([(0, 50_000, 81, 2000.0)], n=n, channels=1)
    counts[:, 0] += np.rint(np.linspace(0.0, 500.0, n)).astype(np.int32)
    (pulse,) = detector(counts).receive(counts, 0)
    assert pulse.area_counts_s == pytest.approx(2000 * 80 * 2 / 3 / RATE_HZ, rel=0.02)


def test_the_droop_of_a_charge_amplifier_is_undone():
    tau_s = 0.5
    force = np.zeros(8000)
    for at in (2000, 2600, 3300):
        u = np.linspace(-1.0, 1.0, 401)
        force[at : at + 401] += 3000.0 * (1 - u * u)
    keep = tau_s * RATE_HZ / (tau_s * RATE_HZ + 1.0)
    seen, y, before = np.zeros(8000), 0.0, 0.0
    for i, x in enumerate(force):
        y = keep * (y + x - before)
        before, seen[i] = x, y
    counts = np.rint(seen + np.random.default_rng(0).normal(100, 4, 8000))
    counts = counts.astype(np.int32)[:, None]
    area = 3000 * 400 * 2 / 3 / RATE_HZ
    found = detector(counts, tau=tau_s).receive(counts, 0)
    assert [p.area_counts_s for p in found] == pytest.approx([area] * 3, rel=0.005)
    assert max(abs(p.closure_counts) for p in found) < 5.0
    wrong = detector(counts, tau=2.0 * tau_s).receive(counts, 0)
    droop = area / tau_s
    assert -0.5 * droop < wrong[0].closure_counts < -0.3 * droop


def test_an_offset_that_jumps_is_taken_anew_and_weighing_goes_on():
    counts = signal([(0, 9000, 81, 3000.0)], n=12_000, channels=1)
    counts[3000:] += 5000
    made = detector(counts, detection=Detection(longest_s=1.0))
    pulses = made.receive(counts, 0)
    assert made.offsets_renewed == 1
    assert [round(p.centroid_s, 2) for p in pulses] == [4.52]
    assert pulses[0].area_counts_s == pytest.approx(80.0, rel=0.02)


def test_the_top_of_the_converter_is_told_as_clipped():
    bump = [(0, 2000, 81, 9000.0)]
    counts = np.minimum(signal(bump, channels=1), 8000)
    assert detector(counts, full=8000).receive(counts, 0)[0].clipped
    whole = signal(bump, channels=1)
    assert detector(whole, full=9000).receive(whole, 0)[0].clipped
    assert not detector(whole, full=9500).receive(whole, 0)[0].clipped
    rail = np.minimum(signal([(0, 2000, 81, 40_000.0)], channels=1), 32_767)
    assert detector(rail).receive(rail, 0)[0].clipped


def test_a_top_cut_off_straight_is_clipped_wherever_it_is():
    bump = [(0, 2000, 81, 9000.0)]
    whole = signal(bump, channels=1)
    assert not detector(whole).receive(whole, 0)[0].clipped
    for end in (2000, 5000, 8000):
        cut = np.minimum(whole, end)
        for full in (None, 16_000):
            assert detector(cut, full=full).receive(cut, 0)[0].clipped


@pytest.mark.parametrize("noise", [0.0, 0.5, 4.0])
def test_a_wheel_that_stands_on_a_strip_is_not_taken_for_a_clipped_one(noise):
    rng = np.random.default_rng(3)
    standing = 100.0 + rng.normal(0.0, noise, 6000)
    standing[2000:4000] += 3000.0
    counts = np.rint(standing).astype(np.int32)[:, None]
    assert not detector(counts).receive(counts, 0)[0].clipped


def test_the_level_top_of_a_plate_is_not_clipped():
    plate = tuple(
        msgspec.structs.replace(strip, kind="plate", width_m=0.5) for strip in strips(1)
    )
    counts = np.minimum(signal([(0, 2000, 81, 9000.0)], channels=1), 5000)
    made = PulseDetector(plate, sample_rate_hz=RATE_HZ, detection=Detection())
    made.begin(counts[:1000])
    assert not made.receive(counts, 0)[0].clipped


def resident_bytes():
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * mmap.PAGESIZE


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="Linux tells it")
def test_room_for_long_pulses_takes_no_memory_until_they_come():
    channels = 32
    bumps = [(k, 2000, 30, 3000.0) for k in range(channels)]
    counts = signal(bumps, channels=channels)
    detector(counts).receive(counts, 0)
    made = detector(counts, detection=Detection(longest_s=500.0))
    room = 4 * channels * 500.0 * RATE_HZ
    before = resident_bytes()
    pulses = made.receive(counts, 0)
    assert len(pulses) == channels
    assert resident_bytes() - before < 0.1 * room
