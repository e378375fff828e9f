"""The fine reader's network: larger than the sequence reader's, for finer strips.

It needs PyTorch and is used for training alone; the trained network leaves as ONNX.
"""

from typing import Final

from torch import nn

from lpr.training.layers import Residual, step
from lpr.training.reader_network import StripNetwork

__all__ = ["FineNetwork"]

_WIDTHS: Final = (32, 64, 112, 192)
_DEPTH: Final = 256
_SPAN: Final = 9


class FineNetwork(StripNetwork):
    """For strips (n, 3, 48, 216): 54 columns."""

    def __init__(self) -> None:
        """A network with fresh weights."""
        a, b, c, d = _WIDTHS
        body = nn.Sequential(
            step(3, a, 5, (2, 2)),
            step(a, b, 3, (2, 2)),
            Residual(b),
            step(b, c, 3, (2, 1)),
            Residual(c),
            step(c, d, 3, (2, 1)),
        )
        super().__init__(body, d, 3, _DEPTH, _SPAN)
