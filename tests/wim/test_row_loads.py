"""Loads row by row: the kernel says what a plain reading of the method says."""

import math
from array import array

import msgspec
import pytest
from hypothesis import example, given, settings, strategies as st

from wim.axles import weighed
from wim.hits import Hit
from wim.kinematics import Motion, Way
from wim.pulses import Pulse
from wim.views import View

GRAVITY = 9.80665


def view_of(road):
    lane = road.site_of(road.site_text()).lanes[0]
    return View.of(lane, reverse=False)


def pulse(strip, at_s, lasts_s, area, *, clipped=False):
    half = 0.25 * lasts_s
    return Pulse(
        strip=strip,
        start_s=at_s - 0.5 * lasts_s,
        end_s=at_s + 0.5 * lasts_s,
        rise_s=at_s - half,
        fall_s=at_s + half,
        centroid_s=at_s,
        centre_s=at_s,
        area_counts_s=area,
        area_sigma_counts_s=0.01 * area,
        peak_counts=1.0,
        plateau_counts=None,
        noise_counts=1.0,
        closure_counts=0.0,
        clipped=clipped,
        last_sample=0,
    )


def way(speed, gain, change):
    step = 0.4
    parts, place = [], 0.0
    for k in range(3):
        jerk = change if k < 2 else 0.0
        parts += (place, speed, gain, jerk)
        place += (speed + (0.5 * gain + jerk * step / 6.0) * step) * step
        speed += (gain + 0.5 * jerk * step) * step
        gain += jerk * step
    return Way(1.0, step, array("d", parts), array("d", (0.1, 0.2, 0.4)))


def naive(hits, motion, *, smooth, damaged):
    """Each row on its own, in the words of the method."""
    found = {}
    for rank in sorted({hit.sensor.rank for hit in hits}):
        own = [
            h for h in hits if h.sensor.rank == rank and h.sensor.index not in damaged
        ]
        sides = {}
        speeds = []
        for sensor, each in own:
            lasts_s = each.end_s - each.start_s
            speed = motion.speed_at(each.centre_s) if smooth else 0.25 / lasts_s
            speeds.append(max(speed, 0.0))
            force = each.area_counts_s * speeds[-1]
            force /= sensor.strip.counts_per_newton * sensor.strip.width_m
            sides[sensor.side] = sides.get(sensor.side, 0.0) + force / GRAVITY
        if own:
            at_s = sum(h.pulse.centre_s for h in own) / len(own)
            mean = sum(speeds) / len(speeds)
            sure = motion.speed_sigma_at(at_s) if smooth else 0.3 * mean
            found[rank] = (at_s, mean, sure, sides.get("left"), sides.get("right"))
    return found


axles = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.sampled_from(["left", "right"]),
        st.floats(1e-3, 0.1),
        st.floats(1.0, 100.0),
        st.booleans(),
    ),
    min_size=1,
    max_size=8,
    unique_by=lambda hit: hit[:2],
)


def drove_there(motion, at_s):
    """Whether it drove at more than 0.4 m/s all the way back from when it was seen."""
    while motion.place_at(at_s) > 0.0:
        if motion.speed_at(at_s) <= 0.4:
            return False
        at_s -= 0.005
    return motion.speed_at(at_s) > 0.4


