"""Static loads of all axles of a vehicle at once, from what the rows saw of each.

Generalised least squares under several suppositions of how the vehicle bounces, each
weighed by how well it explains the differences between the rows. Sums keep their
order and no library's transcendental function is called, so the bits are the same on
every processor.
"""

import math

import numpy as np
import numpy.typing as npt

from wim._jit import njit
from wim.kernels.elementary import cosine, exponential, logarithm

__all__ = ["estimate_jointly"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_TWO_PI = 6.283185307179586
_LEAST_VARIANCE_KG2 = 1.0e-3
_QUARTER_TURN = 1.5707963267948966


@njit
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
    apart = np.zeros((n, n))
    hopping = np.zeros((n, n))
    fixed = np.zeros((n, n))
    moving = np.zeros((n, n))
    factor = np.zeros((n, n))
    solved = np.zeros((n, a + 1))
    normal = np.zeros((a, a))
    right = np.zeros(a)
    all_means = np.zeros((b, many, a))
    all_covariances = np.zeros((b, many, a, a))

    for i in range(n):
        for k in range(i + 1):
            apart[i, k] = abs(places_m[i] - places_m[k]) / pace_mps
            both = swings_kg[axles[i]] * swings_kg[axles[k]]
            alike = kinship[1, axles[i], axles[k]]
            wave = _oscillation(apart[i, k], hop[0], hop[1])
            hopping[i, k] = hop[2] * both * alike * wave
            if rows[i] == rows[k]:
                fixed[i, k] = row_variances[rows[i]] * loads_kg[i] * loads_kg[k]
        fixed[i, i] += own_variances_kg2[i]

    best = -1.0e300
    for f in range(b):
        for i in range(n):
            for k in range(i + 1):
                both = swings_kg[axles[i]] * swings_kg[axles[k]]
                alike = kinship[0, axles[i], axles[k]]
                wave = _oscillation(apart[i, k], bounces[f, 0], bounces[f, 1])
                moving[i, k] = hopping[i, k] + (1.0 - hop[2]) * both * alike * wave
        for s in range(many):
            chance = bounces[f, 2] * scales[s, 1]
            log_evidence = logarithm(chance) if chance > 0.0 else -1.0e300
            for i in range(n):
                for k in range(i + 1):
                    total = fixed[i, k] + scales[s, 0] * moving[i, k]
                    for j in range(k):
                        total -= factor[i, j] * factor[k, j]
                    if i == k:
                        factor[i, i] = math.sqrt(max(total, _LEAST_VARIANCE_KG2))
                        log_evidence -= logarithm(factor[i, i])
                    else:
                        factor[i, k] = total / factor[k, k]
            square = 0.0
            for i in range(n):
                for c in range(a + 1):
                    own = 1.0 if axles[i] == c else 0.0
                    total = loads_kg[i] if c == a else own
                    for j in range(i):
                        total -= factor[i, j] * solved[j, c]
                    solved[i, c] = total / factor[i, i]
                square += solved[i, a] * solved[i, a]
            for c in range(a):
                for d in range(c + 1):
                    total = 0.0
                    for i in range(n):
                        total += solved[i, c] * solved[i, d]
                    for j in range(d):
                        total -= normal[c, j] * normal[d, j]
                    if c == d:
                        normal[c, c] = math.sqrt(max(total, 1.0e-30))
                        log_evidence -= logarithm(normal[c, c])
                    else:
                        normal[c, d] = total / normal[d, d]
                total = 0.0
                for i in range(n):
                    total += solved[i, c] * solved[i, a]
                for j in range(c):
                    total -= normal[c, j] * right[j]
                right[c] = total / normal[c, c]
                square -= right[c] * right[c]
            log_evidence -= 0.5 * square
            for c in range(a - 1, -1, -1):
                total = right[c]
                for j in range(c + 1, a):
                    total -= normal[j, c] * all_means[f, s, j]
                all_means[f, s, c] = total / normal[c, c]
            for d in range(a):
                # column d of the inverse: forward, then backward
                for c in range(a):
                    total = 1.0 if c == d else 0.0
                    for j in range(c):
                        total -= normal[c, j] * right[j]
                    right[c] = total / normal[c, c]
                for c in range(a - 1, -1, -1):
                    total = right[c]
                    for j in range(c + 1, a):
                        total -= normal[j, c] * all_covariances[f, s, j, d]
                    all_covariances[f, s, c, d] = total / normal[c, c]
            weights[f, s] = log_evidence
            best = max(best, log_evidence)

    total = 0.0
    for f in range(b):
        for s in range(many):
            weights[f, s] = exponential(weights[f, s] - best)
            total += weights[f, s]
    for c in range(a):
        means_kg[c] = 0.0
        for f in range(b):
            for s in range(many):
                means_kg[c] += weights[f, s] / total * all_means[f, s, c]
    for c in range(a):
        for d in range(a):
            covariance_kg2[c, d] = 0.0
    for f in range(b):
        for s in range(many):
            weights[f, s] /= total
            for c in range(a):
                off = all_means[f, s, c] - means_kg[c]
                for d in range(a):
                    other = all_means[f, s, d] - means_kg[d]
                    spread = all_covariances[f, s, c, d] + off * other
                    covariance_kg2[c, d] += weights[f, s] * spread
