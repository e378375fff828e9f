"""Static loads of all axles of a vehicle at once, from what the rows saw of each.

Generalised least squares under several suppositions of how the vehicle bounces, each
weighed by how well it explains the differences between the rows. Sums keep their
order and no library's transcendental function is called, so the bits are the same on
every processor.
"""

import math

import numpy as np
import numpy.typing as npt

from wim._jit import helper, inlined, njit
from wim.kernels.elementary import cosine, exponential, logarithm

__all__ = ["estimate_jointly"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_TWO_PI = 6.283185307179586
_LEAST_VARIANCE_KG2 = 1.0e-3
_QUARTER_TURN = 1.5707963267948966


@inlined
def _oscillation(lag_s: float, frequency_hz: float, damping: float) -> float:
    """Return the correlation of the force of a damped body on a random road.

    A second-order system whose input is white in velocity, as a road of ISO 8608 is:
    no constant part, so that a long lag says nothing for or against the static load.
    """
    omega = _TWO_PI * frequency_hz
    decay = damping * omega
    swing = omega * math.sqrt(1.0 - damping * damping)
    angle = swing * lag_s
    wave = cosine(angle) - decay / swing * cosine(angle - _QUARTER_TURN)
    return exponential(-decay * lag_s) * wave


@njit
def estimate_jointly(
    places_m: Floats,
    pace_mps: float,
    axles: Integers,
    rows: Integers,
    loads_kg: Floats,
    own_variances_kg2: Floats,
    row_variances: Floats,
    swings_kg: Floats,
    kinship: Floats,
    bounces: Floats,
    hop: Floats,
    scales: Floats,
    means_kg: Floats,
    covariance_kg2: Floats,
    weights: Floats,
) -> None:
    """Estimate the loads and their covariance.

    Args:
        places_m: where each of n crossings happened, shape (n,).
        pace_mps: mean speed; one for all, so that what is drawn from it stays a
            covariance.
        axles: whose crossing, 0 to a-1, each at least once, shape (n,).
        rows: on which row, shape (n,).
        loads_kg: what the row saw, shape (n,).
        own_variances_kg2: what is independent from crossing to crossing, > 0, (n,).
        row_variances: relative, of what the axles have in common at a row, (rows,).
        swings_kg: standard deviation of each axle's dynamic load, shape (a,).
        kinship: correlation of the dynamic loads of two axles at the same place, of
            bounce and hop, shape (2, a, a).
        bounces: suppositions of the body's bounce: frequency [Hz], damping ratio and
            prior probability, shape (b, 3).
        hop: frequency [Hz], damping ratio and share of the variance, shape (3,).
        scales: suppositions of the swings' scale: factor of the variance and prior
            probability, shape (s, 2).
        means_kg: written, shape (a,).
        covariance_kg2: written, shape (a, a).
        weights: written, the probability of each supposition, shape (b, s).
    """
    n = places_m.shape[0]
    a = swings_kg.shape[0]
    b = bounces.shape[0]
    many = scales.shape[0]
    # all suppositions side by side, in the last place of every array: each goes
    # through its own sums in the same order, and the processor takes several at once
    q = b * many
    factor = np.empty(n * n * q)
    solved = np.empty((a + 1) * n * q)
    normal = np.empty(a * a * q)
    right = np.empty(a * q)
    means = np.empty(a * q)
    covariances = np.empty(a * a * q)
    total = np.empty(q)
    square = np.zeros(q)
    log_evidence = np.empty(q)
    scale = np.empty(q)
    for h in range(q):
        scale[h] = scales[h % many, 0]
        chance = bounces[h // many, 2] * scales[h % many, 1]
        log_evidence[h] = logarithm(chance) if chance > 0.0 else -1.0e300
    lag_of, waves = _waves(places_m, pace_mps, bounces, hop, many)
    # factor[i, k] is the root of the covariance, solved[c, i] what it makes of the
    # axles' columns and, last, of the loads
    for i in range(n):
        for k in range(i + 1):
            fixed = 0.0
            if rows[i] == rows[k]:
                fixed = row_variances[rows[i]] * loads_kg[i] * loads_kg[k]
            if i == k:
                fixed += own_variances_kg2[i]
            both = swings_kg[axles[i]] * swings_kg[axles[k]]
            lag = waves[lag_of[i, k]]
            hopping = hop[2] * both * kinship[1, axles[i], axles[k]] * lag[q]
            bouncing = (1.0 - hop[2]) * both * kinship[0, axles[i], axles[k]]
            for h in range(q):
                total[h] = fixed + scale[h] * (hopping + bouncing * lag[h])
            _gather(total, -1.0, factor, i * n * q, q, factor, k * n * q, q, k)
            if i == k:
                _root(total, _LEAST_VARIANCE_KG2, factor, (i * n + i) * q, log_evidence)
            else:
                _divide(total, factor, (k * n + k) * q, factor, (i * n + k) * q)
    # until an axle crosses its first row, nothing but noughts is made of its column
    begins = np.zeros(a + 1, dtype=np.int64)
    for i in range(n - 1, -1, -1):
        begins[axles[i]] = i
    for i in range(n):
        for c in range(a + 1):
            at = begins[c]
            if i < at:
                continue
            own = 1.0 if axles[i] == c else 0.0
            _fill(total, loads_kg[i] if c == a else own)
            row, column = (i * n + at) * q, (c * n + at) * q
            _gather(total, -1.0, factor, row, q, solved, column, q, i - at)
            _divide(total, factor, (i * n + i) * q, solved, (c * n + i) * q)
        loads_at = (a * n + i) * q
        _gather(square, 1.0, solved, loads_at, 0, solved, loads_at, 0, 1)
    for c in range(a):
        for d in range(c + 1):
            _fill(total, 0.0)
            at = max(begins[c], begins[d])
            one, other = (c * n + at) * q, (d * n + at) * q
            _gather(total, 1.0, solved, one, q, solved, other, q, n - at)
            _gather(total, -1.0, normal, c * a * q, q, normal, d * a * q, q, d)
            if c == d:
                _root(total, 1.0e-30, normal, (c * a + c) * q, log_evidence)
            else:
                _divide(total, normal, (d * a + d) * q, normal, (c * a + d) * q)
        _fill(total, 0.0)
        at = begins[c]
        one, other = (c * n + at) * q, (a * n + at) * q
        _gather(total, 1.0, solved, one, q, solved, other, q, n - at)
        _gather(total, -1.0, normal, c * a * q, q, right, 0, q, c)
        _divide(total, normal, (c * a + c) * q, right, c * q)
        _gather(square, -1.0, right, c * q, 0, right, c * q, 0, 1)
    _backward(a, q, total, normal, right, means, 0)
    for d in range(a):
        # column d of the inverse: forward, then backward
        for c in range(a):
            _fill(total, 1.0 if c == d else 0.0)
            _gather(total, -1.0, normal, c * a * q, q, right, 0, q, c)
            _divide(total, normal, (c * a + c) * q, right, c * q)
        _backward(a, q, total, normal, right, covariances, d * a * q)
    best = -1.0e300
    for h in range(q):
        log_evidence[h] -= 0.5 * square[h]
        best = max(best, log_evidence[h])

    whole = 0.0
    for h in range(q):
        total[h] = exponential(log_evidence[h] - best)
        whole += total[h]
    for c in range(a):
        means_kg[c] = 0.0
        for h in range(q):
            means_kg[c] += total[h] / whole * means[c * q + h]
        for d in range(a):
            covariance_kg2[c, d] = 0.0
    for h in range(q):
        total[h] /= whole
        weights[h // many, h % many] = total[h]
        for c in range(a):
            off = means[c * q + h] - means_kg[c]
            for d in range(a):
                other = means[d * q + h] - means_kg[d]
                spread = covariances[(d * a + c) * q + h] + off * other
                covariance_kg2[c, d] += total[h] * spread


@helper
def _gather(
    total: Floats,
    sign: float,
    one: Floats,
    one_at: int,
    one_step: int,
    other: Floats,
    other_at: int,
    other_step: int,
    count: int,
) -> None:
    """Add products one after the other, of each supposition its own."""
    q = np.uint64(total.shape[0])
    first = np.uint64(one_at)
    second = np.uint64(other_at)
    for _ in range(count):
        for h in range(q):
            total[h] += sign * one[first + h] * other[second + h]
        first += np.uint64(one_step)
        second += np.uint64(other_step)


@inlined
def _fill(total: Floats, value: float) -> None:
    for h in range(total.shape[0]):
        total[h] = value


@helper
def _divide(
    total: Floats, by: Floats, by_at: int, written: Floats, written_at: int
) -> None:
    """Write quotients, of each supposition its own."""
    for h in range(total.shape[0]):
        written[written_at + h] = total[h] / by[by_at + h]


@helper
def _root(
    total: Floats, least: float, written: Floats, at: int, log_evidence: Floats
) -> None:
    """Write square roots and take their logarithms off the evidence."""
    for h in range(total.shape[0]):
        written[at + h] = math.sqrt(max(total[h], least))
        log_evidence[h] -= logarithm(written[at + h])


@helper
def _backward(
    a: int,
    q: int,
    total: Floats,
    normal: Floats,
    right: Floats,
    written: Floats,
    at: int,
) -> None:
    """Solve the second half of the normal equations."""
    for c in range(a - 1, -1, -1):
        for h in range(q):
            total[h] = right[c * q + h]
        below = (c + 1) * a + c
        count = a - 1 - c
        _gather(
            total, -1.0, normal, below * q, a * q, written, at + (c + 1) * q, q, count
        )
        _divide(total, normal, (c * a + c) * q, written, at + c * q)


@helper
def _waves(
    places_m: Floats, pace_mps: float, bounces: Floats, hop: Floats, many: int
) -> tuple[Integers, Floats]:
    """Return how far crossings are apart, by number, and what swings over such a way.

    Axles cross the same few rows: how an oscillation goes on is found once for each
    way from one to another. The first array has the number of the way between two
    crossings, shape (n, n), the later one first; the second has, for each way, the
    correlation of each supposition, ``many`` of the same bounce side by side, and,
    last, of the hop.
    """
    n = places_m.shape[0]
    q = bounces.shape[0] * many
    lag_of = np.empty((n, n), dtype=np.int64)
    ways_m = np.empty(n * n)
    waves = np.empty((n * n, q + 1))
    count = 0
    for i in range(n):
        for k in range(i + 1):
            way_m = abs(places_m[i] - places_m[k])
            at = 0
            while at < count and ways_m[at] != way_m:
                at += 1
            lag_of[i, k] = at
            if at < count:
                continue
            ways_m[at] = way_m
            count += 1
            for h in range(0, q + 1, many):
                # one call for bounce and hop: it is written out where it stands
                kind = bounces[h // many] if h < q else hop
                wave = _oscillation(way_m / pace_mps, kind[0], kind[1])
                for s in range(h, min(h + many, q + 1)):
                    waves[at, s] = wave
    return lag_of, waves
