"""Learn a lane's road from trucks whose static loads are known.

Reference passages say by how much each row's load was off; the slopes that explain
this best, given how rough roads are (ISO 8608), are the lane's effective road. It
serves the calibration of a station, runs beside the chain and not in it, and says how
far gross masses are still off on passages that it did not learn from.
"""

import itertools
import math
from collections import defaultdict
from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from wim.loads import Crossings, Swing, joint_loads
from wim.roads import Ride, Road, Role, answers

__all__ = ["RoadSample", "learn_road"]

Floats = npt.NDArray[np.float64]

_CELL_M = 0.1
_SLOPE_DENSITY = 3.16e-6
_NOISE = 0.035
_ROW_SIGMA = 0.003
_FOLDS = 5
_BANDS_MPS = (0.0, 7.0, 11.0, 15.0, 19.0, 23.0, 40.0)
_LEAST_IN_BAND = 8
_LEAST_PASSAGES = 20
_DRAWN = 25
_LEAST_REST, _MOST_REST = 0.3, 5.0
_REST_ROUNDS = 2
_NOISE_KG = 10.0


class RoadSample(msgspec.Struct, frozen=True, kw_only=True):
    """One axle over one row in a reference passage; ``axle`` counts from its front.

    ``excess`` is the row's load over the static one, less one.
    """

    passage: int
    axle: int
    role: Role
    load_kg: float
    speed_mps: float
    place_m: float
    excess: float


def learn_road(
    samples: Sequence[RoadSample],
    *,
    lane: int,
    ride: Ride,
    swing: Swing,
    row_variance: float,
) -> Road | None:
    """Learn the slopes of a lane and how much is left of the dynamic loads.

    Linear least squares with the prior of a road of class A, the cells' slopes
    independent; every row may also be off as a whole. Passages are left out in turn
    (``_FOLDS`` parts) to find the rest: how far their gross masses are then off, over
    what the estimator expects of a usual road.

    Args:
        samples: of reference passages; places along the travel from row 0.
        lane: number of the lane.
        ride: the suspensions it is applied with.
        swing: how axles swing on a usual road that was learned.
        row_variance: relative, of what the strips of a row bring to every axle.

    Returns:
        The road, or None when there are too few passages to learn one.
    """
    passages = sorted({sample.passage for sample in samples})
    if len(passages) < _LEAST_PASSAGES:
        return None
    first_m = min(sample.place_m for sample in samples) - ride.memory_m
    last_m = max(sample.place_m for sample in samples)
    cells = int((last_m - first_m) / _CELL_M) + 2
    rows = sorted({round(sample.place_m, 1) for sample in samples})
    design = np.zeros((len(samples), cells + len(rows)))
    for k, sample in enumerate(samples):
        design[k, :cells] = _weights(sample, cells, first_m=first_m, ride=ride)
        design[k, cells + rows.index(round(sample.place_m, 1))] = 1.0
    seen = np.array([sample.excess for sample in samples])
    fold = np.array([passages.index(sample.passage) % _FOLDS for sample in samples])
    foreseen = np.zeros(len(samples))
    for part in range(_FOLDS):
        apart = fold == part
        slopes = _solve(design[~apart], seen[~apart], cells)
        foreseen[apart] = design[apart, :cells] @ slopes
    band_speeds, rests = _rests(
        _level(samples, foreseen, row_variance=row_variance),
        swing=swing,
        row_variance=row_variance,
    )
    slopes = _solve(design, seen, cells)
    return Road(
        lane=lane,
        from_m=round(first_m, 3),
        cell_m=_CELL_M,
        slopes=tuple(round(float(slope), 7) for slope in slopes),
        rest_speeds_mps=band_speeds,
        rest=rests,
    )


def _weights(sample: RoadSample, cells: int, *, first_m: float, ride: Ride) -> Floats:
    """Return what each cell's slope adds to a sample's excess."""
    answer = answers(
        sample.role,
        load_kg=sample.load_kg,
        speed_mps=sample.speed_mps,
        cell_m=_CELL_M,
        ride=ride,
    )
    exact = (sample.place_m - first_m) / _CELL_M
    low = int(np.floor(exact))
    share = exact - low
    weights = np.zeros(cells)
    for cell, part in ((low, 1.0 - share), (low + 1, share)):
        end = min(cell, cells)
        felt = min(len(answer), end)
        weights[end - felt : end] += part * answer[:felt][::-1]
    return weights


