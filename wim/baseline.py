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
) -> Baseline:
    """Return the baseline of one channel.

    Args:
        counts: its first samples, shape (n,), n >= 1.
        tile: samples in a tile.
        hum: cosine and sine of the mains in the middle of each tile; None when the
            hum is not looked for.
        hum_gain: how much of the hum is left in the mean of a tile.
    """
    tile = min(tile, len(counts))
    tiles = len(counts) // tile
    base = int(counts[0])
    blocks = counts[: tiles * tile].astype(np.int64).reshape(tiles, tile) - base
    sums = blocks.sum(axis=1)
    variance = _sample_variance(blocks, sums)
    group = 5 if tiles >= 15 else 1
    groups = sums[: tiles // group * group].reshape(-1, group).sum(axis=1)
    length = group * tile
    reach = max(_REACH * math.sqrt(variance * length), float(length))
    low = _densest(sorted(groups.tolist()), reach)
    quiet = [
        k for k, total in enumerate(groups.tolist()) if low <= total <= low + reach
    ]
    offset = sum(int(groups[k]) for k in quiet) / (len(quiet) * length)
    members = [group * k + j for k in quiet for j in range(group)]
    above = [int(sums[k]) / tile - offset for k in members]
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


def _densest(ordered: Sequence[int], reach: float) -> int:
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
