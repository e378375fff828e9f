"""Which pulses of a lane are one axle's.

Everything here looks along the direction of travel. It decides nothing about the
vehicle; what does not fit an axle is left over and not bent to fit.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from wim.alignment import align, gaps_s
from wim.hit_tables import HitTable
from wim.hits import USUAL_CONTACT_M, Hit, hits_of
from wim.kernels.in_step import IN_STEP, OUT_OF_ORDER, step_of
from wim.kinematics import shared_acceleration
from wim.orders import in_order, somebody_stood
from wim.pulses import Pulse
from wim.rough_motion import rough_motion, time_over_s
from wim.views import Sensor, View

__all__ = ["Matched", "find_axles"]

_SHORTEST_GAP_M = 0.5
_FASTEST_MPS = 70.0
_MOST_ASKEW_M = 0.8
"""So far a wheel may be ahead of the other of its axle: no lorry turns as far on the
width of a lane, and half of what axles are apart at least."""
_NOISY = 2
"""A strip that saw so many times more pulses than there are axles has seen others."""


class Matched(NamedTuple):
    """The hits of some axles, in the order in which they crossed.

    There is a ``table`` of them where every strip saw every axle, each row after the
    one before.
    """

    axles: list[tuple[Hit, ...]]
    table: HitTable | None = None


def find_axles(
    view: View,
    store: Sequence[Sequence[Pulse]],
    *,
    begun_s: float,
    from_s: float,
    until_s: float,
) -> Matched:
    """Join the pulses of a vehicle's axles, in the order in which they crossed.

    Args:
        view: the lane in the vehicle's direction.
        store: pulses by strip index, each in the order of time, not yet another's.
        begun_s: what a strip saw earlier is not the vehicle's, where it stood.
        from_s: what crossed the first row earlier is not the vehicle's.
        until_s: only pulses that began by then on the first row are the vehicle's.

    Returns:
        The hits of each axle: of those that the first row saw, and of those that it
        missed and others saw.
    """
    alike = _in_step(view, store, until_s)
    if alike is not None:
        return alike
    if somebody_stood(view, store):
        standing = _one_by_one(view, store, begun_s=begun_s, until_s=until_s)
        if standing is not None:
            return standing
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
    if somebody_stood(view, store):
        in_their_order = in_order(view, store)
        if in_their_order is not None:
            return Matched(in_their_order)
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
        left_over = found.count(None) - max(len(times) - len(pulses), 0)
        if left_over > 0 and len(pulses) <= _NOISY * len(times):
            dues = _dues(axles, times, expected)
            askew = _askew(dues, pulses)
            if askew.count(None) < found.count(None):
                found = askew
        for i, k in enumerate(found):
            if k is not None:
                axles[i][sensor.index] = Hit(sensor, pulses[k])
    missed = _missed_axles(axles, times, rest, store)
    for time, axle in missed:
        if from_s <= time <= until_s:
            at = sum(known < time for known in times)
            axles.insert(at, axle)
            times.insert(at, time)
    return Matched(
        [
            tuple(sorted(axle.values(), key=lambda hit: hit.pulse.centroid_s))
            for axle in axles
        ]
    )


def _in_step(
    view: View, store: Sequence[Sequence[Pulse]], until_s: float
) -> Matched | None:
    """Match wheels where every strip saw all axles, each row after the one before.

    None where they did not: then what is missing has to be looked for.
    """
    base, *others = view.row(0)
    firsts = store[base.index]
    n = len(firsts)
    if any(len(store[sensor.index]) != n for sensor in view.sensors):
        return None
    for sensor in (base, *others):
        if _begun(store[sensor.index], until_s) != n:
            return None
    wheels = [store[sensor.index] for sensor in view.sensors]
    axles = [hits_of(view.sensors, own) for own in zip(*wheels, strict=True)]
    if not n:
        return Matched(axles)
    table = HitTable.of(axles)
    step = step_of(table.hits, n, USUAL_CONTACT_M)
    if step == OUT_OF_ORDER:
        return None
    if step != IN_STEP:
        for other in others:
            own = store[other.index]
            found = _beside(firsts, own, offset_m=other.s_m - base.s_m)
            if found != list(range(n)):
                return None
    return Matched(axles, table)


def _one_by_one(
    view: View, store: Sequence[Sequence[Pulse]], *, begun_s: float, until_s: float
) -> Matched | None:
    """Match wheels in their order where every strip saw as many as the first row.

    What strips saw before the vehicle came, or once another had come behind it, does
    not count. None where a strip saw more or fewer, or one did in another order.
    """
    next_s = min(
        (
            pulse.start_s
            for sensor in view.row(0)
            for pulse in store[sensor.index]
            if pulse.start_s > until_s
        ),
        default=math.inf,
    )
    own = [
        [pulse for pulse in pulses if begun_s <= pulse.start_s < next_s]
        for pulses in store
    ]
    return _in_step(view, own, until_s)


def _begun(pulses: Sequence[Pulse], until_s: float) -> int:
    """Return how many pulses began by then."""
    return len([pulse for pulse in pulses if pulse.start_s <= until_s])


_Due: TypeAlias = tuple[float, float]
"""When a wheel should be over a strip, by another's pulse, and how long that is [s]."""


