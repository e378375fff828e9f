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
from lpr.cli.progress import shown
from lpr.cli.sources import Label, open_picture, read_bytes, read_labels
from lpr.detector import NetworkDetector, packaged_detector_weights
from lpr.errors import WeightsError
from lpr.figures import Share
from lpr.image import Corners, Image, rim_of
from lpr.sequence import packaged_reader_weights

if TYPE_CHECKING:
    from lpr.training.finetuning import Confirmed

__all__ = ["FINETUNE"]

_NEAR: Final = 1.5
"""A box belongs to a label when its middle is within so many of its heights."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What ``--json`` prints."""

    learnt_from: int
    before: Share
    after: Share
    rendered_before: Share
    rendered_after: Share
    not_found: int
    better: bool
    weights: str


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("labels", type=Path, metavar="LABELS.csv")
    parser.add_argument("--glyphs", type=Path, required=True, metavar="DIR")
    parser.add_argument("--fonts", type=Path, nargs="+", required=True, metavar="DIR")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.onnx")
    parser.add_argument("--weights", type=Path, metavar="FILE.onnx")
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="one object")


def _run(options: argparse.Namespace) -> int:
    try:
        from lpr.training import finetuning, shapes  # noqa: PLC0415  heavy, optional
    except ImportError as error:
        message = f"finetune needs the training extra, {error.name} is not installed"
        raise WrongUseError(message) from error
    weights = (
        packaged_reader_weights()
        if options.weights is None
        else read_bytes(options.weights)
    )
    confirmed, lost = _confirmed(read_labels(options.labels))
    steps = iter(shown(range(options.steps), "training"))

    def progress(done: int, total: int) -> None:
        del done, total
        next(steps, None)

    try:
        made, outcome = finetuning.finetune(
            weights,
            confirmed,
            shapes.gather_shapes(options.glyphs, tuple(options.fonts)),
            steps=options.steps,
            seed=options.seed,
            progress=progress,
        )
        options.out.write_bytes(made)
    except (ValueError, OSError, WeightsError) as error:
        message = f"{options.labels}: {error}"
        raise WrongUseError(message) from error
    report = Report(
        learnt_from=outcome.learnt_from,
        before=Share.of(outcome.before, outcome.held_back),
        after=Share.of(outcome.after, outcome.held_back),
        rendered_before=Share.of(outcome.rendered_before, outcome.rendered),
        rendered_after=Share.of(outcome.rendered_after, outcome.rendered),
        not_found=lost,
        better=outcome.is_better,
        weights=str(options.out),
    )
    print(msgspec.json.encode(report).decode() if options.json else _said(report))
    return 0 if report.better else 1


def _said(report: Report) -> str:
    def share(one: Share) -> str:
        known = "nothing" if one.share is None else f"{one.share:.1%}"
        return f"{known} ({one.hits} of {one.total})"

    verdict = "better" if report.better else "no better: keep the weights you have"
    rendered = f"{share(report.rendered_before)} before"
    rendered += f", {share(report.rendered_after)} after"
    return "\n".join(
        [
            f"learnt from {report.learnt_from} readings, {report.not_found} not found",
            f"held back:  {share(report.before)} before, {share(report.after)} after",
            f"rendered:   {rendered}",
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
