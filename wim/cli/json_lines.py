"""Files of one JSON object a line, read into values.

A line that is not what it must be is refused with file, line and field; so is NaN or
Infinity, which Python's ``json.dumps`` writes and JSON does not have.
"""

import json
from pathlib import Path
from typing import TypeVar

import msgspec

from wim.cli.errors import WrongUseError, reason
from wim.cli.files import bytes_of, lines_of

__all__ = ["decoded", "read_json", "read_lines"]

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
                    values.append(
                        decoded(decoder, line, where=f"{path}: line {number}")
                    )
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
    return decoded(msgspec.json.Decoder(kind), content, where=str(path))


def decoded(
    decoder: msgspec.json.Decoder[Value], content: bytes, *, where: str
) -> Value:
    """Return what one JSON object says.

    Args:
        decoder: of what it must be.
        content: the object.
        where: it stands, for the complaint.

    Raises:
        WrongUseError: it is no such object; the line names the key where it can.
    """
    try:
        return decoder.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        said = reason(error).replace(" - at `$.", ": key `")
        message = f"{where}: {_no_figure(content) or said}"
        raise WrongUseError(message) from error


class _NoFigure:
    """What stands in for a constant that is no JSON."""

    def __init__(self, spelled: str) -> None:
        self.spelled = spelled


def _no_figure(content: bytes) -> str | None:
    """Return which key holds NaN or Infinity; None where that is not what is wrong."""
    try:
        found = _place_of_no_figure(json.loads(content, parse_constant=_NoFigure))
    except (ValueError, RecursionError):
        return None
    if found is None:
        return None
    place, spelled = found
    at = f"key `{place.removeprefix('.')}`: " if place else ""
    return (
        f"{at}{spelled} is no figure; give a finite number, or null for what is not "
        f"known"
    )


def _place_of_no_figure(value: object) -> tuple[str, str] | None:
    """Return the place, as in ``.axle_loads_kg[1]``, and the spelling of the first."""
    if isinstance(value, _NoFigure):
        return "", value.spelled
    inside: list[tuple[str, object]] = []
    if isinstance(value, dict):
        inside = [(f".{key}", each) for key, each in value.items()]
    elif isinstance(value, list):
        inside = [(f"[{k}]", each) for k, each in enumerate(value)]
    for step, each in inside:
        found = _place_of_no_figure(each)
        if found is not None:
            place, spelled = found
            return f"{step}{place}", spelled
    return None
