"""What a lane tells: that a vehicle enters, and a vehicle that has crossed it."""

from collections.abc import Sequence
from typing import TypeAlias

import msgspec

from wim.axles import Axle
from wim.health import Damage
from wim.hit_tables import HitTable
from wim.row_loads import RowTable
from wim.views import View

__all__ = ["Crossing", "Entry", "LaneEvent", "Neighbour", "with_axles"]


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A first axle has crossed the first row."""

    at_s: float


class Neighbour(msgspec.Struct, frozen=True, kw_only=True):
    """Another vehicle close before or behind, on the same lane.

    ``gap_m`` is the way between the last axle of the one and the first of the other;
    ``alike`` tells that their speeds do not say that they are two.
    """

    gap_m: float
    alike: bool


class Crossing(msgspec.Struct, frozen=True, kw_only=True):
    """A vehicle that has crossed the lane.

    ``hits`` and ``rows`` are tables of what its axles have of both.
    It is not ``whole`` when axles were seen too rarely, or its beginning or end not at
    all; not ``told_apart`` when nothing says that its axles are those of one vehicle.
    It ``turned`` when it went forward, back and forward again. ``rest_m`` is
    what its way leaves at the rows; where it is not ``smooth``,
    no speed is known. ``damages`` are strips that were left out of its loads.
    It ``straddles`` when a half of it was in the neighbouring lane. ``by_separator``
    tells that a separator said which axles are its own. ``stood_s`` is for how long no
    axle of one that stopped was over the rows, between its parts; 0 where none is.
    """

    axles: tuple[Axle, ...]
    hits: HitTable
    rows: RowTable
    view: View
    reverse: bool
    whole: bool
    told_apart: bool
    turned: bool
    smooth: bool
    rest_m: float
    before: Neighbour | None
    behind: Neighbour | None
    damages: tuple[Damage, ...]
    straddles: bool = False
    by_separator: bool = False
    stood_s: float = 0.0


LaneEvent: TypeAlias = Entry | Crossing


def with_axles(crossing: Crossing, axles: Sequence[Axle]) -> Crossing:
    """Return a crossing of other axles, with the tables of their hits and rows."""
    return msgspec.structs.replace(
        crossing,
        axles=tuple(axles),
        hits=HitTable.of([axle.hits for axle in axles]),
        rows=RowTable.of([axle.rows for axle in axles]),
    )
