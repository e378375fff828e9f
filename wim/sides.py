"""How a vehicle's load lay on the left and on the right strips, and where it changed.

A wheel that stands partly beside its strip is weighed too light, and the other one is
not: that is what is looked for here. Single and twin tyres reach differently far out,
so that axles of one vehicle disagree about the sides when wheels miss a strip; a
crooked load tilts all of them alike, and the steered axle least. It weighs nothing and
names no manoeuvre. Strips across the whole lane show no sides at all.
"""

import functools
import math
from collections.abc import Sequence
from typing import TypeAlias

import msgspec

from wim.axles import Axle, group_axles
from wim.samples import Lane, Side

__all__ = ["Sides", "shortest_reach", "sides_of"]

_LANES = 64
_LONGEST_GROUP_M = 1.8
_LIGHT_KG = 3000.0
_STEER_SWING = (0.02, 0.002)
_ALL_SWING = (0.02, 0.003)
_INNER_EDGES_M = 1.2
_Moved: TypeAlias = tuple[int, float, float]
"""A row, how much more than its share pressed on the left there, and on both [kg]."""


class Sides(msgspec.Struct, frozen=True, kw_only=True):
    """What the two sides of the rows say of a vehicle; None is not shown.

    An imbalance is left less right over both: ``steer`` of the steered axle,
    ``vehicle`` of all axles together, ``group`` of the most crooked axle group; each
    without its sign. ``spread`` is the most left-heavy group's less the most
    right-heavy one's. What light axles say counts less, since they hop. ``rows`` is
    how many rows told it, ``told_by`` are these; ``steer_light``, ``vehicle_light`` and
    ``group_light`` are the sides that bore less of each, the last of the most crooked
    group.
    ``steer_swing`` and ``vehicle_swing`` are the greatest less the least part that
    left wheels had on a row, over what the road makes of it at that speed;
    ``steer_swing_rows`` and ``vehicle_swing_rows`` are the rows of the greatest and the
    least.
    """

    steer: float | None = None
    vehicle: float | None = None
    group: float | None = None
    spread: float | None = None
    steer_swing: float | None = None
    vehicle_swing: float | None = None
    rows: int = 0
    told_by: tuple[int, ...] = ()
    steer_light: Side | None = None
    vehicle_light: Side | None = None
    group_light: Side | None = None
    steer_swing_rows: tuple[int, ...] = ()
    vehicle_swing_rows: tuple[int, ...] = ()


def sides_of(
    axles: Sequence[Axle],
    *,
    steered: Axle | None,
    rows: set[int],
    spacings_m: Sequence[float],
) -> Sides:
    """Return how the load of a vehicle lay on left and right.

    A wheel of which nothing was seen while the other was, carried nothing there.

    Args:
        axles: of one vehicle, at least one.
        steered: the one of them that is steered, None where it says nothing.
        rows: those that have a left and a right strip, both healthy.
        spacings_m: between the axles, one fewer.
    """
    wheels = [_wheels_kg(axle, rows) for axle in axles]
    left_kg = math.fsum([left for left, _ in wheels])
    right_kg = math.fsum([right for _, right in wheels])
    if left_kg + right_kg <= 0.0:
        return Sides()
    tilts = []
    for group in group_axles(spacings_m, longest_m=_LONGEST_GROUP_M):
        left = math.fsum([wheels[i][0] for i in group])
        right = math.fsum([wheels[i][1] for i in group])
        tilts.append((left - right) / max(left + right, _LIGHT_KG * len(group)))
    speeds = [row.speed_mps for axle in axles for row in axle.rows]
    pace_mps = math.fsum(speeds) / len(speeds)
    moved = [_moved_kg(axle, rows) for axle in axles]
    front = [k for k, axle in enumerate(axles) if axle is steered]
    steer_left, steer_right = wheels[front[0]] if front else (0.0, 0.0)
    steer_kg = steer_left + steer_right
    steer_swing, steer_swing_rows = _swing(
        [moved[k] for k in front], _STEER_SWING, pace_mps
    )
    vehicle_swing, vehicle_swing_rows = _swing(moved, _ALL_SWING, pace_mps)
    return Sides(
        steer=abs(steer_left - steer_right) / steer_kg if steer_kg > 0.0 else None,
        vehicle=abs(left_kg - right_kg) / (left_kg + right_kg),
        group=max(map(abs, tilts)),
        spread=max(tilts) - min(tilts),
        steer_swing=steer_swing,
        vehicle_swing=vehicle_swing,
        rows=len(rows),
        told_by=tuple(sorted(rows)),
        steer_light=_lighter(steer_left - steer_right),
        vehicle_light=_lighter(left_kg - right_kg),
        group_light=_lighter(max(tilts, key=abs)),
        steer_swing_rows=steer_swing_rows,
        vehicle_swing_rows=vehicle_swing_rows,
    )


