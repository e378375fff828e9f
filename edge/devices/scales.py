"""The table of scales: ``line.protocol`` → who makes readings of a line's bytes.

A scale that talks by itself is listened to; one that answers is asked. It opens no
line and decides nothing about loads.
"""

from collections.abc import Callable, Mapping
from typing import Protocol, TypeAlias

from edge.config import LineConfig
from wim.protocols import hbm, toledo, xk3190
from wim.protocols.noise import LineNoise
from wim.protocols.readings import ScaleFault, ScaleReading
from wim.protocols.scanner import Scanner

__all__ = ["SCALES", "ScaleDriver", "ScaleEvent", "scale_driver"]

ScaleEvent: TypeAlias = ScaleReading | ScaleFault | LineNoise


class ScaleDriver(Protocol):
    """One protocol of a scale, both ways."""

    @property
    def interval_s(self) -> float | None:
        """Return how often it is asked; None if it talks by itself."""

    @property
    def counters(self) -> Mapping[str, int]:
        """Return what it counted of questions and answers, by name."""

    def ask(self, now_s: float) -> bytes:
        """Return what to send now, often nothing."""

    def receive(self, data: bytes) -> list[ScaleEvent]:
        """Take the next bytes and return what they complete, in order."""


class _Listener:
    """A scale that talks by itself."""

    interval_s: float | None = None
    counters: Mapping[str, int] = {}

    def __init__(self, scanner: Scanner[ScaleReading | ScaleFault]) -> None:
        self.receive = scanner.receive

    def ask(self, now_s: float) -> bytes:  # noqa: ARG002 -- nothing to ask at any time
        return b""


def scale_driver(config: LineConfig) -> ScaleDriver:
    """Return the driver of the row that a line's protocol names."""
    return SCALES[config.protocol](config)


def _xk3190(config: LineConfig) -> ScaleDriver:
    if config.xk3190 is None:
        return _Listener(xk3190.Decoder())
    return _Listener(xk3190.Decoder(unit=config.xk3190.unit))


def _toledo(config: LineConfig) -> ScaleDriver:
    checksum = config.toledo is None or config.toledo.checksum
    return _Listener(toledo.Decoder(checksum=checksum))


def _hbm(config: LineConfig) -> ScaleDriver:
    if config.hbm is None:
        raise AssertionError
    return hbm.poller(
        config.hbm.addresses,
        cof=config.hbm.cof,
        kg_per_digit=config.hbm.kg_per_digit,
        bits=config.hbm.status,
        interval_s=config.hbm.poll_interval_s,
        timeout_s=config.hbm.answer_timeout_s,
    )


def _modbus(config: LineConfig) -> ScaleDriver:
    # as late as this: no other scale needs pymodbus
    from wim.protocols import modbus  # noqa: PLC0415

    if config.modbus is None:
        raise AssertionError
    return modbus.poller(
        config.modbus,
        interval_s=config.modbus.poll_interval_s,
        timeout_s=config.modbus.answer_timeout_s,
    )


SCALES: dict[str, Callable[[LineConfig], ScaleDriver]] = {
    "xk3190": _xk3190,
    "toledo": _toledo,
    "hbm": _hbm,
    "modbus": _modbus,
}
"""``line.protocol`` → what makes its driver."""
