"""A ring of compressed pictures in memory that one process writes and another reads.

It neither decodes pictures nor opens cameras, and takes no lock: the writer may be
killed at any byte, and a reader can then still tell whole pictures from torn ones.

The memory is an anonymous file that both processes map, so nothing is left behind
whoever dies. It begins with a header of 64-bit words, then a table of the last
pictures, then their bytes, one after the other and around::

    word 0   pictures written so far
    word 1   position behind the last byte that was ever claimed for writing
    table    SLOTS times (position, length, captured [ns, monotonic], CRC-32)
    bytes    ``capacity`` bytes; position p lies at p modulo capacity

A picture's bytes are claimed first, then written, then listed. A reader copies and
then asks whether the claim has come round to what it copied; the CRC covers the rest.
"""

import mmap
import os
import zlib
from typing import NamedTuple

__all__ = ["FrameRing", "FrameStamp"]

SLOTS = 1024
_WORDS = 4
_HEADER = 2
_TABLE_BYTES = 8 * (_HEADER + SLOTS * _WORDS)


class FrameStamp(NamedTuple):
    """One picture of a ring, by its running number, and when it was captured."""

    number: int
    captured_s: float


class FrameRing:
    """The last pictures of one camera."""

    def __init__(self, descriptor: int) -> None:
        self._map = mmap.mmap(descriptor, os.fstat(descriptor).st_size)
        self._view = memoryview(self._map)
        self._words = self._view[:_TABLE_BYTES].cast("Q")
        self._bytes = self._view[_TABLE_BYTES:]
        self._capacity = len(self._bytes)

    @staticmethod
    def create(capacity: int) -> int:
        """Return the descriptor of a new ring for ``capacity`` bytes of pictures."""
        descriptor = os.memfd_create("luheng-frames", os.MFD_CLOEXEC)
        os.ftruncate(descriptor, _TABLE_BYTES + capacity)
        return descriptor

    def close(self) -> None:
        """Let go of the memory."""
        self._words.release()
        self._bytes.release()
        self._view.release()
        self._map.close()

    @property
    def written(self) -> int:
        """Return how many pictures were written so far."""
        return self._words[0]

    def write(self, picture: bytes, captured_s: float) -> bool:
        """Append one picture; false if it is larger than a quarter of the ring."""
        length = len(picture)
        if not 0 < length <= self._capacity // 4:
            return False
        position = self._words[1]
        if position % self._capacity + length > self._capacity:
            position += self._capacity - position % self._capacity
        self._words[1] = position + length
        at = position % self._capacity
        self._bytes[at : at + length] = picture
        number = self._words[0]
        slot = _HEADER + number % SLOTS * _WORDS
        self._words[slot] = position
        self._words[slot + 1] = length
        self._words[slot + 2] = int(captured_s * 1e9)
        self._words[slot + 3] = zlib.crc32(picture)
        self._words[0] = number + 1
        return True

    def between(self, since_s: float, until_s: float) -> list[FrameStamp]:
        """Return the pictures captured in a span of time, in order."""
        written = self._words[0]
        stamps = (
            FrameStamp(number, self._words[_slot(number) + 2] / 1e9)
            for number in range(max(0, written - SLOTS + 1), written)
        )
        return [stamp for stamp in stamps if since_s <= stamp.captured_s <= until_s]

    def latest(self) -> FrameStamp | None:
        """Return the last picture's stamp."""
        number = self._words[0] - 1
        if number < 0:
            return None
        return FrameStamp(number, self._words[_slot(number) + 2] / 1e9)

    def read(self, number: int) -> bytes | None:
        """Return one picture's bytes, or None if it has been overwritten."""
        if not max(0, self._words[0] - SLOTS + 1) <= number < self._words[0]:
            return None
        slot = _slot(number)
        position, length = self._words[slot], self._words[slot + 1]
        crc = self._words[slot + 3]
        at = position % self._capacity
        picture = bytes(self._bytes[at : at + length])
        overwritten = self._words[1] > position + self._capacity
        return None if overwritten or zlib.crc32(picture) != crc else picture


def _slot(number: int) -> int:
    return _HEADER + number % SLOTS * _WORDS
