"""The detector and the reader that are measured: those that ship, or others."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec

from lpr.detector import NetworkDetector, packaged_detector_weights
from lpr.errors import WeightsError
from lpr.rectifier import Rectifier
from lpr.sequence import SequenceReader

__all__ = ["add_network_arguments", "chosen_networks"]

Loaded = TypeVar("Loaded")


def add_network_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments by which other weights are named."""
    parser.add_argument("--detector", type=Path, metavar="ONNX")
    parser.add_argument("--rectifier", type=Path, metavar="ONNX")
    parser.add_argument(
        "--reader", type=Path, metavar="ONNX", help="weights, without a second look"
    )


def chosen_networks(
    options: argparse.Namespace,
) -> tuple[NetworkDetector, SequenceReader]:
    """The networks that the arguments name.

    Raises:
        OSError: a file cannot be read.
        WeightsError: a file holds other weights; it is named.
    """
    found = (
        NetworkDetector.load(packaged_detector_weights())
        if options.detector is None
        else _held(options.detector, NetworkDetector.load)
    )
    reader = (
        SequenceReader.standard()
        if options.reader is None
        else _held(options.reader, SequenceReader.load)
    )
    if options.rectifier is not None:
        rectifier = _held(options.rectifier, Rectifier.load)
        found = msgspec.structs.replace(found, rectifier=rectifier)
    return found, reader


def _held(path: Path, load: Callable[[bytes], Loaded]) -> Loaded:
    """What a file holds; a refusal names it."""
    data = path.read_bytes()
    try:
        return load(data)
    except WeightsError as error:
        message = f"{path}: {error}"
        raise WeightsError(message) from error
