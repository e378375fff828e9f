"""How far the rows are from each other, as against what a road makes of an axle.

A road that lifts a wheel by a millimetre changes its force by about as much whether the
axle is loaded or empty, so that of a light one it is the greater part; and the faster
one drives over it, the more. What the rows say of an axle is held against what normal
lorries show at that load and speed, so that an empty one that bounces on its tyres is
not taken for a driver who jumps (跳磅). A road shakes all axles at the same place, a
driver who jumps shakes them at the same time and so at different places: what the axles
have in common at a row counts for little. It weighs nothing and names no manoeuvre.
"""

import numpy as np

from wim.kernels.scatter import scatter_rows
from wim.row_loads import RowTable

__all__ = ["USUAL_SCATTERS", "Scatter", "UsualScatter", "scatter_of"]

_SPEEDS_MPS = np.array([1.5, 3.0, 4.5, 7.0, 12.0, 17.0, 22.0, 28.0])
_SHARES = np.array([0.013, 0.017, 0.022, 0.03, 0.045, 0.0625, 0.077, 0.091])
_LOADS_KG = np.array([2e3, 3e3, 4e3, 5e3, 7e3, 1e4, 1.6e4, 2.4e4])
_FACTORS = np.array([2.2, 1.65, 1.37, 1.25, 1.12, 0.77, 0.59, 0.54])
_STRIPS = 0.01
_ALIKE = 0.5
_FIRST_USUAL = 0.65
_FAR_OUT = 4.0
USUAL_SCATTERS = (0.4, 1.6)
"""The least and the most that a lane's usual scatter can be."""

Scatter = tuple[float | None, int | None]


def scatter_of(rows: RowTable) -> Scatter:
    """Return how far the rows are from each other, and the row that is furthest.

    One is about what the usual axle of a smooth road shows. It is the standard
    deviation of an axle's rows over that which its load and speed let expect (a share
    of the load, and what no two strips agree in), all axles together, as if two axles
    were alike at a row with a correlation of a half. None where no axle was seen wholly
    by two rows.

    Source: the standard deviation between rows of 5900 normal lorries of both families
    of models, simulated on four rows (site seeds 621 to 640), by load and speed; the
    greater of two fits that count the second family once and four times.
    """
    if not len(rows.rows):
        return None, None
    scatter, worst = scatter_rows(
        rows.rows,
        rows.axles,
        _SPEEDS_MPS,
        _SHARES,
        _LOADS_KG,
        _FACTORS,
        _STRIPS,
        _ALIKE,
    )
    return (scatter, worst) if worst >= 0 else (None, None)


class UsualScatter:
    """How far the rows of a lane usually are from each other; one figure.

    It follows the middle one of the vehicles, up or down by a twentieth each time, so
    that a rough road is not taken for drivers who jump.

    Args:
        figure: as another one left it; the first where nothing is known of the lane.

    Raises:
        ValueError: the figure is none that can be usual.
    """

    def __init__(self, figure: float = _FIRST_USUAL) -> None:
        least, most = USUAL_SCATTERS
        if not least <= figure <= most:
            message = f"usual scatter {figure} must be from {least} to {most}"
            raise ValueError(message)
        self.figure = figure

    def follow(self, scatter: float | None) -> None:
        """Take note of one vehicle's figure; what is far out is no usual one."""
        if scatter is not None and scatter < _FAR_OUT * self.figure:
            step = 1.05 if scatter > self.figure else 1.0 / 1.05
            least, most = USUAL_SCATTERS
            self.figure = min(max(self.figure * step, least), most)