@settings(max_examples=150, deadline=None)
@example(
    own=[(0, "left", 0.0625, 1.0, False)],
    speed=1.0,
    gain=1.0,
    change=0.0,
    smooth=True,
    damaged=set(),
)
@example(  # it stops over the row that sees it
    own=[(2, "left", 0.0625, 1.0, False)],
    speed=0.5,
    gain=-1.0,
    change=0.0,
    smooth=True,
    damaged=set(),
)
@given(
    own=axles,
    speed=st.floats(0.5, 30.0),
    gain=st.floats(-1.0, 1.0),
    change=st.floats(-1.0, 1.0),
    smooth=st.booleans(),
    damaged=st.sets(st.integers(0, 7), max_size=3),
)
def test_rows_and_axle_are_what_each_strip_says_alone(
    road, own, speed, gain, change, smooth, damaged
):
    view = view_of(road)
    place = {(s.rank, s.side): s for s in view.sensors}
    hits = tuple(
        Hit(
            place[rank, side],
            pulse(
                place[rank, side].index,
                1.0 + 0.25 * rank,
                lasts_s,
                area,
                clipped=clipped,
            ),
        )
        for rank, side, lasts_s, area, clipped in own
    )
    motion = Motion(1.0, 0.5, speed, gain, way(speed, gain, change))
    expected = naive(hits, motion, smooth=smooth, damaged=damaged)
    (axle,) = weighed([(hits, motion)], smooth=smooth, damaged=frozenset(damaged))
    assert sorted(row.rank for row in axle.rows) == sorted(expected)
    for row in axle.rows:
        at_s, mean, sure, left, right = expected[row.rank]
        assert row.at_s == pytest.approx(at_s, rel=1e-12)
        assert row.speed_mps == pytest.approx(mean, rel=1e-12)
        assert row.speed_sigma_mps == pytest.approx(sure, rel=1e-12)
        assert (row.left_kg is None) == (left is None)
        assert (row.right_kg is None) == (right is None)
        sides = [kg for kg in (left, right) if kg is not None]
        assert row.load_kg == pytest.approx(sum(sides), rel=1e-12)
        spread = math.hypot(*(0.01 * kg for kg in sides))
        assert row.sigma_kg == pytest.approx(spread, rel=1e-12)
        assert row.whole == (len(sides) == 2)
    whole = [row.load_kg for row in axle.rows if row.whole]
    if whole:
        assert axle.load_kg == pytest.approx(sum(whole) / len(whole), rel=1e-12)
    lefts = [row.left_kg for row in axle.rows if row.left_kg is not None]
    assert axle.left_kg == (
        pytest.approx(sum(lefts) / len(lefts), rel=1e-12) if lefts else None
    )
    seen = [h for h in hits if not h.pulse.clipped]
    assert (axle.footprint_m is not None) == (smooth and bool(seen))
    entry_s = 1.0 + 0.25 * min(rank for rank, *_ in own)
    if smooth and drove_there(motion, entry_s):
        assert motion.place_at(axle.crossed_s) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("smooth", [True, False])
@pytest.mark.parametrize("lasts_s", [0.05, 2.0])
def test_plates_tell_a_load_by_area_and_where_no_way_is_known_by_plateau(
    road, smooth, lasts_s
):
    text = road.site_text(rows=2, extra='kind = "plate"')
    site = road.site_of(text.replace("width_m = 0.053", "width_m = 0.6"))
    sensors = View.of(site.lanes[0], reverse=False).sensors
    plateaus = {"left": 5000.0, "right": 7000.0}
    hits = tuple(
        Hit(
            sensor,
            msgspec.structs.replace(
                pulse(sensor.index, 1.0 + sensor.rank, lasts_s, 400.0),
                plateau_counts=plateaus[sensor.side],
            ),
        )
        for sensor in sensors
    )
    motion = Motion(1.0, 0.5, 3.0, 0.0, way(3.0, 0.0, 0.0))
    (axle,) = weighed([(hits, motion)], smooth=smooth)
    for row in axle.rows:
        if smooth:
            by_area = 400.0 * 3.0 / (0.6 * 0.2 * GRAVITY)
            assert (row.left_kg, row.right_kg) == pytest.approx((by_area, by_area))
            assert row.speed_mps == pytest.approx(3.0)
        else:
            by_plateau = [counts / 0.2 / GRAVITY for counts in plateaus.values()]
            assert (row.left_kg, row.right_kg) == pytest.approx(by_plateau)
            speeds = [0.6 * counts / 400.0 for counts in plateaus.values()]
            assert row.speed_mps == pytest.approx(sum(speeds) / 2.0)
            assert row.speed_sigma_mps == pytest.approx(0.3 * row.speed_mps)


def test_an_axle_whose_way_is_unknown_is_refused(road):
    sensor = view_of(road).sensors[0]
    hits = (Hit(sensor, pulse(sensor.index, 1.0, 0.02, 10.0)),)
    with pytest.raises(ValueError, match="without a way"):
        weighed([(hits, Motion(1.0, 0.0, 10.0, None))], smooth=True)
