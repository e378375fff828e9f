"""What a list of errors comes to: bias, spread, 95 % bound, each with its interval.

No shape of the errors is assumed: the spread's interval uses their own fourth moment,
the bound's their order, a share's the exact binomial limits. All intervals are at
95 %. A figure that too few values leave unknown is ``null`` and never zero.
"""

import math
from collections.abc import Sequence
from typing import TypeAlias

import msgspec

from wim.accuracy.quantiles import (
    clopper_pearson,
    quantile,
    quantile_interval,
    student_quantile,
)

__all__ = [
    "ErrorFigures",
    "Interval",
    "Share",
    "error_figures",
    "median",
    "rms_gain",
    "share_of",
]

Interval: TypeAlias = tuple[float | None, float | None]
_Z = 1.959964


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """So many of so many; the interval is Clopper and Pearson's."""

    count: int
    of: int
    share: float | None
    interval: Interval


class ErrorFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of one list of errors, in the errors' own unit.

    ``p95`` bounds 95 % of the absolute errors; ``largest`` keeps its sign.
    """

    count: int
    bias: float
    bias_interval: Interval
    sd: float | None
    sd_interval: Interval
    rms: float
    rms_interval: Interval
    p95: float
    p95_interval: Interval
    largest: float


def error_figures(errors: Sequence[float]) -> ErrorFigures | None:
    """Return the figures of some errors; None when there are none."""
    n = len(errors)
    if n == 0:
        return None
    bias = math.fsum(errors) / n
    squares = [e * e for e in errors]
    mean_square = math.fsum(squares) / n
    ordered = sorted(abs(e) for e in errors)
    sd: float | None = None
    bias_interval: Interval = (None, None)
    sd_interval: Interval = (None, None)
    rms_interval: Interval = (None, None)
    if n > 1:
        away = [(e - bias) ** 2 for e in errors]
        variance = math.fsum(away) / (n - 1)
        sd = math.sqrt(variance)
        reach = student_quantile(0.975, n - 1) * sd / math.sqrt(n)
        bias_interval = (bias - reach, bias + reach)
        sd_interval = _root_interval(variance, away)
        rms_interval = _root_interval(mean_square, squares)
    return ErrorFigures(
        count=n,
        bias=bias,
        bias_interval=bias_interval,
        sd=sd,
        sd_interval=sd_interval,
        rms=math.sqrt(mean_square),
        rms_interval=rms_interval,
        p95=quantile(ordered, 0.95),
        p95_interval=quantile_interval(ordered, 0.95),
        largest=max(errors, key=abs),
    )


def rms_gain(
    errors: Sequence[float], baseline: Sequence[float]
) -> tuple[float | None, Interval]:
    """Return by what share the RMS is below that of a baseline, pair by pair.

    Returns:
        The share (0.25 is a quarter less), and its interval by the delta method on the
        logarithm of the ratio of the mean squares.
    """
    n = len(errors)
    ours = [e * e for e in errors]
    theirs = [e * e for e in baseline]
    a, b = math.fsum(ours), math.fsum(theirs)
    if n < 2 or a <= 0.0 or b <= 0.0:
        return None, (None, None)
    a, b = a / n, b / n
    lean = [x / a - y / b for x, y in zip(ours, theirs, strict=True)]
    spread = math.sqrt(math.fsum(d * d for d in lean) / (n - 1)) / math.sqrt(n)
    half = 0.5 * math.log(a / b)
    reach = 0.5 * _Z * spread
    return 1.0 - math.exp(half), (
        1.0 - math.exp(half + reach),
        1.0 - math.exp(half - reach),
    )


def share_of(count: int, of: int) -> Share:
    """Return a share with its interval; all unknown when nothing was counted."""
    interval = clopper_pearson(count, of)
    return Share(
        count=count,
        of=of,
        share=count / of if of else None,
        interval=(None, None) if interval is None else interval,
    )


def median(values: Sequence[float]) -> float | None:
    """Return the median; None of nothing."""
    if not values:
        return None
    ordered = sorted(values)
    n = len(ordered)
    return 0.5 * (ordered[(n - 1) // 2] + ordered[n // 2])


def _root_interval(mean: float, values: Sequence[float]) -> Interval:
    """Return the interval of the root of a mean, by the values' own spread."""
    n = len(values)
    spread = math.sqrt(math.fsum((v - mean) ** 2 for v in values) / (n - 1))
    reach = _Z * spread / math.sqrt(n)
    return math.sqrt(max(mean - reach, 0.0)), math.sqrt(mean + reach)
