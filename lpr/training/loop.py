"""How a network is trained on rendered samples: steps, state, samples and a bar."""

import math
import multiprocessing
import sys
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable
from functools import partial
from itertools import count, islice
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from lpr.training.device import DEVICE

__all__ = ["begun", "drawn", "mixed", "picked", "trained"]

Source = TypeVar("Source")
Job = TypeVar("Job")
Made = TypeVar("Made")
Net = TypeVar("Net", bound=nn.Module)
PlanOf = TypeVar("PlanOf", bound="Batches")

_EMA: Final = 0.999
_AHEAD: Final = 4
_WARM_STEPS: Final = 300
_SAVED_EVERY: Final = 100


def begun(
    fresh: Callable[[], Net], before: Net | None, *, seed: int, threads: int
) -> Net:
    """The network that a training begins with.

    Args:
        fresh: makes one with weights of the seed, where there is none.
        before: the one of the stage before, or of a file.
        seed: of all chance that PyTorch draws from now on.
        threads: so many for PyTorch in this process.
    """
    torch.manual_seed(seed)
    torch.set_num_threads(threads)
    network = fresh() if before is None else before
    laid_out: Net = network.to(DEVICE, memory_format=torch.channels_last)
    return laid_out


def trained(
    network: Net,
    optimiser: torch.optim.Optimizer,
    *,
    steps: int,
    rate: float,
    checkpoint: Path,
    batches: Callable[[int], Generator[Made, None, None]],
    loss: Callable[[Made, int], Tensor],
    most_gradient: float = math.inf,
    log: Callable[[str], None],
) -> Net:
    """Train a network to the last step, from the checkpoint where there is one.

    Args:
        network: is trained in place.
        optimiser: of its parameters.
        steps: so many in all.
        rate: the full rate.
        checkpoint: where the state is kept.
        batches: gives the batches from a step on.
        loss: of a batch, by the step.
        most_gradient: the longest that a gradient may be.
        log: told of each saved step.

    Returns:
        The moving average of the network, ready to be judged and exported.
    """
    average = torch.optim.swa_utils.AveragedModel(
        network, avg_fn=_averaged, use_buffers=True
    )
    done = 0
    if checkpoint.exists():
        state = torch.load(checkpoint, map_location=DEVICE, weights_only=True)
        network.load_state_dict(state["network"])
        average.load_state_dict(state["average"])
        optimiser.load_state_dict(state["optimiser"])
        done = int(state["done"])
        log(f"goes on at step {done} of {steps}")
    supply = batches(done)
    bar = _Bar(steps, done)
    running = 0.0
    network.train()
    for step in range(done, steps):
        for group in optimiser.param_groups:
            group["lr"] = rate * _warm_cosine(step, steps)
        found = loss(next(supply), step)
        optimiser.zero_grad(set_to_none=True)
        found.backward()
        if most_gradient < math.inf:
            nn.utils.clip_grad_norm_(network.parameters(), most_gradient)
        optimiser.step()
        average.update_parameters(network)
        value = float(found.detach())
        running = value if not running else 0.98 * running + 0.02 * value
        bar.show(step + 1, running)
        if (step + 1) % _SAVED_EVERY == 0 or step + 1 == steps:
            _save(checkpoint, network, average, optimiser, step + 1)
            log(f"step {step + 1} of {steps}, loss {running:.3f}")
    supply.close()
    made: Net = average.module.to("cpu")
    made.eval()
    return made


def _save(
    checkpoint: Path,
    network: nn.Module,
    average: nn.Module,
    optimiser: torch.optim.Optimizer,
    done: int,
) -> None:
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    fresh = checkpoint.with_suffix(".new")
    torch.save(
        {
            "network": network.state_dict(),
            "average": average.state_dict(),
            "optimiser": optimiser.state_dict(),
            "done": done,
        },
        fresh,
    )
    fresh.replace(checkpoint)


def picked(
    rng: np.random.Generator, chunks: int, each: int, size: int
) -> list[tuple[int, int]]:
    """A batch as (chunk, place): half from the newest chunk, half from all.

    Args:
        rng: source of all chance.
        chunks: so many are kept, the newest last.
        each: samples in each.
        size: of the batch.
    """
    fresh = rng.random(size) < 0.5
    chunk = np.where(fresh, chunks - 1, rng.integers(chunks, size=size))
    place = rng.integers(each, size=size)
    return list(zip(chunk.tolist(), place.tolist(), strict=True))


