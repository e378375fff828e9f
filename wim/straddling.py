"""One vehicle between two lanes (跨道): both halves are one passage.

Each lane sees wheels of one side only, at the same moments. Alone, each half would be
a vehicle of half the mass; together they are weighed as one and flagged. Two vehicles
side by side stay two: each shows both sides, or their axles do not fall together.
"""

import math
from collections.abc import Sequence

import msgspec

from wim.axles import Axle
from wim.crossings import Crossing, with_axles
from wim.lanes import LaneWatch
from wim.row_loads import RowLoad
from wim.samples import Lane

__all__ = ["Straddling", "are_halves", "merged", "one_sided"]

_APART_M = 0.35
_MOST_ASKEW_M = 0.8
"""So far one wheel of an axle may be ahead of the other, across the lane."""
_TOGETHER = 0.6
_ONE_SIDE = 0.12
_AS_ONE_M = 0.1


class Straddling:
    """Crossings that wait for their other half, of lanes side by side.

    A crossing waits as long as the neighbouring lane holds wheels of the same moments
    that have become no crossing yet.
    """

    def __init__(self, watches: Sequence[LaneWatch]) -> None:
        self._beside = {
            watch.lane.number: [
                other
                for other in watches
                if abs(other.lane.number - watch.lane.number) == 1
            ]
            for watch in watches
        }
        self._waiting: list[tuple[Lane, Crossing]] = []

    @property
    def waits(self) -> bool:
        """Tell whether a crossing waits for its other half."""
        return bool(self._waiting)

    def take(self, lane: Lane, crossing: Crossing) -> list[tuple[Lane, Crossing]]:
        """Take one crossing and return what need not wait any longer."""
        for k, (other_lane, other) in enumerate(self._waiting):
            if abs(other_lane.number - lane.number) == 1 and are_halves(
                crossing, other
            ):
                del self._waiting[k]
                if _mass_kg(other) > _mass_kg(crossing):
                    return [(other_lane, merged(other, crossing))]
                return [(lane, merged(crossing, other))]
        if self._may_have_half(lane, crossing):
            self._waiting.append((lane, crossing))
            return []
        return [(lane, crossing)]

    def release(self, *, everything: bool = False) -> list[tuple[Lane, Crossing]]:
        """Return the crossings whose other half cannot come any more.

        One that shows one side only straddles all the same: wheels of its axles were
        beside it, though on too few rows to be weighed.
        """
        if not self._waiting:
            return []
        free = [
            each
            for each in self._waiting
            if everything or not self._may_have_half(*each)
        ]
        self._waiting = [
            each for each in self._waiting if not any(each is one for one in free)
        ]
        return [
            (lane, msgspec.structs.replace(crossing, straddles=one_sided(crossing)))
            for lane, crossing in free
        ]

    def _may_have_half(self, lane: Lane, crossing: Crossing) -> bool:
        return any(
            watch.holds(crossing.axles, within_m=_MOST_ASKEW_M, share=_TOGETHER)
            for watch in self._beside[lane.number]
        )


def one_sided(crossing: Crossing) -> bool:
    """Tell whether most of the load was on one side of the lane.

    Who changes lanes has all wheels on the first rows and those of one side on the
    later ones, or the other way round: half of the rows are enough.
    """
    left = math.fsum(axle.left_kg or 0.0 for axle in crossing.axles)
    right = math.fsum(axle.right_kg or 0.0 for axle in crossing.axles)
    if _on_one_side(left, right):
        return True
    sides: dict[int, tuple[float, float]] = {}
    for axle in crossing.axles:
        for row in axle.rows:
            left, right = sides.get(row.row, (0.0, 0.0))
            left += row.left_kg or 0.0
            sides[row.row] = left, right + (row.right_kg or 0.0)
    told = len([both for both in sides.values() if _on_one_side(*both)])
    return told > 0 and 2 * told >= len(sides)


def _on_one_side(left_kg: float, right_kg: float) -> bool:
    both_kg = left_kg + right_kg
    return both_kg > 0.0 and min(left_kg, right_kg) < _ONE_SIDE * both_kg


def are_halves(one: Crossing, other: Crossing) -> bool:
    """Tell whether crossings of neighbouring lanes are halves of one vehicle.

    At least one of them shows wheels on one side only, on half of its rows at least,
    and most axles of the one that has fewer crossed with an axle of the other. Where no
    strip tells the sides apart, all of them crossed every row as one.
    """
    if one.reverse != other.reverse:
        return False
    if _tells_no_side(one) and _tells_no_side(other):
        return _cross_as_one(one, other)
    if not (one_sided(one) or one_sided(other)):
        return False
    pairs = _pairs(one.axles, other.axles)
    fewer = min(len(one.axles), len(other.axles))
    return len(pairs) >= max(_TOGETHER * fewer, 1)


