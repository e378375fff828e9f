"""The sequence reader's network: residual convolutions down to 36 columns and a state.

It needs PyTorch and is used for training alone; the trained network leaves as ONNX.
"""

from typing import Final

import torch
from torch import Tensor, nn

from lpr.alphabet import BLANK, GROUNDS, STATES

__all__ = ["COLUMN_PX", "ReaderNetwork"]

COLUMN_PX: Final = 4
"""Strip pixels for each column of the answer."""
_WIDTHS: Final = (16, 40, 72, 144)
_DEPTH: Final = 224
_NARROW: Final = 96
_MATCH: Final = 64


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


class _Context(nn.Module):
    """Lets neighbouring columns know of each other."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = _NARROW
        self.narrow = nn.Conv2d(channels, inner, 1, bias=False)
        self.narrow_norm = nn.BatchNorm2d(inner)
        self.along = nn.Conv2d(inner, channels, (1, 7), padding=(0, 3), bias=False)
        self.along_norm = nn.BatchNorm2d(channels)

    def forward(self, columns: Tensor) -> Tensor:
        inner = torch.relu(self.narrow_norm(self.narrow(columns)))
        return torch.relu(columns + self.along_norm(self.along(inner)))


def _step(inside: int, outside: int, side: int, stride: tuple[int, int]) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(inside, outside, side, stride, side // 2, bias=False),
        nn.BatchNorm2d(outside),
        nn.ReLU(),
    )


class ReaderNetwork(nn.Module):
    """Strips (n, 3, 32, 144) to logits.

    Of columns (n, 36, symbols and blank), of the ground (n, grounds) and of the state
    (n, states).
    """

    def __init__(self) -> None:
        """A network with fresh weights."""
        super().__init__()
        a, b, c, d = _WIDTHS
        self.body = nn.Sequential(
            _step(3, a, 5, (2, 2)),
            _step(a, b, 3, (2, 2)),
            _Residual(b),
            _step(b, c, 3, (2, 1)),
            _step(c, d, 3, (2, 1)),
        )
        self.flatten = nn.Sequential(
            nn.Conv2d(d, _DEPTH, (2, 1), bias=False), nn.BatchNorm2d(_DEPTH), nn.ReLU()
        )
        self.context = nn.Sequential(_Context(_DEPTH), _Context(_DEPTH))
        self.symbols = nn.Conv2d(_DEPTH, BLANK + 1, 1)
        self.whole = nn.Sequential(nn.Linear(2 * _DEPTH, _MATCH), nn.ReLU())
        self.ground = nn.Linear(_MATCH, len(GROUNDS))
        self.state = nn.Linear(_MATCH, len(STATES))

    def forward(self, strips: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits of columns, ground and state."""
        columns = self.context(self.flatten(self.body(strips)))
        symbols = self.symbols(columns).squeeze(2).transpose(1, 2)
        flat = columns.squeeze(2)
        whole = self.whole(torch.cat([flat.mean(dim=2), flat.amax(dim=2)], dim=1))
        return symbols, self.ground(whole), self.state(whole)
