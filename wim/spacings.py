"""How far two axles of a lane are apart, by when each crossed which row.

While both are over the rows that is a question of where the one was when the other
crossed a row, and the rows before and behind it bound the answer, whatever stop lies in
between. Once the first has left them, only its speed tells. Nothing is weighed here.
"""

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from wim.hits import Hit, half_height_m
from wim.kinematics import Crossed

__all__ = ["AxleWay", "spacing_m"]

_UNEVEN = 0.65
"""Who is slower between two rows than so much of what he is elsewhere nearly stood."""
_FASTER = 1.35
"""The length of a pulse tells the speed over a strip within a quarter; a third is sure,
and nobody is faster between two rows than over both."""
_GAIN_MPS2 = 1.0
_LEAST_SIGMA_M = 0.02
_SHORTEST_S = 1e-4


class AxleWay(NamedTuple):
    """Of one axle: when it crossed each row, and how fast it was there by its pulses.

    ``pace_mps`` is its mean speed from the first to the last row that it crossed.
    """

    crossed: Sequence[Crossed]
    over_mps: Sequence[float]
    pace_mps: float

    @staticmethod
    def of(hits: Sequence[Hit], crossed: Sequence[Crossed]) -> "AxleWay":
        """Return the way of an axle with these hits, of ``row_crossings``."""
        over: dict[int, float] = {}
        for sensor, pulse in hits:
            lasts_s = max(pulse.fall_s - pulse.rise_s, _SHORTEST_S)
            mps = half_height_m(sensor.strip) / lasts_s
            over[sensor.rank] = max(over.get(sensor.rank, 0.0), mps)
        took_s = crossed[-1].at_s - crossed[0].at_s
        pace_mps = (crossed[-1].s_m - crossed[0].s_m) / took_s if took_s > 0.0 else 0.0
        return AxleWay(crossed, [over[rank] for rank in sorted(over)], pace_mps)


class _Place(NamedTuple):
    """Where an axle was at a time: likely, at least and at most."""

    likely_m: float
    least_m: float
    most_m: float


def spacing_m(first: AxleWay, second: AxleWay) -> float:
    """Return how far one axle is ahead of the next.

    Where both went evenly, that is the time between them at their speeds. Else it is
    put together from where either was when the other crossed a row, each place counted
    by how little the rows and speeds around leave open.
    """
    least_m, most_m = _by_order_m(first, second)
    if _went_evenly(first) and _went_evenly(second):
        told = _ahead_m(first, second)
        likely_m = math.fsum(told) / len(told) if told else 0.0
        return min(max(likely_m, least_m), most_m)
    apart = [*_apart(first, second)]
    own_least_m = max(least_m, *[each.least_m for each in apart])
    own_most_m = min(most_m, *[each.most_m for each in apart])
    if own_least_m <= own_most_m:
        least_m, most_m = own_least_m, own_most_m
    weights = total_m = 0.0
    for each in apart:
        sigma_m = max(each.most_m - each.least_m, _LEAST_SIGMA_M)
        weights += 1.0 / (sigma_m * sigma_m)
        total_m += each.likely_m / (sigma_m * sigma_m)
    return min(max(total_m / weights, least_m), most_m)


def _apart(first: AxleWay, second: AxleWay) -> Iterator[_Place]:
    """Yield what each crossing of either axle tells of the way between them."""
    for at_s, s_m in second.crossed:
        there = _place_at(first, at_s)
        yield _Place(*[place_m - s_m for place_m in there])
    for at_s, s_m in first.crossed:
        likely_m, least_m, most_m = _place_at(second, at_s)
        yield _Place(s_m - likely_m, s_m - most_m, s_m - least_m)


def _place_at(way: AxleWay, at_s: float) -> _Place:
    """Return where an axle was at a time that one of its crossings need not be."""
    crossed, over = way.crossed, way.over_mps
    behind = next((k for k, each in enumerate(crossed) if each.at_s > at_s), None)
    if behind is None:
        since_s = at_s - crossed[-1].at_s
        gone_m = over[-1] * since_s
        most_m = _FASTER * gone_m + 0.5 * _GAIN_MPS2 * since_s * since_s
        end_m = crossed[-1].s_m
        return _Place(end_m + gone_m, end_m, end_m + most_m)
    if behind == 0:
        until_s = crossed[0].at_s - at_s
        comes_m = over[0] * until_s
        most_m = _FASTER * comes_m + 0.5 * _GAIN_MPS2 * until_s * until_s
        begin_m = crossed[0].s_m
        return _Place(begin_m - comes_m, begin_m - most_m, begin_m)
    early, late = crossed[behind - 1], crossed[behind]
    mean_mps = (late.s_m - early.s_m) / (late.at_s - early.at_s)
    most_mps = _FASTER * max(over[behind - 1], over[behind], mean_mps)
    return _Place(
        early.s_m + mean_mps * (at_s - early.at_s),
        max(early.s_m, late.s_m - most_mps * (late.at_s - at_s)),
        min(late.s_m, early.s_m + most_mps * (at_s - early.at_s)),
    )


def _went_evenly(way: AxleWay) -> bool:
    """Tell whether an axle went about as fast between all rows as over them."""
    slowest_mps, fastest_mps = math.inf, 0.0
    for early, late in pairwise(way.crossed):
        took_s = late.at_s - early.at_s
        if took_s <= 0.0:
            return False
        mean_mps = (late.s_m - early.s_m) / took_s
        slowest_mps = min(slowest_mps, mean_mps)
        fastest_mps = max(fastest_mps, mean_mps)
    return _UNEVEN * max(fastest_mps, min(way.over_mps)) <= slowest_mps


def _by_order_m(first: AxleWay, second: AxleWay) -> tuple[float, float]:
    """Return how far two axles are apart at least and at most, by the order of times.

    However slowly a vehicle goes or stands: an axle that is on row 0 before another
    one has left row 3 is no further behind it than these rows are apart.
    """
    least_m, most_m = 0.0, math.inf
    for ahead_s, ahead_m in first.crossed:
        for behind_s, behind_m in second.crossed:
            apart_m = ahead_m - behind_m
            if ahead_s < behind_s:
                least_m = max(least_m, apart_m)
            elif apart_m < most_m:
                most_m = max(apart_m, 0.0)
    return least_m, max(most_m, least_m)


def _ahead_m(first: AxleWay, second: AxleWay) -> list[float]:
    """Return how far one axle is ahead of another, on the rows that both crossed.

    The speed of either tells a distance of its own. Where they crossed no row in
    common, it bridges the rows.
    """
    speeds_mps = [way.pace_mps for way in (first, second) if way.pace_mps > 0.0]
    places = {s_m: at_s for at_s, s_m in second.crossed}
    took_s = [places[s_m] - at_s for at_s, s_m in first.crossed if s_m in places]
    if took_s:
        n = len(took_s)
        return [
            math.fsum([each * speed_mps for each in took_s]) / n
            for speed_mps in speeds_mps
        ]
    late_s = second.crossed[0].at_s - first.crossed[0].at_s
    before_m = second.crossed[0].s_m - first.crossed[0].s_m
    return [late_s * speed_mps - before_m for speed_mps in speeds_mps]
