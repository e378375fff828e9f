"""The way of a vehicle from the times at which its axles crossed rows.

Arrays and numbers in and out. The acceleration is a broken line over time; how much it
may bend is chosen by generalised cross-validation among the values that are given.
"""

import numpy as np
import numpy.typing as npt

from wim._jit import inlined, njit

__all__ = ["fit_way"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@njit
def fit_way(
    times: Floats,
    places: Floats,
    axle: Integers,
    axles: int,
    steps: int,
    spreads: Floats,
    noise: float,
    gain_spread: float,
    factors: Floats,
    starts: Floats,
    sigmas: Floats,
) -> tuple[float, float, float]:
    """Fit one way to crossings; all axles share it, each begins at a place of its own.

    The way is ``start + v t + a t²/2`` from the first crossing on, plus what changes
    of the acceleration do, one over each of ``steps`` equal parts of the time.

    Args:
        times: of the crossings [s], the first of all being 0, shape (n,).
        places: of the rows [m], shape (n,).
        axle: which axle crossed, shape (n,).
        axles: how many there are.
        steps: parts of the time.
        spreads: variances of the change of acceleration a second to choose from
            [m²/s⁵], ascending.
        noise: standard deviation of a place at best [m].
        gain_spread: standard deviation of the first acceleration [m/s²].
        factors: v, a and the changes, shape (2 + steps,); written.
        starts: places of the axles at time 0, shape (axles,); written.
        sigmas: standard uncertainty of the speed at the ends of the parts, shape
            (steps + 1,); written.

    Returns:
        Sum of the squares that are left [m²], how many figures the way used, and the
        spread that was chosen.
    """
    n = times.shape[0]
    size = 2 + steps
    last = 0.0
    for i in range(n):
        last = max(last, times[i])
    step = last / steps
    basis = np.zeros((n, size + 1))
    means = np.zeros((axles, size + 1))
    seen = np.zeros(axles)
    for i in range(n):
        t = times[i]
        basis[i, 0] = t
        basis[i, 1] = 0.5 * t * t
        for k in range(steps):
            since = t - k * step
            if since <= 0.0:
                break
            if since < step:
                basis[i, 2 + k] = since * since * since / (6.0 * step)
            else:
                rest = since - step
                basis[i, 2 + k] = (
                    step * step / 6.0 + 0.5 * step * rest + 0.5 * rest * rest
                )
        basis[i, size] = places[i]
        seen[axle[i]] += 1.0
        for k in range(size + 1):
            means[axle[i], k] += basis[i, k]
    used = 0
    for i in range(axles):
        if seen[i] > 0.0:
            used += 1
            for k in range(size + 1):
                means[i, k] /= seen[i]
    freedom = n - used
    normal = np.zeros((size + 1, size + 1))
    own = np.zeros(size + 1)
    for i in range(n):
        for k in range(size + 1):
            own[k] = basis[i, k] - means[axle[i], k]
        for j in range(size + 1):
            for k in range(j, size + 1):
                normal[j, k] += own[j] * own[k]
    for j in range(size + 1):
        for k in range(j):
            normal[j, k] = normal[k, j]

    lower = np.zeros((size, size))
    inverse = np.zeros((size, size))
    ridge = np.zeros(size)
    trial = np.zeros(size)
    best_inverse = np.zeros((size, size))
    best_score = np.inf
    best_left = 0.0
    best_used = 0.0
    best_spread = spreads[0]
    for choice in range(spreads.shape[0]):
        ridge[0] = noise * noise * 1e-4
        ridge[1] = noise * noise / (gain_spread * gain_spread)
        for k in range(steps):
            ridge[2 + k] = noise * noise / (spreads[choice] * step)
        _invert(normal, ridge, lower, inverse, size)
        for j in range(size):
            total = 0.0
            for k in range(size):
                total += inverse[j, k] * normal[k, size]
            trial[j] = total
        left = normal[size, size]
        figures = 0.0
        for j in range(size):
            left -= 2.0 * trial[j] * normal[j, size]
            for k in range(size):
                left += trial[j] * normal[j, k] * trial[k]
            figures += 1.0 - ridge[j] * inverse[j, j]
        left = max(left, 0.0)
        room = freedom - 1.3 * figures
        if choice == 0:
            room = max(room, 0.1 * freedom)
        if room <= 0.05 * freedom:
            continue
        score = (left + freedom * noise * noise) / (room * room)
        if score < 0.9 * best_score:
            best_score = score
            best_left = left
            best_used = figures
            best_spread = spreads[choice]
            for j in range(size):
                factors[j] = trial[j]
                for k in range(size):
                    best_inverse[j, k] = inverse[j, k]

    for i in range(axles):
        starts[i] = np.nan
        if seen[i] > 0.0:
            start = means[i, size]
            for k in range(size):
                start -= factors[k] * means[i, k]
            starts[i] = start
    variance = noise * noise
    if freedom - best_used > 0.5:
        variance = max(variance, best_left / (freedom - best_used))
    slope = np.zeros(size)
    for m in range(steps + 1):
        t = m * step
        slope[0] = 1.0
        slope[1] = t
        for k in range(steps):
            since = t - k * step
            if since <= 0.0:
                slope[2 + k] = 0.0
            elif since < step:
                slope[2 + k] = 0.5 * since * since / step
            else:
                slope[2 + k] = since - 0.5 * step
        total = 0.0
        for j in range(size):
            for k in range(size):
                total += slope[j] * best_inverse[j, k] * slope[k]
        sigmas[m] = np.sqrt(max(total * variance, 0.0))
    return best_left, best_used, best_spread


@inlined
def _invert(
    normal: Floats, ridge: Floats, lower: Floats, inverse: Floats, size: int
) -> None:
    """Invert the normal matrix with its ridge; the ridge keeps it definite.

    The columns of the inverse go side by side, so that the processor takes several at
    once; each goes through its own sums in their order.
    """
    for j in range(size):
        for k in range(j + 1):
            value = normal[j, k]
            if j == k:
                value += ridge[j]
            for i in range(k):
                value -= lower[j, i] * lower[k, i]
            if j == k:
                lower[j, j] = np.sqrt(max(value, 1e-30))
            else:
                lower[j, k] = value / lower[k, k]
    for j in range(size):
        for c in range(size):
            inverse[j, c] = 1.0 if j == c else 0.0
        for k in range(j):
            for c in range(size):
                inverse[j, c] -= lower[j, k] * inverse[k, c]
        for c in range(size):
            inverse[j, c] /= lower[j, j]
    for j in range(size - 1, -1, -1):
        for k in range(j + 1, size):
            for c in range(size):
                inverse[j, c] -= lower[k, j] * inverse[k, c]
        for c in range(size):
            inverse[j, c] /= lower[j, j]
