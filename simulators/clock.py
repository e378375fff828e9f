"""The one file of the simulators that reads a clock: pace and wall time.

It sleeps nowhere: whoever waits, waits on an event that can be stopped.
"""

import datetime as dt
import threading
import time

from simulators.errors import SimulatorError

__all__ = ["Pace", "steady_s", "utc_now"]


def utc_now() -> dt.datetime:
    """Return the wall time in UTC."""
    return dt.datetime.now(dt.UTC)  # noqa: TID251 - the clock of the simulators


def steady_s() -> float:
    """Return seconds on a clock that never runs back."""
    return time.monotonic()


class Pace:
    """How far the simulated station is, on a monotonic clock.

    Two times run from the moment of construction: ``elapsed_s``, the seconds that
    passed for the people who watch, and the stream time of the station's samples,
    which is ``speed`` times as fast. Whoever falls behind calls :meth:`slip`, and the
    line and the cameras are late together.
    """

    def __init__(self, speed: float) -> None:
        if not 0.0 < speed <= 100.0:
            message = f"speed {speed:g}: give a factor above 0 and up to 100"
            raise SimulatorError(message)
        self.speed = speed
        self._lock = threading.Lock()
        self._origin_s = time.monotonic()
        self._slipped_s = 0.0

    @property
    def slipped_s(self) -> float:
        """Seconds by which the station was late in all."""
        return self._slipped_s

    def elapsed_s(self) -> float:
        """Return the seconds since the start, without those that slipped."""
        with self._lock:
            return time.monotonic() - self._origin_s - self._slipped_s

    def until_s(self, stream_s: float) -> float:
        """Return the seconds until a moment of stream time; negative if past."""
        return stream_s / self.speed - self.elapsed_s()

    def slip(self, late_s: float) -> None:
        """Shift all that is to come by some seconds."""
        with self._lock:
            self._slipped_s += late_s
