"""What the signal of a run rests on, and the run above it."""

import numpy as np

from wim._jit import helper
from wim.kernels.elementary import cosine_sine
from wim.kernels.layout import LANES, Counts, Floats

__all__ = ["find_levels", "lift", "ordered_sum", "settle"]


@helper
def lift(
    run: Counts,
    length: int,
    n0: int,
    column: int,
    reals: Floats,
    tile: int,
    factors: Floats,
    wave: Floats,
    force: Floats,
) -> None:
    """Write the samples of a run above the offset, with hum and droop undone."""
    offset = reals[column]
    droop = reals[15 * LANES + column]
    hum_c = reals[8 * LANES + column]
    hum_s = reals[9 * LANES + column]
    for i in range(length):
        force[i] = run[i] - offset
    cosines = wave[:tile]
    sines = wave[tile:]
    c, s = cosine_sine(n0 * factors[9])
    turn_c, turn_s = cosine_sine(tile * factors[9])
    for begin in range(0, length, tile):
        if begin % (64 * tile) == 0:
            # afresh now and then, so that rounding does not add up
            c, s = cosine_sine((n0 + begin) * factors[9])
        along = hum_c * c + hum_s * s
        across = hum_s * c - hum_c * s
        part = force[begin : min(begin + tile, length)]
        for k in range(part.shape[0]):
            part[k] -= along * cosines[k] + across * sines[k]
        c, s = c * turn_c - s * turn_s, s * turn_c + c * turn_s
    if droop > 0.0:
        undershoot = reals[17 * LANES + column]
        for i in range(length):
            undershoot -= droop * force[i]
            force[i] -= undershoot


@helper
def ordered_sum(values: Floats, begin: int, end: int) -> float:
    """Return a sum in four strands, in a fixed order."""
    a = b = c = d = 0.0
    i = begin
    while i + 4 <= end:
        a += values[i]
        b += values[i + 1]
        c += values[i + 2]
        d += values[i + 3]
        i += 4
    while i < end:
        a += values[i]
        i += 1
    return (a + b) + (c + d)


@helper
def find_levels(
    length: int,
    look: int,
    tail: int,
    column: int,
    reals: Floats,
    tile: int,
    factors: Floats,
    force: Floats,
    levels: Floats,
) -> None:
    """Find what the signal rests on before and after a run.

    Level and bridge are estimated together, each held to zero by what is known of it
    beforehand: the offset follows for a second and is mostly better than a few
    milliseconds before the pulse; the bridge is what the droop leaves when its time
    constant is a little wrong.

    ``levels`` becomes: 0 level, 1 bridge, 2-3 samples between which it is drawn, 4-6
    variance of level, of bridge and their covariance, 7 closure, 8 variance of one
    sample, 9 bridge per sample, 10 variance of a tile's mean.
    """
    before = look - min(3 * tile, look // 2)
    after = max(tail - tile, 0)
    end = length - after
    variance = reals[12 * LANES + column]
    pre = 0.0
    if before > 0:
        pre = ordered_sum(force, 0, before) / before
        even = odd = 0.0
        for i in range(1, before, 2):
            a = force[i - 1] - pre
            b = force[i] - pre
            even += a * a
            odd += b * b
        # the channel's own history counts as much as fifteen tiles
        history = 15.0 * tile
        variance = (even + odd + history * variance) / (before + history)
    variance = max(variance, 1.0 / 12.0)
    tile_variance = max(reals[5 * LANES + column], variance / tile)
    post = ordered_sum(force, end, length) / after if after > 0 else 0.0
    precision_pre = before / (tile * tile_variance)
    precision_post = after / (tile * tile_variance)

    undershoot = abs(reals[17 * LANES + column])
    undone = reals[15 * LANES + column]
    if undone > 0.0:
        undone *= abs(ordered_sum(force, before, end))
    own = factors[11] * np.sqrt(tile_variance) + 0.05
    level_sigma = own + factors[8] * undershoot
    bridge_sigma = own + factors[8] * (undershoot + undone)
    closure = 0.0
    if before > 0:
        expected = level_sigma * level_sigma + 1.0 / precision_pre
        if pre * pre > 16.0 * expected:
            # nothing known explains it: believe what is seen
            level_sigma = abs(pre)
    if before > 0 and after > 0:
        closure = post - pre
        expected = bridge_sigma * bridge_sigma
        expected += 1.0 / precision_pre + 1.0 / precision_post
        if closure * closure > 16.0 * expected:
            bridge_sigma = abs(closure)

    a = 1.0 / (level_sigma * level_sigma) + precision_pre + precision_post
    b = precision_post
    d = 1.0 / (bridge_sigma * bridge_sigma) + precision_post
    p = precision_pre * pre + precision_post * post
    q = precision_post * post
    determinant = a * d - b * b
    levels[0] = (d * p - b * q) / determinant
    levels[1] = (a * q - b * p) / determinant
    levels[2] = before
    levels[3] = max(end, before + 1)
    levels[4] = d / determinant
    levels[5] = a / determinant
    levels[6] = -b / determinant
    levels[7] = closure
    levels[8] = variance
    levels[9] = levels[1] / (levels[3] - levels[2])
    levels[10] = tile_variance


@helper
def settle(length: int, levels: Floats, force: Floats, work: Floats) -> None:
    """Take the baseline off; ``work[i]`` becomes the sum of the first ``i`` samples."""
    level = levels[0]
    slope = levels[9]
    # without a sign: the compiler sees that no index counts from the end
    begin = np.uint64(min(int(levels[2]), length))
    end = np.uint64(min(int(levels[3]), length))
    for i in range(begin):
        force[i] -= level
    for i in range(begin, end):
        force[i] -= level + slope * (i - begin)
    for i in range(end, np.uint64(length)):
        force[i] -= level + levels[1]
    total = 0.0
    work[0] = 0.0
    i = 0
    while i + 4 <= length:
        two = force[i] + force[i + 1]
        four = two + (force[i + 2] + force[i + 3])
        work[i + 1] = total + force[i]
        work[i + 2] = total + two
        work[i + 3] = total + (two + force[i + 2])
        total += four
        work[i + 4] = total
        i += 4
    while i < length:
        total += force[i]
        i += 1
        work[i] = total
