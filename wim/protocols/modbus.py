"""Modbus RTU: the frames of reading registers, both sides of the line.

Frames are built and read with ``pymodbus``, of which only its PDUs and its RTU framer's
check are used; it opens no port here. Its own reading of a stream throws away all that
is at hand when a check fails, so finding frames is done here: a byte at a time, for
the unit, functions and lengths that were asked for and no others.

Source: MODBUS over serial line, specification and implementation guide V1.02, 2.5.1
(RTU transmission mode) and MODBUS application protocol V1.1b3, 6.3, 6.4 and 7.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

import msgspec
from pymodbus.framer.rtu import FramerRTU
from pymodbus.pdu import DecodePDU, ExceptionResponse, ModbusPDU
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersRequest,
    ReadHoldingRegistersResponse,
    ReadInputRegistersRequest,
    ReadInputRegistersResponse,
)

from wim.protocols.poller import Poller
from wim.protocols.readings import ScaleFault, ScaleReading
from wim.protocols.registers import RegisterMap, Span
from wim.protocols.scanner import Frame, Scanner, Verdict

__all__ = ["Answer", "AnswerDecoder", "Refused", "Registers", "RequestDecoder"]
__all__ += ["encode_answer", "encode_refusal", "poller", "question"]

_FRAMER = FramerRTU(DecodePDU(is_server=False))
_REFUSED = 0x80
_REFUSAL_BYTES = 5
_REQUEST_BYTES = 8
_LARGEST_CODE = 0x0B
_Requests = {3: ReadHoldingRegistersRequest, 4: ReadInputRegistersRequest}
_Responses = {3: ReadHoldingRegistersResponse, 4: ReadInputRegistersResponse}


class Registers(msgspec.Struct, frozen=True):
    """An answer: the registers that a function read."""

    function: int
    values: tuple[int, ...]


class Refused(msgspec.Struct, frozen=True):
    """An exception answer: the device will not, for the reason of this code."""

    function: int
    code: int


Answer: TypeAlias = Registers | Refused


class AnswerDecoder(Scanner[Answer]):
    """What the asking side hears from one unit; it never raises on data."""

    def __init__(self, unit: int, spans: Sequence[Span]) -> None:
        super().__init__(self._at)
        self._unit = unit
        self._counts: dict[int, set[int]] = {}
        for span in spans:
            self._counts.setdefault(span.function, set()).add(span.count)

    def _at(self, buffer: bytes, at: int) -> Verdict[Answer]:
        if buffer[at] != self._unit:
            return "garbage"
        head = buffer[at : at + 3]
        if len(head) < 2:
            return "more"
        function = head[1]
        if function & ~_REFUSED not in self._counts:
            return "garbage"
        if len(head) < 3:
            return "more"
        size = _REFUSAL_BYTES if function & _REFUSED else 5 + head[2]
        if function & _REFUSED:
            if not 1 <= head[2] <= _LARGEST_CODE:
                return "garbage"
        elif head[2] % 2 or head[2] // 2 not in self._counts[function]:
            return "garbage"
        if len(buffer) - at < size:
            return "more"
        if (pdu := _decode(buffer[at : at + size])) is None:
            return "damaged"
        if isinstance(pdu, ExceptionResponse):
            refused = Refused(function & ~_REFUSED, pdu.exception_code)
            return Frame(size, refused)
        return Frame(size, Registers(function, tuple(pdu.registers)))


def _decode(frame: bytes) -> ModbusPDU | None:
    """Return what a frame of known length holds; None if its check fails."""
    if not FramerRTU.check_CRC(frame[:-2], int.from_bytes(frame[-2:], "big")):
        return None
    return _FRAMER.decoder.decode(frame[1:-2])


def question(unit: int, span: Span) -> bytes:
    """Return what asks a unit for registers.

    >>> question(1, Span(3, 6, 3)).hex(" ")
    '01 03 00 06 00 03 e5 ca'
    """
    request = _Requests[span.function](
        dev_id=unit, address=span.address, count=span.count
    )
    return _FRAMER.buildFrame(request)


def poller(
    registers: RegisterMap, *, interval_s: float, timeout_s: float
) -> Poller[Answer]:
    """Return who asks one transmitter for its mass and status."""
    spans = registers.spans

    def fits(number: int, answer: Answer) -> bool:
        if answer.function != spans[number].function:
            return False
        return isinstance(answer, Refused) or (
            len(answer.values) == spans[number].count
        )

    def conclude(answers: Sequence[Answer]) -> ScaleReading | ScaleFault | None:
        values: dict[tuple[int, int], int] = {}
        for span, answer in zip(spans, answers, strict=False):
            if isinstance(answer, Refused):
                return ScaleFault(reason="refused", code=answer.code)
            for k, value in enumerate(answer.values):
                values[span.function, span.address + k] = value
        return registers.read(values) if len(answers) == len(spans) else None

    return Poller(
        [question(registers.unit, span) for span in spans],
        scanner=AnswerDecoder(registers.unit, spans),
        fits=fits,
        conclude=conclude,
        interval_s=interval_s,
        timeout_s=timeout_s,
    )


# ---------------------------------------------------------------- the device's side


class RequestDecoder(Scanner[Span]):
    """What a device of one unit hears of reading registers; it never raises."""

    def __init__(self, unit: int) -> None:
        super().__init__(self._at)
        self._unit = unit

    def _at(self, buffer: bytes, at: int) -> Verdict[Span]:
        if buffer[at] != self._unit:
            return "garbage"
        if len(buffer) - at < 2:
            return "more"
        if buffer[at + 1] not in _Requests:
            return "garbage"
        if len(buffer) - at < _REQUEST_BYTES:
            return "more"
        frame = buffer[at : at + _REQUEST_BYTES]
        check = int.from_bytes(frame[-2:], "big")
        if not FramerRTU.check_CRC(frame[:-2], check):
            return "damaged"
        function: Literal[3, 4] = 3 if frame[1] == 3 else 4
        address, count = (int.from_bytes(frame[k : k + 2], "big") for k in (2, 4))
        return Frame(_REQUEST_BYTES, Span(function, address, count))


def encode_answer(
    unit: int, span: Span, values: Mapping[tuple[int, int], int]
) -> bytes:
    """Return the answer to a request; a register that is not there is refused (2).

    Args:
        unit: who answers.
        span: what was asked for.
        values: function and address → value of every register that the device has.
    """
    places = [(span.function, span.address + k) for k in range(span.count)]
    if not 1 <= span.count <= ReadHoldingRegistersRequest.MAX_COUNT:
        return encode_refusal(unit, span.function, code=3)
    if any(place not in values for place in places):
        return encode_refusal(unit, span.function, code=2)
    response = _Responses[span.function](
        dev_id=unit, registers=[values[place] for place in places]
    )
    return _FRAMER.buildFrame(response)


def encode_refusal(unit: int, function: int, *, code: int) -> bytes:
    """Return an exception answer.

    >>> encode_refusal(1, 3, code=2).hex(" ")
    '01 83 02 c0 f1'
    """
    refusal = ExceptionResponse(function, exception_code=code, device_id=unit)
    return _FRAMER.buildFrame(refusal)
