"""The sequence reader: from corners in a picture to a distribution over plates.

One network reads plates of one line and of two. It refuses nothing and judges nothing:
whether an answer is good enough is its user's to say.
"""

from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from lpr.alignment import middles_of
from lpr.alphabet import BLANK, GROUNDS, STATES, SYMBOLS
from lpr.decoding import (
    Decoded,
    Outputs,
    Prior,
    decode,
    doubtful,
    is_doubtful,
    looked_at,
    spelt,
)
from lpr.errors import WeightsError
from lpr.fine_reader import FineReader, both, packaged_fine_weights
from lpr.image import Corners, Image, rim_of
from lpr.onnx import EngineName, Network, load
from lpr.second_look import SecondLook, packaged_second_weights, patches_of
from lpr.spelling import Spelling, softmax
from lpr.strips import (
    FINE,
    HEIGHT,
    MARGIN,
    WIDTH,
    Lines,
    normalised,
    strip_of,
    widened,
)

__all__ = ["SequenceReader", "packaged_reader_weights"]

_WEIGHTS: Final = "reader.onnx"
_NOTHING: Final = 0.5
"""What the network holds for no plate's from here on is not looked at twice: of 2500
rendered plates 7 are above it, and none of them is read right."""
_GREY: Final = np.where(np.array(GROUNDS) == "grey", 0.0, -30.0).astype(np.float32)
"""Logits of the grounds where nothing is seen of them."""
_SURELY_ONE: Final = 2.9
_SURELY_TWO: Final = 1.6
"""Width by height: a plate of one line has 3.1 or 3.4 and one of two lines 2.0; turned
away by 40° the first comes down to 2.4 and the second to 1.5."""


def packaged_reader_weights() -> bytes:
    """The weights that ship inside the package."""
    return resources.files("lpr").joinpath("weights", _WEIGHTS).read_bytes()


class SequenceReader(msgspec.Struct, frozen=True, kw_only=True):
    """A network for strips, who looks again, and how much the grammar weighs."""

    network: Network
    fine: FineReader | None = None
    second: SecondLook | None = None
    prior: Prior = Prior()
    colours: bool = True
    """Whether the pictures have colour; in others no ground is believed but grey."""

    @classmethod
    def load(
        cls,
        weights: bytes,
        *,
        fine: bytes | None = None,
        second: bytes | None = None,
        engine: EngineName | None = None,
        threads: int = 1,
    ) -> "SequenceReader":
        """The reader with these weights, and those of who reads again what it doubts.

        Args:
            weights: of the sequence reader.
            fine: of the fine reader, which reads such a plate once more.
            second: of the second look at characters that are then still in doubt.
            engine: what computes; ONNX Runtime where it is installed.
            threads: of each network.

        Raises:
            EngineError: the engine that was asked for is not installed.
            WeightsError: the bytes are no weights of this reader.
        """
        network = load(weights, engine=engine, threads=threads)
        blank = np.zeros((1, 3, HEIGHT, WIDTH), np.float32)
        given = tuple(len(one.reshape(-1)) for one in network.run(blank))
        columns, rest = divmod(given[0], BLANK + 1)
        if not columns or rest or given[1:] != (len(GROUNDS), len(STATES)):
            raise WeightsError("weights were made for another alphabet")
        again = look = None
        if fine is not None:
            again = FineReader.load(fine, engine=engine, threads=threads)
        if second is not None:
            look = SecondLook.load(second, engine=engine, threads=threads)
        return cls(network=network, fine=again, second=look)

    @classmethod
    def standard(cls) -> "SequenceReader":
        """The reader with the weights that ship inside the package."""
        return _standard()

    def in_grey(self) -> "SequenceReader":
        """The same reader for pictures without colour, in which dark is not black."""
        return msgspec.structs.replace(self, colours=False)

    def read(
        self,
        image: Image,
        corners: Corners,
        *,
        lines: Lines | None = None,
    ) -> Decoded:
        """What stands between the plate's corners.

        Args:
            image: BGR, shape (height, width, 3).
            corners: of the plate itself, clockwise from its upper left [px].
            lines: how many lines it has; where nobody knows, its shape decides, and in
                doubt the reading that is the likelier.
        """
        tried = _possible_lines(corners) if lines is None else (lines,)
        return self._read(image, widened(corners, *MARGIN), tried)

    def read_crop(self, crop: Image, *, lines: Lines | None = None) -> Decoded:
        """What stands in a picture that somebody has cut out around a plate."""
        height, width = crop.shape[:2]
        corners = rim_of(width, height)
        tried = _possible_lines(corners) if lines is None else (lines,)
        return self._read(crop, corners, tried)

    def read_within(self, image: Image, around: Corners, lines: Lines) -> Decoded:
        """What is seen between corners that hold a plate of so many lines."""
        return self._read(image, around, (lines,))

    def best_of(self, readings: Sequence[Decoded]) -> Decoded:
        """The most plausible of several readings of one plate."""
        return max(readings, key=lambda one: one.plausibility(self.prior))

    def _read(self, image: Image, around: Corners, tried: tuple[Lines, ...]) -> Decoded:
        strips = np.stack([strip_of(image, around, lines) for lines in tried])
        first = self._outputs(self.network, strips)
        seen = [(one, spelt(one)) for one in first]
        # what is held for no plate's is not looked at again
        asked = [index for index, one in enumerate(seen) if not _is_nothing(one[0])]
        asked = [index for index in asked if is_doubtful(seen[index][1])]
        fine = {at: strip_of(image, around, tried[at], scale=FINE) for at in asked}
        if self.fine is not None and asked:
            again = self._outputs(
                self.fine.network, np.stack([fine[at] for at in asked])
            )
            for index, other in zip(asked, again, strict=True):
                seen[index] = both(*seen[index], other)
        if self.second is not None and asked:
            texts = _looked_at(
                self.second,
                [(fine[at], first[at], seen[at][1]) for at in asked],
            )
            for index, told in zip(asked, texts, strict=True):
                seen[index] = seen[index][0], told
        return self.best_of(
            [decode(outputs, texts, self.prior) for outputs, texts in seen]
        )

    def _outputs(self, network: Network, strips: NDArray[np.uint8]) -> list[Outputs]:
        given = network.run(normalised(strips))
        if not self.colours:
            given = (given[0], np.tile(_GREY, (len(strips), 1)), given[2])
        return [Outputs(*one) for one in zip(*given, strict=True)]


