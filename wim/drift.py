"""Drift watch: control charts on what should stay as it is from vehicle to vehicle.

Three kinds of figures are followed for each lane, relative to what they were when the
watch began: the steer axle of loaded six-axle articulated vehicles (the driver's cab
and engine weigh the same every day), each row against the mean of all rows, and left
against right. A chart is a two-sided CUSUM: of charts with the same rate of false
alarms it finds a small lasting shift soonest, and it knows since when the shift lasts.

It never corrects a mass. While a chart is in alarm the lane's records are flagged
``drifting`` and are no evidence; the alarm says which figure, by how much and since
when. It ends when the chart is back at rest, or with a new calibration. The state is
bounded and a value, so that a replay can begin with it.
"""

import math
from collections.abc import Collection, Sequence
from typing import Annotated, TypeAlias

import msgspec
import numpy as np

from wim.kernels.row_sums import SUM_FIGURES, sum_rows
from wim.kernels.row_table import LEFT, RIGHT, ROW_NUMBER
from wim.row_loads import RowTable

__all__ = [
    "Alarm",
    "Chart",
    "DriftRules",
    "DriftState",
    "Reading",
    "RowSum",
    "alarms",
    "follow",
    "readings",
    "row_sums",
]

Positive: TypeAlias = Annotated[float, msgspec.Meta(gt=0.0)]


class DriftRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Figures of the charts.

    The first ``learn`` readings of a chart say where it rests and how much it
    scatters (at least ``least_scatter``). Then each reading, in units of the scatter
    and cut at ``clip``, moves the sums by what it exceeds ``allowance``; a sum beyond
    ``decision`` is an alarm. A reading counts from ``least_mass_kg`` of gross mass on;
    a loaded six-axle vehicle has at least ``loaded_kg``.

    With these figures a chart at rest gives one false alarm in 60 million readings (in
    3 million with a mean that was learned wrong by twice its uncertainty); a shift of
    one scatter is found after 43 readings on average, of half a scatter after 125.
    """

    learn: Annotated[int, msgspec.Meta(ge=10)] = 1000
    allowance: Positive = 0.25
    decision: Positive = 32.0
    clip: Positive = 3.0
    least_scatter: Positive = 0.005
    least_mass_kg: Positive = 8000.0
    loaded_kg: Positive = 35_000.0


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """One figure of one passage: the chart's name and the value."""

    chart: str
    value: float


class RowSum(msgspec.Struct, frozen=True, kw_only=True):
    """What one row weighed of a whole vehicle; sides None on full strips."""

    row: int
    left_kg: float | None
    right_kg: float | None
    load_kg: float


class Chart(msgspec.Struct, frozen=True, kw_only=True):
    """One chart: what was learned, and the two sums.

    ``squares`` is the sum of squared deviations while learning. ``high`` and ``low``
    are the sums for a shift up and down, each with the time at which it left zero and
    the total and number of readings since.
    """

    name: str
    count: int = 0
    mean: float = 0.0
    squares: float = 0.0
    high: float = 0.0
    high_since_s: float = 0.0
    high_total: float = 0.0
    high_count: int = 0
    low: float = 0.0
    low_since_s: float = 0.0
    low_total: float = 0.0
    low_count: int = 0
    alarmed: bool = False

    def scatter(self, rules: DriftRules) -> float:
        """Return the relative standard deviation that was learned, or the least one."""
        known = min(self.count, rules.learn)
        if known < 2:
            return rules.least_scatter
        learned = math.sqrt(self.squares / (known - 1)) / self.mean
        return max(learned, rules.least_scatter)


class DriftState(msgspec.Struct, frozen=True, kw_only=True):
    """All charts of one lane."""

    lane: int
    charts: tuple[Chart, ...] = ()


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """A figure that is not what it was.

    ``shift`` is by how much its mean moved (0.01 is one per cent of the mass),
    ``since_s`` when it began to, ``passages`` how many readings say so.
    """

    lane: int
    chart: str
    shift: float
    since_s: float
    passages: int


def row_sums(rows: RowTable) -> tuple[RowSum, ...]:
    """Return what each row weighed of a vehicle, rows that missed a wheel left out."""
    if not len(rows.rows):
        return ()
    sums = np.empty((1 + int(rows.rows[:, ROW_NUMBER].max()), SUM_FIGURES))
    sum_rows(rows.rows, sums)
    return tuple(
        [
            RowSum(
                row=number,
                left_kg=left_kg if int(sides) & LEFT else None,
                right_kg=right_kg if int(sides) & RIGHT else None,
                load_kg=load_kg,
            )
            for number, (seen, left_kg, right_kg, load_kg, sides) in enumerate(
                sums.tolist()
            )
            if seen and seen == rows.axles
        ]
    )


