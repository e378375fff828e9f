"""Stations for the pages, their status as it comes in, and the quarantine."""

import datetime as dt

from server.accounts.model import Account, Role
from server.audit import service as audit
from server.db.pool import Pool
from server.errors import NotAllowed, NotFound
from server.stations import store
from server.stations.model import QuarantineEntry, Registry, StationSummary

__all__ = [
    "MAY_OPEN_QUARANTINED",
    "all_stations",
    "find_quarantined",
    "open_quarantined",
    "publish_registry",
    "quarantine",
]

MOST_LISTED = 500
MAY_OPEN_QUARANTINED: tuple[Role, ...] = ("auditor", "admin")
"""Who may read a quarantined message whole: it can hold anything."""


async def publish_registry(pool: Pool, registry: Registry, *, now: dt.datetime) -> None:
    """Bring the table of stations to what the configuration says."""
    async with pool.connection() as connection:
        await store.put_stations(connection, registry.all(), now=now)


async def all_stations(pool: Pool) -> tuple[StationSummary, ...]:
    """Return every configured station with its last word and its counts, by id."""
    async with pool.connection() as connection:
        return await store.summaries(connection)


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


async def open_quarantined(
    pool: Pool, quarantine_id: int, *, reader: Account, now: dt.datetime
) -> bytes:
    """Return the whole bytes of a quarantined message; who read them is audited.

    Raises:
        NotFound: no such entry.
        NotAllowed: the reader is neither auditor nor administrator.
    """
    if not set(MAY_OPEN_QUARANTINED) & set(reader.roles):
        message = f"{reader.name} may not open quarantined messages"
        raise NotAllowed(message, code="role")
    async with pool.connection() as connection:
        payload = await store.find_payload(connection, quarantine_id)
        if payload is None:
            message = f"no quarantined message {quarantine_id}"
            raise NotFound(message)
        await audit.append(
            connection,
            reader,
            "quarantined_read",
            subject_kind="quarantine",
            subject_id=str(quarantine_id),
            now=now,
        )
    return payload
