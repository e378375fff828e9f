"""What one tile of samples tells of all channels: quiet, noise, and what rises."""

import numpy as np

from wim._jit import helper, inlined
from wim.kernels.layout import LANES, Counts, Floats

__all__ = ["look_at", "sample_noise", "take_tile"]


@helper
def take_tile(
    rows: Counts,
    at: int,
    tile: int,
    columns: int,
    sums: Counts,
    ring: Counts,
    slot: int,
) -> None:
    """Copy a tile into the ring and sum it up; sums wrap around, which is no harm."""
    for c in range(columns):
        sums[c] = 0
    for i in range(tile):
        for c in range(columns):
            count = rows[at + i, c]
            ring[slot, i, c] = count
            sums[c] += count


@inlined
def _clipped(square: float, variance: float) -> float:
    """Return a square of at most four variances, made up for what that cuts off."""
    most = 4.0 * variance
    return 1.0863 * (square if square < most else most)


@helper
def look_at(
    columns: int,
    tile: int,
    waiting: int,
    below: int,
    sums: Counts,
    factors: Floats,
    phases: Floats,
    reals: Floats,
) -> int:
    """Take the sums of one tile into the state of all channels, eight at a time.

    Returns:
        How many channels have something to be done about.
    """
    share = factors[3]
    hum_share = 2.0 * factors[4] / share
    over_noise = factors[0]
    inverse = 1.0 / tile
    now_c = phases[0]
    now_s = phases[1]
    old_c = phases[6]
    old_s = phases[7]
    for c in range(columns):
        total = float(sums[c])
        above = total * inverse - reals[c]
        idle = reals[13 * LANES + c] == 0.0
        under = reals[LANES + c]
        under -= reals[14 * LANES + c] * (under if idle else above)
        hum = reals[8 * LANES + c] * now_c + reals[9 * LANES + c] * now_s
        r = above - under - hum
        r1 = reals[2 * LANES + c]
        r2 = reals[3 * LANES + c]
        r3 = reals[4 * LANES + c]
        pair = 0.5 * (r + r1)
        old_pair = 0.5 * (r2 + r3)
        quad = 0.5 * (pair + old_pair)
        high_2 = reals[10 * LANES + c]
        rises = (pair > high_2) | (quad > reals[11 * LANES + c])
        sinks = pair < -high_2
        calm = idle & (not rises) & (not sinks)
        quiet = reals[19 * LANES + c]
        # only what lies well before anything that may have begun by now
        w = share if calm & (quiet >= waiting) else 0.0
        h = hum_share * w * r3
        reals[c] += w * r3
        reals[8 * LANES + c] += h * old_c
        reals[9 * LANES + c] += h * old_s
        v1 = reals[5 * LANES + c]
        v2 = reals[6 * LANES + c]
        v4 = reals[7 * LANES + c]
        # slower than the offset and no more than two deviations at a time: a wheel that
        # creeps on must not be taken for noise
        slow = 0.125 * w
        v1 += slow * (_clipped(r3 * r3, v1) - v1)
        v2 += slow * (_clipped(old_pair * old_pair, v2) - v2)
        v4 += slow * (_clipped(quad * quad, v4) - v4)
        reals[5 * LANES + c] = v1
        reals[6 * LANES + c] = v2
        reals[7 * LANES + c] = v4
        white = 0.5 * inverse * reals[12 * LANES + c]
        floor = reals[16 * LANES + c]
        threshold_2 = over_noise * np.sqrt(v2 if v2 > white else white)
        white *= 0.5
        threshold_4 = over_noise * np.sqrt(v4 if v4 > white else white)
        reals[10 * LANES + c] = threshold_2 if threshold_2 > floor else floor
        reals[11 * LANES + c] = threshold_4 if threshold_4 > floor else floor
        reals[LANES + c] = under
        # what may be looked back upon when a run begins
        reals[19 * LANES + c] = quiet if rises | (not idle) else quiet + 1.0
        below_now = reals[20 * LANES + c] + 1.0 if sinks & idle else 0.0
        reals[20 * LANES + c] = below_now
        reals[4 * LANES + c] = r2
        reals[3 * LANES + c] = r1
        reals[2 * LANES + c] = r
        needed = (not idle) | rises | (below_now > below)
        reals[21 * LANES + c] = 1.0 if needed else 0.0
    busy = 0
    for c in range(columns):
        busy += 1 if reals[21 * LANES + c] != 0.0 else 0
    return busy


@inlined
def sample_noise(
    columns: int,
    slot: int,
    turn: int,
    reals: Floats,
    tile: int,
    gain: float,
    step: float,
    ring: Counts,
) -> None:
    """Let the noise of one channel in 32 follow the spread within this tile.

    It goes up or down by a fixed share, so that it finds the median and a few tiles
    with something in them do not matter.
    """
    c = turn % LANES
    if tile < 2 or c >= columns or reals[13 * LANES + c] != 0.0:
        return
    freedom = tile - 1.0
    median = 1.0 - 2.0 / (9.0 * freedom)
    median = median * median * median
    base = ring[slot, 0, c]
    total = 0.0
    squares = 0.0
    for i in range(tile):
        z = float(ring[slot, i, c] - base)
        total += z
        squares += z * z
    spread = (squares - total * total / tile) / freedom
    # what the hum does within a tile is not noise
    hum_c = reals[8 * LANES + c]
    hum_s = reals[9 * LANES + c]
    spread -= 0.5 * (hum_c * hum_c + hum_s * hum_s) * (1.0 - gain * gain)
    known = reals[12 * LANES + c]
    if spread > median * known:
        reals[12 * LANES + c] = known * (1.0 + step)
    else:
        reals[12 * LANES + c] = max(known * (1.0 - step), 1.0 / 12.0)
