"""Rows of records and their steps to values and back."""

import datetime as dt

import msgspec

from server.db.pool import (
    LAST,
    Connection,
    execute,
    fetch_all,
    fetch_one,
    fetch_rows,
)
from server.db.queries import load_queries
from server.review.model import (
    Outcome,
    RecordState,
    RecordSummary,
    RejectReason,
    ReviewStep,
    Step,
)

__all__ = [
    "RecordRow",
    "add_step",
    "find",
    "lock",
    "move",
    "of_passage",
    "open_record",
    "queue",
    "steps",
]

_SQL = load_queries("server.review")


class RecordRow(msgspec.Struct, frozen=True, kw_only=True):
    """One record without what hangs on it."""

    record_id: int
    passage_id: str
    state: RecordState
    blind: bool
    opened_at: dt.datetime
    changed_at: dt.datetime
    case_id: int | None


class LockedRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One record that nobody else changes until the transaction ends."""

    record_id: int
    passage_id: str
    state: RecordState
    blind: bool


async def open_record(
    connection: Connection,
    passage_id: str,
    *,
    state: RecordState,
    blind: bool,
    now: dt.datetime,
) -> int:
    """Open a record on a passage and return its id."""
    parameters = {
        "passage_id": passage_id,
        "state": state,
        "blind": blind,
        "now": now,
    }
    rows = await fetch_rows(connection, _SQL["open"], parameters)
    return int(rows[0]["record_id"])


async def lock(connection: Connection, record_id: int) -> LockedRecord | None:
    """Return a record, locked."""
    return await fetch_one(
        connection, _SQL["lock"], {"record_id": record_id}, LockedRecord
    )


async def find(connection: Connection, record_id: int) -> RecordRow | None:
    """Return a record."""
    return await fetch_one(
        connection, _SQL["find"], {"record_id": record_id}, RecordRow
    )


async def of_passage(connection: Connection, passage_id: str) -> int | None:
    """Return the record on a passage."""
    parameters = {"passage_id": passage_id}
    rows = await fetch_rows(connection, _SQL["of_passage"], parameters)
    return int(rows[0]["record_id"]) if rows else None


async def queue(
    connection: Connection,
    *,
    state: RecordState | None,
    limit: int,
    before: int | None,
) -> tuple[RecordSummary, ...]:
    """Return records, newest first."""
    query = _SQL["queue" if state is None else "queue_in_state"]
    parameters = {
        "state": state,
        "limit": limit,
        "before": LAST if before is None else before,
    }
    return await fetch_all(connection, query, parameters, RecordSummary)


async def steps(connection: Connection, record_id: int) -> tuple[ReviewStep, ...]:
    """Return the steps of a record in their order."""
    return await fetch_all(
        connection, _SQL["steps"], {"record_id": record_id}, ReviewStep
    )


async def add_step(
    connection: Connection,
    record_id: int,
    *,
    step: Step,
    outcome: Outcome,
    reason: RejectReason | None,
    remark: str,
    account_id: int,
    now: dt.datetime,
) -> None:
    """Add a step; the database checks state, role and person once more."""
    await execute(
        connection,
        _SQL["add_step"],
        {
            "record_id": record_id,
            "step": step,
            "outcome": outcome,
            "reason": reason,
            "remark": remark,
            "account_id": account_id,
            "now": now,
        },
    )


async def move(
    connection: Connection, record_id: int, state: RecordState, *, now: dt.datetime
) -> None:
    """Move a record to the state to which its last step led."""
    await execute(
        connection, _SQL["move"], {"record_id": record_id, "state": state, "now": now}
    )
