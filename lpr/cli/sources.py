"""Bytes from outside: pictures from files and addresses, and tables of labels.

Everything wrong with them is one line that names the file; nothing is guessed.
"""

import csv
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx
import msgspec

from lpr.cli.errors import WrongUseError, reason
from lpr.cli.quiet import caught_words
from lpr.errors import PictureError
from lpr.formats import is_film
from lpr.image import Picture, decode_picture

__all__ = [
    "Label",
    "is_address",
    "names_a_film",
    "open_picture",
    "read_bytes",
    "read_labels",
]

_MOST_BYTES: Final = 200_000_000
_TIMEOUT_S: Final = 20.0
_BEGINNING: Final = 4096
_FILMS: Final = frozenset(
    {".mp4", ".avi", ".mov", ".mkv", ".ts", ".m4v", ".webm", ".mjpg", ".mjpeg", ".flv"}
)
_DAMAGED: Final = ("Corrupt JPEG data", "Premature end of JPEG")
_PADDED: Final = "extraneous bytes before marker 0xd9"
"""Some cameras fill a picture up before its end: nothing of it is missing."""
_COLUMNS: Final = ("path", "plate", "kind", "colour", "layout", "cx", "cy")


class Label(msgspec.Struct, frozen=True, kw_only=True):
    """One row of a table of labels; ``centre`` is the plate's in a frame [px]."""

    path: Path
    plate: str
    kind: str
    colour: str
    layout: str
    centre: tuple[float, float] | None


def is_address(name: str) -> bool:
    """Tell whether a name is an address and no file."""
    return name.lower().startswith(("http://", "https://", "rtsp://"))


def names_a_film(name: str) -> bool:
    """Tell whether a name is that of a film: by its bytes where it is a file.

    An address tells by its ending; what a camera streams is a film.
    """
    if name.lower().startswith("rtsp://"):
        return True
    if is_address(name):
        return Path(urlsplit(name).path).suffix.lower() in _FILMS
    try:
        with Path(name).open("rb") as file:
            beginning = file.read(_BEGINNING)
    except OSError:
        return Path(name).suffix.lower() in _FILMS
    return is_film(beginning) or Path(name).suffix.lower() in _FILMS


def _fetch(address: str) -> bytes:
    """The bytes behind an http address.

    Raises:
        WrongUseError: it cannot be reached, answers an error, or sends too much.
    """
    try:
        with httpx.stream(
            "GET", address, timeout=_TIMEOUT_S, follow_redirects=True
        ) as answer:
            answer.raise_for_status()
            data = bytearray()
            for part in answer.iter_bytes():
                data += part
                if len(data) > _MOST_BYTES:
                    message = f"{address}: sends more than {_MOST_BYTES // 10**6} MB"
                    raise WrongUseError(message)
            return bytes(data)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        message = f"{address}: cannot be fetched: {reason(error)}"
        raise WrongUseError(message) from error


def read_bytes(path: Path) -> bytes:
    """The bytes of a file.

    Raises:
        WrongUseError: it cannot be read, or is too large for a picture.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            message = f"{path}: is larger than {_MOST_BYTES // 10**6} MB"
            raise WrongUseError(message)
        return path.read_bytes()
    except OSError as error:
        message = f"{path}: cannot be read: {reason(error)}"
        raise WrongUseError(message) from error


def open_picture(name: str | Path) -> Picture:
    """The picture in a file or behind an address.

    Raises:
        WrongUseError: it cannot be read, is no picture that is read, or is damaged.
    """
    source = str(name)
    data = _fetch(source) if is_address(source) else read_bytes(Path(source))
    try:
        with caught_words() as words:
            picture = decode_picture(data)
    except PictureError as error:
        message = f"{source}: {error}"
        raise WrongUseError(message) from error
    for line in words:
        if line.startswith(_DAMAGED) and _PADDED not in line:
            message = f"{source}: is a damaged JPEG: {line}"
            raise WrongUseError(message)
    return picture


def read_labels(path: Path) -> list[Label]:
    """The rows of a table of labels, pictures taken from beside it.

    Raises:
        WrongUseError: it cannot be read, or lacks a column or a figure.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            table = csv.DictReader(file)
            missing = [
                name for name in _COLUMNS if name not in (table.fieldnames or ())
            ]
            if missing:
                message = (
                    f"{path}: lacks column {missing[0]!r}; needed are "
                    f"{', '.join(_COLUMNS)}"
                )
                raise WrongUseError(message)
            return [
                _label(path, number, row) for number, row in enumerate(table, start=2)
            ]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        message = f"{path}: cannot be read as labels: {reason(error)}"
        raise WrongUseError(message) from error


def _label(path: Path, number: int, row: dict[str, str | None]) -> Label:
    texts = {name: (row.get(name) or "").strip() for name in _COLUMNS}
    if texts["kind"] not in {"crop", "frame"}:
        message = f"{path}: line {number}: kind {texts['kind']!r} is not crop or frame"
        raise WrongUseError(message)
    if not texts["plate"] or not texts["path"]:
        message = f"{path}: line {number}: path and plate may not be empty"
        raise WrongUseError(message)
    centre = None
    if texts["kind"] == "frame":
        try:
            centre = float(texts["cx"]), float(texts["cy"])
        except ValueError as error:
            message = f"{path}: line {number}: a frame needs figures in cx and cy"
            raise WrongUseError(message) from error
    return Label(
        path=path.parent / texts["path"],
        plate=texts["plate"],
        kind=texts["kind"],
        colour=texts["colour"],
        layout=texts["layout"],
        centre=centre,
    )
