"""Trains the second look: glyph pictures and fonts in, ONNX file and card out.

``python -m lpr.training second --glyphs DIR --fonts DIR --reader ONNX --out FILE``
renders all that it learns from, keeps its state beside the file and goes on from there
when it is started again. Needs PyTorch and ONNX.
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

from lpr.errors import WeightsError
from lpr.fine_reader import packaged_fine_weights
from lpr.sequence import SequenceReader, packaged_reader_weights
from lpr.strips import normalised
from lpr.training.device import onto
from lpr.training.export import exported_second, parameter_count
from lpr.training.loop import begun, mixed, trained
from lpr.training.reader_judge import fit_evidence, fit_threshold, side_by_side
from lpr.training.reader_samples import FIELD, WORN, Recipe
from lpr.training.second_network import SecondNetwork
from lpr.training.second_samples import PER_PLATE, Patches, draw_patches
from lpr.training.shapes import Shapes
from lpr.training.stages import carry_out, parser_of

__all__ = ["SecondPlan", "main", "train_second"]

_CHUNK: Final = 512
_KEPT: Final = 40
_PRECISION: Final = 0.998


class SecondPlan(msgspec.Struct, frozen=True, kw_only=True):
    """One training: everything that decides its outcome but the shapes.

    Each patch is seen about ``reuse`` times.
    """

    steps: int = 3000
    batch: int = 192
    rate: float = 2e-3
    reuse: int = 2
    seed: int = 11
    recipe: Recipe = Recipe(
        hard=0.25,
        loose=1.2,
        boxed=0.5,
        nothing=0.0,
        covered=0.08,
        unseen=0.45,
        typefaces=0.12,
    )
    workers: int = 1
    threads: int = 1


def train_second(
    plan: SecondPlan,
    shapes: Shapes,
    *,
    checkpoint: Path,
    begin_with: SecondNetwork | None = None,
    log: Callable[[str], None],
) -> SecondNetwork:
    """Train to the end of the plan, from the checkpoint where there is one.

    Returns:
        The moving average of the network, ready to be judged and exported.
    """
    network = begun(SecondNetwork, begin_with, seed=plan.seed, threads=plan.threads)
    optimiser = torch.optim.AdamW(network.parameters(), lr=plan.rate, weight_decay=0.02)
    made: SecondNetwork = trained(
        network,
        optimiser,
        steps=plan.steps,
        rate=plan.rate,
        checkpoint=checkpoint,
        batches=partial(_batches, plan, shapes),
        loss=partial(_loss, network),
        log=log,
    )
    return made


def _loss(network: nn.Module, batch: Patches, _step: int) -> Tensor:
    seen = onto(normalised(batch.patches))
    logits = network(seen.contiguous(memory_format=torch.channels_last))
    return nn.functional.cross_entropy(logits, onto(batch.answers))


def _chunk(shapes: Shapes, job: tuple[SecondPlan, int]) -> Patches:
    plan, index = job
    return draw_patches(shapes, _CHUNK, seed=(plan.seed, index), recipe=plan.recipe)


def _batches(
    plan: SecondPlan, shapes: Shapes, done: int
) -> Generator[Patches, None, None]:
    """Batches, half from the newest chunk and half from all that are kept."""
    each = _CHUNK * PER_PLATE
    batches = mixed(plan, shapes, _chunk, done=done, keep=_KEPT, each=each)
    for batch in batches:
        yield Patches(
            np.stack([chunk.patches[place] for chunk, place in batch]),
            np.array([chunk.answers[place] for chunk, place in batch]),
        )


def main(arguments: list[str] | None = None) -> int:
    """Run the training; 0 when weights and card are written."""
    options = _parser().parse_args(arguments)
    try:
        weights = (
            packaged_reader_weights()
            if options.reader is None
            else options.reader.read_bytes()
        )
        fine = (
            packaged_fine_weights()
            if options.fine_reader is None
            else options.fine_reader.read_bytes()
        )
        SequenceReader.load(weights, fine=fine)
    except (OSError, WeightsError) as error:
        sys.stderr.write(f"luheng-lpr training: {error}\n")
        return 2
    plans = _plans(options)
    return carry_out(
        options,
        plans,
        train_second,
        partial(
            _finished,
            plans=tuple(plans.values()),
            reader_weights=weights,
            fine_weights=fine,
            plates=options.count,
        ),
    )


def _plans(options: argparse.Namespace) -> dict[str, SecondPlan]:
    """The stages by name: characters, what is half hidden, what the field adds.

    The last are plates laid straight, on half of which shadow, glare and dirt lie.
    """
    first = SecondPlan(
        steps=options.steps, threads=options.threads, workers=options.workers
    )
    hidden = msgspec.structs.replace(
        first,
        steps=options.hidden_steps,
        seed=first.seed + 1,
        rate=first.rate * 0.6,
        recipe=msgspec.structs.replace(first.recipe, covered=0.12, unseen=0.3),
    )
    field = msgspec.structs.replace(
        hidden,
        steps=options.field_steps,
        seed=first.seed + 2,
        recipe=msgspec.structs.replace(hidden.recipe, **FIELD),
    )
    worn = msgspec.structs.replace(
        field,
        steps=options.weathered_steps,
        seed=first.seed + 3,
        recipe=msgspec.structs.replace(field.recipe, **WORN),
    )
    stages = {"first": first, "hidden": hidden, "field": field, "weathered": worn}
    return {name: plan for name, plan in stages.items() if plan.steps}


def _finished(
    network: SecondNetwork,
    shapes: Shapes,
    *,
    plans: tuple[SecondPlan, ...],
    reader_weights: bytes,
    fine_weights: bytes,
    plates: int,
) -> tuple[bytes, str]:
    """Weigh it against the readers, measure all together, and write the card."""
    plain = exported_second(network, evidence=1.0)
    evidence = fit_evidence(reader_weights, plain, shapes, fine=fine_weights)
    weights = exported_second(network, evidence=evidence)
    alone = SequenceReader.load(reader_weights, fine=fine_weights)
    both = SequenceReader.load(reader_weights, fine=fine_weights, second=weights)
    threshold = fit_threshold(both, shapes, precision=_PRECISION)
    table = side_by_side(
        {"readers alone": alone, "with second look": both},
        shapes,
        count=plates,
        confidence=threshold,
    )
    patches = sum(plan.steps * plan.batch // plan.reuse for plan in plans)
    stages = "; ".join(
        f"{plan.steps} steps of {plan.batch} at {plan.rate:g}, seed {plan.seed}"
        for plan in plans
    )
    card = f"""# Second look: model card

