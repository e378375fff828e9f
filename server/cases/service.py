"""Judging a record, and the cases that judgements opened."""

import datetime as dt

from server.accounts.model import Account
from server.cases.model import Case, CaseSummary, Judged
from server.db.pool import Pool
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
    raise NotImplementedError


async def all_cases(
    pool: Pool, *, limit: int = 100, before: int | None = None
) -> tuple[CaseSummary, ...]:
    """Return cases, newest first; ``before`` is a case id to page on from."""
    raise NotImplementedError


async def find_case(pool: Pool, case_id: int, *, viewer: Account) -> Case:
    """Return one case with its record.

    Raises:
        NotFound: no such case.
    """
    raise NotImplementedError