def merged(one: Crossing, other: Crossing) -> Crossing:
    """Make one crossing of two halves, in the lane of the first.

    What the other lane weighed counts as the side that the first one missed.

    Args:
        one: the half in whose lane the vehicle is said to be.
        other: the half in the neighbouring lane.
    """
    pairs = _pairs(one.axles, other.axles)
    taken = {j for _, j in pairs}
    partner = {i: other.axles[j] for i, j in pairs}
    axles = [
        _joined(axle, partner[i]) if i in partner else axle
        for i, axle in enumerate(one.axles)
    ]
    axles += [axle for j, axle in enumerate(other.axles) if j not in taken]
    axles.sort(key=lambda axle: axle.crossed_s)
    return msgspec.structs.replace(
        with_axles(one, axles),
        whole=one.whole and other.whole and len(axles) == len(pairs),
        smooth=one.smooth and other.smooth,
        damages=(),
        straddles=True,
    )


def _tells_no_side(crossing: Crossing) -> bool:
    return all(
        row.left_kg is None and row.right_kg is None
        for axle in crossing.axles
        for row in axle.rows
    )


def _cross_as_one(one: Crossing, other: Crossing) -> bool:
    """Tell whether no axle of the one that has fewer is apart from one of the other."""
    pairs = _pairs(one.axles, other.axles)
    if len(pairs) < min(len(one.axles), len(other.axles)):
        return False
    for i, j in pairs:
        at_s = {row.row: row.at_s for row in other.axles[j].rows}
        for row in one.axles[i].rows:
            beside_s = at_s.get(row.row, row.at_s)
            if abs(beside_s - row.at_s) * row.speed_mps > _AS_ONE_M:
                return False
    return True


def _mass_kg(crossing: Crossing) -> float:
    return math.fsum(axle.load_kg for axle in crossing.axles)


def _pairs(one: Sequence[Axle], other: Sequence[Axle]) -> list[tuple[int, int]]:
    """Return which axles crossed at the same moments, in their order.

    Who changes lanes stands askew, so that all wheels of one side come as much later:
    where some are left over, the way is looked for that joins most, the shortest first.
    """
    apart_m = [
        [
            (each.crossed_s - axle.crossed_s) * max(axle.rows[0].speed_mps, 0.1)
            for each in other
        ]
        for axle in one
    ]
    found = _together(apart_m, askew_m=0.0)
    most = min(len(one), len(other))
    if len(found) == most:
        return found
    ways_m = [way_m for own in apart_m for way_m in own if abs(way_m) <= _MOST_ASKEW_M]
    for askew_m in sorted(ways_m, key=abs):
        more = _together(apart_m, askew_m=askew_m)
        if len(more) > len(found):
            found = more
        if len(found) == most:
            break
    return found


def _together(
    apart_m: Sequence[Sequence[float]], *, askew_m: float
) -> list[tuple[int, int]]:
    """Return which axles are so far apart, in their order."""
    pairs = []
    first = 0
    for i, own in enumerate(apart_m):
        for j in range(first, len(own)):
            if abs(own[j] - askew_m) <= _APART_M:
                pairs.append((i, j))
                first = j + 1
                break
    return pairs


def _joined(axle: Axle, other: Axle) -> Axle:
    beside = {row.row: row for row in other.rows}
    rows = tuple(
        _joined_row(row, beside[row.row]) if row.row in beside else row
        for row in axle.rows
    )
    both = [row for row in rows if row.whole]
    return msgspec.structs.replace(
        axle,
        hits=(*axle.hits, *other.hits),
        rows=rows,
        load_kg=math.fsum(row.load_kg for row in both or rows) / len(both or rows),
        left_kg=axle.load_kg,
        right_kg=other.load_kg,
    )


def _joined_row(row: RowLoad, other: RowLoad) -> RowLoad:
    variance = row.sigma_kg * row.sigma_kg + other.sigma_kg * other.sigma_kg
    return msgspec.structs.replace(
        row,
        left_kg=row.load_kg,
        right_kg=other.load_kg,
        load_kg=row.load_kg + other.load_kg,
        sigma_kg=math.sqrt(variance),
        whole=True,
    )
