"""How a vehicle was driven over the scale, as figures, and what they say.

Each manoeuvre has one figure, greater where the driving is worse, and a threshold that
was learned from labelled simulated runs. A figure that the strips do not show is None
and finds nothing. Nothing here knows a limit: a manoeuvre is never an overload.
"""

import functools
from bisect import bisect_right
from collections.abc import Collection, Sequence
from operator import itemgetter
from typing import Annotated, TypeAlias, TypeVar

import msgspec
import numpy as np

from wim.axles import Axle
from wim.headings import skew_of
from wim.hit_tables import HitTable
from wim.kernels.apart import HARDEST_MPS2
from wim.kernels.driven import DRIVEN_FIGURES, drive_between
from wim.kernels.hit_table import CENTRE, CHANNEL, PLACE
from wim.kernels.row_table import AT, SPEED
from wim.kernels.stall import find_stall
from wim.lanes import Crossing
from wim.messages import Flag
from wim.samples import Lane, Side
from wim.scatter import scatter_of
from wim.sides import Sides, shortest_reach, sides_of
from wim.unevenness import unevenness_m

__all__ = [
    "Figures",
    "Finding",
    "Thresholds",
    "figures_of",
    "manoeuvres_of",
]

Positive: TypeAlias = Annotated[float, msgspec.Meta(gt=0.0)]
_Where = TypeVar("_Where")
_STEPS = 24
_LANES = 64
_KMH = 3.6
_LIGHTENING_MPS2 = 0.45
_FEW_ROWS = 3
_LEAVES = 0.5
"""So much of its unevenness a way leaves at least: one crossing of four is free where
two axles crossed two rows, more of more."""


