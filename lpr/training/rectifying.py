"""Trains the rectifier: glyph pictures and fonts in, ONNX file and card out.

``python -m lpr.training rectifier --glyphs DIR --fonts DIR --out FILE`` renders all
that it learns from, keeps its state beside the file and goes on from there when it is
started again. Needs PyTorch and ONNX.
"""

import argparse
import hashlib
import sys
from collections.abc import Callable, Generator
from functools import partial
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import torch
from torch import Tensor, nn

from lpr.figures import percent
from lpr.rectifier import Rectifier
from lpr.strips import normalised
from lpr.training.device import onto
from lpr.training.export import exported_rectifier, parameter_count
from lpr.training.loop import begun, mixed, trained
from lpr.training.reader_samples import FIELD, Recipe
from lpr.training.rectifier_judge import CornerFigures, judge_rectifier
from lpr.training.rectifier_network import RectifierNetwork, places_of
from lpr.training.rectifier_samples import PER_PLATE, Views, draw_views
from lpr.training.shapes import Shapes, described
from lpr.training.stages import carry_out, parser_of

__all__ = ["RectifierPlan", "main", "train_rectifier"]

_CHUNK: Final = 512
_KEPT: Final = 24
_ROUNDED_PX: Final = 1.0
"""Errors below so much count by their square: a pixel of the view is a good corner."""


class RectifierPlan(msgspec.Struct, frozen=True, kw_only=True):
    """One training: everything that decides its outcome but the shapes.

    Each view is seen about ``reuse`` times; of ``wider`` see :func:`draw_views`.
    """

    steps: int = 2600
    batch: int = 128
    rate: float = 2e-3
    reuse: int = 2
    seed: int = 31
    wider: float = 0.0
    recipe: Recipe = Recipe(
        hard=0.2,
        loose=1.2,
        boxed=0.55,
        nothing=0.0,
        covered=0.1,
        typefaces=0.12,
        smoothed=FIELD["smoothed"],
        wide=FIELD["wide"],
    )
    workers: int = 1
    threads: int = 1


def train_rectifier(
    plan: RectifierPlan,
    shapes: Shapes,
    *,
    checkpoint: Path,
    begin_with: RectifierNetwork | None = None,
    log: Callable[[str], None],
) -> RectifierNetwork:
    """Train to the end of the plan, from the checkpoint where there is one.

    Returns:
        The moving average of the network, ready to be judged and exported.
    """
    network = begun(RectifierNetwork, begin_with, seed=plan.seed, threads=plan.threads)
    optimiser = torch.optim.AdamW(network.parameters(), lr=plan.rate, weight_decay=0.02)
    made: RectifierNetwork = trained(
        network,
        optimiser,
        steps=plan.steps,
        rate=plan.rate,
        checkpoint=checkpoint,
        batches=partial(_batches, plan, shapes),
        loss=partial(_loss, network),
        most_gradient=10.0,
        log=log,
    )
    return made


def _loss(network: nn.Module, batch: Views, _step: int) -> Tensor:
    seen = onto(normalised(batch.views))
    places = places_of(network(seen.contiguous(memory_format=torch.channels_last)))
    truth = onto(batch.corners)
    return nn.functional.smooth_l1_loss(places, truth, beta=_ROUNDED_PX)


def _chunk(shapes: Shapes, job: tuple[RectifierPlan, int]) -> Views:
    plan, index = job
    return draw_views(
        shapes,
        _CHUNK,
        seed=(plan.seed, index),
        recipe=plan.recipe,
        wider=plan.wider,
    )


def _batches(
    plan: RectifierPlan, shapes: Shapes, done: int
) -> Generator[Views, None, None]:
    """Batches, half from the newest chunk and half from all that are kept."""
    each = _CHUNK * PER_PLATE
    batches = mixed(plan, shapes, _chunk, done=done, keep=_KEPT, each=each)
    for batch in batches:
        yield Views(
            np.stack([chunk.views[place] for chunk, place in batch]),
            np.stack([chunk.corners[place] for chunk, place in batch]),
        )


def main(arguments: list[str] | None = None) -> int:
    """Run the training; 0 when weights and card are written."""
    options = _parser().parse_args(arguments)
    plans = _plans(options)
    return carry_out(
        options,
        plans,
        train_rectifier,
        partial(
            _finished,
            plans=tuple(plans.values()),
            count=options.count,
            glyphs=described(options.glyphs),
        ),
    )


def _finished(
    network: RectifierNetwork,
    shapes: Shapes,
    *,
    plans: tuple[RectifierPlan, ...],
    count: int,
    glyphs: str,
) -> tuple[bytes, str]:
    """The file of a trained network, and its card with what it was measured at."""
    weights = exported_rectifier(network)
    figures = judge_rectifier(Rectifier.load(weights), shapes, count=count)
    return weights, _card(plans, weights, parameter_count(network), figures, glyphs)


def _plans(options: argparse.Namespace) -> dict[str, RectifierPlan]:
    """The stages by name: finds as they mostly are, and some that are far too wide."""
    first = RectifierPlan(
        steps=options.steps, threads=options.threads, workers=options.workers
    )
    far = msgspec.structs.replace(
        first,
        steps=options.far_steps,
        rate=first.rate / 2,
        seed=first.seed + 1,
        wider=0.5,
        recipe=msgspec.structs.replace(first.recipe, wide=0.25),
    )
    stages = {"first": first, "far": far}
    return {name: plan for name, plan in stages.items() if plan.steps}


def _card(
    plans: tuple[RectifierPlan, ...],
    weights: bytes,
    parameters: int,
    figures: tuple[CornerFigures, ...],
    glyphs: str,
) -> str:
    rows = "\n".join(
        f"| {one.name} | {one.given:.1%} | {one.once:.1%} | {one.twice:.1%} | "
        f"{percent(one.near)} |"
        for one in figures
    )
    views = sum(plan.steps * plan.batch // plan.reuse for plan in plans)
    stages = "; ".join(
        f"{plan.steps} steps of {plan.batch} at {plan.rate:g}, seed {plan.seed}, boxes "
        f"up to {plan.wider:.0%} too wide"
        for plan in plans
    )
    return f"""# Rectifier: model card

- What: a view of 128 by 48 pixels of a plate whose corners are roughly known in; for
  every eighth pixel a vote for where each corner is out.
- File: `rectifier.onnx`, {len(weights)} bytes, {parameters} parameters, SHA-256
  `{hashlib.sha256(weights).hexdigest()}`.
- Data: rendered plates only, {views} views, each seen
  about {plans[0].reuse} times; shapes of {glyphs} and of typefaces. No
  photograph took part.
- Training: {stages};
  PyTorch {torch.__version__}.

Rendered plates of a seed of their own: median distance of a corner from its place, in
shares of the plate's height, as given, after one pass and after two; and how many
plates have all corners within a tenth of their height on average after two.

| set | given | one pass | two | near |
|---|---|---|---|---|
{rows}

Limits: where there is no plate the answer means nothing. A plate bent or cut by the
picture's rim has no four corners that lay it flat.
"""


def _parser() -> argparse.ArgumentParser:
    parser = parser_of("rectifier", __doc__)
    parser.add_argument("--steps", type=int, default=RectifierPlan().steps)
    parser.add_argument("--far-steps", type=int, default=1500)
    parser.add_argument("--count", type=int, default=500, help="plates a set")
    return parser


if __name__ == "__main__":
    sys.exit(main())
