"""``luheng-lpr finetune``: a station's own confirmed readings, before and after.

It writes new weights to a file that is asked for and never over those of the package.
Training needs PyTorch and ONNX, which a station that only reads has no use for.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from lpr.cli.command import Command
from lpr.cli.errors import WrongUseError
from lpr.cli.out_file import written_whole
from lpr.cli.progress import shown
from lpr.cli.sources import Label, open_picture, read_bytes, read_labels
from lpr.detector import NetworkDetector, packaged_detector_weights
from lpr.errors import WeightsError
from lpr.figures import Share, percent
from lpr.image import Corners, Image, rim_of
from lpr.sequence import SequenceReader

if TYPE_CHECKING:
    from lpr.training.finetuning import Confirmed, Measured, Outcome

__all__ = ["FINETUNE"]

_NEAR: Final = 1.5
"""A box belongs to a label when its middle is within so many of its heights."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What ``--json`` prints.

    ``shipped`` is the reader of the package, ``before`` what was trained on, ``after``
    what came of it, all with the second look. ``accepted_*`` are, of all plates of both
    sets that would be given out, those that are right.
    """

    learnt_from: int
    shipped: Share
    before: Share
    after: Share
    rendered_shipped: Share
    rendered_before: Share
    rendered_after: Share
    accepted_shipped: Share
    accepted_before: Share
    accepted_after: Share
    not_found: int
    better: bool
    weights: str


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("labels", type=Path, metavar="LABELS.csv")
    parser.add_argument("--glyphs", type=Path, required=True, metavar="DIR")
    parser.add_argument("--fonts", type=Path, nargs="+", required=True, metavar="DIR")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.onnx")
    parser.add_argument(
        "--weights",
        type=Path,
        metavar="FILE.onnx",
        help="a tuned reader to go on from; the one that ships without",
    )
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="one object")


def _run(options: argparse.Namespace) -> int:
    if options.steps < 1:
        message = f"--steps {options.steps}: expected 1 or more"
        raise WrongUseError(message)
    try:
        from lpr.training import finetuning, shapes  # noqa: PLC0415  heavy, optional
    except ImportError as error:
        message = f"finetune needs the training extra, {error.name} is not installed"
        raise WrongUseError(message) from error
    labels = read_labels(options.labels)
    weights = _weights(options.weights)
    for folder in (options.glyphs, *options.fonts):
        if not folder.is_dir():
            message = f"{folder}: there is no such folder"
            raise WrongUseError(message)
    try:
        drawn = shapes.gather_shapes(options.glyphs, tuple(options.fonts))
    except (ValueError, OSError) as error:
        message = f"--glyphs, --fonts: {error}"
        raise WrongUseError(message) from error
    with written_whole(options.out) as write:
        confirmed, lost = _confirmed(labels)
        steps = iter(shown(range(options.steps), "training"))

        def progress(done: int, total: int) -> None:
            del done, total
            next(steps, None)

        try:
            made, outcome = finetuning.finetune(
                weights,
                confirmed,
                drawn,
                steps=options.steps,
                seed=options.seed,
                progress=progress,
            )
        except WeightsError as error:
            message = f"{options.weights}: {error}"
            raise WrongUseError(message) from error
        except ValueError as error:
            message = f"{options.labels}: {error}"
            raise WrongUseError(message) from error
        write(made)
    report = _report(outcome, lost, options.out)
    print(msgspec.json.encode(report).decode() if options.json else _said(report))
    return 0 if report.better else 1


def _weights(path: Path | None) -> bytes | None:
    """The bytes of a reader's file; nothing where none is named."""
    if path is None:
        return None
    data = read_bytes(path)
    try:
        SequenceReader.load(data)
    except WeightsError as error:
        message = f"{path}: {error}"
        raise WrongUseError(message) from error
    return data


def _report(outcome: "Outcome", lost: int, out: Path) -> Report:
    def held_back(one: "Measured") -> Share:
        return Share.of(one.held_back.exact, one.held_back.plates)

    def rendered(one: "Measured") -> Share:
        return Share.of(one.rendered.exact, one.rendered.plates)

    def accepted(one: "Measured") -> Share:
        both = one.held_back, one.rendered
        return Share.of(
            sum(each.accepted_right for each in both),
            sum(each.accepted for each in both),
        )

    return Report(
        learnt_from=outcome.learnt_from,
        shipped=held_back(outcome.shipped),
        before=held_back(outcome.before),
        after=held_back(outcome.after),
        rendered_shipped=rendered(outcome.shipped),
        rendered_before=rendered(outcome.before),
        rendered_after=rendered(outcome.after),
        accepted_shipped=accepted(outcome.shipped),
        accepted_before=accepted(outcome.before),
        accepted_after=accepted(outcome.after),
        not_found=lost,
        better=outcome.is_better,
        weights=str(out),
    )


def _said(report: Report) -> str:
    def row(name: str, shipped: Share, before: Share, after: Share) -> str:
        return (
            f"{name:<20}{percent(shipped)} shipped, {percent(before)} before, "
            f"{percent(after)} after"
        )

    verdict = "better" if report.better else "no better: keep the weights you have"
    return "\n".join(
        [
            f"learnt from {report.learnt_from} readings, {report.not_found} not found",
            row("held back, exact", report.shipped, report.before, report.after),
            row(
                "rendered, exact",
                report.rendered_shipped,
                report.rendered_before,
                report.rendered_after,
            ),
            row(
                "accepted and right",
                report.accepted_shipped,
                report.accepted_before,
                report.accepted_after,
            ),
            f"{report.weights}: {verdict}",
        ]
    )


def _confirmed(labels: list[Label]) -> tuple[list["Confirmed"], int]:
    """Plates with their corners, and how many no box was found for."""
    from lpr.training.finetuning import Confirmed  # noqa: PLC0415  heavy, optional

    detector = NetworkDetector.load(packaged_detector_weights())
    made: list[Confirmed] = []
    lost = 0
    for label in shown(labels, "pictures"):
        image = open_picture(label.path).image
        corners: Corners | None
        if label.kind == "crop":
            height, width = image.shape[:2]
            corners = detector.rectifier.rectified(image, rim_of(width, height))
        else:
            corners = _box_of(detector, image, label)
        if corners is None:
            lost += 1
            continue
        made.append(
            Confirmed(
                name=str(label.path.name),
                image=image,
                corners=corners,
                lines=2 if label.layout == "double" else 1,
                text=label.plate,
                colour=label.colour,
            )
        )
    return made, lost


def _box_of(detector: NetworkDetector, image: Image, label: Label) -> Corners | None:
    if label.centre is None:
        return None
    for box in detector.detect(image, region=None):
        middle = box.corners.mean(axis=0)
        away = np.hypot(middle[0] - label.centre[0], middle[1] - label.centre[1])
        if away < _NEAR * box.height_px:
            return box.corners
    return None


FINETUNE: Final = Command(
    name="finetune",
    summary="train the reader on with confirmed readings",
    add_arguments=_add_arguments,
    run=_run,
)