def _solve(design: Floats, seen: Floats, cells: int) -> Floats:
    """Return the most likely slopes."""
    precision = np.full(design.shape[1], 1.0 / _ROW_SIGMA**2)
    precision[:cells] = _CELL_M / _SLOPE_DENSITY
    normal = design.T @ design / _NOISE**2 + np.diag(precision)
    found = np.linalg.solve(normal, design.T @ seen / _NOISE**2)
    return found[:cells].astype(np.float64)


class _Level(msgspec.Struct, frozen=True, kw_only=True):
    """A reference passage whose road was foreseen without it."""

    static_kg: float
    speed_mps: float
    crossings: Crossings


def _level(
    samples: Sequence[RoadSample], foreseen: Floats, *, row_variance: float
) -> list[_Level]:
    """Gather the samples of each passage, what was foreseen taken off."""
    places = sorted({round(sample.place_m, 1) for sample in samples})
    of_passage: defaultdict[int, list[tuple[RoadSample, float]]] = defaultdict(list)
    for sample, more in zip(samples, foreseen.tolist(), strict=True):
        of_passage[sample.passage].append((sample, more))
    found = []
    for own in of_passage.values():
        numbers = sorted({sample.axle for sample, _ in own})
        statics = {sample.axle: sample.load_kg for sample, _ in own}
        speeds = tuple(sample.speed_mps for sample, _ in own)
        found.append(
            _Level(
                static_kg=math.fsum(statics.values()),
                speed_mps=math.fsum(speeds) / len(speeds),
                crossings=Crossings(
                    axles=tuple(numbers.index(sample.axle) for sample, _ in own),
                    ranks=tuple(
                        places.index(round(sample.place_m, 1)) for sample, _ in own
                    ),
                    places_m=tuple(sample.place_m for sample, _ in own),
                    speeds_mps=speeds,
                    loads_kg=tuple(
                        sample.load_kg * (1.0 + sample.excess) / (1.0 + more)
                        for sample, more in own
                    ),
                    own_variances_kg2=(_NOISE_KG**2,) * len(own),
                    row_variances=(row_variance,) * len(places),
                ),
            )
        )
    return found


def _rests(
    passages: Sequence[_Level], *, swing: Swing, row_variance: float
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return what is left over the usual, by bands of speed.

    A band of few passages is drawn to all of them.
    """
    overall = _rest(passages, 1.0, 0, swing=swing, row_variance=row_variance)
    found = []
    for low, high in itertools.pairwise(_BANDS_MPS):
        own = [each for each in passages if low <= each.speed_mps < high]
        if len(own) >= _LEAST_IN_BAND:
            rest = _rest(own, overall, _DRAWN, swing=swing, row_variance=row_variance)
            speed = math.fsum(each.speed_mps for each in own) / len(own)
            found.append((speed, rest))
    if not found:
        speed = math.fsum(each.speed_mps for each in passages) / len(passages)
        found.append((speed, overall))
    return (
        tuple(round(speed, 2) for speed, _ in found),
        tuple(round(rest, 4) for _, rest in found),
    )


def _rest(
    passages: Sequence[_Level],
    usual: float,
    drawn: int,
    *,
    swing: Swing,
    row_variance: float,
) -> float:
    """Return the factor of the swing that makes errors as large as is expected.

    Least squares between squared errors of the gross mass and their variances, of
    which only the part of the swing grows with the factor. ``drawn`` passages more
    say ``usual``.
    """
    rest = usual
    for _ in range(_REST_ROUNDS):
        top = below = 0.0
        for each in passages:
            loads = joint_loads(
                each.crossings,
                [[axle] for axle in range(1 + max(each.crossings.axles))],
                swing=swing,
                rest=rest,
            )
            error = loads.gross_mass_kg / each.static_kg - 1.0
            variance = loads.gross_variance_kg2 / each.static_kg**2
            rows = len(set(each.crossings.ranks))
            swinging = max(variance - row_variance / rows, 0.1 * variance)
            weight = swinging / variance
            left = error * error - (variance - swinging)
            top += weight * weight * left / swinging
            below += weight * weight
        mean = below / len(passages)
        factor = (top + drawn * mean * (usual / rest) ** 2) / (below + drawn * mean)
        rest *= math.sqrt(max(factor, 0.05))
        rest = min(max(rest, _LEAST_REST), _MOST_REST)
    return rest
