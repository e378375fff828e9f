"""Hashes of files, read piece by piece."""

import hashlib
from pathlib import Path

from wim.cli.errors import WrongUseError, reason

__all__ = ["sha256_of"]


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
