"""From pulses to axles: which pulses are one axle's, how fast it was, what it weighs.

Everything here looks along the direction of travel: ``s`` [m] is zero at the row that
the vehicle reaches first and grows, whichever way it drives. It decides nothing about
the vehicle; what does not fit an axle is left over and not bent to fit.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from wim.calibration import mass_kg
from wim.kinematics import (
    Crossed,
    Kinematics,
    Motion,
    fit_alone,
    fit_together,
    footprint_m,
    shared_acceleration,
)
from wim.pulses import Pulse
from wim.samples import Lane, Side, Strip

__all__ = [
    "Axle",
    "Hit",
    "RowLoad",
    "Sensor",
    "View",
    "Weighed",
    "align",
    "find_axles",
    "group_axles",
    "hit_time_s",
    "rough_speed_mps",
    "row_crossings",
    "spacing_m",
    "weigh_axle",
    "weigh_axles",
]

_SHORTEST_GAP_M = 0.5
_FASTEST_MPS = 70.0
_USUAL_CONTACT_M = 0.25
_USUAL_HALF_M = 0.155
_ROUGH_SIGMA = 0.3
_LEAN = 0.15
_LOOK_BACK = 5
_STOOD = 2.5
_SKIP = 1.0
_SKIP_CANDIDATE = 0.8
_STRETCH = 4.0
_EARLY = 0.3


class Sensor(msgspec.Struct, frozen=True, kw_only=True):
    """One strip as seen along the way: its index, place, rank of its row and shape."""

    index: int
    s_m: float
    rank: int
    side: Side
    strip: Strip


class View(msgspec.Struct, frozen=True, kw_only=True):
    """The strips of one lane in the order in which one direction meets them."""

    sensors: tuple[Sensor, ...]
    rows: int
    length_m: float
    by_rank: tuple[tuple[Sensor, ...], ...]

    @staticmethod
    def of(lane: Lane, *, reverse: bool, first_row: int = 0) -> "View":
        """Look along a lane; a sensor's index is its strip's place in the lane.

        Rows before ``first_row`` are left out; places are those of row 0 all the same.
        """
        rows = 1 + max(strip.row for strip in lane.strips)
        entry = _row_centre(lane, rows - 1 if reverse else 0)
        sign = -1.0 if reverse else 1.0
        sensors = [
            Sensor(
                index=k,
                s_m=sign * (strip.position_m - entry),
                rank=rows - 1 - strip.row if reverse else strip.row - first_row,
                side=strip.side,
                strip=strip,
            )
            for k, strip in enumerate(lane.strips)
            if strip.row >= first_row
        ]
        sensors.sort(key=lambda sensor: (sensor.rank, sensor.side))
        length_m = abs(_row_centre(lane, rows - 1) - _row_centre(lane, 0))
        return View(
            sensors=tuple(sensors),
            rows=rows - first_row,
            length_m=length_m,
            by_rank=tuple(
                tuple(sensor for sensor in sensors if sensor.rank == rank)
                for rank in range(rows - first_row)
            ),
        )

    def row(self, rank: int) -> tuple[Sensor, ...]:
        """Return the sensors of one row, counted along the way."""
        return self.by_rank[rank]


class Hit(NamedTuple):
    """One pulse of an axle and the sensor that gave it."""

    sensor: Sensor
    pulse: Pulse


class RowLoad(msgspec.Struct, frozen=True, kw_only=True):
    """What one row says of one axle.

    ``rank`` counts the rows along the way, ``row`` as the site does. ``at_s`` is when
    the axle was over the row, ``place_m`` how far along the way that is,
    ``speed_mps`` how fast it was there. ``load_kg`` is the sum of the wheels that were
    seen; the row is ``whole`` when these were both, on strips that are healthy.
    ``sigma_kg`` (k = 1) is the part of the signals' noise alone.
    """

    rank: int
    row: int
    at_s: float
    place_m: float
    speed_mps: float
    speed_sigma_mps: float
    left_kg: float | None
    right_kg: float | None
    load_kg: float
    sigma_kg: float
    whole: bool


class Axle(msgspec.Struct, frozen=True, kw_only=True):
    """One axle over all rows.

    ``crossed_s`` is when it stood over the first row. ``rows`` are those that saw it
    on healthy strips, in their order. ``load_kg`` is the plain mean over the rows that
    both its wheels hit (over the others if there is none). ``left_kg`` and
    ``right_kg`` are means of their own, None without such a strip or pulse.
    ``footprint_m`` is the length of its tyres' contact, None where it is not known.
    """

    hits: tuple[Hit, ...]
    motion: Motion
    crossed_s: float
    rows: tuple[RowLoad, ...]
    load_kg: float
    left_kg: float | None
    right_kg: float | None
    footprint_m: float | None

    @property
    def rows_hit(self) -> int:
        """Return on how many rows the axle was seen."""
        return len({hit.sensor.rank for hit in self.hits})

    @property
    def local_speeds_mps(self) -> tuple[float, ...]:
        """Return the speed at each row."""
        return tuple(row.speed_mps for row in self.rows)


class Weighed(msgspec.Struct, frozen=True, kw_only=True):
    """The axles of a vehicle and how well one way fits them.

    ``rest_m`` is what the way leaves at the crossings (root mean square). Where it is
    not ``smooth``, no speed is known and no load is more than a rough figure.
    """

    axles: tuple[Axle, ...]
    rest_m: float
    smooth: bool


def find_axles(
    view: View, store: Sequence[Sequence[Pulse]], *, from_s: float, until_s: float
) -> list[tuple[Hit, ...]]:
    """Join the pulses of a vehicle's axles, in the order in which they crossed.

    Args:
        view: the lane in the vehicle's direction.
        store: pulses by strip index, each in the order of time, not yet another's.
        from_s: what crossed the first row earlier is not the vehicle's.
        until_s: only pulses that began by then on the first row are the vehicle's.

    Returns:
        The hits of each axle: of those that the first row saw, and of those that it
        missed and others saw.
    """
    entry = view.row(0)
    base = max(entry, key=lambda sensor: _begun(store[sensor.index], until_s))
    firsts = list(store[base.index][: _begun(store[base.index], until_s)])
    axles: list[dict[int, Hit]] = [{base.index: Hit(base, p)} for p in firsts]
    times = [pulse.centroid_s for pulse in firsts]
    for other in entry:
        if other is base:
            continue
        own = store[other.index][: _begun(store[other.index], until_s)]
        found = _beside(firsts, own, offset_m=other.s_m - base.s_m)
        for i, k in enumerate(found):
            if k is not None:
                axles[i][other.index] = Hit(other, own[k])
        for k, pulse in enumerate(own):
            if k not in found:
                at = sum(time < pulse.centroid_s for time in times)
                axles.insert(at, {other.index: Hit(other, pulse)})
                times.insert(at, pulse.centroid_s)
                firsts.insert(at, pulse)
                found = [*found[:at], k, *found[at:]]
    rest = [sensor for sensor in view.sensors if sensor.rank > 0]
    if _all_alike(view, store, axles):
        for sensor in rest:
            for axle, pulse in zip(axles, store[sensor.index], strict=True):
                axle[sensor.index] = Hit(sensor, pulse)
        return [tuple(axle[s.index] for s in view.sensors) for axle in axles]
    if _somebody_stood(view, store):
        standing = _in_order(view, store)
        if standing is not None:
            return standing
    rest.sort(key=lambda sensor: len(store[sensor.index]) != len(times))
    for sensor in rest:
        pulses = store[sensor.index]
        expected = _expected_shifts(axles, times, sensor)
        shortest_s = (sensor.s_m - base.s_m - _SHORTEST_GAP_M) / _FASTEST_MPS
        found = align(
            times,
            [pulse.centroid_s for pulse in pulses],
            shortest_s=max(shortest_s, 0.0),
            expected_s=expected,
        )
        for i, k in enumerate(found):
            if k is not None:
                axles[i][sensor.index] = Hit(sensor, pulses[k])
    missed = _missed_axles(axles, times, rest, store)
    for time, axle in missed:
        if from_s <= time <= until_s:
            at = sum(known < time for known in times)
            axles.insert(at, axle)
            times.insert(at, time)
    return [
        tuple(sorted(axle.values(), key=lambda hit: hit.pulse.centroid_s))
        for axle in axles
    ]


def align(
    times_s: Sequence[float],
    candidates_s: Sequence[float],
    *,
    shortest_s: float,
    expected_s: Sequence[float | None],
) -> list[int | None]:
    """Find which candidate is each axle's, in order, when some may be missing.

    Both sequences ascend. An axle's shift (its candidate's time less its own) changes
    little from one axle to the next, beyond what is expected and measured by the time
    between the axles; leaving an axle or a candidate out costs more than a small
    change and less than a large one. Candidates after the last match are another
    vehicle's and cost nothing.

    Args:
        times_s: when each axle crossed the first row.
        candidates_s: when something crossed the strip in question.
        shortest_s: least possible shift.
        expected_s: shift of each axle as known from other rows, None where unknown.

    Returns:
        For each axle the index of its candidate, or None.
    """
    n, m = len(times_s), len(candidates_s)
    if n == 0 or m == 0:
        return [None] * n
    gaps = _gaps(times_s)
    if n == m and _runs_along(times_s, candidates_s, shortest_s, expected_s):
        return list(range(n))
    best: dict[tuple[int, int], tuple[float, tuple[int, int] | None]] = {}
    for i in range(n):
        for k in range(m):
            shift = candidates_s[k] - times_s[i]
            if shift < shortest_s:
                continue
            known = expected_s[i]
            off = 0.0 if known is None else _STRETCH * abs(shift - known) / gaps[i]
            chosen: tuple[float, tuple[int, int] | None] = (
                off + _SKIP * i + _EARLY * k,
                None,
            )
            for j in range(max(0, i - _LOOK_BACK), i):
                for h in range(max(0, k - _LOOK_BACK), k):
                    before = best.get((j, h))
                    if before is None:
                        continue
                    change = shift - (candidates_s[h] - times_s[j])
                    change -= _foreseen(expected_s, j, i)
                    stretch = _STRETCH * abs(change) / (times_s[i] - times_s[j])
                    cost = before[0] + off + stretch
                    cost += _SKIP * (i - j - 1) + _SKIP_CANDIDATE * (k - h - 1)
                    if cost < chosen[0]:
                        chosen = (cost, (j, h))
            best[i, k] = chosen
    result: list[int | None] = [None] * n
    if not best:
        return result
    ends = ((cost + _SKIP * (n - 1 - i), i, k) for (i, k), (cost, _) in best.items())
    total, i, k = min(ends)
    if total > 2.0 * _SKIP * n:
        return result
    at: tuple[int, int] | None = (i, k)
    while at is not None:
        result[at[0]] = at[1]
        at = best[at][1]
    return result


def weigh_axle(
    hits: tuple[Hit, ...],
    motion: Motion,
    *,
    damaged: frozenset[int] = frozenset(),
    smooth: bool = True,
) -> Axle:
    """Turn the hits of one axle into its loads, with the speed at each strip.

    Args:
        hits: its pulses.
        motion: its way.
        damaged: indices of strips that weigh nothing that can be relied on.
        smooth: the way tells the speed at each strip; where it does not, the length
            of each pulse does, roughly.
    """
    by_row: dict[int, list[Hit]] = {}
    for hit in hits:
        by_row.setdefault(hit.sensor.rank, []).append(hit)
    rows = []
    for own in by_row.values():
        healthy = [hit for hit in own if hit.sensor.index not in damaged]
        if healthy:
            rows.append(_row_load(healthy, motion, smooth=smooth))
    whole = [row.load_kg for row in rows if row.whole]
    left_kg = _mean([row.left_kg for row in rows if row.left_kg is not None])
    right_kg = _mean([row.right_kg for row in rows if row.right_kg is not None])
    load_kg = _mean(whole)
    if load_kg is None:
        both = left_kg is not None and right_kg is not None
        load_kg = (
            (left_kg or 0.0) + (right_kg or 0.0)
            if both
            else _mean([row.load_kg for row in rows]) or 0.0
        )
    at_entry = by_row.get(0) or by_row[min(by_row)]
    near_s = sum(hit_time_s(hit) for hit in at_entry) / len(at_entry)
    known = smooth or at_entry[0].sensor.rank > 0
    return Axle(
        hits=hits,
        motion=motion,
        crossed_s=motion.time_over(0.0, near_s=near_s) if known else near_s,
        rows=tuple(rows),
        load_kg=load_kg,
        left_kg=left_kg,
        right_kg=right_kg,
        footprint_m=_footprint_m(hits, motion) if smooth else None,
    )


def weigh_axles(
    hits: Sequence[tuple[Hit, ...]],
    *,
    kinematics: Kinematics,
    damaged: frozenset[int] = frozenset(),
) -> Weighed:
    """Find how a vehicle's axles moved and weigh them.

    One way is fitted to all of them. Where none fits, as when the vehicle stopped,
    each axle keeps a way of its own and loads come from the length of each pulse:
    they are figures to look at and nothing to rely on.

    Args:
        hits: of each axle, those of one vehicle.
        kinematics: figures of the fit.
        damaged: indices of strips that are left out of the loads.
    """
    crossings = [row_crossings(axle) for axle in hits]
    fit = fit_together(crossings, kinematics=kinematics)
    if fit is None:
        return Weighed(axles=(), rest_m=math.inf, smooth=False)
    axles = []
    for own, crossed, motion in zip(hits, crossings, fit.motions, strict=True):
        way = motion
        if not fit.smooth or way is None:
            way = fit_alone(crossed, kinematics=kinematics) or way
        if way is not None:
            axles.append(weigh_axle(own, way, damaged=damaged, smooth=fit.smooth))
    axles.sort(key=lambda axle: axle.crossed_s)
    return Weighed(axles=tuple(axles), rest_m=fit.rest_m, smooth=fit.smooth)


def hit_time_s(hit: Hit) -> float:
    """Return when the wheel's centre was over the strip's.

    The centroid says it best; where the pulse leans so far that its centroid cannot be
    the middle (clipped, struck, cut short), the middle between its flanks does.
    """
    pulse = hit.pulse
    middle_s = 0.5 * (pulse.rise_s + pulse.fall_s)
    leans = abs(pulse.centroid_s - middle_s) > _LEAN * (pulse.fall_s - pulse.rise_s)
    return middle_s if pulse.clipped or leans else pulse.centroid_s


def row_crossings(hits: Sequence[Hit]) -> list[Crossed]:
    """Return when the axle's centre crossed each row, in the order of the rows.

    Where only one wheel was seen, it is taken to be as far ahead of the other as it
    is on the rows that saw both.
    """
    by_row: dict[int, list[Hit]] = {}
    for hit in hits:
        by_row.setdefault(hit.sensor.rank, []).append(hit)
    ranks = sorted(by_row)
    if len({len(own) for own in by_row.values()}) == 1:
        return [_row_crossed(by_row[rank]) for rank in ranks]
    both = [by_row[rank] for rank in ranks if len(by_row[rank]) == 2]
    pace = _pace(hits)
    leads = []
    for own in both:
        one, other = own if own[0].sensor.side == "left" else own[::-1]
        apart_m = other.sensor.s_m - one.sensor.s_m
        leads.append(hit_time_s(other) - hit_time_s(one) - apart_m * pace)
    lead_s = _mean(leads) or 0.0
    crossings = []
    for rank in ranks:
        own = by_row[rank]
        crossed = _row_crossed(own)
        if len(own) == 1 and own[0].sensor.side != "full":
            ahead = 0.5 if own[0].sensor.side == "left" else -0.5
            crossed = crossed._replace(at_s=crossed.at_s + ahead * lead_s)
        crossings.append(crossed)
    return crossings


def rough_speed_mps(*pulses: Pulse) -> float:
    """Return a speed from the length of pulses alone, right within a third or so."""
    length_s = sum(pulse.end_s - pulse.start_s for pulse in pulses) / len(pulses)
    return _USUAL_CONTACT_M / max(length_s, 1e-3)


def spacing_m(first: Axle, second: Axle) -> float:
    """Return the distance between two axles, as each one's motion tells it."""
    ahead = first.motion.place_at(second.crossed_s)
    behind = -second.motion.place_at(first.crossed_s)
    return max(0.5 * (ahead + behind), 0.0)


