"""Learn a lane's road from trucks whose static loads are known.

Reference passages say by how much each row's load was off; the slopes that explain
this best, given how rough roads are (ISO 8608), are the lane's effective road. It
serves the calibration of a station, runs beside the chain and not in it, and says how
far gross masses are still off on passages that it did not learn from, so that the
uncertainty stated there is neither too small nor too large.
"""

import itertools
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from wim.loads import Crossings, joint_loads
from wim.roads import Ride, Road, Role, answers
from wim.statics import Estimation
from wim.uncertainty import gross_variance_kg2
from wim.unseen_bounce import bounce_left

__all__ = ["RoadSample", "learn_road"]

Floats = npt.NDArray[np.float64]

_CELL_M = 0.1
_SLOPE_DENSITY = 3.16e-6
_NOISE = 0.035
_ROW_SIGMA = 0.003
_FOLDS = 10
_BANDS_MPS = (0.0, 7.0, 11.0, 15.0, 19.0, 23.0, 40.0)
_LEAST_IN_BAND = 8
_LEAST_PASSAGES = 20
_DRAWN = 25
_LEAST_REST, _MOST_REST = 0.1, 20.0
_REST_ROUNDS = 3
_HALVINGS = 40
_NOISE_KG = 10.0


class RoadSample(msgspec.Struct, frozen=True, kw_only=True):
    """One axle over one row in a reference passage; ``axle`` counts from its front.

    ``excess`` is the row's load over the static one, less one; ``common`` (relative,
    k = 1) is what the calibration leaves unsure of all rows of the passage alike.
    """

    passage: int
    axle: int
    role: Role
    load_kg: float
    speed_mps: float
    place_m: float
    excess: float
    common: float


def learn_road(
    samples: Sequence[RoadSample],
    *,
    lane: int,
    estimation: Estimation,
    row_variance: float,
) -> Road | None:
    """Learn the slopes of a lane and how much is left of the dynamic loads.

    Linear least squares with the prior of a road of class A, the cells' slopes
    independent; every row may also be off as a whole. Passages are left out in turn
    (``_FOLDS`` parts) to find the rest: the size of the dynamic loads with which the
    uncertainty stated for these passages is as large as their gross masses are off.

    Args:
        samples: of reference passages; places along the travel from row 0.
        lane: number of the lane.
        estimation: the figures that the road is applied with.
        row_variance: relative, of what the strips of a row bring to every axle.

    Returns:
        The road, or None when there are too few passages to learn one.
    """
    passages = sorted({sample.passage for sample in samples})
    if len(passages) < _LEAST_PASSAGES:
        return None
    ride = estimation.ride
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
    apart = [fold == part for part in range(_FOLDS)]
    equations = [_equations(design[part], seen[part]) for part in apart]
    foreseen = np.zeros(len(samples))
    for number, part in enumerate(apart):
        others = [own for k, own in enumerate(equations) if k != number]
        # what the rows have in common with all passages goes to the strips' factors
        # when these are found again: it is no error of a passage
        foreseen[part] = design[part] @ _solved(others, cells)
    band_speeds, rests = _rests(
        _level(samples, foreseen, row_variance=row_variance),
        estimation=estimation,
        row_variance=row_variance,
    )
    slopes = _solved(equations, cells)[:cells]
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


def _equations(design: Floats, seen: Floats) -> tuple[Floats, Floats]:
    """Return the normal equations of some samples: matrix and right side."""
    return design.T @ design / _NOISE**2, design.T @ seen / _NOISE**2


def _solved(parts: Iterable[tuple[Floats, Floats]], cells: int) -> Floats:
    """Return the most likely slopes, and how far each row is off, of samples in parts.

    Their equations came in parts; first come the slopes of the cells.
    """
    matrices, sides = zip(*parts, strict=True)
    normal, right = np.sum(matrices, axis=0), np.sum(sides, axis=0)
    precision = np.full(len(right), 1.0 / _ROW_SIGMA**2)
    precision[:cells] = _CELL_M / _SLOPE_DENSITY
    found = np.linalg.solve(normal + np.diag(precision), right)
    return found.astype(np.float64)


