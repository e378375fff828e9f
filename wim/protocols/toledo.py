"""Toledo continuous output: a frame of 17 or 18 bytes with three status words.

=======  =====  ================================================================
offset   bytes  field
=======  =====  ================================================================
0        1      STX, ``02``
1        1      status word A: bits 0-2 place of the point, bits 3-4 the increment
                (1, 2 or 5), bit 5 is 1
2        1      status word B: bit 0 net, 1 negative, 2 out of range, 3 in motion,
                4 kg (0: lb), 5 is 1, 6 not zeroed since power-up
3        1      status word C: bits 0-2 another unit than that of word B (1 gram,
                2 tonne), bit 3 print key, bit 4 tenfold magnification, bit 5 is 1
4        6      the figure displayed, digits without point; leading blanks allowed
10       6      the tare, likewise
16       1      CR, ``0D``
17       1      check, where the indicator sends one: the low seven bits of all 18
                bytes add up to 0 modulo 128
=======  =====  ================================================================

Place of the point: 0 means two noughts to be put behind the digits, 1 one, 2 none, and
3 to 7 one to five decimals. Many lines run with seven data bits and parity: the
eighth bit of every byte is ignored. Bits that are always 1 differ between makers of
this output and are not asked for.

Sources: Mettler-Toledo, tables of the status bytes of the standard continuous output
(Wildcat, IND445, FTC user manuals); Fairbanks FB3000 and Cardinal 225 for indicators
that imitate it. It opens no port.
"""

import re
from typing import Literal, TypeAlias

from wim.protocols.noise import LineNoise
from wim.protocols.readings import KG_PER_UNIT, MassUnit, ScaleFault, ScaleReading
from wim.protocols.scanner import Frame, Scanner, Verdict

__all__ = ["Decoder", "Event", "encode"]

_STX = 0x02
_CR = 0x0D
_BARE_BYTES = 17
_DIGITS = re.compile(rb" *[0-9]+")
_SHOWN = re.compile(rb"[\x20-\x7e]{12}")
_LOW_SEVEN = bytes(value & 0x7F for value in range(256))

_NET, _NEGATIVE, _OUT_OF_RANGE, _MOTION, _KG, _POWER_UP = 1, 2, 4, 8, 16, 64
_EXPANDED = 16
_ALWAYS = 32
_INCREMENTS = {1: 1, 2: 2, 5: 3}
_UNITS: dict[int, MassUnit] = {1: "g", 2: "t"}

Event: TypeAlias = ScaleReading | ScaleFault | LineNoise


class Decoder(Scanner[ScaleReading | ScaleFault]):
    """Bytes of the line in, readings, faults and noise out; it never raises on data.

    ``checksum`` says whether the indicator sends the check: its frames are one byte
    longer then, and nothing on the line tells the two apart.
    """

    def __init__(self, *, checksum: bool = True) -> None:
        super().__init__(self._at)
        self._checksum = checksum
        self._size = _BARE_BYTES + checksum

    def _at(self, buffer: bytes, at: int) -> Verdict[ScaleReading | ScaleFault]:
        if buffer[at] & 0x7F != _STX:
            return "garbage"
        if len(buffer) - at < self._size:
            return "more"
        frame = buffer[at : at + self._size].translate(_LOW_SEVEN)
        if frame[16] != _CR or not _SHOWN.fullmatch(frame, 4, 16):
            return "damaged"
        if self._checksum and sum(frame) % 128:
            return "damaged"
        return Frame(self._size, _read(frame))


def _read(frame: bytes) -> ScaleReading | ScaleFault:
    """Return what a frame says.

    An indicator that is out of range or not yet zeroed may show blanks or bars.
    """
    a, b, c = frame[1:4]
    if b & _POWER_UP:
        return ScaleFault(reason="power_up")
    if b & _OUT_OF_RANGE:
        return ScaleFault(reason="out_of_range")
    if not _DIGITS.fullmatch(frame[4:10]) or not _DIGITS.fullmatch(frame[10:16]):
        return ScaleFault(reason="unreadable")
    unit: MassUnit | None = "kg" if b & _KG else "lb"
    if other := c & 7:
        unit = _UNITS.get(other)
    if unit is None or c & _EXPANDED:
        return ScaleFault(reason="unit", code=c & 0x17)
    figure = int(frame[4:10])
    if b & _NEGATIVE:
        figure = -figure
    if b & _NET:
        figure += int(frame[10:16])
    decimals = (a & 7) - 2
    shown = figure / 10**decimals if decimals >= 0 else figure * 10.0**-decimals
    mass_kg = shown if unit == "kg" else shown * KG_PER_UNIT[unit]
    return ScaleReading(mass_kg=mass_kg, stable=not b & _MOTION)


def encode(
    shown: float,
    tare: float = 0.0,
    *,
    decimals: int = 0,
    increment: Literal[1, 2, 5] = 1,
    unit: MassUnit = "kg",
    moving: bool = False,
    out_of_range: bool = False,
    power_up: bool = False,
    checksum: bool = True,
) -> bytes:
    """Return the frame of a display; with a tare, what is shown is net.

    >>> encode(1560.0).hex(" ")
    '02 2a 30 20 20 20 31 35 36 30 20 20 20 20 20 30 0d 1b'

    Args:
        shown: the figure displayed, in ``unit``.
        tare: what was deducted from it, in ``unit``.
        decimals: -2 to 5; negative ones are noughts behind the digits.
        increment: by which the last digit goes.
        unit: one of the four that a mass can be made of.
        moving: whether the load is in motion.
        out_of_range: whether it is above the capacity or below zero.
        power_up: whether the scale has not been zeroed since it was switched on.
        checksum: whether the frame ends with its check.

    Raises:
        ValueError: a figure does not fit six digits, or decimals are not -2 to 5.
    """
    if not -2 <= decimals <= 5:
        message = f"decimals {decimals} must be -2 to 5"
        raise ValueError(message)
    figures = [round(abs(each) * 10.0**decimals) for each in (shown, tare)]
    if max(figures) > 999_999 or tare < 0.0:
        message = f"shown {shown}, tare {tare}: six digits each, the tare not negative"
        raise ValueError(message)
    a = _ALWAYS | (decimals + 2) | _INCREMENTS[increment] << 3
    b = _ALWAYS | (_NET if tare else 0) | (_NEGATIVE if shown < 0.0 else 0)
    b |= (_OUT_OF_RANGE if out_of_range else 0) | (_MOTION if moving else 0)
    b |= (0 if unit == "lb" else _KG) | (_POWER_UP if power_up else 0)
    c = _ALWAYS | {"g": 1, "t": 2}.get(unit, 0)
    text = "".join(f"{figure:6d}" for figure in figures).encode("ascii")
    frame = bytes((_STX, a, b, c)) + text + bytes((_CR,))
    return frame + bytes((-sum(frame) % 128,)) if checksum else frame
