"""Vehicles among axles that no separator told apart, before anything is weighed."""

import functools
import math
from collections.abc import Sequence

from wim.assembly import Assembly
from wim.calibration import mass_kg
from wim.hits import Hit, hit_time_s
from wim.kinematics import Kinematics
from wim.row_times import RowTimes
from wim.spacings import spacings_m
from wim.vehicles import Part, Shapes, separate
from wim.views import View

__all__ = ["entry_s", "is_seen", "lacks", "parts_of"]


def parts_of(
    kept: Sequence[tuple[Hit, ...]],
    times: RowTimes,
    *,
    assembly: Assembly,
    shapes: Shapes,
    kinematics: Kinematics,
    reverse: bool = False,
) -> list[Part]:
    """Find the vehicles among axles that no separator told apart.

    Args:
        kept: the hits of each axle.
        times: when each of them crossed each row.
        assembly: figures of telling vehicles apart.
        shapes: what vehicles look like.
        kinematics: figures of the fit that compares speeds.
        reverse: they met the last row first: nose first, or tail first, so that a
            vehicle may look like one from behind.
    """
    spacings = spacings_m(times)
    ways: list[list[Part]] = []
    for way in (1, -1) if reverse else (1,):
        seen = times if way > 0 else times.mirrored()
        parts = separate(
            seen,
            spacings[::way],
            mass_kg=functools.partial(_rough_mass_kg, kept[::way], seen),
            longest_gap_m=assembly.axle_gap_m,
            shapes=shapes,
            kinematics=kinematics,
        )
        ways.append(parts if way > 0 else _mirrored(parts, axles=len(kept)))
    return min(ways, key=len)


def lacks(
    part: Part,
    kept: Sequence[tuple[Hit, ...]],
    groups: Sequence[tuple[Hit, ...]],
    *,
    axle_gap_m: float,
) -> bool:
    """Tell whether an axle seen too rarely crossed close to a vehicle's others."""
    if len(kept) == len(groups):
        return False
    own = kept[part.first : part.end]
    times = RowTimes.of_hits(own)
    paces = [times.pace_mps(axle) for axle in range(times.axles)]
    speeds = [pace for pace in paces if pace > 0.0]
    if not speeds:
        return True
    slack_s = axle_gap_m / max(min(speeds), 0.1)
    first_s, last_s = entry_s(own[0]), entry_s(own[-1])
    chosen = {id(axle) for axle in kept}
    return any(
        id(axle) not in chosen
        and first_s - slack_s <= entry_s(axle) <= last_s + slack_s
        for axle in groups
    )


def is_seen(axle: Sequence[Hit], view: View) -> bool:
    """Tell whether at least half the rows saw an axle."""
    return 2 * len({hit.sensor.rank for hit in axle}) >= view.rows


def entry_s(axle: Sequence[Hit]) -> float:
    """Return when the first wheel of an axle was over a strip."""
    return min([hit_time_s(hit) for hit in axle])


def _mirrored(parts: Sequence[Part], *, axles: int) -> list[Part]:
    """Return vehicles counted from the last axle in the order in which they came."""
    gaps: list[tuple[float | None, bool]] = [(None, False)]
    gaps += [(part.gap_m, part.alike) for part in parts[:0:-1]]
    return [
        Part(axles - part.end, axles - part.first, *gap)
        for part, gap in zip(reversed(parts), gaps, strict=True)
    ]


def _rough_mass_kg(
    kept: Sequence[tuple[Hit, ...]], times: RowTimes, first: int, end: int
) -> float:
    """Return what some axles weigh together, roughly."""
    return math.fsum(
        _rough_load_kg(kept[axle], speed_mps=times.pace_mps(axle))
        for axle in range(first, end)
    )


def _rough_load_kg(hits: Sequence[Hit], *, speed_mps: float) -> float:
    """Return what an axle weighs, roughly: the mean over the rows that saw it."""
    masses_kg = [
        mass_kg(sensor.strip, area_counts_s=pulse.area_counts_s, speed_mps=speed_mps)
        for sensor, pulse in hits
    ]
    return math.fsum(masses_kg) / len({sensor.rank for sensor, _ in hits})
