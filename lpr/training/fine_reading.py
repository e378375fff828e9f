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

import torch

from lpr.errors import WeightsError
from lpr.sequence import SequenceReader, packaged_reader_weights
from lpr.training.device import HALF
from lpr.training.export import exported, parameter_count, with_temperatures
from lpr.training.reader_judge import fit_temperatures, fit_threshold, side_by_side
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
    plan = _plan(options)
    return carry_out(
        options,
        {"whole": plan} if plan.steps else {},
        train_reader,
        partial(_finished, plan=plan, reader_weights=weights, plates=options.count),
    )


def _plan(options: argparse.Namespace) -> Plan:
    return Plan(
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


def _finished(
    network: StripNetwork,
    shapes: Shapes,
    *,
    plan: Plan,
    reader_weights: bytes,
    plates: int,
) -> tuple[bytes, str]:
    """Calibrate it, measure it with the reader and without, and write the card."""
    temperatures = fit_temperatures(network, shapes, fine=True)
    weights = exported(
        with_temperatures(
            network,
            symbols=temperatures.symbols,
            ground=temperatures.ground,
            state=temperatures.state,
        )
    )
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
    card = f"""# Fine reader: model card

- What: one strip of 48 by 216 pixels of a plate of one or two lines in, 54 columns of
  characters, ground colour and state (whole, covered, no plate) out. It is asked where
  the sequence reader is in doubt, and what both say is weighed together.
- File: `fine_reader.onnx`, {len(weights)} bytes, {parameter_count(network)} parameters,
  SHA-256
  `{hashlib.sha256(weights).hexdigest()}`;
  measured beside the reader `{hashlib.sha256(reader_weights).hexdigest()[:8]}`.
- Data: rendered pictures only, {plan.steps * plan.batch // plan.reuse} of them, each
  seen about {plan.reuse} times; no photograph took part. Shapes as of the reader.
- Training: {plan.steps} steps of {plan.batch} at {plan.rate:g}, seed {plan.seed};
  {plan.recipe.straight:.0%} straight, {plan.recipe.weathered:.0%} weathered,
  {plan.recipe.poor:.0%} hazy, out of focus, coarse in noise or sharpened hard;
  PyTorch {torch.__version__}, {precision}.
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
    parser.add_argument("--seed", type=int, default=41)
    parser.add_argument("--count", type=int, default=2000)
    return parser


if __name__ == "__main__":
    sys.exit(main())
