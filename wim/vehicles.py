"""Which axles are one vehicle's, and what kind of vehicle they make.

It sees places and times, and of loads only whether axles are a lorry's or those of a
car or van: nothing is weighed and nothing decided about fairness. Where nothing tells
two vehicles apart, that is said, and they stay one.
"""

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import Annotated, NamedTuple, TypeAlias

import msgspec

from wim.axles import group_axles
from wim.calibration import VehicleClass
from wim.kinematics import Fit, Kinematics, fit_together
from wim.row_times import RowTimes

__all__ = [
    "Kind",
    "Part",
    "Shapes",
    "Untangled",
    "kind_of",
    "separate",
    "untangle",
]

Positive: TypeAlias = Annotated[float, msgspec.Meta(gt=0.0)]


class Shapes(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Figures of what vehicles look like from the side.

    Closer than ``closest_gap_m`` none follows another. Further on, one does where the
    axles behind look like a vehicle and those before too, and either their speeds say
    so (``difference`` times what chance would), or the gap is longer than any between
    a truck and its trailer (``longest_drawbar_m``), or both together would be no
    vehicle: more than ``most_axles`` axles or ``longest_wheelbase_m`` over all.
    A vehicle's first two axles are ``least_wheelbase_m`` to ``longest_front_m`` apart;
    where the first axles behind a gap are closer, they are a semitrailer's.
    Two front axles up to ``twin_steer_m`` apart are both steered. A tractor and what
    it pulls are told from a truck with a centre-axle trailer by the distance from the
    front to the drive axles and from there to the trailer's: ``tractor_m`` and
    ``coupling_m`` are where both look alike, and ``tractor_spread_m`` and
    ``coupling_spread_m`` how far from there doubt ends.
    """

    closest_gap_m: Positive = 3.2
    longest_drawbar_m: Positive = 4.8
    least_wheelbase_m: Positive = 1.7
    longest_front_m: Positive = 7.0
    most_axles: Annotated[int, msgspec.Meta(ge=2)] = 6
    longest_wheelbase_m: Positive = 18.0
    small_kg: Positive = 4500.0
    small_wheelbase_m: Positive = 3.85
    difference: Positive = 30.0
    twin_steer_m: Positive = 2.4
    tractor_m: Positive = 3.95
    tractor_spread_m: Positive = 0.25
    coupling_m: Positive = 6.1
    coupling_spread_m: Positive = 0.4


class Part(NamedTuple):
    """Axles ``first`` to ``end - 1`` are one vehicle.

    ``gap_m`` is how far behind the last axle of another its first one came, None where
    no other was near; ``alike`` tells that their speeds did not say that they are two.
    """

    first: int
    end: int
    gap_m: float | None
    alike: bool


class Kind(NamedTuple):
    """What a vehicle is by its geometry, and how probably."""

    vehicle_class: VehicleClass
    probability: float


class Untangled(NamedTuple):
    """What is left of crossings when a vehicle went to and fro.

    ``axles`` is how many it has; ``kept`` has, for each row, which crossings are the
    last of each axle going forward; ``turned`` are rows over which it went backwards,
    the last time it did so before ``until_s``.
    """

    axles: int
    kept: tuple[tuple[int, ...], ...]
    turned: tuple[int, ...]
    until_s: float


def separate(
    times: RowTimes,
    spacings_m: Sequence[float],
    *,
    mass_kg: Callable[[int, int], float],
    longest_gap_m: float,
    shapes: Shapes,
    kinematics: Kinematics,
) -> list[Part]:
    """Find which axles in a row are one vehicle's.

    Args:
        times: of each axle, in the order in which they came.
        spacings_m: between them, one fewer.
        mass_kg: what the axles from one to before another weigh, roughly; it is asked
            only where that decides.
        longest_gap_m: behind so much without an axle another vehicle begins.
        shapes: figures of vehicles.
        kinematics: figures of the fit that compares speeds.

    Returns:
        The vehicles, in their order; every axle is in one.
    """
    n = times.axles
    parts: list[Part] = []
    begins = 0
    before: tuple[float | None, bool] = (None, False)
    for i in range(1, n):
        gap_m = spacings_m[i - 1]
        alike = False
        if gap_m <= longest_gap_m:
            if i - begins < 2 or not _may_begin(spacings_m, i, shapes):
                continue
            end = i + 1
            while end < n and not (
                spacings_m[end - 1] > longest_gap_m
                or (end - i > 1 and _may_begin(spacings_m, end, shapes))
            ):
                end += 1
            alike = not _go_apart(times, begins, i, end, kinematics, shapes)
            if (
                alike
                and gap_m <= shapes.longest_drawbar_m
                and end - begins <= shapes.most_axles
                and math.fsum(spacings_m[begins : end - 1])
                <= shapes.longest_wheelbase_m
                and not _one_is_small(mass_kg, spacings_m, begins, i, end, shapes)
            ):
                continue
        parts.append(Part(begins, i, *before))
        begins, before = i, (gap_m, alike)
    parts.append(Part(begins, n, *before))
    return parts


def kind_of(
    spacings_m: Sequence[float], *, shapes: Shapes, longest_group_m: float
) -> Kind | None:
    """Tell by its geometry what a vehicle is; None where no kind looks like it.

    The probability falls from near one to a half where the figure that decides comes
    close to the other kind's.

    Args:
        spacings_m: between its axles.
        shapes: figures of vehicles.
        longest_group_m: longest spacing within a group.

    >>> six = (3.3, 1.35, 7.0, 1.31, 1.31)
    >>> kind_of(six, shapes=Shapes(), longest_group_m=1.8).vehicle_class
    'articulated'
    """
    groups = group_axles(spacings_m, longest_m=longest_group_m)
    gaps = [spacings_m[group[0] - 1] for group in groups[1:]]
    if len(gaps) > 1 and gaps[0] <= shapes.twin_steer_m and len(groups[0]) == 1:
        gaps = gaps[1:]
        groups = groups[1:]
    if not spacings_m or len(gaps) > 3:
        return None
    if len(gaps) <= 1:
        return Kind("rigid", 0.99)
    if len(gaps) == 3:
        # a dolly and a rear axle behind a truck; closer ones are an axle let down
        dolly = len(groups[2]) == 1 and gaps[2] > shapes.twin_steer_m
        return Kind("full_trailer", 0.97) if dolly else None
    doubt = (gaps[1] - shapes.coupling_m) / shapes.coupling_spread_m
    doubt += (shapes.tractor_m - gaps[0]) / shapes.tractor_spread_m
    share = 0.5 + 0.5 * doubt / math.sqrt(1.0 + doubt * doubt)
    if share >= 0.5:
        return Kind("articulated", share)
    return Kind("centre_axle", 1.0 - share)


def untangle(rows_s: Sequence[Sequence[float]]) -> Untangled | None:
    """Find the axles of a vehicle that went forward, back and forward again.

    Between two moments everything on the rows went backwards: each axle that crosses
    a row then crosses it three times in all. Four axles of which one did so on every
    row look like six; the order in which the rows were crossed tells.

    Args:
        rows_s: when each row was crossed, in the order of the rows and of time.

    Returns:
        What is left, or None where no such two moments explain all crossings.
    """
    events = sorted(at_s for row in rows_s for at_s in row)
    fewest = min(len(row) for row in rows_s)
    best: tuple[tuple[int, int], Untangled] | None = None
    for i in range(1, len(events)):
        for k in range(i + 1, len(events)):
            found = _turned_between(rows_s, events[i], events[k], fewest)
            if found is None:
                continue
            order = (found.axles, k - i)
            if best is None or order < best[0]:
                best = (order, found)
    return None if best is None else best[1]


def _turned_between(
    rows_s: Sequence[Sequence[float]], from_s: float, until_s: float, fewest: int
) -> Untangled | None:
    """Return what is left if everything from one moment until another went back."""
    axles: int | None = None
    ahead = len(rows_s[0])
    kept = []
    turned = []
    backward: list[dict[int, float]] = []
    forward: list[list[float]] = []
    for rank, row in enumerate(rows_s):
        before = bisect_left(row, from_s)
        after = bisect_left(row, until_s)
        back = after - before
        left = len(row) - 2 * back
        if back > before or left < 1 or left > fewest or before > ahead:
            return None
        if axles is None:
            axles = left
        elif left != axles:
            return None
        ahead = before
        if back:
            turned.append(rank)
        backward.append({before - 1 - j: row[before + j] for j in range(back)})
        last = (*range(before - back), *range(after, len(row)))
        kept.append(last)
        forward.append([row[k] for k in last])
    if axles is None or not turned:
        return None
    for rank in range(1, len(rows_s)):
        for axle, at_s in backward[rank].items():
            # what comes back over a row came back over the next one before
            if axle in backward[rank - 1] and at_s >= backward[rank - 1][axle]:
                return None
        if any(
            late_s <= early_s
            for early_s, late_s in zip(forward[rank - 1], forward[rank], strict=True)
        ):
            return None
    return Untangled(axles, tuple(kept), tuple(turned), until_s)


def _may_begin(spacings_m: Sequence[float], first: int, shapes: Shapes) -> bool:
    """Tell whether a vehicle may begin with an axle, by what is before and behind."""
    return (
        first <= len(spacings_m) - 1
        and spacings_m[first - 1] >= shapes.closest_gap_m
        and shapes.least_wheelbase_m <= spacings_m[first] <= shapes.longest_front_m
    )


def _one_is_small(
    mass_kg: Callable[[int, int], float],
    spacings_m: Sequence[float],
    begins: int,
    middle: int,
    end: int,
    shapes: Shapes,
) -> bool:
    """Tell whether one of two parts is a car or van that belongs to no other."""
    if mass_kg(begins, middle) < shapes.small_kg:
        return True
    return (
        end - middle == 2
        and spacings_m[middle] <= shapes.small_wheelbase_m
        and mass_kg(middle, end) < shapes.small_kg
    )


def _go_apart(
    times: RowTimes,
    begins: int,
    middle: int,
    end: int,
    kinematics: Kinematics,
    shapes: Shapes,
) -> bool:
    """Tell whether one way for all is clearly worse than one for each part."""
    together = fit_together(times.part(begins, end), kinematics=kinematics)
    first = fit_together(times.part(begins, middle), kinematics=kinematics)
    second = fit_together(times.part(middle, end), kinematics=kinematics)
    if together is None or first is None or second is None:
        return False
    if not (_is_steady(first) and _is_steady(second)):
        # who stops or crawls away does not tell by that that he is two
        return False
    if len(together.left_out) > len(first.left_out) + len(second.left_out) + 1:
        return True
    floor = kinematics.place_sigma_m * kinematics.place_sigma_m
    apart = _squares(first) + _squares(second)
    figures = first.figures + second.figures
    freedom = first.crossings + second.crossings - figures
    chance = max(floor, apart / freedom if freedom > 1.0 else 0.0)
    more = max(figures - together.figures, 1.0)
    return _squares(together) - apart > shapes.difference * chance * more


def _is_steady(fit: Fit) -> bool:
    """Tell whether a vehicle kept about its speed."""
    motion = next((motion for motion in fit.motions if motion is not None), None)
    if motion is None or motion.way is None or not fit.smooth:
        return False
    speeds = motion.way.speeds_mps
    return min(speeds) > 0.6 * max(speeds)


def _squares(fit: Fit) -> float:
    return fit.rest_m * fit.rest_m * fit.crossings
