"""HBM bus: digital load cells and their electronics (AED, AD, FIT, C16i), polled.

``Snn;`` selects the cell of address nn (all others are quiet then), ``MSV?;`` asks it
for one measured value. Command ``COF`` has set how it answers; CR LF ends every answer:

======  ======================================================================
COF     answer before CR LF
======  ======================================================================
0       4 bytes: value of 3, highest first, then 0
2       2 bytes: value, highest first
4       4 bytes: 0, then value of 3, lowest first
6       2 bytes: value, lowest first
8       4 bytes: value of 3, highest first, then the status
12      4 bytes: status, then value of 3, lowest first
1       text: value of 8 characters, separator, address of 2
3       text: value of 8 characters
9       text: value of 8, separator, address of 2, separator, status of 3
11      text: value of 8, separator, status of 3
======  ======================================================================

Values are in two's complement. A binary answer may hold the bytes CR LF within its
value: it is cut by counting its bytes, never by looking for its end. It carries no
check either; whoever can choose sets COF 9 or 11, or 8 for speed. CSM, which puts a
checksum in the place of the status, must be off.

Status of AD and AED electronics (AD101B manual, COF and "status of the measured
value"): bit 0 net overflow, 1 gross overflow, 2 converter overflow, 3 standstill, 4 and
5 limits, 6 trigger. The WE2107 numbers its formats otherwise (its 0, 1, 2, 3 are 2, 6,
8, 12 here) and has bit 1 out of range, 3 standstill, 7 error: which bits mean what is
an argument. At ``NOV0`` full load is 5 120 000 digits in four bytes, 20 000 in two and
1 000 000 as text, otherwise the value of ``NOV`` (AD104 manual, command NOV); a value
of two bytes that is ``7FFF`` or ``8000`` has overflowed.

It opens no port.
"""

import re
from collections.abc import Sequence
from typing import Literal, TypeAlias

import msgspec

from wim.protocols.poller import Poller
from wim.protocols.readings import ScaleFault, ScaleReading
from wim.protocols.scanner import Frame, Scanner, Verdict

__all__ = ["AskValue", "Cof", "Decoder", "Other", "Request", "RequestDecoder"]
__all__ += ["Select", "StatusBits", "Value", "encode", "poller", "question"]

Cof: TypeAlias = Literal[0, 1, 2, 3, 4, 6, 8, 9, 11, 12]

_END = b"\r\n"
_SHORT: frozenset[Cof] = frozenset({2, 6})
_LOWEST_FIRST: frozenset[Cof] = frozenset({4, 6, 12})
_WITH_STATUS: frozenset[Cof] = frozenset({8, 9, 11, 12})
_WITH_ADDRESS: frozenset[Cof] = frozenset({1, 9})
_TEXT: frozenset[Cof] = frozenset({1, 3, 9, 11})
_VALUE = rb"(?P<value>[-+ ][0-9]{7}|[0-9]{8})"
_ADDRESS = rb"[^0-9\r\n](?P<address>[0-9]{2})"
_STATUS = rb"[^0-9\r\n](?P<status>[0-9]{3})"


