"""Vehicles that went forward, back and forward again over the rows of a lane.

What every row saw, and when, is explained by one turn back and one forward again. A
wheel that turned on a strip, or only touched it, gave one long pulse and not two or
none.
"""

import math
from collections.abc import Iterator, Sequence
from itertools import combinations, islice, pairwise, product
from typing import NamedTuple, TypeAlias

from wim.hits import Hit, hit_time_s, rough_speed_mps
from wim.open_vehicles import OpenVehicle
from wim.pulse_store import PulseStore
from wim.vehicles import Untangled, untangle
from wim.views import View

__all__ = ["Straightened", "find_turn", "is_in_order", "straightened"]

_MOST_TANGLED = 24
_TURNING = 2.0
_MOST_LONG = 6
_MOST_READ_ANEW = 3
_MOST_READINGS = 24
_SLOW_MPS = 6.0
_Times: TypeAlias = list[tuple[float, tuple[Hit, ...]]]


class Straightened(NamedTuple):
    """The axles of a vehicle that went to and fro, and of those behind it.

    Each axle has the hits of the last time that it went forward over a row; over
    ``rows`` nothing went back. Until ``until_s`` something went backwards.
    """

    axles: list[tuple[Hit, ...]]
    rows: frozenset[int]
    until_s: float

    def straight(self, axles: Sequence[tuple[Hit, ...]]) -> list[tuple[Hit, ...]]:
        """Return axles by the rows over which nothing went back, if these are enough.

        Two of them show a speed; else each axle counts where it went forward last.
        """
        if len(self.rows) < 2:
            return list(axles)
        return [
            tuple(hit for hit in axle if hit.sensor.rank in self.rows) for axle in axles
        ]


class _Turn(NamedTuple):
    """One turn that explains what the rows saw: crossings by row, and the turn."""

    rows: list[_Times]
    untangled: Untangled


def find_turn(vehicle: OpenVehicle, forward: View, store: PulseStore) -> _Turn | None:
    """Tell the axles of a vehicle that went to and fro, None if it did not."""
    if vehicle.reverse or vehicle.headless:
        return None
    for fuller in (True, False):
        rows = [
            _row_times(vehicle, forward, store, rank, fuller=fuller)
            for rank in range(forward.rows)
        ]
        if min(map(len, rows)) < 2 or max(map(len, rows)) > _MOST_TANGLED:
            continue
        if is_in_order([[at_s for at_s, _ in row] for row in rows]):
            return None
        lasts = [row[-1][0] for row in rows]
        if any(late_s <= early_s for early_s, late_s in pairwise(lasts)):
            # the last axle is not over all rows yet: nothing need have turned
            return None
        lasts_s = sorted(_lasts_s(hits) for row in rows for _, hits in row)
        middle_s = lasts_s[len(lasts_s) // 2]
        if rough_speed_mps(max(_hits(rows), key=_pulse_lasts_s).pulse) > _SLOW_MPS:
            return None
        likely = filter(_may_turn, _readings(rows, long_s=_TURNING * middle_s))
        for read in islice(likely, _MOST_READINGS):
            untangled = untangle([[at_s for at_s, _ in row] for row in read])
            if untangled is not None:
                return _Turn(read, untangled)
    return None


def is_in_order(rows_s: Sequence[Sequence[float]]) -> bool:
    """Tell whether every row saw as many wheels, each row after the one before."""
    return len({len(row) for row in rows_s}) == 1 and all(
        early_s < late_s
        for here, there in pairwise(rows_s)
        for early_s, late_s in zip(here, there, strict=True)
    )


def straightened(
    vehicle: OpenVehicle,
    view: View,
    hits: Sequence[tuple[Hit, ...]],
    *,
    forward: View,
    store: PulseStore,
) -> Straightened | None:
    """Return the axles of a vehicle that went to and fro, None if it did not."""
    if all(_is_straight(axle, view) for axle in hits):
        return None
    turn = find_turn(vehicle, forward, store)
    if turn is None:
        return None
    rows, untangled = turn
    straight = [r for r in range(view.rows) if r not in untangled.turned]
    return Straightened(
        axles=[
            tuple(
                hit
                for row, kept in zip(rows, untangled.kept, strict=True)
                for hit in row[kept[i]][1]
            )
            for i in range(untangled.axles)
        ],
        rows=frozenset(straight),
        until_s=untangled.until_s,
    )


def _is_straight(axle: Sequence[Hit], view: View) -> bool:
    """Tell whether an axle crossed every row, one after the other."""
    ranks = [hit.sensor.rank for hit in axle]
    return len(set(ranks)) == view.rows and ranks == sorted(ranks)


def _row_times(
    vehicle: OpenVehicle,
    forward: View,
    store: PulseStore,
    rank: int,
    *,
    fuller: bool,
) -> _Times:
    """Return when a row was crossed since a vehicle began, and the hits.

    Where one side saw more wheels than the other, ``fuller`` tells which is believed.
    """
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
    believed = max(own, key=len) if fuller else min(own, key=len)
    return [(hit_time_s(hit), (hit,)) for hit in believed]


def _readings(rows: Sequence[_Times], *, long_s: float) -> Iterator[list[_Times]]:
    """Yield what the rows may have seen, the plainest first.

    The longest pulses may be of wheels that turned there: each is two crossings then,
    or none.
    """
    long = sorted(
        (
            (-_lasts_s(hits), rank, k)
            for rank, row in enumerate(rows)
            for k, (_, hits) in enumerate(row)
            if _lasts_s(hits) > long_s
        )
    )[:_MOST_LONG]
    for many in range(_MOST_READ_ANEW + 1):
        for chosen in combinations(long, many):
            for times in product((2, 0), repeat=many):
                anew = {
                    (rank, k): n for (_, rank, k), n in zip(chosen, times, strict=True)
                }
                yield [_read(row, rank, anew) for rank, row in enumerate(rows)]


def _read(row: _Times, rank: int, anew: dict[tuple[int, int], int]) -> _Times:
    """Return a row with some of its pulses read as two crossings or none."""
    read: _Times = []
    for k, (at_s, hits) in enumerate(row):
        crossed = anew.get((rank, k), 1)
        if crossed == 1:
            read.append((at_s, hits))
        elif crossed == 2:
            read.append((min(hit.pulse.start_s for hit in hits), hits))
            read.append((max(hit.pulse.end_s for hit in hits), hits))
    return read


def _hits(rows: Sequence[_Times]) -> Iterator[Hit]:
    for row in rows:
        for _, hits in row:
            yield from hits


def _pulse_lasts_s(hit: Hit) -> float:
    return hit.pulse.end_s - hit.pulse.start_s


def _lasts_s(hits: Sequence[Hit]) -> float:
    return max(map(_pulse_lasts_s, hits))


def _may_turn(rows: Sequence[_Times]) -> bool:
    """Tell whether numbers allow a turn: what goes to and fro counts twice."""
    fewest = min(map(len, rows))
    return fewest > 0 and not any((len(row) - fewest) % 2 for row in rows)
