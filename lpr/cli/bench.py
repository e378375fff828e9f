"""``luheng-lpr bench``: all engines that can run here, same pictures, same run."""

import argparse
import sys
from pathlib import Path
from typing import Final

import msgspec

from lpr.cli.choice import add_engine_arguments, chosen_engine
from lpr.cli.command import Command
from lpr.cli.errors import WrongUseError
from lpr.cli.evaluate import Outcome, measure
from lpr.cli.sources import read_labels
from lpr.engines import ENGINES, open_engine
from lpr.errors import EngineError
from lpr.figures import Share, paired_p, percent

__all__ = ["BENCH"]


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One engine on one kind of pictures; ``versus_first_p`` is McNemar's test."""

    engine: str
    version: str
    kind: str
    found: Share
    exact: Share
    exact_without_province: Share
    ms_per_picture: float
    median_ms_per_picture: float
    cpu_ms_per_picture: float
    median_cpu_ms_per_picture: float
    failed_pictures: int
    versus_first_p: float | None


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("labels", type=Path, metavar="LABELS.csv")
    add_engine_arguments(parser)
    parser.add_argument(
        "--against",
        nargs="*",
        metavar="NAME",
        help="engines beside the first; by default all that are installed",
    )
    parser.add_argument("--json", action="store_true", help="one object a row")


def _run(options: argparse.Namespace) -> int:
    labels = read_labels(options.labels)
    if not labels:
        message = f"{options.labels}: holds no row"
        raise WrongUseError(message)
    name, engine = chosen_engine(options)
    outcomes = [measure(engine, name, labels)]
    asked = options.against
    for other in [row.name for row in ENGINES] if asked is None else asked:
        if other == name:
            continue
        try:
            opened = open_engine(other)
        except EngineError as error:
            if asked is not None:
                raise
            print(f"luheng-lpr: {error}", file=sys.stderr)
            continue
        outcomes.append(measure(opened, other, labels))
    rows = [row for outcome in outcomes for row in _rows(outcome, outcomes[0])]
    if options.json:
        for row in rows:
            print(msgspec.json.encode(row).decode())
        return 0
    for row in rows:
        against = "" if row.versus_first_p is None else f"  p {row.versus_first_p:.3f}"
        failed = (
            f"  failed on {row.failed_pictures}, counted as not answered"
            if row.failed_pictures
            else ""
        )
        print(
            f"{row.kind:6}{row.engine:12}exact {percent(row.exact)}  found "
            f"{percent(row.found)}  {row.cpu_ms_per_picture:.1f} ms of one core "
            f"(median {row.median_cpu_ms_per_picture:.1f}){against}{failed}"
        )
    for outcome in outcomes:
        print(f"{outcome.engine}: {outcome.version}")
    return 0


def _rows(outcome: Outcome, first: Outcome) -> list[Row]:
    return [
        Row(
            engine=outcome.engine,
            version=outcome.version,
            kind=kind,
            found=report.figures.found,
            exact=report.figures.exact,
            exact_without_province=report.figures.exact_without_province,
            ms_per_picture=report.ms_per_picture,
            median_ms_per_picture=report.median_ms_per_picture,
            cpu_ms_per_picture=report.cpu_ms_per_picture,
            median_cpu_ms_per_picture=report.median_cpu_ms_per_picture,
            failed_pictures=report.failed_pictures,
            versus_first_p=None
            if outcome is first
            else paired_p(first.cases[kind], outcome.cases[kind]),
        )
        for kind, report in outcome.kinds.items()
    ]


BENCH: Final = Command(
    name="bench",
    summary="compare all engines that are installed",
    add_arguments=_add_arguments,
    run=_run,
)
