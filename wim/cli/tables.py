"""The files that commands read as tables: sites, for now.

It checks nothing by itself beyond that a file can be read as text.
"""

from pathlib import Path

from wim.cli.errors import WrongUseError, reason
from wim.cli.files import bytes_of
from wim.samples import Site, parse_site

__all__ = ["read_site", "read_text"]


def read_text(path: Path, *, what: str) -> str:
    """Return the text of a file.

    Raises:
        WrongUseError: it cannot be read or is no UTF-8; the line names the file.
    """
    try:
        return bytes_of(path, what=what).decode("utf-8")
    except UnicodeDecodeError as error:
        message = f"{path}: cannot be read as {what}: it is no UTF-8: {reason(error)}"
        raise WrongUseError(message) from error


def read_site(path: Path) -> Site:
    """Return the site that a file describes.

    Raises:
        WrongUseError: the file cannot be read.
        TableError: it is no site; the line names file and key.
    """
    return parse_site(read_text(path, what="a site"), name=str(path))
