"""Figures for the pages."""

import datetime as dt
from collections.abc import Sequence

from server.db.pool import Pool
from server.passages.model import PassageSummary
from server.reports import store
from server.reports.model import DayFigures, MassPoint
from server.review.model import RecordState

__all__ = [
    "any_simulated",
    "day",
    "front_photos",
    "hundred_tonne",
    "masses",
    "record_states",
    "summaries",
]

MOST_LISTED = 100
MOST_POINTS = 500


async def day(pool: Pool, *, begins: dt.datetime, ends: dt.datetime) -> DayFigures:
    """Return the figures of one day."""
    async with pool.connection() as connection:
        return await store.day(connection, begins, ends)


async def record_states(pool: Pool) -> dict[RecordState, int]:
    """Return how many records are in each state; a state without any is left out."""
    async with pool.connection() as connection:
        return await store.record_states(connection)


async def hundred_tonne(
    pool: Pool, *, since: dt.datetime
) -> tuple[PassageSummary, ...]:
    """Return the alerts of 百吨王 since an instant, newest arrival first."""
    async with pool.connection() as connection:
        return await store.hundred_tonne(connection, since, limit=MOST_LISTED)


async def masses(
    pool: Pool, *, since: dt.datetime, station_id: str | None = None
) -> tuple[MassPoint, ...]:
    """Return passages since an instant (500 at most), the latest to pass first."""
    async with pool.connection() as connection:
        return await store.masses(connection, since, station_id, limit=MOST_POINTS)


async def summaries(
    pool: Pool, passage_ids: Sequence[str]
) -> tuple[PassageSummary, ...]:
    """Return these passages (100 at most), newest arrival first."""
    async with pool.connection() as connection:
        return await store.summaries(connection, passage_ids[:MOST_LISTED])


async def front_photos(pool: Pool, passage_ids: Sequence[str]) -> dict[str, str]:
    """Return the SHA-256 of a stored front photo for each passage that has one."""
    async with pool.connection() as connection:
        return await store.front_photos(connection, passage_ids)


async def any_simulated(pool: Pool) -> bool:
    """Tell whether there is a simulated officer, so that pages say so."""
    async with pool.connection() as connection:
        return await store.any_simulated(connection)
