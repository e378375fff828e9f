"""Says how the station is: to the centre, to the service manager and to the log.

It repairs nothing. The heartbeat is made of what the parts count themselves.
"""

import socket
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import structlog

from edge.clock import Clock
from edge.config import StationConfig
from edge.devices.watch import DeviceWatch
from edge.errors import StorageError
from edge.outbox import Outbox
from wim.messages import StatusMessage, encode

__all__ = ["Health", "Part", "notify", "offline_status"]

_CHECK_S = 1.0


class Part(NamedTuple):
    """A part of the station that counts, and can tell whether its threads run."""

    name: str
    counters: Mapping[str, int]
    alive: Callable[[], bool]


def notify(address: str | None, text: str) -> None:
    """Tell the service manager, as ``sd_notify(3)`` does; without address, nobody."""
    if not address:
        return
    path = f"\0{address[1:]}" if address.startswith("@") else address
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagram:
        try:
            datagram.connect(path)
            datagram.sendall(text.encode())
        except OSError as error:
            structlog.get_logger("edge.health").warning(
                "service_manager_not_reached", error=str(error)
            )


def offline_status(config: StationConfig, boot_id: str) -> StatusMessage:
    """Return the last will: not online, and nothing else is known."""
    return StatusMessage(
        station_id=config.station.id,
        role=config.station.role,
        online=False,
        boot_id=boot_id,
        sent_at=None,
        taking=False,
        not_taking_reason="offline",
        lowest_unacknowledged_sequence=None,
        outbox_depth=0,
        oldest_unacknowledged_at=None,
        devices=(),
        counters={},
    )


class Health:
    """The heartbeat."""

    def __init__(
        self,
        config: StationConfig,
        *,
        boot_id: str,
        outbox: Outbox,
        watches: Sequence[DeviceWatch],
        parts: Sequence[Part],
        say: Callable[[bytes], None],
        service_manager: str | None,
        clock: Clock,
    ) -> None:
        self._config = config
        self._boot_id = boot_id
        self._outbox = outbox
        self._watches = tuple(watches)
        self._parts = tuple(parts)
        self._say = say
        self._service_manager = service_manager
        self._clock = clock
        self._log = structlog.get_logger("edge.health")
        self._reason: str | None = None
        self._dead: frozenset[str] = frozenset()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="health", daemon=True)

    def start(self) -> None:
        """Begin to beat."""
        self._thread.start()

    def stop(self, timeout_s: float = 2.0) -> None:
        """End."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def status(self, *, online: bool = True) -> StatusMessage:
        """Return the station as it is now.

        Raises:
            StorageError: the outbox cannot be read.
        """
        backlog = self._outbox.backlog()
        counters: Counter[str] = Counter()
        for part in self._parts:
            for name, number in tuple(part.counters.items()):
                counters[name] += number
        counters["files_waiting"] = backlog.files
        counters["messages_quarantined"] = backlog.quarantined
        return StatusMessage(
            station_id=self._config.station.id,
            role=self._config.station.role,
            online=online,
            boot_id=self._boot_id,
            sent_at=self._clock.now(),
            taking=online and self._reason is None,
            not_taking_reason=self._reason if online else "stopped",
            lowest_unacknowledged_sequence=backlog.lowest_sequence,
            outbox_depth=backlog.depth,
            oldest_unacknowledged_at=backlog.oldest_at,
            devices=tuple(watch.status() for watch in self._watches),
            counters=dict(sorted(counters.items())),
        )

    def _run(self) -> None:
        due_s = 0.0
        while not self._stopping.is_set():
            try:
                changed = self._check()
                now_s = self._clock.monotonic_s()
                if changed or now_s >= due_s:
                    due_s = now_s + self._config.mqtt.heartbeat_s
                    self._say(encode(self.status()))
            except StorageError as error:
                self._log.warning("status_not_made", error=str(error))
            except Exception as error:  # noqa: BLE001 -- a thread's loop: logged
                self._log.exception("heartbeat_failed", error=str(error))
            self._stopping.wait(_CHECK_S)

    def _check(self) -> bool:
        """Look at room and threads; return whether anything to say has changed."""
        dead = frozenset(part.name for part in self._parts if not part.alive())
        if dead - self._dead:
            self._log.error("threads_ended", parts=sorted(dead))
        reason = self._why_not(dead)
        changed = (reason is None) != (self._reason is None) or dead != self._dead
        if (reason is None) != (self._reason is None):
            if reason is None:
                self._log.info("taking_resumed")
            else:
                self._log.error("taking_stopped", reason=reason)
        self._reason, self._dead = reason, dead
        if not dead:
            notify(self._service_manager, "WATCHDOG=1")
        return changed

    def _why_not(self, dead: frozenset[str]) -> str | None:
        if dead:
            return f"parts not running: {', '.join(sorted(dead))}"
        try:
            if reason := self._outbox.shortage():
                return reason
            return self._outbox.probe() if self._outbox.refusal else None
        except StorageError as error:
            return str(error)
