"""What kernels tell of a vehicle's hits is what plain functions tell of them."""

import math
from typing import NamedTuple

import msgspec
import numpy as np
from hypothesis import given, settings, strategies as st

from wim.hit_tables import HitTable
from wim.hits import USUAL_CONTACT_M, Hit, hit_time_s
from wim.kernels.hit_table import CHANNEL
from wim.kernels.in_step import ASKEW, IN_STEP, OUT_OF_ORDER, step_of
from wim.kernels.stall import find_stall
from wim.kernels.strips import STRIP_FIGURES, tell_of_strips
from wim.pulses import Pulse
from wim.row_loads import RowLoad, RowTable
from wim.row_times import RowTimes
from wim.views import View


class Crossed(NamedTuple):
    at_s: float
    s_m: float


def pulse(strip, at_s, lasts_s, *, noise_counts=1.0, clipped=False):
    return Pulse(
        strip=strip,
        start_s=at_s - 0.5 * lasts_s,
        end_s=at_s + 0.5 * lasts_s,
        rise_s=at_s - 0.3 * lasts_s,
        fall_s=at_s + 0.25 * lasts_s,
        centroid_s=at_s,
        centre_s=at_s,
        area_counts_s=100.0 * lasts_s,
        area_sigma_counts_s=0.1,
        peak_counts=100.0,
        plateau_counts=None,
        noise_counts=noise_counts,
        closure_counts=0.0,
        clipped=clipped,
        last_sample=round(1e4 * at_s),
    )


def naive_row_crossings(hits):
    """Return when the axle's centre crossed each row, in the order of the rows.

    Where only one wheel was seen, it is taken to be as far ahead of the other as it
    is on the rows that saw both.
    """
    by_row = {}
    for hit in hits:
        rank = hit.sensor.rank
        if rank in by_row:
            by_row[rank].append(hit)
        else:
            by_row[rank] = [hit]
    ranks = sorted(by_row)
    if len(set(map(len, by_row.values()))) == 1:
        return [_row_crossed(by_row[rank]) for rank in ranks]
    both = [by_row[rank] for rank in ranks if len(by_row[rank]) == 2]
    pace = _pace(hits)
    leads = []
    for own in both:
        one, other = own if own[0].sensor.side == "left" else own[::-1]
        apart_m = other.sensor.s_m - one.sensor.s_m
        leads.append(hit_time_s(other) - hit_time_s(one) - apart_m * pace)
    lead_s = math.fsum(leads) / len(leads) if leads else 0.0
    crossings = []
    for rank in ranks:
        own = by_row[rank]
        crossed = _row_crossed(own)
        if len(own) == 1 and own[0].sensor.side != "full":
            ahead = 0.5 if own[0].sensor.side == "left" else -0.5
            crossed = crossed._replace(at_s=crossed.at_s + ahead * lead_s)
        crossings.append(crossed)
    return crossings


def _row_crossed(hits):
    n = len(hits)
    if n == 2:
        (one, first), (other, second) = hits
        at_s = (first.centre_s + second.centre_s) / n
        return Crossed(at_s, (one.s_m + other.s_m) / n)
    return Crossed(
        at_s=math.fsum([hit.pulse.centre_s for hit in hits]) / n,
        s_m=math.fsum([hit.sensor.s_m for hit in hits]) / n,
    )


def _pace(hits):
    """Return seconds a metre between the first and the last row of any one side."""
    best_m, best_s = 0.0, 0.0
    for side in ("left", "right", "full"):
        own = [hit for hit in hits if hit.sensor.side == side]
        if len(own) > 1:
            way_m = own[-1].sensor.s_m - own[0].sensor.s_m
            if way_m > best_m:
                best_m = way_m
                best_s = hit_time_s(own[-1]) - hit_time_s(own[0])
    return best_s / best_m if best_m > 0.0 else 0.0


def naive_over_mps(hits):
    over = {}
    for sensor, own in hits:
        mps = sensor.half_m / max(own.fall_s - own.rise_s, 1e-4)
        over[sensor.rank] = max(over.get(sensor.rank, 0.0), mps)
    return [over[rank] for rank in sorted(over)]


