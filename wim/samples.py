"""What a site is: its lanes, and the strips in them, as read from ``SITE.toml``.

It opens no file: text comes in. A site that contradicts itself is refused when it is
parsed, so that nothing above ever has to doubt a channel or a position.
"""

import math
from itertools import pairwise
from typing import Annotated, Literal, TypeAlias

import msgspec

from wim.errors import TableError
from wim.tables import parse_table

__all__ = ["Channel", "Lane", "Side", "Site", "StationName", "Strip", "parse_site"]

Side: TypeAlias = Literal["left", "right", "full"]
Positive: TypeAlias = Annotated[float, msgspec.Meta(gt=0.0)]
NotNegative: TypeAlias = Annotated[float, msgspec.Meta(ge=0.0)]
Channel: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=255)]
Input: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=31)]

_RANGES = {
    "position_m": (-1e6, 1e6, "m"),
    "width_m": (0.001, 10.0, "m"),
    "counts_per_newton": (1e-6, 1e6, "counts/N"),
    "time_constant_s": (0.001, 1e9, "s"),
    "lateral_from_m": (-20.0, 20.0, "m"),
    "lateral_to_m": (-20.0, 20.0, "m"),
    "time_offset_s": (-1.0, 1.0, "s"),
    "gain_uncertainty": (0.0, 1.0, "(0.02 is two per cent)"),
    "temperature_per_c": (-0.02, 0.02, "per °C (-0.0002 is 0.02 % less)"),
    "full_scale_counts": (1.0, 2.0**31, "counts"),
}
"""From and to what a figure of a strip can be meant: wide, and no slip of the unit."""
_FASTEST_KMH = 500.0
_LONGEST_ROW_M = 100.0


class StationName(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True
):
    """The station that a site belongs to."""

    id: Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


