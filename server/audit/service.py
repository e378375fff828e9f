"""Adding to the audit and reading it; nothing changes or removes a row."""

import datetime as dt
from collections.abc import Mapping

from server.audit import store
from server.audit.model import Actor, AuditEntry
from server.db.pool import Connection, Pool

__all__ = ["append", "trail"]

THE_CENTRE = "luheng"


async def append(
    connection: Connection,
    actor: Actor | None,
    action: str,
    *,
    subject_kind: str,
    subject_id: str,
    details: Mapping[str, str] | None = None,
    now: dt.datetime,
) -> None:
    """Write down one act in the connection's transaction.

    ``actor`` is None when the centre itself acts.
    """
    await store.insert(
        connection,
        at=now,
        account_id=actor.account_id if actor else None,
        account_name=actor.name if actor else THE_CENTRE,
        action=action,
        subject_kind=subject_kind,
        subject_id=subject_id,
        details=dict(details or {}),
    )


async def trail(
    pool: Pool, subject_kind: str, subject_id: str
) -> tuple[AuditEntry, ...]:
    """Return all acts on one thing, oldest first."""
    async with pool.connection() as connection:
        return await store.trail(connection, subject_kind, subject_id)
