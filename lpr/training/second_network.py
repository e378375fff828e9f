"""The second look's network: one character in a fine patch to a logit a symbol.

It needs PyTorch and is used for training alone; the trained network leaves as ONNX.
"""

from typing import Final

from torch import Tensor, nn

from lpr.alphabet import SYMBOLS
from lpr.training.layers import Residual, step

__all__ = ["SecondNetwork"]

_WIDTHS: Final = (24, 48, 96)
_MATCH: Final = 128


class SecondNetwork(nn.Module):
    """Patches (n, 3, 48, 48) to logits (n, symbols).

    The last maps are laid out flat, not averaged: where a stroke is tells 皖 from 陕.
    """

    def __init__(self) -> None:
        """A network with fresh weights."""
        super().__init__()
        a, b, c = _WIDTHS
        self.body = nn.Sequential(
            step(3, a, 5, (2, 2)),
            Residual(a),
            step(a, b, 3, (2, 2)),
            Residual(b),
            step(b, c, 3, (2, 2)),
        )
        self.flat = nn.Sequential(
            nn.Conv2d(c, _MATCH, 6, bias=False), nn.BatchNorm2d(_MATCH), nn.ReLU()
        )
        self.symbols = nn.Linear(_MATCH, len(SYMBOLS))

    def forward(self, patches: Tensor) -> Tensor:
        """Logits of the symbol in the middle."""
        logits: Tensor = self.symbols(self.flat(self.body(patches)).flatten(1))
        return logits
