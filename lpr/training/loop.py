"""What every training on rendered samples needs: rate, average, samples and a bar."""

import multiprocessing
import sys
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable
from functools import partial
from itertools import islice
from typing import Any, Final, TypeVar

import cv2
import numpy as np
from torch import Tensor

from lpr.training.shapes import Shapes

__all__ = ["Bar", "averaged", "drawn", "warm_cosine"]

Job = TypeVar("Job")
Made = TypeVar("Made")

_EMA: Final = 0.999
_AHEAD: Final = 4
_WARM_STEPS: Final = 300


def warm_cosine(step: int, steps: int) -> float:
    """The share of the full rate at a step: a short warm-up, then half a cosine."""
    warm = min(1.0, (step + 1) / _WARM_STEPS)
    fallen = 0.5 * (1 + float(np.cos(np.pi * step / steps)))
    return warm * (0.01 + 0.99 * fallen)


def averaged(average: Tensor, new: Tensor, count: Tensor) -> Tensor:
    """Exponential, but young averages follow quickly; counts of batches are copied."""
    if not average.is_floating_point():
        return new
    kept = min(_EMA, (1.0 + float(count)) / (10.0 + float(count)))
    return average + (1.0 - kept) * (new - average)


_SHAPES: list[Shapes] = []


def _remember(shapes: Shapes) -> None:
    cv2.setNumThreads(1)
    _SHAPES.append(shapes)


def _made(draw: Callable[[Shapes, Job], Made], job: Job) -> Made:
    return draw(_SHAPES[0], job)


def drawn(
    shapes: Shapes,
    draw: Callable[[Shapes, Job], Made],
    jobs: Iterable[Job],
    *,
    workers: int,
) -> Generator[Made, None, None]:
    """What comes of the jobs, in order, drawn by other processes a few ahead."""
    context = multiprocessing.get_context("fork")
    queue = iter(jobs)
    with context.Pool(workers, _remember, (shapes,)) as pool:
        work = partial(_made, draw)
        waiting: deque[Any] = deque(
            pool.apply_async(work, (job,)) for job in islice(queue, workers + _AHEAD)
        )
        while waiting:
            yield waiting.popleft().get()
            waiting.extend(pool.apply_async(work, (job,)) for job in islice(queue, 1))


class Bar:
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
