"""From runs of reference trucks to calibration factors, each with its uncertainty.

A factor is the least-squares ratio ``C = sum(static²) / sum(static * dynamic)``: with
the dynamic values squared below instead, their scatter would bias it low. Factors are
found per strip, and as curves over speed, temperature and vehicle class; a curve is
monotone, drawn towards one by how little was seen of it, and limited. It corrects
nothing by itself and hides nothing: a strip that would need more than the limit is
refused, because then the strip or the site file is wrong.

The road before the strips shakes every truck alike. Where enough runs tell it, it is
learned (:mod:`wim.road_learning`) and taken off before the factors are found, so that
a factor is the strip's and not the road's; it takes many different trucks, as four
that drive again and again show their own bounce and not the road.

What a weighed truck cannot tell: how its load lies on left and right wheels. The
shares are taken from all rows together, so that only rows are held against each other
and the balance of left and right stays that of the site file.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, TypeAlias

import msgspec

from wim.axles import Axle
from wim.calibration import (
    Calibration,
    ChannelFactor,
    ClassFactor,
    Curve,
    VehicleClass,
)
from wim.climate import TemperatureRange
from wim.errors import CalibrationError
from wim.load_transfer import Transfer, moved_kg
from wim.road_learning import RoadSample, learn_road
from wim.roads import Ride, Road, Role, excess, roles_of
from wim.samples import Lane, Side
from wim.statics import Estimation

__all__ = [
    "Calibrated",
    "Observation",
    "Rules",
    "RunFigures",
    "calibrate",
    "monotone",
    "observations_of",
    "ratio",
]

Positive: TypeAlias = Annotated[float, msgspec.Meta(gt=0.0)]
_ROUNDS = 5
_ROADS = 2
_WIDEST = 0.45
_SIDES: tuple[Side, ...] = ("left", "right")


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Figures of the method.

    A strip's factor may differ from one by ``strip_limit``, a curve by
    ``curve_limit``; ``curve_prior`` is how much a curve is expected to. A place of a
    curve needs ``least_runs`` of its own, a curve over speed ``least_speed_mps`` from
    end to end, over temperature ``least_temperature_c``. ``one_truck_uncertainty`` is
    what is added while a single truck drove: its bounce over the strips repeats itself
    and is not told from a factor. A class has a factor for so many axles where
    ``least_alike`` of its trucks have as many. ``learn_roads`` tells whether the road
    is learned where the runs are enough.
    """

    strip_limit: Positive = 0.25
    curve_limit: Positive = 0.06
    curve_prior: Positive = 0.02
    least_runs: Annotated[int, msgspec.Meta(ge=2)] = 4
    most_places: Annotated[int, msgspec.Meta(ge=2)] = 5
    least_speed_mps: Positive = 5.0
    least_temperature_c: Positive = 8.0
    one_truck_uncertainty: Positive = 0.01
    least_alike: Annotated[int, msgspec.Meta(ge=2)] = 8
    learn_roads: bool = True


class Observation(msgspec.Struct, frozen=True, kw_only=True):
    """One wheel (or axle, on a full strip) of one run on one strip.

    ``axle_load_kg`` is the axle's static load and what the change of speed moved to it
    while it crossed. Its wheels of one side carry the same part of it over every row.
    """

    run: int
    truck: int
    axle: int
    lane: int
    channel: int
    side: Side
    role: Role
    place_m: float
    measured_kg: float
    axle_load_kg: float
    speed_mps: float
    temperature_c: float | None
    vehicle_class: VehicleClass | None
    axles: int


class RunFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Gross masses of the runs against the static ones, in per cent."""

    runs: int
    bias: float
    sd: float | None


class Calibrated(msgspec.Struct, frozen=True, kw_only=True):
    """What was found, and what it does to the runs that it was found from."""

    calibration: Calibration
    trucks: int
    observations: int
    before: RunFigures
    after: RunFigures


def observations_of(
    axles: Sequence[Axle],
    static_kg: Sequence[float],
    *,
    axle_groups: Sequence[Sequence[int]],
    axle_spacings_m: Sequence[float],
    lane: Lane,
    run: int,
    truck: int,
    temperature_c: float | None,
    vehicle_class: VehicleClass | None,
) -> list[Observation]:
    """Return what the strips saw of one run, rows on damaged strips left out.

    Args:
        axles: as weighed without any calibration.
        static_kg: of each axle on the reference scale, in the same order.
        axle_groups: indices of the axles of each group.
        axle_spacings_m: one fewer than axles.
        lane: with its strips.
        run: number of the run.
        truck: number of the truck; runs of one truck are not independent.
        temperature_c: of the pavement, None where it is not known.
        vehicle_class: of the truck.
    """
    channel = {(strip.row, strip.side): strip.channel for strip in lane.strips}
    roles = roles_of(axle_groups, axle_spacings_m, ride=Ride())
    moved = moved_kg(
        static_kg,
        spacings_m=axle_spacings_m,
        groups=axle_groups,
        vehicle_class=vehicle_class,
        acceleration_mps2=_acceleration_mps2(axles),
        transfer=Transfer(),
        ride=Ride(),
    )
    found = []
    for number, axle in enumerate(axles):
        load_kg = static_kg[number] + moved[number]
        for row in axle.rows:
            if not row.whole:
                continue
            seen: dict[Side, float | None] = {
                "left": row.left_kg,
                "right": row.right_kg,
            }
            if (row.row, "full") in channel:
                seen = {"full": row.load_kg}
            found += [
                Observation(
                    run=run,
                    truck=truck,
                    axle=number,
                    lane=lane.number,
                    role=roles[number],
                    place_m=row.place_m,
                    channel=channel[row.row, side],
                    side=side,
                    measured_kg=mass,
                    axle_load_kg=load_kg,
                    speed_mps=row.speed_mps,
                    temperature_c=temperature_c,
                    vehicle_class=vehicle_class,
                    axles=len(axles),
                )
                for side, mass in seen.items()
                if mass is not None and mass > 0.0 and load_kg > 0.0
            ]
    return found


def _acceleration_mps2(axles: Sequence[Axle]) -> float:
    """Return the mean acceleration over the crossing, 0 where it was not seen."""
    seen = [axle.motion.acceleration_mps2 for axle in axles]
    known = [gain for gain in seen if gain is not None]
    return math.fsum(known) / len(known) if known else 0.0


def calibrate(
    observations: Sequence[Observation],
    *,
    static_uncertainty: float,
    rules: Rules | None = None,
) -> Calibrated:
    """Return factors that bring the runs to the reference masses.

    Args:
        observations: of all runs.
        static_uncertainty: relative standard uncertainty (k = 1) of the reference
            scale, common to all runs.
        rules: figures of the method.

    Raises:
        CalibrationError: too few runs, or a strip that needs more than the limit.
    """
    rules = rules or Rules()
    runs = {each.run for each in observations}
    trucks = {each.truck for each in observations}
    if len(runs) < rules.least_runs:
        message = (
            f"{len(runs)} usable runs of reference trucks; expected at least "
            f"{rules.least_runs}"
        )
        raise CalibrationError(message)
    found = Calibration(reference_uncertainty=static_uncertainty)
    level = list(observations)
    for turn in range(_ROADS + 1):
        for _ in range(_ROUNDS):
            found = _improved(level, found, rules)
        if turn == _ROADS:
            break
        roads = _roads(observations, found) if rules.learn_roads else ()
        if not roads:
            break
        # what the speed does to the loads is the road's: no curve beside it
        found = msgspec.structs.replace(found, roads=roads, speed=None)
        rules = msgspec.structs.replace(rules, least_speed_mps=math.inf)
        level = _on_level_road(observations, found)
    found = msgspec.structs.replace(
        found, temperature_range_c=_temperature_range_c(observations, found, rules)
    )
    for entry in found.strips:
        if abs(entry.factor - 1.0) > rules.strip_limit:
            message = (
                f"channel {entry.channel} would need the factor {entry.factor:.3f}; "
                f"beyond 1 ± {rules.strip_limit:g} the strip is damaged or the site "
                f"file is wrong"
            )
            raise CalibrationError(message)
    return Calibrated(
        calibration=found,
        trucks=len(trucks),
        observations=len(observations),
        before=_run_figures(observations, Calibration()),
        after=_run_figures(level, found),
    )


def ratio(pairs: Iterable[tuple[float, float]]) -> float:
    """Return the factor for pairs of static and dynamic values.

    >>> ratio([(100.0, 98.0), (200.0, 202.0)])
    0.9960159362549801
    """
    top = below = 0.0
    for static, dynamic in pairs:
        top += static * static
        below += static * dynamic
    return top / below


def monotone(values: Sequence[float], weights: Sequence[float]) -> list[float]:
    """Return the nearest values that only grow or only fall, whichever is nearer.

    Pooling of adjacent violators, weighted least squares.

    >>> monotone([1.0, 3.0, 2.0, 4.0], [1.0, 1.0, 1.0, 1.0])
    [1.0, 2.5, 2.5, 4.0]
    """
    up = _rising(values, weights)
    down = [-v for v in _rising([-v for v in values], weights)]

    def cost(found: Sequence[float]) -> float:
        return math.fsum(
            w * (a - b) ** 2 for a, b, w in zip(values, found, weights, strict=True)
        )

    return up if cost(up) <= cost(down) else down


def _rising(values: Sequence[float], weights: Sequence[float]) -> list[float]:
    pools: list[tuple[float, float, int]] = []
    for value, weight in zip(values, weights, strict=True):
        pools.append((value, weight, 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (v1, w1, n1), (v0, w0, n0) = pools.pop(), pools.pop()
            pools.append(((v0 * w0 + v1 * w1) / (w0 + w1), w0 + w1, n0 + n1))
    return [value for value, _, n in pools for _ in range(n)]


class _Term(msgspec.Struct, frozen=True, kw_only=True):
    """One observation as a pair: static mass and dynamic, all but one factor in it."""

    static: float
    dynamic: float
    of: Observation


def _roads(observations: Sequence[Observation], known: Calibration) -> tuple[Road, ...]:
    """Learn the road of each lane with enough runs, given the strips' factors."""
    wheels: defaultdict[tuple[int, int, float], list[Observation]] = defaultdict(list)
    for each in observations:
        wheels[each.run, each.axle, round(each.place_m, 2)].append(each)
    shares = _shares(observations, _dynamics(observations, known))
    samples: defaultdict[int, list[RoadSample]] = defaultdict(list)
    estimation = Estimation()
    for own in wheels.values():
        one = own[0]
        static = math.fsum(
            each.axle_load_kg * shares[each.run, each.axle, each.side] for each in own
        )
        dynamic = math.fsum(
            each.measured_kg * known.strip_factor(each.channel) for each in own
        )
        samples[one.lane].append(
            RoadSample(
                passage=one.run,
                axle=one.axle,
                role=one.role,
                load_kg=one.axle_load_kg,
                speed_mps=one.speed_mps,
                place_m=one.place_m,
                excess=dynamic / static - 1.0,
                common=math.hypot(
                    known.common_uncertainty(
                        speed_mps=one.speed_mps,
                        vehicle_class=one.vehicle_class,
                        axles=one.axles,
                        uncalibrated=estimation.uncertainty.uncalibrated,
                    ),
                    known.temperature_uncertainty(one.temperature_c),
                ),
            )
        )
    sides = dict.fromkeys(samples, 0)
    for own in wheels.values():
        sides[own[0].lane] = max(sides[own[0].lane], len(own))
    roads = [
        learn_road(
            samples[number],
            lane=number,
            estimation=estimation,
            row_variance=estimation.loading.along_strip**2 / sides[number],
        )
        for number in sorted(samples)
    ]
    return tuple(road for road in roads if road is not None)