class _Level(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A reference passage whose road was foreseen without it."""

    static_kg: float
    speed_mps: float
    roles: tuple[Role, ...]
    common: float
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
        roles = {sample.axle: sample.role for sample, _ in own}
        speeds = tuple(sample.speed_mps for sample, _ in own)
        found.append(
            _Level(
                static_kg=math.fsum(statics.values()),
                speed_mps=math.fsum(speeds) / len(speeds),
                roles=tuple(roles[number] for number in numbers),
                common=own[0][0].common,
                crossings=Crossings.of(
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


class _Doubt(msgspec.Struct, frozen=True, kw_only=True):
    """How far the gross mass of a passage was off, and what may have put it off.

    ``swung_kg2`` is the variance by dynamic loads where the rest is one and
    ``bounced_kg2`` that of the bounce that no row betrays; ``strips_kg2`` is that of
    the strips and ``relative`` (k = 1) what all rows have in common.
    """

    speed_mps: float
    gross_kg: float
    off_kg: float
    strips_kg2: float
    swung_kg2: float
    bounced_kg2: float
    relative: float

    def ratio(self, rest: float) -> float:
        """Return the squared error over the variance that is stated with this rest."""
        stated = gross_variance_kg2(
            rows_kg2=self.strips_kg2 + rest * rest * self.swung_kg2,
            bounce_kg2=rest * self.bounced_kg2,
            relative=self.relative,
            gross_kg=self.gross_kg,
        )
        return self.off_kg * self.off_kg / stated


def _rests(
    passages: Sequence[_Level],
    *,
    estimation: Estimation,
    row_variance: float,
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return what is left over the usual, by bands of speed.

    A band of few passages is drawn to all of them.
    """
    overall = 1.0
    doubts: list[_Doubt] = []
    for _ in range(_REST_ROUNDS):
        doubts = [
            _doubt(
                each,
                overall,
                estimation=estimation,
                row_variance=row_variance,
            )
            for each in passages
        ]
        overall = _rest(doubts, overall, 0)
    found = []
    for low, high in itertools.pairwise(_BANDS_MPS):
        own = [each for each in doubts if low <= each.speed_mps < high]
        if len(own) >= _LEAST_IN_BAND:
            speed = math.fsum(each.speed_mps for each in own) / len(own)
            found.append((speed, _rest(own, overall, _DRAWN)))
    if not found:
        speed = math.fsum(each.speed_mps for each in doubts) / len(doubts)
        found.append((speed, overall))
    return (
        tuple(round(speed, 2) for speed, _ in found),
        tuple(round(rest, 4) for _, rest in found),
    )


def _doubt(
    passage: _Level,
    rest: float,
    *,
    estimation: Estimation,
    row_variance: float,
) -> _Doubt:
    """Weigh a passage with some rest and take its variance apart."""
    crossings = passage.crossings
    loads = joint_loads(
        crossings,
        [[axle] for axle in range(len(passage.roles))],
        swing=estimation.loading.known_road,
        rest=rest,
    )
    bounce = bounce_left(
        crossings,
        loads.axle_loads_kg,
        passage.roles,
        swing=estimation.loading.open_road,
        ride=estimation.ride,
        bounce=estimation.unseen_bounce,
        rest=rest,
    )
    gross_kg = loads.gross_mass_kg
    variance_kg2 = loads.gross_variance_kg2
    rows = len(set(crossings.ranks.tolist()))
    strips_kg2 = min(row_variance / rows * gross_kg**2, 0.9 * variance_kg2)
    return _Doubt(
        speed_mps=passage.speed_mps,
        gross_kg=gross_kg,
        off_kg=gross_kg - passage.static_kg,
        strips_kg2=strips_kg2,
        swung_kg2=(variance_kg2 - strips_kg2) / rest**2,
        bounced_kg2=bounce.gross_sigma_kg**2 / rest,
        relative=math.hypot(passage.common, estimation.uncertainty.temperature),
    )


def _rest(doubts: Sequence[_Doubt], usual: float, drawn: int) -> float:
    """Return the rest with which errors are as large as their variances say.

    That is where squared errors over variances have a mean of one; ``drawn`` passages
    more say ``usual``. The mean falls as the rest grows: it is found by halving.
    """
    low, high = _LEAST_REST, _MOST_REST
    for _ in range(_HALVINGS):
        rest = math.sqrt(low * high)
        surplus = math.fsum(each.ratio(rest) - 1.0 for each in doubts)
        surplus += drawn * ((usual / rest) ** 2 - 1.0)
        if surplus > 0.0:
            low = rest
        else:
            high = rest
    return math.sqrt(low * high)
