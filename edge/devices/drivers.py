"""The table of line drivers, imported late, and the thread that keeps one open.

It decodes nothing: bytes, openings and losses go into a queue as they come.
"""

import importlib
import queue
import threading
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple, Protocol, TypeAlias

import structlog

from edge.clock import Clock
from edge.config import LineConfig
from edge.errors import DeviceLostError

__all__ = ["LINES", "Chunk", "Line", "LineEvent", "LineLost", "LineOpened"]
__all__ += ["LineReader", "open_line"]

LINES: dict[str, tuple[str, str]] = {
    "serial": ("edge.devices.serial_line", "SerialLine"),
    "replay": ("edge.devices.replay_line", "ReplayLine"),
}
"""``line.driver`` → module and class."""

_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 2.0
_HAND_OVER_S = 1.0


class Line(Protocol):
    """An open line."""

    def read(self) -> bytes:
        """Return what arrived within a tenth of a second; raise DeviceLostError."""

    def write(self, content: bytes) -> None:
        """Send bytes to the device; raise DeviceLostError."""

    def close(self) -> None:
        """Let go of the device."""


class LineOpened(NamedTuple):
    """The device was opened."""

    at_s: float


class LineLost(NamedTuple):
    """The device could not be opened, or went away."""

    at_s: float
    reason: str


class Chunk(NamedTuple):
    """Bytes as they came, and when the last of them was there."""

    at_s: float
    content: bytes


LineEvent: TypeAlias = LineOpened | LineLost | Chunk


def open_line(config: LineConfig) -> Line:
    """Open a line by its row in the table.

    Raises:
        DeviceLostError: it does not open.
    """
    module, name = LINES[config.driver]
    kind: Callable[[LineConfig], Line] = getattr(importlib.import_module(module), name)
    return kind(config)


class LineReader:
    """A thread that reads one line for ever and opens it again when it goes."""

    def __init__(self, config: LineConfig, *, clock: Clock, depth: int = 4096) -> None:
        self.events: queue.Queue[LineEvent] = queue.Queue(depth)
        self.counters: Counter[str] = Counter()
        self._config = config
        self._clock = clock
        self._log = structlog.get_logger("edge.line").bind(device=config.device)
        self._line: Line | None = None
        self._using_line = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="line", daemon=True)

    def start(self) -> None:
        """Start to read."""
        self._thread.start()

    def stop(self, timeout_s: float = 2.0) -> None:
        """Stop reading and close the device."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    @property
    def alive(self) -> bool:
        """Return whether the reader still runs."""
        return self._thread.is_alive()

    def send(self, content: bytes) -> bool:
        """Send a question to the device, from any thread; return whether it went."""
        with self._using_line:
            if self._line is None:
                return False
            try:
                self._line.write(content)
            except DeviceLostError as error:
                self.counters["line_writes_failed"] += 1
                self._log.warning("line_write_failed", error=str(error))
                return False
            return True

    def _run(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while not self._stopping.is_set():
            try:
                line = open_line(self._config)
            except DeviceLostError as error:
                self._hand_over(LineLost(self._clock.monotonic_s(), str(error)))
                self._stopping.wait(pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
                continue
            with self._using_line:
                self._line = line
            self._hand_over(LineOpened(self._clock.monotonic_s()))
            if self._read(line):
                pause_s = _FIRST_PAUSE_S
            self._stopping.wait(pause_s)

    def _read(self, line: Line) -> bool:
        """Read until the line is lost; return whether anything came."""
        anything = False
        try:
            while not self._stopping.is_set():
                content = line.read()
                if content:
                    anything = True
                    self._hand_over(Chunk(self._clock.monotonic_s(), content))
        except DeviceLostError as error:
            self._hand_over(LineLost(self._clock.monotonic_s(), str(error)))
        finally:
            with self._using_line:  # so that nobody writes to what is no longer ours
                self._line = None
                line.close()
        return anything

    def _hand_over(self, event: LineEvent) -> None:
        """Queue one event; a consumer that hangs costs bytes, counted, not memory."""
        try:
            self.events.put(event, timeout=_HAND_OVER_S)
        except queue.Full:
            lost = len(event.content) if isinstance(event, Chunk) else 0
            self.counters["line_bytes_dropped"] += lost
            self._log.warning("line_bytes_dropped", bytes=lost)
