"""How far the axles of a lane are apart, by when each crossed which row."""

import numpy as np

from wim.kernels.apart import space_axles
from wim.row_times import RowTimes

__all__ = ["spacings_m"]


def spacings_m(times: RowTimes) -> list[float]:
    """Return how far each axle is ahead of the next [m], one fewer than axles.

    Where both went evenly, that is the time between them at their speeds. Else it is
    put together from where either was when the other crossed a row, each place counted
    by how little the rows and speeds around leave open.
    """
    apart = np.empty(times.axles - 1)
    space_axles(times.at_s, times.s_m, times.over_mps, times.ends, apart)
    return apart.tolist()
