"""Pictures of a result, written where they are asked for."""

from pathlib import Path
from typing import Final

from lpr.cli.errors import WrongUseError, reason
from lpr.cli.sources import is_address
from lpr.image import Image, encode_jpeg

__all__ = ["check_drawing", "write_drawing"]

_ENDINGS: Final = (".jpg", ".jpeg")


def check_drawing(path: Path, source: str) -> None:
    """Refuse to draw onto the picture itself, or a JPEG by another name.

    Raises:
        WrongUseError: it is one of these.
    """
    if path.suffix.lower() not in _ENDINGS:
        message = f"--draw {path}: must end in .jpg or .jpeg, as what it holds"
        raise WrongUseError(message)
    own = Path(source)
    there = path.exists() and not is_address(source) and own.exists()
    if there and path.samefile(own):
        message = f"--draw {path}: is the picture itself; name another file"
        raise WrongUseError(message)


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
