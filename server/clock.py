"""The one place of the centre where the clock is read.

It converts nothing: everything below takes ``now`` as an argument.
"""

import datetime as dt

__all__ = ["now"]


def now() -> dt.datetime:
    """Return the present instant, UTC, aware."""
    return dt.datetime.now(tz=dt.UTC)
