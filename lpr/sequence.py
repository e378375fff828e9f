"""The sequence reader: from corners in a picture to a distribution over plates.

One network reads plates of one line and of two. It refuses nothing and judges nothing:
whether an answer is good enough is its user's to say.
"""

from collections.abc import Callable
from functools import cache, partial
from importlib import resources
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from lpr.alignment import middles_of
from lpr.alphabet import BLANK, GROUNDS, STATES, SYMBOLS
from lpr.decoding import Decoded, Look, Outputs, Prior, decode, decode_together, spelt
from lpr.errors import WeightsError
from lpr.image import Corners, Image
from lpr.onnx import EngineName, Network, load
from lpr.second_look import SCALE, SecondLook, packaged_second_weights
from lpr.spelling import Spelling, softmax
from lpr.strips import (
    HEIGHT,
    MARGIN,
    WIDTH,
    Lines,
    normalised,
    nudged,
    strip_of,
    widened,
)

__all__ = ["SequenceReader", "packaged_reader_weights"]

_WEIGHTS: Final = "reader.onnx"
_SURE: Final = 0.995
_HOPELESS: Final = 0.1
"""A plate is cut out again where its weakest character is between these. Of 45 rendered
plates below it other cuts mended one, and above it none of 126 was wrong."""
_SURELY_ONE: Final = 2.9
_SURELY_TWO: Final = 1.6
"""Width by height: a plate of one line has 3.1 or 3.4 and one of two lines 2.0; turned
away by 40° the first comes down to 2.4 and the second to 1.5."""


def packaged_reader_weights() -> bytes:
    """The weights that ship inside the package."""
    return resources.files("lpr").joinpath("weights", _WEIGHTS).read_bytes()


class SequenceReader(msgspec.Struct, frozen=True, kw_only=True):
    """A network for strips, a second look, and how much the grammar weighs."""

    network: Network
    second: SecondLook | None = None
    prior: Prior = Prior()

    @classmethod
    def load(
        cls,
        weights: bytes,
        *,
        second: bytes | None = None,
        engine: EngineName | None = None,
        threads: int = 1,
    ) -> "SequenceReader":
        """The reader with these weights, and those of a second look at what it doubts.

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
        look = None
        if second is not None:
            look = SecondLook.load(second, engine=engine, threads=threads)
        return cls(network=network, second=look)

    @classmethod
    def standard(cls) -> "SequenceReader":
        """The reader with the weights that ship inside the package."""
        return _standard()

    def read(
        self,
        image: Image,
        corners: Corners,
        *,
        lines: Lines | None = None,
        again: bool = True,
    ) -> Decoded:
        """What stands between the plate's corners.

        Args:
            image: BGR, shape (height, width, 3).
            corners: of the plate itself, clockwise from its upper left [px].
            lines: how many lines it has; where nobody knows, its shape decides, and in
                doubt the reading that is the likelier.
            again: cut it out again where it is in doubt.
        """
        around = widened(corners, *MARGIN)
        return self._read_around(image, around, corners, lines, again=again)

    def read_crop(
        self, crop: Image, *, lines: Lines | None = None, again: bool = True
    ) -> Decoded:
        """What stands in a picture that somebody has cut out around a plate."""
        height, width = crop.shape[:2]
        corners = np.array(
            [[0, 0], [width, 0], [width, height], [0, height]], np.float32
        )
        return self._read_around(crop, corners, corners, lines, again=again)

    def read_within(self, image: Image, around: Corners, lines: Lines) -> Decoded:
        """What is seen between corners that hold a plate of so many lines."""
        return self._read_around(image, around, around, lines, again=True)

    def _read_around(
        self,
        image: Image,
        around: Corners,
        corners: Corners,
        lines: Lines | None,
        *,
        again: bool,
    ) -> Decoded:
        tried = _possible_lines(corners) if lines is None else (lines,)
        seen = [self._seen(image, around, count) for count in tried]
        alone = [decode_together((o,), (told,), self.prior) for o, told in seen]
        best = max(
            range(len(tried)), key=lambda one: alone[one].plausibility(self.prior)
        )
        if not again or not _HOPELESS <= alone[best].confidence < _SURE:
            return alone[best]
        moved = [self._seen(image, cut, tried[best]) for cut in nudged(around)]
        outputs, texts = zip(seen[best], *moved, strict=True)
        return decode_together(outputs, texts, self.prior)

    def _seen(
        self, image: Image, around: Corners, lines: Lines
    ) -> tuple[Outputs, tuple[Spelling, ...]]:
        """What the network says of one cut, and the texts that it spells."""
        strip = strip_of(image, around, lines)
        (outputs,) = self._outputs(strip[None])
        fine = partial(strip_of, image, around, lines, scale=SCALE)
        return outputs, spelt(outputs, self._look(outputs, fine))

    def read_strips(
        self, strips: NDArray[np.uint8], fines: NDArray[np.uint8] | None = None
    ) -> tuple[Decoded, ...]:
        """What stands in strips, shape (n, 32, 144, 3).

        ``fines``, shape (n, 48, 216, 3), are the same for the second look; without them
        there is none.
        """
        outputs = self._outputs(strips)
        if fines is None:
            return tuple(decode(one, self.prior) for one in outputs)
        return tuple(
            decode(one, self.prior, self._look(one, partial(_same, fine)))
            for one, fine in zip(outputs, fines, strict=True)
        )

    def _outputs(self, strips: NDArray[np.uint8]) -> list[Outputs]:
        given = self.network.run(normalised(strips))
        return [Outputs(*one) for one in zip(*given, strict=True)]

    def _look(self, outputs: Outputs, fine: Callable[[], Image]) -> Look | None:
        if self.second is None:
            return None
        return partial(_look, self.second, outputs.columns, fine)


def _same(fine: Image) -> Image:
    return fine


def _look(
    second: SecondLook,
    lattice: NDArray[np.float32],
    fine: Callable[[], Image],
    text: str,
    places: tuple[int, ...],
) -> NDArray[np.float32]:
    """What a second look says of places of a text that a lattice spells."""
    symbols = [SYMBOLS.index(symbol) for symbol in text]
    picture = fine()
    middles = middles_of(softmax(lattice), symbols)[list(places)]
    return second.look(picture, middles * np.float32(picture.shape[1]))


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
        packaged_reader_weights(), second=packaged_second_weights()
    )
