"""One report on joined passages: every figure, over all and over each kind of traffic.

Masses are judged on *valid* passages of vehicles that drove normally, as only these
can become evidence; manoeuvres are judged by whether they were seen. The plain mean
stands beside every figure where the passages bring it, so that a figure is never read
alone. It decides nothing and rounds nothing.
"""

import math
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence

import msgspec

from wim.accuracy.cost323 import Cost323, Criterion, Environment, Repeatability, judge
from wim.accuracy.figures import (
    ErrorFigures,
    Interval,
    Share,
    error_figures,
    median,
    rms_gain,
    share_of,
)
from wim.accuracy.in_service import InService, Regime, check, regime_of
from wim.accuracy.joining import Joined, Measured, Pair, Truth
from wim.accuracy.quantiles import clopper_pearson
from wim.limits import LimitTable
from wim.overload import assess

__all__ = [
    "BASELINE",
    "SHIPPED",
    "AccuracyReport",
    "EstimatorFigures",
    "Histogram",
    "Lawful",
    "Manoeuvre",
    "Slice",
    "report",
]

BASELINE = "plain_mean"
"""Key of the simplest estimator among those that a passage brings."""
SHIPPED = "shipped"
"""What the passage itself states."""

_KMH = 3.6
_BANDS_KMH = (5.0, 20.0, 40.0, 60.0, 80.0, 100.0)
_MANOEUVRE_FLAGS = (
    "accelerating",
    "braking",
    "tap_braking",
    "stop_and_go",
    "rush",
    "crawl",
    "jump",
    "s_path",
    "straddling",
    "edge",
    "tailgating",
    "reverse",
)
_MERGED_S = 8.0
_WIDEST = 8.0
_BIN = 0.25
_BESIDE_S = 3.0


