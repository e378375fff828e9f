"""Fits a trained reader's temperatures and measures it on rendered sets it never saw.

The sets are recipes with seeds of their own: one to calibrate on, and four to measure.
Whatever is measured here is rendered; what real pictures give stands elsewhere.
"""

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray

from lpr.alphabet import COVERED, SYMBOLS
from lpr.decoding import Decoded
from lpr.onnx import Network
from lpr.second_look import SecondLook
from lpr.sequence import SequenceReader
from lpr.spelling import softmax, spellings
from lpr.strips import normalised
from lpr.training.export import exported, with_temperatures
from lpr.training.reader_network import StripNetwork
from lpr.training.reader_samples import (
    NO_GROUND,
    Recipe,
    Sample,
    Samples,
    draw_sample,
    draw_samples,
)
from lpr.training.shapes import Shapes

__all__ = [
    "HELD_OUT",
    "Figures",
    "Temperatures",
    "calibrated",
    "fit_evidence",
    "fit_threshold",
    "is_answer",
    "judge",
    "side_by_side",
]

Floats: TypeAlias = NDArray[np.float32]

_CALIBRATION_SEED: Final = 800_000
_TEMPERATURES: Final = tuple(float(t) for t in np.geomspace(0.5, 2.0, 21))
_EVIDENCES: Final = tuple(float(e) for e in np.geomspace(0.1, 1.6, 13))
_BINS: Final = 15

_LEGIBLE: Final = Recipe(
    hard=1.0,
    straight=1.0,
    covered=0.0,
    nothing=0.0,
    typefaces=0.0,
    unlawful=0.0,
    narrowest_px=80.0,
    widest_px=260.0,
)
HELD_OUT: Final[dict[str, tuple[int, Recipe]]] = {
    "all damage, from 80 px": (810_000, _LEGIBLE),
    "yellow double, all damage, from 100 px": (
        820_000,
        msgspec.structs.replace(
            _LEGIBLE, kinds=(("yellow", 2),), narrowest_px=100.0, boxed=0.0
        ),
    ),
    "typefaces": (830_000, msgspec.structs.replace(_LEGIBLE, typefaces=1.0)),
    "weathered, from 80 px": (
        850_000,
        msgspec.structs.replace(_LEGIBLE, hard=0.3, weathered=1.0),
    ),
    "covered": (
        840_000,
        msgspec.structs.replace(_LEGIBLE, covered=0.5, narrowest_px=100.0),
    ),
}


_SIDE_BY_SIDE: Final = """\
Rendered sets with seeds of their own: exact, exact but the province, right of those
answered, calibration error of characters and plates, covered found, false covered.

| set | who | exact | without province | answered right | calibration | found | false |
|---|---|---|---|---|---|---|---|
"""


