"""The learned classifier of single characters: a small convolutional network in NumPy.

It turns ink patches into probabilities over all characters of GA 36 and one answer
more, ``NO_CHARACTER``, for halves, pairs, bolts and frames. It loads weights from
bytes that it is given and never opens a file.
"""

import io
import zipfile
from typing import Final, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from lpr.errors import WeightsError
from lpr.plate import DIGITS, HANZI_SUFFIXES, PROVINCES, SERIAL_LETTERS

__all__ = [
    "ALPHABET",
    "LAYERS",
    "NO_CHARACTER",
    "PATCH_HEIGHT",
    "PATCH_WIDTH",
    "GlyphClassifier",
    "Parameters",
    "columns_of_windows",
    "pool",
]

Floats: TypeAlias = NDArray[np.float32]
Parameters: TypeAlias = dict[str, Floats]

ALPHABET: Final = PROVINCES + SERIAL_LETTERS + DIGITS + HANZI_SUFFIXES
"""One class per shape: I and O have none, they are not used on plates."""
NO_CHARACTER: Final = len(ALPHABET)

PATCH_HEIGHT: Final = 40
PATCH_WIDTH: Final = 32

LAYERS: Final[dict[str, tuple[int, ...]]] = {
    "conv1": (25 * 1, 16),
    "conv2": (9 * 16, 32),
    "conv3": (9 * 32, 48),
    "hidden": (5 * 4 * 48, 128),
    "output": (128, NO_CHARACTER + 1),
}
"""Weight matrices, rows by columns; each has a bias of as many as its columns."""


def columns_of_windows(maps: Floats, *, side: int, stride: int) -> Floats:
    """Every ``side`` by ``side`` window of each map laid out as one row.

    Args:
        maps: shape (n, height, width, channels).
        side: odd side of the windows; the maps are padded so that windows centre on
            every ``stride``-th cell.
        stride: cells from one window to the next.

    Returns:
        Shape (n, height / stride, width / stride, side · side · channels).
    """
    half = side // 2
    count, height, width, channels = maps.shape
    padded = np.pad(maps, ((0, 0), (half, half), (half, half), (0, 0)))
    rows, columns = -(-height // stride), -(-width // stride)
    out = np.empty((count, rows, columns, side * side, channels), dtype=np.float32)
    for dy in range(side):
        for dx in range(side):
            out[:, :, :, dy * side + dx] = padded[
                :, dy : dy + height : stride, dx : dx + width : stride
            ]
    return out.reshape(count, rows, columns, side * side * channels)


def pool(maps: Floats) -> Floats:
    """The largest of each 2 by 2 cells; shape (n, height / 2, width / 2, channels)."""
    upper = np.maximum(maps[:, ::2, ::2], maps[:, ::2, 1::2])
    lower = np.maximum(maps[:, 1::2, ::2], maps[:, 1::2, 1::2])
    return np.maximum(upper, lower)


def _relu(values: Floats) -> Floats:
    return np.maximum(values, np.float32(0.0))


class GlyphClassifier(msgspec.Struct, frozen=True):
    """One or more networks whose probabilities are averaged.

    ``temperature`` was fitted on typefaces that took no part in training: it makes a
    stated 0.9 mean nine of ten.
    """

    networks: tuple[Parameters, ...]
    temperature: float

    @classmethod
    def load(cls, weights: bytes) -> "GlyphClassifier":
        """Read the networks from the bytes of an ``.npz`` archive.

        Raises:
            WeightsError: the bytes are damaged or made for another alphabet.
        """
        try:
            with np.load(io.BytesIO(weights), allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
        except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
            message = f"weights are no npz archive: {error}"
            raise WeightsError(message) from error
        try:
            alphabet = str(arrays["alphabet"])
            temperature = float(arrays["temperature"])
            count = int(arrays["networks"])
            networks = tuple(
                {
                    f"{layer}.{part}": arrays[f"{index}.{layer}.{part}"].astype(
                        np.float32
                    )
                    for layer in LAYERS
                    for part in ("weight", "bias")
                }
                for index in range(count)
            )
        except KeyError as error:
            message = f"weights lack the array {error}"
            raise WeightsError(message) from error
        if alphabet != ALPHABET:
            raise WeightsError("weights were made for another alphabet")
        for network in networks:
            for layer, shape in LAYERS.items():
                if network[f"{layer}.weight"].shape != shape:
                    found = network[f"{layer}.weight"].shape
                    message = f"weights of {layer} are {found}, not {shape}"
                    raise WeightsError(message)
        return cls(networks, temperature)

    def dump(self) -> bytes:
        """The networks as bytes, in half precision: what :meth:`load` reads."""
        arrays: dict[str, NDArray[np.generic]] = {
            "alphabet": np.array(ALPHABET),
            "temperature": np.array(self.temperature),
            "networks": np.array(len(self.networks)),
        }
        for index, network in enumerate(self.networks):
            for name, values in network.items():
                arrays[f"{index}.{name}"] = values.astype(np.float16)
        target = io.BytesIO()
        # a zip entry carries a date; numpy writes the epoch of zip, so bytes are stable
        np.savez(target, allow_pickle=False, **arrays)
        return target.getvalue()

    def logits(self, patches: Floats, network: Parameters) -> Floats:
        """What one network says before normalisation; shape (n, classes)."""
        maps = patches[..., None]
        for layer, side, stride in (("conv1", 5, 2), ("conv2", 3, 1), ("conv3", 3, 1)):
            windows = columns_of_windows(maps, side=side, stride=stride)
            maps = _relu(
                windows @ network[f"{layer}.weight"] + network[f"{layer}.bias"]
            )
            if layer != "conv1":
                maps = pool(maps)
        flat = maps.reshape(len(patches), LAYERS["hidden"][0])
        hidden = _relu(flat @ network["hidden.weight"] + network["hidden.bias"])
        return np.asarray(
            hidden @ network["output.weight"] + network["output.bias"], np.float32
        )

    def classify(self, patches: Floats) -> Floats:
        """Probabilities of every class for every patch.

        Args:
            patches: shape (n, 40, 32), ink from 0 to 1.

        Returns:
            Shape (n, len(ALPHABET) + 1); rows sum to 1.
        """
        return self._mean_chances(patches, self.networks)

    def propose(self, patches: Floats) -> Floats:
        """What the first network alone says: enough to choose, too little to believe.

        Shapes as in :meth:`classify`.
        """
        return self._mean_chances(patches, self.networks[:1])

    def _mean_chances(
        self, patches: Floats, networks: tuple[Parameters, ...]
    ) -> Floats:
        classes = NO_CHARACTER + 1
        total = np.zeros((len(patches), classes), dtype=np.float32)
        if not len(patches):
            return total
        for network in networks:
            scaled = self.logits(patches, network) / np.float32(self.temperature)
            scaled -= scaled.max(axis=1, keepdims=True)
            odds = np.exp(scaled)
            total += odds / odds.sum(axis=1, keepdims=True)
        return total / np.float32(len(networks))
