"""Pixels before anything is known of plates: decode, cut, straighten, judge sharpness.

Nothing here raises on a picture: bytes that are no picture decode to nothing.
"""

from typing import Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Corners",
    "Image",
    "Region",
    "crop_plate",
    "decode_jpeg",
    "pixels_of_region",
    "sharpness",
    "sharpness_at",
    "straighten",
]

Image: TypeAlias = NDArray[np.uint8]
"""BGR, shape (height, width, 3)."""
Corners: TypeAlias = NDArray[np.float32]
"""Shape (4, 2), [px], clockwise from the upper left."""
Region: TypeAlias = tuple[float, float, float, float]
"""x0, y0, x1, y1 as fractions of the frame."""

_CROP_MARGIN: Final = 0.15


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


def straighten(image: Image, corners: Corners, *, width: int, height: int) -> Image:
    """The quadrilateral seen from straight in front, ``height`` by ``width``."""
    target = np.array(
        [[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float32
    )
    matrix = cv2.getPerspectiveTransform(corners, target)
    flat = cv2.warpPerspective(
        image,
        matrix,
        (width, height),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(flat, dtype=np.uint8)


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


def sharpness(image: Image) -> float:
    """Steepest edges against contrast [1/px]: 1 for a step, near 0 when smeared.

    The measure does not depend on brightness or contrast; a flat picture is 0.
    """
    if image.size == 0 or min(image.shape[:2]) < 3:
        return 0.0
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.float32)
    low, high = np.percentile(grey, (5, 95))
    if high - low < 8.0:
        return 0.0
    across = np.abs(np.diff(grey, axis=1))
    return float(np.percentile(across, 97) / (high - low))
