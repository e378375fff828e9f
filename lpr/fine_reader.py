"""The fine reader: plates of which the sequence reader is in doubt, read once more.

A larger network sees the same plate finer and reads all of it on its own. What both
say is then weighed together: they were trained apart and are not wrong alike.
"""

from functools import cache
from importlib import resources
from typing import Final, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from lpr.alphabet import BLANK, GROUNDS, STATES
from lpr.decoding import Outputs, spelt
from lpr.errors import WeightsError
from lpr.lattice import chances_of
from lpr.onnx import EngineName, Network, load
from lpr.spelling import Spelling, softmax
from lpr.strips import FINE, HEIGHT, WIDTH

__all__ = ["FineReader", "both", "packaged_fine_weights"]

Floats: TypeAlias = NDArray[np.float32]

_WEIGHTS: Final = "fine_reader.onnx"
_LEAST: Final = 1e-9
"""Nothing is held for less likely than this by one alone."""


def packaged_fine_weights() -> bytes:
    """The weights that ship inside the package."""
    return resources.files("lpr").joinpath("weights", _WEIGHTS).read_bytes()


class FineReader(msgspec.Struct, frozen=True, kw_only=True):
    """A network for strips that are :data:`lpr.strips.FINE` times finer."""

    network: Network

    @classmethod
    def load(
        cls, weights: bytes, *, engine: EngineName | None = None, threads: int = 1
    ) -> "FineReader":
        """The fine reader with these weights.

        Raises:
            EngineError: the engine that was asked for is not installed.
            WeightsError: the bytes are no weights of a fine reader.
        """
        network = load(weights, engine=engine, threads=threads)
        size = (1, 3, round(HEIGHT * FINE), round(WIDTH * FINE))
        given = tuple(one.shape for one in network.run(np.zeros(size, np.float32)))
        alike = [(1, len(GROUNDS)), (1, len(STATES))]
        if list(given[1:]) != alike or given[0][2:] != (BLANK + 1,):
            raise WeightsError("weights are those of no fine reader")
        return cls(network=network)

    @classmethod
    def standard(cls) -> "FineReader":
        """The fine reader with the weights that ship inside the package."""
        return _standard()


@cache
def _standard() -> FineReader:
    return FineReader.load(packaged_fine_weights())


def both(
    first: Outputs,
    texts: tuple[Spelling, ...],
    second: Outputs,
) -> tuple[Outputs, tuple[Spelling, ...]]:
    """What two readers of one plate say together.

    A text is as likely as the geometric mean of what both hold for it, and so is the
    doubt that it is a text that neither spells.

    Args:
        first: of the sequence reader.
        texts: that it spells, likeliest first.
        second: of the fine reader.

    Returns:
        Ground and state by both, and the texts, likeliest first.
    """
    known = [one.text for one in texts]
    told = known + [one.text for one in spelt(second) if one.text not in known]
    logs = (_logs(told, first) + _logs(told, second)) / 2
    shares = np.exp(logs - logs.max())
    shares /= shares.sum()
    ranked = sorted(
        map(Spelling, told, shares[:-1].tolist()),
        key=lambda one: (-one.probability, one.text),
    )
    mixed = Outputs(
        columns=first.columns,
        ground=np.asarray((first.ground + second.ground) / 2, np.float32),
        state=np.asarray((first.state + second.state) / 2, np.float32),
    )
    return mixed, tuple(ranked)


def _logs(texts: list[str], outputs: Outputs) -> NDArray[np.float64]:
    """Logarithms of the chances of the texts, and last of all others together."""
    chances = chances_of(texts, softmax(outputs.columns))
    others = 1.0 - min(float(chances.sum()), 1.0)
    return np.asarray(np.log(np.maximum([*chances, others], _LEAST)))
