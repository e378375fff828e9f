"""The loops of the simulators against the same in plain NumPy, to the bit."""

import numpy as np
import pytest

from simulators.driving import STEP_S, Drive
from simulators.electronics import Wander
from simulators.kernels import electronics, speed_up

SMOOTH = 250


def driven(drive, first_m):
    """Return place and speed of a drive, sum after sum."""
    lead_s = max((drive.pushes_from_m - first_m) / drive.start_mps, 0.0)
    push = np.concatenate(
        [
            np.zeros(int(lead_s / STEP_S) - SMOOTH // 2),
            *(np.full(int(t / STEP_S), a) for t, a in drive.pushes),
            np.zeros(SMOOTH),
        ]
    )
    running = np.concatenate([np.zeros(SMOOTH), np.cumsum(push)])
    smooth = (running[SMOOTH:] - running[:-SMOOTH]) / SMOOTH
    speed = drive.start_mps + STEP_S * np.cumsum(smooth)
    speed = np.concatenate([speed, np.full(60_000, speed[-1])])
    return first_m + STEP_S * (np.cumsum(speed) - 0.5 * speed), speed


@pytest.mark.parametrize(
    "drive",
    [
        Drive(start_mps=17.0, pushes=((1.3, -0.2), (2.0, 0.1)), pushes_from_m=-18.0),
        Drive(start_mps=4.0, pushes=((2.5, -1.5), (3.0, 0.0), (2.0, 0.8))),
        Drive(start_mps=6.0, pushes=((3.0, -4.0), (4.0, 3.0)), pushes_from_m=2.0),
    ],
)
def test_a_drive_is_the_sum_of_its_pushes(drive):
    motion = drive.motion(wheelbase_m=11.0, length_m=9.0)
    first_m = motion.place_m[0] - STEP_S * 0.5 * motion.speed_mps[0]
    place, speed = driven(drive, round(first_m, 9))
    steps = len(motion.place_m)
    assert 21.0 < motion.place_m[-1] < 22.0
    np.testing.assert_array_equal(motion.place_m, place[:steps])
    np.testing.assert_array_equal(motion.speed_mps, speed[:steps])
    np.testing.assert_array_equal(
        motion.acceleration_mps2[1:], np.diff(speed[:steps]) / STEP_S
    )
    assert motion.acceleration_mps2[0] == 0.0


def test_a_push_is_smoothed_over_so_many_steps_from_the_very_first():
    push = np.array([8.0, 0.0, 0.0, 0.0, 4.0, 0.0])
    speed = np.empty(6)
    gone = speed_up(push, 4, 10.0, 0.5, speed)
    assert speed.tolist() == [11.0, 12.0, 13.0, 14.0, 14.5, 15.0]
    assert gone == speed.sum()


def test_strips_wander_knot_by_knot():
    scales = np.array([1000.0, 500.0, 30_000.0])
    strips = Wander(np.random.default_rng(5), scales, knot_s=0.25, imperfect=True)
    rng = np.random.default_rng(5)
    offset = rng.uniform(-0.02, 0.02, 3) * scales
    per_s = rng.uniform(0.01, 0.05, 3) / 3600.0
    drift = per_s * rng.choice([-1.0, 1.0], 3) * scales * 0.25
    flicker = rng.uniform(1e-4, 3e-4, 3) * scales
    keep = np.exp(-0.25 / np.array([1.0, 10.0, 100.0]))[:, None]
    now = rng.standard_normal((3, 3))
    for first in (0, 4, 8):  # the last knot of a block is the next one's first
        knots = strips.knots(first, 5)
        for k in range(5):
            if k > 0:
                fresh = rng.standard_normal((3, 3))
                now = keep * now + np.sqrt(1.0 - keep**2) * fresh
            expected = offset + drift * (first + k) + flicker * now.sum(axis=0)
            np.testing.assert_array_equal(knots[:, k], expected)


def sent(field, noise, hum, state, figures, slow, knot_samples):
    """Return what strips send, sample by sample."""
    counts = np.zeros(field.T.shape, dtype=np.int32)
    for s, own in enumerate(figures.tolist()):
        gain, bend, scale, keep, change, sigma, sine, cosine, quantum, ceiling = own
        before, output = state[s]
        for n in range(field.shape[1]):
            force = gain * field[s, n]
            force += force * bend * (abs(force) / scale - 0.25)
            output = keep * output + change * (force - before)
            before = force
            knot, rest = divmod(n, knot_samples)
            here, there = slow[s, knot], slow[s, knot + 1]
            value = output + here + rest / knot_samples * (there - here)
            value = value + sine * hum[0, n] + cosine * hum[1, n]
            value += sigma * float(noise[s, n])
            value = quantum * np.rint(value / quantum)
            counts[n, s] = int(min(max(value, -scale), ceiling))
        state[s] = before, output
    return counts


def test_electronics_are_those_of_every_single_sample():
    rng = np.random.default_rng(6)
    strips, knot_samples, samples = 3, 16, 48
    field = rng.uniform(0.0, 900.0, (strips, samples)) * (rng.random(samples) < 0.5)
    noise = rng.standard_normal((strips, samples), dtype=np.float32)
    hum = rng.uniform(-1.0, 1.0, (2, samples))
    figures = np.array(
        [
            (1.1, 0.004, 800.0, 0.999, 0.9995, 2.0, 0.3, 0.2, 1.0, 800.0),
            (0.9, -0.003, 900.0, 1.0, 1.0, 0.5, 0.1, 0.4, 3.5, 90.0),
            (1.0, 0.0, 32_767.0, 0.99, 0.995, 4.0, 0.0, 9.0, 2.0, 32_767.0),
        ]
    )
    slow = rng.uniform(-30.0, 30.0, (strips, samples // knot_samples + 1))
    state, twin = np.zeros((2, strips, 2))
    counts = np.zeros((samples, strips + 2), dtype=np.int32)
    channel = np.array([3, 0, 4])
    for _ in range(2):  # the second block goes on with the state of the first
        electronics(
            field, noise, hum, state, figures, slow, knot_samples, channel, counts
        )
        expected = sent(field, noise, hum, twin, figures, slow, knot_samples)
        np.testing.assert_array_equal(counts[:, channel], expected)
        np.testing.assert_array_equal(state, twin)
    assert (counts[:, [1, 2]] == 0).all()
    assert counts.max() == 800
