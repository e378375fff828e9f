"""The sequence reader's network: residual convolutions down to 36 columns and a state.

It needs PyTorch and is used for training alone; the trained network leaves as ONNX.
"""

from typing import Final

import torch
from torch import Tensor, nn

from lpr.alphabet import BLANK, GROUNDS, STATES
from lpr.training.layers import Residual, step

__all__ = ["COLUMN_PX", "ReaderNetwork"]

COLUMN_PX: Final = 4
"""Strip pixels for each column of the answer."""
_WIDTHS: Final = (16, 40, 72, 144)
_DEPTH: Final = 224
_NARROW: Final = 96
_MATCH: Final = 64


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
            step(3, a, 5, (2, 2)),
            step(a, b, 3, (2, 2)),
            Residual(b),
            step(b, c, 3, (2, 1)),
            step(c, d, 3, (2, 1)),
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
