"""What single rows say of single axles: one by one, and all of a vehicle in a table."""

import math
from array import array
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from wim.kernels.row_table import FULL, LEFT, RIGHT, ROW_COLUMNS

__all__ = ["RowLoad", "RowTable"]


class RowLoad(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one row says of one axle.

    ``rank`` counts the rows along the way, ``row`` as the site does. ``at_s`` is when
    the axle was over the row, ``place_m`` how far along the way that is,
    ``speed_mps`` how fast it was there. ``load_kg`` is the sum of the wheels that were
    seen; the row is ``whole`` when these were both, on strips that are healthy.
    ``sigma_kg`` (k = 1) is the part of the signals' noise alone. ``skew_m`` is how far
    the left wheel was ahead of the right one, None where not both were seen or no
    smooth way tells: whoever drives straight has none, wherever the strips lie.
    """

    rank: int
    row: int
    at_s: float
    place_m: float
    speed_mps: float
    speed_sigma_mps: float
    left_kg: float | None
    right_kg: float | None
    load_kg: float
    sigma_kg: float
    whole: bool
    skew_m: float | None = None


class RowTable(NamedTuple):
    """Rows of a vehicle, axle after axle, as kernels read them.

    ``rows`` has the columns of ``wim.kernels.row_table``; ``axles`` is how many axles
    there are.
    """

    rows: npt.NDArray[np.float64]
    axles: int

    @staticmethod
    def of(axles: Sequence[Sequence[RowLoad]]) -> "RowTable":
        """Return the table of the rows of some axles, in their order."""
        figures: list[float] = []
        for number, own in enumerate(axles):
            for row in own:
                left_kg, right_kg, skew_m = row.left_kg, row.right_kg, row.skew_m
                seen = LEFT if left_kg is not None else 0
                seen |= RIGHT if right_kg is not None else 0
                figures += (
                    number,
                    row.rank,
                    row.row,
                    row.at_s,
                    row.place_m,
                    row.speed_mps,
                    row.speed_sigma_mps,
                    left_kg or 0.0,
                    right_kg or 0.0,
                    row.load_kg,
                    row.sigma_kg,
                    seen or FULL,
                    row.whole,
                    math.nan if skew_m is None else skew_m,
                )
        table = np.frombuffer(array("d", figures)).reshape(-1, ROW_COLUMNS)
        return RowTable(table, len(axles))

    def by_axle(self) -> list[list[RowLoad]]:
        """Return what each row says of each axle, the axles in their order."""
        told: list[list[RowLoad]] = [[] for _ in range(self.axles)]
        for (
            axle,
            rank,
            row,
            at_s,
            place_m,
            speed_mps,
            speed_sigma_mps,
            left_kg,
            right_kg,
            load_kg,
            sigma_kg,
            seen,
            whole,
            skew_m,
        ) in self.rows.tolist():
            sides = int(seen)
            told[int(axle)].append(
                RowLoad(
                    rank=int(rank),
                    row=int(row),
                    at_s=at_s,
                    place_m=place_m,
                    speed_mps=speed_mps,
                    speed_sigma_mps=speed_sigma_mps,
                    left_kg=left_kg if sides & LEFT else None,
                    right_kg=right_kg if sides & RIGHT else None,
                    load_kg=load_kg,
                    sigma_kg=sigma_kg,
                    whole=whole != 0.0,
                    skew_m=None if math.isnan(skew_m) else skew_m,
                )
            )
        return told
