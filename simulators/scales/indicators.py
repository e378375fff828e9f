"""The table of simulated indicators: each says its display as its protocol has it.

They write with the same codecs that the edge reads with, and open no line. As they
stand in the table they fit the shipped examples in ``configs/edge/``.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from simulators.scales.display import Display
from wim.protocols import hbm, modbus, toledo, xk3190
from wim.protocols.noise import LineNoise
from wim.protocols.registers import MassRegister, RegisterMap, StatusRegister

__all__ = ["INDICATORS", "HbmCells", "Indicator", "ModbusTransmitter"]
__all__ += ["ToledoIndicator", "Xk3190Indicator"]

LAUMAS = RegisterMap(
    mass=MassRegister(register=40008, kind="u32"),
    status=StatusRegister(
        register=40007,
        stable=(11,),
        negative=(7,),
        out_of_range=(2, 3, 4),
        device=(0, 1),
    ),
)
"""A Laumas transmitter that shows whole kilogrammes."""


class Indicator(Protocol):
    """A device at the end of a line: it talks every ``period_s``, or answers."""

    period_s: float | None

    def say(self, display: Display) -> bytes:
        """Return what it sends by itself."""

    def hear(self, data: bytes, display: Display) -> bytes:
        """Take bytes and return what it answers, often nothing."""


class Xk3190Indicator:
    """A Yaohua XK3190 in continuous mode; without a figure it shows bars."""

    period_s: float | None = 1.0 / 12.0

    def say(self, display: Display) -> bytes:
        """Return one frame."""
        if display.out_of_range or display.power_up:
            return xk3190.encode_blank()
        return xk3190.encode(display.mass_kg)

    def hear(self, data: bytes, display: Display) -> bytes:  # noqa: ARG002 -- deaf
        """Return nothing: it hears nobody."""
        return b""


class ToledoIndicator:
    """An indicator with Toledo continuous output, with or without a tare."""

    period_s: float | None = 1.0 / 12.0

    def __init__(self, *, tare_kg: float = 0.0, checksum: bool = True) -> None:
        self._tare_kg = tare_kg
        self._checksum = checksum

    def say(self, display: Display) -> bytes:
        """Return one frame; with a tare it shows net."""
        return toledo.encode(
            display.mass_kg - self._tare_kg,
            self._tare_kg,
            moving=display.moving,
            out_of_range=display.out_of_range,
            power_up=display.power_up,
            checksum=self._checksum,
        )

    def hear(self, data: bytes, display: Display) -> bytes:  # noqa: ARG002 -- deaf
        """Return nothing: it hears nobody."""
        return b""


class HbmCells:
    """Digital load cells under one platform, on one bus; they share the load."""

    period_s: float | None = None

    def __init__(
        self,
        addresses: Sequence[int] = (1, 2, 3, 4),
        *,
        cof: hbm.Cof = 9,
        kg_per_digit: float = 2.0,
    ) -> None:
        self._addresses = tuple(addresses)
        self._cof = cof
        self._kg_per_digit = kg_per_digit
        self._requests = hbm.RequestDecoder()
        self._selected = -1

    def say(self, display: Display) -> bytes:  # noqa: ARG002 -- a cell is asked
        """Return nothing: a cell speaks when it is asked."""
        return b""

    def hear(self, data: bytes, display: Display) -> bytes:
        """Answer as the selected cell, if it is one of these."""
        answers = b""
        for request in self._requests.receive(data):
            match request:
                case hbm.Select(address):
                    self._selected = address
                case hbm.AskValue() if self._selected in self._addresses:
                    answers += self._value(self._selected, display)
                case _:
                    pass
        return answers

    def _value(self, address: int, display: Display) -> bytes:
        """Return the answer of one cell: its share of the digits, its status."""
        digits = round(display.mass_kg / self._kg_per_digit)
        share, rest = divmod(digits, len(self._addresses))
        share += self._addresses.index(address) < rest
        status = 0 if display.moving else 0b1000
        status |= 0b10 if display.out_of_range or display.power_up else 0
        return hbm.encode(share, cof=self._cof, status=status, address=address)


class ModbusTransmitter:
    """A weighing transmitter that is asked for its registers."""

    period_s: float | None = None

    def __init__(self, registers: RegisterMap = LAUMAS) -> None:
        self._registers = registers
        self._requests = modbus.RequestDecoder(registers.unit)

    def say(self, display: Display) -> bytes:  # noqa: ARG002 -- it is asked
        """Return nothing: it speaks when it is asked."""
        return b""

    def hear(self, data: bytes, display: Display) -> bytes:
        """Answer every whole request."""
        values = self._registers.write(
            display.mass_kg,
            stable=not display.moving,
            out_of_range=display.out_of_range,
            device=display.power_up,
        )
        return b"".join(
            modbus.encode_answer(self._registers.unit, span, values)
            for span in self._requests.receive(data)
            if not isinstance(span, LineNoise)
        )


INDICATORS: dict[str, Callable[[], Indicator]] = {
    "xk3190": Xk3190Indicator,
    "toledo": ToledoIndicator,
    "hbm": HbmCells,
    "modbus": ModbusTransmitter,
}
"""``--protocol`` → what makes its indicator."""
