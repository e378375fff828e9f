"""From pulses to axles: which pulses are one axle's, how fast it was, what it weighs.

Everything here looks along the direction of travel: ``s`` [m] is zero at the row that
the vehicle reaches first and grows, whichever way it drives. It decides nothing about
the vehicle; what does not fit an axle is left over and not bent to fit.
"""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from wim.calibration import mass_kg
from wim.pulses import Pulse
from wim.samples import Lane, Side, Strip

__all__ = [
    "Axle",
    "Hit",
    "Motion",
    "Sensor",
    "View",
    "align",
    "find_axles",
    "group_axles",
    "rough_speed_mps",
    "spacing_m",
    "weigh_axle",
    "weigh_axles",
]

_SHORTEST_GAP_M = 0.5
_FASTEST_MPS = 70.0
_USUAL_CONTACT_M = 0.25
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
        return View(sensors=tuple(sensors), rows=rows - first_row, length_m=length_m)

    def row(self, rank: int) -> tuple[Sensor, ...]:
        """Return the sensors of one row, counted along the way."""
        return tuple(sensor for sensor in self.sensors if sensor.rank == rank)


class Hit(NamedTuple):
    """One pulse of an axle and the sensor that gave it."""

    sensor: Sensor
    pulse: Pulse


class Motion(NamedTuple):
    """An axle's way: ``s = s_m + v * dt + a/2 * dt²`` with ``dt = t - at_s``."""

    at_s: float
    s_m: float
    speed_mps: float
    acceleration_mps2: float | None

    def speed_at(self, t: float) -> float:
        """Return the speed [m/s] at a time."""
        return self.speed_mps + (self.acceleration_mps2 or 0.0) * (t - self.at_s)

    def place_at(self, t: float) -> float:
        """Return the way [m] from the first row at a time."""
        dt = t - self.at_s
        a = self.acceleration_mps2 or 0.0
        return self.s_m + self.speed_mps * dt + 0.5 * a * dt * dt


class Axle(msgspec.Struct, frozen=True, kw_only=True):
    """One axle over all rows.

    ``crossed_s`` is when it stood over the first row. ``load_kg`` is the plain mean
    over the rows that both its wheels hit (over the others if there is none).
    ``left_kg`` and ``right_kg`` are means of their own, None without such a strip or
    pulse.
    """

    hits: tuple[Hit, ...]
    motion: Motion
    crossed_s: float
    load_kg: float
    left_kg: float | None
    right_kg: float | None

    @property
    def rows_hit(self) -> int:
        """Return on how many rows the axle was seen."""
        return len({hit.sensor.rank for hit in self.hits})

    @property
    def local_speeds_mps(self) -> tuple[float, ...]:
        """Return the speed at each hit."""
        return tuple(self.motion.speed_at(hit.pulse.centroid_s) for hit in self.hits)


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
            for j in range(i):
                for h in range(k):
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


def weigh_axle(hits: tuple[Hit, ...], motion: Motion) -> Axle:
    """Turn the hits of one axle into its load, with the speed at each strip."""
    masses: dict[int, dict[Side, float]] = {}
    for sensor, pulse in hits:
        masses.setdefault(sensor.rank, {})[sensor.side] = mass_kg(
            sensor.strip,
            area_counts_s=pulse.area_counts_s,
            speed_mps=max(motion.speed_at(pulse.centroid_s), 0.0),
        )
    whole = [row for row in masses.values() if "full" in row or len(row) == 2]
    rows = whole or list(masses.values())
    at_entry = [hit for hit in hits if hit.sensor.rank == 0] or list(hits[:1])
    crossed = [_crossed_s(motion, hit) for hit in at_entry]
    return Axle(
        hits=hits,
        motion=motion,
        crossed_s=sum(crossed) / len(crossed),
        load_kg=sum(sum(row.values()) for row in rows) / len(rows),
        left_kg=_mean([row["left"] for row in masses.values() if "left" in row]),
        right_kg=_mean([row["right"] for row in masses.values() if "right" in row]),
    )


def weigh_axles(hits: Sequence[tuple[Hit, ...]]) -> list[Axle]:
    """Find each axle's motion and weigh it; axles that nothing gives a speed are left.

    Three rows give an axle's own acceleration; with two, the speeds of the axles, one
    after the other, give one for all.
    """
    alone = [_fit(axle) for axle in hits]
    known = [motion for motion in alone if motion is not None]
    if not known:
        return []
    shared = _shared_acceleration(known)
    axles = []
    for own, motion in zip(hits, alone, strict=True):
        full = motion
        if full is None:
            near = min(known, key=lambda m: abs(m.at_s - own[0].pulse.centroid_s))
            at_s = own[0].pulse.centroid_s
            speed = max(near.speed_at(at_s), 0.1 * near.speed_mps)
            full = Motion(at_s, own[0].sensor.s_m, speed, shared)
        elif full.acceleration_mps2 is None:
            full = full._replace(acceleration_mps2=shared)
        if any(full.speed_at(hit.pulse.centroid_s) <= 0.0 for hit in own):
            full = full._replace(acceleration_mps2=None)
        axles.append(weigh_axle(own, full))
    axles.sort(key=lambda axle: axle.crossed_s)
    return axles


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
    shared = _shared_acceleration([motion for motion in motions if motion is not None])
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


def _crossed_s(motion: Motion, hit: Hit) -> float:
    """Return when an axle stood over the first row, going back from one hit."""
    at_s = hit.pulse.centroid_s
    return at_s + _time_over_s(motion, at_s, -hit.sensor.s_m)


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
    t3 = sum(t**3 for t in times)
    t4 = sum(t**4 for t in times)
    stt = sum(s * t * t for s, t in zip(places, times, strict=True))
    # Parabola s = c + v t + q t², the mean of t being zero: eliminate c and v.
    denominator = t4 - t2 * t2 / n - t3 * t3 / t2
    if denominator <= 0.0:
        return line
    q = (stt - s0 * t2 - st / t2 * t3) / denominator
    v = (st - q * t3) / t2
    c = s0 - q * t2 / n
    return Motion(at_s, c, v, 2.0 * q) if v > 0.0 else line


def _shared_acceleration(motions: Sequence[Motion]) -> float | None:
    """Return the slope of the axles' speeds over time, None from a single axle."""
    n = len(motions)
    if n < 2:
        return None
    at_s = sum(motion.at_s for motion in motions) / n
    mean = sum(motion.speed_mps for motion in motions) / n
    t2 = sum((motion.at_s - at_s) ** 2 for motion in motions)
    if t2 <= 0.0:
        return None
    return sum((m.at_s - at_s) * (m.speed_mps - mean) for m in motions) / t2


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
