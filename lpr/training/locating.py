"""Trains the network that finds plates: scenes in, one ONNX file out.

``python -m lpr.training.locating --glyphs DIR --fonts DIR --out FILE`` learns from
rendered scenes only, keeps its state beside the file and goes on from there when it is
started again. Needs PyTorch and ONNX.
"""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from lpr.training.locator import Locator, loss_of, tensor_of, wanted
from lpr.training.plates import render_plate
from lpr.training.scenes import Face, FaceMaker, Scene, draw_scene
from lpr.training.shapes import gather_shapes

__all__ = ["Recipe", "main", "make_faces"]

_SIZES: Final = ((512, 352), (448, 448), (640, 256))
_PICTURES_PER_SCENE: Final = 2
_BATCH: Final = 8
_PEAK_RATE: Final = 2.5e-3
_SAVE_EVERY: Final = 250


def make_faces(
    rng: np.random.Generator, glyphs: Path, fonts: tuple[Path, ...], *, count: int
) -> FaceMaker:
    """A supply of plates: ``count`` different ones, drawn beforehand."""
    shapes = gather_shapes(glyphs, fonts)
    faces = []
    for _ in range(count):
        plate = render_plate(rng, shapes, px_per_mm=0.7)
        faces.append(Face(picture=plate.image, double=plate.lines == 2))

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
        with torch.autocast("cpu", torch.bfloat16):
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
    """Batches by step number; each scene is learnt from twice, some steps apart."""
    shelves: dict[int, list[Scene]] = {index: [] for index in range(len(_SIZES))}

    def batch(step: int) -> list[Scene]:
        rng = np.random.default_rng([seed, step, start])
        size = int(rng.choice(len(_SIZES), p=[0.7, 0.2, 0.1]))
        width, height = _SIZES[size]
        shelf = shelves[size]
        old = min(len(shelf), _BATCH - _BATCH // _PICTURES_PER_SCENE)
        chosen = [shelf.pop(int(rng.integers(len(shelf)))) for _ in range(old)]
        if len(shelf) < 64:
            chosen, back = [], chosen
            shelf.extend(back)
        fresh = [
            draw_scene(rng, face, width=width, height=height)
            for _ in range(_BATCH - len(chosen))
        ]
        shelf.extend(fresh)
        del shelf[:-160]
        return [*chosen, *fresh]

    return batch


def main(arguments: list[str] | None = None) -> int:
    """Run the training; 0 when the network is written."""
    parser = argparse.ArgumentParser(prog="python -m lpr.training.locating")
    parser.add_argument("--glyphs", type=Path, required=True)
    parser.add_argument("--fonts", type=Path, nargs="+", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=9000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--plates", type=int, default=3000)
    options = parser.parse_args(arguments)

    torch.set_num_threads(1)
    rng = np.random.default_rng(options.seed)
    face = make_faces(rng, options.glyphs, tuple(options.fonts), count=options.plates)
    recipe = Recipe(steps=options.steps, seed=options.seed)
    state = options.out.with_suffix(".state")
    if state.exists():
        recipe.load(state)
    batch = _batches(options.seed, face, recipe.step)
    begun, first = time.monotonic(), recipe.step
    figures: dict[str, float] = {}
    while recipe.step < options.steps:
        seen = recipe.learn(batch(recipe.step))
        figures = {k: 0.98 * figures.get(k, v) + 0.02 * v for k, v in seen.items()}
        if recipe.step % 50 == 0:
            each = (time.monotonic() - begun) / (recipe.step - first)
            left = each * (options.steps - recipe.step) / 60
            shown = " ".join(f"{key} {value:.3f}" for key, value in figures.items())
            sys.stderr.write(f"step {recipe.step}/{options.steps} {shown}")
            sys.stderr.write(f" {each * 1e3:.0f} ms a step, {left:.0f} min left\n")
        if recipe.step % _SAVE_EVERY == 0:
            recipe.save(state)
            recipe.export(options.out)
    recipe.save(state)
    recipe.export(options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