def group_axles(
    spacings_m: Sequence[float], *, longest_m: float
) -> tuple[tuple[int, ...], ...]:
    """Return the axle groups (轴组): indices of axles not further apart than that.

    >>> group_axles((3.3, 1.35, 7.0, 1.31, 1.31), longest_m=1.8)
    ((0,), (1, 2), (3, 4, 5))
    """
    groups: list[list[int]] = [[0]]
    for i, spacing in enumerate(spacings_m, start=1):
        if spacing <= longest_m:
            groups[-1].append(i)
        else:
            groups.append([i])
    return tuple(tuple(group) for group in groups)


def _row_centre(lane: Lane, row: int) -> float:
    places = [strip.position_m for strip in lane.strips if strip.row == row]
    return sum(places) / len(places)


def _all_alike(
    view: View,
    store: Sequence[Sequence[Pulse]],
    axles: Sequence[dict[int, Hit]],
) -> bool:
    """Tell whether every strip saw as many wheels, each row after the one before.

    Then they are matched in their order, however long the vehicle stood in between,
    unless one would have gone from row to row faster than over each of them.
    """
    n = len(axles)
    if any(len(store[sensor.index]) != n for sensor in view.sensors):
        return False
    entry = view.row(0)
    if any(len(axle) != len(entry) for axle in axles):
        return False
    for i in range(n):
        before: tuple[float, float, float] | None = None
        for row in view.by_rank:
            pulses = [store[sensor.index][i] for sensor in row]
            at_s = sum(pulse.centroid_s for pulse in pulses) / len(row)
            here_m = sum(sensor.s_m for sensor in row) / len(row)
            lasts_s = min(pulse.fall_s - pulse.rise_s for pulse in pulses)
            if before is not None:
                took_s = at_s - before[0]
                fastest_mps = _USUAL_HALF_M / max(min(lasts_s, before[2]), 1e-4)
                if took_s <= 0.0 or here_m - before[1] > 1.5 * fastest_mps * took_s:
                    return False
            before = (at_s, here_m, lasts_s)
    return True