def _on_level_road(
    observations: Sequence[Observation], known: Calibration
) -> list[Observation]:
    """Return what would have been measured without the road's part."""
    more: dict[tuple[int, int, float], float] = {}
    found = []
    for each in observations:
        road = known.road_of(each.lane)
        if road is None:
            found.append(each)
            continue
        key = (each.run, each.axle, each.place_m)
        if key not in more:
            (more[key],) = excess(
                road,
                each.role,
                load_kg=each.axle_load_kg,
                speed_mps=each.speed_mps,
                places_m=[each.place_m],
                ride=Ride(),
            )
        level_kg = each.measured_kg / (1.0 + more[key])
        found.append(msgspec.structs.replace(each, measured_kg=level_kg))
    return found


def _improved(
    observations: Sequence[Observation],
    known: Calibration,
    rules: Rules,
) -> Calibration:
    """Find every factor anew, one kind after the other, given the rest."""
    by_channel: defaultdict[int, list[_Term]] = defaultdict(list)
    for term in _terms(observations, known):
        by_channel[term.of.channel].append(term)
    strips = []
    for channel in sorted(by_channel):
        own = by_channel[channel]
        scatter = _uncertainty(own, rules)
        factor = known.strip_factor(channel) * _ratio(own)
        strips.append(
            ChannelFactor(
                channel=channel,
                factor=_limited(factor, _WIDEST),
                uncertainty=min(scatter, 1.0),
            )
        )
    known = msgspec.structs.replace(known, strips=tuple(strips))
    terms = _terms(observations, known)
    speed = _curve(
        terms,
        lambda each: each.speed_mps,
        known.speed,
        rules,
        least_span=rules.least_speed_mps,
    )
    if speed != known.speed:
        known = msgspec.structs.replace(known, speed=speed)
        terms = _terms(observations, known)
    temperature = _curve(
        terms,
        lambda each: each.temperature_c,
        known.temperature,
        rules,
        least_span=rules.least_temperature_c,
    )
    if temperature != known.temperature:
        known = msgspec.structs.replace(known, temperature=temperature)
        terms = _terms(observations, known)
    classes = _class_factors(terms, known, rules)
    return msgspec.structs.replace(known, vehicle_classes=classes)


