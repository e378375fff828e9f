"""The second look's network: one character in a fine patch to a logit a symbol.

It needs PyTorch and is used for training alone; the trained network leaves as ONNX.
"""

from typing import Final

import torch
from torch import Tensor, nn

from lpr.alphabet import SYMBOLS

__all__ = ["SecondNetwork"]

_WIDTHS: Final = (24, 48, 96)
_MATCH: Final = 128


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.first_norm = nn.BatchNorm2d(channels)
        self.second = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.second_norm = nn.BatchNorm2d(channels)

    def forward(self, maps: Tensor) -> Tensor:
        inner = torch.relu(self.first_norm(self.first(maps)))
        return torch.relu(maps + self.second_norm(self.second(inner)))


def _step(inside: int, outside: int, side: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(inside, outside, side, 2, side // 2, bias=False),
        nn.BatchNorm2d(outside),
        nn.ReLU(),
    )


class SecondNetwork(nn.Module):
    """Patches (n, 3, 48, 48) to logits (n, symbols).

    The last maps are laid out flat, not averaged: where a stroke is tells 皖 from 陕.
    """

    def __init__(self) -> None:
        """A network with fresh weights."""
        super().__init__()
        a, b, c = _WIDTHS
        self.body = nn.Sequential(
            _step(3, a, 5),
            _Residual(a),
            _step(a, b, 3),
            _Residual(b),
            _step(b, c, 3),
        )
        self.flat = nn.Sequential(
            nn.Conv2d(c, _MATCH, 6, bias=False), nn.BatchNorm2d(_MATCH), nn.ReLU()
        )
        self.symbols = nn.Linear(_MATCH, len(SYMBOLS))

    def forward(self, patches: Tensor) -> Tensor:
        """Logits of the symbol in the middle."""
        logits: Tensor = self.symbols(self.flat(self.body(patches)).flatten(1))
        return logits
