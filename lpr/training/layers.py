"""Layers that the plate networks share; used for training alone."""

import torch
from torch import Tensor, nn

__all__ = ["Context", "Residual", "step"]


class Residual(nn.Module):
    """Two convolutions whose answer is added to what they were given."""

    def __init__(self, channels: int) -> None:
        """As many channels out as in."""
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.first_norm = nn.BatchNorm2d(channels)
        self.second = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.second_norm = nn.BatchNorm2d(channels)

    def forward(self, maps: Tensor) -> Tensor:
        """Maps of the same shape."""
        inner = torch.relu(self.first_norm(self.first(maps)))
        return torch.relu(maps + self.second_norm(self.second(inner)))


class Context(nn.Module):
    """Lets neighbouring columns know of each other."""

    def __init__(self, channels: int, inner: int, span: int) -> None:
        """``span`` columns, an odd number, see each other through ``inner`` maps."""
        super().__init__()
        self.narrow = nn.Conv2d(channels, inner, 1, bias=False)
        self.narrow_norm = nn.BatchNorm2d(inner)
        self.along = nn.Conv2d(
            inner, channels, (1, span), padding=(0, span // 2), bias=False
        )
        self.along_norm = nn.BatchNorm2d(channels)

    def forward(self, columns: Tensor) -> Tensor:
        """Columns of the same shape."""
        inner = torch.relu(self.narrow_norm(self.narrow(columns)))
        return torch.relu(columns + self.along_norm(self.along(inner)))


def step(inside: int, outside: int, side: int, stride: tuple[int, int]) -> nn.Module:
    """A convolution that makes the maps smaller by ``stride`` (rows, columns)."""
    return nn.Sequential(
        nn.Conv2d(inside, outside, side, stride, side // 2, bias=False),
        nn.BatchNorm2d(outside),
        nn.ReLU(),
    )
