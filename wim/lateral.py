"""Where across the lane a vehicle may have been, by which strips its wheels pressed.

A strip adds up what rests on it and does not tell where along its length a wheel stood.
What shows is whether a wheel pressed it at all: with how wide vehicles are, that leaves
a range, or two, for the middle of the vehicle, and never a figure. What the load says
of a wheel that stands partly beside a strip is not used: a crooked load says the same.
"""

import functools
import math
from collections.abc import Collection, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from wim.axles import Axle
from wim.samples import Lane, Strip

__all__ = ["Ranges", "lateral_ranges_m"]

Ranges: TypeAlias = tuple[tuple[float, float], ...]

_HALF_WIDTHS_M = (0.8, 1.5)
"""From a vehicle's middle to the outer edge of its tyres: a van's, a wide load's."""
_TYRES_M = (0.15, 0.65)
"""How wide the tyres of one side stand on the road, single or dual."""
_UNSEEN_M = 0.1
"""So much of a tyre may press a strip without being told from its noise."""
_STEP_M = 0.05


def lateral_ranges_m(
    axles: Sequence[Axle], lane: Lane, *, damaged: Collection[int] = ()
) -> tuple[Ranges | None, ...]:
    """Return, for each row, where the middle of a vehicle may have been.

    From and to [m] from the lane's centre, left negative. None where the site does not
    say how far the strips of a row reach, one of them is damaged, no axle was seen
    there, or no place explains what all axles show.

    Args:
        axles: of one vehicle.
        lane: where it drove.
        damaged: indices of strips of the lane that cannot be relied on.
    """
    rows: dict[int, list[Strip]] = {}
    unfit = set()
    for k, strip in enumerate(lane.strips):
        rows.setdefault(strip.row, []).append(strip)
        if k in damaged:
            unfit.add(strip.row)
    pressed: dict[int, set[frozenset[int]]] = {row: set() for row in rows}
    for axle in axles:
        seen: dict[int, set[int]] = {}
        for sensor, _ in axle.hits:
            seen.setdefault(sensor.strip.row, set()).add(sensor.strip.channel)
        for row, channels in seen.items():
            pressed[row].add(frozenset(channels))
    return tuple(
        None if row in unfit else _ranges(rows[row], pressed[row])
        for row in sorted(rows)
    )


def _ranges(strips: list[Strip], pressed: set[frozenset[int]]) -> Ranges | None:
    """Return where all axles may have been that pressed strips of one row."""
    extents = []
    for strip in strips:
        if strip.lateral_from_m is None or strip.lateral_to_m is None:
            return None
        extents.append((strip.lateral_from_m, strip.lateral_to_m))
    places: frozenset[int] | None = None
    for channels in pressed:
        seen = tuple(strip.channel in channels for strip in strips)
        own = _places(tuple(extents), seen)
        places = own if places is None else places & own
    if not places:
        return None
    found: list[list[int]] = []
    for place in sorted(places):
        if found and place == found[-1][1] + 1:
            found[-1][1] = place
        else:
            found.append([place, place])
    # as far as to the next place, which cannot be
    return tuple(
        (round((first - 1) * _STEP_M, 2), round((last + 1) * _STEP_M, 2))
        for first, last in found
    )


@functools.lru_cache(maxsize=1024)
def _places(
    extents: tuple[tuple[float, float], ...], seen: tuple[bool, ...]
) -> frozenset[int]:
    """Return the places, in steps, of an axle that pressed some strips of a row.

    Args:
        extents: from and to [m] of each strip.
        seen: whether it pressed each.
    """
    reach_m = max(abs(edge) for extent in extents for edge in extent)
    most = math.ceil((reach_m + _HALF_WIDTHS_M[1]) / _STEP_M) + 1
    steps = np.arange(-most, most + 1)
    middle = (steps * _STEP_M)[:, None, None]
    half = _from_to(_HALF_WIDTHS_M)[None, :, None]
    tyres = _from_to(_TYRES_M)[None, None, :]
    may = np.ones((len(steps), half.size, tyres.size), dtype=np.bool_)
    for (from_m, to_m), saw in zip(extents, seen, strict=True):
        on_m = np.zeros(may.shape)
        for outer in (middle - half, middle + half - tyres):
            wide = np.minimum(outer + tyres, to_m) - np.maximum(outer, from_m)
            on_m = on_m + np.maximum(wide, 0.0)
        may &= on_m > 0.0 if saw else on_m <= _UNSEEN_M
    return frozenset(steps[may.any(axis=(1, 2))].tolist())


def _from_to(ends: tuple[float, float]) -> npt.NDArray[np.float64]:
    """Return figures from one to another, a step apart or less."""
    count = math.ceil((ends[1] - ends[0]) / _STEP_M) + 1
    return np.linspace(*ends, count)
