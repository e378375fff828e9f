"""``luheng-wim learn``: where thresholds of manoeuvres should stand, by labelled runs.

Each run is a recording in which everybody did the same, beside recordings of normal
driving. It prints what would be learned next to what is set, with the share found and
the share of false alarms of either, and changes nothing: what is set stands in one
place, :class:`wim.manoeuvres.Thresholds`, and is part of what every record is hashed
with.
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from wim.cli.command import Command
from wim.cli.errors import WrongUseError
from wim.cli.tables import read_site
from wim.cli.weighing import weigh_recording
from wim.manoeuvres import Figures, Thresholds
from wim.thresholds import learn_threshold

__all__ = ["LEARN"]


class _Row(NamedTuple):
    """One figure: of which manoeuvre, what it is, on which side it is worse."""

    manoeuvre: str
    threshold: str
    figure: Callable[[Figures], float | None]
    worse: Literal["above", "below"] = "above"


_ROWS = (
    _Row("accelerating", "acceleration_mps2", lambda f: f.acceleration_mps2),
    _Row(
        "braking",
        "acceleration_mps2",
        lambda f: None if f.acceleration_mps2 is None else -f.acceleration_mps2,
    ),
    _Row("tap_braking", "acceleration_swing_mps2", lambda f: f.acceleration_swing_mps2),
    _Row("stop_and_go", "stall", lambda f: f.stall, "below"),
    _Row("crawl", "crawl_mps", lambda f: f.slowest_mps, "below"),
    _Row("jump", "least_scatter", lambda f: f.scatter),
    _Row("s_path", "steer_swing", lambda f: f.sides.steer_swing),
    _Row("s_path", "vehicle_swing", lambda f: f.sides.vehicle_swing),
    _Row("s_path", "skew_m", lambda f: f.skew_m),
    _Row("edge", "steer_imbalance", lambda f: f.sides.steer),
    _Row("edge", "vehicle_imbalance", lambda f: f.sides.vehicle),
    _Row("edge", "group_imbalance", lambda f: f.sides.group),
    _Row("edge", "imbalance_spread", lambda f: f.sides.spread),
    _Row("tailgating", "gap_m", lambda f: f.gap_m, "below"),
)


class _Line(msgspec.Struct, frozen=True, kw_only=True):
    """What is printed of one threshold; shares are of vehicles."""

    manoeuvre: str
    threshold: str
    learned: float
    learned_found: float
    learned_false_alarms: float
    set: float
    set_found: float
    set_false_alarms: float
    runs: int
    normal_runs: int


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    folder = "folder with recording.npz and site.toml, as luheng-sim recording writes"
    parser.add_argument(
        "--normal",
        type=Path,
        action="append",
        required=True,
        metavar="DIR",
        help=f"normal driving: {folder}; may be given again",
    )
    names = sorted({row.manoeuvre for row in _ROWS})
    parser.add_argument(
        "--run",
        dest="runs",
        action="append",
        required=True,
        nargs=2,
        metavar=("MANOEUVRE", "DIR"),
        help=f"everybody did it: one of {', '.join(names)}; may be given again",
    )
    parser.add_argument(
        "--false-alarms",
        type=float,
        default=0.005,
        metavar="SHARE",
        help="of normal vehicles that may be called unfair by one figure (0.005)",
    )
    parser.add_argument("--json", action="store_true", help="one object a threshold")


def _run(options: argparse.Namespace) -> int:
    known = {row.manoeuvre for row in _ROWS}
    for name, _ in options.runs:
        if name not in known:
            message = f"--run {name}: expected one of {', '.join(sorted(known))}"
            raise WrongUseError(message)
    if not 0.0 <= options.false_alarms < 1.0:
        message = f"--false-alarms {options.false_alarms:g}: expected 0 to below 1"
        raise WrongUseError(message)
    normal = [figures for folder in options.normal for figures in _figures(folder)]
    runs: dict[str, list[Figures]] = {}
    for name, folder in options.runs:
        runs.setdefault(name, []).extend(_figures(Path(folder)))
    for row in _ROWS:
        if row.manoeuvre in runs:
            line = _line(row, runs[row.manoeuvre], normal, options.false_alarms)
            print(msgspec.json.encode(line).decode() if options.json else _said(line))
    return 0


def _figures(folder: Path) -> list[Figures]:
    """Return what the vehicles of a recording show of their driving."""
    named = folder / "site.toml"
    weighed = weigh_recording(
        folder / "recording.npz", site=read_site(named), named=named
    )
    return [each.figures for each in weighed.passages if each.figures is not None]


def _line(row: _Row, runs: list[Figures], normal: list[Figures], most: float) -> _Line:
    bad, good = [row.figure(f) for f in runs], [row.figure(f) for f in normal]
    standing: float = getattr(Thresholds(), row.threshold)
    try:
        learned = learn_threshold(bad, good, worse=row.worse, most_false_alarms=most)
    except ValueError as error:
        message = f"{row.manoeuvre}, {row.threshold}: {error}"
        raise WrongUseError(message) from error

    def beyond(figures: list[float | None]) -> float:
        return sum(
            figure is not None
            and (figure > standing if row.worse == "above" else figure < standing)
            for figure in figures
        ) / len(figures)

    return _Line(
        manoeuvre=row.manoeuvre,
        threshold=row.threshold,
        learned=learned.threshold,
        learned_found=learned.found,
        learned_false_alarms=learned.false_alarms,
        set=standing,
        set_found=beyond(bad),
        set_false_alarms=beyond(good),
        runs=learned.runs,
        normal_runs=learned.normal_runs,
    )


def _said(line: _Line) -> str:
    return (
        f"{line.manoeuvre:13s} {line.threshold:24s} "
        f"learned {line.learned:6.3f} ({100.0 * line.learned_found:5.1f} % found, "
        f"{100.0 * line.learned_false_alarms:.2f} % false)  "
        f"set {line.set:6.3f} ({100.0 * line.set_found:5.1f} %, "
        f"{100.0 * line.set_false_alarms:.2f} %)  "
        f"{line.runs} runs, {line.normal_runs} normal"
    )


LEARN = Command(
    name="learn",
    summary="say where thresholds of manoeuvres should stand, by labelled runs",
    add_arguments=_add_arguments,
    run=_run,
)
