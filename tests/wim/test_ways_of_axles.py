"""One way for all axles: right where it can be known, and honest where it cannot."""

import math
import random
from array import array
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from wim.kernels.driven import DRIVEN_FIGURES, drive_between
from wim.kernels.rows import footprint
from wim.kernels.way import fit_way
from wim.kinematics import (
    Kinematics,
    Motion,
    Way,
    fit_alone,
    fit_together,
)

KINEMATICS = Kinematics()
SIX = (0.0, 3.3, 4.65, 11.65, 12.96, 14.27)
ROWS = (0.0, 3.0, 6.0, 9.0)


def when(place_at, place_m, *, until_s=60.0):
    """Find by bisection when something that only goes forward is at a place."""
    low, high = 0.0, until_s
    for _ in range(80):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if place_at(middle) < place_m else (low, middle)
    return low


class Crossed(NamedTuple):
    at_s: float
    s_m: float


def crossings(place_at, *, behind=SIX, rows=ROWS, sigma_s=0.0, seed=0):
    chance = random.Random(seed)
    return [
        [
            Crossed(when(place_at, row + back) + chance.gauss(0.0, sigma_s), row)
            for row in rows
        ]
        for back in behind
    ]


@settings(max_examples=40, deadline=None)
@given(
    speed=st.floats(2.0, 28.0),
    gain=st.floats(-0.3, 1.0),
    rows=st.sampled_from([ROWS[:2], ROWS]),
    behind=st.sampled_from([(0.0, 4.5), SIX]),
)
def test_speed_and_spacing_come_out_of_two_rows_and_of_four(
    row_times, speed, gain, rows, behind
):
    gain = max(gain, -speed * speed / 80.0)

    def place_at(t):
        # what brakes stops and stays: on the parabola it would drive back
        t = min(t, speed / -gain) if gain < 0 else t
        return speed * t + 0.5 * gain * t * t

    told = crossings(place_at, behind=behind, rows=rows)
    fit = fit_together(row_times(told), kinematics=KINEMATICS)
    for own, motion in zip(told, fit.motions, strict=True):
        for crossed in own:
            true = speed + gain * crossed.at_s
            assert motion.speed_at(crossed.at_s) == pytest.approx(true, rel=0.004)
    first = fit.motions[0].place_at(told[0][0].at_s)
    last = fit.motions[-1].place_at(told[0][0].at_s)
    assert first - last == pytest.approx(behind[-1], abs=0.01)
    assert fit.smooth


def test_the_speed_lies_within_its_own_uncertainty(row_times):
    inside = 0
    for seed in range(200):
        told = crossings(
            lambda t: 9.0 * t + 0.1 * t * t, sigma_s=0.0015 / 9.0, seed=seed
        )
        motion = fit_together(row_times(told), kinematics=KINEMATICS).motions[0]
        at_s = told[0][0].at_s
        off = motion.speed_at(at_s) - (9.0 + 0.2 * at_s)
        inside += abs(off) <= 2.0 * motion.speed_sigma_at(at_s)
    assert inside >= 180


@pytest.mark.parametrize("axle", [0, 2, 5])
def test_one_bad_crossing_is_left_out(row_times, axle):
    told = crossings(lambda t: 12.0 * t)
    wrong = told[axle][2]
    told[axle][2] = wrong._replace(at_s=wrong.at_s + 0.03)
    fit = fit_together(row_times(told), kinematics=KINEMATICS)
    assert fit.left_out == ((axle, 2),)
    assert fit.motions[0].speed_at(0.0) == pytest.approx(12.0, rel=1e-3)


def test_a_tapped_brake_is_followed(row_times):
    def place_at(t):
        pulled = min(max(t - 0.5, 0.0), 0.6)
        rest = max(t - 1.1, 0.0)
        return 12.0 * t - pulled * pulled - 1.2 * rest

    told = crossings(place_at)
    fit = fit_together(row_times(told), kinematics=KINEMATICS)
    assert fit.smooth
    assert fit.motions[0].speed_at(told[-1][-1].at_s) == pytest.approx(10.8, rel=0.01)
    gains = [fit.motions[0].acceleration_at(0.1 * k) for k in range(20)]
    assert min(gains) < -1.0


def test_a_stop_between_the_rows_is_no_smooth_way(row_times):
    def place_at(t):
        return 3.0 * min(t, 2.0) + 3.0 * max(t - 12.0, 0.0)

    fit = fit_together(row_times(crossings(place_at)), kinematics=KINEMATICS)
    speeds = [fit.motions[0].speed_at(0.25 * k) for k in range(40)]
    assert not fit.smooth or min(speeds) < 0.5


def test_a_single_row_tells_no_speed(row_times):
    once = [Crossed(1.0, 0.0)]
    assert fit_alone(row_times([once]), kinematics=KINEMATICS) is None
    assert fit_together(row_times([once] * 3), kinematics=KINEMATICS) is None


