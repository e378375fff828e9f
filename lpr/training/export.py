"""Turns a trained network into the ONNX file that ships, and such a file back again.

Normalisation and temperatures are folded into the weights: what leaves here gives
logits that need nothing but a softmax, and whoever runs it knows of no calibration.
Weights are kept in 16 bits and computed with in 32.
"""

import copy
import io
import warnings
from itertools import pairwise
from typing import Final, TypeAlias, TypeVar

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from lpr.errors import WeightsError
from lpr.rectifier import VIEW_PX
from lpr.second_look import PATCH_PX
from lpr.strips import FINE, HEIGHT, WIDTH
from lpr.training.fine_network import FineNetwork
from lpr.training.locator import Locator
from lpr.training.reader_network import ReaderNetwork, StripNetwork
from lpr.training.rectifier_network import RectifierNetwork
from lpr.training.second_network import SecondNetwork

__all__ = [
    "exported",
    "exported_locator",
    "exported_rectifier",
    "exported_second",
    "folded",
    "halved",
    "mean_of",
    "network_of",
    "opened",
    "parameter_count",
    "with_temperatures",
]

Network = TypeVar("Network", bound=nn.Module)
_Axes: TypeAlias = dict[str, dict[int, str]]
"""Names of what goes in or comes out, and which of its lengths are open."""

_ANY_NUMBER: Final = {0: "n"}
_HALF: Final = ".half"
"""What the name of a weight that is kept in 16 bits ends with."""


def with_temperatures(
    network: StripNetwork, *, symbols: float, ground: float, state: float
) -> StripNetwork:
    """A copy of the network with its three answers divided by these temperatures."""
    cooled = copy.deepcopy(network)
    with torch.no_grad():
        for layer, temperature in (
            (cooled.symbols, symbols),
            (cooled.ground, ground),
            (cooled.state, state),
        ):
            layer.weight /= temperature
            layer.bias /= temperature
    return cooled


def parameter_count(network: nn.Module) -> int:
    """How many figures were learnt."""
    return sum(values.numel() for values in network.parameters())


def folded(network: Network) -> Network:
    """A copy whose normalisations are part of the convolutions before them."""
    made: Network = copy.deepcopy(network).eval()
    for parent in list(made.modules()):
        children = list(parent.named_children())
        for (before, layer), (name, norm) in pairwise(children):
            if isinstance(layer, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                setattr(parent, before, fuse_conv_bn_eval(layer, norm))
                setattr(parent, name, nn.Identity())
    return made


def _without_nines(network: Network) -> Network:
    """Convolutions of one by nine made one by eleven, the ends being zero.

    OpenCV 5.0 computes what has nine taps as three by three.
    """
    for parent in list(network.modules()):
        for name, layer in list(parent.named_children()):
            if isinstance(layer, nn.Conv2d) and layer.kernel_size == (1, 9):
                wider = nn.Conv2d(
                    layer.in_channels,
                    layer.out_channels,
                    (1, 11),
                    padding=(0, 5),
                    bias=layer.bias is not None,
                )
                with torch.no_grad():
                    wider.weight.copy_(nn.functional.pad(layer.weight, (1, 1)))
                    if layer.bias is not None and wider.bias is not None:
                        wider.bias.copy_(layer.bias)
                setattr(parent, name, wider)
    return network


def exported(network: StripNetwork) -> bytes:
    """The network, folded, as an ONNX file for any number of strips at once."""
    scale = FINE if isinstance(network, FineNetwork) else 1.0
    example = torch.zeros(1, 3, round(HEIGHT * scale), round(WIDTH * scale))
    given = dict.fromkeys(("columns", "ground", "state"), _ANY_NUMBER)
    made = _without_nines(folded(network))
    return _written(made, example, {"strips": _ANY_NUMBER}, given)


def exported_second(network: SecondNetwork, *, evidence: float) -> bytes:
    """The second look as an ONNX file, its logits times ``evidence``."""
    weighed = copy.deepcopy(network)
    with torch.no_grad():
        weighed.symbols.weight *= evidence
        weighed.symbols.bias *= evidence
    example = torch.zeros(1, 3, PATCH_PX, PATCH_PX)
    taken, given = {"patches": _ANY_NUMBER}, {"symbols": _ANY_NUMBER}
    return _written(folded(weighed), example, taken, given)


def exported_locator(network: Locator) -> bytes:
    """The detector, folded, for one picture of any size in steps of 32 pixels."""
    example = torch.zeros(1, 3, 256, 384)
    taken = {"picture": {2: "height", 3: "width"}}
    given = {"answer": {2: "rows", 3: "columns"}}
    return _written(folded(network), example, taken, given)


def exported_rectifier(network: RectifierNetwork) -> bytes:
    """The rectifier, folded, for any number of views at once."""
    width, height = VIEW_PX
    example = torch.zeros(1, 3, height, width)
    taken, given = {"views": _ANY_NUMBER}, {"votes": _ANY_NUMBER}
    return _written(folded(network), example, taken, given)


def _written(
    network: nn.Module, example: torch.Tensor, taken: _Axes, given: _Axes
) -> bytes:
    target = io.BytesIO()
    with warnings.catch_warnings():
        # the newer exporter needs one package more and renames the weights
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            network.to(memory_format=torch.contiguous_format),
            (example,),
            target,
            input_names=list(taken),
            output_names=list(given),
            dynamic_axes={**taken, **given},
            opset_version=17,
            dynamo=False,
        )
    return halved(target.getvalue())