class Temperatures(msgspec.Struct, frozen=True, kw_only=True):
    """By what the logits are divided so that a stated 0.9 means nine of ten."""

    symbols: float
    ground: float
    state: float


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What a reader does on one set; shares with their count, the rest per set.

    ``covered`` counts plates with a covered character, ``found`` those of them called
    so and ``false_covered`` the whole plates that were called so.
    """

    plates: int
    exact: int
    exact_without_province: int
    answered: int
    answered_right: int
    characters_off: float
    plates_off: float
    covered: int
    found: int
    false_covered: int
    pattern_right: int


def calibrated(
    network: StripNetwork, shapes: Shapes, *, fine: bool = False
) -> tuple[bytes, Temperatures]:
    """A trained reader's file that states how sure it is, and by what it was divided.

    Args:
        network: of the sequence reader, or of the fine one.
        shapes: the plates for it are drawn from these.
        fine: whether it is the fine one.
    """
    found = _fitted_temperatures(network, shapes, fine=fine)
    cooled = with_temperatures(
        network, symbols=found.symbols, ground=found.ground, state=found.state
    )
    return exported(cooled), found


def _fitted_temperatures(
    network: StripNetwork, shapes: Shapes, *, fine: bool = False, count: int = 1500
) -> Temperatures:
    """The temperatures under which the calibration set is likeliest.

    Args:
        network: of the sequence reader, or of the fine one (``fine``).
        shapes: to render the set with.
        fine: whether it sees strips as the fine reader does.
        count: plates of the set.
    """
    drawn = draw_samples(
        shapes,
        count,
        seed=(_CALIBRATION_SEED,),
        recipe=Recipe(unlawful=0.0, straight=0.8),
        fine=fine,
    )
    columns, ground, state = _logits(network, drawn)
    lattices = columns[torch.from_numpy(drawn.spelt)].numpy()
    texts = [
        "".join(SYMBOLS[index] for index in answer if index >= 0)
        for answer in drawn.answers[drawn.spelt]
    ]
    grounds = torch.from_numpy(drawn.grounds)
    states = torch.from_numpy(drawn.states)

    def of_symbols(temperature: float) -> float:
        """How badly the stated chance of each text tells whether it is right."""
        surprise = 0.0
        for logits, truth in zip(lattices, texts, strict=True):
            best = spellings(softmax(logits / np.float32(temperature)))[0]
            stated = min(max(best.probability, 1e-4), 1 - 1e-4)
            surprise -= np.log(stated if best.text == truth else 1 - stated)
        return float(surprise)

    def of_ground(temperature: float) -> float:
        return float(
            torch.nn.functional.cross_entropy(
                ground / temperature, grounds, ignore_index=NO_GROUND
            )
        )

    def of_state(temperature: float) -> float:
        return float(torch.nn.functional.cross_entropy(state / temperature, states))

    return Temperatures(
        symbols=min(_TEMPERATURES, key=of_symbols),
        ground=min(_TEMPERATURES, key=of_ground),
        state=min(_TEMPERATURES, key=of_state),
    )


def fit_evidence(
    reader: bytes,
    second: bytes,
    shapes: Shapes,
    *,
    fine: bytes | None = None,
    count: int = 1000,
) -> float:
    """How much a second look counts beside the readers so that all tell truth best."""
    rng = np.random.default_rng((_CALIBRATION_SEED, 2))
    recipe = msgspec.structs.replace(_LEGIBLE, covered=0.03, narrowest_px=60.0)
    samples = [draw_sample(rng, shapes, recipe) for _ in range(count)]
    look = SecondLook.load(second)

    def surprise(evidence: float) -> float:
        weighed = SecondLook(network=_Weighed(look.network, evidence))
        both = msgspec.structs.replace(
            SequenceReader.load(reader, fine=fine), second=weighed
        )
        total = 0.0
        for sample, one in zip(samples, _read(both, samples), strict=True):
            stated = min(max(one.probability, 1e-4), 1 - 1e-4)
            total -= np.log(stated if one.text == sample.text else 1 - stated)
        return total

    return min(_EVIDENCES, key=surprise)


class _Weighed:
    """A network whose answers count so many times."""

    def __init__(self, network: Network, evidence: float) -> None:
        self.engine = network.engine
        self._network = network
        self._evidence = np.float32(evidence)

    def run(self, tensor: Floats) -> tuple[Floats, ...]:
        return tuple(self._evidence * one for one in self._network.run(tensor))


def fit_threshold(
    reader: SequenceReader, shapes: Shapes, *, precision: float, count: int = 4000
) -> float:
    """The least confidence from which on so many of the calibration set are right."""
    rng = np.random.default_rng((_CALIBRATION_SEED, 1))
    recipe = msgspec.structs.replace(_LEGIBLE, covered=0.03, narrowest_px=60.0)
    samples = [draw_sample(rng, shapes, recipe) for _ in range(count)]
    ranked = sorted(
        (one.confidence, sample.text == one.text)
        for sample, one in zip(samples, _read(reader, samples), strict=True)
        if is_answer(one, confidence=0.0)
    )
    right = sum(truth for _, truth in ranked)
    for index, (confidence, truth) in enumerate(ranked):
        if right >= precision * (len(ranked) - index):
            return confidence
        right -= truth
    return 1.0


def _logits(
    network: StripNetwork, drawn: Samples
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    network.eval()
    found = []
    with torch.no_grad():
        for start in range(0, len(drawn.strips), 250):
            part = normalised(drawn.strips[start : start + 250])
            found.append(network(torch.from_numpy(part)))
    columns, ground, state = (torch.cat(parts) for parts in zip(*found, strict=True))
    return columns, ground, state


def judge(
    reader: SequenceReader,
    shapes: Shapes,
    *,
    seed: int,
    recipe: Recipe,
    count: int,
    confidence: float,
) -> Figures:
    """Read ``count`` samples of a recipe and count.

    ``confidence`` is the least probability of the weakest character with which a plate
    counts as answered.
    """
    rng = np.random.default_rng((seed,))
    samples = [draw_sample(rng, shapes, recipe) for _ in range(count)]
    return counted(samples, _read(reader, samples), confidence=confidence)


def side_by_side(
    readers: Mapping[str, SequenceReader],
    shapes: Shapes,
    *,
    count: int,
    confidence: float,
) -> str:
    """What readers make of the same held-out sets, as the table of a card.

    Args:
        readers: by what the table calls them.
        shapes: to render the sets with.
        count: samples of each set.
        confidence: as in :func:`judge`.
    """
    rows = []
    for name, (seed, recipe) in HELD_OUT.items():
        for who, reader in readers.items():
            one = judge(
                reader,
                shapes,
                seed=seed,
                recipe=recipe,
                count=count,
                confidence=confidence,
            )
            rows.append(
                f"| {name} | {who} | {one.exact}/{one.plates} | "
                f"{one.exact_without_province}/{one.plates} | "
                f"{one.answered_right}/{one.answered} | "
                f"{one.characters_off:.3f} / {one.plates_off:.3f} | "
                f"{one.found}/{one.covered} | {one.false_covered}/{one.plates} |"
            )
    return _SIDE_BY_SIDE + "\n".join(rows)


def _read(reader: SequenceReader, samples: Sequence[Sample]) -> list[Decoded]:
    """As in use: with a second look where there is one."""
    return [reader.read_within(one.picture, one.around, one.lines) for one in samples]


def counted(
    samples: Sequence[Sample], found: Sequence[Decoded], *, confidence: float
) -> Figures:
    """Compare what was read with what stands there."""
    pairs = [
        (sample, one)
        for sample, one in zip(samples, found, strict=True)
        if sample.truth
    ]
    whole = [(s, d) for s, d in pairs if COVERED not in s.text]
    hidden = [(s, d) for s, d in pairs if COVERED in s.text]
    answered = [(s, d) for s, d in whole if is_answer(d, confidence=confidence)]
    characters = [
        (place.probability, place.symbol == truth)
        for s, d in whole
        if len(s.text) == len(d.text)
        for place, truth in zip(d.places, s.text, strict=True)
    ]
    return Figures(
        plates=len(whole),
        exact=sum(s.text == d.text for s, d in whole),
        exact_without_province=sum(s.text[1:] == d.text[1:] for s, d in whole),
        answered=len(answered),
        answered_right=sum(s.text == d.text for s, d in answered),
        characters_off=calibration_error(characters),
        plates_off=calibration_error(
            [(d.probability, s.text == d.text) for s, d in whole]
        ),
        covered=len(hidden),
        found=sum(d.seems_covered for _, d in hidden),
        false_covered=sum(d.seems_covered for _, d in whole),
        pattern_right=sum(s.text == d.text for s, d in hidden),
    )


def is_answer(found: Decoded, *, confidence: float) -> bool:
    """Whether a reading is given out: every place sure, nothing hidden or broken."""
    return (
        bool(found.places)
        and found.confidence >= confidence
        and not found.seems_covered
        and found.conflict is None
        and found.state != "none"
    )


def calibration_error(pairs: Sequence[tuple[float, bool]]) -> float:
    """Expected calibration error over fifteen bins of equal width."""
    if not pairs:
        return 0.0
    stated = np.array([chance for chance, _ in pairs])
    right = np.array([truth for _, truth in pairs], np.float64)
    bins = np.minimum((stated * _BINS).astype(int), _BINS - 1)
    off = 0.0
    for index in range(_BINS):
        inside = bins == index
        if inside.any():
            off += abs(right[inside].mean() - stated[inside].mean()) * inside.mean()
    return float(off)
