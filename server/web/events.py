"""Live events for signed-in browsers and programs, as server-sent events.

An event tells that something was committed and, of a passage, its figures. It keeps no
backlog: after a broken connection the reader asks the lists for what came meanwhile.
"""

import asyncio
import datetime as dt
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any, Literal, TypeAlias

import msgspec
import structlog
from litestar import Request, get
from litestar.di import NamedDependency
from litestar.response import ServerSentEvent, ServerSentEventMessage

from server.accounts import service as accounts
from server.db.events import Event, EventHub
from server.db.pool import DatabaseError, Pool
from server.errors import NotFound
from server.passages import service as passages
from server.passages.model import PassageSummary
from server.web.context import account_of
from server.web.given import TheHub, ThePool

__all__ = ["EventFigures", "PassageEvent", "PlainEvent", "events"]

BEAT_S = 10.0
RETRY_MS = 2_000
MOST_REMEMBERED = 256
_log = structlog.get_logger(__name__)

PlainKind: TypeAlias = Literal["record", "case", "quarantine", "station", "resync"]


class PlainEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One change that is told by kind and id alone."""

    kind: PlainKind | Literal["beat"]
    id: str


class PassageEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One stored passage; of kind ``alert`` when it is valid and overloaded."""

    kind: Literal["passage", "alert"]
    id: str
    arrival: int
    station_id: str
    lane: int
    passed_at: dt.datetime
    gross_mass_kg: float
    axle_configuration: str | None
    plate: str | None
    overloaded: bool | None
    hundred_tonne: bool
    overload_ratio: float | None
    record_id: int | None
    committed_at: dt.datetime | None


class EventFigures:
    """The written form of events, made once for all readers of this process."""

    def __init__(self) -> None:
        self._made: OrderedDict[Event, asyncio.Task[str | None]] = OrderedDict()

    async def written(self, pool: Pool, event: Event) -> str | None:
        """Return an event as JSON; None when its passage cannot be read."""
        task = self._made.get(event)
        if task is None or event.kind not in {"passage", "alert"}:
            task = asyncio.create_task(_write(pool, event))
            self._made[event] = task
            while len(self._made) > MOST_REMEMBERED:
                self._made.popitem(last=False)
        return await asyncio.shield(task)


@get("/events", media_type="text/event-stream")
async def events(
    request: Request[Any, Any, Any],
    pool: ThePool,
    hub: TheHub,
    figures: NamedDependency[EventFigures],
) -> ServerSentEvent:
    """Stream what is committed from now on.

    Each message's ``data`` is JSON with ``kind`` (``passage``, ``alert``, ``record``,
    ``case``, ``quarantine``, ``station``, ``resync``) and ``id``; passages and alerts
    carry their figures. ``resync`` means that something may have been missed. Every
    ten seconds comes an event named ``beat``.
    """
    account = account_of(request)
    account_id = account.account_id if account else -1

    async def still_allowed() -> bool:
        return await accounts.find_account(pool, account_id) is not None

    return ServerSentEvent(_stream(pool, hub, figures, still_allowed))


async def _stream(
    pool: Pool,
    hub: EventHub,
    figures: EventFigures,
    still_allowed: Callable[[], Any],
) -> AsyncGenerator[ServerSentEventMessage, None]:
    yield ServerSentEventMessage(event="beat", data=_beat(), retry=RETRY_MS)
    with hub.watch() as watched:
        coming = _next(watched)
        try:
            while True:
                done, _ = await asyncio.wait({coming}, timeout=BEAT_S)
                if not done:
                    if not await _allowed(still_allowed):
                        return
                    yield ServerSentEventMessage(event="beat", data=_beat())
                    continue
                event = coming.result()
                coming = _next(watched)
                written = await figures.written(pool, event)
                if written is not None:
                    yield ServerSentEventMessage(data=written)
        finally:
            coming.cancel()


def _next(watched: AsyncIterator[Event]) -> asyncio.Task[Event]:
    async def take() -> Event:
        return await anext(watched)

    return asyncio.create_task(take())


async def _allowed(ask: Callable[[], Any]) -> bool:
    """Tell whether the reader may still listen; an outage ends no stream."""
    try:
        return bool(await ask())
    except DatabaseError:
        return True


async def _write(pool: Pool, event: Event) -> str | None:
    if event.kind not in {"passage", "alert"}:
        return _json({"kind": event.kind, "id": event.id})
    try:
        summary = await passages.find_summary(pool, event.id)
    except (NotFound, DatabaseError) as error:
        _log.warning("event not told", kind=event.kind, id=event.id, error=str(error))
        return _json(PlainEvent(kind="resync", id=""))
    return _json(_of_passage(event, summary))


def _of_passage(event: Event, summary: PassageSummary) -> PassageEvent:
    figures = {
        name: getattr(summary, name)
        for name in PassageEvent.__struct_fields__
        if name not in {"kind", "id"}
    }
    return msgspec.convert(
        {"kind": event.kind, "id": event.id, **figures}, PassageEvent
    )


def _beat() -> str:
    return _json(PlainEvent(kind="beat", id=""))


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
