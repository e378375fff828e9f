"""The rectifier's network: a view of a plate to votes for where its corners are.

It needs PyTorch and is used for training alone; the trained network leaves as ONNX.
"""

from typing import Final

import torch
from torch import Tensor, nn

from lpr.rectifier import REACH_PX, STRIDE, VOTES
from lpr.training.layers import step

__all__ = ["RectifierNetwork", "places_of"]

_WIDTHS: Final = (16, 32, 64)
_REACHES: Final = (1, 2, 3)
"""How far apart what the convolutions of each block see is: a corner is told by lines
that begin at the other end of the plate."""


class _Wide(nn.Module):
    """Two convolutions, spread by ``reach``, whose answer is added to their input."""

    def __init__(self, width: int, reach: int) -> None:
        super().__init__()
        self.inner = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=reach, dilation=reach, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
        )

    def forward(self, maps: Tensor) -> Tensor:
        """Maps of the same shape."""
        return torch.relu(maps + self.inner(maps))


class RectifierNetwork(nn.Module):
    """Views (n, 3, 48, 128) to votes (n, 12, 6, 16)."""

    def __init__(self) -> None:
        """A network with fresh weights."""
        super().__init__()
        a, b, c = _WIDTHS
        self.body = nn.Sequential(
            step(3, a, 5, (2, 2)),
            step(a, b, 3, (2, 2)),
            step(b, c, 3, (2, 2)),
            *(_Wide(c, reach) for reach in _REACHES),
        )
        self.votes = nn.Conv2d(c, VOTES, 1)
        nn.init.normal_(self.votes.weight, std=0.01)
        nn.init.zeros_(self.votes.bias)

    def forward(self, views: Tensor) -> Tensor:
        """Votes of every cell."""
        votes: Tensor = self.votes(self.body(views))
        return votes


def places_of(answer: Tensor) -> Tensor:
    """As :func:`lpr.rectifier.voted`, to be learnt through: (n, 4, 2) [px]."""
    count, _, rows, columns = answer.shape
    votes = answer.reshape(count, 4, 3, rows * columns)
    weight = torch.softmax(votes[:, :, 0], dim=2)
    down, along = torch.meshgrid(
        torch.arange(rows, device=votes.device),
        torch.arange(columns, device=votes.device),
        indexing="ij",
    )
    middles = (torch.stack([along, down]).reshape(2, -1) + 0.5) * STRIDE
    places = middles + votes[:, :, 1:] * REACH_PX
    return (weight[:, :, None] * places).sum(dim=3)
