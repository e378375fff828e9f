"""Trains a shipped reader on with a station's own confirmed readings.

A part of the plates is held back, with all of their pictures, and only measured on;
half of what is learnt from stays rendered, so that the reader does not forget plates
that the station has not seen yet. What is compared is what reads: each reader with
those that ship and look again. Needs PyTorch and ONNX.
"""

import hashlib
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

import cv2
import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from lpr.alphabet import BLANK, GROUNDS, SYMBOLS
from lpr.fine_reader import packaged_fine_weights
from lpr.image import Corners, Image
from lpr.judging import PlateLimits
from lpr.second_look import packaged_second_weights
from lpr.sequence import SequenceReader, packaged_reader_weights
from lpr.strips import HEIGHT, WIDTH, Lines, normalised, strip_of
from lpr.training.export import exported, network_of
from lpr.training.reader_judge import HELD_OUT, is_answer, judge
from lpr.training.reader_samples import LONGEST, NO_GROUND, Recipe, draw_samples
from lpr.training.shapes import Shapes

__all__ = [
    "LEAST_PLATES",
    "Confirmed",
    "Measured",
    "Outcome",
    "Tally",
    "finetune",
    "is_held_back",
]

Floats: TypeAlias = NDArray[np.float32]

LEAST_PLATES: Final = 40
_BATCH: Final = 128
_RATE: Final = 2e-4
_WARM: Final = 60
_HELD_BACK: Final = 0.3
_RECIPE: Final = Recipe(nothing=0.0, covered=0.05, straight=0.7)
"""Rendered plates are shown as the reader last learnt them: mostly laid straight."""
_RENDERED_SET: Final = "all damage, from 80 px"
_RENDERED: Final = 600
_SURE: Final = PlateLimits().character_confidence


