"""A bar on standard error for work that takes long; silent where no terminal is."""

import sys
from types import TracebackType
from typing import Self

__all__ = ["Progress"]

_WIDTH = 30


class Progress:
    """How much of some work is done, as a bar that vanishes at the end.

    Args:
        what: the work, in a word or two.
        total: what :meth:`to` is told at the end; zero shows nothing.
    """

    def __init__(self, what: str, *, total: float) -> None:
        self._what = what
        self._total = total
        self._shown = -1
        self._visible = total > 0 and sys.stderr.isatty()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._visible and self._shown >= 0:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def to(self, done: float) -> None:
        """Show that this much of the total is done."""
        if not self._visible:
            return
        percent = min(100, int(100 * done / self._total))
        if percent != self._shown:
            self._shown = percent
            full = "█" * (percent * _WIDTH // 100)
            sys.stderr.write(f"\r{self._what} {full:░<{_WIDTH}} {percent:3d} %")
            sys.stderr.flush()
