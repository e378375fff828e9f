"""From samples to pulses: tiles of samples first, then each pulse from its own.

``follow`` walks all channels over tiles of a fixed length that lie on a grid of their
own, so that where one block ends and the next begins cannot change a bit. Of a tile it
needs the sum alone, an exact integer; from sums it keeps offset, undershoot, hum and
noise of each channel and sees where something rests on a strip. Only those stretches,
with the quiet before and after, go sample by sample through ``measure``.

It calls no function of the C library and sums in a fixed order: the same samples give
the same bits on every processor. ``reals`` is one flat array with a row for each figure
and ``LANES`` places in a row, so that the compiler sees that rows do not overlap and
works on eight channels at once.
"""

import numpy as np
import numpy.typing as npt

from wim._jit import njit

__all__ = [
    "FACTORS",
    "INTEGERS",
    "LANES",
    "LEVELS",
    "OUT_COLUMNS",
    "REALS",
    "STEPS",
    "Counts",
    "Floats",
    "Integers",
    "cosine_sine",
    "end_runs",
    "follow",
]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Counts = npt.NDArray[np.int32]

LANES = 32
"""Places in a row of ``reals``: the most channels."""
REALS = 26
"""Rows of ``reals``: 0 offset; 1 undershoot; 2-4 residuals of the last three tiles; 5-7
variances of one tile, of the mean of two, of four; 8-9 hum, cosine and sine; 10-11
thresholds for two and four tiles; 12 variance of one sample; 13 state (0 idle, 1 in a
run, 2 in its tail); 14 droop of a tile; 15 droop of a sample; 16 least threshold; 17
undershoot before the run; 18 whether a plate; 19 tiles since the last run; 20 tiles
far below the offset; 21 tiles without any change; 22 sum of the last tile; 23 quiet
tiles in all; 24 whether something has to be done about the tile; 25 highest residual
of the run."""
INTEGERS = 7
"""Rows of ``integers``: 0 samples in the run; 1 of them looked back upon; 2 tiles of it
in which something was there; 3 tiles of its tail; 4 first sample of it; 5 offsets taken
anew; 6 clipped samples."""
OUT_COLUMNS = 16
"""Columns of ``out``: 0 column of counts; 1 first and 2 last crossing of the threshold;
3 rise; 4 fall; 5 centroid [samples since the first of the stream]; 6 area and 7 its
standard uncertainty [counts * samples]; 8 peak; 9 plateau; 10 noise; 11 closure; 12
highest count; 13 how often it was seen; 14 threshold; 15 last sample used."""
LEVELS = 11
"""Figures in ``levels``: see ``_levels``."""
STEPS = 11
"""Figures in ``steps``: 0 samples in a tile; 1 tiles of look-back; 2 least and 3 most
tiles of a tail; 4 tiles below the offset before it is taken anew; 5 samples of the
shortest average; 6 tiles per snapshot; 7 lobes told apart in one run; 8 least samples
between half heights; 9 quiet tiles until the offset may follow; 10 samples after which
a run that hardly stands out is taken for drift."""
FACTORS = 12
"""Figures in ``factors``: 0 threshold over noise; 1 hysteresis; 2 tail over pulse; 3
share of a new tile in offset and variances; 4 and in the hum; 5 hum periods from the
first to the middle sample of a tile; 6 share of the hum left in the mean of a tile; 7
step of the noise follower; 8 share of the droop that is not trusted; 9 hum periods per
sample; 10 tail over run; 11 deviation of the level over that of a tile."""

_DIP = 0.3


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