def _somebody_stood(view: View, store: Sequence[Sequence[Pulse]]) -> bool:
    """Tell by the lengths of the pulses whether speeds were very different."""
    lasts_s = [
        pulse.fall_s - pulse.rise_s
        for sensor in view.sensors
        for pulse in store[sensor.index]
    ]
    return max(lasts_s) > _STOOD * min(lasts_s)


def _in_order(
    view: View, store: Sequence[Sequence[Pulse]]
) -> list[tuple[Hit, ...]] | None:
    """Match wheels by their order alone, as axles come and go in one lane.

    Strips that saw most wheels give the axles; what others saw goes to the axle that
    was between the rows before and behind at that time. None where that is no order.
    """
    most = max(len(store[sensor.index]) for sensor in view.sensors)
    full = [s for s in view.sensors if len(store[s.index]) == most]
    if len({sensor.rank for sensor in full}) < 2:
        return None
    axles: list[dict[int, Hit]] = [{} for _ in range(most)]
    for sensor in full:
        for axle, pulse in zip(axles, store[sensor.index], strict=True):
            axle[sensor.index] = Hit(sensor, pulse)
    for axle in axles:
        hits = sorted(axle.values(), key=lambda hit: hit.sensor.rank)
        for i in range(1, len(hits)):
            early, late = hits[i - 1], hits[i]
            if (
                late.sensor.rank > early.sensor.rank
                and late.pulse.centroid_s <= early.pulse.centroid_s
            ):
                return None
    for sensor in view.sensors:
        if sensor in full:
            continue
        first = 0
        for pulse in store[sensor.index]:
            found = [
                (abs(pulse.centroid_s - due_s), i)
                for i in range(first, most)
                if (due_s := _due_s(axles[i], sensor, pulse)) is not None
            ]
            if found:
                _, i = min(found)
                axles[i][sensor.index] = Hit(sensor, pulse)
                first = i + 1
    return [
        tuple(axle[s.index] for s in view.sensors if s.index in axle) for axle in axles
    ]


