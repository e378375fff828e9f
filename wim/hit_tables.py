"""The hits of a vehicle's axles as kernels read them."""

from array import array
from collections.abc import Sequence
from operator import attrgetter
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from wim.hits import Hit
from wim.kernels.hit_table import HIT_COLUMNS

__all__ = ["HitTable"]

_FIGURES = attrgetter(
    "centre_s",
    "area_counts_s",
    "area_sigma_counts_s",
    "rise_s",
    "fall_s",
    "start_s",
    "end_s",
    "noise_counts",
    "clipped",
)


class HitTable(NamedTuple):
    """Hits, axle after axle, with the columns of ``wim.kernels.hit_table``.

    ``hits`` has a row for each, ``ends`` says where each axle's end.
    """

    hits: npt.NDArray[np.float64]
    ends: npt.NDArray[np.int64]

    @staticmethod
    def of(axles: Sequence[Sequence[Hit]]) -> "HitTable":
        """Return the table of some axles' hits, in their order."""
        figures: list[float] = []
        ends = []
        for own in axles:
            for sensor, pulse in own:
                figures += sensor.figures
                figures += _FIGURES(pulse)
                figures.append(pulse.plateau_counts or 0.0)
            ends.append(len(figures) // HIT_COLUMNS)
        # of many figures, NumPy reads an array of Python's three times as soon
        table = np.frombuffer(array("d", figures)).reshape(-1, HIT_COLUMNS)
        return HitTable(table, np.array(ends, dtype=np.int64))

    def part(self, first: int, end: int) -> "HitTable":
        """Return the hits of the axles from one to before another."""
        ends = self.ends
        begin = int(ends[first - 1]) if first else 0
        return HitTable(self.hits[begin : int(ends[end - 1])], ends[first:end] - begin)
