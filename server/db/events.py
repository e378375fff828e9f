"""What has just been committed, told to whoever watches: PostgreSQL LISTEN/NOTIFY.

One listening connection serves all watchers of a process. It promises no completeness:
after an outage, or to a watcher that is too slow, it says ``resync`` and the watcher
reads the state anew.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Literal, TypeAlias

import msgspec
import structlog

from server.db.pool import Connection, DatabaseError, connect

__all__ = ["CHANNEL", "Event", "EventHub", "EventKind", "notify"]

CHANNEL = "luheng_events"
EventKind: TypeAlias = Literal[
    "passage", "alert", "record", "case", "quarantine", "station", "resync"
]

_QUEUE_LENGTH = 1_000
_POLL_S = 30.0
_log = structlog.get_logger(__name__)


class Event(msgspec.Struct, frozen=True):
    """One committed change: what kind of thing, and its id as text."""

    kind: EventKind
    id: str


RESYNC = Event("resync", "")


async def notify(connection: Connection, kind: EventKind, subject_id: str) -> None:
    """Tell an event in the connection's transaction: heard only if it commits."""
    payload = msgspec.json.encode(Event(kind, subject_id)).decode()
    await connection.execute("SELECT pg_notify(%s, %s)", (CHANNEL, payload))


class EventHub:
    """Hears the events of one database and hands them to any number of watchers."""

    def __init__(self, database_url: str) -> None:
        self._url = database_url
        self._watchers: set[asyncio.Queue[Event]] = set()
        self._listening = asyncio.Event()

    async def run(self) -> None:
        """Listen until cancelled; an outage of the database is waited out."""
        pause_s = 0.2
        while True:
            try:
                async with await connect(self._url) as connection:
                    await connection.execute(f"LISTEN {CHANNEL}".encode())
                    self._listening.set()
                    pause_s = 0.2
                    await self._hear(connection)
            except DatabaseError as error:
                _log.warning("event listening lost", error=str(error).strip())
            self._listening.clear()
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, 5.0)
            self._tell(RESYNC)

    async def wait_until_listening(self) -> None:
        """Return once events are heard."""
        await self._listening.wait()

    @contextlib.contextmanager
    def watch(self) -> Iterator[AsyncIterator[Event]]:
        """Give every event from this moment on.

        ::

            with hub.watch() as events:
                async for event in events:
                    ...
        """
        queue: asyncio.Queue[Event] = asyncio.Queue(_QUEUE_LENGTH)
        self._watchers.add(queue)
        try:
            yield _each(queue)
        finally:
            self._watchers.discard(queue)

    async def _hear(self, connection: Connection) -> None:
        while True:
            async for notice in connection.notifies(timeout=_POLL_S):
                with contextlib.suppress(msgspec.DecodeError):
                    self._tell(msgspec.json.decode(notice.payload, type=Event))
            await connection.execute("SELECT 1")  # a dead peer is found here

    def _tell(self, event: Event) -> None:
        for queue in self._watchers:
            if queue.full():
                _drain(queue)
                queue.put_nowait(RESYNC)
            queue.put_nowait(event)


async def _each(queue: asyncio.Queue[Event]) -> AsyncIterator[Event]:
    while True:
        yield await queue.get()


def _drain(queue: asyncio.Queue[Event]) -> None:
    while not queue.empty():
        queue.get_nowait()
