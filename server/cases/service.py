"""Judging a record, and the cases that judgements opened."""

import datetime as dt

from server.accounts.model import Account
from server.audit import service as audit
from server.cases import store, workflow
from server.cases.model import Case, CaseSummary, Judged
from server.db.events import notify
from server.db.pool import Connection, Pool
from server.errors import NotFound
from server.review import service as review
from server.review.model import Outcome, RejectReason

__all__ = ["all_cases", "find_case", "judge"]

MOST_LISTED = 500


async def judge(
    pool: Pool,
    record_id: int,
    *,
    officer: Account,
    outcome: Outcome,
    reason: RejectReason | None,
    remark: str,
    now: dt.datetime,
) -> Judged:
    """Judge a record 判定 (``file`` or ``not_pursued`` with a reason).

    ``file`` opens the case in the same transaction.

    Raises:
        NotFound: no such record.
        NotAllowed: the officer is no decider, or decided another step of it.
        Conflict: the record does not await its judgement (any more), or the manifest
            or a file has not arrived (``code == "lacking"``, ``lacking``).
        ValueError: outcome and reason do not fit together.
    """
    async with pool.connection() as connection:
        state, passage_id = await review.decide(
            connection,
            record_id,
            step="judgement",
            officer=officer,
            outcome=outcome,
            reason=reason,
            remark=remark,
            now=now,
        )
        if state != "filed":
            return Judged(record_id=record_id, case_id=None, number=None)
        return await _open(connection, record_id, passage_id, officer=officer, now=now)


async def _open(
    connection: Connection,
    record_id: int,
    passage_id: str,
    *,
    officer: Account,
    now: dt.datetime,
) -> Judged:
    year = workflow.case_year(now)
    number = workflow.case_number(year, await store.take_number(connection, year))
    case_id = await store.open_case(
        connection,
        number=number,
        record_id=record_id,
        passage_id=passage_id,
        state=workflow.FIRST,
        opened_by=officer.account_id,
        now=now,
    )
    await audit.append(
        connection,
        officer,
        "case_opened",
        subject_kind="case",
        subject_id=str(case_id),
        details={"number": number, "record_id": str(record_id)},
        now=now,
    )
    await notify(connection, "case", str(case_id))
    return Judged(record_id=record_id, case_id=case_id, number=number)


async def all_cases(
    pool: Pool, *, limit: int = 100, before: int | None = None
) -> tuple[CaseSummary, ...]:
    """Return cases, newest first; ``before`` is a case id to page on from."""
    async with pool.connection() as connection:
        return await store.recent(
            connection, limit=min(max(limit, 1), MOST_LISTED), before=before
        )


async def find_case(pool: Pool, case_id: int, *, viewer: Account) -> Case:
    """Return one case with its record.

    Raises:
        NotFound: no such case.
    """
    async with pool.connection() as connection:
        found = await store.find(connection, case_id)
        if found is None:
            message = f"no case {case_id}"
            raise NotFound(message)
        record = await review.read_record(connection, found.record_id, viewer=viewer)
    return Case(case=found, record=record)
