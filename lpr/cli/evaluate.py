"""``luheng-lpr eval``: every figure of an engine on labelled pictures.

It prints no text of a plate unless asked to: labelled pictures show real vehicles.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, median
from typing import Final

import msgspec

from lpr.cli.choice import add_engine_arguments, chosen_engine
from lpr.cli.command import Command
from lpr.cli.errors import WrongUseError
from lpr.cli.progress import shown
from lpr.cli.sources import Label, open_picture, read_labels
from lpr.engines import Answer, Engine, nearest_on, open_engine
from lpr.errors import EngineError
from lpr.figures import (
    Agreement,
    Case,
    Figures,
    agreement_of,
    figures_of,
    percent,
)
from lpr.image import Image
from lpr.second_opinion import OpinionFigures, opinion_figures

__all__ = ["EVAL", "Outcome", "measure", "report_lines"]

_NEAR: Final = 1.0
_LAYOUTS: Final = {1: "single", 2: "double"}


class KindReport(msgspec.Struct, frozen=True, kw_only=True):
    """Crops or frames: the figures and the time that one picture takes."""

    pictures: int
    figures: Figures
    ms_per_picture: float
    """By the clock on the wall, the mean."""
    median_ms_per_picture: float
    cpu_ms_per_picture: float
    """Work of all threads together: what one core would need, the mean."""
    median_cpu_ms_per_picture: float
    boxes_beside: int
    """Boxes on nothing that is labelled: other plates, or no plates."""
    failed_pictures: int
    """Pictures on which a third party's code failed; they count as not answered."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """All that one engine gave on one table of labels."""

    engine: str
    version: str
    kinds: dict[str, KindReport]
    cases: dict[str, list[Case]]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What ``eval --json`` prints."""

    engine: str
    version: str
    labels: int
    crop: KindReport | None
    frame: KindReport | None
    second_engine: str | None
    agreement: Agreement | None
    """Of plates that both say alike, be ours in doubt or not."""
    opinion: OpinionFigures | None
    """Of the rule by which ``read --second`` accepts."""


def measure(engine: Engine, name: str, labels: Sequence[Label]) -> Outcome:
    """Read all labelled pictures with one engine.

    Raises:
        WrongUseError: a picture cannot be read.
    """
    kinds: dict[str, KindReport] = {}
    cases: dict[str, list[Case]] = {}
    for kind in ("crop", "frame"):
        by_path: dict[Path, list[Label]] = {}
        for label in labels:
            if label.kind == kind:
                by_path.setdefault(label.path, []).append(label)
        if not by_path:
            continue
        beside, failed = 0, 0
        seconds: list[float] = []
        worked_s: list[float] = []
        found: list[Case] = []
        for path, rows in shown(list(by_path.items()), f"{name} {kind}s"):
            image = open_picture(path).image
            begun, began_work = time.perf_counter(), time.process_time()
            try:
                answers = _answers(engine, image, kind)
            except EngineError as error:
                answers = ()
                failed += 1
                if failed == 1:
                    print(f"luheng-lpr: {path}: {error}", file=sys.stderr)
            seconds.append(time.perf_counter() - begun)
            worked_s.append(time.process_time() - began_work)
            paired = [_belonging(answers, row) for row in rows]
            taken = {id(answer) for answer in paired}
            beside += sum(id(answer) not in taken for answer in answers)
            found += [
                _case(row, answer) for row, answer in zip(rows, paired, strict=True)
            ]
        kinds[kind] = KindReport(
            pictures=len(by_path),
            figures=figures_of(found),
            ms_per_picture=1e3 * mean(seconds),
            median_ms_per_picture=1e3 * median(seconds),
            cpu_ms_per_picture=1e3 * mean(worked_s),
            median_cpu_ms_per_picture=1e3 * median(worked_s),
            boxes_beside=beside,
            failed_pictures=failed,
        )
        cases[kind] = found
    return Outcome(engine=name, version=engine.version, kinds=kinds, cases=cases)


def _answers(engine: Engine, image: Image, kind: str) -> tuple[Answer, ...]:
    if kind == "frame":
        return engine.read_frame(image)
    answer = engine.read_crop(image)
    return () if answer is None else (answer,)


def _belonging(answers: Sequence[Answer], label: Label) -> Answer | None:
    """The answer whose box lies on the labelled plate, the nearest of several."""
    if label.centre is None:
        return answers[0] if answers else None
    return nearest_on(answers, label.centre)


def _case(label: Label, answer: Answer | None) -> Case:
    return Case(
        truth=label.plate,
        kind=label.kind,
        colour=label.colour,
        layout=label.layout,
        found=answer is not None,
        text=None if answer is None else answer.text,
        confidence=0.0 if answer is None else answer.confidence,
        accepted=answer is not None and answer.accepted,
        in_doubt=answer is not None and answer.in_doubt,
        told_colour=None if answer is None else answer.colour,
        told_layout=None
        if answer is None or answer.lines is None
        else _LAYOUTS[answer.lines],
    )


# --------------------------------------------------------------------------- command


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("labels", type=Path, metavar="LABELS.csv")
    add_engine_arguments(parser)
    parser.add_argument(
        "--second", metavar="ENGINE", help="measure what read --second accepts"
    )
    parser.add_argument(
        "--show-plates", action="store_true", help="print the plates read wrong"
    )
    parser.add_argument("--json", action="store_true", help="one object")


def _run(options: argparse.Namespace) -> int:
    labels = read_labels(options.labels)
    if not labels:
        message = f"{options.labels}: holds no row"
        raise WrongUseError(message)
    name, engine = chosen_engine(options)
    second = open_engine(options.second) if options.second else None
    outcome = measure(engine, name, labels)
    agreement = opinion = None
    if second is not None:
        other = measure(second, options.second, labels)
        cases = [case for kind in outcome.cases.values() for case in kind]
        others = [case for kind in other.cases.values() for case in kind]
        agreement = agreement_of(cases, others)
        opinion = opinion_figures(cases, others)
    if options.json:
        report = Report(
            engine=name,
            version=outcome.version,
            labels=len(labels),
            crop=outcome.kinds.get("crop"),
            frame=outcome.kinds.get("frame"),
            second_engine=options.second,
            agreement=agreement,
            opinion=opinion,
        )
        print(msgspec.json.encode(report).decode())
        return 0
    print("\n".join(report_lines(outcome)))
    if agreement is not None:
        print(
            f"the same as {options.second}: right {percent(agreement.precision)}, "
            f"covers {percent(agreement.coverage)}"
        )
    if opinion is not None:
        print("\n".join(_opinion_lines(options.second, opinion)))
    if options.show_plates:
        for cases in outcome.cases.values():
            for case in cases:
                if not case.exact:
                    print(f"{case.kind} {case.truth} read {case.text or 'unread'}")
    return 0


def _opinion_lines(second: str, figures: OpinionFigures) -> list[str]:
    """What ``read --second`` would accept of these plates."""
    right, covers = percent(figures.precision), percent(figures.coverage)
    return [
        f"accepted by both or by ours: right {right}, covers {covers}",
        f"  by both                {percent(figures.by_both)}",
        f"  by ours alone          {percent(figures.by_ours)}",
        f"  of these {second} reads otherwise {percent(figures.disagreeing)}",
    ]


def report_lines(outcome: Outcome) -> list[str]:
    """The figures of one engine for people."""
    lines = [f"{outcome.engine}: {outcome.version}"]
    for kind, report in outcome.kinds.items():
        figures = report.figures
        coverage = figures.coverage_at_995
        error = figures.calibration_error
        uncontradicted = figures.accepted_precision_with_colour
        lines += [
            _timing(kind, report),
            f"  exact                  {percent(figures.exact)}",
            f"  exact but the province {percent(figures.exact_without_province)}",
        ]
        if kind == "frame":
            lines.append(
                f"  plates found           {percent(figures.found)}, "
                f"{report.boxes_beside} boxes beside them"
            )
        if report.failed_pictures:
            lines.append(
                f"  its own code failed on {report.failed_pictures} pictures, "
                f"which count as not answered"
            )
        lines += [
            f"  accepted and right     {percent(figures.accepted_precision)}",
            f"  and no wrong colour    {percent(uncontradicted)}",
            f"  accepted of all        {percent(figures.accepted_coverage)}",
            f"  covered at 99.5 %      {percent(coverage.coverage)}"
            + (
                f" from confidence {coverage.from_confidence:.4f}"
                if coverage.from_confidence is not None
                else ""
            ),
            "  calibration error      " + ("-" if error is None else f"{error:.4f}"),
        ]
        lines += [
            f"  colour right           {percent(figures.colour)}",
            f"  another colour told    {percent(figures.colour_wrong)}",
            f"  exact, colour too      {percent(figures.exact_with_colour)}",
            f"  one line or two, right {percent(figures.layout)}",
        ]
        lines += [
            f"  exact, {name:<16}{percent(share)}"
            for group in (figures.by_colour, figures.by_layout)
            for name, share in group.items()
        ]
        often = list(figures.confusions.items())[:12]
        if often:
            told = "  ".join(f"{pair} {count}" for pair, count in often)
            lines.append(f"  taken for each other   {told}")
    return lines


def _timing(kind: str, report: KindReport) -> str:
    return (
        f"{kind}s: {report.pictures} pictures, {report.ms_per_picture:.1f} ms each, "
        f"{report.cpu_ms_per_picture:.1f} ms of one core "
        f"(medians {report.median_ms_per_picture:.1f} and "
        f"{report.median_cpu_ms_per_picture:.1f})"
    )


EVAL: Final = Command(
    name="eval",
    summary="measure an engine on labelled pictures",
    add_arguments=_add_arguments,
    run=_run,
)
