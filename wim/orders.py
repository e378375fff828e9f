"""Wheels matched by their order alone, as axles come and go in one lane.

However long a vehicle stood between the rows, its axles keep their order. Where the
pulses are in no order, that is said.
"""

from collections.abc import Sequence

from wim.hits import Hit
from wim.pulses import Pulse
from wim.views import Sensor, View

__all__ = ["in_order", "somebody_stood"]

_USUAL_HALF_M = 0.155
_STOOD = 2.5


def somebody_stood(view: View, store: Sequence[Sequence[Pulse]]) -> bool:
    """Tell by the lengths of the pulses whether speeds were very different."""
    lasts_s = [
        pulse.fall_s - pulse.rise_s
        for sensor in view.sensors
        for pulse in store[sensor.index]
    ]
    return max(lasts_s) > _STOOD * min(lasts_s)


def in_order(
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
