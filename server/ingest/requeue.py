"""Taking the quarantine through intake again, once what was wrong has been mended.

It believes no message more than before: what is still wrong stays where it is.
"""

from collections import Counter

import msgspec

from server.db.pool import Pool
from server.ingest.intake import Intake
from server.stations import store as stations

__all__ = ["Requeued", "requeue"]

_PAGE = 100


class Requeued(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the quarantine; ``left`` counts what stays, by its code now."""

    stored: int
    duplicate: int
    left: dict[str, int]


async def requeue(pool: Pool, intake: Intake, *, station_id: str | None) -> Requeued:
    """Take every quarantined message again, or one station's, the oldest first.

    Each is a transaction of its own. Heartbeats are left out: they are over.
    """
    became: Counter[str] = Counter()
    left: Counter[str] = Counter()
    after = 0
    while page := await _page(pool, station_id=station_id, after=after):
        after = page[-1].quarantine_id
        for kept in page:
            outcome = await intake.take_again(kept)
            if outcome.reason is None:
                became[outcome.outcome] += 1
            else:
                left[outcome.reason.partition(":")[0]] += 1
    return Requeued(
        stored=became["stored"],
        duplicate=became["duplicate"],
        left=dict(sorted(left.items())),
    )


async def _page(
    pool: Pool, *, station_id: str | None, after: int
) -> tuple[stations.Quarantined, ...]:
    async with pool.connection() as connection:
        return await stations.quarantined(
            connection, station_id=station_id, after=after, limit=_PAGE
        )
