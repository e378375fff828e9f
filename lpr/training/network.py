"""Gradient and optimiser of the glyph network: the twin of ``lpr.glyphs`` that learns.

Adam with a cosine rate and dropout before the last layer; one seed, one result.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from lpr.glyphs import LAYERS, Floats, Parameters, columns_of_windows, pool

__all__ = ["Adam", "fresh_parameters", "gradients", "loss_and_slope"]

_DROPOUT: Final = 0.25
_SMOOTHING: Final = 0.02


def fresh_parameters(rng: np.random.Generator) -> Parameters:
    """Random weights scaled for rectified layers, zero biases."""
    made: Parameters = {}
    for layer, (rows, columns) in LAYERS.items():
        spread = np.sqrt(2.0 / rows)
        made[f"{layer}.weight"] = rng.normal(0, spread, (rows, columns)).astype(
            np.float32
        )
        made[f"{layer}.bias"] = np.zeros(columns, np.float32)
    return made


def loss_and_slope(logits: Floats, answers: NDArray[np.int64]) -> tuple[float, Floats]:
    """Smoothed cross entropy and its derivative by the logits."""
    count, classes = logits.shape
    shifted = logits - logits.max(axis=1, keepdims=True)
    odds = np.exp(shifted)
    probabilities = odds / odds.sum(axis=1, keepdims=True)
    wanted = np.full((count, classes), _SMOOTHING / classes, np.float32)
    wanted[np.arange(count), answers] += 1 - _SMOOTHING
    loss = -float((wanted * np.log(probabilities + 1e-9)).sum() / count)
    return loss, ((probabilities - wanted) / count).astype(np.float32)


def _unpool(slope: Floats, maps: Floats, pooled: Floats) -> Floats:
    """The slope goes to the cells that were the largest of their four."""
    out = np.zeros_like(maps)
    for dy in (0, 1):
        for dx in (0, 1):
            out[:, dy::2, dx::2] = slope * (maps[:, dy::2, dx::2] == pooled)
    return out


def _fold(windows: Floats, *, side: int, height: int, width: int) -> Floats:
    """Sum of windows at stride 1 back onto the cells that they came from."""
    count = windows.shape[0]
    channels = windows.shape[3] // (side * side)
    half = side // 2
    padded = np.zeros(
        (count, height + 2 * half, width + 2 * half, channels), np.float32
    )
    parts = windows.reshape(count, height, width, side * side, channels)
    for dy in range(side):
        for dx in range(side):
            padded[:, dy : dy + height, dx : dx + width] += parts[
                :, :, :, dy * side + dx
            ]
    return padded[:, half : half + height, half : half + width]


def gradients(
    network: Parameters,
    patches: Floats,
    answers: NDArray[np.int64],
    rng: np.random.Generator,
) -> tuple[float, Parameters]:
    """Loss of one batch and the derivative by every parameter."""
    found: Parameters = {}

    def dense(layer: str, inputs: Floats, slope: Floats) -> Floats:
        flat_slope = slope.reshape(-1, slope.shape[-1])
        flat_inputs = inputs.reshape(-1, inputs.shape[-1])
        found[f"{layer}.weight"] = flat_inputs.T @ flat_slope
        found[f"{layer}.bias"] = flat_slope.sum(axis=0)
        return np.asarray(slope @ network[f"{layer}.weight"].T, np.float32)

    def forward(layer: str, inputs: Floats) -> Floats:
        values = inputs @ network[f"{layer}.weight"] + network[f"{layer}.bias"]
        return np.asarray(np.maximum(values, 0), np.float32)

    windows1 = columns_of_windows(patches[..., None], side=5, stride=2)
    maps1 = forward("conv1", windows1)
    windows2 = columns_of_windows(maps1, side=3, stride=1)
    maps2 = forward("conv2", windows2)
    pooled2 = pool(maps2)
    windows3 = columns_of_windows(pooled2, side=3, stride=1)
    maps3 = forward("conv3", windows3)
    pooled3 = pool(maps3)
    flat = pooled3.reshape(len(patches), -1)
    hidden = forward("hidden", flat)
    kept = (rng.random(hidden.shape) >= _DROPOUT).astype(np.float32) / (1 - _DROPOUT)
    dropped = hidden * kept
    logits = dropped @ network["output.weight"] + network["output.bias"]
    loss, slope = loss_and_slope(logits, answers)

    slope = dense("output", dropped, slope) * kept * (hidden > 0)
    slope = dense("hidden", flat, slope).reshape(pooled3.shape)
    slope = _unpool(slope, maps3, pooled3) * (maps3 > 0)
    height, width = pooled2.shape[1:3]
    slope = _fold(dense("conv3", windows3, slope), side=3, height=height, width=width)
    slope = _unpool(slope, maps2, pooled2) * (maps2 > 0)
    height, width = maps1.shape[1:3]
    slope = _fold(dense("conv2", windows2, slope), side=3, height=height, width=width)
    dense("conv1", windows1, slope * (maps1 > 0))
    return loss, found


class Adam:
    """Adam steps with decoupled weight decay."""

    def __init__(self, network: Parameters) -> None:
        self._first = {name: np.zeros_like(value) for name, value in network.items()}
        self._second = {name: np.zeros_like(value) for name, value in network.items()}
        self._steps = 0

    def step(self, network: Parameters, slopes: Parameters, *, rate: float) -> None:
        """Move every parameter against its slope, in place."""
        self._steps += 1
        bias1, bias2 = 1 - 0.9**self._steps, 1 - 0.999**self._steps
        for name, value in network.items():
            first, second, slope = self._first[name], self._second[name], slopes[name]
            first += np.float32(0.1) * (slope - first)
            second += np.float32(0.001) * (slope * slope - second)
            move = (first / bias1) / (np.sqrt(second / bias2) + 1e-8)
            if name.endswith("weight"):
                move += 1e-3 * value
            value[...] -= (rate * move).astype(np.float32)
