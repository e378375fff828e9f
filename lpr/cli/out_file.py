"""A file that takes long to make: refused before the work, there once it is whole."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from lpr.cli.errors import WrongUseError, reason

__all__ = ["written_whole"]


@contextmanager
def written_whole(path: Path) -> Iterator[Callable[[bytes], None]]:
    """What writes the bytes once they are made; nothing is left of work that failed.

    Raises:
        WrongUseError: the file cannot be written; at once, before the work.
    """
    if path.is_dir():
        message = f"{path}: is a folder, expected a file to write"
        raise WrongUseError(message)
    part = path.with_name(f"{path.name}.part")
    try:
        part.write_bytes(b"")
    except OSError as error:
        message = f"{path}: cannot be written: {reason(error)}"
        raise WrongUseError(message) from error

    def write(data: bytes) -> None:
        try:
            part.write_bytes(data)
            part.replace(path)
        except OSError as error:
            message = f"{path}: cannot be written: {reason(error)}"
            raise WrongUseError(message) from error

    try:
        yield write
    finally:
        part.unlink(missing_ok=True)
