"""The strip station's electronics: block after block of samples onto the line, in time.

It computes a block, waits until its last sample is due, and writes it; whether anyone
listens is the line's business.
"""

import datetime as dt
import threading
from collections import deque
from collections.abc import Callable
from typing import Literal

import msgspec
import structlog

from simulators.clock import Pace, utc_now
from simulators.forces import Passing
from simulators.pseudo_terminal import PseudoTerminal
from simulators.strips import SignalShape, StripField
from simulators.timetable import Entry, Timetable
from wim.protocols import strip

__all__ = ["Crossed", "LastSample", "StripLine"]

_LEAD_M = 5.0  # how far before row 0 a vehicle begins to matter
_SHORT_WAIT_S = 0.003  # shorter waits are not worth a sleep
_LATE_S = 0.25
_log = structlog.get_logger()


class LastSample(msgspec.Struct, frozen=True):
    """Where the last force of a vehicle falls: the lane's last row and strip width."""

    position_m: float
    width_m: float


class Crossed(msgspec.Struct, frozen=True):
    """One vehicle whose last sample was written."""

    entry: Entry
    first_axle_at: dt.datetime
    last_sample_written_at: dt.datetime


class _OnTheWay:
    """One vehicle that the strips may feel now."""

    def __init__(self, entry: Entry, last: LastSample) -> None:
        self.entry = entry
        self.passing: Passing = entry.passing
        self.last_force_s = self.passing.last_force_s(last.position_m, last.width_m)
        self.over_s = max(self.last_force_s, self.passing.tail_at_s(0.0)) + 0.5
        self.first_axle_at: dt.datetime | None = None
        self.reported = False


class StripLine:
    """The line of one station; run :meth:`run` in a thread."""

    def __init__(
        self,
        line: PseudoTerminal,
        field: StripField,
        pace: Pace,
        *,
        signal: SignalShape,
        block_s: float,
        last_samples: dict[int, LastSample],
        on_crossed: Callable[[Crossed], None],
    ) -> None:
        self._line = line
        self._field = field
        self._pace = pace
        self._rate_hz = signal.sample_rate_hz
        self._bits: Literal[16, 24] = 16 if signal.bit_depth == 16 else 24
        self._samples = round(block_s * signal.sample_rate_hz)
        self._last_samples = last_samples
        self._on_crossed = on_crossed
        self._expected: deque[_OnTheWay] = deque()
        self._on_the_way: list[_OnTheWay] = []
        self._timetable: Timetable | None = None
        self._lock = threading.Lock()

    def follow(self, timetable: Timetable) -> None:
        """Let the vehicles of a timetable come."""
        with self._lock:
            self._timetable = timetable
            self._expected = deque(
                _OnTheWay(entry, self._last_samples[entry.crossing.lane])
                for entry in sorted(timetable.entries, key=_appears_s)
            )

    def run(self, stop: threading.Event) -> None:
        """Write blocks until told to stop."""
        number = 0
        while not stop.is_set():
            ends_s = (number + 1) * self._samples / self._rate_hz
            frame = self._frame(number, ends_s)
            wait_s = self._pace.until_s(ends_s)
            if wait_s > _SHORT_WAIT_S:
                stop.wait(wait_s)
            elif wait_s < -_LATE_S:
                self._pace.slip(-wait_s)
                _log.info("line_fell_behind", late_s=round(-wait_s, 3))
            self._line.write(frame)
            self._report(utc_now(), ends_s)
            number += 1

    def _frame(self, number: int, ends_s: float) -> bytes:
        """Return the bytes of one block."""
        with self._lock:
            while self._expected and _appears_s(self._expected[0].entry) < ends_s:
                self._on_the_way.append(self._expected.popleft())
        passings = [vehicle.passing for vehicle in self._on_the_way]
        first = number * self._samples
        counts = self._field.counts(passings, first_sample=first, samples=self._samples)
        return strip.encode(
            strip.SampleFrame(
                sequence=number,
                first_sample=first,
                sample_rate_hz=self._rate_hz,
                counts=counts,
                inputs=self._field.inputs(passings, ends_s),
                bits_per_sample=self._bits,
            )
        )

    def _report(self, written_at: dt.datetime, ends_s: float) -> None:
        """Tell of the vehicles whose last sample has just been written."""
        for vehicle in self._on_the_way:
            passing = vehicle.passing
            if vehicle.first_axle_at is None and ends_s >= passing.arrives_s:
                since_s = (ends_s - passing.arrives_s) / self._pace.speed
                vehicle.first_axle_at = written_at - dt.timedelta(seconds=since_s)
            if not vehicle.reported and ends_s >= vehicle.last_force_s:
                vehicle.reported = True
                first_axle_at = vehicle.first_axle_at or written_at
                self._on_crossed(Crossed(vehicle.entry, first_axle_at, written_at))
        self._on_the_way = [v for v in self._on_the_way if v.over_s > ends_s]


def _appears_s(entry: Entry) -> float:
    return entry.passing.front_at_s(-_LEAD_M)
