"""What an axle weighs, row by row, and how far axles are apart.

Everything here looks along the direction of travel: ``s`` [m] is zero at the row that
the vehicle reaches first and grows, whichever way it drives. It decides nothing about
the vehicle.
"""

import math
from array import array
from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from wim.calibration import STANDARD_GRAVITY_MPS2
from wim.hit_tables import HitTable
from wim.hits import USUAL_CONTACT_M, Hit, hit_time_s
from wim.kernels.hit_table import HEALTHY
from wim.kernels.rows import AXLE_COLUMNS, LEFT, RIGHT, ROW_COLUMNS, weigh_rows
from wim.kinematics import Kinematics, Motion, Way, fit_alone, fit_together
from wim.row_times import RowTimes

__all__ = [
    "Axle",
    "Hit",
    "RowLoad",
    "Weighed",
    "group_axles",
    "hit_time_s",
    "weigh_axles",
    "weighed",
]

_ROUGH_SIGMA = 0.3


class RowLoad(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one row says of one axle.

    ``rank`` counts the rows along the way, ``row`` as the site does. ``at_s`` is when
    the axle was over the row, ``place_m`` how far along the way that is,
    ``speed_mps`` how fast it was there. ``load_kg`` is the sum of the wheels that were
    seen; the row is ``whole`` when these were both, on strips that are healthy.
    ``sigma_kg`` (k = 1) is the part of the signals' noise alone. ``skew_m`` is how far
    the left wheel was ahead of the right one, None where not both were seen or no
    smooth way tells: whoever drives straight has none, wherever the strips lie.
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
    skew_m: float | None = None


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


def weigh_axles(
    hits: Sequence[tuple[Hit, ...]],
    table: HitTable,
    times: RowTimes,
    *,
    kinematics: Kinematics,
) -> Weighed:
    """Find how a vehicle's axles moved and weigh them.

    One way is fitted to all of them. Where none fits, as when the vehicle stopped,
    each axle keeps a way of its own and loads come from the length of each pulse, on
    plates from its plateau: they are figures to look at and nothing to rely on.

    Args:
        hits: of each axle, those of one vehicle.
        table: the same.
        times: when each axle crossed each row.
        kinematics: figures of the fit.
    """
    fit = fit_together(times, kinematics=kinematics)
    if fit is None:
        return Weighed(axles=(), rest_m=math.inf, smooth=False)
    moved: list[tuple[tuple[Hit, ...], Motion]] = []
    for k, (own, motion) in enumerate(zip(hits, fit.motions, strict=True)):
        way = motion
        if not fit.smooth or way is None:
            way = fit_alone(times.part(k, k + 1), kinematics=kinematics) or way
        if way is not None:
            moved.append((own, way))
    all_moved = len(moved) == len(hits)
    axles = weighed(moved, smooth=fit.smooth, table=table if all_moved else None)
    axles.sort(key=lambda axle: axle.crossed_s)
    return Weighed(axles=tuple(axles), rest_m=fit.rest_m, smooth=fit.smooth)


def weighed(
    moved: Sequence[tuple[tuple[Hit, ...], Motion]],
    *,
    smooth: bool,
    damaged: frozenset[int] = frozenset(),
    table: HitTable | None = None,
) -> list[Axle]:
    """Turn the hits of axles into their loads, with the speed at each strip.

    Args:
        moved: the pulses of each axle and its way.
        smooth: the ways tell the speed at each strip; where they do not, the length
            of each pulse does, roughly, and the height of a plate's the load.
        damaged: indices of strips that weigh nothing that can be relied on.
        table: of these pulses, where it is known.
    """
    if not any(own for own, _ in moved):
        return []
    hits, ends = table or HitTable.of([own for own, _ in moved])
    if damaged:
        hits[:, HEALTHY] = [
            sensor.index not in damaged for own, _ in moved for sensor, _ in own
        ]
    ways: list[Way] = []
    way_of = []
    for _, motion in moved:
        if motion.way is None:
            message = "an axle without a way cannot be weighed"
            raise ValueError(message)
        if not ways or motion.way is not ways[-1]:
            ways.append(motion.way)
        way_of.append(len(ways) - 1)
    rows = np.empty((len(hits), ROW_COLUMNS))
    axles = np.empty((len(moved), AXLE_COLUMNS))
    count = weigh_rows(
        hits,
        ends,
        np.array([way.first_s for way in ways]),
        np.array([way.step_s for way in ways]),
        np.array([motion.s_m for _, motion in moved]),
        np.array([motion.speed_mps for _, motion in moved]),
        _floats(
            [figure for way in ways for part in way.parts for figure in part]
        ).reshape(len(ways), -1, 4),
        _floats([sigma for way in ways for sigma in way.sigmas_mps]).reshape(
            len(ways), -1
        ),
        np.array(way_of, dtype=np.int64),
        int(smooth),
        USUAL_CONTACT_M,
        _ROUGH_SIGMA,
        STANDARD_GRAVITY_MPS2,
        rows,
        axles,
    )
    told: list[list[RowLoad]] = [[] for _ in moved]
    for row in rows[:count].tolist():
        told[int(row[0])].append(_row_load(row, smooth=smooth))
    return [
        _axle(own, motion, figures, tuple(loads))
        for (own, motion), figures, loads in zip(
            moved, axles.tolist(), told, strict=True
        )
    ]


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


def _floats(figures: list[float]) -> npt.NDArray[np.float64]:
    """Return an array of figures; of many, three times as soon as NumPy reads them."""
    return np.frombuffer(array("d", figures))


def _row_load(row: list[float], *, smooth: bool) -> RowLoad:
    """Read what the kernel told of one row and axle, see ``ROW_COLUMNS``."""
    _, rank, at_s, place_m, speed, speed_sigma, left, right, load, sigma = row[:10]
    seen, both, skew, number = row[10:]
    sides = int(seen)
    return RowLoad(
        rank=int(rank),
        row=int(number),
        at_s=at_s,
        place_m=place_m,
        speed_mps=speed,
        speed_sigma_mps=speed_sigma,
        left_kg=left if sides & LEFT else None,
        right_kg=right if sides & RIGHT else None,
        load_kg=load,
        sigma_kg=sigma,
        whole=both != 0.0,
        skew_m=skew if smooth and sides == LEFT | RIGHT else None,
    )


def _axle(
    hits: tuple[Hit, ...],
    motion: Motion,
    figures: list[float],
    rows: tuple[RowLoad, ...],
) -> Axle:
    """Read what the kernel told of one axle, see ``AXLE_COLUMNS``."""
    crossed_s, load, left, right, footprint, known, shows = figures
    sides = int(known)
    return Axle(
        hits=hits,
        motion=motion,
        crossed_s=crossed_s,
        rows=rows,
        load_kg=load,
        left_kg=left if sides & LEFT else None,
        right_kg=right if sides & RIGHT else None,
        footprint_m=footprint if shows != 0.0 else None,
    )