@st.composite
def axles_of(draw, view):
    """Axles of which strips missed some wheels, and the hits are in any order."""
    axles = []
    for axle in range(draw(st.integers(1, 4))):
        hits = []
        for sensor in view.sensors:
            at_s = 1.0 + axle + sensor.s_m / 7.0 + draw(st.floats(-0.03, 0.03))
            if draw(st.integers(0, 3)) or not hits:
                each = pulse(
                    sensor.index,
                    at_s,
                    draw(st.floats(0.01, 0.3)),
                    noise_counts=draw(st.floats(0.1, 9.0)),
                    clipped=not draw(st.integers(0, 9)),
                )
                hits.append(Hit(sensor, each))
        axles.append(tuple(draw(st.permutations(hits))))
    return axles


@settings(max_examples=200, deadline=None)
@given(st.data(), st.booleans())
def test_the_kernel_tells_when_rows_were_crossed_as_plain_functions_do(
    road, data, reverse
):
    lane = road.site_of(road.site_text(stagger_m=0.4)).lanes[0]
    axles = data.draw(axles_of(View.of(lane, reverse=reverse)))
    times = RowTimes.of_hits(axles)
    for k, hits in enumerate(axles):
        own = times.part(k, k + 1)
        told = np.stack([own.at_s, own.s_m], axis=1).tolist()
        assert told == [list(each) for each in naive_row_crossings(hits)]
        assert own.over_mps.tolist() == naive_over_mps(hits)
        assert own.axle.tolist() == [0] * len(told)
    mirrored = times.mirrored()
    for k in range(len(axles)):
        here, there = (
            times.part(k, k + 1),
            mirrored.part(len(axles) - 1 - k, len(axles) - k),
        )
        assert all((a == b).all() for a, b in zip(here, there, strict=True))


def naive_stall(axles):
    least, between = None, ()
    for hits in axles:
        latest = {}
        for sensor, own in hits:
            early, latest[sensor.side] = latest.get(sensor.side), (sensor, own)
            if early is None:
                continue
            before, known = early
            took_s = own.centre_s - known.centre_s
            lasts_s, half_m = own.fall_s - own.rise_s, sensor.half_m
            lasted_s = known.fall_s - known.rise_s
            if lasted_s * half_m > lasts_s * before.half_m:
                lasts_s, half_m = lasted_s, before.half_m
            if took_s > 0.0 and lasts_s > 0.0:
                share = abs(sensor.s_m - before.s_m) / took_s * lasts_s / half_m
                if least is None or share < least:
                    least = share
                    between = before.strip.channel, sensor.strip.channel
    return least, between


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_the_kernel_finds_the_stall_that_plain_functions_find(road, data):
    lane = road.site_of(road.site_text(stagger_m=0.4)).lanes[0]
    axles = data.draw(axles_of(View.of(lane, reverse=False)))
    hits, ends = HitTable.of(axles)
    share, before, behind = find_stall(hits, ends)
    least, between = naive_stall(axles)
    if least is None:
        assert (before, behind) == (-1, -1)
    else:
        assert share == least
        assert (hits[before, CHANNEL], hits[behind, CHANNEL]) == between


def row_of(row, left_kg, right_kg):
    load_kg = (left_kg or 0.0) + (right_kg or 0.0)
    return RowLoad(
        rank=row,
        row=row,
        at_s=1.0,
        place_m=0.0,
        speed_mps=8.0,
        speed_sigma_mps=0.1,
        left_kg=left_kg,
        right_kg=right_kg,
        load_kg=load_kg,
        sigma_kg=1.0,
        whole=left_kg is not None and right_kg is not None,
    )


KILOGRAMS = st.none() | st.sampled_from((0.0, 1000.0, 1100.0, 1199.0, 1200.0, 1900.0))


