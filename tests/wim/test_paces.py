"""A pace that is kept is the pace that one would find anew."""

import math

import pytest
from hypothesis import given, settings, strategies as st

from wim.paces import Pace
from wim.pulse_store import PulseStore
from wim.pulses import Pulse
from wim.views import View


def pulse(strip, at_s, lasts_s=0.016):
    return Pulse(
        strip=strip,
        start_s=at_s - 0.5 * lasts_s,
        end_s=at_s + 0.5 * lasts_s,
        rise_s=at_s - 0.25 * lasts_s,
        fall_s=at_s + 0.25 * lasts_s,
        centroid_s=at_s,
        centre_s=at_s,
        area_counts_s=1.0,
        area_sigma_counts_s=0.1,
        peak_counts=1.0,
        plateau_counts=None,
        noise_counts=1.0,
        closure_counts=0.0,
        clipped=False,
        last_sample=round(1e4 * at_s),
    )


STRIPS = (0, 0, 0, 0, 1, 2, 2, 3, 4, 5, 6, 7)
SWEEP, LATE, UNASKED = 0, (1, 2), (3, 4)


@settings(max_examples=150, deadline=None)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(STRIPS), st.floats(0.01, 0.4), st.integers(SWEEP, 9)),
        max_size=40,
    )
)
def test_what_is_kept_is_what_would_be_found_anew(road, steps):
    """Also of pulses that are known late, and where it is asked after several."""
    lane = road.site_of(road.site_text()).lanes[0]
    views = [
        View.of(lane, reverse=False),
        View.of(lane, reverse=True),
        View.of(lane, reverse=False, first_row=1),
    ]
    store = PulseStore(lane)
    kept = [Pace(view, store) for view in views]
    at_s = 0.0
    for strip, later_s, what in steps:
        at_s += later_s
        if what == SWEEP:
            store.sweep(at_s - 3.0)
        else:
            seen_s = [each.centroid_s for each in store.of[strip]]
            came_s = max([at_s - 0.3, *seen_s]) if what in LATE else at_s
            store.add(strip, pulse(strip, came_s, 0.01 + 0.02 * later_s))
        if what in UNASKED:
            continue
        assert [pace.mps for pace in kept] == [Pace(v, store).mps for v in views]
        heads = [own[0].centroid_s for own in store.of if own]
        assert store.oldest_s == min(heads, default=math.inf)


def test_two_rows_at_fifteen_metres_a_second(road):
    lane = road.site_of(road.site_text()).lanes[0]
    store = PulseStore(lane)
    pace = Pace(View.of(lane, reverse=False), store)
    assert pace.mps is None
    store.add(0, pulse(0, 1.0))
    assert pace.mps is None
    store.add(2, pulse(2, 1.2))
    assert pace.mps == pytest.approx(15.0)
    store.sweep(5.0)
    assert pace.mps is None
    assert store.stray_pulses == 2


def test_a_wheel_that_is_known_late_tells_though_another_came_behind_it(road):
    lane = road.site_of(road.site_text()).lanes[0]
    store = PulseStore(lane)
    pace = Pace(View.of(lane, reverse=False), store)
    store.add(0, pulse(0, 0.5))
    store.add(2, pulse(2, 1.2))
    assert pace.mps != pytest.approx(15.0)
    store.add(0, pulse(0, 1.0))
    store.add(0, pulse(0, 1.4))
    assert pace.mps == pytest.approx(15.0)


def test_so_many_wheels_came_to_the_first_row_that_the_latest_axles_is_forgotten(road):
    lane = road.site_of(road.site_text()).lanes[0]
    store = PulseStore(lane)
    view = View.of(lane, reverse=False)
    pace = Pace(view, store)
    store.add(0, pulse(0, 1.0))
    store.add(2, pulse(2, 1.2))
    for k in range(8):
        assert pace.mps == pytest.approx(15.0)
        store.add(0, pulse(0, 1.3 + 0.1 * k))
    assert pace.mps is None


def test_the_pace_is_the_latest_axles_not_that_of_a_crawler_on_the_other_side(road):
    lane = road.site_of(road.site_text()).lanes[0]
    store = PulseStore(lane)
    pace = Pace(View.of(lane, reverse=False), store)
    for strip, at_s in ((0, 1.0), (1, 1.0), (2, 7.0), (3, 7.0)):
        store.add(strip, pulse(strip, at_s, 0.45))
    assert pace.mps == pytest.approx(0.5)
    store.add(0, pulse(0, 12.0, 0.03))
    store.add(2, pulse(2, 12.31, 0.03))
    assert pace.mps == pytest.approx(3.0 / 0.31)


def test_a_stray_wheel_on_a_later_row_does_not_make_the_lane_slow(road):
    lane = road.site_of(road.site_text()).lanes[0]
    store = PulseStore(lane)
    pace = Pace(View.of(lane, reverse=False), store)
    for at_s in (1.0, 1.3):
        store.add(0, pulse(0, at_s, 0.03))
        store.add(2, pulse(2, at_s + 0.3, 0.03))
    store.add(2, pulse(2, 5.0, 0.03))
    assert 5.0 < pace.mps < 15.0
