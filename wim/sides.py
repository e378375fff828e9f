"""How a vehicle's load lay on the left and on the right strips, and where it changed.

A wheel that stands partly beside its strip is weighed too light, and the other one is
not: that is what is looked for here. Single and twin tyres reach differently far out,
so that axles of one vehicle disagree about the sides when wheels miss a strip; a
crooked load tilts all of them alike, and the steered axle least. It weighs nothing and
names no manoeuvre. Strips across the whole lane show no sides at all.
"""

import functools
from collections.abc import Sequence
from typing import TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from wim.axles import group_axles
from wim.kernels.sides import SIDE_FIGURES, bear_on_sides
from wim.row_loads import RowTable
from wim.samples import Lane, Side

__all__ = ["Sides", "shortest_reach", "sides_of"]

_LANES = 64
_LONGEST_GROUP_M = 1.8
_LIGHT_KG = 3000.0
_STEER_SWING = (0.02, 0.002)
_ALL_SWING = (0.02, 0.003)
_INNER_EDGES_M = 1.2
_Fit: TypeAlias = npt.NDArray[np.bool_]


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
    rows: RowTable,
    *,
    steered: int | None,
    told_by: Sequence[int],
    spacings_m: Sequence[float],
) -> Sides:
    """Return how the load of a vehicle lay on left and right.

    A wheel of which nothing was seen while the other was, carried nothing there.

    Args:
        rows: of one vehicle's axles, at least one.
        steered: which axle is steered, None where it says nothing.
        told_by: the rows that have a left and a right strip, both healthy; ascending.
        spacings_m: between the axles, one fewer.
    """
    groups = group_axles(spacings_m, longest_m=_LONGEST_GROUP_M)
    tilts = np.empty(len(groups))
    figures = np.empty(SIDE_FIGURES)
    bear_on_sides(
        rows.rows,
        rows.axles,
        -1 if steered is None else steered,
        _fit(tuple(told_by)),
        np.array([group[-1] + 1 for group in groups]),
        _LIGHT_KG,
        _STEER_SWING,
        _ALL_SWING,
        tilts,
        figures,
    )
    left_kg, right_kg, steer_left, steer_right, *swings = figures.tolist()
    if left_kg + right_kg <= 0.0:
        return Sides()
    leans = tilts.tolist()
    steer_kg = steer_left + steer_right
    steer_swing, steer_swing_rows = _swing(*swings[:3])
    vehicle_swing, vehicle_swing_rows = _swing(*swings[3:])
    return Sides(
        steer=abs(steer_left - steer_right) / steer_kg if steer_kg > 0.0 else None,
        vehicle=abs(left_kg - right_kg) / (left_kg + right_kg),
        group=max(map(abs, leans)),
        spread=max(leans) - min(leans),
        steer_swing=steer_swing,
        vehicle_swing=vehicle_swing,
        rows=len(told_by),
        told_by=tuple(told_by),
        steer_light=_lighter(steer_left - steer_right),
        vehicle_light=_lighter(left_kg - right_kg),
        group_light=_lighter(max(leans, key=abs)),
        steer_swing_rows=steer_swing_rows,
        vehicle_swing_rows=vehicle_swing_rows,
    )


@functools.lru_cache(maxsize=_LANES)
def _fit(told_by: tuple[int, ...]) -> _Fit:
    """Return which rows tell the sides, as the kernel reads it."""
    fit = np.zeros(max(told_by, default=-1) + 1, dtype=np.bool_)
    fit[list(told_by)] = True
    return fit


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


def _lighter(left_less_right: float) -> Side | None:
    """Return the side that bears less, None where both bear the same."""
    if left_less_right == 0.0:
        return None
    return "right" if left_less_right > 0.0 else "left"


def _swing(
    swing: float, most: float, least: float
) -> tuple[float | None, tuple[int, ...]]:
    """Return how much the sides change and on which rows, None where no two tell."""
    if most < 0.0:
        return None, ()
    return swing, tuple(sorted({int(most), int(least)}))