def _due_s(axle: dict[int, Hit], sensor: Sensor, pulse: Pulse) -> float | None:
    """Return when an axle should have crossed a strip, None if it cannot be the one."""
    reach_s = pulse.end_s - pulse.start_s
    before: Hit | None = None
    behind: Hit | None = None
    for hit in axle.values():
        if hit.sensor.rank == sensor.rank:
            due_s = hit.pulse.centroid_s
            return due_s if abs(pulse.centroid_s - due_s) <= reach_s else None
        if hit.sensor.rank < sensor.rank:
            if before is None or hit.sensor.rank > before.sensor.rank:
                before = hit
        elif behind is None or hit.sensor.rank < behind.sensor.rank:
            behind = hit
    if before is not None and pulse.centroid_s <= before.pulse.centroid_s:
        return None
    if behind is not None and pulse.centroid_s >= behind.pulse.centroid_s:
        return None
    if before is None or behind is None:
        near = before or behind
        if near is None:
            return None
        lasts_s = near.pulse.fall_s - near.pulse.rise_s
        way_m = sensor.s_m - near.sensor.s_m
        return near.pulse.centroid_s + way_m * lasts_s / _USUAL_HALF_M
    way_m = behind.sensor.s_m - before.sensor.s_m
    share = (sensor.s_m - before.sensor.s_m) / way_m
    took_s = behind.pulse.centroid_s - before.pulse.centroid_s
    return before.pulse.centroid_s + share * took_s


