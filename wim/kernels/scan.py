"""Loops over samples: arrays and numbers in and out, without any opinion.

``scan`` carries each channel through one state machine, sample by sample, so that
where one block ends and the next begins cannot change a bit. Its slow twin in
``wim.bench`` does the same with NumPy and is held against it in the tests.
"""

import numpy as np
import numpy.typing as npt

from wim._jit import njit

__all__ = ["INTEGERS", "OUT_COLUMNS", "REALS", "scan"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Counts = npt.NDArray[np.int32]

REALS = 7
"""Columns of ``reals``: offset, noise variance, threshold, droop sum, area, moment,
peak."""
INTEGERS = 10
"""Columns of ``integers``: state (0 quiet, 1 in a pulse, 2 in its tail), start, end,
quiet run, negative run, window sum, window fill, highest count, samples of look-back,
offsets taken anew."""
OUT_COLUMNS = 9
"""Columns of ``out``: strip, first above threshold, first below, last sample used,
area, centroid, peak, highest count, threshold."""


@njit
def scan(
    counts: Counts,
    first: int,
    channels: Integers,
    droop: Floats,
    floors: Floats,
    reals: Floats,
    integers: Integers,
    raw_ring: Integers,
    ring: Floats,
    smooth_ring: Floats,
    before: Floats,
    steps: Integers,
    factors: Floats,
    out: Floats,
) -> int:
    """Carry all strips through a block and write down the pulses that end in it.

    Args:
        counts: samples, shape (n, channels).
        first: number of the first sample.
        channels: column of each strip, shape (strips,).
        droop: sample interval over time constant of each strip, 0 for none.
        floors: least threshold of each strip [counts].
        reals: state, shape (strips, REALS); changed.
        integers: state, shape (strips, INTEGERS); changed.
        raw_ring: latest samples, shape (strips, ring length); changed.
        ring: latest samples above the offset, droop undone; changed.
        smooth_ring: the same, averaged over the window; changed.
        before: look-back of the pulse under way, shape (strips, longest); changed.
        steps: window, lag of the offset, least tail, least pulse, longest state
            [samples].
        factors: threshold over noise, hysteresis, tail over pulse, share of a new
            sample in the offset.
        out: shape (room, OUT_COLUMNS); written.

    Returns:
        How many rows of ``out`` were written.
    """
    window = steps[0]
    lag = steps[1]
    least_tail = steps[2]
    least_pulse = steps[3]
    longest = steps[4]
    over_noise = factors[0]
    hysteresis = factors[1]
    tail_share = factors[2]
    share = factors[3]
    size = ring.shape[1]
    room = before.shape[1]
    written = 0
    for s in range(channels.shape[0]):
        channel = channels[s]
        slope = droop[s]
        offset = reals[s, 0]
        variance = reals[s, 1]
        high = reals[s, 2]
        droop_sum = reals[s, 3]
        area = reals[s, 4]
        moment = reals[s, 5]
        peak = reals[s, 6]
        state = integers[s, 0]
        start = integers[s, 1]
        end = integers[s, 2]
        quiet = integers[s, 3]
        negative = integers[s, 4]
        total = integers[s, 5]
        filled = integers[s, 6]
        top = integers[s, 7]
        look = integers[s, 8]
        renewed = integers[s, 9]
        for k in range(counts.shape[0]):
            n = first + k
            slot = n % size
            count = np.int64(counts[k, channel])
            total += count
            if filled >= window:
                total -= raw_ring[s, (n - window) % size]
            filled += 1
            raw_ring[s, slot] = count
            above = count - offset
            droop_sum += above
            bent = droop_sum * slope
            force = above + bent
            smooth = total / min(filled, window) - offset + bent
            ring[s, slot] = force
            smooth_ring[s, slot] = smooth

            if state == 0:
                if smooth > high:
                    state = 1
                    start = n
                    look = min(quiet, room)
                    for j in range(look):
                        before[s, j] = ring[s, (n - 1 - j) % size]
                    area = 0.0
                    moment = 0.0
                    peak = 0.0
                    top = count
                elif smooth < -high:
                    quiet = 0
                    negative += 1
                else:
                    negative = 0
                    quiet += 1
                    if quiet > lag:
                        old = (n - lag) % size
                        offset += share * ring[s, old]
                        variance += share * (smooth_ring[s, old] ** 2 - variance)
                        high = max(over_noise * np.sqrt(variance), floors[s])
            if state != 0:
                area += force
                moment += force * (n - start)
                peak = max(peak, force)
                top = max(top, count)
                if state == 1 and smooth < hysteresis * high:
                    state = 2
                    end = n
                elif state == 2:
                    tail = max(least_tail, np.int64((end - start) * tail_share))
                    if smooth > high:
                        state = 1
                    elif n - end >= tail:
                        if end - start >= least_pulse and written < out.shape[0]:
                            for j in range(min(look, tail + window)):
                                area += before[s, j]
                                moment -= before[s, j] * (j + 1)
                            if area > 0.0:
                                out[written, 0] = s
                                out[written, 1] = start
                                out[written, 2] = end
                                out[written, 3] = n
                                out[written, 4] = area
                                out[written, 5] = start + moment / area
                                out[written, 6] = peak
                                out[written, 7] = top
                                out[written, 8] = high
                                written += 1
                        state = 0
                        quiet = 0
            if negative > longest or (state != 0 and n - start > longest):
                some = min(filled, size)
                offset = 0.0
                for j in range(some):
                    offset += raw_ring[s, (n - j) % size]
                offset /= some
                droop_sum = 0.0
                state = 0
                quiet = 0
                negative = 0
                renewed += 1

        reals[s, 0] = offset
        reals[s, 1] = variance
        reals[s, 2] = high
        reals[s, 3] = droop_sum
        reals[s, 4] = area
        reals[s, 5] = moment
        reals[s, 6] = peak
        integers[s, 0] = state
        integers[s, 1] = start
        integers[s, 2] = end
        integers[s, 3] = quiet
        integers[s, 4] = negative
        integers[s, 5] = total
        integers[s, 6] = filled
        integers[s, 7] = top
        integers[s, 8] = look
        integers[s, 9] = renewed
    return written
