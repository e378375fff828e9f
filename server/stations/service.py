"""Stations for the pages, their status as it comes in, and the quarantine."""

import datetime as dt

from server.db.events import notify
from server.db.pool import Pool
from server.errors import NotFound
from server.stations import store
from server.stations.model import QuarantineEntry, Registry, StationSummary
from wim.messages import StatusMessage

__all__ = [
    "all_stations",
    "find_quarantined",
    "publish_registry",
    "quarantine",
    "receive_status",
]

MOST_LISTED = 500


async def publish_registry(pool: Pool, registry: Registry, *, now: dt.datetime) -> None:
    """Bring the table of stations to what the configuration says."""
    async with pool.connection() as connection:
        await store.put_stations(connection, registry.all(), now=now)


async def all_stations(pool: Pool) -> tuple[StationSummary, ...]:
    """Return every configured station with its last word and its counts, by id."""
    async with pool.connection() as connection:
        return await store.summaries(connection)


async def receive_status(
    pool: Pool, status: StatusMessage, *, now: dt.datetime
) -> bool:
    """Take a station's status; false when it is older than what is known.

    A boot never seen before is the present one. Of the present boot a later
    ``sent_at`` wins, and its last will says no more than that it is offline. An
    earlier boot says nothing any more.
    """
    async with pool.connection() as connection:
        taken = await store.put_status(connection, status, now=now)
        if taken:
            await notify(connection, "station", status.station_id)
        return taken


async def quarantine(
    pool: Pool, *, limit: int = 100, before: int | None = None
) -> tuple[QuarantineEntry, ...]:
    """Return quarantined messages, newest first."""
    async with pool.connection() as connection:
        return await store.quarantine(
            connection, limit=min(max(limit, 1), MOST_LISTED), before=before
        )


async def find_quarantined(pool: Pool, quarantine_id: int) -> QuarantineEntry:
    """Return one quarantined message.

    Raises:
        NotFound: no such entry.
    """
    async with pool.connection() as connection:
        found = await store.find_quarantined(connection, quarantine_id)
    if found is None:
        message = f"no quarantined message {quarantine_id}"
        raise NotFound(message)
    return found