class Slice(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of traffic: gross mass errors [%], stated uncertainty, the baseline.

    ``median_uncertainty`` is the median of the expanded uncertainty in per cent of the
    measured mass; ``covered`` how many true masses lay inside it.
    """

    name: str
    gross: ErrorFigures
    median_uncertainty: float | None
    covered: Share
    baseline: ErrorFigures | None


class EstimatorFigures(msgspec.Struct, frozen=True, kw_only=True):
    """One estimator on the same passages; errors in per cent of the true figures.

    ``gross_gain`` is by what share its RMS of the gross mass is below the baseline's.
    """

    name: str
    gross: ErrorFigures
    axle: ErrorFigures | None
    gross_gain: float | None
    gross_gain_interval: Interval


class Manoeuvre(msgspec.Struct, frozen=True, kw_only=True):
    """How one manoeuvre fared.

    ``found``: its own flag was raised. ``unrecorded``: no passage came of the vehicle.
    ``valid_unseen``: it became a valid record without its flag.
    """

    name: str
    found: Share
    unrecorded: int
    valid_unseen: int
    largest_valid_error: float | None


class Lawful(msgspec.Struct, frozen=True, kw_only=True):
    """Vehicles within their limit, and how many a valid record calls overloaded.

    ``after_uncertainty`` deducts the stated expanded uncertainty (an unknown one
    deducts nothing), ``after_table`` what the limit table deducts, ``undeducted``
    nothing. ``upper_bound`` is the one-sided 95 % bound of ``after_uncertainty``.
    """

    table: str
    vehicles: int
    after_uncertainty: Share
    upper_bound: float | None
    after_table: Share
    undeducted: Share


class Histogram(msgspec.Struct, frozen=True, kw_only=True):
    """Relative errors of the gross mass, counted in bins of ``width`` per cent.

    The first bin begins at ``from_error``; what lies beyond the first or last bin is
    counted in it.
    """

    from_error: float
    width: float
    shipped: tuple[int, ...]
    baseline: tuple[int, ...] | None


class AccuracyReport(msgspec.Struct, frozen=True, kw_only=True):
    """All figures of one test; masses and speeds in per cent, spacings in metres."""

    vehicles: int
    passages: int
    captured: Share
    extra: int
    normal_captured: Share
    normal_invalid: Share
    normal_flags: dict[str, int]
    false_alarms: Share
    judged: int
    gross: ErrorFigures | None
    median_uncertainty: float | None
    covered: Share
    axle: ErrorFigures | None
    single_axle: ErrorFigures | None
    group: ErrorFigures | None
    axle_covered: Share
    axle_count_right: Share
    speed: ErrorFigures | None
    spacing: ErrorFigures | None
    baseline: str | None
    estimators: tuple[EstimatorFigures, ...]
    histogram: Histogram
    slices: dict[str, tuple[Slice, ...]]
    cost323: Cost323
    in_service: InService
    in_service_by_regime: dict[Regime, InService]
    manoeuvres: tuple[Manoeuvre, ...]
    lawful: Lawful | None


def report(
    joined: Joined,
    *,
    limits: LimitTable | None = None,
    repeatability: Repeatability = "R2",
    environment: Environment = "I",
    own_calibration_data: bool = False,
) -> AccuracyReport:
    """Bring the figures of a test together.

    Args:
        joined: vehicles and passages.
        limits: to count lawful vehicles that would be called overloaded.
        repeatability: COST 323 test condition.
        environment: COST 323 test condition.
        own_calibration_data: the same vehicles made the calibration.
    """
    normal = [pair for pair in joined.pairs if pair.truth.is_normal]
    missed_normal = sum(truth.is_normal for truth in joined.missed)
    judged = [pair for pair in normal if pair.measured.valid]
    whole = [pair for pair in judged if pair.axles_right]
    by_criterion = _criterion_errors(judged)
    invalid = [pair for pair in normal if not pair.measured.valid]
    regimes: defaultdict[Regime, list[float]] = defaultdict(list)
    for pair in judged:
        regimes[regime_of(pair.truth.speed_mps)].append(pair.error)
    vehicles = len(joined.pairs) + len(joined.missed)
    errors = [pair.error for pair in judged]
    with_baseline = [p for p in judged if BASELINE in (p.measured.estimators or {})]
    base_errors = [
        error
        for pair in with_baseline
        if (error := _gross_error(pair, BASELINE)) is not None
    ]
    return AccuracyReport(
        vehicles=vehicles,
        passages=len(joined.pairs) + len(joined.extra),
        captured=share_of(len(joined.pairs), vehicles),
        extra=len(joined.extra),
        normal_captured=share_of(len(normal), len(normal) + missed_normal),
        normal_invalid=share_of(len(invalid), len(normal)),
        normal_flags=dict(
            Counter(flag for pair in normal for flag in pair.measured.flags)
        ),
        false_alarms=share_of(
            sum(
                any(flag in _MANOEUVRE_FLAGS for flag in pair.measured.flags)
                for pair in normal
            ),
            len(normal),
        ),
        judged=len(judged),
        gross=error_figures(errors),
        median_uncertainty=_median_uncertainty(judged),
        covered=_covered(judged),
        axle=error_figures(_axle_errors(whole)),
        single_axle=error_figures(by_criterion["single"]),
        group=error_figures(by_criterion["group"]),
        axle_covered=_axles_covered(whole),
        axle_count_right=share_of(len(whole), len(judged)),
        speed=error_figures(
            [
                _relative(found_mps, p.truth.speed_mps)
                for p in judged
                if (found_mps := p.measured.speed_mps) is not None
                and p.truth.speed_mps > 0.0
            ]
        ),
        spacing=error_figures(
            [
                found - true
                for pair in whole
                for found, true in zip(
                    pair.measured.axle_spacings_m or (),
                    pair.truth.axle_spacings_m,
                    strict=True,
                )
            ]
        ),
        baseline=BASELINE if with_baseline else None,
        estimators=_estimators(with_baseline or judged),
        histogram=Histogram(
            from_error=-_WIDEST,
            width=_BIN,
            shipped=_counted(errors),
            baseline=_counted(base_errors) if base_errors else None,
        ),
        slices=_slices(judged),
        cost323=judge(
            by_criterion,
            repeatability=repeatability,
            environment=environment,
            own_calibration_data=own_calibration_data,
        ),
        in_service=check(errors),
        in_service_by_regime={
            regime: check(regimes[regime])
            for regime in ("LS", "MS", "HS", "beyond")
            if regimes[regime]
        },
        manoeuvres=_manoeuvres(joined),
        lawful=None if limits is None else _lawful(joined.pairs, limits),
    )


def _criterion_errors(pairs: Sequence[Pair]) -> dict[Criterion, list[float]]:
    """Return relative errors [%] by criterion; loads only where the axles are right."""
    errors: dict[Criterion, list[float]] = {
        "gross": [],
        "group": [],
        "single": [],
        "axle_of_group": [],
    }
    for pair in pairs:
        errors["gross"].append(pair.error)
        if not pair.axles_right:
            continue
        loads, true = pair.measured.loads_kg, pair.truth.axle_loads_kg
        for group in pair.truth.axle_groups or pair.measured.axle_groups or ():
            axles = [_relative(loads[i], true[i]) for i in group]
            if len(group) == 1:
                errors["single"] += axles
            else:
                errors["axle_of_group"] += axles
                both = math.fsum(true[i] for i in group)
                errors["group"].append(
                    _relative(math.fsum(loads[i] for i in group), both)
                )
    return errors


def _relative(measured: float, true: float) -> float:
    return 100.0 * (measured - true) / true


def _axle_errors(pairs: Iterable[Pair]) -> list[float]:
    return [
        _relative(load, true)
        for pair in pairs
        for load, true in zip(
            pair.measured.loads_kg, pair.truth.axle_loads_kg, strict=True
        )
        if true > 0.0
    ]


def _median_uncertainty(pairs: Iterable[Pair]) -> float | None:
    return median(
        [
            100.0 * u / pair.measured.mass_kg
            for pair in pairs
            if (u := pair.measured.gross_mass_uncertainty_kg) is not None
            and pair.measured.mass_kg > 0.0
        ]
    )


def _covered(pairs: Iterable[Pair]) -> Share:
    """Count the true masses inside the stated uncertainty, where one is stated."""
    inside = stated = 0
    for pair in pairs:
        u = pair.measured.gross_mass_uncertainty_kg
        if u is not None:
            stated += 1
            inside += abs(pair.measured.mass_kg - pair.truth.gross_mass_kg) <= u
    return share_of(inside, stated)


def _axles_covered(pairs: Iterable[Pair]) -> Share:
    inside = stated = 0
    for pair in pairs:
        measured = pair.measured
        for load, u, true in zip(
            measured.loads_kg,
            measured.axle_load_uncertainties_kg or (),
            pair.truth.axle_loads_kg,
            strict=False,
        ):
            if u is not None:
                stated += 1
                inside += abs(load - true) <= u
    return share_of(inside, stated)


def _estimators(pairs: Sequence[Pair]) -> tuple[EstimatorFigures, ...]:
    """Hold every estimator against the truth on the same passages."""
    names = sorted({name for p in pairs for name in p.measured.estimators or {}})
    base = [_gross_error(pair, BASELINE) for pair in pairs]
    found = []
    for name in (SHIPPED, *names):
        used = [k for k, p in enumerate(pairs) if _gross_error(p, name) is not None]
        errors = [e for p in pairs if (e := _gross_error(p, name)) is not None]
        gross = error_figures(errors)
        if gross is None:
            continue
        both = [
            (mine, theirs)
            for k, mine in zip(used, errors, strict=True)
            if (theirs := base[k]) is not None
        ]
        gain, interval = rms_gain([m for m, _ in both], [t for _, t in both])
        axles: list[float] = []
        for pair in pairs:
            loads = _loads(pair, name)
            if loads is not None and len(loads) == len(pair.truth.axle_loads_kg):
                true = pair.truth.axle_loads_kg
                axles += map(_relative, loads, true)
        found.append(
            EstimatorFigures(
                name=name,
                gross=gross,
                axle=error_figures(axles),
                gross_gain=gain,
                gross_gain_interval=interval,
            )
        )
    return tuple(found)


def _gross_error(pair: Pair, name: str) -> float | None:
    if name == SHIPPED:
        return pair.error
    estimate = (pair.measured.estimators or {}).get(name)
    if estimate is None or estimate.gross_mass_kg is None:
        return None
    return _relative(estimate.gross_mass_kg, pair.truth.gross_mass_kg)


def _loads(pair: Pair, name: str) -> tuple[float, ...] | None:
    if name == SHIPPED:
        return pair.measured.loads_kg
    estimate = (pair.measured.estimators or {}).get(name)
    if estimate is None:
        return None
    return tuple(load for load in estimate.axle_loads_kg if load is not None)


def _counted(errors: Sequence[float]) -> tuple[int, ...]:
    bins = [0] * round(2.0 * _WIDEST / _BIN)
    for error in errors:
        k = math.floor((error + _WIDEST) / _BIN)
        bins[min(max(k, 0), len(bins) - 1)] += 1
    return tuple(bins)


def _slices(pairs: Sequence[Pair]) -> dict[str, tuple[Slice, ...]]:
    masses = sorted(pair.truth.gross_mass_kg for pair in pairs)
    edges = [masses[len(masses) * k // 10] for k in range(1, 10)] if masses else []

    def decile(pair: Pair) -> str:
        k = bisect_right(edges, pair.truth.gross_mass_kg)
        low = edges[k - 1] if k > 0 else masses[0]
        high = edges[k] if k < len(edges) else masses[-1]
        return f"{k + 1:2d}: {low / 1000.0:.1f}-{high / 1000.0:.1f} t"

    kinds: dict[str, Callable[[Pair], str | None]] = {
        "speed": _speed_band,
        "axles": lambda pair: f"{len(pair.truth.axle_loads_kg)} axles",
        "mass": decile,
        "vehicle_class": lambda pair: pair.truth.vehicle_class,
        "suspension": lambda pair: pair.truth.suspension,
        "lane": lambda pair: f"lane {pair.truth.lane}",
    }
    found = {}
    for kind, name_of in kinds.items():
        parts: defaultdict[str, list[Pair]] = defaultdict(list)
        for pair in pairs:
            name = name_of(pair)
            if name is not None:
                parts[name].append(pair)
        found[kind] = tuple(_slice(name, parts[name]) for name in sorted(parts))
    return {kind: slices for kind, slices in found.items() if slices}


def _speed_band(pair: Pair) -> str:
    kmh = pair.truth.speed_mps * _KMH
    k = bisect_right(_BANDS_KMH, kmh)
    if k == 0:
        return f"  0-{_BANDS_KMH[0]:.0f} km/h"
    if k == len(_BANDS_KMH):
        return f"{_BANDS_KMH[-1]:3.0f}+ km/h"
    return f"{_BANDS_KMH[k - 1]:3.0f}-{_BANDS_KMH[k]:.0f} km/h"


def _slice(name: str, pairs: Sequence[Pair]) -> Slice:
    gross = error_figures([pair.error for pair in pairs])
    if gross is None:
        message = f"slice {name} is empty"
        raise ValueError(message)
    base = [e for pair in pairs if (e := _gross_error(pair, BASELINE)) is not None]
    return Slice(
        name=name,
        gross=gross,
        median_uncertainty=_median_uncertainty(pairs),
        covered=_covered(pairs),
        baseline=error_figures(base),
    )


def _manoeuvres(joined: Joined) -> tuple[Manoeuvre, ...]:
    """Tell of each manoeuvre how often its own flag was raised.

    A vehicle that no passage belongs to may have become part of the one before it, or
    in the other lane: what those say counts for it.
    """
    passages = [pair.measured for pair in joined.pairs] + list(joined.extra)
    at: defaultdict[str, list[Measured]] = defaultdict(list)
    for passage in passages:
        at[passage.recording].append(passage)
    own: dict[int, Measured | None] = {id(t): None for t in joined.missed}
    own |= {id(pair.truth): pair.measured for pair in joined.pairs}
    truths = [pair.truth for pair in joined.pairs] + list(joined.missed)
    named: defaultdict[str, list[Truth]] = defaultdict(list)
    for truth in truths:
        if not truth.is_normal and truth.manoeuvre:
            named[truth.manoeuvre].append(truth)
    found = []
    for name in sorted(named):
        seen = unrecorded = unseen = 0
        errors = []
        for truth in named[name]:
            mine = own[id(truth)]
            flags = {
                flag
                for passage in _about(truth, mine, at[truth.recording])
                for flag in passage.flags
            }
            seen += truth.is_told_by(flags)
            unrecorded += mine is None
            if mine is not None and mine.valid:
                unseen += not truth.is_told_by(flags)
                errors.append(_relative(mine.mass_kg, truth.gross_mass_kg))
        found.append(
            Manoeuvre(
                name=name,
                found=share_of(seen, len(named[name])),
                unrecorded=unrecorded,
                valid_unseen=unseen,
                largest_valid_error=max(errors, key=abs) if errors else None,
            )
        )
    return tuple(found)


def _about(
    truth: Truth, mine: Measured | None, passages: Sequence[Measured]
) -> list[Measured]:
    """Return the passages that speak of a vehicle."""
    if truth.manoeuvre == "straddling" or "straddling" in truth.flags:
        return [
            passage
            for passage in passages
            if abs(passage.started_at_s - truth.started_at_s) <= _BESIDE_S
        ]
    if mine is not None:
        return [mine]
    return [
        passage
        for passage in passages
        if passage.lane == truth.lane
        and -_MERGED_S <= passage.started_at_s - truth.started_at_s <= _BESIDE_S
    ]


def _lawful(pairs: Iterable[Pair], limits: LimitTable) -> Lawful:
    vehicles = after_u = after_table = undeducted = 0
    for pair in pairs:
        truth, measured = pair.truth, pair.measured
        rightful = assess(
            gross_mass_kg=truth.gross_mass_kg,
            axle_count=len(truth.axle_loads_kg),
            vehicle_class=truth.vehicle_class,
            table=limits,
        )
        if rightful is None or truth.gross_mass_kg > rightful.limit_kg:
            continue
        vehicles += 1
        if not measured.valid:
            continue
        verdict = assess(
            gross_mass_kg=measured.mass_kg,
            axle_count=len(measured.axle_loads_kg),
            vehicle_class=None,
            table=limits,
            axle_configuration=measured.axle_configuration,
        )
        if verdict is None:
            continue
        over = measured.mass_kg - verdict.limit_kg
        undeducted += over > 0.0
        after_u += over > (measured.gross_mass_uncertainty_kg or 0.0)
        after_table += verdict.overloaded
    share = share_of(after_u, vehicles)
    bound = clopper_pearson(after_u, vehicles, confidence=0.90)
    return Lawful(
        table=limits.id,
        vehicles=vehicles,
        after_uncertainty=share,
        upper_bound=None if bound is None else bound[1],
        after_table=share_of(after_table, vehicles),
        undeducted=share_of(undeducted, vehicles),
    )
