"""Pictures of a result, written where they are asked for."""

from pathlib import Path

from lpr.cli.errors import WrongUseError, reason
from lpr.image import Image, encode_jpeg

__all__ = ["write_drawing"]


def write_drawing(path: Path, image: Image) -> None:
    """Write a picture as JPEG.

    Raises:
        WrongUseError: the file cannot be written.
    """
    try:
        path.write_bytes(encode_jpeg(image))
    except OSError as error:
        message = f"{path}: cannot be written: {reason(error)}"
        raise WrongUseError(message) from error
