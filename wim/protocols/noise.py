"""Bytes on a line that are part of no frame: an event, never an exception."""

from typing import Literal

import msgspec

__all__ = ["LineNoise"]


class LineNoise(msgspec.Struct, frozen=True, kw_only=True):
    """A run of bytes that was skipped.

    ``reason`` is ``garbage`` for bytes that start no frame and ``damaged`` where a
    frame began that failed its check.
    """

    n_bytes: int
    reason: Literal["garbage", "damaged"]
