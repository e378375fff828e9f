"""The sequence reader's network: residual convolutions down to 36 columns and a state.

It needs PyTorch and is used for training alone; the trained network leaves as ONNX.
"""

from typing import Final

import torch
from torch import Tensor, nn

from lpr.alphabet import BLANK, GROUNDS, STATES
from lpr.training.layers import Context, Residual, step

__all__ = ["COLUMN_PX", "ReaderNetwork", "StripNetwork"]

COLUMN_PX: Final = 4
"""Strip pixels for each column of the answer."""
_WIDTHS: Final = (16, 40, 72, 144)
_DEPTH: Final = 224
_NARROW: Final = 96
_SPAN: Final = 7
_MATCH: Final = 64


class StripNetwork(nn.Module):
    """Strips (n, 3, height, width) to logits.

    Of columns (n, width / 4, symbols and blank), of the ground (n, grounds) and of the
    state (n, states).
    """

    def __init__(
        self, body: nn.Module, deep: int, height: int, depth: int, span: int
    ) -> None:
        """A network with fresh weights.

        Args:
            body: strips to maps, a fourth as wide.
            deep: how many maps it gives.
            height: of these maps.
            depth: maps of the columns.
            span: so many columns see each other at once.
        """
        super().__init__()
        self.body = body
        self.flatten = nn.Sequential(
            nn.Conv2d(deep, depth, (height, 1), bias=False),
            nn.BatchNorm2d(depth),
            nn.ReLU(),
        )
        self.context = nn.Sequential(
            Context(depth, _NARROW, span), Context(depth, _NARROW, span)
        )
        self.symbols = nn.Conv2d(depth, BLANK + 1, 1)
        self.whole = nn.Sequential(nn.Linear(2 * depth, _MATCH), nn.ReLU())
        self.ground = nn.Linear(_MATCH, len(GROUNDS))
        self.state = nn.Linear(_MATCH, len(STATES))

    def forward(self, strips: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits of columns, ground and state."""
        columns = self.context(self.flatten(self.body(strips)))
        symbols = self.symbols(columns).squeeze(2).transpose(1, 2)
        flat = columns.squeeze(2)
        whole = self.whole(torch.cat([flat.mean(dim=2), flat.amax(dim=2)], dim=1))
        return symbols, self.ground(whole), self.state(whole)


class ReaderNetwork(StripNetwork):
    """For strips (n, 3, 32, 144): 36 columns."""

    def __init__(self) -> None:
        """A network with fresh weights."""
        a, b, c, d = _WIDTHS
        body = nn.Sequential(
            step(3, a, 5, (2, 2)),
            step(a, b, 3, (2, 2)),
            Residual(b),
            step(b, c, 3, (2, 1)),
            step(c, d, 3, (2, 1)),
        )
        super().__init__(body, d, 2, _DEPTH, _SPAN)
