"""The one place of the edge that reads the clock and the system's randomness.

It corrects no clock: how wrong the host's time may be stands in the configuration.

Everything at the roadside is paired on the host's monotonic clock, which all processes
of a machine share and which no time server turns back; UTC is put on at the end.
"""

import datetime as dt
import os
import time
import uuid

__all__ = ["Clock", "uuid7"]


class Clock:
    """The host's two clocks."""

    def monotonic_s(self) -> float:
        """Return seconds on the machine-wide monotonic clock."""
        return time.monotonic()

    def now(self) -> dt.datetime:
        """Return the present time in UTC."""
        return dt.datetime.now(dt.UTC)

    def utc_of(self, monotonic_s: float) -> dt.datetime:
        """Return the UTC time of a moment that was stamped on the monotonic clock."""
        return self.now() - dt.timedelta(seconds=self.monotonic_s() - monotonic_s)

    def identifier(self) -> str:
        """Return a new UUIDv7 as text."""
        return uuid7(self.now(), os.urandom(10))


def uuid7(now: dt.datetime, randomness: bytes) -> str:
    """Return the UUIDv7 (RFC 9562) of a moment and ten random bytes.

    >>> moment = dt.datetime(2022, 2, 22, 19, 22, 22, tzinfo=dt.UTC)
    >>> uuid7(moment, bytes.fromhex("0cc3" "18c4dc0c0c07398f"))
    '017f22e2-79b0-7cc3-98c4-dc0c0c07398f'
    """
    milliseconds = int(now.timestamp() * 1000)
    high = int.from_bytes(randomness[:2]) & 0x0FFF
    low = int.from_bytes(randomness[2:10]) & 0x3FFF_FFFF_FFFF_FFFF
    value = milliseconds << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low
    return str(uuid.UUID(int=value))