def _beside(
    firsts: Sequence[Pulse], own: Sequence[Pulse], *, offset_m: float
) -> list[int | None]:
    """Match pulses of two strips of one row by the time at which they were crossed."""
    dues = []
    for first in firsts:
        length_s = _length_s(first)
        apart_s = offset_m * length_s / USUAL_CONTACT_M
        dues.append((first.centroid_s + apart_s, length_s))
    return _askew(dues, own, slack_m=abs(offset_m))


def _askew(
    dues: Sequence[_Due | None], own: Sequence[Pulse], *, slack_m: float = 0.0
) -> list[int | None]:
    """Match pulses by when they are due, or all of a vehicle's earlier or later.

    Who drives askew meets the strip of one side earlier than that of the other, with
    all axles about alike: where those that come when they are due leave some over, it
    is looked for what changes little from one to the next.
    """
    found = _together(dues, own, slack_m=slack_m)
    if None not in found:
        return found
    known = [(i, *due) for i, due in enumerate(dues) if due is not None]
    left_over = min(len(known), len(own)) - (len(found) - found.count(None))
    if left_over == 0:
        return found
    shifted: list[int | None] = [None] * len(dues)
    longest_s = max(length_s for _, _, length_s in known)
    aligned = align(
        [due_s for _, due_s, _ in known],
        [pulse.centroid_s for pulse in own],
        shortest_s=-_MOST_ASKEW_M * longest_s / USUAL_CONTACT_M,
        expected_s=[None] * len(known),
    )
    for (i, due_s, length_s), k in zip(known, aligned, strict=True):
        if k is not None:
            askew_s = abs(own[k].centroid_s - due_s)
            if askew_s * USUAL_CONTACT_M <= _MOST_ASKEW_M * length_s:
                shifted[i] = k
    return shifted if shifted.count(None) < found.count(None) else found


def _together(
    dues: Sequence[_Due | None], own: Sequence[Pulse], *, slack_m: float
) -> list[int | None]:
    """Match pulses that come when they are due."""
    result: list[int | None] = []
    taken = -1
    reach = 0.75 + slack_m / USUAL_CONTACT_M
    for due in dues:
        found = None
        if due is not None:
            due_s, length_s = due
            near = [
                (apart_s, k)
                for k in range(taken + 1, len(own))
                if (apart_s := abs(own[k].centroid_s - due_s)) <= reach * length_s
            ]
            found = min(near)[1] if near else None
        result.append(found)
        taken = taken if found is None else found
    return result


def _length_s(pulse: Pulse) -> float:
    return max(pulse.end_s - pulse.start_s, 1e-3)


def _dues(
    axles: Sequence[dict[int, Hit]],
    times_s: Sequence[float],
    shifts_s: Sequence[float | None],
) -> list[_Due | None]:
    """Return when wheels are due by the shifts of their axles, None where unknown."""
    dues: list[_Due | None] = []
    for axle, time_s, shift_s in zip(axles, times_s, shifts_s, strict=True):
        if shift_s is None:
            dues.append(None)
        else:
            lengths_s = [_length_s(hit.pulse) for hit in axle.values()]
            dues.append((time_s + shift_s, max(lengths_s)))
    return dues


def _expected_shifts(
    axles: Sequence[dict[int, Hit]], times_s: Sequence[float], sensor: Sensor
) -> list[float | None]:
    """Return what rows already matched say about the shift of each axle."""
    motions = [rough_motion(tuple(axle.values())) for axle in axles]
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
        expected.append(at_s + time_over_s(full, at_s, way_m) - time)
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
    reach_s = 0.4 * min(gaps_s(times_s), default=0.0)
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