class Strip(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One force sensor across (part of) a lane, on one channel of the samples.

    ``counts - offset = counts_per_newton * force``, positive downward, where the
    force is what rests on the strip's own width. ``time_constant_s`` is the high-pass
    of its charge amplifier (none given: none); ``time_offset_s`` is how much later
    than the first channel it is sampled. Lateral extent, gain uncertainty and
    ``temperature_per_c``, by which part the sensitivity changes with each °C, are kept
    for the uncertainty budget and change no mass. A ``plate`` is weighed by its area
    like a strip, and by its plateau where no smooth way tells how fast the wheel was.
    """

    channel: Channel
    row: Annotated[int, msgspec.Meta(ge=0)]
    side: Side
    position_m: float
    width_m: Positive
    counts_per_newton: Positive
    time_constant_s: Positive | None = None
    kind: Literal["strip", "plate"] = "strip"
    lateral_from_m: float | None = None
    lateral_to_m: float | None = None
    time_offset_s: float = 0.0
    gain_uncertainty: NotNegative | None = None
    temperature_per_c: float | None = None
    full_scale_counts: Positive | None = None


class Lane(
    msgspec.Struct,
    frozen=True,
    forbid_unknown_fields=True,
    kw_only=True,
    cache_hash=True,
):
    """One lane; 1 is the leftmost, seen in the direction of travel.

    ``presence_input`` is the bit of the station's inputs on which the lane's vehicle
    separator, standing at row 0, reports a vehicle; without one, vehicles are told
    apart by the gap between their axles.
    """

    number: Annotated[int, msgspec.Meta(ge=1, le=99)]
    speed_range_kmh: tuple[NotNegative, Positive]
    strips: Annotated[tuple[Strip, ...], msgspec.Meta(min_length=2)]
    presence_input: Input | None = None


class Site(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The sensors of one station."""

    station: StationName
    lanes: Annotated[tuple[Lane, ...], msgspec.Meta(min_length=1)]

    @property
    def channels(self) -> int:
        """Return how many columns the samples must have at least."""
        return 1 + max(strip.channel for lane in self.lanes for strip in lane.strips)


def parse_site(text: str, *, name: str) -> Site:
    """Parse and check one ``SITE.toml``.

    Args:
        text: the TOML document.
        name: what to call it in messages, usually its path.

    Raises:
        TableError: a key is unknown, missing or wrong, or the sensors contradict
            each other; the message names document, key and what is allowed.
    """
    site = parse_table(text, Site, name=name)
    numbers = [lane.number for lane in site.lanes]
    if len(set(numbers)) < len(numbers):
        message = f"{name}: key 'lanes': lane numbers {numbers} must differ"
        raise TableError(message)
    inputs = [lane.presence_input for lane in site.lanes]
    used_inputs = [bit for bit in inputs if bit is not None]
    if len(set(used_inputs)) < len(used_inputs):
        message = f"{name}: key 'lanes': presence_input {used_inputs} must differ"
        raise TableError(message)
    owner: dict[int, str] = {}
    for i, lane in enumerate(site.lanes):
        where = f"{name}: key 'lanes[{i}]"
        _check_lane(lane, where=where)
        for k, strip in enumerate(lane.strips):
            key = f"lanes[{i}].strips[{k}].channel"
            if strip.channel in owner:
                message = (
                    f"{name}: key '{key}': channel {strip.channel} is already that of "
                    f"{owner[strip.channel]}; every strip needs its own"
                )
                raise TableError(message)
            owner[strip.channel] = key
    return site


def _check_strip(strip: Strip, *, where: str) -> None:
    for field, (low, high, unit) in _RANGES.items():
        figure = getattr(strip, field)
        if figure is not None and not low <= figure <= high:
            message = (
                f"{where}.{field}': {figure}; expected a finite number from {low:g} to "
                f"{high:g} {unit}"
            )
            raise TableError(message)
    begin, end = strip.lateral_from_m, strip.lateral_to_m
    if begin is not None and end is not None and begin >= end:
        message = f"{where}.lateral_from_m': {begin} must be below lateral_to_m {end}"
        raise TableError(message)


def _check_lane(lane: Lane, *, where: str) -> None:
    low, high = lane.speed_range_kmh
    if not low < high < math.inf:
        message = f"{where}.speed_range_kmh': {low} must be below {high}, both finite"
        raise TableError(message)
    if not 1.0 <= high <= _FASTEST_KMH:
        message = (
            f"{where}.speed_range_kmh[1]': {high}; expected 1 to {_FASTEST_KMH:g} km/h"
        )
        raise TableError(message)
    for k, strip in enumerate(lane.strips):
        _check_strip(strip, where=f"{where}.strips[{k}]")
    rows = sorted({strip.row for strip in lane.strips})
    if len(rows) < 2 or rows != list(range(len(rows))):
        message = (
            f"{where}.strips': rows {rows}; expected at least two, numbered from 0 "
            f"without a gap"
        )
        raise TableError(message)
    for row in rows:
        sides = sorted(strip.side for strip in lane.strips if strip.row == row)
        if sides not in (["full"], ["left", "right"]):
            message = (
                f"{where}.strips': row {row} has sides {', '.join(sides)}; expected "
                f"one left and one right, or one full"
            )
            raise TableError(message)
    for row in rows[1:]:
        before = max(s.position_m for s in lane.strips if s.row == row - 1)
        here = min(s.position_m for s in lane.strips if s.row == row)
        if here <= before:
            message = (
                f"{where}.strips': position_m {here} of row {row} must lie behind "
                f"{before} of row {row - 1}"
            )
            raise TableError(message)
        first = min(s.position_m for s in lane.strips if s.row == row - 1)
        last = max(s.position_m for s in lane.strips if s.row == row)
        if last - first > _LONGEST_ROW_M:
            message = (
                f"{where}.strips': position_m {last} of row {row} is "
                f"{last - first:g} m behind row {row - 1}; expected at most "
                f"{_LONGEST_ROW_M:g} m"
            )
            raise TableError(message)
    _check_sides(lane, where=where)
    _check_room(lane, where=where)


def _check_sides(lane: Lane, *, where: str) -> None:
    """Refuse a left strip that lies to the right of the right one of its row."""
    middles: dict[tuple[int, Side], float] = {}
    for strip in lane.strips:
        if strip.lateral_from_m is not None and strip.lateral_to_m is not None:
            middle_m = 0.5 * (strip.lateral_from_m + strip.lateral_to_m)
            middles[strip.row, strip.side] = middle_m
    for k, strip in enumerate(lane.strips):
        left_m = middles.get((strip.row, "left"))
        right_m = middles.get((strip.row, "right"))
        if left_m is not None and right_m is not None and left_m >= right_m:
            message = (
                f"{where}.strips[{k}].lateral_from_m': the middle of the left strip of "
                f"row {strip.row} ({left_m:g} m) must lie left of the right one's "
                f"({right_m:g} m); left is negative"
            )
            raise TableError(message)


def _check_room(lane: Lane, *, where: str) -> None:
    """Refuse strips that lie over each other along the way of one wheel."""
    for side in ("left", "right"):
        own = sorted(
            (strip.position_m, strip.width_m, k)
            for k, strip in enumerate(lane.strips)
            if strip.side in (side, "full")
        )
        for (before_m, before_wide_m, _), (here_m, wide_m, k) in pairwise(own):
            apart_m = here_m - before_m
            if 0.5 * (before_wide_m + wide_m) > apart_m:
                message = (
                    f"{where}.strips[{k}].width_m': {wide_m} reaches over the strip "
                    f"{apart_m:g} m before it, which is {before_wide_m} wide"
                )
                raise TableError(message)
