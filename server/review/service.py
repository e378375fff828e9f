"""Records for the reviewers, and the two reviews; one function, one transaction.

The judgement stands in :mod:`server.cases.service`, because it may open a case.
"""

import datetime as dt

from server.accounts.model import Account
from server.audit import service as audit
from server.db.events import notify
from server.db.pool import Connection, Pool
from server.errors import Conflict, NotFound
from server.evidence import store as evidence_store
from server.passages import store as passages_store
from server.review import store, workflow
from server.review.model import (
    Outcome,
    Record,
    RecordState,
    RecordSummary,
    RejectReason,
    Step,
)

__all__ = [
    "decide",
    "find_record",
    "first_review",
    "open_record",
    "queue",
    "read_record",
    "second_review",
]

MOST_LISTED = 500
LONGEST_REMARK = 2_000


async def queue(
    pool: Pool,
    *,
    state: RecordState | None = None,
    limit: int = 100,
    before: int | None = None,
) -> tuple[RecordSummary, ...]:
    """Return records, newest first; ``before`` is a record id to page on from."""
    async with pool.connection() as connection:
        return await store.queue(
            connection,
            state=state,
            limit=min(max(limit, 1), MOST_LISTED),
            before=before,
        )


async def find_record(pool: Pool, record_id: int, *, viewer: Account) -> Record:
    """Return one record as this viewer may see it (a blind first review is hidden).

    Raises:
        NotFound: no such record.
    """
    async with pool.connection() as connection:
        return await read_record(connection, record_id, viewer=viewer)


async def first_review(
    pool: Pool,
    record_id: int,
    *,
    officer: Account,
    outcome: Outcome,
    reason: RejectReason | None,
    remark: str,
    now: dt.datetime,
) -> RecordState:
    """Decide the first review 初审 (``pass`` or ``reject`` with a reason).

    Returns:
        The state in which the record now is.

    Raises:
        NotFound: no such record.
        NotAllowed: the officer is no reviewer, or decided another step of it.
        Conflict: the record does not await its first review (any more).
        ValueError: outcome and reason do not fit together.
    """
    async with pool.connection() as connection:
        state, _ = await decide(
            connection,
            record_id,
            step="first_review",
            officer=officer,
            outcome=outcome,
            reason=reason,
            remark=remark,
            now=now,
        )
    return state


async def second_review(
    pool: Pool,
    record_id: int,
    *,
    officer: Account,
    outcome: Outcome,
    reason: RejectReason | None,
    remark: str,
    now: dt.datetime,
) -> RecordState:
    """Decide the second review 审核; as :func:`first_review`."""
    async with pool.connection() as connection:
        state, _ = await decide(
            connection,
            record_id,
            step="second_review",
            officer=officer,
            outcome=outcome,
            reason=reason,
            remark=remark,
            now=now,
        )
    return state


async def open_record(
    connection: Connection, passage_id: str, *, blind: bool, now: dt.datetime
) -> int:
    """Open a record in 待初审 in the connection's transaction; return its id."""
    record_id = await store.open_record(
        connection, passage_id, state=workflow.FIRST, blind=blind, now=now
    )
    await audit.append(
        connection,
        None,
        "record_opened",
        subject_kind="record",
        subject_id=str(record_id),
        details={"passage_id": passage_id},
        now=now,
    )
    await notify(connection, "record", str(record_id))
    return record_id


async def decide(
    connection: Connection,
    record_id: int,
    *,
    step: Step,
    officer: Account,
    outcome: Outcome,
    reason: RejectReason | None,
    remark: str,
    now: dt.datetime,
) -> tuple[RecordState, str]:
    """Take one step in the connection's transaction.

    Returns:
        The state in which the record now is, and the id of its passage.

    Raises:
        NotFound, NotAllowed, Conflict, ValueError: as :func:`first_review`; a
            judgement to file moreover conflicts while something is lacking.
    """
    workflow.check_reason(outcome, reason)
    if len(remark) > LONGEST_REMARK or "\0" in remark:
        message = f"a remark has at most {LONGEST_REMARK} characters, and no NUL"
        raise ValueError(message)
    record = await store.lock(connection, record_id)
    if record is None:
        message = f"no record {record_id}"
        raise NotFound(message)
    earlier = await store.steps(connection, record_id)
    state = workflow.take(
        record.state,
        (step, outcome),
        roles=officer.roles,
        account_id=officer.account_id,
        earlier=[done.account_id for done in earlier if done.account_id is not None],
    )
    if outcome == "file":
        await _check_complete(connection, record.passage_id)
    await store.add_step(
        connection,
        record_id,
        step=step,
        outcome=outcome,
        reason=reason,
        remark=remark,
        account_id=officer.account_id,
        now=now,
    )
    await store.move(connection, record_id, state, now=now)
    await audit.append(
        connection,
        officer,
        f"{step}_{outcome}",
        subject_kind="record",
        subject_id=str(record_id),
        details={"reason": reason or "", "remark": remark, "state": state},
        now=now,
    )
    await notify(connection, "record", str(record_id))
    return state, record.passage_id


async def _check_complete(connection: Connection, passage_id: str) -> None:
    lacking = (await evidence_store.of_subject(connection, passage_id)).lacking
    if lacking:
        said = ", ".join(code.rpartition(":")[0] or code for code in lacking)
        message = f"the record cannot be filed yet, it lacks: {said}"
        raise Conflict(message, code="lacking", lacking=lacking)


async def read_record(
    connection: Connection, record_id: int, *, viewer: Account
) -> Record:
    """Return one record as this viewer may see it, in the connection's transaction.

    Raises:
        NotFound: no such record.
    """
    row = await store.find(connection, record_id)
    if row is None:
        message = f"no record {record_id}"
        raise NotFound(message)
    passage = await passages_store.find_passage(connection, row.passage_id)
    if passage is None:
        message = f"record {record_id} has no passage {row.passage_id}"
        raise NotFound(message)
    found = await evidence_store.of_subject(connection, row.passage_id)
    steps = await store.steps(connection, record_id)
    return Record(
        record_id=record_id,
        state=row.state,
        opened_at=row.opened_at,
        changed_at=row.changed_at,
        case_id=row.case_id,
        passage=passage,
        evidence=found.items,
        manifest=found.manifest,
        missing_views=found.manifest.missing if found.manifest else (),
        steps=workflow.hide_blind(
            steps, state=row.state, blind=row.blind, viewer_id=viewer.account_id
        ),
        lacking=found.lacking,
        blind=row.blind,
        next_step=workflow.next_step(row.state),
        barred=workflow.barred(
            row.state,
            roles=viewer.roles,
            account_id=viewer.account_id,
            earlier=[step.account_id for step in steps if step.account_id is not None],
            lacking=bool(found.lacking),
        ),
    )
