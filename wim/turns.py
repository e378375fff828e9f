"""Vehicles that went forward, back and forward again over the rows of a lane."""

import math
from collections.abc import Sequence
from typing import TypeAlias

from wim.hits import Hit, hit_time_s
from wim.open_vehicles import OpenVehicle
from wim.pulse_store import PulseStore
from wim.vehicles import Untangled, untangle
from wim.views import View

__all__ = ["find_turn", "straightened"]

_MOST_TANGLED = 24
_TURNING = 2.0
_Times: TypeAlias = list[tuple[float, tuple[Hit, ...]]]


def find_turn(
    vehicle: OpenVehicle, forward: View, store: PulseStore
) -> Untangled | None:
    """Tell the axles of a vehicle that went to and fro, None if it did not."""
    rows = [_row_times(vehicle, forward, store, rank) for rank in range(forward.rows)]
    if vehicle.reverse or vehicle.headless or min(map(len, rows)) < 2:
        return None
    if max(map(len, rows)) > _MOST_TANGLED:
        return None
    plain = _untangled([[at_s for at_s, _ in row] for row in rows])
    if plain is not None:
        return plain
    # where it turned on a strip, that strip saw one long wheel and not two
    lasts_s = sorted(_lasts_s(hits) for row in rows for _, hits in row)
    long_s = _TURNING * lasts_s[len(lasts_s) // 2]
    doubled: list[list[tuple[float, int]]] = [[] for _ in rows]
    for row, times in zip(rows, doubled, strict=True):
        for k, (at_s, hits) in enumerate(row):
            if _lasts_s(hits) > long_s:
                times.append((min(hit.pulse.start_s for hit in hits), k))
                times.append((max(hit.pulse.end_s for hit in hits), k))
            else:
                times.append((at_s, k))
    found = _untangled([[at_s for at_s, _ in times] for times in doubled])
    if found is None:
        return None
    kept = tuple(
        tuple(times[k][1] for k in own)
        for times, own in zip(doubled, found.kept, strict=True)
    )
    return found._replace(kept=kept)


def straightened(
    vehicle: OpenVehicle,
    view: View,
    hits: Sequence[tuple[Hit, ...]],
    *,
    forward: View,
    store: PulseStore,
) -> list[tuple[Hit, ...]] | None:
    """Return the axles of a vehicle that went to and fro, None if it did not.

    Rows over which nothing went back are enough where there are two; else each
    axle counts where it went forward for the last time.
    """
    if all(len({hit.sensor.rank for hit in axle}) == view.rows for axle in hits):
        return None
    untangled = find_turn(vehicle, forward, store)
    if untangled is None:
        return None
    straight = [r for r in range(view.rows) if r not in untangled.turned]
    ranks = straight if len(straight) > 1 else list(range(view.rows))
    rows = {rank: _row_times(vehicle, forward, store, rank) for rank in ranks}
    return [
        tuple(hit for rank in ranks for hit in rows[rank][untangled.kept[rank][i]][1])
        for i in range(untangled.axles)
    ]


def _row_times(
    vehicle: OpenVehicle, forward: View, store: PulseStore, rank: int
) -> _Times:
    """Return when a row was crossed since a vehicle began, and the hits."""
    until_s = math.inf if vehicle.ended_s is None else vehicle.ended_s
    next_s = min(
        (
            pulse.start_s
            for sensor in forward.row(0)
            for pulse in store.of[sensor.index]
            if pulse.start_s > until_s
        ),
        default=math.inf,
    )
    sensors = forward.row(rank)
    own = []
    for sensor in sensors:
        pulses = [
            pulse
            for pulse in store.since(vehicle.begun_s, sensor.index)
            if pulse.start_s <= (until_s if rank == 0 else next_s)
        ]
        own.append([Hit(sensor, pulse) for pulse in pulses])
    if len(own) == 2 and len(own[0]) == len(own[1]):
        return [
            (0.5 * (hit_time_s(a) + hit_time_s(b)), (a, b))
            for a, b in zip(own[0], own[1], strict=True)
        ]
    return [(hit_time_s(hit), (hit,)) for hit in max(own, key=len)]


def _lasts_s(hits: Sequence[Hit]) -> float:
    return max(hit.pulse.end_s - hit.pulse.start_s for hit in hits)


def _untangled(rows_s: Sequence[Sequence[float]]) -> Untangled | None:
    """Untangle rows if their numbers allow it: what goes to and fro counts twice."""
    counts = {len(row) for row in rows_s}
    if any((n - min(counts)) % 2 for n in counts):
        return None
    return untangle(rows_s)
