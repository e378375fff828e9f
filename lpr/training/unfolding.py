"""A detector's file turned back into a network that can be trained on.

In the file the normalisations are part of the convolutions before them; trained on so,
it only grows worse. Each convolution gets one back that changes nothing: what it takes
away and divides by, as seen over some pictures, is what it multiplies by and adds.
"""

from collections.abc import Iterator
from functools import partial
from typing import Final

import torch
from torch import Tensor, nn

from lpr.errors import WeightsError
from lpr.training.export import opened
from lpr.training.locator import Locator

__all__ = ["unfolded"]

_LEAST_VARIANCE: Final = 1e-6


def unfolded(weights: bytes, pictures: Tensor) -> Locator:
    """A network that answers as the file does.

    Args:
        weights: an ONNX file of a locator.
        pictures: of the kind that it is trained on, shape (n, 3, height, width).

    Raises:
        WeightsError: the bytes are no file of a locator.
    """
    network: Locator = Locator().eval()
    layers = _in_order(network)
    convolutions = [one for one in layers if isinstance(one, nn.Conv2d)]
    held = list(_held(weights))
    if [one.weight.shape for one in convolutions] != [w.shape for w, _ in held]:
        raise WeightsError("weights are those of another network than the detector's")
    hooks = []
    for layer, (weight, bias) in zip(convolutions, held, strict=True):
        layer.weight.data = weight
        after = layers[layers.index(layer) + 1 :][:1]
        if after and isinstance(after[0], nn.BatchNorm2d):
            hooks.append(after[0].register_forward_pre_hook(partial(_fit, bias)))
        elif layer.bias is not None:
            layer.bias.data = bias
    with torch.no_grad():
        network(pictures)
    for hook in hooks:
        hook.remove()
    return network


def _fit(bias: Tensor, norm: nn.BatchNorm2d, seen: tuple[Tensor]) -> None:
    """Let a normalisation add the bias alone to what it is about to see."""
    mean = seen[0].mean((0, 2, 3))
    variance = seen[0].var((0, 2, 3), unbiased=False).clamp(min=_LEAST_VARIANCE)
    norm.running_mean, norm.running_var = mean, variance
    norm.weight.data = torch.sqrt(variance + norm.eps)
    norm.bias.data = mean + bias


def _in_order(network: nn.Module) -> list[nn.Module]:
    """Convolutions and normalisations in the order in which they are used."""
    used: list[nn.Module] = []

    def note(layer: nn.Module, _taken: object, _given: object) -> None:
        used.append(layer)

    hooks = [
        layer.register_forward_hook(note)
        for layer in network.modules()
        if isinstance(layer, nn.Conv2d | nn.BatchNorm2d)
    ]
    with torch.no_grad():
        network(torch.zeros(1, 3, 64, 64))
    for hook in hooks:
        hook.remove()
    return used


def _held(weights: bytes) -> Iterator[tuple[Tensor, Tensor]]:
    """Weight and bias of each convolution of a file, in the order of their use."""
    model, held = opened(weights)
    for node in model.graph.node:
        if node.op_type == "Conv":
            if len(node.input) < 3 or not set(node.input[1:]) <= held.keys():
                raise WeightsError("weights of the detector hold no biases")
            yield held[node.input[1]], held[node.input[2]]