def _terms(observations: Sequence[Observation], known: Calibration) -> list[_Term]:
    dynamics = _dynamics(observations, known)
    shares = _shares(observations, dynamics)
    return [
        _Term(
            static=each.axle_load_kg * shares[each.run, each.axle, each.side],
            dynamic=dynamic,
            of=each,
        )
        for each, dynamic in zip(observations, dynamics, strict=True)
    ]


def _dynamics(observations: Sequence[Observation], known: Calibration) -> list[float]:
    """Return what was measured, with every factor that is known."""
    strips = {each.channel: each.factor for each in known.strips}
    speed, temperature = known.speed, known.temperature
    found = []
    for each in observations:
        factor = strips.get(each.channel, 1.0)
        if speed is not None:
            factor *= speed.factor_at(each.speed_mps)
        if temperature is not None and each.temperature_c is not None:
            factor *= temperature.factor_at(each.temperature_c)
        if each.vehicle_class is not None:
            factor *= known.class_factor(each.vehicle_class, axles=each.axles)
        found.append(each.measured_kg * factor)
    return found


def _temperature_range_c(
    observations: Sequence[Observation], found: Calibration, rules: Rules
) -> TemperatureRange | None:
    """Return the pavement temperatures that factors hold for; None if one is unknown.

    Those of the runs. Runs that went farther apart than a curve needs, but were too few
    for one, make factors for their mean and not for both ends.
    """
    of_run = {each.run: each.temperature_c for each in observations}
    known_c = [each for each in of_run.values() if each is not None]
    if len(known_c) < len(of_run):
        return None
    low_c, high_c = min(known_c), max(known_c)
    if found.temperature is None and high_c - low_c >= rules.least_temperature_c:
        mean_c = math.fsum(known_c) / len(known_c)
        low_c = max(low_c, mean_c - 0.5 * rules.least_temperature_c)
        high_c = min(high_c, mean_c + 0.5 * rules.least_temperature_c)
    return low_c, high_c


def _shares(
    observations: Sequence[Observation], dynamics: Sequence[float]
) -> Mapping[tuple[int, int, Side], float]:
    """Return what part of each axle's load each side carried, over all rows."""
    sums: defaultdict[tuple[int, int, Side], float] = defaultdict(float)
    counts: defaultdict[tuple[int, int, Side], int] = defaultdict(int)
    for each, dynamic in zip(observations, dynamics, strict=True):
        key = (each.run, each.axle, each.side)
        sums[key] += dynamic
        counts[key] += 1
    mean = {key: total / counts[key] for key, total in sums.items()}
    shares = {}
    for (run, axle, side), own in mean.items():
        both = math.fsum(mean.get((run, axle, s), 0.0) for s in _SIDES)
        shares[run, axle, side] = 1.0 if side == "full" else own / both
    return shares


def _ratio(terms: Iterable[_Term]) -> float:
    return ratio((term.static, term.dynamic) for term in terms)


