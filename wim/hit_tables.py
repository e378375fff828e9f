"""The hits of a vehicle's axles as kernels read them."""

from collections.abc import Sequence
from operator import attrgetter
from struct import Struct
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from wim.hits import Hit
from wim.kernels.hit_table import HIT_COLUMNS
from wim.pulses import Pulse

__all__ = ["HitTable"]

_FIGURES = attrgetter(
    "centroid_s",
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
_PACKED = Struct("=11d").pack
"""The same and the plateau as an array has them: half as long as by numbers."""


class HitTable(NamedTuple):
    """Hits, axle after axle, with the columns of ``wim.kernels.hit_table``.

    ``hits`` has a row for each, ``ends`` says where each axle's end.
    """

    hits: npt.NDArray[np.float64]
    ends: npt.NDArray[np.int64]

    @staticmethod
    def of(axles: Sequence[Sequence[Hit]]) -> "HitTable":
        """Return the table of some axles' hits, in their order."""
        figures = bytearray()
        ends = []
        count = 0
        for own in axles:
            for sensor, pulse in own:
                figures += sensor.figures
                figures += pulse.figures or _packed(pulse)
            count += len(own)
            ends.append(count)
        table = np.frombuffer(figures).reshape(count, HIT_COLUMNS)
        return HitTable(table, np.array(ends, dtype=np.int64))

    def part(self, first: int, end: int) -> "HitTable":
        """Return the hits of the axles from one to before another."""
        ends = self.ends
        if first == 0 and end == len(ends):
            return self
        begin = int(ends[first - 1]) if first else 0
        return HitTable(self.hits[begin : int(ends[end - 1])], ends[first:end] - begin)


def _packed(pulse: Pulse) -> bytes:
    """Return the columns of a pulse that no detector packed."""
    return _PACKED(*_FIGURES(pulse), pulse.plateau_counts or 0.0)
