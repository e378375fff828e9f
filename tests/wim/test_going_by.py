"""What is not looked for again is what would be found anew."""

import pytest
from hypothesis import given, settings, strategies as st

from wim.assembly import Assembly
from wim.calibration import interpolated
from wim.health import Health
from wim.kinematics import Kinematics
from wim.lanes import LaneWatch
from wim.pulses import Pulse
from wim.vehicles import Shapes

RATE_HZ = 1e4


def pulse(strip, at_s, lasts_s):
    return Pulse(
        strip=strip,
        start_s=at_s - 0.5 * lasts_s,
        end_s=at_s + 0.5 * lasts_s,
        rise_s=at_s - 0.25 * lasts_s,
        fall_s=at_s + 0.25 * lasts_s,
        centroid_s=at_s,
        centre_s=at_s,
        area_counts_s=100.0 * lasts_s,
        area_sigma_counts_s=0.1,
        peak_counts=100.0,
        plateau_counts=None,
        noise_counts=1.0,
        closure_counts=0.0,
        clipped=False,
        last_sample=round(RATE_HZ * (at_s + lasts_s)),
    )


def watch_of(lane):
    return LaneWatch(
        lane,
        first_index=0,
        assembly=Assembly(),
        kinematics=Kinematics(),
        shapes=Shapes(),
        health=Health(),
    )


def test_who_may_stand_is_waited_for_until_the_next_wheel_moves(road):
    """A third row's wheel of a vehicle that had stopped makes its end another."""
    lane = road.site_of(road.site_text()).lanes[0]
    steps = [(0, 0.1, 0.2), (1, 0.0, 0.2), (2, 2.4, 0.2), (3, 0.0, 0.2)]
    steps += [(0, 3.0, 0.2), (1, 0.0, 0.2)]
    watch = watch_of(lane)
    assert all(kept_s == anew_s for kept_s, anew_s in take_all(watch, steps))
    watch.advance(watch._settled_until_s())
    assert watch._open[0].stands is not None
    until_s = watch._settled_until_s()
    late = pulse(4, until_s - 1.0, 0.2)
    watch.take(late, late.last_sample / RATE_HZ)
    assert watch._settled_until_s() == watch._find_quiet_s() != until_s


def pulses_of(steps):
    at_s = 1.0
    for strip, later_s, lasts_s in steps:
        at_s += later_s
        yield pulse(strip, at_s, lasts_s)


def take_all(watch, steps):
    """Take pulses and say of each whether the end that is kept is the true one."""
    for each in pulses_of(steps):
        watch.take(each, each.last_sample / RATE_HZ)
        assert watch.quiet_until_s <= watch._find_quiet_s()
        yield watch._settled_until_s(), watch._find_quiet_s()


STEPS = st.lists(
    st.tuples(
        st.sampled_from((0, 0, 0, 1, 2, 2, 3, 4, 5, 6, 7)),
        st.floats(0.03, 0.6) | st.sampled_from((3.0, 8.0)),
        st.sampled_from((0.002, 0.012, 0.1, 0.2)),
    ),
    max_size=40,
)


@settings(max_examples=150, deadline=None)
@given(steps=STEPS, rows=st.sampled_from((2, 4)))
def test_when_a_vehicle_ends_is_kept_only_while_it_stays_so(road, steps, rows):
    """Also of wheels that come slowly, in the wrong order, or alone."""
    lane = road.site_of(road.site_text(rows=rows)).lanes[0]
    own = [step for step in steps if step[0] < 2 * rows]
    for kept_s, anew_s in take_all(watch_of(lane), own):
        assert kept_s == anew_s


@settings(max_examples=150, deadline=None)
@given(steps=STEPS, rows=st.sampled_from((2, 4)), every=st.integers(2, 9))
def test_a_vehicle_ends_when_it_does_however_seldom_that_is_asked(
    road, steps, rows, every
):
    """No answer before, neither the true one nor the early one, changes the next.

    Nor does it who lets pulses pass by.
    """
    lane = road.site_of(road.site_text(rows=rows)).lanes[0]
    often, seldom = watch_of(lane), watch_of(lane)
    own = [step for step in steps if step[0] < 2 * rows]
    for k, each in enumerate(pulses_of(own), start=1):
        known_s = each.last_sample / RATE_HZ
        often.take(each, known_s)
        if known_s >= seldom.quiet_until_s or not seldom.pass_by(each):
            seldom.take(each, known_s)
        assert [len(own) for own in seldom._store.of] == [
            len(own) for own in often._store.of
        ]
        until_s = often._settled_until_s()
        assert seldom.quiet_until_s <= until_s
        if k % every == 0:
            assert seldom._settled_until_s() == until_s


def test_a_pulse_that_is_shorter_than_all_others_does_not_pass_by(road):
    """It says how fast the vehicle may be, and so when it ends at the earliest."""
    watch = watch_of(road.site_of(road.site_text()).lanes[0])
    for each in pulses_of([(0, 0.0, 0.016), (1, 0.0, 0.016), (2, 0.2, 0.016)]):
        watch.take(each, each.last_sample / RATE_HZ)
    assert not watch.pass_by(pulse(3, 1.201, 0.012))
    assert watch.pass_by(pulse(3, 1.201, 0.016))
    assert not watch.pass_by(pulse(6, 1.6, 0.016)), "the last row ends vehicles"


@pytest.mark.parametrize("slow", [False, True], ids=["fast", "slow"])
def test_a_pulse_of_a_later_row_is_passed_over_unless_it_is_slow(road, slow):
    lane = road.site_of(road.site_text()).lanes[0]
    watch = watch_of(lane)
    lasts_s, took_s = (0.2, 6.0) if slow else (0.016, 0.2)
    seen = []
    find = watch._find_quiet_s

    def noted():
        seen.append(watch._store.taken)
        return find()

    watch._find_quiet_s = noted
    for row in range(4):
        for side in (0, 1):
            each = pulse(2 * row + side, 1.0 + took_s * row, lasts_s)
            watch.take(each, each.last_sample / RATE_HZ)
            assert watch._settled_until_s() == find()
    # pulses 5 and 6 are those of the third row, 7 and 8 those of the last
    assert {5, 6}.isdisjoint(seen)
    assert ({7, 8} <= set(seen)) is slow


@given(st.floats(-1.0, 12.0) | st.sampled_from((0.0, 1.0, 4.0, 9.0)))
def test_between_two_places_a_value_lies_on_the_line(x):
    at, values = (0.0, 1.0, 4.0, 9.0), (5.0, 2.0, 3.0, 3.5)
    told = interpolated(at, values, x)
    if x <= at[0]:
        assert told == values[0]
    elif x >= at[-1]:
        assert told == values[-1]
    else:
        i = max(k for k, place in enumerate(at) if place <= x)
        share = (x - at[i]) / (at[i + 1] - at[i])
        assert told == values[i] + share * (values[i + 1] - values[i])
