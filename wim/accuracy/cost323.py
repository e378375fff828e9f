"""Accuracy classes of COST 323 (European WIM specification), by its own formula.

A class is a number K: the half width δ [%] of the interval that holds the relative
errors of the gross mass. The other criteria have their own δ for the same K. A
criterion reaches K when the achieved confidence π(δ) is at least the required one π0;
the system's class is that of its worst criterion. Names like B+(7) are those of the
specification; beyond D(25) it is E with a step of five.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias, get_args

import msgspec

from wim.accuracy.quantiles import normal_cdf, student_quantile, student_sf

__all__ = [
    "CRITERIA",
    "Cost323",
    "Criterion",
    "CriterionResult",
    "Environment",
    "Repeatability",
    "achieved_confidence",
    "assess_criterion",
    "class_name",
    "class_number",
    "judge",
    "required_confidence",
    "tolerance",
]

Criterion: TypeAlias = Literal["gross", "group", "single", "axle_of_group"]
CRITERIA: tuple[Criterion, ...] = get_args(Criterion)
Repeatability: TypeAlias = Literal["r1", "r2", "R1", "R2"]
"""Who drove: one vehicle under one condition (r1) … any vehicle at any time (R2)."""
Environment: TypeAlias = Literal["I", "II", "III"]
"""Conditions: of a day or a few (I), of some weeks (II), of all seasons (III)."""

_BREADTH: dict[Repeatability, float] = {"r1": 2.675, "r2": 2.36, "R1": 2.155, "R2": 2.0}
_SEASONS: dict[Environment, float] = {"I": 1.0, "II": 1.05, "III": 1.1}
_NAMED = ((5, "A"), (7, "B+"), (10, "B"), (15, "C"), (20, "D+"), (25, "D"))
_MOST_DELTA = 1000.0


class CriterionResult(msgspec.Struct, frozen=True, kw_only=True):
    """One criterion over one test.

    ``mean`` and ``deviation`` are of the relative errors [%]; ``required`` is π0 [%],
    ``least_delta`` the δ [%] at which it is achieved, ``class_number`` the K of that δ.
    """

    criterion: Criterion
    count: int
    mean: float
    deviation: float
    required: float
    least_delta: float
    class_number: float

    @property
    def name(self) -> str:
        """Return the class of the specification that holds this criterion."""
        return class_name(self.class_number)


class Cost323(msgspec.Struct, frozen=True, kw_only=True):
    """All criteria of one test; ``name`` is the class of the worst, None without one.

    Criteria with fewer than ten values are given but do not judge: the specification
    asks for more, and Student's factor alone would decide.
    """

    repeatability: Repeatability
    environment: Environment
    own_calibration_data: bool
    criteria: tuple[CriterionResult, ...]
    name: str | None


def tolerance(criterion: Criterion, class_number: float) -> float:
    """Return δ [%] of a criterion in class K.

    >>> [round(tolerance(c, 5.0), 1) for c in CRITERIA]
    [5.0, 7.1, 8.0, 10.0]
    """
    k = class_number
    match criterion:
        case "gross":
            return k
        case "group":
            return k / 0.7 if k < 7.0 else k + 3.0
        case "single":
            return k * (85.0 - k) / 50.0 if k < 10.0 else k + 5.0
        case "axle_of_group":
            return 2.0 * k if k < 10.0 else k + 10.0


def class_number(criterion: Criterion, delta: float) -> float:
    """Return the K of a δ [%]: what :func:`tolerance` undoes.

    The specification inverts its own quadratic for single axles by an approximation;
    it is followed here, as its published examples are computed with it.
    """
    match criterion:
        case "gross":
            return delta
        case "group":
            return 0.7 * delta if delta < 10.0 else delta - 3.0
        case "single":
            return delta * (delta + 97.0) / 168.0 if delta < 15.0 else delta - 5.0
        case "axle_of_group":
            return 0.5 * delta if delta < 20.0 else delta - 10.0


def class_name(number: float) -> str:
    """Return the name of the narrowest class that is no narrower than K.

    >>> class_name(4.2), class_name(5.0), class_name(7.53), class_name(31.0)
    ('A(5)', 'A(5)', 'B(10)', 'E(35)')
    """
    for bound, letter in _NAMED:
        if number <= bound + 1e-9:
            return f"{letter}({bound})"
    return f"E({5 * math.ceil(number / 5.0 - 1e-9)})"


def required_confidence(
    count: int,
    *,
    repeatability: Repeatability = "R2",
    environment: Environment = "I",
) -> float:
    """Return π0 [%] for a test of so many values, at least two."""
    slack = student_quantile(0.975, count - 1) / math.sqrt(count)
    breadth = _BREADTH[repeatability] / _SEASONS[environment]
    return 100.0 * (2.0 * normal_cdf(breadth - slack) - 1.0)


def achieved_confidence(
    delta: float, *, count: int, mean: float, deviation: float
) -> float:
    """Return π(δ) [%]: the share of single errors within ±δ, at the low estimate.

    Args:
        delta: half width [%].
        count: of values, at least two.
        mean: of the relative errors [%].
        deviation: their standard deviation [%].
    """
    if deviation <= 0.0:
        return 100.0 if abs(mean) <= delta else 0.0
    slack = student_quantile(0.975, count - 1) / math.sqrt(count)
    above = student_sf((delta - mean) / deviation - slack, count - 1)
    below = student_sf((delta + mean) / deviation - slack, count - 1)
    return 100.0 * (1.0 - above - below)


def assess_criterion(
    criterion: Criterion,
    *,
    count: int,
    mean: float,
    deviation: float,
    repeatability: Repeatability = "R2",
    environment: Environment = "I",
    own_calibration_data: bool = False,
) -> CriterionResult:
    """Return the least δ and K of one criterion from its statistics.

    Args:
        criterion: which one.
        count: of values, at least two.
        mean: of the relative errors [%].
        deviation: their standard deviation [%].
        repeatability: who drove.
        environment: over which seasons.
        own_calibration_data: the values also made the calibration, so that δ has to
            be reached with only 0.8 of it.
    """
    required = required_confidence(
        count, repeatability=repeatability, environment=environment
    )
    low, high = 0.0, _MOST_DELTA
    for _ in range(100):
        middle = 0.5 * (low + high)
        achieved = achieved_confidence(
            middle, count=count, mean=mean, deviation=deviation
        )
        if achieved >= required:
            high = middle
        else:
            low = middle
    least = high / 0.8 if own_calibration_data else high
    return CriterionResult(
        criterion=criterion,
        count=count,
        mean=mean,
        deviation=deviation,
        required=required,
        least_delta=least,
        class_number=class_number(criterion, least),
    )


def judge(
    errors: Mapping[Criterion, Sequence[float]],
    *,
    repeatability: Repeatability = "R2",
    environment: Environment = "I",
    own_calibration_data: bool = False,
) -> Cost323:
    """Judge the relative errors [%] of each criterion."""
    results = []
    for criterion in CRITERIA:
        values = errors.get(criterion, ())
        n = len(values)
        if n < 2:
            continue
        mean = math.fsum(values) / n
        deviation = math.sqrt(math.fsum((e - mean) ** 2 for e in values) / (n - 1))
        results.append(
            assess_criterion(
                criterion,
                count=n,
                mean=mean,
                deviation=deviation,
                repeatability=repeatability,
                environment=environment,
                own_calibration_data=own_calibration_data,
            )
        )
    judging = [result.class_number for result in results if result.count >= 10]
    return Cost323(
        repeatability=repeatability,
        environment=environment,
        own_calibration_data=own_calibration_data,
        criteria=tuple(results),
        name=class_name(max(judging)) if judging else None,
    )
