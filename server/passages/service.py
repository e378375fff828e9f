"""Passages for the pages: lists by arrival, and one whole.

Storing them is the ingest's transaction, through the store.
"""

from server.db.pool import Pool
from server.errors import NotFound
from server.passages import store
from server.passages.model import Passage, PassageSummary

__all__ = ["find_passage", "find_summary", "recent"]

MOST_LISTED = 500


async def recent(
    pool: Pool,
    *,
    limit: int = 100,
    after: int | None = None,
    before: int | None = None,
    overloaded_only: bool = False,
) -> tuple[PassageSummary, ...]:
    """Return passages, newest arrival first.

    Args:
        pool: the database.
        limit: how many at most (500 are the most).
        after: only those that arrived after this ``arrival`` number; then the oldest
            of them are taken first. Numbers are given before the commit: with several
            workers a lower one can become visible after a higher one. Who must miss
            none listens to the events, which tell each passage at its commit, or reads
            the last minute's numbers again.
        before: only those that arrived before this number.
        overloaded_only: alerts only (valid and overloaded by the second verdict).
    """
    async with pool.connection() as connection:
        return await store.recent(
            connection,
            limit=min(max(limit, 1), MOST_LISTED),
            after=after,
            before=before,
            overloaded_only=overloaded_only,
        )


async def find_summary(pool: Pool, passage_id: str) -> PassageSummary:
    """Return one line of the alert wall (for an event).

    Raises:
        NotFound: no such passage.
    """
    async with pool.connection() as connection:
        found = await store.find_summary(connection, passage_id)
    if found is None:
        message = f"no passage {passage_id}"
        raise NotFound(message)
    return found


async def find_passage(pool: Pool, passage_id: str) -> Passage:
    """Return one passage whole.

    Raises:
        NotFound: no such passage.
    """
    async with pool.connection() as connection:
        found = await store.find_passage(connection, passage_id)
    if found is None:
        message = f"no passage {passage_id}"
        raise NotFound(message)
    return found
