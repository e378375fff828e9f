"""The weights of the station's plate reader: those that ship, or its own from files.

It trains nothing and mends nothing: a file that holds other weights is refused.
"""

from collections.abc import Callable
from pathlib import Path

import structlog

from edge.config import PlatesConfig, StationConfig
from edge.errors import ConfigError
from lpr.errors import WeightsError
from lpr.fine_reader import FineReader
from lpr.pipeline import Pipeline
from lpr.second_look import SecondLook
from lpr.sequence import SequenceReader
from lpr.weight_set import WeightSet

__all__ = ["load_pipeline"]

_MADE_BY: dict[str, str] = {
    "reader": "luheng-lpr finetune",
    "fine_reader": "python -m lpr.training fine",
    "second_look": "python -m lpr.training second",
}


def load_pipeline(config: StationConfig) -> Pipeline:
    """Return what reads this station's plates.

    Raises:
        ConfigError: a file cannot be read or holds other weights; one line with the
            file, the key and what to do.
    """
    plates = config.plates
    if plates == PlatesConfig():
        return Pipeline.standard()
    weights = WeightSet.of(
        reader=_weights(config, "reader", plates.reader, SequenceReader.load),
        fine=_weights(config, "fine_reader", plates.fine_reader, FineReader.load),
        second=_weights(config, "second_look", plates.second_look, SecondLook.load),
    )
    structlog.get_logger("edge.reader_weights").info(
        "own_plate_weights_loaded", weights=list(weights.marks)
    )
    return Pipeline.with_networks(weights)


def _weights(
    config: StationConfig, name: str, file: str | None, load: Callable[[bytes], object]
) -> bytes | None:
    """The bytes of a file that a loader takes."""
    if file is None:
        return None
    key = f"{config.path}: key 'plates.{name}'"
    try:
        data = Path(file).read_bytes()
    except OSError as error:
        text = f"{key}: cannot read {file}: {error.strerror}"
        raise ConfigError(text) from error
    try:
        load(data)
    except WeightsError as error:
        text = f"{key}: {file}: {error}; allowed: an ONNX file of {_MADE_BY[name]}"
        raise ConfigError(text) from error
    return data
