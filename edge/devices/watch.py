"""How one device is, since when, and what was counted on it.

It decides nothing: the driver or the decoder says what it saw, and every change of
state becomes exactly one log line.
"""

import threading
from collections import Counter
from typing import Literal, TypeAlias

import structlog

from edge.clock import Clock
from wim.messages import DeviceStatus

__all__ = ["DeviceState", "DeviceWatch"]

DeviceState: TypeAlias = Literal["ok", "missing", "silent", "noisy", "stale"]


class DeviceWatch:
    """The state of one device, shared by the threads that see it."""

    def __init__(self, name: str, *, clock: Clock) -> None:
        self.name = name
        self._clock = clock
        self._log = structlog.get_logger("edge.device").bind(device=name)
        self._lock = threading.Lock()
        self._state: DeviceState = "missing"
        self._since = clock.now()
        self._counters: Counter[str] = Counter()

    @property
    def state(self) -> DeviceState:
        """Return the present state."""
        return self._state

    def become(self, state: DeviceState, reason: str) -> None:
        """Note the state that was seen; a change is logged and counted, once."""
        with self._lock:
            before = self._state
            if state == before:
                return
            self._state, self._since = state, self._clock.now()
            self._counters[f"became_{state}"] += 1
        say = self._log.info if state == "ok" else self._log.warning
        say("device_changed", before=before, after=state, reason=reason)

    def count(self, name: str, number: int = 1) -> None:
        """Add to a counter."""
        with self._lock:
            self._counters[name] += number

    def status(self) -> DeviceStatus:
        """Return the device as the heartbeat carries it."""
        with self._lock:
            return DeviceStatus(
                name=self.name,
                state=self._state,
                since=self._since,
                counters=dict(sorted(self._counters.items())),
            )