class StatusBits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which bits of the status mean what.

    ``out_of_range`` and ``device`` make a value unusable, ``standstill`` says that the
    load rests.
    """

    out_of_range: tuple[int, ...] = (0, 1, 2)
    device: tuple[int, ...] = ()
    standstill: tuple[int, ...] = (3,)

    def __post_init__(self) -> None:
        """Refuse bits that a byte does not have."""
        for bit in (*self.out_of_range, *self.device, *self.standstill):
            if not 0 <= bit <= 7:
                message = f"status bit {bit} must be 0 to 7"
                raise ValueError(message)


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """One measured value; status and address are None where the format has none."""

    digits: int
    status: int | None = None
    address: int | None = None
    overflow: bool = False


class Decoder(Scanner[Value]):
    """Bytes of the line in, values and noise out; it never raises on data."""

    def __init__(self, cof: Cof) -> None:
        super().__init__(self._text_at if cof in _TEXT else self._bytes_at)
        self._cof = cof
        pattern = _VALUE
        pattern += _ADDRESS if cof in _WITH_ADDRESS else b""
        pattern += _STATUS if cof in _WITH_STATUS else b""
        self._pattern = re.compile(pattern + _END)
        self._size = len(encode(0, cof=cof))

    def _text_at(self, buffer: bytes, at: int) -> Verdict[Value]:
        if buffer[at] not in b"+- 0123456789":
            return "garbage"
        if len(buffer) - at < self._size:
            return "more"
        found = self._pattern.fullmatch(buffer, at, at + self._size)
        if found is None:
            return "damaged"
        parts = found.groupdict()
        if parts.get("status", b"000") > b"255":
            return "damaged"
        value = Value(
            digits=int(parts["value"]),
            address=int(parts["address"]) if "address" in parts else None,
            status=int(parts["status"]) if "status" in parts else None,
        )
        return Frame(self._size, value)

    def _bytes_at(self, buffer: bytes, at: int) -> Verdict[Value]:
        if len(buffer) - at < self._size:
            return "more"
        *content, cr, lf = buffer[at : at + self._size]
        if bytes((cr, lf)) != _END:
            return "garbage"
        if self._cof in _LOWEST_FIRST:
            content.reverse()
        if self._cof in _SHORT:
            digits = int.from_bytes(content, "big", signed=True)
            overflow = digits in (0x7FFF, -0x8000)
            return Frame(self._size, Value(digits=digits, overflow=overflow))
        digits = int.from_bytes(content[:3], "big", signed=True)
        if self._cof in _WITH_STATUS:
            return Frame(self._size, Value(digits=digits, status=content[3]))
        return "damaged" if content[3] else Frame(self._size, Value(digits=digits))


def encode(digits: int, *, cof: Cof, status: int = 0, address: int = 0) -> bytes:
    r"""Return the answer with one measured value.

    A short one that is too large overflows as the device's does.

    >>> encode(5_120_000, cof=8, status=0x08).hex(" ")
    '4e 20 00 08 0d 0a'
    >>> encode(-1000, cof=9, status=8, address=31)
    b'-0001000,31,008\r\n'

    Raises:
        ValueError: the value does not fit the format.
    """
    largest = 9_999_999 if cof in _TEXT else 0x7FFFFF
    if abs(digits) > largest:
        message = f"digits {digits} do not fit COF {cof}: at most {largest}"
        raise ValueError(message)
    if cof in _TEXT:
        text = f"{digits:+08d}"
        text += f",{address:02d}" if cof in _WITH_ADDRESS else ""
        text += f",{status:03d}" if cof in _WITH_STATUS else ""
        return text.encode("ascii") + _END
    if cof in _SHORT:
        short = min(max(digits, -0x8000), 0x7FFF)
        content = short.to_bytes(2, "big", signed=True)
    else:
        last = status if cof in _WITH_STATUS else 0
        content = digits.to_bytes(3, "big", signed=True) + bytes((last,))
    return (content[::-1] if cof in _LOWEST_FIRST else content) + _END


def question(address: int) -> bytes:
    """Return what asks one cell for one value.

    >>> question(1)
    b'S01;MSV?;'

    Raises:
        ValueError: the bus has no such address.
    """
    if not 0 <= address <= 89:
        message = f"address {address} must be 0 to 89"
        raise ValueError(message)
    return f"S{address:02d};MSV?;".encode("ascii")


def poller(
    addresses: Sequence[int],
    *,
    cof: Cof,
    kg_per_digit: float,
    bits: StatusBits,
    interval_s: float,
    timeout_s: float,
) -> Poller[Value]:
    """Return who asks the cells of one scale in turn and adds up what they carry.

    The load rests when all cells say so; a fault of one is a fault of the scale.

    Raises:
        ValueError: no address, one twice, or one that the bus does not have.
    """
    if not addresses or len(set(addresses)) < len(addresses):
        message = f"addresses {list(addresses)} must be at least one, each once"
        raise ValueError(message)

    def fits(number: int, value: Value) -> bool:
        return value.address is None or value.address == addresses[number]

    def conclude(values: Sequence[Value]) -> ScaleReading | ScaleFault | None:
        if fault := _fault(values[-1], bits):
            return fault
        if len(values) < len(addresses):
            return None
        states = [value.status for value in values if value.status is not None]
        rests = [_any(state, bits.standstill) for state in states]
        return ScaleReading(
            mass_kg=sum(value.digits for value in values) * kg_per_digit,
            stable=all(rests) if rests and bits.standstill else None,
        )

    return Poller(
        [question(address) for address in addresses],
        scanner=Decoder(cof),
        fits=fits,
        conclude=conclude,
        interval_s=interval_s,
        timeout_s=timeout_s,
    )


def _any(status: int, bits: tuple[int, ...]) -> bool:
    return any(status >> bit & 1 for bit in bits)


def _fault(value: Value, bits: StatusBits) -> ScaleFault | None:
    status = value.status or 0
    if value.overflow or _any(status, bits.out_of_range):
        return ScaleFault(reason="out_of_range", code=value.status)
    if _any(status, bits.device):
        return ScaleFault(reason="device", code=value.status)
    return None


# ---------------------------------------------------------------- the cell's side


class Select(msgspec.Struct, frozen=True):
    """``Snn;``: whoever has this address answers from now on, nobody else."""

    address: int


class AskValue(msgspec.Struct, frozen=True):
    """``MSV?;``: the selected cell is to send one measured value."""


class Other(msgspec.Struct, frozen=True):
    """A command that is neither; a cell is quiet about what it does not know."""

    text: str


Request: TypeAlias = Select | AskValue | Other

_LONGEST_REQUEST = 64
_SELECT = re.compile(rb"[Ss]([0-9]{2})")


class RequestDecoder(Scanner[Request]):
    """What a cell hears: commands that end with ``;``, CR or LF; it never raises."""

    def __init__(self) -> None:
        super().__init__(self._at)

    @staticmethod
    def _at(buffer: bytes, at: int) -> Verdict[Request]:
        end = at
        while end < len(buffer) and buffer[end] not in b";\r\n":
            if not 0x20 <= buffer[end] <= 0x7E or end - at >= _LONGEST_REQUEST:
                return "garbage"
            end += 1
        if end == len(buffer):
            return "more"
        if end == at:
            return "garbage"
        text = buffer[at:end]
        if found := _SELECT.fullmatch(text):
            return Frame(end + 1 - at, Select(int(found[1])))
        if text.upper() == b"MSV?":
            return Frame(end + 1 - at, AskValue())
        return Frame(end + 1 - at, Other(text.decode("ascii")))
