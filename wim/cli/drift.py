"""``luheng-wim drift``: follow the control charts of each lane over passages.

The state can be kept in a file and taken up again, so that every day's passages
continue the charts; the same passages from the same state give the same charts. The
exit status is 1 while a lane is in alarm.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import msgspec

from wim.accuracy.joining import check_axles
from wim.cli.command import Command
from wim.cli.drift_states import DriftStates, alarm_sentence, read_drift_states
from wim.cli.errors import WrongUseError, reason
from wim.cli.json_lines import read_lines
from wim.drift import (
    Alarm,
    Chart,
    DriftRules,
    DriftState,
    RowSum,
    alarms,
    follow,
    readings,
)

__all__ = ["DRIFT"]

_WIDTH = 20
_MOST_ROWS = 256
_MOST_KG = 1e9


class _Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What the charts need of a line of ``process --json``."""

    lane: int
    started_at_s: float
    axle_loads_kg: tuple[float, ...]
    axle_groups: tuple[tuple[int, ...], ...] | None
    flags: tuple[str, ...]
    row_sums: tuple[RowSum, ...]
    passed_at_s: float | None = None

    def __post_init__(self) -> None:
        """Refuse figures that do not belong together or are none of a vehicle."""
        groups, axles = self.axle_groups, len(self.axle_loads_kg)
        check_axles(axles, spacings_m=self.axle_loads_kg[1:], groups=groups)
        rows = [each.row for each in self.row_sums]
        if rows != sorted(set(rows)) or not all(0 <= row < _MOST_ROWS for row in rows):
            message = f"row_sums: rows {rows}; expected each once, in order, from 0"
            raise ValueError(message)
        for each in self.row_sums:
            for load_kg in (each.load_kg, each.left_kg, each.right_kg):
                if load_kg is not None and not 0.0 < load_kg < _MOST_KG:
                    message = (
                        f"row_sums: row {each.row} weighed {load_kg:g} kg; expected "
                        f"more than 0, at most {_MOST_KG:g}"
                    )
                    raise ValueError(message)


class _Printed(msgspec.Struct, frozen=True, kw_only=True):
    """What ``drift --json`` prints."""

    state: DriftStates
    alarms: tuple[Alarm, ...]


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "passages",
        type=Path,
        nargs="+",
        metavar="PASSAGES.jsonl",
        help="lines of process --json, oldest first",
    )
    parser.add_argument("--from-state", type=Path, metavar="STATE.json")
    parser.add_argument("--to-state", type=Path, metavar="STATE.json")
    parser.add_argument(
        "--learn", type=int, metavar="N", help="readings that a chart learns from"
    )
    parser.add_argument("--json", action="store_true", help="one object")


def _run(options: argparse.Namespace) -> int:
    before = DriftStates()
    if options.from_state is not None:
        before = read_drift_states(options.from_state)
    if options.learn is not None:
        if options.learn < 10:
            message = f"--learn {options.learn}: expected 10 or more"
            raise WrongUseError(message)
        rules = msgspec.structs.replace(before.rules, learn=options.learn)
        before = msgspec.structs.replace(before, rules=rules)
    seen: list[_Seen] = []
    for path in options.passages:
        seen += read_lines(path, _Seen, what="passages")
    after = _followed(before, seen)
    found = tuple(alarm for lane in after.lanes for alarm in alarms(lane))
    if options.to_state is not None:
        try:
            options.to_state.write_bytes(msgspec.json.encode(after) + b"\n")
        except OSError as error:
            message = f"--to-state {options.to_state}: {reason(error)}"
            raise WrongUseError(message) from error
    if options.json:
        print(msgspec.json.encode(_Printed(state=after, alarms=found)).decode())
    else:
        print(_told(after, found))
    return 1 if found else 0


def _followed(before: DriftStates, seen: Sequence[_Seen]) -> DriftStates:
    lanes = {state.lane: state for state in before.lanes}
    rows: dict[int, int] = {}
    for passage in seen:
        rows[passage.lane] = max(rows.get(passage.lane, 2), len(passage.row_sums))
    for state in before.lanes:
        known = sum(chart.name.startswith("row_") for chart in state.charts)
        rows[state.lane] = max(rows.get(state.lane, 2), known)
    for passage in seen:
        lane = passage.lane
        at_s = passage.passed_at_s
        lanes[lane] = follow(
            lanes.get(lane, DriftState(lane=lane)),
            readings(
                axle_loads_kg=passage.axle_loads_kg,
                axle_groups=passage.axle_groups or (),
                sums=passage.row_sums,
                rows=rows[lane],
                flags=passage.flags,
                rules=before.rules,
            ),
            at_s=passage.started_at_s if at_s is None else at_s,
            rules=before.rules,
        )
    ordered = tuple(lanes[number] for number in sorted(lanes))
    return msgspec.structs.replace(before, lanes=ordered)


def _told(state: DriftStates, found: Sequence[Alarm]) -> str:
    rules = state.rules
    lines = [
        (
            "lane  chart        readings      mean  scatter  "
            f"{'down':>{_WIDTH}}|{'up':<{_WIDTH}}"
        )
    ]
    lines += [
        _chart_line(lane.lane, chart, rules)
        for lane in state.lanes
        for chart in lane.charts
    ]
    lines += [alarm_sentence(alarm) for alarm in found]
    if not found:
        lines.append("no lane is drifting")
    return "\n".join(lines)


def _chart_line(lane: int, chart: Chart, rules: DriftRules) -> str:
    figures = (
        f"{lane:4d}  {chart.name:12} {chart.count:8d}  {chart.mean:8.4g}  "
        f"{100.0 * chart.scatter(rules):5.2f} %  "
    )
    if chart.count < rules.learn:
        return f"{figures}learning from the first {rules.learn}"
    down, up = (
        "#" * min(round(_WIDTH * value / rules.decision), _WIDTH)
        for value in (chart.low, chart.high)
    )
    return f"{figures}{down:>{_WIDTH}}|{up:<{_WIDTH}}".rstrip()


DRIFT = Command(
    name="drift",
    summary="show the control charts of each lane over passages",
    add_arguments=_add_arguments,
    run=_run,
)