- What: one character in the middle of a patch of 48 by 48 pixels in, a logit for each
  symbol out. It is asked where sequence reader and fine reader are in doubt.
- File: `second_look.onnx`, {len(weights)} bytes, {parameter_count(network)} parameters,
  SHA-256
  `{hashlib.sha256(weights).hexdigest()}`;
  weighed for the reader `{hashlib.sha256(reader_weights).hexdigest()[:8]}` and the fine
  reader `{hashlib.sha256(fine_weights).hexdigest()[:8]}`.
- Data: rendered pictures only, {patches} patches, each
  seen about {plans[0].reuse} times; no photograph took part. Shapes as of the reader.
- Training: {stages};
  PyTorch {torch.__version__}. Its evidence counts {evidence:.2f} times, folded in.
- A plate is answered from {threshold:.3f} on for its weakest character: the least with
  {_PRECISION:.1%} right among the answered of the calibration set.

{table}
"""
    return weights, card


def _parser() -> argparse.ArgumentParser:
    parser = parser_of("second", __doc__)
    parser.add_argument("--reader", type=Path, help="weights it is weighed against")
    parser.add_argument("--fine-reader", type=Path, help="likewise")
    parser.add_argument("--steps", type=int, default=SecondPlan().steps)
    parser.add_argument("--hidden-steps", type=int, default=2600)
    parser.add_argument("--field-steps", type=int, default=1600)
    parser.add_argument("--weathered-steps", type=int, default=1200)
    parser.add_argument("--count", type=int, default=2000)
    return parser


if __name__ == "__main__":
    sys.exit(main())
