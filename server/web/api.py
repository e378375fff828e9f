"""The JSON API: the services' own values, nothing added and nothing left out.

What a page shows can be had here; what may be done is decided by the services.
"""

import datetime as dt
from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from litestar import Request, Response, get, post
from litestar.exceptions import ValidationException
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from server import clock
from server.accounts.model import Account
from server.cases import service as cases
from server.cases.model import CaseSummary
from server.db.pool import Pool, fetch_rows
from server.passages import service as passages
from server.passages.model import Passage, PassageSummary
from server.reports import service as reports
from server.reports.model import MassPoint
from server.review import service as review
from server.review.model import (
    Record,
    RecordState,
    RecordSummary,
    RejectReason,
    Step,
)
from server.stations import service as stations
from server.stations.model import QuarantineEntry, StationSummary
from server.tracing import service as tracing
from server.tracing.model import CaseFile
from server.web.given import ThePool
from server.web.signin import PUBLIC

__all__ = ["HANDLERS", "Decided", "Decision", "Judgement", "decide"]

Remark: TypeAlias = Annotated[str, msgspec.Meta(max_length=2000)]
Limit: TypeAlias = Annotated[
    int, QueryParameter(description="how many at most; more than 500 are never listed")
]
Before: TypeAlias = Annotated[
    int | None, QueryParameter(description="only older ones than this number or id")
]
MASSES_OF = dt.timedelta(hours=1)


