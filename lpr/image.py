"""Pixels before anything is known of plates: decode, cut, straighten, judge sharpness.

The door for pictures from anywhere: deep, printed (CMYK), grey ones come out as BGR of
eight bits; what is no picture, cut off or giant is refused with one line. Once decoded,
nothing here raises on a picture.
"""

from math import ceil, floor
from typing import Final, TypeAlias

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from lpr.casts import is_colourful, is_grey, without_colour
from lpr.errors import PictureError
from lpr.formats import header_of

__all__ = [
    "MOST_PIXELS",
    "OPENCV_VERSION",
    "Corners",
    "Image",
    "Picture",
    "Region",
    "as_blob",
    "crop_plate",
    "decode_jpeg",
    "decode_picture",
    "encode_jpeg",
    "glare_at",
    "holds",
    "is_colourful",
    "is_grey",
    "largest_around",
    "map_between",
    "mapped",
    "pixels_of_region",
    "rim_of",
    "sharpness",
    "sharpness_at",
    "straighten",
    "warped",
    "without_colour",
]

Image: TypeAlias = NDArray[np.uint8]
"""BGR, shape (height, width, 3)."""
Corners: TypeAlias = NDArray[np.float32]
"""Shape (4, 2), [px], clockwise from the upper left."""
Region: TypeAlias = tuple[float, float, float, float]
"""x0, y0, x1, y1 as fractions of the frame."""

OPENCV_VERSION: Final = cv2.__version__
MOST_PIXELS: Final = 80_000_000
"""No camera at a road gives more; a file that promises more is not decoded."""
_LEVELS: Final = np.arange(256, dtype=np.float32) / np.float32(128) - np.float32(1)
"""What a network is given for each brightness."""
_CROP_MARGIN: Final = 0.15
_BURNT: Final = 250


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """A decoded picture; ``grey`` when it holds no colour to judge a plate's by."""

    image: Image
    grey: bool


def decode_picture(data: bytes) -> Picture:
    """A picture from the bytes of a JPEG, PNG, BMP or WebP file.

    Deep pictures are brought to eight bits by the depth that they really use, so that
    a camera's twelve bits in sixteen do not come out black.

    Raises:
        PictureError: no picture, not one of these formats, cut off, or of more than
            ``MOST_PIXELS``.
    """
    header = header_of(data)
    if header.width_px * header.height_px > MOST_PIXELS:
        message = (
            f"is giant: {header.width_px} by {header.height_px} pixels, at most "
            f"{MOST_PIXELS // 1_000_000} million are read"
        )
        raise PictureError(message)
    if not header.whole:
        message = f"is a {header.format} that is cut off: its end is missing"
        raise PictureError(message)
    flags = cv2.IMREAD_COLOR | (cv2.IMREAD_ANYDEPTH if header.bits > 8 else 0)
    try:
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        message = f"is a {header.format} that cannot be decoded"
        raise PictureError(message) from error
    if decoded is None:
        message = f"is a damaged {header.format}"
        raise PictureError(message)
    image = _of_eight_bits(np.asarray(decoded))
    return Picture(image=image, grey=is_grey(image))


def _of_eight_bits(decoded: NDArray[np.generic]) -> Image:
    if decoded.dtype == np.uint16:
        brightest = int(np.asarray(decoded, np.uint16).max())
        shift = max(0, brightest.bit_length() - 8)
        return np.asarray(np.asarray(decoded, np.uint16) >> shift, np.uint8)
    return np.asarray(decoded, np.uint8)


def encode_jpeg(image: Image, *, quality: int = 92) -> bytes:
    """The bytes of a JPEG file."""
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return data.tobytes()


def as_blob(image: Image, *, width: int, height: int) -> NDArray[np.float32]:
    """The image as networks take it: shape (1, 3, height, width), about -1 to 1."""
    sized = image
    if image.shape[:2] != (height, width):
        sized = np.asarray(
            cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8
        )
    # channel by channel: OpenCV's own blob of a whole frame takes half as long again
    blob = np.empty((1, 3, height, width), np.float32)
    for channel, level in zip(cv2.split(sized), blob[0], strict=True):
        cv2.LUT(channel, _LEVELS, dst=level)
    return blob


