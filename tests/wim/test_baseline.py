import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from wim.baseline import first_baseline

TILE = 16
RATE_HZ = 4000.0
FIGURES = (
    "offset",
    "sample_variance",
    "tile_variance",
    "hum_cosine",
    "hum_sine",
)


def waves(samples, *, hz=50.0):
    middles = TILE * np.arange(samples // TILE) + 0.5 * (TILE - 1)
    angle = 2.0 * np.pi * hz / RATE_HZ * middles
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def baseline(counts, *, droop=0.0, hum=True):
    return first_baseline(
        counts,
        tile=TILE,
        hum=waves(len(counts)) if hum else None,
        hum_gain=0.9,
        droop=np.full(counts.shape[1], droop),
    )


def quiet(*, samples=2000, channels=1, offset=0.0, noise=4.0, seed=0):
    rng = np.random.default_rng(seed)
    return offset + rng.normal(0.0, noise, (samples, channels))


def as_counts(signal):
    return np.rint(signal).astype(np.int32)


channel = st.tuples(
    st.integers(-(2**22), 2**22),  # offset
    st.integers(0, 1800),  # where a wheel stands on the strip, and how long
    st.integers(1, 1900),
    st.sampled_from([0.0, 300.0, 4e6]),
    st.sampled_from([0.0, 5e-5]),  # droop
    st.sampled_from([0.3, 4.0, 200.0]),  # noise
)


@settings(max_examples=40, deadline=None)
@given(channels=st.lists(channel, min_size=1, max_size=4), hum=st.booleans())
def test_every_channel_has_the_baseline_that_it_has_alone(channels, hum):
    signal = quiet(channels=len(channels), noise=1.0, seed=len(channels))
    for k, (offset, at, lasts, height, _, noise) in enumerate(channels):
        signal[:, k] *= noise
        signal[:, k] += offset
        signal[at : at + lasts, k] += height
    counts = as_counts(signal)
    droop = np.array([each[4] for each in channels])
    given = {"tile": TILE, "hum": waves(len(counts)) if hum else None, "hum_gain": 0.9}
    together = first_baseline(counts, droop=droop, **given)
    for k in range(len(channels)):
        own = slice(k, k + 1)
        alone = first_baseline(counts[:, own], droop=droop[own], **given)
        for name in FIGURES:
            assert getattr(together, name)[k] == getattr(alone, name)[0], name


@pytest.mark.parametrize("height", [5000.0, -5000.0])
def test_what_is_there_for_a_while_is_not_the_offset(height):
    signal = quiet(offset=1000.0)
    signal[:800] += height
    assert baseline(as_counts(signal)).offset[0] == pytest.approx(1000.0, abs=1.0)


def test_squares_of_sums_may_be_longer_than_64_bits():
    signal = quiet(offset=-2e8, noise=40.0)
    signal[:300] += 4e8
    counts = as_counts(signal)
    variance = baseline(counts).sample_variance[0]
    assert variance == pytest.approx(1600.0, rel=0.3)


def test_the_hum_is_found_and_is_no_noise():
    signal = quiet()
    angle = 2.0 * np.pi * 50.0 / RATE_HZ * np.arange(len(signal))
    signal[:, 0] += 30.0 * np.cos(angle) + 10.0 * np.sin(angle)
    found = baseline(as_counts(signal))
    gain = math.sin(0.4 * np.pi / 2.0) / (TILE * math.sin(0.025 * np.pi / 2.0))
    assert found.hum_cosine[0] == pytest.approx(30.0 * gain / 0.9, abs=2.0)
    assert found.hum_sine[0] == pytest.approx(10.0 * gain / 0.9, abs=2.0)
    assert found.tile_variance[0] < 10.0


def test_what_wheels_leave_behind_with_a_droop_is_not_the_offset():
    droop = 1.0 / (5.0 * RATE_HZ)
    force = np.zeros(2000)
    force[200:500] = 5000.0
    passed = np.zeros(2000)
    left = 0.0
    for i, each in enumerate(force):
        left -= droop * (left + each)
        passed[i] = each + left
    signal = quiet(offset=100.0)
    signal[:, 0] += passed
    counts = as_counts(signal)
    assert baseline(counts, droop=droop).offset[0] == pytest.approx(100.0, abs=10.0)
    assert abs(baseline(counts).offset[0] - 100.0) > 50.0
