"""Rows of the audit to values and back; there is no other way to touch them."""

import datetime as dt

from server.audit.model import AuditEntry
from server.db.pool import Connection, execute, fetch_all, json_value
from server.db.queries import load_queries

__all__ = ["insert", "trail"]

_SQL = load_queries("server.audit")


async def insert(
    connection: Connection,
    *,
    at: dt.datetime,
    account_id: int | None,
    account_name: str,
    action: str,
    subject_kind: str,
    subject_id: str,
    details: dict[str, str],
) -> None:
    """Add one act."""
    await execute(
        connection,
        _SQL["insert"],
        {
            "at": at,
            "account_id": account_id,
            "account_name": account_name,
            "action": action,
            "subject_kind": subject_kind,
            "subject_id": subject_id,
            "details": json_value(details),
        },
    )


async def trail(
    connection: Connection, subject_kind: str, subject_id: str
) -> tuple[AuditEntry, ...]:
    """Return all acts on one thing, oldest first."""
    return await fetch_all(
        connection,
        _SQL["trail"],
        {"subject_kind": subject_kind, "subject_id": subject_id},
        AuditEntry,
    )
