"""Which engine a command uses: one of the table, or ours with weights from files."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Final

from lpr.cli.errors import WrongUseError
from lpr.cli.sources import read_bytes
from lpr.detector import NetworkDetector
from lpr.engines import ENGINES, Engine, open_engine, own_engine
from lpr.errors import WeightsError
from lpr.fine_reader import FineReader
from lpr.onnx import ENGINES as RUNTIMES
from lpr.pipeline import Pipeline
from lpr.rectifier import Rectifier
from lpr.second_look import SecondLook
from lpr.sequence import SequenceReader
from lpr.weight_set import WeightSet

__all__ = ["add_engine_arguments", "chosen_engine", "chosen_pipeline"]

_NAMES: Final = ", ".join(row.name for row in ENGINES)


def add_engine_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments by which a command's engine is chosen."""
    parser.add_argument(
        "--engine", default="ours", metavar="NAME", help=f"one of {_NAMES}"
    )
    parser.add_argument(
        "--runtime", choices=RUNTIMES, help="what computes our networks"
    )
    parser.add_argument(
        "--detector", type=Path, metavar="ONNX", help="other weights for our detector"
    )
    parser.add_argument(
        "--rectifier",
        type=Path,
        metavar="ONNX",
        help="other weights for our rectifier",
    )
    parser.add_argument(
        "--reader", type=Path, metavar="ONNX", help="other weights for our reader"
    )
    parser.add_argument(
        "--fine-reader",
        type=Path,
        metavar="ONNX",
        help="other weights for what reads doubtful plates again",
    )
    parser.add_argument(
        "--second-look",
        type=Path,
        metavar="ONNX",
        help="other weights for the second look at doubtful characters",
    )


def chosen_engine(options: argparse.Namespace) -> tuple[str, Engine]:
    """The engine that the arguments name.

    Raises:
        EngineError: it cannot run here.
        WrongUseError: a file cannot be read or holds other weights, or weights go to
            another's engine.
    """
    if options.engine != "ours":
        if any(_files(options)) or options.runtime:
            raise WrongUseError(
                "--detector, --rectifier, --reader, --fine-reader, --second-look and "
                "--runtime go with --engine ours only"
            )
        return options.engine, open_engine(options.engine)
    weights = _weight_set(options)
    return "ours", own_engine(weights, runtime=options.runtime)


def chosen_pipeline(options: argparse.Namespace) -> Pipeline:
    """Our own way from a picture to plates, with the weights that are named.

    Raises:
        EngineError: the runtime is not installed.
        WrongUseError: a file cannot be read or holds other weights.
    """
    if not any(_files(options)) and options.runtime is None:
        return Pipeline.standard()
    return Pipeline.with_networks(_weight_set(options), runtime=options.runtime)


def _files(options: argparse.Namespace) -> tuple[Path | None, ...]:
    return (
        options.detector,
        options.rectifier,
        options.reader,
        options.fine_reader,
        options.second_look,
    )


def _weight_set(options: argparse.Namespace) -> WeightSet:
    return WeightSet.of(
        detector=_weights(options.detector, NetworkDetector.load),
        rectifier=_weights(options.rectifier, Rectifier.load),
        reader=_weights(options.reader, SequenceReader.load),
        fine=_weights(options.fine_reader, FineReader.load),
        second=_weights(options.second_look, SecondLook.load),
    )


def _weights(path: Path | None, load: Callable[[bytes], object]) -> bytes | None:
    """The bytes of a file that a loader takes; its refusal names the file."""
    if path is None:
        return None
    data = read_bytes(path)
    try:
        load(data)
    except WeightsError as error:
        message = f"{path}: {error}"
        raise WrongUseError(message) from error
    return data