class Finding(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The evidence of one flag: which figure went beyond which threshold, and where.

    ``strips`` are the channels that showed it, none where it is the whole vehicle's.
    ``severe`` is a finding that bars evidence though its flag alone does not.
    """

    flag: Flag
    figure: str
    value: float
    threshold: float
    strips: tuple[int, ...] = ()
    severe: bool = False


class Thresholds(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Beyond which figure a manoeuvre is one.

    Held against what ``luheng-wim learn`` says of simulated runs with labels: 1800
    normal vehicles on four rows and 1150 on two (seeds 7201 to 7203, 7511 to 7515 and
    7404 to 7407, 7402), 120 of each manoeuvre on four rows (7101, 7102; of jumps 60
    more, 7103), 60 on two (7301). Those of the sides and of the pedals are set higher
    than learned: the simulator's loads are less crooked than real ones, and what they
    miss are vehicles whose wheels stood on their strips. docs/accuracy.md has both. A
    mean acceleration beyond ``severe_acceleration_mps2`` bars evidence: it moves so
    much load between the axles that single ones say little.
    The rows are called scattered beyond ``scatter`` times what is usual in the lane,
    but never below ``least_scatter``; both are set where few normal vehicles of either
    family of models are called (site seeds 621 to 640). Two rows see one wave of the
    road at two places and know less of what is usual: there the thresholds of the
    scatter and of the sides (but of the steered axle) are ``few_rows_scatter`` and
    ``few_rows_sides`` times greater. A way that no smooth one fits is one of a tapped
    brake too where nobody was slower than ``driving_mps`` or than ``no_stall`` of the
    speed over the rows. So is a smooth one that leaves more than ``unevenness_m`` at
    the crossings beyond what may be wrong with the rows' places: a foot that goes down
    and up between two crossings of a row bends it more than they show (normal vehicles
    leave 2 mm at most, seeds 8961 and 8962).
    A light axle stands on half the usual contact, so that its pulses alone tell nearly
    twice its speed: where it went too fast between two rows to have stopped there, only
    what no tyre's contact explains (``shortest_contact``) is a stall.
    ``skew_m`` leaves room for strips that lie 2 cm from where the site file says, which
    no simulated one does: normal vehicles reach 0.02 m, the mildest S on four rows 0.25
    (site seeds 8101 to 8141).
    """

    acceleration_mps2: Positive = 0.45
    severe_acceleration_mps2: Positive = 2.0
    acceleration_swing_mps2: Positive = 0.26
    way_rest_m: Positive = 0.05
    unevenness_m: Positive = 0.008
    slowest_share: Positive = 0.4
    stop_mps: Positive = 0.5
    stall: Positive = 0.6
    shortest_contact: Positive = 0.4
    crawl_mps: Positive = 1.2
    scatter: Positive = 3.65
    least_scatter: Positive = 2.25
    steer_swing: Positive = 1.5
    vehicle_swing: Positive = 1.7
    steer_imbalance: Positive = 0.1
    vehicle_imbalance: Positive = 0.12
    group_imbalance: Positive = 0.155
    imbalance_spread: Positive = 0.12
    skew_m: Positive = 0.1
    reach_m: Positive = 2.4
    few_rows_scatter: Positive = 1.17
    few_rows_sides: Positive = 1.4
    driving_mps: Positive = 2.2
    no_stall: Positive = 0.75
    gap_m: Positive = 8.0


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What a crossing shows of its driving; None is not shown.

    ``acceleration_mps2`` is the mean over the crossing, ``acceleration_swing_mps2``
    the greatest less the least in it. ``stall`` is the lowest speed between two rows
    over that which the length of the pulses on both tells. ``slowest_between_mps`` is
    the lowest speed, between the rows too, ``slowest_share`` that over the highest.
    ``slowest_mps`` and ``fastest_mps`` are speeds at the rows. ``scatter`` is how far
    the rows are from each other in what they say of the axles, over what normal axles
    of that load show at that speed. ``sides`` are what left and right strips say.
    ``skew_m`` is the greatest less the least of how far left wheels were ahead of right
    ones on a row, straight ahead (0) counting too, and ``skew_rows`` where that was.
    ``gap_m`` is the way between axles to the nearest vehicle before or behind.
    ``stall_strips`` are the channels between which the stall was, ``stall_possible``
    whether the way between them took long enough for one, ``slowest_at_s`` the slowest
    moment, ``swing_at_s`` those of the greatest and the least acceleration.
    """

    acceleration_mps2: float | None
    acceleration_swing_mps2: float | None
    way_rest_m: float
    smooth: bool
    stall: float | None
    slowest_share: float | None
    slowest_between_mps: float | None
    slowest_mps: float
    fastest_mps: float
    scatter: float | None
    worst_row: int | None
    sides: Sides
    skew_m: float | None
    gap_m: float | None
    stall_strips: tuple[int, ...] = ()
    stall_possible: bool = True
    slowest_at_s: float | None = None
    swing_at_s: tuple[float, ...] = ()
    skew_rows: tuple[int, ...] = ()


def figures_of(
    crossing: Crossing, *, lane: Lane, spacings_m: Sequence[float]
) -> Figures:
    """Return what a crossing shows of its driving.

    Args:
        crossing: the vehicle.
        lane: where it drove.
        spacings_m: between its axles, one fewer.
    """
    axles = crossing.axles
    rows = crossing.rows
    times, speeds = rows.rows[:, AT].tolist(), rows.rows[:, SPEED].tolist()
    first_s, last_s = min(times), max(times)
    mean = swing = slowest = share = slowest_at_s = None
    swing_at_s: tuple[float, ...] = ()
    way = axles[0].motion.way
    if crossing.smooth and way is not None and last_s > first_s:
        told = np.empty(DRIVEN_FIGURES)
        drive_between(first_s, last_s, _STEPS, way.first_s, way.step_s, way.table, told)
        mean, most, most_at_s, least, least_at_s, lowest, slowest_at_s, highest = (
            told.tolist()
        )
        swing = most - least
        swing_at_s = most_at_s, least_at_s
        slowest = max(lowest, 0.0)
        share = slowest / highest
    stall, stall_strips, stall_possible = _stall(crossing.hits)
    scatter, worst_row = scatter_of(rows)
    skew_m, skew_rows = skew_of(axles)
    damaged = frozenset([damage.strip for damage in crossing.damages])
    # who gains speed takes the load off the steered axle, and a light axle hops
    light = mean is not None and abs(mean) > _LIGHTENING_MPS2
    steered = len(axles) - 1 if crossing.reverse else 0
    near = [each for each in (crossing.before, crossing.behind) if each is not None]
    return Figures(
        acceleration_mps2=mean,
        acceleration_swing_mps2=swing,
        way_rest_m=crossing.rest_m,
        smooth=crossing.smooth,
        stall=stall,
        slowest_share=share,
        slowest_between_mps=slowest,
        slowest_mps=min(speeds),
        fastest_mps=max(speeds),
        scatter=scatter,
        worst_row=worst_row,
        sides=sides_of(
            rows,
            steered=None if light else steered,
            told_by=_two_sided(lane, damaged),
            spacings_m=spacings_m,
        ),
        skew_m=skew_m,
        gap_m=min((each.gap_m for each in near), default=None),
        stall_strips=stall_strips,
        stall_possible=stall_possible,
        slowest_at_s=slowest_at_s,
        swing_at_s=swing_at_s,
        skew_rows=skew_rows,
    )


def manoeuvres_of(
    figures: Figures,
    *,
    axles: Sequence[Axle],
    lane: Lane,
    thresholds: Thresholds,
    usual_scatter: float,
) -> list[Finding]:
    """Return the manoeuvres that a crossing's figures show, with their evidence.

    Args:
        figures: of the crossing.
        axles: of the vehicle, which tell the strips next to a moment.
        lane: where it was.
        thresholds: beyond which figure a manoeuvre is one.
        usual_scatter: the scatter of the lane's middle vehicle.
    """
    t = thresholds
    few = len({strip.row for strip in lane.strips}) < _FEW_ROWS
    least_scatter = t.least_scatter * (t.few_rows_scatter if few else 1.0)
    most_scatter = max(t.scatter * usual_scatter, least_scatter)
    low_mps, high_mps = (kmh / _KMH for kmh in lane.speed_range_kmh)
    found: list[Finding] = []

    def find(
        flag: Flag,
        name: str,
        value: float | None,
        most: float,
        *,
        below: bool = False,
        rows: Collection[int] = (),
        side: Side | None = None,
        strips: tuple[int, ...] = (),
        severe: bool = False,
    ) -> None:
        if value is None or (value >= most if below else value <= most):
            return
        shown_by = strips or _channels(lane, rows, side=side)
        found.append(Finding(flag, name, value, most, shown_by, severe))

    gain = figures.acceleration_mps2
    if gain is not None:
        flag: Flag = "accelerating" if gain > 0.0 else "braking"
        severe = abs(gain) > t.severe_acceleration_mps2
        find(flag, "acceleration_mps2", abs(gain), t.acceleration_mps2, severe=severe)
    swing = figures.acceleration_swing_mps2
    slowest = figures.slowest_between_mps
    share = figures.slowest_share
    stops = share is not None and share < t.slowest_share
    stops = stops and slowest is not None and slowest < t.stop_mps
    stall = t.stall if figures.stall_possible else t.shortest_contact
    stops = stops or (figures.stall is not None and figures.stall < stall)
    most = t.acceleration_swing_mps2
    if figures.smooth and not stops and swing is not None and swing > most:
        strips = _around(axles, *figures.swing_at_s)
        found.append(
            Finding("tap_braking", "acceleration_swing_mps2", swing, most, strips)
        )
    # asked of few: what a smooth way leaves bounds how uneven it can have been
    if figures.smooth and not stops and figures.way_rest_m > _LEAVES * t.unevenness_m:
        find("tap_braking", "unevenness_m", unevenness_m(axles), t.unevenness_m)
    if not figures.smooth:
        rest_m = max(figures.way_rest_m, 0.0)
        found.append(Finding("stop_and_go", "way_rest_m", rest_m, t.way_rest_m))
        goes = figures.stall is not None and figures.stall > t.no_stall
        if goes and figures.slowest_mps > t.driving_mps:
            found.append(Finding("tap_braking", "way_rest_m", rest_m, t.way_rest_m))
    at_s = figures.slowest_at_s
    if stops and slowest is not None and at_s is not None and slowest < t.stop_mps:
        found.append(
            Finding(
                "stop_and_go",
                "slowest_between_mps",
                slowest,
                t.stop_mps,
                _around(axles, at_s),
            )
        )
    find(
        "stop_and_go",
        "stall",
        figures.stall,
        stall,
        below=True,
        strips=figures.stall_strips,
    )
    find("rush", "fastest_mps", figures.fastest_mps, high_mps)
    least_mps = max(t.crawl_mps, low_mps)
    find("crawl", "slowest_mps", figures.slowest_mps, least_mps, below=True)
    worst = () if figures.worst_row is None else (figures.worst_row,)
    find("jump", "row_scatter", figures.scatter, most_scatter, rows=worst)
    sides = figures.sides
    more = t.few_rows_sides if sides.rows < _FEW_ROWS else 1.0
    swing, most, rows = _worst(
        (sides.steer_swing, t.steer_swing, sides.steer_swing_rows),
        (sides.vehicle_swing, t.vehicle_swing, sides.vehicle_swing_rows),
        unknown=(),
    )
    find("s_path", "side_swing", swing, most, rows=rows)
    find("s_path", "skew_m", figures.skew_m, t.skew_m, rows=figures.skew_rows)
    tilt, most, light = _worst(
        (sides.steer, t.steer_imbalance, sides.steer_light),
        (sides.vehicle, more * t.vehicle_imbalance, sides.vehicle_light),
        (sides.group, more * t.group_imbalance, sides.group_light),
        (sides.spread, more * t.imbalance_spread, sides.group_light),
        unknown=None,
    )
    beside = () if light is None else sides.told_by
    find("edge", "imbalance", tilt, most, rows=beside, side=light)
    reach_m, rows = shortest_reach(lane)
    find("edge", "reach_m", reach_m, t.reach_m, below=True, rows=rows)
    find("tailgating", "gap_m", figures.gap_m, t.gap_m, below=True)
    outside = figures.fastest_mps if figures.fastest_mps > high_mps else None
    find("speed_out_of_range", "fastest_mps", outside, high_mps)
    outside = figures.slowest_mps if figures.slowest_mps < low_mps else None
    find("speed_out_of_range", "slowest_mps", outside, low_mps, below=True)
    return found


def _stall(hits: HitTable) -> tuple[float | None, tuple[int, ...], bool]:
    """Return how slowly an axle went between two rows, as against over them, and where.

    A pulse's length at half its height tells the speed over its strip within a
    quarter, whatever happened between the strips; over a plate it tells it better. The
    last figure tells whether anything could have stopped and started in that time.
    """
    share, before, behind = find_stall(*hits)
    if before < 0:
        return None, (), True
    early, late = hits.hits[before], hits.hits[behind]
    between = int(early[CHANNEL]), int(late[CHANNEL])
    took_s = float(late[CENTRE] - early[CENTRE])
    way_m = abs(float(late[PLACE] - early[PLACE]))
    possible = way_m <= HARDEST_MPS2 * took_s * took_s
    return share, tuple(sorted(between)), possible


def _around(axles: Sequence[Axle], *moments_s: float) -> tuple[int, ...]:
    """Return the channels of the rows that an axle crossed next to some moments.

    Of each moment, the last crossing of any axle until then and the first after it.
    """
    crossed = [(row.at_s, row.rank, axle) for axle in axles for row in axle.rows]
    crossed.sort(key=itemgetter(0))
    times = [at_s for at_s, _, _ in crossed]
    found: set[int] = set()
    for moment_s in moments_s:
        after = bisect_right(times, moment_s)
        for _, rank, axle in crossed[max(after - 1, 0) : after + 1]:
            found.update(
                sensor.strip.channel for sensor, _ in axle.hits if sensor.rank == rank
            )
    return tuple(sorted(found))


def _channels(
    lane: Lane, rows: Collection[int], *, side: Side | None = None
) -> tuple[int, ...]:
    """Return the channels of some rows, of one side alone where that is named."""
    return tuple(
        strip.channel
        for strip in lane.strips
        if strip.row in rows and side in (None, strip.side)
    )


@functools.lru_cache(maxsize=_LANES)
def _two_sided(lane: Lane, damaged: frozenset[int]) -> tuple[int, ...]:
    """Return the rows that have a left and a right strip, both healthy; ascending."""
    unfit = {
        strip.row
        for k, strip in enumerate(lane.strips)
        if k in damaged or strip.side == "full"
    }
    return tuple(sorted({strip.row for strip in lane.strips} - unfit))


def _worst(
    *figures: tuple[float | None, float, _Where], unknown: _Where
) -> tuple[float | None, float, _Where]:
    """Return the figure that is furthest beyond its threshold, with that and where."""
    known = [(value, most, at) for value, most, at in figures if value is not None]
    return max(known, key=lambda each: each[0] / each[1], default=(None, 0.0, unknown))
