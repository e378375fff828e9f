"""Source enterprises and their weighings, for the pages."""

import datetime as dt
from collections.abc import Iterable

from server.db.pool import Pool
from server.enterprises import store
from server.enterprises.model import Enterprise, Weighing

__all__ = ["publish_enterprises", "recent_weighings"]

MOST_LISTED = 500


async def publish_enterprises(
    pool: Pool, enterprises: Iterable[Enterprise], *, now: dt.datetime
) -> None:
    """Bring the table of enterprises to what the configuration says."""
    async with pool.connection() as connection:
        await store.put_enterprises(connection, enterprises, now=now)


async def recent_weighings(pool: Pool, *, limit: int = 100) -> tuple[Weighing, ...]:
    """Return weighings, newest first."""
    async with pool.connection() as connection:
        return await store.recent(connection, limit=min(max(limit, 1), MOST_LISTED))