def largest_around(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """The largest of each place and its neighbours, of the same shape."""
    return np.asarray(cv2.dilate(values, np.ones((3, 3), np.uint8)), np.float32)


def decode_jpeg(data: bytes) -> Image | None:
    """A BGR picture from the bytes of a file, or nothing when they are no picture."""
    if not data:
        return None
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    return None if image is None else np.asarray(image, dtype=np.uint8)


def pixels_of_region(image: Image, region: Region | None) -> tuple[int, int, int, int]:
    """The region as x0, y0, x1, y1 in pixels, cut to the image.

    >>> pixels_of_region(np.zeros((720, 1280, 3), np.uint8), (0.5, 0.0, 1.0, 1.0))
    (640, 0, 1280, 720)
    """
    height, width = image.shape[:2]
    x0, y0, x1, y1 = (0.0, 0.0, 1.0, 1.0) if region is None else region
    left, right = sorted(round(min(max(x, 0.0), 1.0) * width) for x in (x0, x1))
    top, bottom = sorted(round(min(max(y, 0.0), 1.0) * height) for y in (y0, y1))
    return left, top, right, bottom


def rim_of(width: float, height: float) -> Corners:
    """The corners of an upright picture of this size, clockwise from its upper left."""
    return np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)


def map_between(source: Corners, target: Corners) -> NDArray[np.float64]:
    """The perspective map that takes four corners to four others, shape (3, 3)."""
    matrix = cv2.getPerspectiveTransform(
        np.asarray(source, np.float32), np.asarray(target, np.float32)
    )
    return np.asarray(matrix, np.float64)


def mapped(points: Corners, matrix: NDArray[np.float64]) -> Corners:
    """Points, shape (n, 2), under a perspective map."""
    return np.asarray(cv2.perspectiveTransform(points[None], matrix)[0], np.float32)


def holds(corners: Corners, point: tuple[float, float]) -> bool:
    """Tell whether a point lies in a quadrilateral or on its edge."""
    return bool(cv2.pointPolygonTest(corners, point, measureDist=False) >= 0)


def straighten(image: Image, corners: Corners, *, width: int, height: int) -> Image:
    """The quadrilateral seen from straight in front, ``height`` by ``width``."""
    matrix = map_between(corners, rim_of(width, height))
    flat = cv2.warpPerspective(
        image,
        matrix,
        (width, height),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(flat, dtype=np.uint8)


def warped(
    image: Image, onto: NDArray[np.float64], *, width: int, height: int
) -> Image:
    """The image under a projective map, shape (3, 3); shrunk without losing lines."""
    shrink = float(np.sqrt(abs(np.linalg.det(onto[:2, :2]))))
    times = max(1, min(4, round(0.8 / max(shrink, 1e-6))))
    larger = np.diag([times, times, 1.0]) @ onto
    flat = cv2.warpPerspective(
        image,
        larger,
        (width * times, height * times),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    if times > 1:
        flat = cv2.resize(flat, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(flat, np.uint8)


def crop_plate(image: Image, corners: Corners) -> Image:
    """The upright part of the image around the plate, with a margin, for evidence."""
    height, width = image.shape[:2]
    x0, y0 = corners.min(axis=0)
    x1, y1 = corners.max(axis=0)
    margin = _CROP_MARGIN * (x1 - x0)
    left, right = int(max(x0 - margin, 0)), int(min(x1 + margin + 1, width))
    top, bottom = int(max(y0 - margin, 0)), int(min(y1 + margin + 1, height))
    return image[top:bottom, left:right].copy()


def sharpness_at(image: Image, corners: Corners) -> float:
    """Sharpness of a plate in the camera's own pixels, not of a straightened copy."""
    x0, y0 = np.maximum(corners.min(axis=0), 0).astype(int)
    x1, y1 = corners.max(axis=0).astype(int)
    return sharpness(image[y0:y1, x0:x1])


def glare_at(image: Image, corners: Corners) -> float:
    """Share of a plate that is burnt out to white, 0 to 1."""
    flat = straighten(image, corners, width=96, height=32)
    return float((flat.min(axis=2) >= _BURNT).mean())


def sharpness(image: Image) -> float:
    """Steepest edges against contrast [1/px]: 1 for a step, near 0 when smeared.

    The measure does not depend on brightness or contrast; a flat picture is 0.
    """
    if image.size == 0 or min(image.shape[:2]) < 3:
        return 0.0
    grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)
    counts = _counts(grey)
    contrast = _percentile(counts, 95) - _percentile(counts, 5)
    if contrast < 8.0:
        return 0.0
    across = np.asarray(cv2.absdiff(grey[:, 1:], grey[:, :-1]), np.uint8)
    return float(_percentile(_counts(across), 97) / contrast)


def _counts(levels: NDArray[np.uint8]) -> NDArray[np.int64]:
    """How often each level occurs, shape (256,)."""
    return np.bincount(levels.reshape(-1), minlength=256)


def _percentile(counts: NDArray[np.int64], percent: float) -> float:
    """The percentile of counted levels, between two of them as the crow flies.

    What ``numpy.percentile`` gives for the levels themselves, without sorting them.
    """
    place = (int(counts.sum()) - 1) * percent / 100.0
    upto = counts.cumsum()
    below, above = np.searchsorted(upto, (floor(place), ceil(place)), side="right")
    return float(below + (above - below) * (place - floor(place)))
