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
from wim.kernels.hit_table import HEALTHY, INDEX
from wim.kernels.row_table import LEFT, RIGHT, ROW_COLUMNS
from wim.kernels.rows import AXLE_COLUMNS, weigh_rows
from wim.kinematics import Kinematics, Motion, Way, fit_alone, fit_together
from wim.row_loads import RowLoad, RowTable
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

    ``hits`` and ``rows`` are tables of what the axles have of both.
    ``rest_m`` is what the way leaves at the crossings (root mean square). Where it is
    not ``smooth``, no speed is known and no load is more than a rough figure.
    """

    axles: tuple[Axle, ...]
    hits: HitTable
    rows: RowTable
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
        return Weighed(
            axles=(),
            hits=HitTable.of(()),
            rows=RowTable.of(()),
            rest_m=math.inf,
            smooth=False,
        )
    moved: list[tuple[tuple[Hit, ...], Motion]] = []
    for k, (own, motion) in enumerate(zip(hits, fit.motions, strict=True)):
        way = motion
        if not fit.smooth or way is None:
            way = fit_alone(times.part(k, k + 1), kinematics=kinematics) or way
        if way is not None:
            moved.append((own, way))
    if len(moved) < len(hits):
        table = HitTable.of([own for own, _ in moved])
    axles, rows = _weighed(moved, table, smooth=fit.smooth)
    in_order = sorted(axles, key=lambda axle: axle.crossed_s)
    if in_order != axles:
        axles = in_order
        table = HitTable.of([axle.hits for axle in axles])
        rows = RowTable.of([axle.rows for axle in axles])
    return Weighed(
        axles=tuple(axles),
        hits=table,
        rows=rows,
        rest_m=fit.rest_m,
        smooth=fit.smooth,
    )


def weighed(
    moved: Sequence[tuple[tuple[Hit, ...], Motion]],
    *,
    smooth: bool,
    damaged: frozenset[int] = frozenset(),
) -> list[Axle]:
    """Turn the hits of axles into their loads, with the speed at each strip.

    Args:
        moved: the pulses of each axle and its way.
        smooth: the ways tell the speed at each strip; where they do not, the length
            of each pulse does, roughly, and the height of a plate's the load.
        damaged: indices of strips that weigh nothing that can be relied on.
    """
    table = HitTable.of([own for own, _ in moved])
    axles, _ = _weighed(moved, table, smooth=smooth, damaged=damaged)
    return axles


def _weighed(
    moved: Sequence[tuple[tuple[Hit, ...], Motion]],
    table: HitTable,
    *,
    smooth: bool,
    damaged: frozenset[int] = frozenset(),
) -> tuple[list[Axle], RowTable]:
    """Return axles, of whose hits there is a table, with the table of their rows."""
    hits, ends = table
    if not len(hits):
        return [], RowTable.of(())
    if damaged:
        hits = hits.copy()
        hits[np.isin(hits[:, INDEX], list(damaged)), HEALTHY] = 0.0
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
        _joined([way.parts for way in ways]).reshape(len(ways), -1, 4),
        _joined([way.sigmas_mps for way in ways]).reshape(len(ways), -1),
        np.array(way_of, dtype=np.int64),
        int(smooth),
        USUAL_CONTACT_M,
        _ROUGH_SIGMA,
        STANDARD_GRAVITY_MPS2,
        rows,
        axles,
    )
    seen = RowTable(rows[:count], len(moved))
    return [
        _axle(own, motion, figures, tuple(loads))
        for (own, motion), figures, loads in zip(
            moved, axles.tolist(), seen.by_axle(), strict=True
        )
    ], seen


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


def _joined(figures: "list[array[float]]") -> npt.NDArray[np.float64]:
    """Return an array of all figures, one after the other."""
    first, *others = figures
    if others:
        first = array("d", b"".join(map(bytes, figures)))
    return np.frombuffer(first)


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