def _begun(pulses: Sequence[Pulse], until_s: float) -> int:
    """Return how many pulses began by then."""
    return sum(pulse.start_s <= until_s for pulse in pulses)


def _gaps(times_s: Sequence[float]) -> list[float]:
    """Return for each time the distance to its nearest neighbour; alone: one second."""
    gaps = []
    for i, time in enumerate(times_s):
        near = [abs(time - times_s[j]) for j in (i - 1, i + 1) if 0 <= j < len(times_s)]
        gaps.append(max(min(near, default=1.0), 1e-3))
    return gaps


def _foreseen(expected_s: Sequence[float | None], j: int, i: int) -> float:
    """Return how much the shift is known to change from one axle to another."""
    before, after = expected_s[j], expected_s[i]
    return 0.0 if before is None or after is None else after - before


def _runs_along(
    times_s: Sequence[float],
    candidates_s: Sequence[float],
    shortest_s: float,
    expected_s: Sequence[float | None],
) -> bool:
    """Tell whether candidates fit axles one by one, so that no search is needed."""
    shifts = [c - t for t, c in zip(times_s, candidates_s, strict=True)]
    if min(shifts) < shortest_s:
        return False
    for i in range(1, len(shifts)):
        change = shifts[i] - shifts[i - 1] - _foreseen(expected_s, i - 1, i)
        if abs(change) > 0.5 * (times_s[i] - times_s[i - 1]):
            return False
    known = zip(shifts, expected_s, _gaps(times_s), strict=True)
    return all(e is None or abs(s - e) <= 0.5 * gap for s, e, gap in known)


