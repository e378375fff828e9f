"""The network that finds plates: its layers, what it is to answer, how wrong it is.

One cell of its answer stands for eight by eight pixels. Each holds how likely a plate's
centre lies there, where the plate's four corners are from there, and how likely the
plate has two lines. It needs PyTorch and reads no file.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from lpr.training.scenes import PlacedPlate, Scene

__all__ = [
    "CHANNELS",
    "REACH_PX",
    "STRIDE",
    "Locator",
    "loss_of",
    "tensor_of",
    "wanted",
]

STRIDE: Final = 8
CHANNELS: Final = 10
"""Centre, eight corner figures (x and y by turns, clockwise), two lines."""
REACH_PX: Final = 16.0
"""A corner figure of 1 is so far from the middle of its cell."""
_WIDTHS: Final = (16, 24, 48, 80, 128)
_DEPTHS: Final = (2, 3, 2)
_SPREAD: Final = 0.13


def _layer(
    before: int, after: int, side: int = 3, step: int = 1, groups: int = 1
) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(before, after, side, step, side // 2, groups=groups, bias=False),
        nn.BatchNorm2d(after, momentum=0.02),
        nn.ReLU(inplace=True),
    )


class _Residual(nn.Module):
    """A bottleneck beside its input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.inner = nn.Sequential(
            _layer(width, width // 2, 1),
            _layer(width // 2, width // 2),
            nn.Conv2d(width // 2, width, 1, bias=False),
            nn.BatchNorm2d(width, momentum=0.02),
        )

    def forward(self, maps: Tensor) -> Tensor:
        """The same shape as given."""
        return torch.relu(maps + self.inner(maps))


def _stage(before: int, after: int, depth: int) -> nn.Module:
    return nn.Sequential(
        _layer(before, after, 3, 2), *[_Residual(after) for _ in range(depth)]
    )


class Locator(nn.Module):
    """Pictures (n, 3, 32·a, 32·b) to answers (n, 10, 4·a, 4·b)."""

    def __init__(self) -> None:
        super().__init__()
        first, second, third, fourth, fifth = _WIDTHS
        self.stem = nn.Sequential(_layer(3, first, 3, 2), _layer(first, second, 3, 2))
        self.stage3 = _stage(second, third, _DEPTHS[0])
        self.stage4 = _stage(third, fourth, _DEPTHS[1])
        self.stage5 = _stage(fourth, fifth, _DEPTHS[2])
        self.side3 = nn.Conv2d(third, 64, 1)
        self.side4 = nn.Conv2d(fourth, 64, 1)
        self.side5 = nn.Conv2d(fifth, 64, 1)
        self.mix4 = _layer(64, 64)
        self.mix3 = nn.Sequential(
            _layer(64, 64, 5, 1, 64),
            _layer(64, 64, 1),
            _layer(64, 64, 5, 1, 64),
            _layer(64, 64, 1),
        )
        self.up = nn.Upsample(scale_factor=2, mode="nearest")
        self.answer = nn.Conv2d(64, CHANNELS, 1)
        nn.init.normal_(self.answer.weight, std=0.01)
        nn.init.zeros_(self.answer.bias)
        with torch.no_grad():
            self.answer.bias[0] = -5.0

    def forward(self, pictures: Tensor) -> Tensor:
        """Raw answers; the first and the last channel are logits."""
        fine = self.stage3(self.stem(pictures))
        middle = self.stage4(fine)
        coarse = self.stage5(middle)
        mixed = self.mix4(self.side4(middle) + self.up(self.side5(coarse)))
        found: Tensor = self.answer(self.mix3(self.side3(fine) + self.up(mixed)))
        return found


def tensor_of(pictures: Sequence[NDArray[np.uint8]]) -> Tensor:
    """BGR pictures of one size as the network takes them, about -1 to 1."""
    stacked = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)
    scaled: Tensor = (stacked.float() - 128.0) / 128.0
    return scaled.contiguous(memory_format=torch.channels_last)


def wanted(scenes: Sequence[Scene]) -> dict[str, Tensor]:
    """What the network is to answer for scenes of one size.

    ``heat`` and ``weight`` (n, rows, columns), ``corners`` (n, 8, rows, columns) [px
    from the middle of the cell], ``scale`` [px], ``double`` and ``inside`` (n, rows,
    columns).
    """
    height, width = scenes[0].picture.shape[:2]
    shape = (len(scenes), height // STRIDE, width // STRIDE)
    target = _Target(shape)
    for index, scene in enumerate(scenes):
        for plate in scene.plates:
            target.mark(index, plate)
    return target.tensors()


class _Target:
    """The answer while it is being put together."""

    def __init__(self, shape: tuple[int, int, int]) -> None:
        count, rows, columns = shape
        self.heat = np.zeros(shape, np.float32)
        self.weight = np.ones(shape, np.float32)
        self.corners = np.zeros((count, 8, rows, columns), np.float32)
        self.scale = np.ones(shape, np.float32)
        self.double = np.zeros(shape, np.float32)
        self.inside = np.zeros(shape, np.float32)
        self.y, self.x = np.mgrid[:rows, :columns].astype(np.float32) + np.float32(0.5)

    def mark(self, index: int, plate: PlacedPlate) -> None:
        corners = plate.corners
        low, high = corners.min(axis=0) / STRIDE, corners.max(axis=0) / STRIDE
        if not plate.countable:
            box = np.maximum(np.floor(low), 0).astype(int), np.ceil(high).astype(int)
            (x0, y0), (x1, y1) = np.maximum(box[0], 0), np.maximum(box[1], 0)
            self.weight[index, y0:y1, x0:x1] = 0.0
            return
        centre = corners.mean(axis=0) / STRIDE
        spread = np.maximum((high - low) * _SPREAD, 0.55)
        far = ((self.x - centre[0]) / spread[0]) ** 2
        far = far + ((self.y - centre[1]) / spread[1]) ** 2
        heat = np.exp(-far / 2).astype(np.float32)
        row, column = int(centre[1]), int(centre[0])
        rows, columns = heat.shape
        if 0 <= row < rows and 0 <= column < columns:
            heat[row, column] = 1.0
        own = (heat > 0.4) & (heat >= self.heat[index])
        self.heat[index] = np.maximum(self.heat[index], heat)
        places = np.stack([self.x, self.y]) * STRIDE
        offsets = corners[:, :, None, None] - places[None]
        self.corners[index][:, own] = offsets.reshape(8, rows, columns)[:, own]
        sides = corners[[3, 2]] - corners[[0, 1]]
        self.scale[index][own] = float(np.hypot(sides[:, 0], sides[:, 1]).mean())
        self.double[index][own] = float(plate.double)
        self.inside[index][own] = 1.0

    def tensors(self) -> dict[str, Tensor]:
        return {
            "heat": torch.from_numpy(self.heat),
            "weight": torch.from_numpy(self.weight),
            "corners": torch.from_numpy(self.corners),
            "scale": torch.from_numpy(self.scale),
            "double": torch.from_numpy(self.double),
            "inside": torch.from_numpy(self.inside),
        }


def loss_of(
    answers: Tensor, target: dict[str, Tensor]
) -> tuple[Tensor, dict[str, float]]:
    """Focal loss of the centres, corner errors by plate height, two lines or one."""
    answers = answers.float()
    chance = torch.sigmoid(answers[:, 0]).clamp(1e-5, 1 - 1e-5)
    heat, weight = target["heat"], target["weight"]
    peak = (heat > 0.999).float()
    hit = -peak * (1 - chance) ** 2 * torch.log(chance)
    miss = -(1 - peak) * (1 - heat) ** 4 * chance**2 * torch.log(1 - chance)
    plates = peak.sum().clamp(min=1.0)
    centre = ((hit + miss) * weight).sum() / plates
    inside = target["inside"] * weight
    cells = inside.sum().clamp(min=1.0)
    off = (answers[:, 1:9] * REACH_PX - target["corners"]).abs().mean(dim=1)
    corner = (off / (0.15 * target["scale"] + 1.0) * inside).sum() / cells
    lines = functional.binary_cross_entropy_with_logits(
        answers[:, 9], target["double"], reduction="none"
    )
    line = (lines * inside).sum() / cells
    total = centre + 1.0 * corner + 0.3 * line
    figures = {
        "centre": float(centre.detach()),
        "corner": float(corner.detach()),
        "lines": float(line.detach()),
        "corner_px": float((off * inside).sum().detach() / cells),
    }
    return total, figures