def _uncertainty(terms: Sequence[_Term], rules: Rules) -> float:
    """Return the standard uncertainty of a ratio, by leaving runs or trucks out.

    Runs of one truck share its bounce: the greater of the two figures counts.
    """
    by_run = _jackknife(terms, lambda term: term.of.run)
    by_truck = _jackknife(terms, lambda term: term.of.truck)
    if by_truck is None:
        return math.hypot(by_run or 0.0, rules.one_truck_uncertainty)
    return max(by_run or 0.0, by_truck)


def _jackknife(terms: Sequence[_Term], key: Callable[[_Term], int]) -> float | None:
    """Return the jackknife's standard uncertainty; None of a single group."""
    tops: defaultdict[int, float] = defaultdict(float)
    belows: defaultdict[int, float] = defaultdict(float)
    for term in terms:
        tops[key(term)] += term.static * term.static
        belows[key(term)] += term.static * term.dynamic
    n = len(tops)
    if n < 2:
        return None
    top, below = math.fsum(tops.values()), math.fsum(belows.values())
    left = [(top - tops[k]) / (below - belows[k]) for k in tops]
    mean = math.fsum(left) / n
    return math.sqrt((n - 1) / n * math.fsum((r - mean) ** 2 for r in left))


def _curve(
    terms: Sequence[_Term],
    place_of: Callable[[Observation], float | None],
    known: Curve | None,
    rules: Rules,
    *,
    least_span: float,
) -> Curve | None:
    """Return a curve over some figure; None where too little of it was driven."""
    placed = [(x, term) for term in terms if (x := place_of(term.of)) is not None]
    if known is None:
        places = _places({t.of.run: x for x, t in placed}, rules, least_span)
    else:
        places = known.at
    if len(places) < 2:
        return None
    found, spread = [], []
    for k, at in enumerate(places):
        near = [
            _Term(static=term.static * w, dynamic=term.dynamic * w, of=term.of)
            for x, term in placed
            if (w := math.sqrt(_hat(places, k, x))) > 0.0
        ]
        before = 1.0 if known is None else known.factor_at(at)
        found.append(before * _ratio(near))
        spread.append(max(_uncertainty(near, rules), 1e-4))
    shaped = monotone(found, [1.0 / (u * u) for u in spread])
    prior = rules.curve_prior**2
    factors = []
    for value, u in zip(shaped, spread, strict=True):
        drawn = 1.0 + (value - 1.0) * prior / (prior + u * u)
        factors.append(_limited(drawn, rules.curve_limit))
    return Curve(at=tuple(places), factor=tuple(factors), uncertainty=tuple(spread))


