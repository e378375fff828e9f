"""Trains the sequence reader: glyph pictures and fonts in, ONNX file and card out.

``python -m lpr.training reader --glyphs DIR --fonts DIR --out FILE`` renders all that
it learns from, keeps its state beside the file and goes on from there when it is
started again. Needs PyTorch and ONNX.
"""

import argparse
import hashlib
import sys
from functools import partial
from typing import Final

import msgspec
import torch

from lpr.figures import wilson
from lpr.sequence import SequenceReader
from lpr.training.cards import wrapped
from lpr.training.device import HALF
from lpr.training.export import parameter_count
from lpr.training.reader_judge import (
    HELD_OUT,
    Figures,
    Temperatures,
    calibrated,
    fit_threshold,
    judge,
)
from lpr.training.reader_network import ReaderNetwork
from lpr.training.reader_samples import FIELD, WORN, Recipe
from lpr.training.reader_train import Plan, train_reader
from lpr.training.shapes import Shapes
from lpr.training.stages import carry_out, parser_of

__all__ = ["finished", "main"]

_PRECISION: Final = 0.998
_HARDLY_SEEN: Final = 0.45
"""From here on the first stages call a character covered: to read is learnt first."""
_COLUMNS: Final = (
    "set",
    "plates",
    "exact",
    "without province",
    "answered",
    "right of these",
    "calibration error, characters / plates",
)
_HEAD: Final = f"| {' | '.join(_COLUMNS)} |\n{'|---' * len(_COLUMNS)}|"


def main(arguments: list[str] | None = None) -> int:
    """Run the training; 0 when weights and card are written."""
    options = _parser().parse_args(arguments)
    plans = _plans(options)
    return carry_out(
        options,
        plans,
        train_reader,
        partial(finished, plans=tuple(plans.values()), count=options.count),
    )


def _plans(options: argparse.Namespace) -> dict[str, Plan]:
    """The stages by name: gentle boxes, loose corners, all that leans, and five more.

    Those are what is hidden, what cameras and detectors in the field add (pictures
    smoothed and enlarged by the camera, plates cut out far too wide), plates laid
    straight by the rectifier, as nearly all are that the reader sees in the end,
    shadow, glare and dirt on one plate, and at last the same on fewer, at a low rate.

    Before the third a slanted A was taken for an N, before the fourth a character half
    under mud for another, before the seventh a 1 in a shadow for an M.
    """
    first = Plan(
        steps=options.steps,
        seed=options.seed,
        threads=options.threads,
        workers=options.workers,
        recipe=Recipe(lean=0.3, unseen=_HARDLY_SEEN),
    )
    loose = msgspec.structs.replace(
        first,
        steps=options.loose_steps,
        seed=options.seed + 1,
        rate=first.rate / 2.5,
        guided=0.0,
        recipe=Recipe(hard=0.3, loose=1.5, lean=0.3, unseen=_HARDLY_SEEN),
    )
    leaning = msgspec.structs.replace(
        loose,
        steps=options.leaning_steps,
        seed=options.seed + 2,
        rate=first.rate * 0.8,
        recipe=Recipe(hard=0.25, loose=1.2, boxed=0.45, unseen=_HARDLY_SEEN),
    )
    hidden = msgspec.structs.replace(
        leaning,
        steps=options.hidden_steps,
        seed=options.seed + 3,
        rate=first.rate * 0.6,
        recipe=Recipe(hard=0.3, loose=1.2, boxed=0.45, covered=0.18),
    )
    field = msgspec.structs.replace(
        hidden,
        steps=options.field_steps,
        seed=options.seed + 4,
        rate=first.rate * 0.5,
        recipe=msgspec.structs.replace(hidden.recipe, **FIELD),
    )
    straight = msgspec.structs.replace(
        field,
        steps=options.straight_steps,
        seed=options.seed + 5,
        rate=first.rate * 0.4,
        recipe=msgspec.structs.replace(field.recipe, straight=0.7),
    )
    settled = msgspec.structs.replace(
        straight,
        steps=options.settled_steps,
        seed=options.seed + 6,
        rate=first.rate * 0.45,
        recipe=msgspec.structs.replace(straight.recipe, **WORN),
    )
    fine = msgspec.structs.replace(
        settled,
        steps=options.fine_steps,
        seed=options.seed + 7,
        rate=first.rate * 0.25,
        recipe=msgspec.structs.replace(settled.recipe, weathered=0.25),
    )
    stages = {
        "first": first,
        "loose": loose,
        "leaning": leaning,
        "hidden": hidden,
        "field": field,
        "straight": straight,
        "settled": settled,
        "fine": fine,
    }
    return {name: plan for name, plan in stages.items() if plan.steps}


