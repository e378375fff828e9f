"""Cases 案件 as far as this release carries them: opened, in 立案审批."""

import datetime as dt
from typing import Literal, TypeAlias

import msgspec

from server.passages.model import PassageSummary
from server.review.model import Record

__all__ = ["Case", "CaseState", "CaseSummary", "Judged"]

CaseState: TypeAlias = Literal["filing_approval"]  # 立案审批


class CaseSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the list of cases."""

    case_id: int
    number: str
    state: CaseState
    record_id: int
    opened_at: dt.datetime
    opened_by: str
    opened_by_simulated: bool
    passage: PassageSummary


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One case with the record that it was filed from."""

    case: CaseSummary
    record: Record


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """What a judgement led to; ``case_id`` is None when it was not pursued."""

    record_id: int
    case_id: int | None
    number: str | None
