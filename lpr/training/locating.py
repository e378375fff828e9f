"""Trains the network that finds plates: scenes in, one ONNX file out.

``python -m lpr.training detector --glyphs DIR --fonts DIR --out FILE`` learns from
rendered scenes only, keeps its state beside the file and goes on from there when it is
started again; in the end it measures and writes the model card. Needs PyTorch and ONNX.
"""

import argparse
import hashlib
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from lpr.detector import NetworkDetector
from lpr.training.locator import Locator, loss_of, tensor_of, wanted
from lpr.training.locator_judge import card_of, judge_detector
from lpr.training.plates import render_plate
from lpr.training.precision import HALF
from lpr.training.scenes import Face, FaceMaker, Scene, draw_scene
from lpr.training.shapes import gather_shapes

__all__ = ["Recipe", "main", "make_faces"]

_SIZES: Final = ((512, 352), (448, 448), (640, 256))
_FRESH: Final = 3
"""So many scenes of a batch are new, the others from a shelf of the last ones."""
_SHELF: Final = 160
_BATCH: Final = 8
_PEAK_RATE: Final = 2.5e-3
_SAVE_EVERY: Final = 100
_TELL_EVERY: Final = 20


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


class Recipe:
    """The state of one training: network, average of it, optimiser, step."""

    def __init__(self, *, steps: int, seed: int) -> None:
        torch.manual_seed(seed)
        self.steps = steps
        self.step = 0
        self.seed = seed
        self.network = Locator().to(memory_format=torch.channels_last)
        self.average = torch.optim.swa_utils.AveragedModel(
            self.network,
            multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.998),
            use_buffers=True,
        )
        self.optimiser = torch.optim.AdamW(
            self.network.parameters(), lr=_PEAK_RATE, weight_decay=1e-2
        )

    def save(self, path: Path) -> None:
        """Write the state whole or not at all."""
        fresh = path.with_suffix(".new")
        torch.save(
            {
                "step": self.step,
                "network": self.network.state_dict(),
                "average": self.average.state_dict(),
                "optimiser": self.optimiser.state_dict(),
            },
            fresh,
        )
        fresh.replace(path)

    def load(self, path: Path) -> None:
        """Go on where a state ended."""
        state: dict[str, Any] = torch.load(path, weights_only=True)
        self.step = int(state["step"])
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])

    def learn(self, scenes: list[Scene]) -> dict[str, float]:
        """One step on scenes of one size."""
        warm = min(1.0, (self.step + 1) / 200)
        share = min(1.0, self.step / self.steps)
        rate = _PEAK_RATE * warm * (0.02 + 0.98 * 0.5 * (1 + np.cos(np.pi * share)))
        for group in self.optimiser.param_groups:
            group["lr"] = float(rate)
        self.network.train()
        with torch.autocast("cpu", torch.bfloat16, enabled=HALF):
            answers = self.network(tensor_of([scene.picture for scene in scenes]))
        loss, figures = loss_of(answers, wanted(scenes))
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 10.0)
        self.optimiser.step()
        self.average.update_parameters(self.network)
        self.step += 1
        return figures

    def export(self, path: Path) -> None:
        """Write the average as ONNX, any height and width in steps of 32."""
        network = self.average.module.eval().to(memory_format=torch.contiguous_format)
        export_network(network, path)


def export_network(network: torch.nn.Module, path: Path) -> None:
    """Write a locator as ONNX."""
    torch.onnx.export(
        network,
        (torch.zeros(1, 3, 256, 384),),
        str(path),
        dynamo=False,
        opset_version=17,
        input_names=["picture"],
        output_names=["answer"],
        dynamic_axes={
            "picture": {2: "height", 3: "width"},
            "answer": {2: "rows", 3: "columns"},
        },
    )


