"""Finds the four corners of every plate in a frame with the shipped networks.

One pass over the frame, brought to about half a million pixels (frames above full HD
to half their sides), a closer look at each find, turned level and at one size, and at
last the rectifier, which brings the corners to their place. It tells plates of one line
from those of two where it can, and reads nothing.
"""

from collections.abc import Sequence
from importlib import resources
from typing import Final, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from lpr.errors import WeightsError
from lpr.image import (
    Corners,
    Image,
    Region,
    as_blob,
    largest_around,
    pixels_of_region,
    warped,
)
from lpr.models import PlateBox
from lpr.onnx import EngineName, Network, load
from lpr.rectifier import Rectifier, packaged_rectifier_weights
from lpr.strips import Lines

__all__ = [
    "NetworkDetector",
    "Sighting",
    "network_size",
    "packaged_detector_weights",
    "sightings",
]

Bounds: TypeAlias = tuple[float, float, float, float]
"""x0, y0, x1, y1 of an upright box."""

_WEIGHTS: Final = "detector.onnx"
_STEP: Final = 32
_CHANNELS: Final = 10
_STRIDE: Final = 8
_REACH_PX: Final = 16.0
_WORKED_PIXELS: Final = 960 * 544
"""A full-HD frame at half its sides."""
_LEAST_SCALE: Final = 0.5
_OVERLAP: Final = 0.35
_LINES_KNOWN: Final = 0.85
"""So sure the network is of one line or of two where it is believed: of 167 boxes on
rendered plates 161 are, one of them wrongly; of the six others four would be wrong."""
_SURE: Final = 0.5
_CLOSE_SIZE: Final = (224, 96)
_CLOSE_WIDTH_PX: Final = 160.0
_MOST_SIGHTINGS: Final = 24


def packaged_detector_weights() -> bytes:
    """The weights that ship inside the package."""
    return resources.files("lpr").joinpath("weights", _WEIGHTS).read_bytes()


class Sighting(msgspec.Struct, frozen=True):
    """What one peak of the answer says, in pixels of the network's picture."""

    corners: Corners
    confidence: float
    double: float


