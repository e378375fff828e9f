"""A file of recorded line bytes as a source of bytes, at the pace of its baud rate.

It knows no protocol and does not begin again: at its end it is silent, like a line
whose sender was switched off.
"""

import threading
from pathlib import Path

from edge.config import LineConfig
from edge.errors import DeviceLostError

__all__ = ["ReplayLine"]

_BITS_A_BYTE = 10
_TICK_S = 0.02


class ReplayLine:
    """One open recording."""

    def __init__(self, config: LineConfig) -> None:
        """Open the file.

        Raises:
            DeviceLostError: there is no such file.
        """
        try:
            self._file = Path(config.device).open("rb")  # noqa: SIM115 -- held open
        except OSError as error:
            text = f"cannot open {config.device}: {error}"
            raise DeviceLostError(text) from error
        self._chunk = max(1, int(config.baud / _BITS_A_BYTE * _TICK_S))
        self._pause = threading.Event()

    def read(self) -> bytes:
        """Return what a line of this speed carries in one tick; nothing at the end."""
        self._pause.wait(_TICK_S)
        return self._file.read(self._chunk)

    def write(self, content: bytes) -> None:
        """Hear a question and answer nothing: what was recorded comes by itself."""

    def close(self) -> None:
        """Close the file."""
        self._file.close()
