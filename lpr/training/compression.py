"""A rendered picture after it was kept as a JPEG and read again."""

import cv2
import numpy as np

from lpr.image import Image, encode_jpeg

__all__ = ["compressed"]


def compressed(picture: Image, *, quality: int) -> Image:
    """The picture as a JPEG of this quality (1 to 100) gives it back; BGR."""
    data = np.frombuffer(encode_jpeg(picture, quality=quality), np.uint8)
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
