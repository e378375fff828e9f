"""Trains the plate detector on rendered scenes, resumable and with a progress bar.

The same seed and faces give the same scenes in the same order; the sums of another
processor differ in the last bits, so the weights agree within a tolerance alone.
"""

from collections import deque
from collections.abc import Callable, Generator
from functools import partial
from itertools import count
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import torch
from torch import Tensor

from lpr.training.device import DEVICE, HALF
from lpr.training.locator import Locator, loss_of, tensor_of, wanted
from lpr.training.loop import begun, drawn, picked, trained
from lpr.training.scenes import FaceMaker, Scene, draw_scene

__all__ = ["LocatorPlan", "train_locator"]

_SIZES: Final = ((512, 352), (448, 448), (640, 256))
_SHARES: Final = (0.7, 0.2, 0.1)
_CHUNK: Final = 24
_KEPT: Final = 7
"""So many chunks of each size are kept."""
_DRAWN_AGAIN: Final = 6


class LocatorPlan(msgspec.Struct, frozen=True, kw_only=True):
    """One training: everything that decides its outcome but the faces of plates.

    Each scene is seen about ``reuse`` times. What is ``averaged`` ends halfway between
    what it began with and what it came to.
    """

    steps: int = 5000
    batch: int = 8
    rate: float = 2.5e-3
    reuse: int = 3
    averaged: bool = False
    seed: int = 1
    workers: int = 1
    threads: int = 1


def train_locator(
    plan: LocatorPlan,
    face: FaceMaker,
    *,
    checkpoint: Path,
    begin_with: Locator | None = None,
    log: Callable[[str], None],
) -> Locator:
    """Train to the end of the plan, from the checkpoint where there is one.

    Returns:
        The moving average of the network, ready to be judged and exported.
    """
    network = begun(Locator, begin_with, seed=plan.seed, threads=plan.threads)
    optimiser = torch.optim.AdamW(network.parameters(), lr=plan.rate, weight_decay=1e-2)
    made: Locator = trained(
        network,
        optimiser,
        steps=plan.steps,
        rate=plan.rate,
        checkpoint=checkpoint,
        batches=partial(_batches, plan, face),
        loss=partial(_loss, network),
        most_gradient=10.0,
        log=log,
    )
    return made


def _loss(network: Locator, scenes: list[Scene], _step: int) -> Tensor:
    with torch.autocast(DEVICE.type, torch.bfloat16, enabled=HALF):
        answers = network(tensor_of([scene.picture for scene in scenes]).to(DEVICE))
    target = {name: one.to(DEVICE) for name, one in wanted(scenes).items()}
    return loss_of(answers, target)[0]


def _size_of(seed: int, index: int) -> int:
    """Which size the scenes of a chunk have."""
    rng = np.random.default_rng((seed, 5, index))
    return int(rng.choice(len(_SIZES), p=_SHARES))


def _chunk(face: FaceMaker, job: tuple[int, int]) -> list[Scene]:
    seed, index = job
    rng = np.random.default_rng((seed, index))
    width, height = _SIZES[_size_of(seed, index)]
    return [draw_scene(rng, face, width=width, height=height) for _ in range(_CHUNK)]


def _batches(
    plan: LocatorPlan, face: FaceMaker, done: int
) -> Generator[list[Scene], None, None]:
    """Batches of one size, half from its newest chunk and half from all that are kept.

    Batch ``n`` is the same in every run that was not stopped; one that goes on draws
    only the newest chunks again.
    """
    per_chunk = max(1, plan.reuse * _CHUNK // plan.batch)
    newest = done // per_chunk
    first = max(0, newest - _DRAWN_AGAIN)
    jobs = ((plan.seed, index) for index in count(first))
    supply = drawn(face, _chunk, jobs, workers=plan.workers)
    shelves = [deque[list[Scene]](maxlen=_KEPT) for _ in _SIZES]
    taken = first
    try:
        for step in count(done):
            while taken <= step // per_chunk:
                shelves[_size_of(plan.seed, taken)].append(next(supply))
                taken += 1
            rng = np.random.default_rng((plan.seed, 7, step))
            share = np.array(_SHARES) * [bool(shelf) for shelf in shelves]
            shelf = shelves[int(rng.choice(len(shelves), p=share / share.sum()))]
            pairs = picked(rng, len(shelf), _CHUNK, plan.batch)
            yield [shelf[chunk][place] for chunk, place in pairs]
    finally:
        supply.close()
