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

from wim._jit import njit
from wim.kernels.elementary import cosine_sine
from wim.kernels.layout import Counts, Floats, Integers
from wim.kernels.runs import carry
from wim.kernels.tiles import look_at, sample_noise, take_tile

__all__ = ["follow"]


@njit
def follow(
    counts: Counts,
    begin: int,
    first: int,
    ending: int,
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
    out: Floats,
) -> int:
    """Carry all channels through a block, tile by tile.

    Args:
        counts: samples, shape (n, columns or more).
        begin: which of them is the next to be taken.
        first: number of ``counts[0]`` since the first sample of the stream.
        ending: 1 when no more samples will come: what lies in the runs under way is
            measured, and ``counts`` not looked at; else 0.
        place: state: 0 samples in ``pending``, 1 tiles so far, 2 next of ``counts``, 3
            rows of ``out`` written; changed.
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
        out: shape (room, OUT_COLUMNS); written from its first row.

    Returns:
        1 when ``out`` may not hold what the next tile brings, so that the caller must
        empty it and call again from ``place[2]``; else 0.
    """
    tile = steps[0]
    columns = pending.shape[1]
    n = counts.shape[0]
    room = out.shape[0] - columns * steps[6]
    at = begin
    written = 0
    while True:
        if written > room:
            place[2] = at
            place[3] = written
            return 1
        slot = place[1] % steps[1]
        filled = place[0]
        n0 = first
        busy = 1
        if ending == 0:
            if filled == 0 and n - at >= tile:
                take_tile(counts, at, tile, columns, sums, ring, slot)
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
                take_tile(pending, 0, tile, columns, sums, ring, slot)
                place[0] = 0
            n0 = first + at - tile
            place[1] += 1

            for k in range(5, -1, -1):
                phases[k + 2] = phases[k]
            phase_c, phase_s = cosine_sine(n0 * factors[9] + factors[5])
            phases[0] = phase_c * factors[6]
            phases[1] = phase_s * factors[6]
            busy = look_at(
                columns, tile, steps[8], steps[4], sums, factors, phases, reals
            )
        if busy > 0:
            # one place from which runs are measured: all of that is compiled but once
            written = carry(
                columns,
                n0,
                slot,
                written,
                filled,
                ending,
                reals,
                integers,
                steps,
                factors,
                wave,
                pending,
                ring,
                runs,
                force,
                work,
                levels,
                lobes,
                out,
            )
        if ending != 0:
            place[3] = written
            return 0
        sample_noise(columns, slot, place[1], reals, tile, factors[6], factors[7], ring)
