"""How far axles are apart is told whatever stop lies between them."""

import math
from itertools import pairwise
from typing import NamedTuple

import numba
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from wim.kernels.exact import MOST_PARTS, exact_sum
from wim.spacings import spacings_m


class Crossed(NamedTuple):
    at_s: float
    s_m: float


class AxleWay(NamedTuple):
    """Of one axle: when it crossed each row, and how fast it was there."""

    crossed: list[Crossed]
    over_mps: list[float]


@pytest.fixture(scope="module")
def spacings(row_times):
    def spacings_of(axles):
        crossed = [axle.crossed for axle in axles]
        return spacings_m(row_times(crossed, [axle.over_mps for axle in axles]))

    return spacings_of


def ways(behind_m, times_s, places_m, *, rows_m=(0.0, 3.0, 6.0, 9.0)):
    """Axles of a vehicle whose first one is at some places at some times.

    Their speed over a row is known as well as a pulse tells it, a tenth too high.
    """
    fine_s = np.arange(times_s[0], times_s[-1], 0.001)
    first_m = np.interp(fine_s, times_s, places_m)
    found = []
    for back_m in behind_m:
        at_s = [float(fine_s[np.argmax(first_m - back_m >= row)]) for row in rows_m]
        soon_m = np.interp(np.array(at_s) + 0.03, fine_s, first_m)
        here_m = np.interp(at_s, fine_s, first_m)
        over = [1.1 * gone_m / 0.03 for gone_m in (soon_m - here_m).tolist()]
        crossed = [Crossed(t, row) for t, row in zip(at_s, rows_m, strict=True)]
        found.append(AxleWay(crossed, over))
    return found


SIX_M = (0.0, 3.36, 4.71, 11.26, 12.57, 13.88)


def test_even_axles_are_apart_by_their_speed(spacings):
    axles = ways(SIX_M, (0.0, 20.0), (-5.0, 95.0))
    told = spacings(axles)
    assert told == pytest.approx(np.diff(SIX_M), abs=0.01)


@pytest.mark.parametrize("stops_m", [10.4, 12.0, 13.4, 15.0, 16.6, 18.0])
def test_a_stop_moves_no_axle_of_a_semitrailer_to_another_vehicle(spacings, stops_m):
    """The tractor leaves evenly at 3 m/s, and then the trailer stands for six seconds.

    By its mean speed it would be 8 m behind, and its axles 1.7 m apart.
    """
    stop_s = (stops_m + 5.0) / 3.0
    times, places = (
        (0.0, stop_s, stop_s + 6.0, stop_s + 16.0),
        (
            -5.0,
            stops_m,
            stops_m + 0.05,
            stops_m + 30.0,
        ),
    )
    axles = ways(SIX_M, times, places)
    told = spacings(axles)
    assert told == pytest.approx(np.diff(SIX_M), abs=0.6)
    assert max(told[3:]) < 1.7
    assert told[2] < 8.0


def test_wheels_that_came_to_all_rows_at_once_are_no_speed(spacings):
    """What strikes all strips together is no axle, and stops nothing."""
    struck = AxleWay([Crossed(1.0, row) for row in (0.0, 3.0, 6.0)], [8.0] * 3)
    (even,) = ways((0.0,), (1.5, 8.0), (-5.0, 47.0), rows_m=(0.0, 3.0, 6.0))
    assert 0.0 <= spacings([struck, even])[0] < 60.0
    assert 0.0 <= spacings([struck, struck])[0] <= 6.0


class Place(NamedTuple):
    """Where an axle was at a time: likely, at least and at most."""

    likely_m: float
    least_m: float
    most_m: float


def naive_spacing_m(first, second):
    """Return how far one axle is ahead of the next.

    Where both went evenly, that is the time between them at their speeds. Else it is
    put together from where either was when the other crossed a row, each place counted
    by how little the rows and speeds around leave open.
    """
    least_m, most_m = by_order_m(first, second)
    if went_evenly(first) and went_evenly(second):
        told = ahead_m(first, second)
        likely_m = math.fsum(told) / len(told) if told else 0.0
        return min(max(likely_m, least_m), most_m)
    told = [*apart(first, second)]
    own_least_m = max(least_m, *[each.least_m for each in told])
    own_most_m = min(most_m, *[each.most_m for each in told])
    if own_least_m <= own_most_m:
        least_m, most_m = own_least_m, own_most_m
    weights = total_m = 0.0
    for each in told:
        sigma_m = max(each.most_m - each.least_m, 0.02)
        weights += 1.0 / (sigma_m * sigma_m)
        total_m += each.likely_m / (sigma_m * sigma_m)
    return min(max(total_m / weights, least_m), most_m)


def apart(first, second):
    """Yield what each crossing of either axle tells of the way between them."""
    for at_s, s_m in second.crossed:
        there = place_at(first, at_s)
        yield Place(*[place_m - s_m for place_m in there])
    for at_s, s_m in first.crossed:
        likely_m, least_m, most_m = place_at(second, at_s)
        yield Place(s_m - likely_m, s_m - most_m, s_m - least_m)


