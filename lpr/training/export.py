"""Turns a trained network into the ONNX file that ships, its temperatures folded in.

What leaves here gives logits that need nothing but a softmax: whoever runs it knows of
no calibration.
"""

import io

import onnx
import torch
from torch import nn

from lpr.strips import HEIGHT, WIDTH
from lpr.training.reader_network import ReaderNetwork

__all__ = ["exported", "parameter_count", "with_temperatures"]


def with_temperatures(
    network: ReaderNetwork, *, symbols: float, ground: float, state: float
) -> ReaderNetwork:
    """The same network with its three answers divided by these temperatures."""
    with torch.no_grad():
        for layer, temperature in (
            (network.symbols, symbols),
            (network.ground, ground),
            (network.state, state),
        ):
            layer.weight /= temperature
            layer.bias /= temperature
    return network


def parameter_count(network: nn.Module) -> int:
    """How many figures were learnt."""
    return sum(values.numel() for values in network.parameters())


def exported(network: ReaderNetwork) -> bytes:
    """The network as an ONNX file for any number of strips at once."""
    target = io.BytesIO()
    torch.onnx.export(
        network.eval().to(memory_format=torch.contiguous_format),
        (torch.zeros(1, 3, HEIGHT, WIDTH),),
        target,
        input_names=["strips"],
        output_names=["columns", "ground", "state"],
        dynamic_axes={
            name: {0: "n"} for name in ("strips", "columns", "ground", "state")
        },
        opset_version=17,
        dynamo=False,
    )
    model = onnx.load_model_from_string(target.getvalue())
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())
