"""Yaohua XK3190 continuous output: one frame of twelve ASCII bytes a reading.

``STX sign d d d d d d p X X ETX``: the sign, six digits without a point, the number
of decimals, and the exclusive-or of the eight bytes from sign to ``p`` as two
hexadecimal digits; 10 bits a byte, 8 of them data, no parity (manuals of the
XK3190-A9 and -D9, "continuous mode"). The frame says neither unit nor whether the load
rests, nor whether a tare was deducted: the unit is configuration, and whoever reads
decides what is stable. A whole frame that shows no figure, as an indicator may do
when it is overloaded, is a fault and not noise. It opens no port.
"""

import re
from typing import TypeAlias

from wim.protocols.noise import LineNoise
from wim.protocols.readings import KG_PER_UNIT, MassUnit, ScaleFault, ScaleReading
from wim.protocols.scanner import Frame, Scanner, Verdict

__all__ = ["FRAME_BYTES", "Decoder", "Event", "LineNoise", "ScaleFault"]
__all__ += ["ScaleReading", "encode", "encode_blank"]

FRAME_BYTES = 12
_STX = 0x02
_ETX = 0x03
_FIGURE = re.compile(rb"[+-][0-9]{6}[0-4]")
_SHOWN = re.compile(rb"[\x20-\x7e]{8}")

Event: TypeAlias = ScaleReading | ScaleFault | LineNoise


class Decoder(Scanner[ScaleReading | ScaleFault]):
    """Bytes of the line in, readings and noise out; it never raises on data.

    ``unit`` is what the indicator is set to.
    """

    def __init__(self, *, unit: MassUnit = "kg") -> None:
        super().__init__(self._at)
        self._kg = KG_PER_UNIT[unit]

    def _at(self, buffer: bytes, at: int) -> Verdict[ScaleReading | ScaleFault]:
        if buffer[at] != _STX:
            return "garbage"
        if len(buffer) - at < FRAME_BYTES:
            return "more"
        frame = buffer[at : at + FRAME_BYTES]
        body = frame[1:9]
        if frame[9:11].upper() != _check(body) or frame[11] != _ETX:
            return "damaged"
        if _FIGURE.fullmatch(body):
            shown = int(body[:7]) / 10 ** int(body[7:])
            mass_kg = shown if self._kg == 1.0 else shown * self._kg
            return Frame(FRAME_BYTES, ScaleReading(mass_kg=mass_kg))
        if _SHOWN.fullmatch(body):
            return Frame(FRAME_BYTES, ScaleFault(reason="unreadable"))
        return "damaged"


def encode(mass_kg: float, decimals: int = 0) -> bytes:
    """Return the frame that shows a mass with so many decimals.

    >>> encode(1560.0).hex(" ")
    '02 2b 30 30 31 35 36 30 30 31 39 03'

    Raises:
        ValueError: the mass does not fit six digits, or decimals are not 0 to 4.
    """
    if not 0 <= decimals <= 4:
        message = f"decimals {decimals} must be 0 to 4"
        raise ValueError(message)
    shown = round(abs(mass_kg) * 10**decimals)
    if shown > 999_999:
        message = f"mass_kg {mass_kg} with {decimals} decimals needs more than 6 digits"
        raise ValueError(message)
    sign = "-" if mass_kg < 0 and shown else "+"
    return _frame(f"{sign}{shown:06d}{decimals}".encode("ascii"))


def encode_blank() -> bytes:
    """Return a frame whose six places show bars and no figure."""
    return _frame(b"+------0")


def _frame(body: bytes) -> bytes:
    return b"\x02" + body + _check(body) + b"\x03"


def _check(body: bytes) -> bytes:
    total = 0
    for byte in body:
        total ^= byte
    return f"{total:02X}".encode("ascii")
