"""How fast the latest axle of a lane went between the first two rows that show it."""

from wim.hits import rough_speed_mps
from wim.pulse_store import PulseStore
from wim.views import View

__all__ = ["Pace"]

_RECENT = 8


class Pace:
    """The pace of one direction, found anew only when the rows that tell it changed."""

    def __init__(self, view: View, store: PulseStore) -> None:
        self._store = store
        self._rows = [row[0].strip.row for row in view.by_rank]
        # of each later row: its strips, each with those of the first row on its side
        self._pairs = [
            [
                (
                    second.index,
                    [
                        (first.index, second.s_m - first.s_m)
                        for first in view.row(0)
                        if {first.side, second.side} != {"left", "right"}
                    ],
                )
                for second in row
            ]
            for row in view.by_rank[1:]
        ]
        self._mps: float | None = None
        self._told_by: list[int] = self._rows
        self._changes = -1

    @property
    def mps(self) -> float | None:
        """Return the pace [m/s], None where no two rows show one.

        Which two pulses are the latest axle's is judged by their length: contact over
        duration is a rough speed that needs no partner.
        """
        changes = self._store.changes
        if sum([changes[row] for row in self._told_by]) != self._changes:
            rank = self._find()
            self._told_by = self._rows[: rank + 1]
            self._changes = sum([changes[row] for row in self._told_by])
        return self._mps

    def _find(self) -> int:
        """Find the pace; return the rank of the row that told it, else the last."""
        of = self._store.of
        for rank, row in enumerate(self._pairs, start=1):
            found: list[tuple[float, float]] = []
            for second, firsts in row:
                if not of[second]:
                    continue
                late = of[second][-1]
                for first, way_m in firsts:
                    for early in of[first][-_RECENT:]:
                        taken_s = late.centroid_s - early.centroid_s
                        if taken_s > 0.0:
                            pace_mps = way_m / taken_s
                            ratio = pace_mps / rough_speed_mps(early, late)
                            found.append((max(ratio, 1.0 / ratio), pace_mps))
            if found:
                self._mps = min(found)[1]
                return rank
        self._mps = None
        return len(self._pairs)
