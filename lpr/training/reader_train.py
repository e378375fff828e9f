"""Trains the sequence reader on rendered plates, resumable and with a progress bar.

The same seed, glyphs and fonts give the same samples in the same order; the sums of
another processor differ in the last bits, so the weights agree within a tolerance and
not bit by bit.
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
from torch import Tensor, nn

from lpr.alphabet import BLANK
from lpr.strips import normalised
from lpr.training.device import DEVICE, HALF, onto
from lpr.training.fine_network import FineNetwork
from lpr.training.loop import begun, drawn, picked, trained
from lpr.training.reader_network import COLUMN_PX, ReaderNetwork, StripNetwork
from lpr.training.reader_samples import NO_GROUND, Recipe, Samples, draw_samples
from lpr.training.shapes import Shapes

__all__ = ["Plan", "train_reader"]

_CHUNK: Final = 1024
_KEPT_CHUNKS: Final = 48
_DRAWN_AGAIN: Final = 8


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """One training: everything that decides its outcome but the shapes.

    ``fine`` tells that it is of the fine reader. Each sample is seen about ``reuse``
    times. The columns of the characters are taught outright for the first ``guided``
    share of the steps: without that the reader answers "blank" for long.
    """

    fine: bool = False
    steps: int = 3800
    batch: int = 128
    rate: float = 2e-3
    guided: float = 0.33
    reuse: int = 2
    seed: int = 1
    recipe: Recipe = Recipe()
    workers: int = 1
    threads: int = 1


def train_reader(
    plan: Plan,
    shapes: Shapes,
    *,
    checkpoint: Path,
    begin_with: StripNetwork | None = None,
    log: Callable[[str], None],
) -> StripNetwork:
    """Train to the end of the plan, from the checkpoint where there is one.

    Returns:
        The moving average of the network, ready to be judged and exported.
    """
    fresh: Callable[[], StripNetwork] = FineNetwork if plan.fine else ReaderNetwork
    network = begun(fresh, begin_with, seed=plan.seed, threads=plan.threads)
    groups = [
        {"params": [p for p in network.parameters() if p.ndim > 1]},
        {
            "params": [p for p in network.parameters() if p.ndim < 2],
            "weight_decay": 0.0,
        },
    ]
    optimiser = torch.optim.AdamW(groups, lr=plan.rate, weight_decay=0.02)
    made: StripNetwork = trained(
        network,
        optimiser,
        steps=plan.steps,
        rate=plan.rate,
        checkpoint=checkpoint,
        batches=partial(_batches, plan, shapes),
        loss=partial(_loss, plan, network),
        most_gradient=5.0,
        log=log,
    )
    return made


# --------------------------------------------------------------------------- samples


def _batches(plan: Plan, shapes: Shapes, done: int) -> Generator[Samples, None, None]:
    """Batches drawn from the newest chunks.

    Batch ``n`` is the same in every run that was not stopped; one that goes on draws
    only the newest chunks again.
    """
    per_chunk = max(1, plan.reuse * _CHUNK // plan.batch)
    newest = done // per_chunk
    first = max(0, newest - _DRAWN_AGAIN)
    kept: deque[Samples] = deque(maxlen=_KEPT_CHUNKS)
    jobs = ((plan, index) for index in count(first))
    supply = drawn(shapes, _chunk, jobs, workers=plan.workers)
    try:
        for _ in range(first, newest):
            kept.append(next(supply))
        step = done
        while True:
            if step % per_chunk == 0 or not kept or step == done:
                kept.append(next(supply))
            rng = np.random.default_rng((plan.seed, 7, step))
            yield _mixed(rng, kept, plan.batch)
            step += 1
    finally:
        supply.close()


def _mixed(rng: np.random.Generator, kept: deque[Samples], size: int) -> Samples:
    """Half of a batch from the newest chunk, half from all that are kept."""
    pairs = picked(rng, len(kept), _CHUNK, size)
    parts = {
        name: np.stack([getattr(kept[c], name)[p] for c, p in pairs])
        for name in Samples.__struct_fields__
    }
    return Samples(**parts)


def _chunk(shapes: Shapes, job: tuple[Plan, int]) -> Samples:
    plan, index = job
    return draw_samples(
        shapes, _CHUNK, seed=(plan.seed, index), recipe=plan.recipe, fine=plan.fine
    )


# ------------------------------------------------------------------------------ loss


def _loss(plan: Plan, network: nn.Module, batch: Samples, step: int) -> Tensor:
    strips = onto(normalised(batch.strips))
    strips = strips.contiguous(memory_format=torch.channels_last)
    with torch.autocast(DEVICE.type, torch.bfloat16, enabled=HALF):
        columns, ground, state = network(strips)
    chances = columns.float().log_softmax(dim=2)
    spelt = onto(batch.spelt)
    answers = onto(batch.answers)
    loss = chances.new_zeros(())
    if bool(spelt.any()):
        picked = answers[spelt]
        loss = nn.functional.ctc_loss(
            chances[spelt].transpose(0, 1),
            picked.clamp(min=0),
            torch.full((len(picked),), chances.shape[1]),
            (picked >= 0).sum(dim=1),
            blank=BLANK,
            zero_infinity=True,
            reduction="sum",
        ) / (7.0 * len(picked))
    taught = plan.guided * plan.steps
    if step < taught:
        guidance = 1.0 - step / taught
        loss = loss + guidance * _guided(chances, batch)
    grounds = onto(batch.grounds)
    loss = loss + 0.1 * nn.functional.cross_entropy(
        ground.float(), grounds, ignore_index=NO_GROUND
    )
    states = onto(batch.states)
    return loss + 0.2 * nn.functional.cross_entropy(state.float(), states)


def _guided(chances: Tensor, batch: Samples) -> Tensor:
    """Each character asked for in the column of its middle, nothing far from all."""
    count = chances.shape[1]
    middles = np.nan_to_num(batch.columns, nan=-99.0) / COLUMN_PX - 0.5
    places = np.arange(count, dtype=np.float32)
    away = np.abs(places[None, :, None] - middles[:, None, :])
    nearest = away.argmin(axis=2)
    distance = away.min(axis=2)
    wanted = np.take_along_axis(batch.answers, nearest, axis=1)
    wanted = np.where(distance <= 0.6, wanted, -1)
    wanted = np.where(distance >= 1.5, BLANK, wanted)
    wanted[~batch.spelt] = -1
    weight = torch.ones(BLANK + 1, device=chances.device)
    weight[BLANK] = 0.3
    return nn.functional.cross_entropy(
        chances.transpose(1, 2),
        onto(wanted.astype(np.int64)),
        weight=weight,
        ignore_index=-1,
    )
