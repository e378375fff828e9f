"""Stretches of a channel between two quiet ones: begun, carried on and ended."""

import numpy as np

from wim._jit import helper, inlined
from wim.kernels.layout import FEWEST_TOPS, LANES, Counts, Floats, Integers
from wim.kernels.pulse import measure

__all__ = ["carry"]


@inlined
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


@inlined
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
    reals[22 * LANES + column] = reals[2 * LANES + column]
    integers[0, column] = (look + 1) * tile
    integers[1, column] = look * tile
    integers[2, column] = 1
    integers[3, column] = 0
    integers[4, column] = n0 - look * tile


@helper
def _is_clipped(
    run: Counts, length: int, offset: float, full_scale: float, flat_share: float
) -> bool:
    """Tell whether a run reached the end of its scale, or is level as if it had.

    The end is where the site file says; else its highest count fills a good part of
    what is above half of it.
    """
    top = run[0]
    for i in range(length):
        top = max(top, run[i])
    half = 0.5 * (offset + top)
    tops = 0
    wide = 0
    for i in range(length):
        tops += 1 if run[i] == top else 0
        wide += 1 if run[i] > half else 0
    is_flat = tops >= FEWEST_TOPS and tops >= flat_share * wide
    return bool(top >= full_scale or is_flat)


@inlined
def _undershoot(
    column: int, length: int, reals: Floats, factors: Floats, runs: Counts
) -> None:
    """Take a clipped run's low end for an undershoot that dies away, for no new offset.

    What was cut off discharged the strip, too, though no sample tells of it.
    """
    rest = 0.5 * (reals[2 * LANES + column] + reals[3 * LANES + column])
    if reals[15 * LANES + column] == 0.0 or rest >= -reals[10 * LANES + column]:
        return
    offset = reals[column]
    full_scale = reals[23 * LANES + column]
    if _is_clipped(runs[column], length, offset, full_scale, factors[12]):
        reals[LANES + column] += rest
        for row in (2, 3, 4):
            reals[row * LANES + column] -= rest


@inlined
def carry(
    columns: int,
    n0: int,
    slot: int,
    written: int,
    filled: int,
    ending: int,
    reals: Floats,
    integers: Integers,
    steps: Integers,
    factors: Floats,
    wave: Floats,
    pending: Counts,
    ring: Counts,
    runs: Counts,
    force: Floats,
    work: Floats,
    levels: Floats,
    lobes: Integers,
    out: Floats,
) -> int:
    """Begin, carry on and end the runs of one tile; return the rows of ``out``.

    With ``ending`` other than 0 there is no tile: what lies in the runs, and the
    ``filled`` samples of ``pending`` behind it, is measured because no more will come.
    """
    tile = steps[0]
    for c in range(columns):
        state = reals[13 * LANES + c]
        length = integers[0, c]
        if ending != 0:
            if state == 0.0:
                continue
            for i in range(filled):
                runs[c, length + i] = pending[i, c]
            length += filled
        else:
            if state == 0.0:
                if reals[20 * LANES + c] > steps[4]:
                    _renew(c, reals, integers)
                elif reals[21 * LANES + c] != 0.0:
                    _begin_run(c, n0, slot, reals, integers, steps, ring, runs)
                continue
            r = reals[2 * LANES + c]
            top = max(reals[22 * LANES + c], r)
            reals[22 * LANES + c] = top
            # a wheel that stays so long stands far out of the threshold; drift does not
            lingers = length > steps[9] and top < 3.0 * reals[10 * LANES + c]
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
                alone = 3.0 * np.sqrt(reals[5 * LANES + c])
                goes_on = r > max(factors[1] * high, alone)
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
            if integers[3, c] < min(max(tail, steps[2]), steps[3]):
                continue
        written = measure(
            c,
            length,
            integers[4, c],
            integers[1, c],
            integers[3, c] * tile,
            reals,
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
        _undershoot(c, length, reals, factors, runs)
    return written