class Confirmed(msgspec.Struct, frozen=True, kw_only=True):
    """A plate whose text a person has confirmed, and where it is in its picture."""

    name: str
    image: Image
    corners: Corners
    lines: Lines
    text: str
    colour: str


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """How many plates were read exactly, and how many given out and given out right."""

    plates: int
    exact: int
    accepted: int
    accepted_right: int

    @property
    def accepted_wrong(self) -> int:
        """Plates given out as another."""
        return self.accepted - self.accepted_right


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What a reader, as it is used, makes of the part held back and a rendered set."""

    held_back: Tally
    rendered: Tally

    @property
    def accepted_wrong(self) -> int:
        """Plates of both given out as another."""
        return self.held_back.accepted_wrong + self.rendered.accepted_wrong

    def is_better_than(self, other: "Measured") -> bool:
        """Whether it gains at the station, and is no worse where it matters.

        It may lose one in a hundred of the rendered plates and give out no more wrong
        ones than the other.
        """
        lost = other.rendered.exact - self.rendered.exact
        return (
            self.held_back.exact > other.held_back.exact
            and lost <= 0.01 * self.rendered.plates
            and self.accepted_wrong <= other.accepted_wrong
        )


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """The reader that ships, the one that was trained on, and what came of it."""

    learnt_from: int
    shipped: Measured
    before: Measured
    after: Measured

    @property
    def is_better(self) -> bool:
        """Whether it is better than what it came from and than what ships."""
        return all(map(self.after.is_better_than, (self.before, self.shipped)))


def is_held_back(text: str) -> bool:
    """Whether a plate is measured on; the same in every run, whatever comes with it.

    All pictures of a plate are on one side: a vehicle that was learnt from proves
    nothing.

    >>> sum(is_held_back(f"豫A{n}") for n in range(10000, 11000)) // 10
    30
    """
    digest = hashlib.sha256(text.encode()).digest()
    return int.from_bytes(digest[:4], "big") < _HELD_BACK * 2**32


def finetune(
    weights: bytes | None,
    confirmed: Sequence[Confirmed],
    shapes: Shapes,
    *,
    steps: int,
    seed: int,
    progress: Callable[[int, int], None],
) -> tuple[bytes, Outcome]:
    """New weights, and what they are worth.

    Args:
        weights: of the reader to begin with; nothing for the one that ships.
        confirmed: plates to learn from and to measure on.
        shapes: to render other plates with.
        steps: of the training.
        seed: of its chance.
        progress: is told how many steps of how many are done.

    Raises:
        ValueError: fewer than ``LEAST_PLATES`` different plates, or a text that the
            reader has no symbols for.
        WeightsError: the bytes are no weights of this reader.
    """
    strange = next(
        (one for one in confirmed if not set(one.text) <= set(SYMBOLS)), None
    )
    if strange is not None:
        message = f"{strange.name}: {strange.text!r} holds a character of no plate"
        raise ValueError(message)
    plates = len({one.text for one in confirmed})
    if plates < LEAST_PLATES:
        message = f"{plates} different plates are too few, {LEAST_PLATES} are needed"
        raise ValueError(message)
    held_back = [one for one in confirmed if is_held_back(one.text)]
    learnt = [one for one in confirmed if not is_held_back(one.text)]
    torch.manual_seed(seed)
    network = network_of(weights or packaged_reader_weights())
    network.train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=_RATE, weight_decay=0.01)
    rng = np.random.default_rng(seed)
    for step in range(steps):
        warm = min(1.0, (step + 1) / _WARM)  # the first steps know no scale yet
        for group in optimiser.param_groups:
            group["lr"] = _RATE * warm * 0.5 * (1 + float(np.cos(np.pi * step / steps)))
        loss = _loss(network, *_batch(rng, learnt, shapes, (seed, 99, step)))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 2.0)
        optimiser.step()
        progress(step + 1, steps)
    made = exported(network)
    shipped = _measured(SequenceReader.standard(), held_back, shapes)
    before = (
        shipped if weights is None else _measured(_as_used(weights), held_back, shapes)
    )
    return made, Outcome(
        learnt_from=len(learnt),
        shipped=shipped,
        before=before,
        after=_measured(_as_used(made), held_back, shapes),
    )


def _as_used(weights: bytes) -> SequenceReader:
    """A reader with those that ship and look again, as stations use it."""
    return SequenceReader.load(
        weights, fine=packaged_fine_weights(), second=packaged_second_weights()
    )


def _measured(
    reader: SequenceReader, held_back: Sequence[Confirmed], shapes: Shapes
) -> Measured:
    found = [reader.read(one.image, one.corners, lines=one.lines) for one in held_back]
    pairs = list(zip(held_back, found, strict=True))
    accepted = [(one, read) for one, read in pairs if is_answer(read, confidence=_SURE)]
    seed, recipe = HELD_OUT[_RENDERED_SET]
    drawn = judge(
        reader, shapes, seed=seed, recipe=recipe, count=_RENDERED, confidence=_SURE
    )
    return Measured(
        held_back=Tally(
            plates=len(pairs),
            exact=sum(one.text == read.text for one, read in pairs),
            accepted=len(accepted),
            accepted_right=sum(one.text == read.text for one, read in accepted),
        ),
        rendered=Tally(
            plates=drawn.plates,
            exact=drawn.exact,
            accepted=drawn.answered,
            accepted_right=drawn.answered_right,
        ),
    )


def _batch(
    rng: np.random.Generator,
    learnt: Sequence[Confirmed],
    shapes: Shapes,
    seed: tuple[int, ...],
) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
    """Half confirmed plates, cut a little differently each time, half rendered ones."""
    half = _BATCH // 2
    drawn = draw_samples(shapes, half, seed=seed, recipe=_RECIPE)
    strips = np.empty((half, HEIGHT, WIDTH, 3), np.uint8)
    answers = np.full((half, LONGEST), -1, np.int64)
    grounds = np.full(half, NO_GROUND, np.int64)
    for index in range(half):
        one = learnt[int(rng.integers(len(learnt)))]
        strips[index] = _seen_again(rng, one)
        answers[index, : len(one.text)] = [SYMBOLS.index(c) for c in one.text]
        if one.colour in GROUNDS:
            grounds[index] = GROUNDS.index(one.colour)
    kept = drawn.spelt
    return (
        np.concatenate([strips, drawn.strips[kept]]),
        np.concatenate([answers, drawn.answers[kept]]),
        np.concatenate([grounds, drawn.grounds[kept]]),
    )


def _seen_again(rng: np.random.Generator, one: Confirmed) -> NDArray[np.uint8]:
    across = float(np.hypot(*(one.corners[1] - one.corners[0])))
    along = float(np.hypot(*(one.corners[3] - one.corners[0])))
    error = rng.normal(0, 1, (4, 2)) * (0.015 * across, 0.03 * along)
    strip = strip_of(one.image, (one.corners + error).astype(np.float32), one.lines)
    values = strip.astype(np.float32)
    if rng.random() < 0.3:
        blurred = cv2.GaussianBlur(values, (0, 0), float(rng.uniform(0.3, 0.8)))
        values = np.asarray(blurred, np.float32)
    values = values * np.float32(rng.uniform(0.8, 1.2)) + np.float32(rng.normal(0, 8))
    return np.clip(values, 0, 255).astype(np.uint8)


def _loss(
    network: nn.Module,
    strips: NDArray[np.uint8],
    answers: NDArray[np.int64],
    grounds: NDArray[np.int64],
) -> torch.Tensor:
    columns, ground, _ = network(torch.from_numpy(normalised(strips)))
    chances = columns.log_softmax(dim=2)
    wanted = torch.from_numpy(answers)
    spelling = nn.functional.ctc_loss(
        chances.transpose(0, 1),
        wanted.clamp(min=0),
        torch.full((len(wanted),), chances.shape[1]),
        (wanted >= 0).sum(dim=1),
        blank=BLANK,
        zero_infinity=True,
        reduction="sum",
    ) / (7.0 * len(wanted))
    known = torch.from_numpy(grounds)
    return spelling + 0.1 * nn.functional.cross_entropy(
        ground, known, ignore_index=NO_GROUND, reduction="sum"
    ) / max(1, int((known != NO_GROUND).sum()))
