"""The detector's network as the ONNX file that ships, and such a file back again.

What leaves has its normalisations folded into the convolutions before them, so what
comes back has none and is trained on without. It needs PyTorch and onnx.
"""

from pathlib import Path

import onnx
import torch
from onnx import numpy_helper
from torch import nn

from lpr.errors import WeightsError
from lpr.training.locator import Locator

__all__ = ["export_network", "locator_of"]


def export_network(network: torch.nn.Module, path: Path) -> None:
    """Write a locator as ONNX."""
    torch.onnx.export(
        network,
        (torch.zeros(1, 3, 256, 384),),
        str(path),
        dynamo=False,
        opset_version=17,
        input_names=["picture"],
        output_names=["answer"],
        dynamic_axes={
            "picture": {2: "height", 3: "width"},
            "answer": {2: "rows", 3: "columns"},
        },
    )


def locator_of(weights: bytes) -> Locator:
    """The folded network of an ONNX file, to be trained on.

    Convolutions are matched by the order in which a picture passes them.

    Raises:
        WeightsError: the bytes are no file of this network.
    """
    try:
        model = onnx.load_model_from_string(weights)
    except Exception as error:  # what protobuf raises has no common root
        message = f"weights are no ONNX file: {error}"
        raise WeightsError(message) from error
    held = {one.name: numpy_helper.to_array(one) for one in model.graph.initializer}
    nodes = [node for node in model.graph.node if node.op_type == "Conv"]
    network = _without_norms(Locator())
    layers = _in_order(network)
    if len(nodes) != len(layers):
        message = f"{len(nodes)} convolutions instead of {len(layers)}: another network"
        raise WeightsError(message)
    for node, layer in zip(nodes, layers, strict=True):
        kernel, shift = (held[name] for name in node.input[1:3])
        if layer.bias is None or kernel.shape != tuple(layer.weight.shape):
            message = f"{node.name} is not shaped {tuple(layer.weight.shape)}"
            raise WeightsError(message)
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(kernel.copy()))
            layer.bias.copy_(torch.from_numpy(shift.copy()))
    return network


def _without_norms(network: Locator) -> Locator:
    """Every convolution with a bias of its own, and nothing where it was normalised."""
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.BatchNorm2d):
                setattr(parent, name, nn.Identity())
            elif isinstance(child, nn.Conv2d) and child.bias is None:
                child.bias = nn.Parameter(torch.zeros(child.out_channels))
    return network


def _in_order(network: Locator) -> list[nn.Conv2d]:
    """The convolutions in the order in which a picture passes them."""
    passed: list[nn.Conv2d] = []

    def note(layer: nn.Module, *_: object) -> None:
        if isinstance(layer, nn.Conv2d):
            passed.append(layer)

    hooks = [layer.register_forward_hook(note) for layer in network.modules()]
    with torch.no_grad():
        network(torch.zeros(1, 3, 64, 64))
    for hook in hooks:
        hook.remove()
    return passed