@settings(max_examples=200, deadline=None)
@given(
    st.data(),
    st.lists(
        st.lists(st.tuples(KILOGRAMS, KILOGRAMS), min_size=1, max_size=3), max_size=3
    ),
)
def test_what_hits_say_of_each_strip_is_counted_as_by_hand(road, data, wheels):
    lane = road.site_of(road.site_text()).lanes[0]
    axles = data.draw(axles_of(View.of(lane, reverse=False)))
    table = RowTable.of(
        [[row_of(k, *both) for k, both in enumerate(own)] for own in wheels]
    )
    strips = np.full((8, STRIP_FIGURES), np.nan)
    agree = tell_of_strips(HitTable.of(axles).hits, *table, 1.2, strips)
    pulses = [[] for _ in range(8)]
    for hits in axles:
        for sensor, own in hits:
            pulses[sensor.index].append(own)
    assert strips.tolist() == [
        [
            len(own),
            sum(each.clipped for each in own),
            max((each.noise_counts for each in own), default=0.0),
        ]
        for own in pulses
    ]
    sides = [
        [kg for kg in side if kg is not None]
        for own in wheels
        for side in (
            [left for left, _ in own],
            [right for _, right in own],
            [0.0 for left, right in own if left is right is None],
        )
    ]
    assert agree is all(0.0 < max(side) < 1.2 * min(side) for side in sides if side)


def naive_step(axles, view):
    """Whether rows saw all axles one after the other, and both sides when due."""
    before, before_m = [], 0.0
    for row in view.by_rank:
        here_m = math.fsum(sensor.s_m for sensor in row) / len(row)
        here = []
        for hits in axles:
            own = [hit.pulse for hit in hits if hit.sensor in row]
            at_s = math.fsum(each.centroid_s for each in own) / len(own)
            here.append((at_s, min(each.fall_s - each.rise_s for each in own)))
        for (early_s, lasted_s), (at_s, lasts_s) in zip(before, here, strict=False):
            fastest_mps = 0.155 / max(min(lasts_s, lasted_s), 1e-4)
            if at_s <= early_s or here_m - before_m > 1.5 * fastest_mps * (
                at_s - early_s
            ):
                return OUT_OF_ORDER
        before, before_m = here, here_m
    if len(view.row(0)) == 1:
        return IN_STEP
    apart_m = view.row(0)[1].s_m - view.row(0)[0].s_m
    others = [hits[1].pulse.centroid_s for hits in axles]
    for i, hits in enumerate(axles):
        first = hits[0].pulse
        lasts_s = max(first.end_s - first.start_s, 1e-3)
        due_s = first.centroid_s + apart_m * lasts_s / USUAL_CONTACT_M
        reach_s = (0.75 + abs(apart_m) / USUAL_CONTACT_M) * lasts_s
        off_s = [abs(other - due_s) for other in others[i:]]
        if off_s[0] > reach_s or min(off_s) < off_s[0]:
            return ASKEW
    return IN_STEP


@settings(max_examples=400, deadline=None)
@given(st.data(), st.sampled_from((0.0, 0.4)), st.booleans())
def test_wheels_are_in_step_where_plain_functions_say_so(road, data, stagger_m, full):
    text = road.site_text(stagger_m=stagger_m)
    view = View.of(road.site_of(text).lanes[0], reverse=False)
    if full:
        left = tuple(sensor for sensor in view.sensors if sensor.side == "left")
        by_rank = tuple((sensor,) for sensor in left)
        view = msgspec.structs.replace(view, sensors=left, by_rank=by_rank)
    lasts_s = data.draw(st.floats(0.01, 0.2))
    off_s = st.floats(-1.2 * lasts_s, 1.2 * lasts_s) | st.just(0.0)
    axles = []
    for axle in range(data.draw(st.integers(1, 4))):
        hits = []
        for sensor in view.sensors:
            at_s = (
                1.0
                + 0.15 * axle
                + sensor.s_m / data.draw(st.sampled_from((15.0, 15.0, 15.0, 8.0, 40.0)))
            )
            own = pulse(sensor.index, at_s + data.draw(off_s), lasts_s)
            hits.append(Hit(sensor, own))
        axles.append(tuple(hits))
    table = HitTable.of(axles)
    step = step_of(table.hits, len(axles), USUAL_CONTACT_M)
    assert step == naive_step(axles, view)
