"""One way for all axles of a body, without the crossings that do not fit it."""

import numpy as np
import numpy.typing as npt

from wim._jit import inlined, njit
from wim.kernels.motion import place_at, sigma_at, speed_at
from wim.kernels.way import fit_way

__all__ = ["BODY_FIGURES", "fit_body"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

BODY_FIGURES = 7
"""Figures that ``fit_body`` tells: 0 when the way begins; 1 length of its parts; 2 sum
of the squares that are left; 3 figures that the way used; 4 mean acceleration and 5
mean speed over it; 6 whether it is smooth."""


@njit
def fit_body(
    at_s: Floats,
    places: Floats,
    axle: Integers,
    axles: int,
    spreads: Floats,
    few: int,
    few_spreads: int,
    place_sigma: float,
    gain_sigma: float,
    outlier: float,
    outlier_sigma: float,
    most_rest: float,
    most_speed_sigma: float,
    parts: Floats,
    sigmas: Floats,
    starts: Floats,
    dropped: Integers,
    figures: Floats,
) -> int:
    """Fit one way to crossings, again without the worst as long as it is far off.

    Args:
        at_s: when a row was crossed [s], shape (n,).
        places: of the rows [m], shape (n,).
        axle: which axle crossed, shape (n,).
        axles: how many there are.
        spreads: variances to choose from, see ``fit_way``.
        few: with so many crossings more than axles, or fewer,
        few_spreads: only so many of the spreads may be chosen.
        place_sigma: standard deviation of a place at best [m].
        gain_sigma: standard deviation of the first acceleration [m/s²].
        outlier: a crossing may be so far off [m], or
        outlier_sigma: so many standard deviations: the greater of both.
        most_rest: a smooth way leaves no more [m, root mean square],
        most_speed_sigma: and no speed less certain than that (relative).
        parts: the way, see ``motion``, shape (steps + 1, 4); written.
        sigmas: standard uncertainty of the speed there, shape (steps + 1,); written.
        starts: where each axle is when the way begins [m], shape (axles,); written.
        dropped: which crossings were left out, in that order, shape (n,); written.
        figures: shape (BODY_FIGURES,); written.

    Returns:
        How many crossings were left out, at most a quarter; -1 where no two rows were
        crossed or the way leads backwards.
    """
    n = at_s.shape[0]
    steps = parts.shape[0] - 1
    kept = np.empty(n, dtype=np.int64)
    for i in range(n):
        kept[i] = i
    left = n
    out = 0
    while True:
        seen = np.zeros(axles)
        used = 0
        for i in range(left):
            if seen[axle[kept[i]]] == 0.0:
                used += 1
                seen[axle[kept[i]]] = 1.0
        if left <= used:
            return -1
        first_s = last_s = at_s[kept[0]]
        for i in range(left):
            first_s = min(first_s, at_s[kept[i]])
            last_s = max(last_s, at_s[kept[i]])
        if last_s <= first_s:
            return -1
        times = np.empty(left)
        own_places = np.empty(left)
        own_axle = np.empty(left, dtype=np.int64)
        for i in range(left):
            times[i] = at_s[kept[i]] - first_s
            own_places[i] = places[kept[i]]
            own_axle[i] = axle[kept[i]]
        choices = spreads.shape[0]
        if left - used <= few:
            choices = min(few_spreads, choices)
        factors = np.zeros(2 + steps)
        starts[:] = 0.0
        sigmas[:] = 0.0
        squares, way_figures, _ = fit_way(
            times,
            own_places,
            own_axle,
            axles,
            steps,
            spreads[:choices],
            place_sigma,
            gain_sigma,
            factors,
            starts,
            sigmas,
        )
        step_s = (last_s - first_s) / steps
        place = 0.0
        speed = factors[0]
        gain = factors[1]
        for k in range(steps + 1):
            change = factors[2 + k] if k < steps else 0.0
            parts[k, 0] = place
            parts[k, 1] = speed
            parts[k, 2] = gain
            parts[k, 3] = change / step_s
            place += (speed + (0.5 * gain + change / 6.0) * step_s) * step_s
            speed += (gain + 0.5 * change) * step_s
            gain += change

        rests = np.empty(left)
        worst = 0
        for i in range(left):
            at = at_s[kept[i]]
            rest = own_places[i] - starts[own_axle[i]]
            rests[i] = abs(rest - place_at(at, first_s, step_s, parts))
            if rests[i] > rests[worst]:
                worst = i
        reach = max(outlier, outlier_sigma * 1.4826 * _median(rests))
        if rests[worst] <= reach or out >= n // 4:
            break
        dropped[out] = kept[worst]
        out += 1
        left -= 1
        for i in range(worst, left):
            kept[i] = kept[i + 1]

    total = 0.0
    smooth = np.sqrt(squares / left) <= most_rest
    for i in range(left):
        at = at_s[kept[i]]
        speed = speed_at(at, first_s, step_s, parts)
        total += speed
        sure = sigma_at(at, first_s, step_s, sigmas) <= most_speed_sigma * speed
        if not (speed > 0.0 and sure):
            smooth = False
    if total <= 0.0:
        return -1
    lasts = last_s - first_s
    gained = speed_at(last_s, first_s, step_s, parts)
    gained -= speed_at(first_s, first_s, step_s, parts)
    gone = place_at(last_s, first_s, step_s, parts)
    gone -= place_at(first_s, first_s, step_s, parts)
    figures[0] = first_s
    figures[1] = step_s
    figures[2] = squares
    figures[3] = way_figures
    figures[4] = gained / lasts
    figures[5] = gone / lasts
    figures[6] = 1.0 if smooth else 0.0
    return out


@inlined
def _median(values: Floats) -> float:
    """Return the middle of some values, the mean of two where there are two."""
    ordered = values.copy()
    n = ordered.shape[0]
    for i in range(1, n):
        value = ordered[i]
        k = i
        while k > 0 and ordered[k - 1] > value:
            ordered[k] = ordered[k - 1]
            k -= 1
        ordered[k] = value
    return float(0.5 * (ordered[(n - 1) // 2] + ordered[n // 2]))
