"""The latest samples of the sensor line, from which a vehicle's clip is cut.

It weighs nothing and is bounded in time and in bytes; what is too old is gone.
"""

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from wim.clips import Block

__all__ = ["SampleRing", "joined"]

_LONGEST_S = 120.0
_MOST_BYTES = 64_000_000
_LONGEST_BLOCK = 4096


class _Kept(NamedTuple):
    first: int
    counts: npt.NDArray[np.int32]
    block: Block


class SampleRing:
    """Blocks of samples of one stream, numbered as they were weighed."""

    def __init__(self, *, sample_rate_hz: float, channels: int) -> None:
        self._longest = round(_LONGEST_S * sample_rate_hz)
        self._channels = channels
        self._kept: deque[_Kept] = deque()
        self._bytes = 0
        self._lost = 0
        self._at = 0

    def note(self, counts: npt.NDArray[np.int32], inputs: int) -> None:
        """Keep a block: int32 of shape (samples, channels), inputs at its end."""
        own = counts[:, : self._channels].copy()
        block = Block(len(own), inputs, self._lost)
        self._kept.append(_Kept(self._at, own, block))
        self._at += len(own)
        self._lost = 0
        self._bytes += own.nbytes
        while self._kept and (
            self._bytes > _MOST_BYTES or self._at - self._kept[0].first > self._longest
        ):
            self._bytes -= self._kept.popleft().counts.nbytes

    def lose(self, samples: int) -> None:
        """Take note that so many samples of every channel are missing here."""
        self._lost += samples
        self._at += samples

    @property
    def first(self) -> int:
        """Return the number of the first sample that is still kept."""
        return self._kept[0].first if self._kept else self._at

    def since(
        self, sample: int
    ) -> tuple[int, npt.NDArray[np.int32], tuple[Block, ...]] | None:
        """Return all samples from a block that begins at ``sample`` or before.

        Returns:
            Number of the first sample, the samples and their blocks; None when they
            are not kept any more.
        """
        chosen: list[_Kept] = []
        for kept in reversed(self._kept):
            chosen.append(kept)
            if kept.first <= sample:
                break
        if not chosen or (chosen[-1].first > sample and chosen[-1].first > 0):
            return None
        chosen.reverse()
        counts = np.concatenate([kept.counts for kept in chosen])
        blocks = [kept.block for kept in chosen]
        blocks[0] = blocks[0]._replace(lost_before=0)
        return chosen[0].first, counts, joined(blocks)


def joined(blocks: Iterable[Block]) -> tuple[Block, ...]:
    """Join neighbouring blocks between which nothing happened.

    A block at whose end an input changed stays as it came: when within it that was,
    nobody knows, and the weigher counts with its beginning and end.

    >>> blocks = [Block(80, 0, 0), Block(80, 0, 0), Block(80, 1, 0), Block(80, 1, 0)]
    >>> [(block.samples, block.inputs) for block in joined(blocks)]
    [(160, 0), (80, 1), (80, 1)]
    """
    found: list[Block] = []
    inputs, open_ended = 0, False
    for block in blocks:
        quiet = block.inputs == inputs
        if (
            quiet
            and open_ended
            and block.lost_before == 0
            and found[-1].samples < _LONGEST_BLOCK
        ):
            samples = found[-1].samples + block.samples
            found[-1] = found[-1]._replace(samples=samples)
        else:
            found.append(block)
        inputs, open_ended = block.inputs, quiet
    return tuple(found)
