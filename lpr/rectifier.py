"""Moves corners that are roughly known onto the plate's own.

An upright box around a leaning plate, or a detector's find, shows the characters
slanted and cut off at the ends. A small network looks at what such corners enclose,
laid flat, and says where in it the plate's four corners are. It finds no plate: where
there is none its answer means nothing.
"""

from importlib import resources
from typing import Final, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from lpr.errors import WeightsError
from lpr.image import Corners, Image, map_between, mapped, rim_of
from lpr.onnx import EngineName, Network, load
from lpr.spelling import softmax
from lpr.strips import laid_flat, normalised, widened

__all__ = [
    "AROUND",
    "REACH_PX",
    "STRIDE",
    "VIEW_PX",
    "VOTES",
    "Rectifier",
    "packaged_rectifier_weights",
    "view_of",
    "voted",
]

Floats: TypeAlias = NDArray[np.float32]

VIEW_PX: Final = (128, 48)
"""Width and height of what the network sees."""
AROUND: Final = (0.08, 0.2)
"""So much is shown around the given corners, as shares of their width and height."""
STRIDE: Final = 8
"""A cell of the answer stands for so many pixels of the view."""
VOTES: Final = 12
"""Channels: for each corner how much a cell's vote counts, and for x and for y."""
REACH_PX: Final = 16.0
"""A vote of 1 is so far from the middle of its cell."""
_MOST_PASSES: Final = 3
_STILL: Final = 0.1
"""Another pass follows where one moved the corners by more than this on average, in
shares of the plate's height: it sees more of the plate, and that more nearly level."""
_LEAST_PART: Final = 0.05
"""A plate takes more of a view than this, however far off the given corners were."""
_WEIGHTS: Final = "rectifier.onnx"


def packaged_rectifier_weights() -> bytes:
    """The weights that ship inside the package."""
    return resources.files("lpr").joinpath("weights", _WEIGHTS).read_bytes()


class Rectifier(msgspec.Struct, frozen=True, kw_only=True):
    """A network that says where a plate's corners are in a view of it."""

    network: Network

    @classmethod
    def load(
        cls, weights: bytes, *, engine: EngineName | None = None, threads: int = 1
    ) -> "Rectifier":
        """The rectifier with these weights.

        Raises:
            EngineError: the engine that was asked for is not installed.
            WeightsError: the bytes are no weights of a rectifier.
        """
        network = load(weights, engine=engine, threads=threads)
        width, height = VIEW_PX
        blank = np.zeros((1, 3, height, width), np.float32)
        wanted = (1, VOTES, height // STRIDE, width // STRIDE)
        if tuple(one.shape for one in network.run(blank)) != (wanted,):
            raise WeightsError("weights are those of no rectifier")
        return cls(network=network)

    def rectified(
        self, image: Image, around: Corners, *, passes: int = _MOST_PASSES
    ) -> Corners:
        """The plate's own corners, clockwise from its upper left [px].

        An answer that is no plate's outline leaves them where they were.

        Args:
            image: BGR, shape (height, width, 3).
            around: corners that roughly enclose the plate, or an upright box around it.
            passes: so many at most, each from the corners that the one before found.
        """
        corners = np.asarray(around, np.float32)
        for _ in range(passes):
            view, back = view_of(image, corners)
            (answer,) = self.network.run(normalised(view[None]))
            seen = voted(answer)[0]
            if not _is_outline(seen):
                break
            found = mapped(seen, back)
            tall = float(np.hypot(*(found[2] + found[3] - found[0] - found[1]))) / 2
            moved = float(np.hypot(*(found - corners).T).mean())
            corners = found
            if moved < _STILL * tall:
                break
        return corners


def _is_outline(seen: Corners) -> bool:
    """Whether corners seen in a view may be a plate's.

    They go clockwise, none lies inside, and they enclose a good part of the view.
    """
    width, height = VIEW_PX
    # plain figures: of arrays this small the calls would take most of the time
    corners = [(float(x), float(y)) for x, y in seen]
    for (x0, y0), (x1, y1), (x2, y2) in zip(
        corners, corners[1:] + corners[:1], corners[2:] + corners[:2], strict=True
    ):
        if not (-width < 2 * x0 < 3 * width and -height < 2 * y0 < 3 * height):
            return False
        if (x1 - x0) * (y2 - y1) <= (y1 - y0) * (x2 - x1):
            return False
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = corners
    area = abs((cx - ax) * (dy - by) - (cy - ay) * (dx - bx)) / 2
    return area > _LEAST_PART * width * height


def view_of(image: Image, around: Corners) -> tuple[Image, NDArray[np.float64]]:
    """What the network sees of these corners, and the way back.

    Returns:
        The view, BGR, shape (48, 128, 3), and the matrix, shape (3, 3), that takes its
        pixels to those of the image.
    """
    width, height = VIEW_PX
    shown = widened(around, *AROUND)
    back = map_between(rim_of(width, height), shown)
    return laid_flat(image, shown, width, height), back


def voted(answer: Floats) -> Floats:
    """Where the cells of an answer say that the corners are.

    Args:
        answer: shape (n, 12, rows, columns), of each corner in turn a logit of how much
            the vote counts, and the way to the corner from the middle of the cell.

    Returns:
        Shape (n, 4, 2) [px of the view].
    """
    count, _, rows, columns = answer.shape
    votes = answer.reshape(count, 4, 3, rows * columns)
    weight = softmax(votes[:, :, 0])
    cells = np.empty((2, rows, columns), np.float32)
    cells[0] = np.arange(columns)
    cells[1] = np.arange(rows)[:, None]
    middles = ((cells + np.float32(0.5)) * np.float32(STRIDE)).reshape(2, -1)
    places = middles + votes[:, :, 1:] * np.float32(REACH_PX)
    return np.asarray((weight[:, :, None] * places).sum(axis=3), np.float32)
