"""Records for the reviewers, and the two reviews; one function, one transaction.

The judgement stands in :mod:`server.cases.service`, because it may open a case.
"""

import datetime as dt

from server.accounts.model import Account
from server.db.pool import Pool
from server.review.model import (
    Outcome,
    Record,
    RecordState,
    RecordSummary,
    RejectReason,
)

__all__ = ["find_record", "first_review", "queue", "second_review"]

MOST_LISTED = 500


async def queue(
    pool: Pool,
    *,
    state: RecordState | None = None,
    limit: int = 100,
    before: int | None = None,
) -> tuple[RecordSummary, ...]:
    """Return records, newest first; ``before`` is a record id to page on from."""
    raise NotImplementedError


async def find_record(pool: Pool, record_id: int, *, viewer: Account) -> Record:
    """Return one record as this viewer may see it (a blind first review is hidden).

    Raises:
        NotFound: no such record.
    """
    raise NotImplementedError


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
    raise NotImplementedError


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
    raise NotImplementedError
