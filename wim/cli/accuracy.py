"""``luheng-wim accuracy``: passages against the truth, as tables, JSON and picture."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import msgspec

from wim.accuracy.cost323 import Environment, Repeatability
from wim.accuracy.joining import Measured, Truth, join
from wim.accuracy.picture import draw
from wim.accuracy.report import AccuracyReport, report
from wim.accuracy.wording import as_text, tables
from wim.cli.command import Command
from wim.cli.errors import WrongUseError, reason
from wim.cli.json_lines import read_lines
from wim.cli.tables import read_text
from wim.limits import parse_limit_table

__all__ = ["ACCURACY"]


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("passages", type=Path, metavar="PASSAGES.jsonl")
    parser.add_argument("truth", type=Path, metavar="TRUTH.jsonl")
    parser.add_argument(
        "--limits",
        type=Path,
        metavar="LIMITS.toml",
        help="count lawful vehicles called overloaded by this table",
    )
    parser.add_argument(
        "--tolerance",
        type=float,
        default=1.0,
        metavar="SECONDS",
        help="within which a passage can be a vehicle's",
    )
    parser.add_argument(
        "--repeatability", choices=get_args(Repeatability), default="R2"
    )
    parser.add_argument("--environment", choices=get_args(Environment), default="I")
    parser.add_argument(
        "--own-calibration-data",
        action="store_true",
        help="the same vehicles made the calibration",
    )
    parser.add_argument("--picture", type=Path, metavar="FILE.svg")
    parser.add_argument("--title", default="Weighing in motion against the truth")
    parser.add_argument("--json", action="store_true", help="one object")


def _run(options: argparse.Namespace) -> int:
    if not 0.0 < options.tolerance <= 60.0:
        message = f"--tolerance {options.tolerance:g}: expected more than 0, at most 60"
        raise WrongUseError(message)
    if not options.title.isprintable():
        message = f"--title {options.title!a}: expected one line of plain text"
        raise WrongUseError(message)
    limits = None
    if options.limits is not None:
        text = read_text(options.limits, what="a table of limits")
        limits = parse_limit_table(text, name=str(options.limits))
    measured = read_lines(options.passages, Measured, what="passages")
    truths = read_lines(options.truth, Truth, what="a truth")
    _refuse_nothing(options.passages, measured, what="passage")
    _refuse_nothing(options.truth, truths, what="vehicle")
    found = report(
        join(measured, truths, tolerance_s=options.tolerance),
        limits=limits,
        repeatability=options.repeatability,
        environment=options.environment,
        own_calibration_data=options.own_calibration_data,
    )
    if options.picture is not None:
        _write_picture(options.picture, found, title=options.title)
    if options.json:
        print(msgspec.json.encode(found).decode())
    else:
        print("\n\n".join(as_text(table) for table in tables(found)))
    return 0


def _refuse_nothing(path: Path, found: Sequence[object], *, what: str) -> None:
    """Refuse a file of no line: a report on nothing would look like a bad one."""
    if not found:
        message = f"{path}: holds no {what}; expected one JSON object a line"
        raise WrongUseError(message)


def _write_picture(path: Path, found: AccuracyReport, *, title: str) -> None:
    if found.gross is None:
        message = (
            f"--picture {path}: nothing to draw: no valid passage of a vehicle that "
            f"drove normally"
        )
        raise WrongUseError(message)
    try:
        path.write_text(draw(found, title=title), encoding="utf-8")
    except OSError as error:
        message = f"--picture {path}: cannot be written: {reason(error)}"
        raise WrongUseError(message) from error


ACCURACY = Command(
    name="accuracy",
    summary="hold passages against the truth",
    add_arguments=_add_arguments,
    run=_run,
)
