"""What the rows of a lane say of each axle: loads, speeds and times.

Hits, rows and axles have a table each; the columns of the first two have modules of
their own, ``hit_table`` and ``row_table``.
"""

import numpy as np
import numpy.typing as npt

from wim._jit import inlined, njit
from wim.kernels.hit_table import (
    AREA,
    AREA_SIGMA,
    CENTRE,
    CLIPPED,
    END,
    FALL,
    FORCE,
    HEALTHY,
    IS_PLATE,
    PLACE,
    PLATEAU,
    RANK,
    RISE,
    ROW,
    SIDE,
    START,
    WIDTH,
)
from wim.kernels.motion import sigma_at, speed_at, time_over
from wim.kernels.row_table import (
    AT,
    AXLE,
    FULL,
    LEFT,
    LEFT_KG,
    LOAD,
    RIGHT,
    RIGHT_KG,
    ROW_NUMBER,
    ROW_PLACE,
    ROW_RANK,
    SEEN,
    SIGMA,
    SKEW,
    SPEED,
    SPEED_SIGMA,
    WHOLE,
)

__all__ = ["AXLE_COLUMNS", "footprint", "weigh_rows"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

AXLE_COLUMNS = 7
"""0 when it was over the first row; 1 load; 2 left; 3 right [kg]; 4 footprint [m]; 5
sides known (1 left, 2 right); 6 whether the footprint is."""


@njit
def weigh_rows(
    hits: Floats,
    ends: Integers,
    first_s: Floats,
    step_s: Floats,
    starts: Floats,
    means: Floats,
    parts: Floats,
    sigmas: Floats,
    way_of: Integers,
    smooth: int,
    contact: float,
    rough_sigma: float,
    gravity: float,
    rows: Floats,
    axles: Floats,
) -> int:
    """Weigh axles row by row, with the speed at each strip.

    Args:
        hits: axle after axle, shape (n, HIT_COLUMNS).
        ends: where each axle's hits end, shape (axles,).
        first_s: when each way begins, shape (ways,).
        step_s: length of its parts, shape (ways,).
        starts: where each axle is then [m], shape (axles,).
        means: its mean speed [m/s], shape (axles,).
        parts: the ways, see ``motion``, shape (ways, parts, 4).
        sigmas: uncertainty of their speeds, shape (ways, parts).
        way_of: which way each axle goes, shape (axles,).
        smooth: 1 where the ways tell the speed at each strip; 0 where they do not and
            the length of each pulse does, roughly:
        contact: way of a wheel over a strip [m], with
        rough_sigma: relative uncertainty.
        gravity: [m/s²].
        rows: shape (n, ROW_COLUMNS); written.
        axles: shape (axles, AXLE_COLUMNS); written.

    Returns:
        How many rows were written.
    """
    written = 0
    begin = 0
    for a in range(ends.shape[0]):
        end = ends[a]
        way = way_of[a]
        t0 = first_s[way]
        step = step_s[way]
        own = parts[way]
        first_row = written
        for i in range(begin, end):
            rank = hits[i, RANK]
            known = False
            for k in range(begin, i):
                known = known or hits[k, RANK] == rank
            if known:
                continue
            # the row is begun by its first wheel
            seen = 0
            count = 0
            at = place = speeds = variance = 0.0
            left = right = full = 0.0
            right_late = right_apart = 0.0
            for k in range(i, end):
                if hits[k, RANK] != rank or hits[k, HEALTHY] == 0.0:
                    continue
                if smooth != 0:
                    speed = speed_at(hits[k, CENTRE], t0, step, own)
                else:
                    speed = contact / max(_contact_s(hits[k], contact), 1e-3)
                speed = max(speed, 0.0)
                area = hits[k, AREA]
                kg = area * speed / hits[k, FORCE] / gravity
                share = kg * hits[k, AREA_SIGMA] / max(area, 1e-12)
                variance += share * share
                count += 1
                at += hits[k, CENTRE]
                place += hits[k, PLACE]
                speeds += speed
                if hits[k, SIDE] == 0.0:
                    left += kg
                    seen |= LEFT
                    right_late -= hits[k, CENTRE]
                    right_apart -= hits[k, PLACE]
                elif hits[k, SIDE] == 1.0:
                    right += kg
                    seen |= RIGHT
                    right_late += hits[k, CENTRE]
                    right_apart += hits[k, PLACE]
                else:
                    full += kg
                    seen |= FULL
            if count == 0:
                continue
            at /= count
            speed = speeds / count
            row = rows[written]
            row[AXLE] = a
            row[ROW_RANK] = rank
            row[ROW_NUMBER] = hits[i, ROW]
            row[AT] = at
            row[ROW_PLACE] = place / count
            row[SPEED] = speed
            row[SPEED_SIGMA] = rough_sigma * speed
            row[SKEW] = np.nan
            if smooth != 0:
                row[SPEED_SIGMA] = sigma_at(at, t0, step, sigmas[way])
                if seen == LEFT | RIGHT:
                    row[SKEW] = right_late * speed - right_apart
            row[LEFT_KG] = left
            row[RIGHT_KG] = right
            row[LOAD] = left + right + full
            row[SIGMA] = np.sqrt(variance)
            row[SEEN] = seen
            row[WHOLE] = 1.0 if seen == LEFT | RIGHT or seen >= FULL else 0.0
            written += 1
        _weigh_axle(rows[first_row:written], axles[a])
        entry = hits[begin, RANK]
        for i in range(begin, end):
            entry = min(entry, hits[i, RANK])
        near = 0.0
        count = 0
        for i in range(begin, end):
            if hits[i, RANK] == entry:
                near += hits[i, CENTRE]
                count += 1
        near /= count
        axles[a, 0] = near
        if smooth != 0 or entry > 0.0:
            axles[a, 0] = time_over(0.0, near, starts[a], means[a], t0, step, own)
        axles[a, 6] = 0.0
        if smooth != 0:
            _measure_contact(hits[begin:end], t0, step, own, axles[a])
        begin = end
    return written


@inlined
def _contact_s(hit: Floats, usual: float) -> float:
    """Return how long a wheel took for the usual way of contact, as its strip tells it.

    A strip is over about when the contact is. A plate's area over its plateau is how
    long the wheel took for the plate's width, and load and speed by that are right
    wherever the wheel was carried wholly: the load is that of the plateau.
    """
    if hit[PLATEAU] > 0.0:
        return float(hit[AREA] / hit[PLATEAU] * usual / hit[WIDTH])
    return float(hit[END] - hit[START])


@inlined
def _weigh_axle(rows: Floats, axle: Floats) -> None:
    """Take the means over the rows; whole rows are preferred for the load."""
    n = rows.shape[0]
    whole = left = right = load = 0.0
    wholes = lefts = rights = 0
    for i in range(n):
        seen = int(rows[i, SEEN])
        load += rows[i, LOAD]
        if rows[i, WHOLE] != 0.0:
            whole += rows[i, LOAD]
            wholes += 1
        if seen & LEFT:
            left += rows[i, LEFT_KG]
            lefts += 1
        if seen & RIGHT:
            right += rows[i, RIGHT_KG]
            rights += 1
    known = 0
    if lefts > 0:
        left /= lefts
        known |= LEFT
    if rights > 0:
        right /= rights
        known |= RIGHT
    axle[2] = left
    axle[3] = right
    axle[5] = known
    if wholes > 0:
        axle[1] = whole / wholes
    elif known == 3:
        axle[1] = left + right
    else:
        axle[1] = load / n if n > 0 else 0.0


@inlined
def _measure_contact(
    hits: Floats, first_s: float, step_s: float, parts: Floats, axle: Floats
) -> None:
    """Write the length of contact: the middle one of those that the strips show."""
    found = np.empty(hits.shape[0])
    count = 0
    for i in range(hits.shape[0]):
        if hits[i, IS_PLATE] != 0.0 or hits[i, CLIPPED] != 0.0:
            continue
        lasts = hits[i, FALL] - hits[i, RISE]
        half = lasts * speed_at(hits[i, CENTRE], first_s, step_s, parts)
        long = footprint(half, hits[i, WIDTH])
        k = count
        while k > 0 and found[k - 1] > long:
            found[k] = found[k - 1]
            k -= 1
        found[k] = long
        count += 1
    if count > 0:
        axle[4] = found[count // 2]
        axle[6] = 1.0


@inlined
def footprint(half_height_m: float, width_m: float) -> float:
    """Return the length of the footprint behind a pulse.

    The pressure of a tyre is near a parabola along its length; a strip of width ``L``
    makes of it a pulse that is ``W`` long at half its height, and
    ``F = sqrt(2 W² + L²/3)`` while the strip is narrower than the footprint.

    Args:
        half_height_m: length of the pulse at half its height, times the speed.
        width_m: of the strip.

    >>> round(footprint(0.15404, 0.053), 4)
    0.22
    """
    if half_height_m <= width_m:
        return half_height_m
    square = 2.0 * half_height_m * half_height_m + width_m * width_m / 3.0
    return float(np.sqrt(square))
