"""A second, finer look at the characters of which the sequence reader is in doubt.

A small network sees one character in the middle of a patch, with its neighbours at the
sides, and says how much each symbol speaks for what is there. It finds no characters
and reads no plates: the reader says where to look and what the likely texts are.
"""

from functools import cache
from importlib import resources
from typing import Final, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from lpr.alphabet import SYMBOLS
from lpr.errors import WeightsError
from lpr.image import Image
from lpr.onnx import EngineName, Network, load
from lpr.strips import FINE, HEIGHT, normalised

__all__ = ["PATCH_PX", "SecondLook", "packaged_second_weights", "patches_of"]

Floats: TypeAlias = NDArray[np.float32]

PATCH_PX: Final = round(HEIGHT * FINE)
"""A patch is as wide as the fine strip is high: a character and half of each other."""
_WEIGHTS: Final = "second_look.onnx"


def packaged_second_weights() -> bytes:
    """The weights that ship inside the package."""
    return resources.files("lpr").joinpath("weights", _WEIGHTS).read_bytes()


def patches_of(fine: Image, middles_px: Floats) -> Image:
    """Patches of a strip that is :data:`lpr.strips.FINE` times finer than the reader's.

    Args:
        fine: BGR, shape (48, 216, 3).
        middles_px: middles of the characters in it, shape (n,).

    Returns:
        Shape (n, 48, 48, 3); the rim is repeated beyond the strip.
    """
    width = fine.shape[1]
    middles = np.clip(np.rint(middles_px), 0, width).astype(int)
    columns = middles[:, None] + np.arange(PATCH_PX) - PATCH_PX // 2
    inside = np.clip(columns, 0, width - 1)
    return np.ascontiguousarray(fine[:, inside].transpose(1, 0, 2, 3))


class SecondLook(msgspec.Struct, frozen=True, kw_only=True):
    """A network for patches; its logits are weighed against the reader's already."""

    network: Network

    @classmethod
    def load(
        cls, weights: bytes, *, engine: EngineName | None = None, threads: int = 1
    ) -> "SecondLook":
        """The second look with these weights.

        Raises:
            EngineError: the engine that was asked for is not installed.
            WeightsError: the bytes are no weights of a second look.
        """
        network = load(weights, engine=engine, threads=threads)
        blank = np.zeros((1, 3, PATCH_PX, PATCH_PX), np.float32)
        if tuple(one.shape for one in network.run(blank)) != ((1, len(SYMBOLS)),):
            raise WeightsError("weights are those of no second look")
        return cls(network=network)

    @classmethod
    def standard(cls) -> "SecondLook":
        """The second look with the weights that ship inside the package."""
        return _standard()

    def look_at(self, patches: Image) -> Floats:
        """How much each symbol speaks for each patch: logits, shape (n, symbols).

        Args:
            patches: of :func:`patches_of`, shape (n, 48, 48, 3).
        """
        (logits,) = self.network.run(normalised(patches))
        return logits


@cache
def _standard() -> SecondLook:
    return SecondLook.load(packaged_second_weights())