def place_at(way, at_s):
    """Return where an axle was at a time that one of its crossings need not be."""
    crossed, over = way.crossed, way.over_mps
    behind = next((k for k, each in enumerate(crossed) if each.at_s > at_s), None)
    if behind is None:
        since_s = at_s - crossed[-1].at_s
        gone_m = over[-1] * since_s
        most_m = 1.35 * gone_m + 0.5 * 1.0 * since_s * since_s
        end_m = crossed[-1].s_m
        return Place(end_m + gone_m, end_m, end_m + most_m)
    if behind == 0:
        until_s = crossed[0].at_s - at_s
        comes_m = over[0] * until_s
        most_m = 1.35 * comes_m + 0.5 * 1.0 * until_s * until_s
        begin_m = crossed[0].s_m
        return Place(begin_m - comes_m, begin_m - most_m, begin_m)
    early, late = crossed[behind - 1], crossed[behind]
    mean_mps = (late.s_m - early.s_m) / (late.at_s - early.at_s)
    most_mps = 1.35 * max(over[behind - 1], over[behind], mean_mps)
    return Place(
        early.s_m + mean_mps * (at_s - early.at_s),
        max(early.s_m, late.s_m - most_mps * (late.at_s - at_s)),
        min(late.s_m, early.s_m + most_mps * (at_s - early.at_s)),
    )


def went_evenly(way):
    """Tell whether an axle went about as fast between all rows as over them.

    Over them is not asked where it was too fast to have stopped at its slowest.
    """
    slowest_mps, fastest_mps = math.inf, 0.0
    stops = False
    for early, late in pairwise(way.crossed):
        took_s = late.at_s - early.at_s
        if took_s <= 0.0:
            return False
        way_m = late.s_m - early.s_m
        mean_mps = way_m / took_s
        if mean_mps < slowest_mps:
            slowest_mps = mean_mps
            stops = way_m <= 10.0 * took_s * took_s
        fastest_mps = max(fastest_mps, mean_mps)
    if stops:
        fastest_mps = max(fastest_mps, min(way.over_mps))
    return 0.65 * fastest_mps <= slowest_mps


def by_order_m(first, second):
    """Return how far two axles are apart at least and at most, by the order of times.

    However slowly a vehicle goes or stands: an axle that is on row 0 before another
    one has left row 3 is no further behind it than these rows are apart.
    """
    least_m, most_m = 0.0, math.inf
    for ahead_s, ahead_m in first.crossed:
        for behind_s, behind_m in second.crossed:
            apart_m = ahead_m - behind_m
            if ahead_s < behind_s:
                least_m = max(least_m, apart_m)
            elif apart_m < most_m:
                most_m = max(apart_m, 0.0)
    return least_m, max(most_m, least_m)


def ahead_m(first, second):
    """Return how far one axle is ahead of another, on the rows that both crossed.

    The speed of either tells a distance of its own. Where they crossed no row in
    common, it bridges the rows.
    """
    speeds_mps = [mps for way in (first, second) if (mps := pace_mps(way)) > 0.0]
    places = {s_m: at_s for at_s, s_m in second.crossed}
    took_s = [places[s_m] - at_s for at_s, s_m in first.crossed if s_m in places]
    if took_s:
        n = len(took_s)
        return [
            math.fsum([each * speed_mps for each in took_s]) / n
            for speed_mps in speeds_mps
        ]
    late_s = second.crossed[0].at_s - first.crossed[0].at_s
    before_m = second.crossed[0].s_m - first.crossed[0].s_m
    return [late_s * speed_mps - before_m for speed_mps in speeds_mps]


def pace_mps(way):
    took_s = way.crossed[-1].at_s - way.crossed[0].at_s
    return (way.crossed[-1].s_m - way.crossed[0].s_m) / took_s if took_s > 0.0 else 0.0


@st.composite
def axle_ways(draw):
    """Two axles, driven fairly and not, of which rows may have missed some."""
    found = []
    for begins_s in (1.0, draw(st.floats(1.01, 3.0))):
        at_s, crossed, over = begins_s, [], []
        for row in range(4):
            if not crossed or draw(st.integers(0, 5)):
                crossed.append(Crossed(at_s, 3.0 * row))
                over.append(draw(st.floats(0.3, 30.0)))
            at_s += draw(st.sampled_from((0.2, 0.2, 0.2, 0.21, 0.4, 5.0, 0.0)))
        found.append(AxleWay(crossed, over))
    return found


@settings(max_examples=400, deadline=None)
@given(axles=axle_ways())
def test_the_kernel_tells_what_the_plain_functions_tell(spacings, axles):
    assert spacings(axles) == [naive_spacing_m(*axles)]


@numba.njit
def sum_of(values):
    return exact_sum(values, values.shape[0], np.empty(MOST_PARTS))


@settings(max_examples=400, deadline=None)
@given(
    st.lists(
        st.floats(-1e12, 1e12)
        | st.floats(-1.0, 1.0)
        | st.sampled_from(
            (0.1, 1e16, -1e16, 1.0, 2.0**-53, -(2.0**-53), 1e100, -1e100)
        ),
        max_size=40,
    )
)
def test_a_sum_of_the_kernels_is_that_of_python_to_the_bit(values):
    assert sum_of(np.array(values)) == math.fsum(values)


@pytest.mark.parametrize("rows_m", [(0.0, 3.0), (0.0, 2.0, 4.0, 6.0)])
def test_pulses_of_short_footprints_move_no_axle_of_who_drives_fast(spacings, rows_m):
    """A light axle's pulses tell almost twice its speed; nobody stops at 50 km/h."""
    axles = ways(SIX_M, (0.0, 6.0), (-5.0, 79.0), rows_m=rows_m)
    light = [axle._replace(over_mps=[1.8 * v for v in axle.over_mps]) for axle in axles]
    assert spacings(light) == pytest.approx(np.diff(SIX_M), abs=0.02)