def _beside(
    firsts: Sequence[Pulse], own: Sequence[Pulse], *, offset_m: float
) -> list[int | None]:
    """Match pulses of two strips of one row by the time at which they were crossed."""
    result: list[int | None] = []
    taken = -1
    for first in firsts:
        length_s = max(first.end_s - first.start_s, 1e-3)
        due_s = first.centroid_s + offset_m * length_s / _USUAL_CONTACT_M
        reach_s = length_s * (0.75 + abs(offset_m) / _USUAL_CONTACT_M)
        near = [
            (abs(own[k].centroid_s - due_s), k)
            for k in range(taken + 1, len(own))
            if abs(own[k].centroid_s - due_s) <= reach_s
        ]
        found = min(near)[1] if near else None
        result.append(found)
        taken = taken if found is None else found
    return result


def _expected_shifts(
    axles: Sequence[dict[int, Hit]], times_s: Sequence[float], sensor: Sensor
) -> list[float | None]:
    """Return what rows already matched say about the shift of each axle."""
    motions = [_fit(tuple(axle.values())) for axle in axles]
    shared = shared_acceleration([motion for motion in motions if motion is not None])
    expected: list[float | None] = []
    for axle, motion, time in zip(axles, motions, times_s, strict=True):
        if motion is None:
            expected.append(None)
            continue
        gain = motion.acceleration_mps2
        full = motion._replace(acceleration_mps2=shared if gain is None else gain)
        near = min(axle.values(), key=lambda hit: abs(hit.sensor.s_m - sensor.s_m))
        way_m = sensor.s_m - near.sensor.s_m
        at_s = near.pulse.centroid_s
        expected.append(at_s + _time_over_s(full, at_s, way_m) - time)
    return expected


