"""A serial port as bytes in and out: opened by path, lost, and opened again.

It knows no protocol. It is the only door to ``pyserial``.
"""

import contextlib

import serial

from edge.config import LineConfig
from edge.errors import DeviceLostError

__all__ = ["SerialLine"]

_PARITIES = {
    "none": serial.PARITY_NONE,
    "even": serial.PARITY_EVEN,
    "odd": serial.PARITY_ODD,
}


class SerialLine:
    """One open serial port."""

    def __init__(self, config: LineConfig) -> None:
        """Open the port.

        Raises:
            DeviceLostError: there is no such device, or it does not open.
        """
        try:
            self._port = serial.Serial(
                config.device,
                config.baud,
                bytesize=config.data_bits,
                parity=_PARITIES[config.parity],
                stopbits=config.stop_bits,
                timeout=0.1,
                write_timeout=0.2,
            )
        except (serial.SerialException, OSError, ValueError) as error:
            text = f"cannot open {config.device}: {error}"
            raise DeviceLostError(text) from error

    def read(self) -> bytes:
        """Return what has arrived, at most a tenth of a second later; maybe nothing.

        Raises:
            DeviceLostError: the device has gone.
        """
        try:
            first: bytes = self._port.read(1)
            return first + self._port.read(self._port.in_waiting) if first else b""
        except (serial.SerialException, OSError, TypeError) as error:
            # pyserial raises TypeError when the port is closed while it is read
            text = f"{self._port.port} has gone: {error}"
            raise DeviceLostError(text) from error

    def write(self, content: bytes) -> None:
        """Send bytes; a device that takes none for a fifth of a second is lost.

        Raises:
            DeviceLostError: the device has gone.
        """
        try:
            self._port.write(content)
        except (serial.SerialException, OSError, TypeError) as error:
            text = f"{self._port.port} takes nothing: {error}"
            raise DeviceLostError(text) from error

    def close(self) -> None:
        """Close the port."""
        with contextlib.suppress(OSError):
            self._port.close()
