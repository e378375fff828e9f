"""The first offset, noise and hum of each channel, from the first stretch of samples.

It follows nothing afterwards: the kernel does, in quiet time only. The offset is the
level at which a channel stands most often, so that wheels may cross meanwhile or be on
the strips from the first sample. Sums are of integers or in a fixed order, so that the
bits are the same on every processor.
"""

import math
from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

__all__ = ["Baseline", "first_baseline"]

_LEAST_VARIANCE = 1.0 / 12.0
_REACH = 8.0
_ROUNDS = 4


class Baseline(msgspec.Struct, frozen=True, kw_only=True):
    """What one channel shows while nothing rests on its strip, in counts.

    The hum is ``hum_cosine * cos + hum_sine * sin`` of the phase since sample 0.
    """

    offset: float
    sample_variance: float
    tile_variance: float
    hum_cosine: float
    hum_sine: float


def first_baseline(
    counts: npt.NDArray[np.int32],
    *,
    tile: int,
    hum: Sequence[tuple[float, float]] | None,
    hum_gain: float,
    droop: float = 0.0,
) -> Baseline:
    """Return the baseline of one channel.

    Args:
        counts: its first samples, shape (n,), n >= 1.
        tile: samples in a tile.
        hum: cosine and sine of the mains in the middle of each tile; None when the
            hum is not looked for.
        hum_gain: how much of the hum is left in the mean of a tile.
        droop: of the charge amplifier in one sample; 0 none. Wheels that crossed leave
            the channel low for long, and the offset is that before the first sample.
    """
    tile = min(tile, len(counts))
    tiles = len(counts) // tile
    base = int(counts[0])
    blocks = counts[: tiles * tile].astype(np.int64).reshape(tiles, tile) - base
    sums = blocks.sum(axis=1)
    variance = _sample_variance(blocks, sums)
    group = 5 if tiles >= 15 else 1
    length = group * tile
    reach = max(_REACH * math.sqrt(variance * length), float(length))
    lifted = [float(total) for total in sums.tolist()]
    quiet, offset = _quiet(lifted, group, length, reach)
    if droop > 0.0:
        passed = np.cumsum(blocks.reshape(-1)).reshape(tiles, tile).sum(axis=1).tolist()
        for _ in range(_ROUNDS):
            # what the offset adds to the sum over all samples so far
            due = [
                offset * (tile * tile * k + tile * (tile + 1) // 2)
                for k in range(tiles)
            ]
            lifted = [
                float(total) + droop * (float(area) - none)
                for total, area, none in zip(sums.tolist(), passed, due, strict=True)
            ]
            quiet, offset = _quiet(lifted, group, length, reach)
    members = [group * k + j for k in quiet for j in range(group)]
    above = [lifted[k] / tile - offset for k in members]
    cosine = sine = 0.0
    if hum is not None and group > 1:
        for k, residual in zip(members, above, strict=True):
            cosine += hum[k][0] * residual
            sine += hum[k][1] * residual
        cosine *= 2.0 / (len(members) * hum_gain)
        sine *= 2.0 / (len(members) * hum_gain)
        above = [
            residual - hum_gain * (cosine * hum[k][0] + sine * hum[k][1])
            for k, residual in zip(members, above, strict=True)
        ]
    spread = 0.0
    for residual in above:
        spread += residual * residual
    return Baseline(
        offset=base + offset,
        sample_variance=variance,
        tile_variance=max(spread / len(above), variance / tile),
        hum_cosine=cosine,
        hum_sine=sine,
    )


def _sample_variance(
    blocks: npt.NDArray[np.int64], sums: npt.NDArray[np.int64]
) -> float:
    """Return the variance of one quiet sample: the lower quarter of all tiles'."""
    tile = blocks.shape[1]
    if tile < 2:
        return _LEAST_VARIANCE
    squares = (blocks * blocks).sum(axis=1)
    spreads = sorted(
        (square - total * total / tile) / (tile - 1)
        for square, total in zip(squares.tolist(), sums.tolist(), strict=True)
    )
    # about as far below the mean as a quarter of all tiles of white noise lie
    below = 1.0 - 0.95 / math.sqrt(tile - 1.0) if tile > 4 else 0.5
    return max(float(spreads[len(spreads) // 4]) / below, _LEAST_VARIANCE)


def _quiet(
    sums: Sequence[float], group: int, length: int, reach: float
) -> tuple[list[int], float]:
    """Return which groups of tiles stand at the level that is commonest, and it."""
    groups = []
    for at in range(0, len(sums) // group * group, group):
        total = 0.0
        for each in sums[at : at + group]:
            total += each
        groups.append(total)
    low = _densest(sorted(groups), reach)
    quiet = [k for k, total in enumerate(groups) if low <= total <= low + reach]
    total = 0.0
    for k in quiet:
        total += groups[k]
    return quiet, total / (len(quiet) * length)


def _densest(ordered: Sequence[float], reach: float) -> float:
    """Return the lowest value from which most values lie within reach."""
    best = end = 0
    most = 0
    for begin, low in enumerate(ordered):
        while end < len(ordered) and ordered[end] <= low + reach:
            end += 1
        if end - begin > most:
            most = end - begin
            best = begin
    return ordered[best]
