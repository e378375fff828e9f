"""Learn a lane's road from trucks whose static loads are known.

Reference passages say by how much each row's load was off; the slopes that explain
this best, given how rough roads are (ISO 8608), are the lane's effective road. It
serves the calibration of a station, runs beside the chain and not in it, and says how
much is left on passages that it did not learn from.
"""

import itertools
from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from wim.roads import Ride, Road, Role, answers

__all__ = ["RoadSample", "learn_road"]

Floats = npt.NDArray[np.float64]

_CELL_M = 0.1
_SLOPE_DENSITY = 3.16e-6
_NOISE = 0.035
_ROW_SIGMA = 0.003
_FOLDS = 5
_BANDS_MPS = (0.0, 7.0, 11.0, 15.0, 19.0, 23.0, 40.0)
_LEAST_IN_BAND = 20
_LEAST_PASSAGES = 20


class RoadSample(msgspec.Struct, frozen=True, kw_only=True):
    """One axle over one row in a reference passage.

    ``excess`` is the row's load over the static one, less one.
    """

    passage: int
    role: Role
    load_kg: float
    speed_mps: float
    place_m: float
    excess: float


def learn_road(samples: Sequence[RoadSample], *, lane: int, ride: Ride) -> Road | None:
    """Learn the slopes of a lane and what is left of the dynamic loads.

    Linear least squares with the prior of a road of class A, the cells' slopes
    independent; every row may also be off as a whole. Passages are left out in turn
    (``_FOLDS`` parts) to find the rest.

    Args:
        samples: of reference passages; places along the travel from row 0.
        lane: number of the lane.
        ride: the suspensions it is applied with.

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
    speeds = np.array([sample.speed_mps for sample in samples])
    band_speeds, rests = _rests(speeds, seen, seen - foreseen)
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


def _rests(
    speeds: Floats, before: Floats, after: Floats
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the part of the standard deviation that is left, by bands of speed."""
    found: list[tuple[float, float]] = []
    for low, high in itertools.pairwise(_BANDS_MPS):
        here = (speeds >= low) & (speeds < high)
        if here.sum() >= _LEAST_IN_BAND:
            found.append((float(speeds[here].mean()), _rest(before[here], after[here])))
    if not found:
        found.append((float(speeds.mean()), _rest(before, after)))
    return (
        tuple(round(speed, 2) for speed, _ in found),
        tuple(round(rest, 4) for _, rest in found),
    )


def _rest(before: Floats, after: Floats) -> float:
    was = float(np.sqrt(np.mean(before**2)))
    is_left = float(np.sqrt(np.mean(after**2)))
    return min(max(is_left / max(was, 1e-9), 0.05), 1.5)