def _missed_axles(
    axles: Sequence[dict[int, Hit]],
    times_s: Sequence[float],
    sensors: Sequence[Sensor],
    store: Sequence[Sequence[Pulse]],
) -> list[tuple[float, dict[int, Hit]]]:
    """Gather pulses that belong to no axle by the time of their first row.

    Each is carried back by the shift of the nearest axle on the same strip; those
    that come together are one axle that the first row missed.
    """
    gathered: list[tuple[float, dict[int, Hit]]] = []
    reach_s = 0.4 * min(_gaps(times_s), default=0.0)
    for sensor in sensors:
        matched = [
            (axle[sensor.index].pulse, time)
            for axle, time in zip(axles, times_s, strict=True)
            if sensor.index in axle
        ]
        if not matched:
            continue
        taken = {pulse.last_sample for pulse, _ in matched}
        for pulse in store[sensor.index]:
            if pulse.last_sample in taken:
                continue
            near, time = min(
                matched, key=lambda pair: abs(pair[0].centroid_s - pulse.centroid_s)
            )
            back_s = pulse.centroid_s - (near.centroid_s - time)
            for known_s, axle in gathered:
                if abs(known_s - back_s) <= reach_s and sensor.index not in axle:
                    axle[sensor.index] = Hit(sensor, pulse)
                    break
            else:
                gathered.append((back_s, {sensor.index: Hit(sensor, pulse)}))
    return gathered


