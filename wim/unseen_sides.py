"""How far wheels may have stood beside strips that show no sides.

A strip across the whole lane adds left and right: wheels that miss its end take their
load with them, all rows agree, and nothing tells it. What that may cost on average is
told from how far the strips reach and how drivers usually spread over a lane. It finds
no vehicle that did so and corrects nothing.

Assumed, not measured on any road: lorries spread over a lane with a standard deviation
of 0.2 m about its middle, are 2.5 m wide and stand on twin tyres of 0.55 m.
"""

import math
from typing import Annotated

import msgspec

from wim.kernels.elementary import exponential
from wim.samples import Lane

__all__ = ["UnseenSides", "unseen_side_sigma"]

Positive = Annotated[float, msgspec.Meta(gt=0.0)]

_STEPS = 40
_FURTHEST = 4.0


class UnseenSides(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True
):
    """What is assumed of vehicles and drivers, in metres.

    ``spread_m`` is the standard deviation of a vehicle's middle about the lane's,
    ``half_width_m`` from there to the outer edge of its tyres, ``tyres_m`` how wide
    the tyres of one side stand; ``half_lane_m`` is how far strips reach where the site
    does not say it.
    """

    spread_m: Positive = 0.2
    half_width_m: Positive = 1.25
    tyres_m: Positive = 0.55
    half_lane_m: Positive = 1.75


def unseen_side_sigma(lane: Lane, figures: UnseenSides) -> float:
    """Return the relative standard uncertainty of what stood beside the strips, k = 1.

    The root of the mean square of the part that is lost, over where vehicles drive; 0
    where any strip is a left or a right one, since these show it.
    """
    if any(strip.side != "full" for strip in lane.strips):
        return 0.0
    left_m = right_m = math.inf
    for strip in lane.strips:
        from_m, to_m = strip.lateral_from_m, strip.lateral_to_m
        if from_m is None or to_m is None:
            from_m, to_m = -figures.half_lane_m, figures.half_lane_m
        left_m = min(left_m, -from_m)
        right_m = min(right_m, to_m)
    weights = squares = 0.0
    for step in range(-_STEPS, _STEPS + 1):
        spread = _FURTHEST * step / _STEPS
        aside_m = spread * figures.spread_m
        beyond_m = (
            figures.half_width_m - aside_m - left_m,
            figures.half_width_m + aside_m - right_m,
        )
        lost = 0.0
        for over_m in beyond_m:
            lost += 0.5 * min(max(over_m / figures.tyres_m, 0.0), 1.0)
        weight = exponential(-0.5 * spread * spread)
        weights += weight
        squares += weight * lost * lost
    return math.sqrt(squares / weights)