@functools.lru_cache(maxsize=_LANES)
def shortest_reach(lane: Lane) -> tuple[float | None, tuple[int, ...]]:
    """Return how wide [m] a vehicle may be that finds strips under all of its wheels.

    It is the shortest of all rows, with those that reach no further; where a gap
    between left and right strips is so wide that inner wheels stand in it, none is wide
    enough. None where the site does not say how far the strips reach.
    """
    told: dict[int, list[tuple[float, float]]] = {}
    untold = set()
    for strip in lane.strips:
        from_m, to_m = strip.lateral_from_m, strip.lateral_to_m
        if from_m is None or to_m is None:
            untold.add(strip.row)
        else:
            told.setdefault(strip.row, []).append((from_m, to_m))
    reaches: dict[int, float] = {}
    for row, own in told.items():
        if row not in untold:
            own.sort()
            apart_m = own[-1][0] - own[0][1] if len(own) > 1 else 0.0
            wide_m = own[-1][1] - own[0][0]
            reaches[row] = 0.0 if apart_m > _INNER_EDGES_M else wide_m
    shortest_m = min(reaches.values(), default=None)
    return shortest_m, tuple(row for row in reaches if reaches[row] == shortest_m)


def _wheels_kg(axle: Axle, rows: set[int]) -> tuple[float, float]:
    """Return the means over some rows of what left and right wheels pressed."""
    own = [row for row in axle.rows if row.row in rows]
    if not own:
        return 0.0, 0.0
    left_kg = math.fsum([row.left_kg or 0.0 for row in own])
    right_kg = math.fsum([row.right_kg or 0.0 for row in own])
    return left_kg / len(own), right_kg / len(own)


def _lighter(left_less_right: float) -> Side | None:
    """Return the side that bears less, None where both bear the same."""
    if left_less_right == 0.0:
        return None
    return "right" if left_less_right > 0.0 else "left"


def _moved_kg(axle: Axle, rows: set[int]) -> list[_Moved]:
    """Return by how much more an axle pressed on the left of each row than on average.

    Each axle is held against its own mean, so that one which a row missed does not
    make that row another's; one row alone says nothing.
    """
    own = [
        (row.row, row.left_kg or 0.0, row.load_kg)
        for row in axle.rows
        if row.row in rows and row.load_kg > 0.0
    ]
    if len(own) < 2:
        return []
    total_kg = math.fsum([load_kg for _, _, load_kg in own])
    share = math.fsum([left_kg for _, left_kg, _ in own]) / total_kg
    return [
        (number, left_kg - share * load_kg, load_kg) for number, left_kg, load_kg in own
    ]


def _swing(
    axles: Sequence[Sequence[_Moved]], usual: tuple[float, float], pace_mps: float
) -> tuple[float | None, tuple[int, ...]]:
    """Return how much the sides change from row to row, over what is usual, and where.

    Args:
        axles: of each, what :func:`_moved_kg` says of it.
        usual: what the road makes of the sides, standing and for each m/s.
        pace_mps: mean speed.
    """
    off_kg: dict[int, float] = {}
    both_kg: dict[int, float] = {}
    for own in axles:
        for number, more_kg, load_kg in own:
            off_kg[number] = off_kg.get(number, 0.0) + more_kg
            both_kg[number] = both_kg.get(number, 0.0) + load_kg
    if len(off_kg) < 2:
        return None, ()
    parts = {row: off_kg[row] / both_kg[row] for row in off_kg}
    most, least = max(parts, key=parts.__getitem__), min(parts, key=parts.__getitem__)
    swing = (parts[most] - parts[least]) / (usual[0] + usual[1] * pace_mps)
    return swing, tuple(sorted({most, least}))