def halved(weights: bytes) -> bytes:
    """The same ONNX file with its weights in 16 bits, made 32 where it is loaded."""
    model = onnx.load_model_from_string(weights)
    widened = []
    for one in model.graph.initializer:
        if one.data_type == onnx.TensorProto.FLOAT:
            name = one.name
            values = numpy_helper.to_array(one).astype(np.float16)
            one.CopyFrom(numpy_helper.from_array(values, name + _HALF))
            widened.append(
                onnx.helper.make_node(
                    "Cast", [one.name], [name], to=onnx.TensorProto.FLOAT
                )
            )
    nodes = [*widened, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def mean_of(one: bytes, other: bytes) -> bytes:
    """The file of a network whose weights lie halfway between those of two others.

    They have to be of one training that was gone on with: what lies between networks
    that began apart is none.

    Raises:
        ValueError: they are not two files of one network.
    """
    made, beside = (onnx.load_model_from_string(file) for file in (one, other))
    weights = {each.name: each for each in made.graph.initializer}
    theirs = {each.name: each for each in beside.graph.initializer}
    if {name: each.dims for name, each in weights.items()} != {
        name: each.dims for name, each in theirs.items()
    }:
        raise ValueError("two files of different networks have no mean")
    for name, held in weights.items():
        values = numpy_helper.to_array(held)
        if np.issubdtype(values.dtype, np.floating):
            others = numpy_helper.to_array(theirs[name]).astype(np.float32)
            middle = 0.5 * (values.astype(np.float32) + others)
            held.CopyFrom(numpy_helper.from_array(middle.astype(values.dtype), name))
    return bytes(made.SerializeToString())


def network_of(weights: bytes) -> ReaderNetwork:
    """The folded network of an ONNX file, to be trained on.

    Raises:
        WeightsError: the bytes are no file of this module.
    """
    _, held = opened(weights)
    network = folded(ReaderNetwork())
    own = network.state_dict()
    lacking = [name for name in own if name not in held]
    if lacking:
        message = f"weights lack {lacking[0]}: another network's?"
        raise WeightsError(message)
    network.load_state_dict({name: held[name] for name in own})
    return network


def opened(weights: bytes) -> tuple[onnx.ModelProto, dict[str, torch.Tensor]]:
    """An ONNX file, and what it holds by name, in 32 bits.

    Raises:
        WeightsError: the bytes are no ONNX file.
    """
    try:
        model = onnx.load_model_from_string(weights)
    except Exception as error:  # what protobuf raises has no common root
        message = f"weights are no ONNX file: {error}"
        raise WeightsError(message) from error
    return model, {
        one.name.removesuffix(_HALF): torch.from_numpy(
            numpy_helper.to_array(one).astype(np.float32)
            if one.name.endswith(_HALF)
            else numpy_helper.to_array(one).copy()
        )
        for one in model.graph.initializer
    }
