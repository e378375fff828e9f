"""A bar that tells somebody at a terminal how far a long run is; silent elsewhere."""

from typing import TextIO

__all__ = ["ProgressBar"]

_WIDTH = 40


class ProgressBar:
    """One line on a terminal that is drawn over itself."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._shown = -1

    def show(self, part: float) -> None:
        """Show which part is done, 0 to 1."""
        percent = int(100.0 * part)
        if percent == self._shown or not self._stream.isatty():
            return
        self._shown = percent
        full = int(_WIDTH * part)
        bar = "#" * full + "." * (_WIDTH - full)
        self._stream.write(f"\r[{bar}] {percent:3d} %")
        self._stream.flush()

    def close(self) -> None:
        """Leave the line."""
        if self._shown >= 0:
            self._stream.write("\n")
