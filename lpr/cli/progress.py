"""A bar on the terminal for work that takes longer than a breath; nothing elsewhere."""

import sys
from collections.abc import Iterable, Iterator, Sized
from typing import Final, Protocol, TypeVar

__all__ = ["shown"]

_WIDTH: Final = 30
_T_co = TypeVar("_T_co", covariant=True)


class _Batch(Sized, Iterable[_T_co], Protocol[_T_co]):
    """Something to walk through whose length is known."""


def shown(work: _Batch[_T_co], label: str) -> Iterator[_T_co]:
    """Walk through ``work`` with a bar on standard error, if that is a terminal."""
    terminal = sys.stderr.isatty()
    total = max(len(work), 1)
    for done, piece in enumerate(work):
        if terminal:
            filled = _WIDTH * done // total
            bar = "#" * filled + "." * (_WIDTH - filled)
            sys.stderr.write(f"\r{label} [{bar}] {done}/{total}")
            sys.stderr.flush()
        yield piece
    if terminal:
        sys.stderr.write("\r\033[K")
        sys.stderr.flush()