def _places(
    of_run: Mapping[int, float], rules: Rules, least_span: float
) -> tuple[float, ...]:
    """Return places with enough runs around each, from end to end."""
    values = sorted(of_run.values())
    n = min(len(values) // rules.least_runs, rules.most_places)
    if n < 2 or values[-1] - values[0] < least_span:
        return ()
    picked = [values[round(k * (len(values) - 1) / (n - 1))] for k in range(n)]
    places = [picked[0]]
    for place in picked[1:]:
        if place - places[-1] >= 0.5 * least_span / n:
            places.append(place)
    return tuple(places)


def _hat(places: Sequence[float], k: int, x: float) -> float:
    """Return the weight of a place at x: linear to its neighbours, flat beyond."""
    if x <= places[0] or x >= places[-1]:
        end = 0 if x <= places[0] else len(places) - 1
        return 1.0 if k == end else 0.0
    if k > 0 and places[k - 1] < x <= places[k]:
        return (x - places[k - 1]) / (places[k] - places[k - 1])
    if k + 1 < len(places) and places[k] <= x < places[k + 1]:
        return (places[k + 1] - x) / (places[k + 1] - places[k])
    return 0.0


def _class_factors(
    terms: Sequence[_Term], known: Calibration, rules: Rules
) -> tuple[ClassFactor, ...]:
    """Return factors of classes that several trucks each were of; else none.

    One truck of a class shows its own bounce and not that of the class. Where enough
    trucks of a class have as many axles there is one for these, too: what a road does
    to a lorry of two axles it does not do to one of four.
    """
    groups: defaultdict[VehicleClass, list[_Term]] = defaultdict(list)
    for term in terms:
        if term.of.vehicle_class is not None:
            groups[term.of.vehicle_class].append(term)
    if len(groups) < 2 or any(
        len({term.of.truck for term in own}) < 2 for own in groups.values()
    ):
        return ()
    found = []
    for name in sorted(groups):
        before = known.class_factor(name)
        own = [_without_axles(term, known, before) for term in groups[name]]
        whole = _class_factor(name, own, before, around=1.0, rules=rules)
        found.append(whole)
        for axles, alike in _by_axles(own, rules):
            of_axles = _class_factor(
                name, alike, before, around=whole.factor, rules=rules
            )
            found.append(_beside(of_axles, whole, axles=axles))
    return tuple(found)


def _by_axles(
    terms: Sequence[_Term], rules: Rules
) -> list[tuple[int, Sequence[_Term]]]:
    """Return the terms of a class by axles, where enough trucks had so many."""
    found: defaultdict[int, list[_Term]] = defaultdict(list)
    for term in terms:
        found[term.of.axles].append(term)
    if len(found) < 2:
        return []
    return [
        (axles, found[axles])
        for axles in sorted(found)
        if len({term.of.truck for term in found[axles]}) >= rules.least_alike
    ]


def _without_axles(term: _Term, known: Calibration, whole: float) -> _Term:
    """Return a term with the factor of its class alone, whatever its axles."""
    own = known.class_factor(term.of.vehicle_class, axles=term.of.axles)
    return _Term(static=term.static, dynamic=term.dynamic * whole / own, of=term.of)


def _class_factor(
    name: VehicleClass,
    terms: Sequence[_Term],
    before: float,
    *,
    around: float,
    rules: Rules,
) -> ClassFactor:
    """Return a factor, drawn to another one by how uncertain it is.

    Args:
        name: of the class.
        terms: with the factor of the class as it was ``before``.
        before: that factor.
        around: which factor is expected.
        rules: figures of the method.
    """
    prior = rules.curve_prior**2
    u = _uncertainty(terms, rules)
    value = before * _ratio(terms)
    drawn = around + (value - around) * prior / (prior + u * u)
    return ClassFactor(
        vehicle_class=name,
        factor=_limited(drawn, rules.curve_limit),
        uncertainty=min(u, 1.0),
    )


def _beside(of_axles: ClassFactor, whole: ClassFactor, *, axles: int) -> ClassFactor:
    """Return the factor for so many axles, as far as it surely is another one.

    What chance makes of a dozen trucks would move all that come after them: the
    difference is shrunk by its own uncertainty and is nothing where it is no larger
    than the square root of three of these (the positive part of James and Stein 1961).
    """
    apart = of_axles.factor - whole.factor
    noise = 3.0 * of_axles.uncertainty * of_axles.uncertainty
    sure = 1.0 - noise / (apart * apart) if apart * apart > noise else 0.0
    return msgspec.structs.replace(
        of_axles, axles=axles, factor=whole.factor + sure * apart
    )


def _limited(factor: float, limit: float) -> float:
    return min(max(factor, 1.0 - limit), 1.0 + limit)


def _run_figures(observations: Sequence[Observation], known: Calibration) -> RunFigures:
    """Hold the plain mean over the rows against the reference, run by run."""
    sums: defaultdict[tuple[int, int, Side], float] = defaultdict(float)
    counts: defaultdict[tuple[int, int, Side], int] = defaultdict(int)
    static: defaultdict[int, dict[int, float]] = defaultdict(dict)
    dynamics = _dynamics(observations, known)
    for each, dynamic in zip(observations, dynamics, strict=True):
        key = (each.run, each.axle, each.side)
        sums[key] += dynamic
        counts[key] += 1
        static[each.run][each.axle] = each.axle_load_kg
    gross: defaultdict[int, float] = defaultdict(float)
    for key, total in sums.items():
        gross[key[0]] += total / counts[key]
    errors = [
        100.0 * (gross[run] / math.fsum(axles.values()) - 1.0)
        for run, axles in static.items()
    ]
    n = len(errors)
    bias = math.fsum(errors) / n
    away = math.fsum((e - bias) ** 2 for e in errors)
    return RunFigures(
        runs=n, bias=bias, sd=math.sqrt(away / (n - 1)) if n > 1 else None
    )
