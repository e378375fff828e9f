"""Every way from rows to static loads that was tried, side by side.

The joint estimate is the one that counts; the others are here so that anybody can see
on the same passages what each is worth. Only the joint ones put back what a change of
speed moved between the axles. Nothing here reaches a record.
"""

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple, TypeAlias, get_args

import msgspec
import numpy as np

from wim.axles import Axle
from wim.kernels.sine import fit_sines
from wim.loads import Crossings, Known, Swing, crossings_of
from wim.row_loads import RowTable
from wim.samples import Lane
from wim.scatter import scatter_of
from wim.statics import Estimation, static_loads

__all__ = ["ESTIMATORS", "Estimator", "every_estimate"]

Estimator: TypeAlias = Literal[
    "two_row_mean",
    "plain_mean",
    "variance_weighted_mean",
    "robust_mean",
    "one_sine",
    "joint_open_road",
    "joint",
]
ESTIMATORS: tuple[Estimator, ...] = get_args(Estimator)
"""``two_row_mean`` is the simplest: one speed from the first and the last row; it is
the baseline that the others have to beat."""

_HERTZ = np.array([1.5 + 3.0 * step / 12.0 for step in range(13)])
_LEAST_ROWS_OF_SINE = 4
_OFF_SHARE = 0.15
_OFF_DEVIATIONS = 3.0


def every_estimate(
    axles: Sequence[Axle],
    *,
    lane: Lane,
    spacings_m: Sequence[float],
    groups: Sequence[Sequence[int]],
    reverse: bool,
    acceleration_mps2: float | None,
    known: Known,
    estimation: Estimation,
) -> dict[Estimator, tuple[float, ...]]:
    """Return the axle loads [kg] of one vehicle by every estimator.

    Arguments as in :func:`wim.statics.static_loads`.
    """
    loading = estimation.loading
    table = RowTable.of([axle.rows for axle in axles])
    crossings, _ = crossings_of(table, lane=lane, known=known, loading=loading)
    rows = _rows(crossings, axles=len(axles))
    whats = [known]
    if known.calibration.roads:
        unlearned = msgspec.structs.replace(known.calibration, roads=())
        whats.append(msgspec.structs.replace(known, calibration=unlearned))
    scatter, _ = scatter_of(table)
    joint, *level = (
        static_loads(
            table,
            lane=lane,
            spacings_m=spacings_m,
            groups=groups,
            reverse=reverse,
            acceleration_mps2=acceleration_mps2,
            scatter=scatter,
            flags=(),
            known=what,
            estimation=estimation,
        ).loads.axle_loads_kg
        for what in whats
    )
    return {
        "two_row_mean": tuple(_two_row_mean(axle) for axle in axles),
        "plain_mean": tuple(_mean([row.load_kg for row in own]) for own in rows),
        "variance_weighted_mean": tuple(
            _weighted_mean(own, loading.open_road, first=axle == 0)
            for axle, own in enumerate(rows)
        ),
        "robust_mean": tuple(_robust_mean([r.load_kg for r in own]) for own in rows),
        "one_sine": _one_sine(rows),
        "joint_open_road": level[0] if level else joint,
        "joint": joint,
    }


class _Row(NamedTuple):
    """What one row saw of an axle; ``after_s`` at the axle's mean speed."""

    load_kg: float
    variance_kg2: float
    after_s: float
    speed_mps: float


def _rows(crossings: Crossings, *, axles: int) -> list[list[_Row]]:
    """Return the crossings of each axle, at its mean speed."""
    found: list[list[_Row]] = []
    columns = (crossings.axles, crossings.places_m, crossings.speeds_mps)
    loads = (crossings.loads_kg, crossings.own_variances_kg2)
    told = list(zip(*[each.tolist() for each in (*columns, *loads)], strict=True))
    for axle in range(axles):
        own = [figures for whose, *figures in told if whose == axle]
        pace_mps = _mean([speed_mps for _, speed_mps, _, _ in own])
        found.append(
            [
                _Row(
                    load_kg=load_kg,
                    variance_kg2=variance_kg2,
                    after_s=place_m / pace_mps,
                    speed_mps=pace_mps,
                )
                for place_m, _, load_kg, variance_kg2 in own
            ]
        )
    return found


def _two_row_mean(axle: Axle) -> float:
    """Return the mean over the rows at the speed between the first and the last."""
    rows = [row for row in axle.rows if row.whole] or list(axle.rows)
    if len(rows) < 2:
        return rows[0].load_kg
    taken_s = rows[-1].at_s - rows[0].at_s
    speed_mps = abs(rows[-1].place_m - rows[0].place_m) / max(abs(taken_s), 1e-6)
    return _mean([row.load_kg * speed_mps / max(row.speed_mps, 0.01) for row in rows])


def _weighted_mean(rows: Sequence[_Row], swing: Swing, *, first: bool) -> float:
    rough_kg = max(_mean([row.load_kg for row in rows]), 50.0)
    share = swing.share_at(rough_kg, rows[0].speed_mps, first=first)
    top = below = 0.0
    for row in rows:
        swing_kg = share * rough_kg
        weight = 1.0 / (row.variance_kg2 + swing_kg * swing_kg)
        top += weight * row.load_kg
        below += weight
    return top / below


def _robust_mean(loads_kg: Sequence[float]) -> float:
    """Return the mean without rows that are far off the median."""
    middle = _median(loads_kg)
    apart = [abs(load - middle) for load in loads_kg]
    reach = max(_OFF_DEVIATIONS * 1.4826 * _median(apart), _OFF_SHARE * middle)
    return _mean([load for load in loads_kg if abs(load - middle) <= reach])


def _one_sine(rows: Sequence[Sequence[_Row]]) -> tuple[float, ...]:
    """Return the constant of one sine an axle, at the frequency that leaves the least.

    Of axles with fewer than four rows nothing would be left, and their mean is taken.
    """
    fits = np.empty((len(_HERTZ), len(rows), 2))
    fit_sines(
        np.array([row.load_kg for own in rows for row in own]),
        np.array([row.after_s for own in rows for row in own]),
        np.cumsum([len(own) for own in rows]),
        _HERTZ,
        fits,
    )
    means_kg = [_mean([row.load_kg for row in own]) for own in rows]
    fitted = [len(own) >= _LEAST_ROWS_OF_SINE for own in rows]
    rests = [
        math.fsum(
            left / (mean_kg * mean_kg)
            for (_, left), mean_kg, many in zip(fit, means_kg, fitted, strict=True)
            if many
        )
        for fit in fits.tolist()
    ]
    constants = fits[rests.index(min(rests)), :, 0].tolist()
    return tuple(
        constant if many else mean_kg
        for constant, mean_kg, many in zip(constants, means_kg, fitted, strict=True)
    )


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _median(values: Sequence[float]) -> float:
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return 0.5 * (ordered[middle - 1] + ordered[middle])