def readings(
    *,
    axle_loads_kg: Sequence[float],
    axle_groups: Sequence[Sequence[int]],
    sums: Sequence[RowSum],
    rows: int,
    flags: Collection[str],
    rules: DriftRules,
) -> tuple[Reading, ...]:
    """Return what one passage says of its lane; nothing if it was not fair.

    Args:
        axle_loads_kg: static loads as weighed.
        axle_groups: indices of the axles of each group.
        sums: what each row weighed of the whole vehicle.
        rows: how many the lane has.
        flags: of the passage; ``drifting`` alone does not hinder.
        rules: figures of the charts.
    """
    gross = math.fsum(axle_loads_kg)
    if gross < rules.least_mass_kg or any(flag != "drifting" for flag in flags):
        return ()
    found = []
    as_tractor = [len(group) for group in axle_groups] == [1, 2, 3]
    if as_tractor and gross >= rules.loaded_kg:
        found.append(Reading(chart="steer_axle", value=axle_loads_kg[0]))
    if len(sums) == rows:
        mean = math.fsum(each.load_kg for each in sums) / rows
        found += [
            Reading(chart=f"row_{each.row}", value=each.load_kg / mean) for each in sums
        ]
        left = _total([each.left_kg for each in sums])
        right = _total([each.right_kg for each in sums])
        if left is not None and right is not None:
            found.append(Reading(chart="balance", value=left / right))
    return tuple(found)


def follow(
    state: DriftState, seen: Sequence[Reading], *, at_s: float, rules: DriftRules
) -> DriftState:
    """Return the state after one passage.

    Args:
        state: before it.
        seen: what it says.
        at_s: when it was, on any clock that only goes forward.
        rules: figures of the charts.
    """
    if not seen:
        return state
    charts = {chart.name: chart for chart in state.charts}
    for reading in seen:
        before = charts.get(reading.chart, Chart(name=reading.chart))
        charts[reading.chart] = _moved(before, reading.value, at_s, rules)
    ordered = tuple(charts[name] for name in sorted(charts))
    return DriftState(lane=state.lane, charts=ordered)


def alarms(state: DriftState) -> tuple[Alarm, ...]:
    """Return what is drifting now, in the order of the charts."""
    found = []
    for chart in state.charts:
        if not chart.alarmed:
            continue
        up = chart.high >= chart.low
        total = chart.high_total if up else chart.low_total
        count = chart.high_count if up else chart.low_count
        found.append(
            Alarm(
                lane=state.lane,
                chart=chart.name,
                shift=(total / count - chart.mean) / chart.mean,
                since_s=chart.high_since_s if up else chart.low_since_s,
                passages=count,
            )
        )
    return tuple(found)


def _moved(chart: Chart, value: float, at_s: float, rules: DriftRules) -> Chart:
    """Return a chart after one reading."""
    if chart.count < rules.learn:
        count = chart.count + 1
        mean = chart.mean + (value - chart.mean) / count
        return msgspec.structs.replace(
            chart,
            count=count,
            mean=mean,
            squares=chart.squares + (value - chart.mean) * (value - mean),
        )
    away = (value / chart.mean - 1.0) / chart.scatter(rules)
    away = min(max(away, -rules.clip), rules.clip)
    most = 2.0 * rules.decision
    high = min(max(chart.high + away - rules.allowance, 0.0), most)
    low = min(max(chart.low - away - rules.allowance, 0.0), most)
    begins_up, begins_down = chart.high == 0.0, chart.low == 0.0
    return msgspec.structs.replace(
        chart,
        count=chart.count + 1,
        high=high,
        high_since_s=at_s if begins_up else chart.high_since_s,
        high_total=value + (0.0 if begins_up else chart.high_total),
        high_count=1 + (0 if begins_up else chart.high_count),
        low=low,
        low_since_s=at_s if begins_down else chart.low_since_s,
        low_total=value + (0.0 if begins_down else chart.low_total),
        low_count=1 + (0 if begins_down else chart.low_count),
        alarmed=max(high, low) > (0.0 if chart.alarmed else rules.decision),
    )


def _total(values: Sequence[float | None]) -> float | None:
    total = 0.0
    for value in values:
        if value is None:
            return None
        total += value
    return total