@njit
def _lift(
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


@njit
def _sum(values: Floats, begin: int, end: int) -> float:
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


@njit
def _levels(
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
        pre = _sum(force, 0, before) / before
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
    post = _sum(force, end, length) / after if after > 0 else 0.0
    precision_pre = before / (tile * tile_variance)
    precision_post = after / (tile * tile_variance)

    undershoot = abs(reals[17 * LANES + column])
    undone = reals[15 * LANES + column]
    if undone > 0.0:
        undone *= abs(_sum(force, before, end))
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


@njit
def _settle(length: int, levels: Floats, force: Floats, work: Floats) -> None:
    """Take the baseline off; ``work[i]`` becomes the sum of the first ``i`` samples."""
    level = levels[0]
    slope = levels[9]
    begin = int(levels[2])
    end = int(levels[3])
    for i in range(min(begin, length)):
        force[i] -= level
    for i in range(begin, min(end, length)):
        force[i] -= level + slope * (i - begin)
    for i in range(end, length):
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


@njit
def _crossing(work: Floats, half: int, begin: int, end: int, level: float) -> float:
    """Return where the average first rises through a level on the way to ``end``.

    Walks backwards when ``end`` lies before ``begin``. The average at ``i`` is over
    ``i - half .. i + half``; between samples it is a straight line. Returns ``end``
    when it stays below.
    """
    step = 1 if end >= begin else -1
    wanted = level * (2 * half + 1)
    before = 0.0
    i = begin
    while i != end:
        total = work[i + half + 1] - work[i - half]
        if total >= wanted:
            if i == begin:
                return float(i)
            return float(i - step * (total - wanted) / (total - before))
        before = total
        i += step
    return float(end)


@njit
def _highest(work: Floats, half: int, begin: int, end: int) -> float:
    """Return the highest average in a stretch, at least 0."""
    best = 0.0
    for i in range(begin, end):
        total = work[i + half + 1] - work[i - half]
        best = total if total > best else best
    return best / (2 * half + 1)


@njit
def _lobes(
    length: int,
    begin: int,
    half: int,
    state: int,
    high: float,
    low: float,
    dip: float,
    work: Floats,
    lobes: Integers,
) -> int:
    """Write down where the average stays above its thresholds; return how often.

    ``state`` is 0 when it was quiet before, else -1: then what is above them at the
    first sample is left out, as what is at the last, for nobody knows how much of it
    is missing. Below the share ``dip`` of the highest so far a lobe ends too, and what
    rises well out of that is the next: one wheel leaves a plate, another comes.
    """
    found = 0
    best = least = 0.0
    high *= 2 * half + 1
    low *= 2 * half + 1
    for i in range(begin + half, length - half):
        total = work[i + half + 1] - work[i - half]
        if state == 1:
            best = total if total > best else best
            if total < low or total < dip * best:
                state = 0 if total < low else 2
                least = total
                lobes[found, 1] = i
                found += 1
                if found == lobes.shape[0]:
                    return found
        elif total < low:
            state = 0
        elif state == 2:
            least = total if total < least else least
            if total > high and total > 2.0 * least and total > dip * best:
                state = 1
                best = total
                lobes[found, 0] = i
        elif state == 0 and total > high:
            state = 1
            best = total
            lobes[found, 0] = i
    return found


@njit
def _joined(found: int, least: int, dip: float, lobes: Integers) -> int:
    """Join lobes too close together to be two axles; return how many are left.

    Two axles have at least three times their own length between them, chatter at the
    threshold next to nothing. Over a plate the second may come with hardly a gap, but
    stays about as long as the first.
    """
    kept = 0
    for k in range(1, found):
        gap = lobes[k, 0] - lobes[kept, 1]
        ours = lobes[kept, 1] - lobes[kept, 0]
        theirs = lobes[k, 1] - lobes[k, 0]
        chatter = dip == 0.0 or 4 * min(ours, theirs) < max(ours, theirs)
        if chatter and gap < least + min(ours, theirs) // 4:
            lobes[kept, 1] = lobes[k, 1]
        else:
            kept += 1
            lobes[kept, 0] = lobes[k, 0]
            lobes[kept, 1] = lobes[k, 1]
    return kept + 1


@njit
def _plateau(
    rise: float, fall: float, height: float, half: int, length: int, work: Floats
) -> float:
    """Return the mean over the part of a pulse in which a plate carries the wheel.

    The edges of box and parabola take 0.413 of the footprint from 20 to 80 percent, so
    half a footprint inside half height is 1.21 times that.
    """
    middle = int(0.5 * (rise + fall))
    first = min(max(2 * int(rise) - middle, half), middle)
    last = max(min(2 * int(fall) - middle, length - half - 1), middle)
    up = _crossing(work, half, first, middle, 0.8 * height) - _crossing(
        work, half, first, middle, 0.2 * height
    )
    down = _crossing(work, half, last, middle, 0.2 * height) - _crossing(
        work, half, last, middle, 0.8 * height
    )
    begin = rise + 1.21 * up
    end = fall - 1.21 * down
    if end - begin < 0.1 * (fall - rise):
        centre = 0.5 * (begin + end)
        begin = centre - 0.05 * (fall - rise)
        end = centre + 0.05 * (fall - rise)
    i = min(max(int(begin), 0), length - 1)
    j = min(max(int(end), i) + 1, length)
    return float((work[j] - work[i]) / (j - i))


@njit
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


@njit
def measure(
    column: int,
    length: int,
    n0: int,
    look: int,
    tail: int,
    reals: Floats,
    integers: Integers,
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
    _lift(run, length, n0, column, reals, tile, factors, wave, force)
    _levels(length, look, tail, column, reals, tile, factors, force, levels)
    _settle(length, levels, force, work)
    variance = levels[8]
    floor = reals[16 * LANES + column]

    plate = reals[18 * LANES + column] != 0.0
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
        found = _lobes(length, begin, half, state, high, low, dip, work, lobes)
        if half > 2 * tile:
            break
        if found == 0:
            half = 2 * half + 1
    if found == 0:
        return written
    found = _joined(found, 2 * tile, dip, lobes)

    for k in range(found):
        i0 = lobes[k, 0]
        i1 = lobes[k, 1]
        left = half if k == 0 else (lobes[k - 1, 1] + i0) // 2
        right = length - half if k == found - 1 else (i1 + lobes[k + 1, 0]) // 2
        height = _highest(work, half, i0, i1)
        begin = max(left, i0 - (i1 - i0) - half)
        end = min(right - 1, i1 + (i1 - i0) + half)
        rise = _crossing(work, half, begin, end, 0.5 * height)
        fall = _crossing(work, half, end, begin, 0.5 * height)
        # the average for the edges: as long as noise asks and the pulse allows
        asked = 144.0 * variance / (height * height)
        wide = max(fall - rise, 1.0)
        fine = int(0.5 * min(max(asked, 0.1 * wide), 0.33 * wide))
        begin = max(begin, fine)
        end = min(end, length - fine - 1)
        height = _highest(work, fine, max(int(rise), begin), min(int(fall) + 1, end))
        rise = _crossing(work, fine, begin, end, 0.5 * height)
        fall = _crossing(work, fine, end, begin, 0.5 * height)
        wide = fall - rise
        if wide < steps[8]:
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
        moment = 0.5 * n * (work[j] + work[i]) - _sum(work, i, j) - 0.5 * area
        top = run[i]
        for at in range(i, j):
            top = max(top, run[at])
        tops = 0
        for at in range(i, j):
            tops += 1 if run[at] == top else 0
        if tops > 1:
            integers[6, column] += tops

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
            plateau = _plateau(rise, fall, height, fine, length, work)
        out[written, 0] = column
        out[written, 1] = n0 + i0
        out[written, 2] = n0 + i1
        out[written, 3] = n0 + rise
        out[written, 4] = n0 + fall
        out[written, 5] = n0 + middle + moment / area
        out[written, 6] = area
        out[written, 7] = np.sqrt(unsure)
        out[written, 8] = height
        out[written, 9] = plateau
        out[written, 10] = np.sqrt(variance)
        out[written, 11] = levels[7]
        out[written, 12] = top
        out[written, 13] = tops
        out[written, 14] = high
        out[written, 15] = n0 + length - 1
        written += 1
    return written


@njit
def _renew(column: int, reals: Floats, integers: Integers) -> None:
    """Take the offset anew from the last three tiles and drop the run."""
    last = 0.0
    for row in (2, 3, 4):
        last += reals[row * LANES + column]
        reals[row * LANES + column] = 0.0
    reals[column] += reals[LANES + column] + last / 3.0
    for row in (1, 13, 19, 20):
        reals[row * LANES + column] = 0.0
    integers[5, column] += 1


@njit
def _begin_run(
    column: int,
    n0: int,
    slot: int,
    reals: Floats,
    integers: Integers,
    steps: Integers,
    ring: Counts,
    runs: Counts,
) -> None:
    """Begin a run with this tile and the quiet ones before it."""
    tile = steps[0]
    looks = steps[1]
    look = min(int(reals[19 * LANES + column]), looks - 1)
    for back in range(look + 1):
        to = (look - back) * tile
        old = (slot - back) % looks
        for i in range(tile):
            runs[column, to + i] = ring[old, i, column]
    droop = reals[14 * LANES + column]
    # the tile was taken for a quiet one, in which the undershoot only decays
    before = reals[LANES + column] / (1.0 - droop)
    above = reals[2 * LANES + column] + reals[LANES + column]
    reals[LANES + column] = before - droop * above
    for _ in range(look):
        before += droop * before
    reals[17 * LANES + column] = before
    reals[13 * LANES + column] = 1.0
    reals[19 * LANES + column] = 0.0
    reals[25 * LANES + column] = reals[2 * LANES + column]
    integers[0, column] = (look + 1) * tile
    integers[1, column] = look * tile
    integers[2, column] = 1
    integers[3, column] = 0
    integers[4, column] = n0 - look * tile


@njit
def _carry(
    columns: int,
    n0: int,
    slot: int,
    written: int,
    reals: Floats,
    integers: Integers,
    steps: Integers,
    factors: Floats,
    wave: Floats,
    ring: Counts,
    runs: Counts,
    force: Floats,
    work: Floats,
    levels: Floats,
    lobes: Integers,
    out: Floats,
) -> int:
    """Begin, carry on and end the runs of one tile; return the rows of ``out``."""
    tile = steps[0]
    for c in range(columns):
        state = reals[13 * LANES + c]
        if state == 0.0:
            if reals[20 * LANES + c] > steps[4]:
                _renew(c, reals, integers)
            elif reals[24 * LANES + c] != 0.0:
                _begin_run(c, n0, slot, reals, integers, steps, ring, runs)
            continue
        length = integers[0, c]
        r = reals[2 * LANES + c]
        highest = max(reals[25 * LANES + c], r)
        reals[25 * LANES + c] = highest
        # a wheel that stays so long stands far out of the threshold; drift does not
        lingers = length > steps[10] and highest < 3.0 * reals[10 * LANES + c]
        if lingers or length + 2 * tile > runs.shape[1]:
            _renew(c, reals, integers)
            continue
        for i in range(tile):
            runs[c, length + i] = ring[slot, i, c]
        length += tile
        integers[0, c] = length
        high = reals[10 * LANES + c]
        if state == 1.0:
            # above what the noise of one tile alone would do
            goes_on = r > max(factors[1] * high, 3.0 * np.sqrt(reals[5 * LANES + c]))
        else:
            goes_on = 0.5 * (r + reals[3 * LANES + c]) > 0.75 * high
        if goes_on:
            reals[13 * LANES + c] = 1.0
            integers[2, c] = (length - integers[1, c]) // tile
            integers[3, c] = 0
            continue
        reals[13 * LANES + c] = 2.0
        integers[3, c] += 1
        tail = int(integers[2, c] * factors[10])
        if integers[3, c] >= min(max(tail, steps[2]), steps[3]):
            written = measure(
                c,
                length,
                integers[4, c],
                integers[1, c],
                integers[3, c] * tile,
                reals,
                integers,
                steps,
                factors,
                wave,
                runs,
                force,
                work,
                levels,
                lobes,
                out,
                written,
            )
            reals[13 * LANES + c] = 0.0
            reals[19 * LANES + c] = integers[3, c]
    return written


@njit
def _sample_noise(
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


@njit
def _snapshot(
    columns: int,
    place: Integers,
    now: int,
    reals: Floats,
    integers: Integers,
    history: Floats,
) -> None:
    """Keep what is known of every channel at this moment."""
    row = place[4] % history.shape[0]
    for c in range(columns):
        hum_c = reals[8 * LANES + c]
        hum_s = reals[9 * LANES + c]
        history[row, 0, c] = reals[c]
        history[row, 1, c] = np.sqrt(reals[12 * LANES + c])
        history[row, 2, c] = np.sqrt(hum_c * hum_c + hum_s * hum_s)
        history[row, 3, c] = integers[6, c]
        history[row, 4, c] = reals[21 * LANES + c]
        history[row, 5, c] = reals[23 * LANES + c]
        history[row, 6, c] = now
    place[4] += 1


@njit
def _clipped(square: float, variance: float) -> float:
    """Return a square of at most four variances, made up for what that cuts off."""
    most = 4.0 * variance
    return 1.0863 * (square if square < most else most)


@njit
def _look_at(
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
        reals[23 * LANES + c] += 1.0 if calm else 0.0
        below_now = reals[20 * LANES + c] + 1.0 if sinks & idle else 0.0
        reals[20 * LANES + c] = below_now
        same = total == reals[22 * LANES + c]
        reals[21 * LANES + c] = reals[21 * LANES + c] + 1.0 if same else 0.0
        reals[22 * LANES + c] = total
        reals[4 * LANES + c] = r2
        reals[3 * LANES + c] = r1
        reals[2 * LANES + c] = r
        needed = (not idle) | rises | (below_now > below)
        reals[24 * LANES + c] = 1.0 if needed else 0.0
    busy = 0
    for c in range(columns):
        busy += 1 if reals[24 * LANES + c] != 0.0 else 0
    return busy


@njit
def _take_tile(
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


@njit
def follow(
    counts: Counts,
    begin: int,
    first: int,
    place: Integers,
    reals: Floats,
    integers: Integers,
    steps: Integers,
    factors: Floats,
    wave: Floats,
    phases: Floats,
    pending: Counts,
    sums: Counts,
    ring: Counts,
    runs: Counts,
    force: Floats,
    work: Floats,
    levels: Floats,
    lobes: Integers,
    history: Floats,
    out: Floats,
) -> int:
    """Carry all channels through a block, tile by tile.

    Args:
        counts: samples, shape (n, columns or more).
        begin: which of them is the next to be taken.
        first: number of ``counts[0]`` since the first sample of the stream.
        place: state: 0 samples in ``pending``, 1 tiles so far, 2 next of ``counts``, 3
            rows of ``out`` written, 4 snapshots so far; changed.
        reals: state, shape (REALS * LANES,); changed.
        integers: state, shape (INTEGERS, LANES); changed.
        steps: shape (STEPS,), see there.
        factors: shape (FACTORS,), see there.
        wave: cosines, then sines of the hum over a tile, shape (2 * tile,).
        phases: the same in the middle of the last four tiles, shape (8,); changed.
        pending: a tile that is not full yet, shape (tile, columns); changed.
        sums: room, shape (columns,).
        ring: latest tiles, shape (tiles of look-back, tile, columns); changed.
        runs: samples of the runs under way, shape (columns, longest); changed.
        force: room, shape (longest,).
        work: room, shape (longest + 1,).
        levels: room, shape (LEVELS,).
        lobes: room, shape (lobes, 2).
        history: snapshots, shape (kept, 7, columns); changed.
        out: shape (room, OUT_COLUMNS); written from its first row.

    Returns:
        1 when ``out`` may not hold what the next tile brings, so that the caller must
        empty it and call again from ``place[2]``; else 0.
    """
    tile = steps[0]
    columns = pending.shape[1]
    n = counts.shape[0]
    room = out.shape[0] - columns * steps[7]
    at = begin
    written = 0
    while True:
        if written > room:
            place[2] = at
            place[3] = written
            return 1
        slot = place[1] % steps[1]
        filled = place[0]
        if filled == 0 and n - at >= tile:
            _take_tile(counts, at, tile, columns, sums, ring, slot)
            at += tile
        else:
            take = min(tile - filled, n - at)
            for i in range(take):
                for c in range(columns):
                    pending[filled + i, c] = counts[at + i, c]
            at += take
            place[0] = filled + take
            if place[0] < tile:
                place[2] = at
                place[3] = written
                return 0
            _take_tile(pending, 0, tile, columns, sums, ring, slot)
            place[0] = 0
        n0 = first + at - tile
        place[1] += 1

        for k in range(5, -1, -1):
            phases[k + 2] = phases[k]
        phase_c, phase_s = cosine_sine(n0 * factors[9] + factors[5])
        phases[0] = phase_c * factors[6]
        phases[1] = phase_s * factors[6]
        busy = _look_at(columns, tile, steps[9], steps[4], sums, factors, phases, reals)
        if busy > 0:
            written = _carry(
                columns,
                n0,
                slot,
                written,
                reals,
                integers,
                steps,
                factors,
                wave,
                ring,
                runs,
                force,
                work,
                levels,
                lobes,
                out,
            )
        _sample_noise(
            columns, slot, place[1], reals, tile, factors[6], factors[7], ring
        )
        if place[1] % steps[6] == 0:
            _snapshot(columns, place, n0 + tile, reals, integers, history)


@njit
def end_runs(
    columns: int,
    filled: int,
    reals: Floats,
    integers: Integers,
    steps: Integers,
    factors: Floats,
    wave: Floats,
    pending: Counts,
    runs: Counts,
    force: Floats,
    work: Floats,
    levels: Floats,
    lobes: Integers,
    out: Floats,
) -> int:
    """Measure what lies in the runs when no more samples come.

    Returns:
        How many rows of ``out`` were written.
    """
    written = 0
    for c in range(columns):
        if reals[13 * LANES + c] == 0.0:
            continue
        length = integers[0, c]
        for i in range(filled):
            runs[c, length + i] = pending[i, c]
        written = measure(
            c,
            length + filled,
            integers[4, c],
            integers[1, c],
            integers[3, c] * steps[0],
            reals,
            integers,
            steps,
            factors,
            wave,
            runs,
            force,
            work,
            levels,
            lobes,
            out,
            written,
        )
    return written
