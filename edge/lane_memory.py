"""What a weigher remembered of strips and lanes, and from which sample on it did.

A clip begins with what was remembered when its first sample came: what vehicles in it
add to that, whoever weighs it finds again. It weighs nothing and is bounded.
"""

from collections import deque
from typing import NamedTuple

from wim.drift import DriftState
from wim.health import Run
from wim.passage import Weigher

__all__ = ["LaneMemory", "Memory"]


class Memory(NamedTuple):
    """All that decides a passage and comes from the vehicles before it."""

    runs: tuple[Run, ...] = ()
    drift: tuple[DriftState, ...] = ()
    usual_scatters: tuple[float, ...] = ()


class LaneMemory:
    """The memories of one stream of samples, each with the sample it begins at."""

    def __init__(self, first: Memory) -> None:
        self._kept = deque([(0, first)])

    @property
    def latest(self) -> Memory:
        """Return what is remembered now."""
        return self._kept[-1][1]

    def note(self, weigher: Weigher, sample: int) -> None:
        """Keep what a weigher remembers from ``sample`` on."""
        memory = Memory(weigher.runs, weigher.drift, weigher.usual_scatters)
        if self._kept[-1][0] == sample:
            self._kept.pop()
        self._kept.append((sample, memory))

    def at(self, sample: int) -> Memory:
        """Return what was remembered when ``sample`` came; the oldest if that is gone.

        >>> memory = LaneMemory(Memory(usual_scatters=(0.65,)))
        >>> memory.at(80).usual_scatters
        (0.65,)
        """
        before = (memory for since, memory in reversed(self._kept) if since <= sample)
        return next(before, self._kept[0][1])

    def forget_before(self, sample: int) -> None:
        """Drop what no clip can begin with that begins at ``sample`` or later."""
        while len(self._kept) > 1 and self._kept[1][0] <= sample:
            self._kept.popleft()

    def begin_anew(self) -> None:
        """Go on with what is remembered now at the first sample of another stream."""
        self._kept = deque([(0, self.latest)])
