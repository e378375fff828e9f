"""What an axle weighs, row by row, and how far axles are apart.

Everything here looks along the direction of travel: ``s`` [m] is zero at the row that
the vehicle reaches first and grows, whichever way it drives. It decides nothing about
the vehicle.
"""

import math
from collections.abc import Sequence

import msgspec

from wim.calibration import mass_kg
from wim.hits import Hit, hit_time_s, rough_speed_mps, row_crossings
from wim.kinematics import Kinematics, Motion, fit_alone, fit_together, footprint_m
from wim.samples import Side

__all__ = [
    "Axle",
    "Hit",
    "RowLoad",
    "Weighed",
    "group_axles",
    "hit_time_s",
    "spacing_m",
    "weigh_axle",
    "weigh_axles",
]

_ROUGH_SIGMA = 0.3


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


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
