"""Distributions and intervals that statements on accuracy rest on.

Student's t and the beta distribution come from the regularised incomplete beta
function, evaluated by its continued fraction (Abramowitz and Stegun 26.5.8, in the
form of Lentz); the normal distribution is the standard library's. Nothing here is part
of the chain from samples to masses.
"""

import math
from collections.abc import Callable, Sequence
from statistics import NormalDist

__all__ = [
    "beta_cdf",
    "binomial_cdf",
    "clopper_pearson",
    "normal_cdf",
    "normal_quantile",
    "quantile",
    "quantile_interval",
    "student_quantile",
    "student_sf",
]

_NORMAL = NormalDist()
_TINY = 1e-300
_CLOSE = 1e-15


def normal_cdf(x: float) -> float:
    """Return the share of a standard normal distribution below x."""
    return 0.5 * math.erfc(-x / math.sqrt(2.0))


def normal_quantile(share: float) -> float:
    """Return where a standard normal distribution has this share below it."""
    return _NORMAL.inv_cdf(share)


def beta_cdf(x: float, a: float, b: float) -> float:
    """Return the regularised incomplete beta function I_x(a, b).

    >>> round(beta_cdf(0.5, 2.0, 3.0), 6)
    0.6875
    """
    if x <= 0.0:
        return 0.0
    if x >= 1.0:
        return 1.0
    front = math.exp(
        math.lgamma(a + b)
        - math.lgamma(a)
        - math.lgamma(b)
        + a * math.log(x)
        + b * math.log1p(-x)
    )
    if x < (a + 1.0) / (a + b + 2.0):
        return front * _fraction(x, a, b) / a
    return 1.0 - front * _fraction(1.0 - x, b, a) / b


def student_sf(t: float, degrees: float) -> float:
    """Return the share of Student's distribution above t."""
    tail = 0.5 * beta_cdf(degrees / (degrees + t * t), 0.5 * degrees, 0.5)
    return tail if t >= 0.0 else 1.0 - tail


def student_quantile(share: float, degrees: float) -> float:
    """Return where Student's distribution has this share below it.

    >>> round(student_quantile(0.975, 14), 4)
    2.1448
    """
    if share < 0.5:
        return -student_quantile(1.0 - share, degrees)
    high = 1.0
    while student_sf(high, degrees) > 1.0 - share:
        high *= 2.0
    return _root(lambda t: 1.0 - share - student_sf(t, degrees), 0.0, high)


def binomial_cdf(k: int, n: int, share: float) -> float:
    """Return the probability of at most k of n, each with the same chance."""
    if k < 0:
        return 0.0
    return 1.0 if k >= n else 1.0 - beta_cdf(share, k + 1.0, float(n - k))


def clopper_pearson(
    k: int, n: int, *, confidence: float = 0.95
) -> tuple[float, float] | None:
    """Return the exact interval of a share of which k of n were seen; None for n = 0.

    >>> [round(end, 4) for end in clopper_pearson(0, 10)]
    [0.0, 0.3085]
    """
    if n == 0:
        return None
    tail = 0.5 * (1.0 - confidence)
    low, high = 0.0, 1.0
    if k > 0:
        low = _root(lambda p: beta_cdf(p, k, n - k + 1.0) - tail, 0.0, 1.0)
    if k < n:
        high = _root(lambda p: beta_cdf(p, k + 1.0, n - k) - 1.0 + tail, 0.0, 1.0)
    return low, high


def quantile(ordered: Sequence[float], share: float) -> float:
    """Return the smallest of some values that this share of them does not exceed.

    Args:
        ordered: values, ascending, at least one.
        share: more than 0, at most 1.
    """
    place = math.ceil(share * len(ordered) - 1e-9)
    return ordered[min(max(place, 1), len(ordered)) - 1]


def quantile_interval(
    ordered: Sequence[float], share: float, *, confidence: float = 0.95
) -> tuple[float | None, float | None]:
    """Return the interval of a quantile from order statistics, free of any shape.

    Args:
        ordered: values, ascending.
        share: of the quantile, between 0 and 1.
        confidence: that the interval holds the quantile, at least.

    Returns:
        Its ends; None where the values are too few to bound it on that side.
    """
    n = len(ordered)
    tail = 0.5 * (1.0 - confidence)
    # The k-th smallest exceeds the quantile when fewer than k values lie below it.
    low, high = 0, n
    while low < high:  # the most k with P(B <= k - 1) <= tail
        middle = (low + high + 1) // 2
        if binomial_cdf(middle - 1, n, share) <= tail:
            low = middle
        else:
            high = middle - 1
    first = low
    low, high = 1, n + 1
    while low < high:  # the least k with P(B >= k) <= tail
        middle = (low + high) // 2
        if 1.0 - binomial_cdf(middle - 1, n, share) <= tail:
            high = middle
        else:
            low = middle + 1
    return (
        ordered[first - 1] if first > 0 else None,
        ordered[low - 1] if low <= n else None,
    )


def _fraction(x: float, a: float, b: float) -> float:
    """Return the continued fraction of the incomplete beta function."""
    c, d = 1.0, 1.0 - (a + b) * x / (a + 1.0)
    d = 1.0 / (d if abs(d) > _TINY else _TINY)
    value = d
    for m in range(1, 100_000):
        even = m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0))
        change = 1.0
        for step in (even, odd):
            d = 1.0 + step * d
            d = 1.0 / (d if abs(d) > _TINY else _TINY)
            c = 1.0 + step / c
            c = c if abs(c) > _TINY else _TINY
            change *= c * d
        value *= change
        if abs(change - 1.0) < _CLOSE:
            break
    return value


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    """Return where a growing function is zero, by halving."""
    for _ in range(200):
        middle = 0.5 * (low + high)
        if middle in (low, high):
            break
        if function(middle) < 0.0:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)
