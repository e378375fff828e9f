"""When the axles of a lane crossed its rows, as their wheels' pulses tell it.

How fast an axle was there is told by the length of its pulses, within a quarter.
Nothing is weighed here.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from wim.hit_tables import HitTable
from wim.hits import Hit
from wim.kernels.crossed import cross_rows

__all__ = ["RowTimes"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


class RowTimes(NamedTuple):
    """Crossings of rows, axle after axle, each in the order of the rows.

    ``at_s`` is when the axle's centre was over the row at ``s_m``, ``over_mps`` how
    fast it was there by its pulses, ``axle`` whose crossing it is, shape (n,) each;
    ``ends`` says where each axle's end.
    """

    at_s: Floats
    s_m: Floats
    over_mps: Floats
    axle: Integers
    ends: Integers

    @staticmethod
    def of(table: HitTable) -> "RowTimes":
        """Return when axles crossed the rows that saw them.

        Where only one wheel was seen, it is taken to be as far ahead of the other as it
        is on the rows that saw both.
        """
        n = len(table.hits)
        at_s, s_m, over_mps = np.empty((3, n))
        axle = np.empty(n, dtype=np.int64)
        ends = np.empty_like(table.ends)
        cross_rows(table.hits, table.ends, at_s, s_m, over_mps, axle, ends)
        n = int(ends[-1]) if len(ends) else 0
        return RowTimes(at_s[:n], s_m[:n], over_mps[:n], axle[:n], ends)

    @staticmethod
    def of_hits(axles: Sequence[Sequence[Hit]]) -> "RowTimes":
        """Return the same by the hits of each axle."""
        return RowTimes.of(HitTable.of(axles))

    @property
    def axles(self) -> int:
        """Return how many axles crossed."""
        return len(self.ends)

    def part(self, first: int, end: int) -> "RowTimes":
        """Return the crossings of the axles from one to before another."""
        if first == 0 and end == len(self.ends):
            return self
        begin = int(self.ends[first - 1]) if first else 0
        own = slice(begin, int(self.ends[end - 1]))
        return RowTimes(
            self.at_s[own],
            self.s_m[own],
            self.over_mps[own],
            self.axle[own] - first,
            self.ends[first:end] - begin,
        )

    def mirrored(self) -> "RowTimes":
        """Return the crossings with the axles in the opposite order."""
        parts = [self.part(k, k + 1) for k in reversed(range(self.axles))]
        counts = [len(part.at_s) for part in parts]
        return RowTimes(
            np.concatenate([part.at_s for part in parts]),
            np.concatenate([part.s_m for part in parts]),
            np.concatenate([part.over_mps for part in parts]),
            np.repeat(np.arange(self.axles), counts),
            np.cumsum(counts),
        )

    def pace_mps(self, axle: int) -> float:
        """Return an axle's mean speed from the first to the last row it crossed."""
        first = int(self.ends[axle - 1]) if axle else 0
        last = int(self.ends[axle]) - 1
        took_s = float(self.at_s[last] - self.at_s[first])
        return float(self.s_m[last] - self.s_m[first]) / took_s if took_s > 0.0 else 0.0
