"""Source enterprises as the configuration names them."""

import datetime as dt
from collections.abc import Iterable

from server.db.pool import Pool
from server.enterprises import store
from server.enterprises.model import Enterprise

__all__ = ["publish_enterprises"]


async def publish_enterprises(
    pool: Pool, enterprises: Iterable[Enterprise], *, now: dt.datetime
) -> None:
    """Bring the table of enterprises to what the configuration says."""
    async with pool.connection() as connection:
        await store.put_enterprises(connection, enterprises, now=now)
