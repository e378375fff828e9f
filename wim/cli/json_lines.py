"""Files of one JSON object a line, read into values.

A line that is not what it must be is refused with file, line and field.
"""

from pathlib import Path
from typing import TypeVar

import msgspec

from wim.cli.errors import WrongUseError, reason
from wim.cli.files import bytes_of, lines_of

__all__ = ["read_json", "read_lines"]

Value = TypeVar("Value")


def read_lines(path: Path, kind: type[Value], *, what: str) -> list[Value]:
    """Return what the lines of a file say; empty lines say nothing.

    Raises:
        WrongUseError: the file cannot be read, or a line is no such object.
    """
    decoder = msgspec.json.Decoder(kind)
    values = []
    try:
        with path.open("rb") as file:
            for number, line in enumerate(lines_of(file, path=path), start=1):
                if line.strip():
                    values.append(_decoded(decoder, line, f"{path}: line {number}"))
    except OSError as error:
        message = f"{path}: cannot be read as {what}: {reason(error)}"
        raise WrongUseError(message) from error
    return values


def read_json(path: Path, kind: type[Value], *, what: str) -> Value:
    """Return what one JSON document says.

    Raises:
        WrongUseError: the file cannot be read or is no such document.
    """
    content = bytes_of(path, what=what)
    return _decoded(msgspec.json.Decoder(kind), content, str(path))


def _decoded(decoder: msgspec.json.Decoder[Value], content: bytes, where: str) -> Value:
    try:
        return decoder.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        said = reason(error).replace(" - at `$.", ": key `")
        message = f"{where}: {said}"
        raise WrongUseError(message) from error
