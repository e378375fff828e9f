"""Frames of a video file or stream, with the time of each since the first."""

from collections.abc import Iterator
from typing import Final

import cv2
import numpy as np

from lpr.cli.errors import WrongUseError
from lpr.cli.quiet import caught_words
from lpr.image import Image

__all__ = ["frames_of"]

_USUAL_RATE_HZ: Final = 25.0


def frames_of(name: str, *, every: int = 1) -> Iterator[tuple[float, Image]]:
    """Time [s] and picture of every so many frames.

    Raises:
        WrongUseError: it is no video that can be read.
    """
    with caught_words():
        film = cv2.VideoCapture(name)
    try:
        rate_hz = film.get(cv2.CAP_PROP_FPS) if film.isOpened() else 0.0
        rate_hz = rate_hz if 0.1 <= rate_hz <= 1000.0 else _USUAL_RATE_HZ
        number = 0
        while film.isOpened():
            with caught_words():
                there, frame = film.read()
            if not there:
                break
            if number % every == 0:
                yield number / rate_hz, np.asarray(frame, np.uint8)
            number += 1
    finally:
        film.release()
    if number == 0:
        message = f"{name}: is no picture and no video that can be read"
        raise WrongUseError(message)