class Decision(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A first or second review; a rejection names a reason, a pass none."""

    outcome: Literal["pass", "reject"]
    reason: RejectReason | None = None
    remark: Remark = ""


class Judgement(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A judgement; not pursuing names a reason, filing none."""

    outcome: Literal["file", "not_pursued"]
    reason: RejectReason | None = None
    remark: Remark = ""


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    """Where a step led; the case is null unless one was opened."""

    record_id: int
    state: RecordState
    case_id: int | None = None
    number: str | None = None


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """The server answers and reaches its database."""

    status: Literal["ready"] = "ready"


@get("/health", opt={PUBLIC: True, "skip_session": True})
async def health(pool: ThePool) -> Health:
    """Say that the server is ready; 503 while its database is away."""
    async with pool.connection() as connection:
        await fetch_rows(connection, b"SELECT 1")
    return Health()


@get("/api/me")
async def me(request: Request[Account, Any, Any]) -> Account:
    """Say who is signed in."""
    return request.user


@get("/api/passages")
async def list_passages(
    pool: ThePool,
    after: FromQuery[int | None] = None,
    before: Before = None,
    limit: Limit = 100,
) -> tuple[PassageSummary, ...]:
    """List passages, newest arrival first.

    With ``after`` (an ``arrival`` number) the oldest that came after it are given, so
    that a reader who pages on misses none.
    """
    return await passages.recent(pool, limit=limit, after=after, before=before)


@get("/api/passages/{passage_id:str}")
async def show_passage(pool: ThePool, passage_id: FromPath[str]) -> Passage:
    """Give one passage whole."""
    return await passages.find_passage(pool, passage_id)


@get("/api/masses")
async def list_masses(
    pool: ThePool,
    station: Annotated[
        str | None, QueryParameter(description="only passages of this station")
    ] = None,
) -> tuple[MassPoint, ...]:
    """List the gross masses of the last hour (500 at most), the latest first."""
    since = clock.now() - MASSES_OF
    return await reports.masses(pool, since=since, station_id=station)


@get("/api/alerts")
async def list_alerts(
    pool: ThePool,
    after: FromQuery[int | None] = None,
    before: Before = None,
    limit: Limit = 100,
) -> tuple[PassageSummary, ...]:
    """List alerts: valid passages that the centre found overloaded."""
    return await passages.recent(
        pool, limit=limit, after=after, before=before, overloaded_only=True
    )


@get("/api/records")
async def list_records(
    pool: ThePool,
    record_state: Annotated[
        RecordState | Literal["all"], QueryParameter(name="state")
    ] = "all",
    before: Before = None,
    limit: Limit = 100,
) -> tuple[RecordSummary, ...]:
    """List records, newest first."""
    return await review.queue(
        pool,
        state=None if record_state == "all" else record_state,
        limit=limit,
        before=before,
    )


@get("/api/records/{record_id:int}")
async def show_record(
    request: Request[Account, Any, Any], pool: ThePool, record_id: FromPath[int]
) -> Record:
    """Give one record as the one who asks may see it."""
    return await review.find_record(pool, record_id, viewer=request.user)


@post("/api/records/{record_id:int}/first-review", status_code=200)
async def first_review(
    request: Request[Account, Any, Any],
    pool: ThePool,
    record_id: FromPath[int],
    data: JSONBody[Decision],
) -> Decided:
    """Decide the first review 初审."""
    return await decide(pool, record_id, "first_review", data, request.user)


@post("/api/records/{record_id:int}/second-review", status_code=200)
async def second_review(
    request: Request[Account, Any, Any],
    pool: ThePool,
    record_id: FromPath[int],
    data: JSONBody[Decision],
) -> Decided:
    """Decide the second review 审核."""
    return await decide(pool, record_id, "second_review", data, request.user)


@post("/api/records/{record_id:int}/judgement", status_code=200)
async def judge(
    request: Request[Account, Any, Any],
    pool: ThePool,
    record_id: FromPath[int],
    data: JSONBody[Judgement],
) -> Decided:
    """Judge a record 判定; filing opens a case."""
    return await decide(pool, record_id, "judgement", data, request.user)


@get("/api/cases")
async def list_cases(
    pool: ThePool, before: Before = None, limit: Limit = 100
) -> tuple[CaseSummary, ...]:
    """List cases, newest first."""
    return await cases.all_cases(pool, limit=limit, before=before)


@get("/api/cases/{case_id:int}")
async def show_case(
    request: Request[Account, Any, Any], pool: ThePool, case_id: FromPath[int]
) -> CaseFile:
    """Give one case with its record and the leads to where it was loaded."""
    return await tracing.case_file(pool, case_id, viewer=request.user)


@get("/api/stations")
async def list_stations(pool: ThePool) -> tuple[StationSummary, ...]:
    """List stations and source scales as they last said."""
    return await stations.all_stations(pool)


@get("/api/quarantine")
async def list_quarantine(
    pool: ThePool, before: Before = None, limit: Limit = 100
) -> tuple[QuarantineEntry, ...]:
    """List messages that were not believed, newest first."""
    return await stations.quarantine(pool, limit=limit, before=before)


@get(
    "/api/quarantine/{quarantine_id:int}/payload", media_type="application/octet-stream"
)
async def give_quarantined(
    request: Request[Account, Any, Any], pool: ThePool, quarantine_id: FromPath[int]
) -> Response[bytes]:
    """Give the bytes of a message that was not believed, to auditor or administrator.

    Who read them is written to the audit.
    """
    payload = await stations.open_quarantined(
        pool, quarantine_id, reader=request.user, now=clock.now()
    )
    name = f"quarantine-{quarantine_id}.bin"
    return Response(
        payload,
        media_type="application/octet-stream",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


async def decide(
    pool: Pool,
    record_id: int,
    step: Step,
    decision: Decision | Judgement,
    officer: Account,
) -> Decided:
    """Take one step of a record.

    Raises:
        ValidationException: outcome and reason do not fit together.
    """
    now = clock.now()
    try:
        match step:
            case "judgement":
                judged = await cases.judge(
                    pool,
                    record_id,
                    officer=officer,
                    outcome=decision.outcome,
                    reason=decision.reason,
                    remark=decision.remark,
                    now=now,
                )
                return Decided(
                    record_id=record_id,
                    state="not_pursued" if judged.case_id is None else "filed",
                    case_id=judged.case_id,
                    number=judged.number,
                )
            case "first_review" | "second_review":
                take = (
                    review.first_review
                    if step == "first_review"
                    else review.second_review
                )
                state = await take(
                    pool,
                    record_id,
                    officer=officer,
                    outcome=decision.outcome,
                    reason=decision.reason,
                    remark=decision.remark,
                    now=now,
                )
                return Decided(record_id=record_id, state=state)
    except ValueError as error:
        raise ValidationException(str(error)) from error


HANDLERS = (
    health,
    me,
    list_passages,
    show_passage,
    list_masses,
    list_alerts,
    list_records,
    show_record,
    first_review,
    second_review,
    judge,
    list_cases,
    show_case,
    list_stations,
    list_quarantine,
    give_quarantined,
)
"""All handlers of this file."""
