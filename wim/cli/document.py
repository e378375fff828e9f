"""``luheng-wim document``: put the tables of reports into a document written by hand.

Between the marks ``<!-- table: NAME/TABLE -->`` and ``<!-- end -->`` of a Markdown file
stands what the table TABLE of the report ``DIR/NAME/report.json`` says; the prose
around is left alone. A picture ``pictures/accuracy-NAME.svg`` that the document shows
is that of the same report. Figures in a document are thus never typed.
"""

import argparse
import re
from pathlib import Path

from wim.accuracy.report import AccuracyReport
from wim.accuracy.wording import as_markdown, tables
from wim.cli.command import Command
from wim.cli.errors import WrongUseError, reason
from wim.cli.json_lines import read_json
from wim.cli.tables import read_text

__all__ = ["DOCUMENT"]

_MARK = re.compile(
    r"(?P<begin><!-- table: (?P<study>[a-z0-9_]+)/(?P<table>[a-z0-9_]+) -->\n)"
    r".*?(?P<end><!-- end -->)",
    re.DOTALL,
)
_PICTURE = re.compile(r"\(pictures/accuracy-([a-z0-9_]+)\.svg\)")


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("document", type=Path, metavar="DOCUMENT.md")
    parser.add_argument(
        "reports", type=Path, metavar="DIR", help="of luheng-sim campaign"
    )


def _run(options: argparse.Namespace) -> int:
    text = read_text(options.document, what="a document")
    marks = list(_MARK.finditer(text))
    if not marks:
        message = (
            f"{options.document}: no mark <!-- table: NAME/TABLE --> ... <!-- end -->"
        )
        raise WrongUseError(message)
    filled, without = 0, []
    parts, at = [], 0
    for mark in marks:
        parts.append(text[at : mark.start()])
        at = mark.end()
        path = options.reports / mark["study"] / "report.json"
        if not path.is_file():
            without.append(mark["study"])
            parts.append(mark[0])
            continue
        found = _table(path, mark["table"])
        parts.append(f"{mark['begin']}\n{found}\n\n{mark['end']}")
        filled += 1
    parts.append(text[at:])
    try:
        options.document.write_text("".join(parts), encoding="utf-8")
    except OSError as error:
        message = f"{options.document}: cannot be written: {reason(error)}"
        raise WrongUseError(message) from error
    shown = _show_pictures(text, options.document.parent, options.reports)
    print(f"{options.document}: {filled} tables, {shown} pictures")
    if without:
        names = ", ".join(sorted(set(without)))
        print(f"left as they were, without a report in {options.reports}: {names}")
    return 0


def _show_pictures(text: str, folder: Path, reports: Path) -> int:
    """Copy the pictures that a document shows from the reports."""
    shown = 0
    for name in sorted(set(_PICTURE.findall(text))):
        source = reports / name / "picture.svg"
        to = folder / "pictures" / f"accuracy-{name}.svg"
        if not source.is_file():
            continue
        try:
            to.parent.mkdir(parents=True, exist_ok=True)
            to.write_bytes(source.read_bytes())
        except OSError as error:
            message = f"{to}: cannot be written: {reason(error)}"
            raise WrongUseError(message) from error
        shown += 1
    return shown


def _table(path: Path, name: str) -> str:
    report = read_json(path, AccuracyReport, what="a report")
    found = {table.name: table for table in tables(report)}
    if name not in found:
        message = f"{path}: has no table '{name}'; it has {', '.join(sorted(found))}"
        raise WrongUseError(message)
    return as_markdown(found[name])


DOCUMENT = Command(
    name="document",
    summary="put the tables of reports into a document",
    add_arguments=_add_arguments,
    run=_run,
)