def _looked_at(
    look: SecondLook, plates: Sequence[tuple[Image, Outputs, tuple[Spelling, ...]]]
) -> list[tuple[Spelling, ...]]:
    """The texts of plates once all characters still in doubt were looked at, at once.

    Args:
        look: who looks.
        plates: of each its fine strip, what the sequence reader said, and its texts.
    """
    asked = [doubtful(texts) for _, _, texts in plates]
    patches = [
        _patches(fine, outputs, texts[0].text, places)
        for (fine, outputs, texts), places in zip(plates, asked, strict=True)
        if places
    ]
    if not patches:
        return [texts for _, _, texts in plates]
    logits = look.look_at(np.concatenate(patches))
    told = np.split(logits, np.cumsum([len(places) for places in asked])[:-1])
    return [
        looked_at(texts, places, seen) if places else texts
        for (_, _, texts), places, seen in zip(plates, asked, told, strict=True)
    ]


def _patches(
    fine: Image, outputs: Outputs, text: str, places: tuple[int, ...]
) -> Image:
    """The patches around places of a text that a lattice spells."""
    symbols = [SYMBOLS.index(symbol) for symbol in text]
    middles = middles_of(softmax(outputs.columns), symbols)[list(places)]
    return patches_of(fine, middles * np.float32(fine.shape[1]))


def _is_nothing(outputs: Outputs) -> bool:
    """Whether the network holds a cut for no plate's."""
    return bool(softmax(outputs.state)[STATES.index("none")] >= _NOTHING)


def _possible_lines(corners: Corners) -> tuple[Lines, ...]:
    across = np.hypot(*(corners[1] - corners[0])) + np.hypot(*(corners[2] - corners[3]))
    along = np.hypot(*(corners[3] - corners[0])) + np.hypot(*(corners[2] - corners[1]))
    shape = float(across) / max(float(along), 1e-6)
    if shape > _SURELY_ONE:
        return (1,)
    return (2,) if shape < _SURELY_TWO else (1, 2)


@cache
def _standard() -> SequenceReader:
    return SequenceReader.load(
        packaged_reader_weights(),
        fine=packaged_fine_weights(),
        second=packaged_second_weights(),
    )