class Batches(Protocol):
    """What a plan says of its batches; each sample is seen about ``reuse`` times."""

    @property
    def batch(self) -> int:
        """Samples in each."""
        ...

    @property
    def reuse(self) -> int:
        """How often a sample is seen."""
        ...

    @property
    def seed(self) -> int:
        """Of all chance."""
        ...

    @property
    def workers(self) -> int:
        """Processes that draw."""
        ...


def mixed(
    plan: PlanOf,
    source: Source,
    draw: Callable[[Source, tuple[PlanOf, int]], Made],
    *,
    done: int,
    keep: int,
    each: int,
) -> Generator[list[tuple[Made, int]], None, None]:
    """Batches as (chunk, place), half from the newest chunk and half from all kept.

    Args:
        plan: of the training; its batch ``n`` is chosen alike in every run.
        source: what all chunks are drawn from.
        draw: makes the chunk of a plan that has this number.
        done: so many batches were given before.
        keep: so many chunks are kept.
        each: samples in each.
    """
    per_chunk = max(1, plan.reuse * each // plan.batch)
    jobs = ((plan, index) for index in count(done // per_chunk))
    supply = drawn(source, draw, jobs, workers=plan.workers)
    kept: deque[Made] = deque(maxlen=keep)
    try:
        for step in count(done):
            if step % per_chunk == 0 or not kept:
                kept.append(next(supply))
            rng = np.random.default_rng((plan.seed, 7, step))
            pairs = picked(rng, len(kept), each, plan.batch)
            yield [(kept[chunk], place) for chunk, place in pairs]
    finally:
        supply.close()


def _warm_cosine(step: int, steps: int) -> float:
    """The share of the full rate at a step: a short warm-up, then half a cosine."""
    warm = min(1.0, (step + 1) / _WARM_STEPS)
    fallen = 0.5 * (1 + float(np.cos(np.pi * step / steps)))
    return warm * (0.01 + 0.99 * fallen)


def _averaged(average: Tensor, new: Tensor, count: Tensor) -> Tensor:
    """Exponential, but young averages follow quickly; counts of batches are copied."""
    if not average.is_floating_point():
        return new
    kept = min(_EMA, (1.0 + float(count)) / (10.0 + float(count)))
    return average + (1.0 - kept) * (new - average)


_SOURCE: list[Any] = []


def _remember(source: object) -> None:
    cv2.setNumThreads(1)
    _SOURCE.append(source)


def _made(draw: Callable[[Any, Job], Made], job: Job) -> Made:
    return draw(_SOURCE[0], job)


def drawn(
    source: Source,
    draw: Callable[[Source, Job], Made],
    jobs: Iterable[Job],
    *,
    workers: int,
) -> Generator[Made, None, None]:
    """What comes of the jobs, in order, drawn by other processes a few ahead.

    Args:
        source: what all of them are drawn from; each process has it from its birth.
        draw: makes what a job asks for.
        jobs: in the order in which they are wanted.
        workers: so many processes.
    """
    # a process that is forked while OpenCV has threads waits for them for ever
    cv2.setNumThreads(1)
    context = multiprocessing.get_context("fork")
    queue = iter(jobs)
    with context.Pool(workers, _remember, (source,)) as pool:
        work = partial(_made, draw)
        waiting: deque[Any] = deque(
            pool.apply_async(work, (job,)) for job in islice(queue, workers + _AHEAD)
        )
        while waiting:
            yield waiting.popleft().get()
            waiting.extend(pool.apply_async(work, (job,)) for job in islice(queue, 1))


class _Bar:
    """A line on a terminal that says how far it is and how long it will be."""

    def __init__(self, steps: int, done: int) -> None:
        """So many steps, of which so many are done already."""
        self._steps, self._began_at = steps, done
        self._began = time.monotonic()
        self._shown = 0.0

    def show(self, done: int, loss: float) -> None:
        """Draw the line anew, at most once a second; nothing where nobody looks."""
        now = time.monotonic()
        if not sys.stderr.isatty() or (now - self._shown < 1 and done < self._steps):
            return
        self._shown = now
        left = (now - self._began) / (done - self._began_at) * (self._steps - done)
        filled = round(30 * done / self._steps)
        line = f"[{'#' * filled}{'.' * (30 - filled)}] {done}/{self._steps}"
        end = "\n" if done == self._steps else ""
        sys.stderr.write(f"\r{line} loss {loss:.3f}, {left / 60:.0f} min left {end}")
        sys.stderr.flush()
