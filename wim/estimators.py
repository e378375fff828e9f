"""Every way from rows to static loads that was tried, side by side.

The joint estimate is the one that counts; the others are here so that anybody can see
on the same passages what each is worth. Only the joint ones put back what a change of
speed moved between the axles. Nothing here reaches a record.
"""

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple, TypeAlias, get_args

import msgspec

from wim.axles import Axle
from wim.kernels.elementary import cosine
from wim.loads import Crossings, Known, Swing, crossings_of
from wim.samples import Lane
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

_HALF_TURN = 3.141592653589793
_LEAST_HERTZ, _MOST_HERTZ, _STEPS = 1.5, 4.5, 13
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
    crossings = crossings_of(axles, lane=lane, known=known, loading=loading)
    rows = [_rows(crossings, axle) for axle in range(len(axles))]
    hertz = _shared_frequency(rows)
    unlearned = msgspec.structs.replace(known.calibration, roads=())
    joint, level = (
        static_loads(
            axles,
            lane=lane,
            spacings_m=spacings_m,
            groups=groups,
            reverse=reverse,
            acceleration_mps2=acceleration_mps2,
            flags=(),
            known=what,
            estimation=estimation,
        ).loads.axle_loads_kg
        for what in (known, msgspec.structs.replace(known, calibration=unlearned))
    )
    return {
        "two_row_mean": tuple(_two_row_mean(axle) for axle in axles),
        "plain_mean": tuple(_mean([row.load_kg for row in own]) for own in rows),
        "variance_weighted_mean": tuple(
            _weighted_mean(own, loading.open_road, first=axle == 0)
            for axle, own in enumerate(rows)
        ),
        "robust_mean": tuple(_robust_mean([r.load_kg for r in own]) for own in rows),
        "one_sine": tuple(_one_sine(own, hertz)[0] for own in rows),
        "joint_open_road": level,
        "joint": joint,
    }


class _Row(NamedTuple):
    """What one row saw of an axle; ``after_s`` at the axle's mean speed."""

    load_kg: float
    variance_kg2: float
    after_s: float
    speed_mps: float


def _rows(crossings: Crossings, axle: int) -> list[_Row]:
    own = [k for k, whose in enumerate(crossings.axles) if whose == axle]
    pace_mps = _mean([crossings.speeds_mps[k] for k in own])
    return [
        _Row(
            load_kg=crossings.loads_kg[k],
            variance_kg2=crossings.own_variances_kg2[k],
            after_s=crossings.places_m[k] / pace_mps,
            speed_mps=pace_mps,
        )
        for k in own
    ]


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


def _shared_frequency(rows: Sequence[Sequence[_Row]]) -> float:
    """Return the frequency with which one sine an axle leaves the least."""
    found: list[tuple[float, float]] = []
    for step in range(_STEPS):
        hertz = _LEAST_HERTZ + (_MOST_HERTZ - _LEAST_HERTZ) * step / (_STEPS - 1)
        found.append((math.fsum(_one_sine(own, hertz)[1] for own in rows), hertz))
    return min(found)[1]


def _one_sine(rows: Sequence[_Row], hertz: float) -> tuple[float, float]:
    """Return the constant of ``P + A·sin + B·cos`` and the relative rest of squares.

    With fewer than four rows nothing would be left to fit, and the mean is returned.
    """
    mean_kg = _mean([row.load_kg for row in rows])
    if len(rows) < _LEAST_ROWS_OF_SINE:
        return mean_kg, 0.0
    normal = [[0.0] * 4 for _ in range(3)]
    for row in rows:
        angle = 2.0 * _HALF_TURN * hertz * row.after_s
        wave = (1.0, cosine(angle), cosine(angle - 0.5 * _HALF_TURN))
        for i in range(3):
            for k in range(3):
                normal[i][k] += wave[i] * wave[k]
            normal[i][3] += wave[i] * row.load_kg
    for i in (1, 2):
        normal[i][i] += 0.05 * len(rows)  # at some speeds the waves are constants
    solved = _solved(normal)
    rest = 0.0
    for row in rows:
        angle = 2.0 * _HALF_TURN * hertz * row.after_s
        fitted = solved[0] + solved[1] * cosine(angle)
        fitted += solved[2] * cosine(angle - 0.5 * _HALF_TURN)
        left_kg = row.load_kg - fitted
        rest += left_kg * left_kg
    return solved[0], rest / (mean_kg * mean_kg)


def _solved(normal: list[list[float]]) -> list[float]:
    """Return the solution of three equations by elimination."""
    for i in range(3):
        for k in range(i + 1, 3):
            factor = normal[k][i] / normal[i][i]
            normal[k] = [
                b - factor * a for a, b in zip(normal[i], normal[k], strict=True)
            ]
    solved = [0.0] * 3
    for i in (2, 1, 0):
        rest = normal[i][3] - math.fsum(
            normal[i][k] * solved[k] for k in range(i + 1, 3)
        )
        solved[i] = rest / normal[i][i]
    return solved


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _median(values: Sequence[float]) -> float:
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return 0.5 * (ordered[middle - 1] + ordered[middle])
