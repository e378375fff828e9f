"""How fast the latest axle of a lane went between the first two rows that show it."""

import math

from wim.hits import USUAL_CONTACT_M, rough_speed_mps
from wim.pulse_store import PulseStore
from wim.pulses import Pulse
from wim.views import Sensor, View

__all__ = ["Pace"]

_RECENT = 8
_TYRE_M = 0.2
_SHORTEST_S = 1e-3
_STRAY = 3.0
"""Two pulses are no axle's that would have gone so many times slower or faster between
the rows than over them: one of them is a stray wheel's, or the axle stood or turned."""


class Pace:
    """The pace of one direction, found anew only when the rows that tell it changed."""

    def __init__(self, view: View, store: PulseStore) -> None:
        self._store = store
        self._rows = [row[0].strip.row for row in view.by_rank]
        # of each later row: its strips, each with those of the first row on its side
        self._pairs = [
            [
                (
                    second,
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
        # more than the longest contact, stray or not, whatever was rounded
        contact_m = max(sensor.strip.width_m for sensor in view.sensors) + _TYRE_M
        self._longest_m = 1.001 * _STRAY * contact_m
        self._mps: float | None = None
        self._told_by: list[int] = self._rows[1:]
        self._behind = self._ahead = -1
        self._late_s = -math.inf
        # of each strip of the first row, how many pulses were looked at
        self._looked_at = [(sensor.index, 0) for sensor in view.row(0)]

    def least_s(self, way_m: float) -> float:
        """Return how long a way takes at least, whatever pulses tell the pace.

        No two of them are believed to tell one that the shortest pulse does not allow.
        """
        return way_m * max(self._store.shortest_s, _SHORTEST_S) / self._longest_m

    @property
    def mps(self) -> float | None:
        """Return the pace [m/s], None where no two rows show one.

        Which two pulses are the latest axle's is judged by their length: contact over
        duration is a rough speed that needs no partner. Where no two are one axle's,
        that rough speed is the pace.
        """
        ahead = self._store.changes[self._rows[0]]
        if self._changes_behind() != self._behind or (
            ahead != self._ahead and self._first_row_tells()
        ):
            of = self._store.of
            self._looked_at = [(index, len(of[index])) for index, _ in self._looked_at]
            self._late_s = -math.inf
            rank = self._find()
            self._told_by = self._rows[1 : rank + 1]
            self._behind = self._changes_behind()
        self._ahead = ahead
        return self._mps

    def is_told_by(self, row: int) -> bool:
        """Tell whether a pulse of a row that is not the first may change the pace.

        Where rows changed since it was found, it may be told by any.
        """
        return row in self._told_by or self._changes_behind() != self._behind

    def _changes_behind(self) -> int:
        """Return how often the later rows changed that told the pace."""
        changes = self._store.changes
        count = 0
        for row in self._told_by:
            count += changes[row]
        return count

    def _first_row_tells(self) -> bool:
        """Tell whether what came to the first row may be what a later row has seen.

        A wheel that is there after all of the later rows' tells nothing yet.
        """
        late_s = self._late_s
        for index, known in self._looked_at:
            pulses = self._store.of[index]
            if len(pulses) > _RECENT:
                return True
            for pulse in pulses[known:]:
                if pulse.centroid_s < late_s:
                    return True
        return False

    def _find(self) -> int:
        """Find the pace; return the rank of the row that told it, else the last."""
        of = self._store.of
        for rank, row in enumerate(self._pairs, start=1):
            lates = [
                (second, of[second.index][-1]) for second, _ in row if of[second.index]
            ]
            if not lates:
                continue
            newest = max(lates, key=_at_s)
            self._late_s = max(self._late_s, newest[1].centroid_s)
            best: tuple[bool, float, float] | None = None
            for second, firsts in row:
                if not of[second.index]:
                    continue
                late = of[second.index][-1]
                at_s = late.centroid_s
                late_lasts_s = late.end_s - late.start_s
                passed = late is not newest[1] and _is_before((second, late), newest)
                for first, way_m in firsts:
                    for early in of[first][-_RECENT:]:
                        taken_s = at_s - early.centroid_s
                        if taken_s <= 0.0:
                            continue
                        pace_mps = way_m / taken_s
                        lasts_s = 0.5 * (early.end_s - early.start_s + late_lasts_s)
                        rough_mps = USUAL_CONTACT_M / max(lasts_s, _SHORTEST_S)
                        ratio = pace_mps / rough_mps
                        if ratio < 1.0:
                            ratio = max(ratio, 1.0 / ratio)
                        told = (passed, ratio, pace_mps)
                        if best is None or told < best:
                            best = told
            if best is not None:
                _, ratio, self._mps = best
                sensor, late = newest
                contact_m = sensor.strip.width_m + _TYRE_M
                over_mps = rough_speed_mps(late) * contact_m / USUAL_CONTACT_M
                if ratio > _STRAY * contact_m / USUAL_CONTACT_M:
                    self._mps = over_mps
                return rank
        self._mps = None
        return len(self._pairs)


def _at_s(late: tuple[Sensor, Pulse]) -> float:
    return late[1].centroid_s


def _is_before(late: tuple[Sensor, Pulse], newest: tuple[Sensor, Pulse]) -> bool:
    """Tell whether a pulse of a row is an axle's that crossed before the newest."""
    (sensor, pulse), (other, known) = late, newest
    lasts_s = max(pulse.end_s - pulse.start_s, known.end_s - known.start_s)
    apart_m = abs(other.s_m - sensor.s_m)
    reach_s = lasts_s * (1.0 + 2.0 * apart_m / USUAL_CONTACT_M)
    return known.centroid_s - pulse.centroid_s > reach_s
