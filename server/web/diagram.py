"""The side drawing of a vehicle's axles: where each wheel, column and bracket stands.

Spacings are to scale as measured; where they are not known, there is no drawing. It
invents no body, and the wheel's size is only indicative. Lengths inside are drawing
units.
"""

import itertools
from collections.abc import Sequence

import msgspec

from server.passages.model import Passage

__all__ = ["AxleDrawing", "Bracket", "Diagram", "Gap", "draw"]

UNITS_PER_METRE = 46.0
LONGEST = 1040.0
MARGIN = 74.0
ROAD = 214.0
WHEEL_RADIUS_M = 0.5
COLUMN = 96.0
LEAST_FULL_COLUMN_KG = 13_000.0


class AxleDrawing(msgspec.Struct, frozen=True, kw_only=True):
    """One wheel with its load column; `number` counts from 1 in crossing order."""

    number: int
    x: float
    load_kg: float
    column_top: float
    column_height: float


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """The dimension between two neighbouring axles."""

    left: float
    right: float
    middle: float
    spacing_m: float


class Bracket(msgspec.Struct, frozen=True, kw_only=True):
    """One axle group with the sum of its loads."""

    left: float
    right: float
    middle: float
    load_kg: float


class Diagram(msgspec.Struct, frozen=True, kw_only=True):
    """The whole drawing; axle 1 stands on the left and travel is to the left."""

    width: float
    height: float
    road: float
    axle_height: float
    wheel_radius: float
    column_foot: float
    metre: float
    axles: tuple[AxleDrawing, ...]
    gaps: tuple[Gap, ...]
    brackets: tuple[Bracket, ...]


def draw(passage: Passage) -> Diagram | None:
    """Lay out the axles of one passage; None where nobody knows how they stand."""
    spacings_m, groups = passage.axle_spacings_m, passage.axle_groups
    if spacings_m is None or groups is None:
        return None
    span_m = sum(spacings_m)
    metre = min(UNITS_PER_METRE, (LONGEST - 2 * MARGIN) / max(span_m, 1.0))
    places = [
        MARGIN + metre * along_m
        for along_m in itertools.accumulate(spacings_m, initial=0.0)
    ]
    radius = WHEEL_RADIUS_M * metre
    foot = ROAD - 2 * radius - 24.0
    full_kg = max(*passage.axle_loads_kg, LEAST_FULL_COLUMN_KG)
    return Diagram(
        width=max(places[-1] + MARGIN, 560.0),
        height=ROAD + 74.0,
        road=ROAD,
        axle_height=ROAD - radius,
        wheel_radius=radius,
        column_foot=foot,
        metre=metre,
        axles=tuple(
            AxleDrawing(
                number=number,
                x=x,
                load_kg=load_kg,
                column_top=foot - COLUMN * load_kg / full_kg,
                column_height=COLUMN * load_kg / full_kg,
            )
            for number, (x, load_kg) in enumerate(
                zip(places, passage.axle_loads_kg, strict=True), start=1
            )
        ),
        gaps=tuple(
            Gap(left=left, right=right, middle=(left + right) / 2, spacing_m=spacing_m)
            for (left, right), spacing_m in zip(
                itertools.pairwise(places), spacings_m, strict=True
            )
        ),
        brackets=_brackets(places, passage.axle_loads_kg, groups, radius),
    )


def _brackets(
    places: Sequence[float],
    loads_kg: Sequence[float],
    groups: Sequence[Sequence[int]],
    radius: float,
) -> tuple[Bracket, ...]:
    return tuple(
        Bracket(
            left=places[group[0]] - radius,
            right=places[group[-1]] + radius,
            middle=(places[group[0]] + places[group[-1]]) / 2,
            load_kg=sum(loads_kg[axle] for axle in group),
        )
        for group in groups
    )