def test_a_way_that_leads_backwards_is_none(row_times):
    told = [[Crossed(1.0, 3.0), Crossed(2.0, 0.0)]]
    assert fit_together(row_times(told), kinematics=KINEMATICS) is None


def test_what_is_not_known_of_a_speed_is_infinite():
    assert Motion(0.0, 0.0, 10.0, None).speed_sigma_at(1.0) == float("inf")


@pytest.mark.parametrize("length_m", [0.18, 0.22, 0.28])
def test_the_footprint_comes_out_of_the_width_of_the_pulse(road, length_m):
    truck = road.Truck((6e3, 9e3), (4.5,), speed_kmh=50, footprint_m=length_m)
    counts, inputs = road.drive(road.site, [truck], seconds=4.0)
    (passage,) = road.passages(road.weigh(road.site, counts, inputs))
    for axle in passage.axles:
        assert axle.footprint_m == pytest.approx(length_m, rel=0.05)
    assert footprint(0.01, 0.5) == 0.01


def naive_fit(axles):
    """Leave out the worst crossing and fit again, one step after the other."""
    points = [
        (i, k, *each) for i, own in enumerate(axles) for k, each in enumerate(own)
    ]
    most, out = len(points) // 4, []
    while True:
        first_s = min(point[2] for point in points)
        freedom = len(points) - len({point[0] for point in points})
        spreads = KINEMATICS.gain_spreads
        if freedom <= KINEMATICS.few:
            spreads = spreads[: KINEMATICS.few_spreads]
        factors, starts, sigmas = np.zeros(18), np.zeros(len(axles)), np.zeros(17)
        times = np.array([point[2] - first_s for point in points])
        squares, _, _ = fit_way(
            times,
            np.array([point[3] for point in points]),
            np.array([point[0] for point in points]),
            len(axles),
            16,
            np.array(spreads),
            KINEMATICS.place_sigma_m,
            KINEMATICS.gain_sigma_mps2,
            factors,
            starts,
            sigmas,
        )
        step = times.max() / 16

        def gone(t, factors=factors, step=step):
            place = factors[0] * t + 0.5 * factors[1] * t * t
            for k, change in enumerate(factors[2:]):
                since = min(max(t - k * step, 0.0), step)
                rest = max(t - (k + 1) * step, 0.0)
                place += change * since**3 / (6.0 * step)
                place += change * (0.5 * step * rest + 0.5 * rest * rest)
            return place

        rests = [
            abs(s_m - starts[i] - gone(at_s - first_s)) for i, _, at_s, s_m in points
        ]
        middle = float(np.median(rests))
        reach = max(KINEMATICS.outlier_m, KINEMATICS.outlier_sigma * 1.4826 * middle)
        worst = int(np.argmax(rests))
        if rests[worst] <= reach or len(out) >= most:
            return math.sqrt(squares / len(points)), out, starts
        out.append(points.pop(worst)[:2])


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    speed=st.floats(3.0, 25.0),
    off=st.dictionaries(
        st.tuples(st.integers(0, 5), st.integers(0, 3)),
        st.floats(0.05, 1.0),
        max_size=3,
    ),
)
def test_the_kernel_leaves_out_what_the_plain_loop_leaves_out(
    row_times, seed, speed, off
):
    told = crossings(lambda t: speed * t, sigma_s=2e-4, seed=seed)
    for (axle, row), off_m in off.items():
        at_s, s_m = told[axle][row]
        told[axle][row] = Crossed(at_s + off_m / speed, s_m)
    fit = fit_together(row_times(told), kinematics=KINEMATICS)
    rest_m, left_out, starts = naive_fit(told)
    assert list(fit.left_out) == left_out
    assert fit.rest_m == pytest.approx(rest_m, rel=1e-6)
    for motion, start_m in zip(fit.motions, starts, strict=True):
        assert motion.s_m == pytest.approx(start_m, abs=1e-9)


@pytest.mark.parametrize("seed", range(20))
def test_how_a_way_was_driven_is_what_it_tells_at_each_moment(seed):
    chance = random.Random(seed)
    parts = array("d", [chance.uniform(-3.0, 9.0) for _ in range(4 * 17)])
    way = Way(1.0, 0.5, parts, array("d", [0.1] * 17))
    told = np.empty(DRIVEN_FIGURES)
    from_s, until_s = chance.uniform(0.0, 3.0), chance.uniform(4.0, 12.0)
    drive_between(from_s, until_s, 24, way.first_s, way.step_s, way.table, told)
    lasts_s = until_s - from_s
    moments = [from_s + lasts_s * k / 24 for k in range(25)]
    gains = [way.acceleration_at(moment_s) for moment_s in moments]
    speeds = [way.speed_at(moment_s) for moment_s in moments]
    assert told.tolist() == [
        (way.speed_at(until_s) - way.speed_at(from_s)) / lasts_s,
        max(gains),
        moments[gains.index(max(gains))],
        min(gains),
        moments[gains.index(min(gains))],
        min(speeds),
        moments[speeds.index(min(speeds))],
        max(speeds),
    ]
