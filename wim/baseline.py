"""The first offset, noise and hum of each channel, from the first stretch of samples.

It follows nothing afterwards: the kernel does, in quiet time only. The offset is the
level at which a channel stands most often, so that wheels may cross meanwhile or be on
the strips from the first sample. Sums are of integers or in a fixed order, so that the
bits are the same on every processor. All channels are looked at side by side, and none
at another.
"""

import msgspec
import numpy as np
import numpy.typing as npt

__all__ = ["Baseline", "first_baseline"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_LEAST_VARIANCE = 1.0 / 12.0
_MOST = 1 << 52
"""Whole numbers below are floats without a rest."""
_REACH = 8.0
_ROUNDS = 4


class Baseline(msgspec.Struct, frozen=True, kw_only=True):
    """What channels show while nothing rests on their strips, in counts; shape (n,).

    The hum is ``hum_cosine * cos + hum_sine * sin`` of the phase since sample 0.
    """

    offset: Floats
    sample_variance: Floats
    tile_variance: Floats
    hum_cosine: Floats
    hum_sine: Floats


def first_baseline(
    counts: npt.NDArray[np.int32],
    *,
    tile: int,
    hum: Floats | None,
    hum_gain: float,
    droop: Floats,
) -> Baseline:
    """Return the baseline of some channels.

    Args:
        counts: their first samples, shape (n, channels), n >= 1.
        tile: samples in a tile.
        hum: cosine and sine of the mains in the middle of each tile, shape (tiles, 2);
            None when the hum is not looked for.
        hum_gain: how much of the hum is left in the mean of a tile.
        droop: of the charge amplifiers in one sample, shape (channels,); 0 none.
            Wheels that crossed leave a channel low for long, and the offset is that
            before the first sample.
    """
    n, channels = counts.shape
    tile = min(tile, n)
    tiles = n // tile
    blocks = counts[: tiles * tile].reshape(tiles, tile, channels)
    # sums of what is above the first sample, without writing it down for every sample
    base = counts[0].astype(np.int64)
    sums = blocks.sum(axis=1, dtype=np.int64)
    squares = np.einsum("ijk,ijk->ik", blocks, blocks, dtype=np.int64)
    squares -= base * (2 * sums - tile * base)
    sums -= tile * base
    variance = _sample_variance(squares, sums, tile)
    group = 5 if tiles >= 15 else 1
    length = group * tile
    reach = np.maximum(_REACH * np.sqrt(variance * length), float(length))
    lifted = sums.astype(np.float64)
    quiet, offset = _quiet(lifted, group, length, reach)
    if droop.any():
        # of each tile, the sum over its samples of all that came until then
        left = np.arange(tile, 0, -1)
        passed = np.einsum("ijk,j->ik", blocks, left, dtype=np.int64)
        passed -= base * left.sum()
        passed += tile * (sums.cumsum(axis=0) - sums)
        # and how often the offset is in it
        often = tile * tile * np.arange(tiles) + tile * (tile + 1) // 2
        for _ in range(_ROUNDS):
            due = offset * often[:, None]
            lifted = sums + droop * (passed - due)
            quiet, offset = _quiet(lifted, group, length, reach)
    members = np.repeat(quiet, group, axis=0)
    many = members.sum(axis=0)
    above = np.where(members, lifted[: len(members)] / tile - offset, 0.0)
    cosine = sine = np.zeros(channels)
    if hum is not None and group > 1:
        wave_c, wave_s = hum[: len(members), :1], hum[: len(members), 1:]
        cosine = 2.0 / (many * hum_gain) * _sum_in_order(wave_c * above)
        sine = 2.0 / (many * hum_gain) * _sum_in_order(wave_s * above)
        above -= members * (hum_gain * (cosine * wave_c + sine * wave_s))
    spread = _sum_in_order(above * above)
    return Baseline(
        offset=base + offset,
        sample_variance=variance,
        tile_variance=np.maximum(spread / many, variance / tile),
        hum_cosine=cosine,
        hum_sine=sine,
    )


def _sample_variance(squares: Integers, sums: Integers, tile: int) -> Floats:
    """Return the variance of one quiet sample: the lower quarter of all tiles'."""
    tiles, channels = sums.shape
    if tile < 2:
        return np.full(channels, _LEAST_VARIANCE)
    # about as far below the mean as a quarter of all tiles of white noise lie
    below = 1.0 - 0.95 / np.sqrt(tile - 1.0) if tile > 4 else 0.5
    longest = int(np.abs(sums).max())
    if max(longest * longest, int(squares.max())) >= _MOST:
        # Python's integers: the square of a sum may be longer than 64 bits
        squares, sums = squares.astype(object), sums.astype(object)
    spreads = np.sort((squares - sums * sums / tile) / (tile - 1), axis=0)
    quarter = spreads[tiles // 4].astype(np.float64)
    variance: Floats = np.maximum(quarter / below, _LEAST_VARIANCE)
    return variance


def _quiet(
    sums: Floats, group: int, length: int, reach: Floats
) -> tuple[npt.NDArray[np.bool_], Floats]:
    """Return which groups of tiles stand at the level that is commonest, and it.

    Shapes are (groups, channels) and (channels,).
    """
    whole = len(sums) // group
    groups = np.zeros((whole, sums.shape[1]))
    for each in range(group):
        groups += sums[each : whole * group : group]
    low = _densest(np.sort(groups, axis=0), reach)
    quiet = (low <= groups) & (groups <= low + reach)
    total = _sum_in_order(np.where(quiet, groups, 0.0))
    return quiet, total / (quiet.sum(axis=0) * length)


def _densest(ordered: Floats, reach: Floats) -> Floats:
    """Return the lowest value of each channel from which most lie within reach."""
    within = ordered[None, :, :] <= (ordered + reach)[:, None, :]
    many = within.sum(axis=1) - np.arange(len(ordered))[:, None]
    best: Floats = ordered[many.argmax(axis=0), np.arange(ordered.shape[1])]
    return best


def _sum_in_order(values: Floats) -> Floats:
    """Return sums over the first axis, added up one after the other."""
    total: Floats = 0.0 + np.add.accumulate(values, axis=0)[-1]
    return total
