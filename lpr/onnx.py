"""The one door to inference: a network's bytes in, arrays in, arrays out.

ONNX Runtime where it is installed, OpenCV's own engine otherwise; both give the same
figures within rounding. One thread unless more are asked for: a station has other work.
It opens no file and never downloads a model.
"""

from collections.abc import Callable
from threading import Lock
from typing import Any, Final, Literal, Protocol, TypeAlias, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from lpr.errors import EngineError, WeightsError

__all__ = ["ENGINES", "EngineName", "Network", "OpenCvNetwork", "OrtNetwork", "load"]

Floats: TypeAlias = NDArray[np.float32]
EngineName: TypeAlias = Literal["onnxruntime", "opencv"]
ENGINES: Final[tuple[EngineName, ...]] = get_args(EngineName)


class Network(Protocol):
    """A network with one input."""

    @property
    def engine(self) -> EngineName:
        """Who computes."""
        ...

    def run(self, tensor: Floats) -> tuple[Floats, ...]:
        """All outputs for one input, in the order in which the network names them."""
        ...


class OrtNetwork:
    """A network on ONNX Runtime. May be shared between threads."""

    engine: EngineName = "onnxruntime"

    def __init__(self, model: bytes, *, threads: int = 1) -> None:
        """Build the session.

        Raises:
            EngineError: ONNX Runtime is not installed.
            WeightsError: the bytes are no network that it takes.
        """
        runtime = _runtime()
        if runtime is None:
            message = (
                "engine onnxruntime is not installed: pip install onnxruntime, or "
                "choose engine opencv"
            )
            raise EngineError(message)
        options = runtime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 4
        try:
            self._session: Any = runtime.InferenceSession(
                model, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # its exceptions share no base class
            message = f"these weights are no network for ONNX Runtime: {_line(error)}"
            raise WeightsError(message) from error
        self._input = str(self._session.get_inputs()[0].name)

    def run(self, tensor: Floats) -> tuple[Floats, ...]:
        """All outputs for one input.

        Raises:
            WeightsError: the network was made for inputs of another shape.
        """
        try:
            found = self._session.run(None, {self._input: tensor})
        except Exception as error:  # its exceptions share no base class
            message = f"these weights take no input {tensor.shape}: {_line(error)}"
            raise WeightsError(message) from error
        return tuple(np.asarray(one, np.float32) for one in found)


class OpenCvNetwork:
    """A network on OpenCV's engine. Threads that share it wait for each other.

    OpenCV keeps the number of threads for the whole process: it is the caller's to set.
    """

    engine: EngineName = "opencv"

    def __init__(self, model: bytes, *, threads: int = 1) -> None:
        """Read the network.

        Raises:
            WeightsError: the bytes are no network that OpenCV takes.
        """
        del threads
        try:
            self._network: Any = cv2.dnn.readNetFromONNX(np.frombuffer(model, np.uint8))
        except cv2.error as error:
            message = f"these weights are no network for OpenCV: {_line(error)}"
            raise WeightsError(message) from error
        self._turn = Lock()
        self._names: tuple[str, ...] = tuple(
            self._network.getUnconnectedOutLayersNames()
        )

    def run(self, tensor: Floats) -> tuple[Floats, ...]:
        """All outputs for one input.

        Raises:
            WeightsError: the network was made for inputs of another shape.
        """
        with self._turn:
            self._network.setInput(tensor)
            try:
                found = self._network.forward(self._names)
            except cv2.error as error:
                message = f"these weights take no input {tensor.shape}: {_line(error)}"
                raise WeightsError(message) from error
            return tuple(np.array(one, np.float32) for one in found)


_MAKERS: Final[dict[EngineName, Callable[..., Network]]] = {
    "onnxruntime": OrtNetwork,
    "opencv": OpenCvNetwork,
}


def load(
    model: bytes, *, engine: EngineName | None = None, threads: int = 1
) -> Network:
    """A network from the bytes of an ONNX file.

    Args:
        model: the file's bytes.
        engine: who is to compute; by default ONNX Runtime where it is installed.
        threads: so many work on one picture.

    Raises:
        EngineError: the engine that was asked for is not installed.
        WeightsError: the bytes are no network.
    """
    chosen = engine or ("opencv" if _runtime() is None else "onnxruntime")
    return _MAKERS[chosen](model, threads=threads)


def _runtime() -> Any:  # noqa: ANN401  it brings no types
    """ONNX Runtime, or nothing where it is not installed."""
    try:
        import onnxruntime  # noqa: PLC0415  OpenCV stands in where it is missing
    except ImportError:
        return None
    return onnxruntime


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:160]