def finished(
    network: ReaderNetwork, shapes: Shapes, *, plans: tuple[Plan, ...], count: int
) -> tuple[bytes, str]:
    """Calibrate a trained network, measure it, and give its file and its card."""
    weights, temperatures = calibrated(network, shapes)
    reader = SequenceReader.load(weights)
    threshold = fit_threshold(reader, shapes, precision=_PRECISION)
    figures = {
        name: judge(
            reader, shapes, seed=seed, recipe=recipe, count=count, confidence=threshold
        )
        for name, (seed, recipe) in HELD_OUT.items()
    }
    card = _card(
        weights,
        shapes,
        plans=plans,
        parameters=parameter_count(network),
        temperatures=temperatures,
        threshold=threshold,
        figures=figures,
    )
    return weights, card


def _parser() -> argparse.ArgumentParser:
    parser = parser_of("reader", __doc__)
    parser.add_argument("--steps", type=int, default=Plan().steps)
    parser.add_argument("--loose-steps", type=int, default=1400)
    parser.add_argument("--leaning-steps", type=int, default=6000)
    parser.add_argument("--hidden-steps", type=int, default=3600)
    parser.add_argument("--field-steps", type=int, default=3000)
    parser.add_argument("--straight-steps", type=int, default=1800)
    parser.add_argument("--settled-steps", type=int, default=4500)
    parser.add_argument("--fine-steps", type=int, default=2400)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=2000)
    return parser


# ------------------------------------------------------------------------------- card


def _card(
    weights: bytes,
    shapes: Shapes,
    *,
    plans: tuple[Plan, ...],
    parameters: int,
    temperatures: Temperatures,
    threshold: float,
    figures: dict[str, Figures],
) -> str:
    samples = sum(plan.steps * plan.batch for plan in plans)
    rows = "\n".join(_row(name, one) for name, one in figures.items())
    stages = "; ".join(
        f"{plan.steps} steps of {plan.batch} at {plan.rate:g}, seed {plan.seed}, "
        f"corners {plan.recipe.loose:g} times as loose as usual, "
        f"lean {plan.recipe.lean:g}, covered from {plan.recipe.unseen:.0%} of its ink, "
        f"{plan.recipe.smoothed:.0%} smoothed by the camera, "
        f"{plan.recipe.wide:.0%} cut too wide, {plan.recipe.straight:.0%} straight, "
        f"{plan.recipe.weathered:.0%} weathered"
        for plan in plans
    )
    hidden = figures["covered"]
    precision = "bfloat16" if HALF else "float32"
    return f"""# Sequence reader: model card

- What: one strip of 32 by 144 pixels of a plate of one or two lines in, 36 columns of
  characters, ground colour and state (whole, covered, no plate) out.
- File: `reader.onnx`, {len(weights)} bytes, {parameters} parameters, SHA-256
  `{hashlib.sha256(weights).hexdigest()}`.
- Data: rendered pictures only, {samples // plans[0].reuse} of them, each seen about
  {plans[0].reuse} times; no photograph took part.
- Shapes: {len(shapes.letters)} typefaces of letters, {len(shapes.hanzi)} of Chinese
  characters, and plate characters from a folder of pictures.
{wrapped(f"Sources: {shapes.source}.")}
{wrapped(f"Training: {stages}; PyTorch {torch.__version__}, {precision}.")}
- Temperatures folded in: symbols {temperatures.symbols:.3f}, ground
  {temperatures.ground:.3f}, state {temperatures.state:.3f}.
- A plate is answered from {threshold:.3f} on for its weakest character: the least with
  {_PRECISION:.1%} right among the answered of the calibration set.

Figures on rendered sets with seeds of their own, laid straight but for the rectifier's
errors, 95 % intervals after Wilson:

{_HEAD}
{rows}

Covered plates, rendered: {_share(hidden.found, hidden.covered)} found, pattern exact
{_share(hidden.pattern_right, hidden.covered)}, whole plates called covered
{_share(hidden.false_covered, hidden.plates)}.

Limits: rendered figures say how the reader does on what it was made for; `docs` tell
what it does on photographs. Kinds with few plates (armed police, civil aviation,
embassies) are drawn by the written standard alone. I is no symbol: a forged I reads 1.
"""


def _row(name: str, one: Figures) -> str:
    return (
        f"| {name} | {one.plates} | {_share(one.exact, one.plates)} | "
        f"{_share(one.exact_without_province, one.plates)} | "
        f"{_share(one.answered, one.plates)} | "
        f"{_share(one.answered_right, one.answered)} | "
        f"{one.characters_off:.3f} / {one.plates_off:.3f} |"
    )


def _share(hits: int, total: int) -> str:
    if not total:
        return "none"
    low, high = wilson(hits, total)
    return f"{hits / total:.1%} [{low:.1%}, {high:.1%}]"


if __name__ == "__main__":
    sys.exit(main())
