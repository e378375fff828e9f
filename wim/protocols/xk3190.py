"""Yaohua XK3190 continuous output: one frame of twelve ASCII bytes a reading.

``STX sign d d d d d d p X X ETX``: the sign, six digits without a point, the number
of decimals, and the exclusive-or of the eight bytes from sign to ``p`` as two
hexadecimal digits. The frame says neither unit nor whether the load rests: readings
are taken as kilogrammes and whoever reads decides what is stable. It opens no port.
"""

import re
from typing import TypeAlias

import msgspec

from wim.protocols.noise import LineNoise

__all__ = ["FRAME_BYTES", "Decoder", "Event", "LineNoise", "ScaleReading", "encode"]

FRAME_BYTES = 12
_STX = 0x02
_BODY = re.compile(rb"[+-][0-9]{6}[0-4]")


class ScaleReading(msgspec.Struct, frozen=True, kw_only=True):
    """One reading of the scale, as displayed."""

    mass_kg: float


Event: TypeAlias = ScaleReading | LineNoise


class Decoder:
    """Bytes of the line in, readings and noise out; it never raises on data.

    Counters: ``frames`` read, ``bad_checks`` of frames that were whole but failed
    their check, ``noise_bytes`` that belonged to no reading.
    """

    def __init__(self) -> None:
        self.frames = 0
        self.bad_checks = 0
        self.noise_bytes = 0
        self._pending = bytearray()

    def receive(self, data: bytes) -> list[Event]:
        """Take the next bytes and return what they complete, in order."""
        self._pending += data
        events: list[Event] = []
        skipped = 0
        damaged = False
        at = 0
        end = len(self._pending)
        while at < end:
            if self._pending[at] != _STX:
                at += 1
                skipped += 1
                continue
            if end - at < FRAME_BYTES:
                break
            reading = _read(bytes(self._pending[at : at + FRAME_BYTES]))
            if reading is None:
                self.bad_checks += 1
                damaged = True
                at += 1
                skipped += 1
                continue
            if skipped:
                events.append(self._noise(skipped, damaged=damaged))
                skipped, damaged = 0, False
            self.frames += 1
            events.append(reading)
            at += FRAME_BYTES
        if skipped:
            events.append(self._noise(skipped, damaged=damaged))
        del self._pending[:at]
        return events

    def _noise(self, n_bytes: int, *, damaged: bool) -> LineNoise:
        self.noise_bytes += n_bytes
        return LineNoise(n_bytes=n_bytes, reason="damaged" if damaged else "garbage")


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
    body = f"{sign}{shown:06d}{decimals}".encode("ascii")
    return b"\x02" + body + _check(body) + b"\x03"


def _check(body: bytes) -> bytes:
    total = 0
    for byte in body:
        total ^= byte
    return f"{total:02X}".encode("ascii")


def _read(frame: bytes) -> ScaleReading | None:
    body = frame[1:9]
    if not _BODY.fullmatch(body):
        return None
    if frame[9:11].upper() != _check(body) or frame[11] != 0x03:
        return None
    mass_kg: float = int(body[1:7]) / 10 ** int(body[7:8])
    return ScaleReading(mass_kg=-mass_kg if body[:1] == b"-" and mass_kg else mass_kg)
