"""Trains the network that finds plates: scenes in, one ONNX file out.

``python -m lpr.training detector --glyphs DIR --fonts DIR --out FILE`` learns from
rendered scenes only, stage by stage, keeps its state beside the file and goes on from
there when it is started again; in the end it measures and writes the model card. Needs
PyTorch and ONNX.
"""

import argparse
import hashlib
import sys
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from lpr.detector import NetworkDetector
from lpr.errors import WeightsError
from lpr.training.export import exported_locator, mean_of
from lpr.training.locator import Locator, tensor_of
from lpr.training.locator_judge import card_of, judge_detector
from lpr.training.locator_train import LocatorPlan, train_locator
from lpr.training.plates import render_plate
from lpr.training.scenes import Face, FaceMaker, draw_scene
from lpr.training.shapes import described, gather_shapes
from lpr.training.stages import Log, all_stages
from lpr.training.unfolding import unfolded

__all__ = ["main", "make_faces"]

_FITTED: Final = 24
"""Scenes over which a file's normalisations are fitted."""


def make_faces(
    rng: np.random.Generator, glyphs: Path, fonts: tuple[Path, ...], *, count: int
) -> FaceMaker:
    """A supply of plates: ``count`` different ones, drawn beforehand."""
    shapes = gather_shapes(glyphs, fonts)
    faces = []
    for _ in range(count):
        plate = render_plate(rng, shapes, px_per_mm=0.7)
        kind = f"{plate.colour}, {plate.lines} line{'s' if plate.lines > 1 else ''}"
        double = plate.lines == 2
        faces.append(
            Face(picture=plate.image, double=double, text=plate.text, kind=kind)
        )

    def face(chance: np.random.Generator) -> Face:
        return faces[int(chance.integers(len(faces)))]

    return face


def main(arguments: list[str] | None = None) -> int:
    """Run the training; 0 when the network and its card are written."""
    options = _parser().parse_args(arguments)
    rng = np.random.default_rng(options.seed)
    plans = _plans(options)
    if not plans:
        sys.stderr.write("lpr.training detector: every stage has 0 steps\n")
        return 2
    try:
        face = make_faces(
            rng, options.glyphs, tuple(options.fonts), count=options.plates
        )
        begin_with, data = None, b""
        if options.begin_with is not None:
            data = options.begin_with.read_bytes()
            begin_with = _begun(data, face, seed=options.seed)
    except (ValueError, OSError, WeightsError) as error:
        sys.stderr.write(f"lpr.training detector: {error}\n")
        return 2
    if options.averaged and begin_with is None:
        sys.stderr.write("lpr.training detector: --averaged needs --begin-with\n")
        return 2
    say = Log()
    earlier: list[bytes] = []

    def teach(plan: LocatorPlan, state: Path, before: Locator | None) -> Locator:
        network = begin_with if before is None else before
        if plan.averaged and network is not None:
            earlier.append(data if before is None else exported_locator(before))
        return train_locator(plan, face, checkpoint=state, begin_with=network, log=say)

    network = all_stages(plans, teach, out=options.out, log=say)
    weights = exported_locator(network)
    for before in earlier:
        weights = mean_of(before, weights)
    options.out.write_bytes(weights)
    say(f"wrote {options.out} ({len(weights)} bytes); measuring")
    figures = judge_detector(NetworkDetector.load(weights), face, count=options.count)
    card = card_of(
        figures,
        described=_described(options, tuple(plans.values())),
        weights=len(weights),
        digest=hashlib.sha256(weights).hexdigest(),
    )
    options.out.with_suffix(".md").write_text(card, "utf-8")
    return 0


def _plans(options: argparse.Namespace) -> dict[str, LocatorPlan]:
    """The stages by name: fresh scenes at falling rates; one stage, from a file."""
    first = LocatorPlan(
        steps=options.steps,
        rate=options.rate,
        seed=options.seed,
        workers=options.workers,
        threads=options.threads,
        reuse=options.reuse,
    )
    replace = msgspec.structs.replace
    if options.begin_with is not None:
        on = replace(first, averaged=options.averaged)
        return {"on": on} if on.steps else {}
    stages = {
        "first": first,
        "second": replace(
            first,
            steps=options.second_steps,
            rate=0.4 * first.rate,
            seed=first.seed + 6,
        ),
        "third": replace(
            first,
            steps=options.third_steps,
            rate=0.28 * first.rate,
            seed=first.seed + 7,
        ),
        "long": replace(
            first,
            steps=options.long_steps,
            rate=0.8 * first.rate,
            seed=first.seed + 20,
            reuse=2,
        ),
        "last": replace(
            first,
            steps=options.last_steps,
            rate=0.64 * first.rate,
            seed=first.seed + 30,
            reuse=2,
            averaged=True,
        ),
    }
    return {name: plan for name, plan in stages.items() if plan.steps}


def _begun(weights: bytes, face: FaceMaker, *, seed: int) -> Locator:
    """The network of a file, its normalisations fitted to some scenes."""
    rng = np.random.default_rng((seed, 3))
    scenes = [draw_scene(rng, face, width=512, height=352) for _ in range(_FITTED)]
    return unfolded(weights, tensor_of([scene.picture for scene in scenes]))


def _described(options: argparse.Namespace, plans: tuple[LocatorPlan, ...]) -> str:
    begun = ""
    if options.begin_with is not None:
        digest = hashlib.sha256(options.begin_with.read_bytes()).hexdigest()
        begun = f", begun with the weights `{digest[:8]}`"
    stages = "; ".join(
        f"{plan.steps} steps of {plan.batch} rendered scenes at {plan.rate:g}, seed "
        f"{plan.seed}, each seen about {plan.reuse} times"
        + (", the mean of what it began with and came to" if plan.averaged else "")
        for plan in plans
    )
    return (
        f"{stages}{begun}, with {options.plates} rendered plates; "
        f"glyphs {described(options.glyphs)}. No photograph took part."
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m lpr.training detector", description=__doc__
    )
    parser.add_argument("--glyphs", type=Path, required=True)
    parser.add_argument("--fonts", type=Path, nargs="+", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--begin-with", type=Path, metavar="ONNX")
    parser.add_argument(
        "--averaged",
        action="store_true",
        help="end halfway between the weights begun with and what they become",
    )
    parser.add_argument("--steps", type=int, default=LocatorPlan().steps)
    parser.add_argument("--second-steps", type=int, default=4000)
    parser.add_argument("--third-steps", type=int, default=2600)
    parser.add_argument("--long-steps", type=int, default=12_500)
    parser.add_argument("--last-steps", type=int, default=7500)
    parser.add_argument("--rate", type=float, default=LocatorPlan().rate)
    parser.add_argument("--reuse", type=int, default=LocatorPlan().reuse)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--plates", type=int, default=3000)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--count", type=int, default=400, help="scenes to measure on")
    return parser


if __name__ == "__main__":
    sys.exit(main())