def _batches(seed: int, face: FaceMaker, start: int) -> Callable[[int], list[Scene]]:
    """Batches by step number; each scene is learnt from some times, steps apart."""
    shelves: dict[int, list[Scene]] = {index: [] for index in range(len(_SIZES))}

    def batch(step: int) -> list[Scene]:
        rng = np.random.default_rng([seed, step, start])
        size = int(rng.choice(len(_SIZES), p=[0.7, 0.2, 0.1]))
        width, height = _SIZES[size]
        shelf = shelves[size]
        old = _BATCH - _FRESH if len(shelf) >= _SHELF // 2 else 0
        chosen = [shelf[int(place)] for place in rng.permutation(len(shelf))[:old]]
        fresh = [
            draw_scene(rng, face, width=width, height=height)
            for _ in range(_BATCH - old)
        ]
        shelf.extend(fresh)
        del shelf[:-_SHELF]
        return [*chosen, *fresh]

    return batch


def main(arguments: list[str] | None = None) -> int:
    """Run the training; 0 when the network and its card are written."""
    options = _parser().parse_args(arguments)
    torch.set_num_threads(options.threads)
    rng = np.random.default_rng(options.seed)
    try:
        face = make_faces(
            rng, options.glyphs, tuple(options.fonts), count=options.plates
        )
    except (ValueError, OSError) as error:
        sys.stderr.write(f"lpr.training detector: {error}\n")
        return 2
    recipe = Recipe(steps=options.steps, seed=options.seed)
    state = options.out.with_suffix(".state")
    if state.exists():
        recipe.load(state)
    _learn(recipe, _batches(options.seed, face, recipe.step), state, options.out)
    weights = options.out.read_bytes()
    figures = judge_detector(NetworkDetector.load(weights), face, count=options.count)
    described = (
        f"{recipe.steps} steps of {_BATCH} rendered scenes, {_FRESH} of them new, "
        f"seed {options.seed}, with {options.plates} rendered plates; glyphs "
        f"{options.glyphs.name}. No photograph took part."
    )
    card = card_of(
        figures,
        described=described,
        weights=len(weights),
        digest=hashlib.sha256(weights).hexdigest(),
    )
    options.out.with_suffix(".md").write_text(card, "utf-8")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m lpr.training detector", description=__doc__
    )
    parser.add_argument("--glyphs", type=Path, required=True)
    parser.add_argument("--fonts", type=Path, nargs="+", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--plates", type=int, default=3000)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--count", type=int, default=400, help="scenes to measure on")
    return parser


def _learn(
    recipe: Recipe,
    batch: Callable[[int], list[Scene]],
    state: Path,
    out: Path,
) -> None:
    """All steps that are left, with the state saved along the way."""
    begun, first = time.monotonic(), recipe.step
    figures: dict[str, float] = {}
    while recipe.step < recipe.steps:
        seen = recipe.learn(batch(recipe.step))
        figures = {k: 0.98 * figures.get(k, v) + 0.02 * v for k, v in seen.items()}
        if recipe.step % _TELL_EVERY == 0:
            each = (time.monotonic() - begun) / (recipe.step - first)
            _tell(recipe, figures, each)
        if recipe.step % _SAVE_EVERY == 0:
            recipe.save(state)
            recipe.export(out)
    recipe.save(state)
    recipe.export(out)


def _tell(recipe: Recipe, figures: dict[str, float], each_s: float) -> None:
    """A line of figures, over the one before where a person is watching."""
    left = each_s * (recipe.steps - recipe.step) / 60
    shown = " ".join(f"{key} {value:.3f}" for key, value in figures.items())
    done = 30 * recipe.step // recipe.steps
    terminal = sys.stderr.isatty()
    bar = f"[{'#' * done}{'.' * (30 - done)}] " if terminal else ""
    sys.stderr.write("\r\033[K" if terminal else "")
    sys.stderr.write(f"{bar}{recipe.step}/{recipe.steps} {shown}, {left:.0f} min left")
    sys.stderr.write("" if terminal else "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
