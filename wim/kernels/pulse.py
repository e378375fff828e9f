"""The pulses in one run of one channel, each from its own samples."""

import numpy as np

from wim._jit import helper, inlined
from wim.kernels.layout import LANES, Counts, Floats, Integers
from wim.kernels.levels import find_levels, lift, ordered_sum, settle
from wim.kernels.lobes import crossing, find_lobes, highest, join_lobes
from wim.kernels.told import tell

__all__ = ["measure"]

_DIP = 0.3


@inlined
def _plateau(
    rise: float, fall: float, share: float, length: int, work: Floats
) -> float:
    """Return the mean over the middle ``share`` of a pulse.

    It does not ask where a flank ends: on a wheel that hops that is read from its peak,
    and the plateau with it.
    """
    spare = 0.5 * (1.0 - share) * (fall - rise)
    i = min(max(int(rise + spare), 0), length - 1)
    j = min(max(int(fall - spare), i) + 1, length)
    return float((work[j] - work[i]) / (j - i))


@inlined
def _is_spike(begin: int, end: int, force: Floats, area: float) -> bool:
    """Tell whether two samples are most of what is there."""
    biggest = 0.0
    second = 0.0
    for i in range(begin, end):
        z = force[i]
        if z > biggest:
            second = biggest
            biggest = z
        elif z > second:
            second = z
    return biggest + second > 0.6 * area


@helper
def measure(
    column: int,
    length: int,
    n0: int,
    look: int,
    tail: int,
    reals: Floats,
    steps: Integers,
    factors: Floats,
    wave: Floats,
    runs: Counts,
    force: Floats,
    work: Floats,
    levels: Floats,
    lobes: Integers,
    out: Floats,
    written: int,
) -> int:
    """Write down the pulses in one run of one channel.

    A run is what lay between two quiet stretches, with some of both: ``look`` samples
    before and ``tail`` after. Where the signal falls to the threshold within it, one
    pulse ends and the next begins. No spike is a pulse.

    Returns:
        How many rows of ``out`` are written now.
    """
    tile = steps[0]
    run = runs[column]
    lift(run, length, n0, column, reals, tile, factors, wave, force)
    find_levels(length, look, tail, column, reals, tile, factors, force, levels)
    settle(length, levels, force, work)
    variance = levels[8]
    floor = reals[16 * LANES + column]

    level = reals[18 * LANES + column]
    plate = level != 0.0
    dip = _DIP if plate else 0.0
    # told apart on the shortest average that shows them, longer for a longer run
    half = steps[5] // 2 + min((length - look - tail) // 32, 8 * tile)
    found = 0
    high = floor
    while found == 0 and 2 * half < length:
        high = max(factors[0] * np.sqrt(variance / (2 * half + 1)), floor)
        begin = max(look - 5 * tile - half, 0)
        state = 0 if look >= 2 * tile else -1
        low = factors[1] * high
        found = find_lobes(length, begin, half, state, high, low, dip, work, lobes)
        if half > 2 * tile:
            break
        if found == 0:
            half = 2 * half + 1
    if found == 0:
        return written
    found = join_lobes(found, 2 * tile, dip, lobes)

    for k in range(found):
        i0 = lobes[k, 0]
        i1 = lobes[k, 1]
        left = half if k == 0 else (lobes[k - 1, 1] + i0) // 2
        right = length - half if k == found - 1 else (i1 + lobes[k + 1, 0]) // 2
        height = highest(work, half, i0, i1)
        begin = max(left, i0 - (i1 - i0) - half)
        end = min(right - 1, i1 + (i1 - i0) + half)
        rise = crossing(work, half, begin, end, 0.5 * height)
        fall = crossing(work, half, end, begin, 0.5 * height)
        # the average for the edges: as long as noise asks and the pulse allows
        asked = 144.0 * variance / (height * height)
        wide = max(fall - rise, 1.0)
        fine = int(0.5 * min(max(asked, 0.1 * wide), 0.33 * wide))
        begin = max(begin, fine)
        end = min(end, length - fine - 1)
        height = highest(work, fine, max(int(rise), begin), min(int(fall) + 1, end))
        rise = crossing(work, fine, begin, end, 0.5 * height)
        fall = crossing(work, fine, end, begin, 0.5 * height)
        wide = fall - rise
        if wide < steps[7]:
            continue

        share = factors[2] * wide
        i = max(int(min(rise - share, i0)), 0 if k == 0 else left)
        j = min(int(max(fall + share, i1)) + 1, length if k == found - 1 else right)
        area = work[j] - work[i]
        if area <= 0.0:
            continue
        if wide < 3 * steps[5] + 3 and _is_spike(i, j, force, area):
            continue
        n = j - i
        middle = 0.5 * (i + j - 1)
        # the moment about the middle out of the running sums
        moment = 0.5 * n * (work[j] + work[i]) - ordered_sum(work, i, j) - 0.5 * area
        top = run[i]
        tops = 0
        for at in range(np.uint64(i), np.uint64(j)):
            top = max(top, run[at])
        for at in range(np.uint64(i), np.uint64(j)):
            tops += 1 if run[at] == top else 0

        along = (min(max(middle, levels[2]), levels[3]) - levels[2]) / (
            levels[3] - levels[2]
        )
        resting = levels[4] + along * (2.0 * levels[6] + along * levels[5])
        resting += 0.04 * levels[1] * levels[1]
        # the offset follows the first of a wheel that comes slowly
        crept = 0.1 * high * min(1.0, wide * factors[3] / tile)
        resting += crept * crept
        hum_c = reals[8 * LANES + column]
        hum_s = reals[9 * LANES + column]
        unknown_hum = 2.0 * factors[4] * levels[10]
        unknown_hum += 0.0025 * (hum_c * hum_c + hum_s * hum_s)
        swing = float(n)
        if factors[9] > 0.0:
            swing = min(swing, 0.3183098861837907 / factors[9])
        unsure = n * variance + float(n) * n * resting + swing * swing * unknown_hum

        plateau = 0.0
        if plate:
            plateau = _plateau(rise, fall, level, length, work)
        row = out[written]
        row[0] = column
        row[1] = n0 + length - 1
        row[2] = height
        row[3] = levels[7]
        tell(
            column,
            float(n0 + i0),
            float(n0 + i1),
            n0 + rise,
            n0 + fall,
            n0 + middle + moment / area,
            area,
            np.sqrt(unsure),
            plateau,
            np.sqrt(variance),
            float(top),
            tops,
            reals,
            factors,
            row,
        )
        written += 1
    return written