class NetworkDetector(msgspec.Struct, frozen=True, kw_only=True):
    """The detector with networks whose weights it is given."""

    network: Network
    rectifier: Rectifier
    least_confidence: float = 0.3
    least_hint: float = 0.2
    """From so much on a place gets a closer look."""
    most: int = 8
    thorough: bool = True
    """A part in which nothing sure is found is searched once more, twice as fine."""

    @classmethod
    def load(
        cls,
        weights: bytes,
        *,
        rectifier: bytes | None = None,
        engine: EngineName | None = None,
        threads: int = 1,
    ) -> "NetworkDetector":
        """The detector with these weights.

        Args:
            weights: of the network that finds.
            rectifier: of the one that brings corners to their place; those that ship
                without.
            engine: who computes; what is installed without.
            threads: so many for each network.

        Raises:
            EngineError: the engine that was asked for is not installed.
            WeightsError: the bytes are no weights of a detector or of a rectifier.
        """
        network = load(weights, engine=engine, threads=threads)
        blank = np.zeros((1, 3, _STEP, _STEP), np.float32)
        wanted = (1, _CHANNELS, _STEP // _STRIDE, _STEP // _STRIDE)
        if tuple(one.shape for one in network.run(blank)) != (wanted,):
            raise WeightsError("weights are those of no plate detector")
        corners = Rectifier.load(
            rectifier or packaged_rectifier_weights(), engine=engine, threads=threads
        )
        return cls(network=network, rectifier=corners)

    def detect(self, image: Image, *, region: Region | None) -> tuple[PlateBox, ...]:
        """Boxes in pixels of the whole image, the most likely first."""
        x0, y0, x1, y1 = pixels_of_region(image, region)
        if x1 - x0 < 16 or y1 - y0 < 8:
            return ()
        width, height = network_size(x1 - x0, y1 - y0)
        found = self._look(image, (x0, y0, x1, y1), (width, height))
        surest = max((one.confidence for one in found), default=0.0)
        finer = _finer_size(x1 - x0, y1 - y0)
        if self.thorough and surest < _SURE and finer[0] > width:
            found += self._look(image, (x0, y0, x1, y1), finer)
        found.sort(key=lambda one: -one.confidence)
        # two finds beside each other may be of one plate, and come to lie on each other
        placed = [self._placed(image, one) for one in _apart(found)]
        return tuple(_box(one) for one in _apart(placed))

    def _placed(self, image: Image, seen: Sighting) -> Sighting:
        """A find, with its corners in their place where it most likely is a plate."""
        if seen.confidence < _SURE:
            return seen
        corners = self.rectifier.rectified(image, seen.corners)
        return Sighting(corners, seen.confidence, seen.double)

    def _look(
        self, image: Image, part: tuple[int, int, int, int], size: tuple[int, int]
    ) -> list[Sighting]:
        """All finds of one pass over a part of the image, each looked at closer."""
        x0, y0, x1, y1 = part
        width, height = size
        blob = as_blob(image[y0:y1, x0:x1], width=width, height=height)
        (answer,) = self.network.run(blob)
        scale = np.array([(x1 - x0) / width, (y1 - y0) / height], np.float32)
        offset = np.array([x0, y0], np.float32)
        found = []
        for hint in sightings(answer[0], least=self.least_hint)[: self.most]:
            corners = np.asarray(hint.corners * scale + offset, np.float32)
            seen = self._closer(image, Sighting(corners, hint.confidence, hint.double))
            if seen.confidence >= self.least_confidence:
                found.append(seen)
        return found

    def _closer(self, image: Image, seen: Sighting) -> Sighting:
        """A second look at one find, level and at one size; the surer corners count."""
        onto = _levelled(seen.corners)
        if onto is None:
            return seen
        best = self._in_the_middle(image, onto)
        if best is None:
            return Sighting(seen.corners, 0.5 * seen.confidence, seen.double)
        return Sighting(
            best.corners,
            max(best.confidence, 0.5 * (best.confidence + seen.confidence)),
            best.double,
        )

    def _in_the_middle(
        self, image: Image, onto: NDArray[np.float64]
    ) -> Sighting | None:
        """The surest find near the middle of a close view, in pixels of the image."""
        width, height = _CLOSE_SIZE
        view = warped(image, onto, width=width, height=height)
        (answer,) = self.network.run(as_blob(view, width=width, height=height))
        middle = np.array([width / 2, height / 2])
        for one in sightings(answer[0], least=self.least_confidence):
            if np.hypot(*(one.corners.mean(axis=0) - middle)) < _CLOSE_WIDTH_PX / 3:
                back = np.linalg.inv(onto)
                corners = one.corners @ back[:2, :2].T + back[:2, 2]
                return Sighting(
                    np.asarray(corners, np.float32), one.confidence, one.double
                )
        return None


def _box(seen: Sighting) -> PlateBox:
    return PlateBox(
        corners=seen.corners,
        confidence=min(seen.confidence, 1.0),
        lines=_lines_of(seen),
    )


def _lines_of(seen: Sighting) -> Lines | None:
    """One or two lines; nothing where the network is not sure."""
    if seen.double >= _LINES_KNOWN:
        return 2
    return 1 if seen.double <= 1.0 - _LINES_KNOWN else None


def _levelled(corners: Corners) -> NDArray[np.float64] | None:
    """The turn and scale that lay a plate level in the middle of a close view."""
    along = (corners[1] - corners[0] + corners[2] - corners[3]).astype(np.float64) / 2
    length = float(np.hypot(*along))
    if length < 4.0:
        return None
    cos, sin = along / length * (_CLOSE_WIDTH_PX / length)
    turn = np.array([[cos, sin], [-sin, cos]])
    middle = np.array(_CLOSE_SIZE) / 2 - turn @ corners.mean(axis=0)
    return np.vstack([np.column_stack([turn, middle]), [0.0, 0.0, 1.0]])


def network_size(width: int, height: int) -> tuple[int, int]:
    """Width and height at which the network looks at a part of this size.

    >>> network_size(1920, 1080)
    (960, 544)
    >>> network_size(3840, 2160)
    (1920, 1088)
    >>> network_size(640, 480)
    (640, 480)
    """
    scale = min(1.0, (_WORKED_PIXELS / (width * height)) ** 0.5)
    scale = max(scale, _LEAST_SCALE)
    return _rounded(width * scale), _rounded(height * scale)


def _finer_size(width: int, height: int) -> tuple[int, int]:
    """Twice as fine, at most as fine as the picture is and as full HD is."""
    finest = min(1.0, (4 * _WORKED_PIXELS / (width * height)) ** 0.5)
    return _rounded(width * finest), _rounded(height * finest)


def _rounded(length: float) -> int:
    return max(_STEP, round(length / _STEP) * _STEP)


def sightings(answer: NDArray[np.float32], *, least: float) -> list[Sighting]:
    """The peaks of an answer, each place once, the most likely first.

    Args:
        answer: shape (10, rows, columns): logit of a centre, eight corner figures,
            logit of two lines.
        least: probability below which a peak is none.
    """
    chance = 1.0 / (1.0 + np.exp(-answer[0]))
    peaks = _tops(chance, least)
    order = np.argsort(-chance[peaks[:, 0], peaks[:, 1]], kind="stable")
    found = [
        _around(answer, chance, int(row), int(column))
        for row, column in peaks[order[: 4 * _MOST_SIGHTINGS]]
    ]
    return _apart(found)[:_MOST_SIGHTINGS]


def _tops(chance: NDArray[np.float32], least: float) -> NDArray[np.intp]:
    """Places at least so likely of which no neighbour is more likely, shape (n, 2)."""
    return np.argwhere((chance >= least) & (chance >= largest_around(chance)))


def _apart(found: Sequence[Sighting]) -> list[Sighting]:
    """The sightings less those that lie on an earlier one."""
    kept: list[Sighting] = []
    places: list[Bounds] = []
    for one in found:
        place = _bounds(one.corners)
        if all(_shared(place, other) < _OVERLAP for other in places):
            kept.append(one)
            places.append(place)
    return kept


def _around(
    answer: NDArray[np.float32], chance: NDArray[np.float32], row: int, column: int
) -> Sighting:
    """A peak and its neighbours together, each as sure as it is."""
    rows = slice(max(row - 1, 0), row + 2)
    columns = slice(max(column - 1, 0), column + 2)
    weight = chance[rows, columns].copy()
    weight[weight < 0.5 * chance[row, column]] = 0.0
    tall, wide = weight.shape
    middles = np.empty((2, tall, wide), np.float32)
    middles[0] = np.arange(columns.start, columns.start + wide)
    middles[1] = np.arange(rows.start, rows.start + tall)[:, None]
    middles = (middles + np.float32(0.5)) * np.float32(_STRIDE)
    figures = answer[1:9, rows, columns].reshape(4, 2, *weight.shape)
    corners = ((figures * _REACH_PX + middles) * weight).sum(axis=(2, 3))
    double = (answer[9, rows, columns] * weight).sum() / weight.sum()
    return Sighting(
        corners=np.asarray(corners / weight.sum(), np.float32),
        confidence=float(chance[row, column]),
        double=float(1.0 / (1.0 + np.exp(-double))),
    )


def _bounds(corners: Corners) -> Bounds:
    """The upright box around four corners."""
    (x0, y0), (x1, y1) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
    return x0, y0, x1, y1


def _shared(one: Bounds, other: Bounds) -> float:
    """Overlap of two upright boxes against the smaller of them."""
    across = min(one[2], other[2]) - max(one[0], other[0])
    along = min(one[3], other[3]) - max(one[1], other[1])
    areas = [(x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in (one, other)]
    return max(across, 0.0) * max(along, 0.0) / max(min(areas), 1e-6)
