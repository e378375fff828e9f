"""Exponential, logarithm and cosine from plus, times and divided by alone.

The ones of the C library pick their instructions by the processor and may differ in
the last bit; these give the same bits wherever IEEE 754 holds. Arguments are those of
the estimators: no care is taken of infinities.
"""

import math

import numpy as np

from wim._jit import njit

__all__ = ["cosine", "cosine_sine", "exponential", "logarithm"]

_LOG_2_HIGH = 0.693147180369123816490
_LOG_2_LOW = 1.90821492927058770002e-10
_LOG_2 = 0.6931471805599453
_TWO_PI_HIGH = 6.28318530693650245667
_TWO_PI_LOW = 2.43084020260247702e-10
_HALF_ROOT = 0.7071067811865476
_LEAST = -700.0


@njit
def exponential(x: float) -> float:
    """Return e to the x for x ≤ 700, and 0 below -700; within 2 units in the last.

    x = k·log 2 + r with |r| ≤ 0.35, then Taylor's series, whose rest is below 2⁻⁵⁵.
    """
    if x < _LEAST:
        return 0.0
    k = math.floor(x / _LOG_2 + 0.5)
    r = (x - k * _LOG_2_HIGH) - k * _LOG_2_LOW
    total = 1.0
    for j in range(14, 0, -1):
        total = 1.0 + r * total / j
    return math.ldexp(total, int(k))


@njit
def logarithm(x: float) -> float:
    """Return the natural logarithm of a positive x, within a few 10⁻¹⁶ of its size.

    x = m·2ᵏ with m near one; log m = 2·artanh((m-1)/(m+1)).
    """
    m, k = math.frexp(x)
    if m < _HALF_ROOT:
        m *= 2.0
        k -= 1
    z = (m - 1.0) / (m + 1.0)
    square = z * z
    total = 0.0
    for j in range(21, 0, -2):
        total = total * square + 1.0 / j
    return k * _LOG_2 + 2.0 * z * total


@njit
def cosine(x: float) -> float:
    """Return the cosine of an angle [rad] below 10⁵, within 10⁻¹⁰.

    The angle is brought within half a turn, halved twice for Taylor's series, and
    doubled again by cos 2a = 2·cos² a - 1.
    """
    turns = math.floor(x / (_TWO_PI_HIGH + _TWO_PI_LOW) + 0.5)
    r = ((x - turns * _TWO_PI_HIGH) - turns * _TWO_PI_LOW) * 0.25
    square = r * r
    total = 1.0
    for j in range(9, 0, -1):
        total = 1.0 - square * total / ((2 * j - 1) * (2 * j))
    half = 2.0 * total * total - 1.0
    return 2.0 * half * half - 1.0


@njit
def cosine_sine(turns: float) -> tuple[float, float]:
    """Return cosine and sine of an angle in full turns, right to 1e-15.

    Taylor's series after reduction to an eighth of a turn.
    """
    whole = np.floor(turns * 4.0 + 0.5)
    x = (turns - 0.25 * whole) * 6.283185307179586
    y = x * x
    sine = y * (1.0 / 355687428096000.0) - 1.0 / 1307674368000.0
    sine = y * sine + 1.0 / 6227020800.0
    sine = y * sine - 1.0 / 39916800.0
    sine = y * sine + 1.0 / 362880.0
    sine = y * sine - 1.0 / 5040.0
    sine = y * sine + 1.0 / 120.0
    sine = y * sine - 1.0 / 6.0
    sine = x * (y * sine + 1.0)
    cosine = y * (1.0 / 20922789888000.0) - 1.0 / 87178291200.0
    cosine = y * cosine + 1.0 / 479001600.0
    cosine = y * cosine - 1.0 / 3628800.0
    cosine = y * cosine + 1.0 / 40320.0
    cosine = y * cosine - 1.0 / 720.0
    cosine = y * cosine + 1.0 / 24.0
    cosine = y * (y * cosine - 0.5) + 1.0
    quarter = int(whole) & 3
    if quarter == 0:
        return cosine, sine
    if quarter == 1:
        return -sine, cosine
    if quarter == 2:
        return -cosine, -sine
    return sine, -cosine
