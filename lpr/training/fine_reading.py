"""Trains the fine reader: glyph pictures and fonts in, ONNX file and card out.

``python -m lpr.training fine --glyphs DIR --fonts DIR --reader ONNX --out FILE``
renders all that it learns from, keeps its state beside the file and goes on from there
when it is started again. Needs PyTorch and ONNX.
"""

import argparse
import hashlib
import sys
from functools import partial
from pathlib import Path
from typing import Final

import msgspec
import torch

from lpr.errors import WeightsError
from lpr.sequence import SequenceReader, packaged_reader_weights
from lpr.training.cards import wrapped
from lpr.training.device import HALF
from lpr.training.export import parameter_count
from lpr.training.reader_judge import calibrated, fit_threshold, side_by_side
from lpr.training.reader_network import StripNetwork
from lpr.training.reader_samples import FIELD, Recipe
from lpr.training.reader_train import Plan, train_reader
from lpr.training.shapes import Shapes
from lpr.training.stages import carry_out, parser_of

__all__ = ["main"]

_PRECISION: Final = 0.998
_RECIPE: Final = Recipe(
    hard=0.25,
    loose=1.2,
    straight=0.8,
    weathered=0.3,
    poor=0.2,
    boxed=0.45,
    smoothed=FIELD["smoothed"],
    wide=FIELD["wide"],
)
"""All at once that the sequence reader learnt one after the other, and poor pictures:
it is larger, and it is asked for nothing else."""
_DOUBTED: Final = {"hard": 0.35, "weathered": 0.4, "poor": 0.3}
"""More of what leaves the reader in doubt, once the fine one can read: it is asked for
nothing else."""


def main(arguments: list[str] | None = None) -> int:
    """Run the training; 0 when weights and card are written."""
    options = _parser().parse_args(arguments)
    try:
        weights = (
            packaged_reader_weights()
            if options.reader is None
            else options.reader.read_bytes()
        )
        SequenceReader.load(weights)
    except (OSError, WeightsError) as error:
        sys.stderr.write(f"luheng-lpr training: {error}\n")
        return 2
    plans = _plans(options)
    return carry_out(
        options,
        plans,
        train_reader,
        partial(
            _finished,
            plans=tuple(plans.values()),
            reader_weights=weights,
            plates=options.count,
        ),
    )


def _plans(options: argparse.Namespace) -> dict[str, Plan]:
    """The stages by name: everything at once; where asked, more of what is in doubt."""
    whole = Plan(
        fine=True,
        steps=options.steps,
        rate=2e-3,
        guided=0.3,
        reuse=3,
        seed=options.seed,
        recipe=_RECIPE,
        threads=options.threads,
        workers=options.workers,
    )
    on = msgspec.structs.replace(
        whole,
        steps=options.on_steps,
        rate=whole.rate * 0.6,
        guided=0.0,
        reuse=2,
        seed=options.seed + 1,
        recipe=msgspec.structs.replace(_RECIPE, **_DOUBTED),
    )
    stages = {"whole": whole, "on": on}
    return {name: plan for name, plan in stages.items() if plan.steps}


def _finished(
    network: StripNetwork,
    shapes: Shapes,
    *,
    plans: tuple[Plan, ...],
    reader_weights: bytes,
    plates: int,
) -> tuple[bytes, str]:
    """Calibrate it, measure it with the reader and without, and write the card."""
    weights, temperatures = calibrated(network, shapes, fine=True)
    alone = SequenceReader.load(reader_weights)
    both = SequenceReader.load(reader_weights, fine=weights)
    threshold = fit_threshold(both, shapes, precision=_PRECISION)
    table = side_by_side(
        {"reader alone": alone, "both": both},
        shapes,
        count=plates,
        confidence=threshold,
    )
    precision = "bfloat16" if HALF else "float32"
    drawn = sum(plan.steps * plan.batch // plan.reuse for plan in plans)
    stages = "; ".join(
        f"{plan.steps} steps of {plan.batch} at {plan.rate:g}, seed {plan.seed}, each "
        f"seen about {plan.reuse} times, {plan.recipe.hard:.0%} with all the damage "
        f"there is, {plan.recipe.straight:.0%} straight, "
        f"{plan.recipe.weathered:.0%} weathered, {plan.recipe.poor:.0%} hazy, out of "
        "focus, coarse in noise or sharpened hard"
        for plan in plans
    )
    card = f"""# Fine reader: model card

- What: one strip of 48 by 216 pixels of a plate of one or two lines in, 54 columns of
  characters, ground colour and state (whole, covered, no plate) out. It is asked where
  the sequence reader is in doubt, and what both say is weighed together.
- File: `fine_reader.onnx`, {len(weights)} bytes, {parameter_count(network)} parameters,
  SHA-256
  `{hashlib.sha256(weights).hexdigest()}`;
  measured beside the reader `{hashlib.sha256(reader_weights).hexdigest()[:8]}`.
- Data: rendered pictures only, {drawn} of them; no photograph took part. Shapes as of
  the reader.
{wrapped(f"Training: {stages}; PyTorch {torch.__version__}, {precision}.")}
- Temperatures folded in: symbols {temperatures.symbols:.3f}, ground
  {temperatures.ground:.3f}, state {temperatures.state:.3f}.
- A plate is answered from {threshold:.3f} on for its weakest character: the least with
  {_PRECISION:.1%} right among the answered of the calibration set.

{table}
"""
    return weights, card


def _parser() -> argparse.ArgumentParser:
    parser = parser_of("fine", __doc__)
    parser.add_argument("--reader", type=Path, help="weights it is measured beside")
    parser.add_argument("--steps", type=int, default=9000)
    parser.add_argument(
        "--on-steps", type=int, default=0, help="on more of what is in doubt"
    )
    parser.add_argument("--seed", type=int, default=41)
    parser.add_argument("--count", type=int, default=2000)
    return parser


if __name__ == "__main__":
    sys.exit(main())
