"""Records under review 初审 → 审核 → 判定, and the words of every step.

Codes only: what a page calls them stands in its catalogues.
"""

import datetime as dt
from typing import Literal, TypeAlias, get_args

import msgspec

from server.evidence.model import EvidenceItem, Manifest
from server.passages.model import Passage, PassageSummary
from wim.messages import EvidenceKind

__all__ = [
    "REJECT_REASONS",
    "STATES",
    "Barred",
    "Outcome",
    "Record",
    "RecordState",
    "RecordSummary",
    "RejectReason",
    "ReviewStep",
    "Step",
]

RecordState: TypeAlias = Literal[
    "awaiting_first_review",  # 待初审
    "awaiting_second_review",  # 待审核
    "awaiting_judgement",  # 待判定
    "filed",  # 已立案
    "first_review_rejected",  # 初审不通过
    "second_review_rejected",  # 审核不通过
    "not_pursued",  # 判定不处理
]
STATES: tuple[RecordState, ...] = get_args(RecordState)

Step: TypeAlias = Literal["first_review", "second_review", "judgement"]
Outcome: TypeAlias = Literal["pass", "reject", "file", "not_pursued"]
"""``pass`` and ``reject`` of the two reviews; ``file``, ``not_pursued`` of a judgement.
"""

RejectReason: TypeAlias = Literal[
    "plate_unreadable",
    "two_vehicles",
    "straddling",
    "speed_out_of_range",
    "manoeuvre",
    "axle_count_differs",
    "certificate_expired",
    "clock_bound",
    "photo_missing",
    "valid_permit",
    "emergency_or_military",
    "duplicate_trip",
]
REJECT_REASONS: tuple[RejectReason, ...] = get_args(RejectReason)
"""The closed list; a rejection and a ``not_pursued`` each name one of them."""

Barred: TypeAlias = Literal["final", "role", "same_person", "lacking"]
"""Why a viewer cannot take the next step of a record."""


class ReviewStep(msgspec.Struct, frozen=True, kw_only=True):
    """One decided step: who, when, what, why.

    ``hidden`` is true while a blind second review is outstanding: then the remark is
    empty and the name is not given.
    """

    step: Step
    outcome: Outcome
    reason: RejectReason | None
    remark: str
    account_id: int | None
    account_name: str | None
    simulated: bool
    at: dt.datetime
    hidden: bool = False


class RecordSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a review queue."""

    record_id: int
    state: RecordState
    opened_at: dt.datetime
    changed_at: dt.datetime
    case_id: int | None
    passage: PassageSummary


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One record, whole, as one viewer may see it.

    ``lacking`` is what a judgement to file still needs (codes ``manifest`` and
    ``file:<kind>:<sha256>``); ``missing_views`` are views of which the station could
    take no picture. ``next_step`` is None at an end; ``barred`` says why this viewer
    cannot take it, None when he can.
    """

    record_id: int
    state: RecordState
    opened_at: dt.datetime
    changed_at: dt.datetime
    case_id: int | None
    passage: Passage
    evidence: tuple[EvidenceItem, ...]
    manifest: Manifest | None
    missing_views: tuple[EvidenceKind, ...]
    steps: tuple[ReviewStep, ...]
    lacking: tuple[str, ...]
    blind: bool
    next_step: Step | None
    barred: Barred | None
