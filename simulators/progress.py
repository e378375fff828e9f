"""A bar that tells somebody at a terminal how far a long run is; silent elsewhere."""

import math
from collections.abc import Callable
from typing import TextIO

__all__ = ["ProgressBar"]

_WIDTH = 40


class ProgressBar:
    """One line on a terminal that is drawn over itself.

    Args:
        stream: where it is drawn if that is a terminal.
        now_s: seconds on a clock that never runs back; with one the bar also tells
            how long it will take, as fast as it went since it was first shown.
    """

    def __init__(
        self, stream: TextIO, *, now_s: Callable[[], float] | None = None
    ) -> None:
        self._stream = stream
        self._now_s = now_s
        self._began: tuple[float, float] | None = None
        self._shown = ""

    def show(self, part: float) -> None:
        """Show which part is done, 0 to 1."""
        if not self._stream.isatty():
            return
        full = int(_WIDTH * part)
        bar = "#" * full + "." * (_WIDTH - full)
        line = f"[{bar}] {int(100.0 * part):3d} %{self._left(part)}"
        if line == self._shown:
            return
        # what the last line had more is wiped out
        self._stream.write("\r" + line.ljust(len(self._shown)))
        self._stream.flush()
        self._shown = line

    def close(self) -> None:
        """Leave the line."""
        if self._shown:
            self._stream.write("\n")

    def _left(self, part: float) -> str:
        """Return how long the rest takes, empty as long as nobody can know."""
        if self._now_s is None:
            return ""
        now_s = self._now_s()
        if self._began is None:
            self._began = (part, now_s)
        began, began_s = self._began
        if not began < part < 1.0:
            return ""
        left_s = (now_s - began_s) * (1.0 - part) / (part - began)
        hours, minutes = divmod(math.ceil(left_s / 60.0), 60)
        return (
            f", {hours} h {minutes:02d} min left" if hours else f", {minutes} min left"
        )