def _row_load(hits: Sequence[Hit], motion: Motion, *, smooth: bool) -> RowLoad:
    """Add up what the healthy strips of one row say."""
    n = len(hits)
    at_s = sum(hit_time_s(hit) for hit in hits) / n
    place_m = sum(hit.sensor.s_m for hit in hits) / n
    wheels: dict[Side, float] = {}
    variance = 0.0
    speeds = []
    for hit in hits:
        sensor, pulse = hit
        speed = motion.speed_at(hit_time_s(hit)) if smooth else rough_speed_mps(pulse)
        speed = max(speed, 0.0)
        speeds.append(speed)
        kg = mass_kg(sensor.strip, area_counts_s=pulse.area_counts_s, speed_mps=speed)
        wheels[sensor.side] = wheels.get(sensor.side, 0.0) + kg
        share = kg * pulse.area_sigma_counts_s / max(pulse.area_counts_s, 1e-12)
        variance += share * share
    speed_mps = sum(speeds) / n
    return RowLoad(
        rank=hits[0].sensor.rank,
        row=hits[0].sensor.strip.row,
        at_s=at_s,
        place_m=place_m,
        speed_mps=speed_mps,
        speed_sigma_mps=(
            motion.speed_sigma_at(at_s) if smooth else _ROUGH_SIGMA * speed_mps
        ),
        left_kg=wheels.get("left"),
        right_kg=wheels.get("right"),
        load_kg=sum(wheels.values()),
        sigma_kg=math.sqrt(variance),
        whole="full" in wheels or len(wheels) == 2,
    )


def _row_crossed(hits: Sequence[Hit]) -> Crossed:
    n = len(hits)
    return Crossed(
        at_s=sum(hit_time_s(hit) for hit in hits) / n,
        s_m=sum(hit.sensor.s_m for hit in hits) / n,
    )


def _pace(hits: Sequence[Hit]) -> float:
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


def _footprint_m(hits: Sequence[Hit], motion: Motion) -> float | None:
    """Return the length of contact: the middle one of those that the strips show."""
    found = sorted(
        footprint_m(
            (hit.pulse.fall_s - hit.pulse.rise_s) * motion.speed_at(hit_time_s(hit)),
            width_m=hit.sensor.strip.width_m,
        )
        for hit in hits
        if hit.sensor.strip.kind == "strip" and not hit.pulse.clipped
    )
    return found[len(found) // 2] if found else None


def _time_over_s(motion: Motion, at_s: float, way_m: float) -> float:
    """Return the time that a way [m], backwards if negative, takes from ``at_s`` on."""
    speed_mps = motion.speed_at(at_s)
    if speed_mps <= 0.0:
        return way_m / motion.speed_mps
    half_gain = 0.5 * (motion.acceleration_mps2 or 0.0)
    taken_s = way_m / speed_mps
    for _ in range(4):
        mean_mps = speed_mps + half_gain * taken_s
        taken_s = way_m / max(mean_mps, 0.2 * speed_mps)
    return taken_s


def _fit(hits: Sequence[Hit]) -> Motion | None:
    """Fit place over time by least squares; None when it says no forward speed."""
    rows = {hit.sensor.rank for hit in hits}
    if len(rows) < 2:
        return None
    n = len(hits)
    at_s = sum(hit.pulse.centroid_s for hit in hits) / n
    times = [hit.pulse.centroid_s - at_s for hit in hits]
    places = [hit.sensor.s_m for hit in hits]
    t2 = sum(t * t for t in times)
    s0 = sum(places) / n
    st = sum(s * t for s, t in zip(places, times, strict=True))
    if t2 <= 0.0 or st <= 0.0:
        return None
    line = Motion(at_s, s0, st / t2, None)
    if len(rows) < 3:
        return line
    t3 = sum(t * t * t for t in times)
    t4 = sum((t * t) * (t * t) for t in times)
    stt = sum(s * t * t for s, t in zip(places, times, strict=True))
    # Parabola s = c + v t + q t², the mean of t being zero: eliminate c and v.
    denominator = t4 - t2 * t2 / n - t3 * t3 / t2
    if denominator <= 0.0:
        return line
    q = (stt - s0 * t2 - st / t2 * t3) / denominator
    v = (st - q * t3) / t2
    c = s0 - q * t2 / n
    return Motion(at_s, c, v, 2.0 * q) if v > 0.0 else line


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
