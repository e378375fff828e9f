"""Files as bytes: their hashes, piece by piece, and whole ones of a bounded size."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from wim.cli.errors import WrongUseError, reason

__all__ = ["bytes_of", "lines_of", "sha256_of"]

_LARGEST_BYTES = 1 << 26
"""Of a file or line that is read whole: one without an end fills no memory."""


def bytes_of(path: Path, *, what: str) -> bytes:
    """Return the content of a file.

    Args:
        path: the file.
        what: what it should be, for the complaint.

    Raises:
        WrongUseError: it cannot be read or is larger than ``_LARGEST_BYTES``.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST_BYTES + 1)
    except OSError as error:
        message = f"{path}: cannot be read as {what}: {reason(error)}"
        raise WrongUseError(message) from error
    if len(content) > _LARGEST_BYTES:
        message = (
            f"{path}: cannot be read as {what}: it has more than "
            f"{_LARGEST_BYTES >> 20} MiB"
        )
        raise WrongUseError(message)
    return content


def lines_of(file: BinaryIO, *, path: Path) -> Iterator[bytes]:
    """Yield the lines of an open file.

    Args:
        file: open for reading.
        path: its name, for the complaint.

    Raises:
        WrongUseError: a line is longer than ``_LARGEST_BYTES``.
    """
    number = 0
    while line := file.readline(_LARGEST_BYTES + 1):
        number += 1
        if len(line) > _LARGEST_BYTES:
            message = (
                f"{path}: line {number} has more than {_LARGEST_BYTES >> 20} MiB; "
                f"expected one JSON object a line"
            )
            raise WrongUseError(message)
        yield line


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file in lower-case hex.

    Raises:
        WrongUseError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        message = f"{path}: cannot be read: {reason(error)}"
        raise WrongUseError(message) from error
