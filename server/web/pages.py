"""The pages: each gathers what the services say and hands it to one template.

No page decides: a form is one call of a service, and its refusal is shown as it came.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Annotated, Any, Literal
from unicodedata import category

import msgspec
from litestar import Request, Response, get, post
from litestar.exceptions import ValidationException
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response import Redirect

from server import clock
from server.accounts.model import Account
from server.cases import service as cases
from server.db.pool import Pool
from server.errors import Conflict, NotAllowed
from server.evidence.model import EvidenceItem
from server.passages import service as passages
from server.passages.model import PassageSummary
from server.reports import service as reports
from server.reports.model import DayFigures
from server.review import service as review
from server.review.model import (
    REJECT_REASONS,
    STATES,
    Record,
    RecordState,
    Step,
)
from server.rules.book import RuleBook
from server.stations import service as stations
from server.stations.model import StationSummary
from server.tracing import service as tracing
from server.web import api, formats
from server.web.context import page, said
from server.web.diagram import draw
from server.web.given import ThePool, TheRules
from server.web.language import Language, chosen
from server.web.places import places, state_of
from wim.messages import EvidenceKind, Uuid

__all__ = ["HANDLERS"]

CARDS = 40
LATEST = 10
LISTED = 200
NEIGHBOURS = 500
PINNED_FOR = dt.timedelta(hours=24)
SHOWN_BYTES = 1_048_576
"""The largest message of the embedded broker; of more, a page shows the beginning."""
UNSEEN = {"Cc", "Cf"}
"""Unicode's categories of what moves or hides text: control and format."""
REASON_KEYS = "1234567890-="
NOT_TAKING = {
    "stopped": "not-taking-stopped",
    "offline": "not-taking-offline",
    "disk full": "not-taking-disk-full",
    "parts not running": "not-taking-parts",
}
"""How the edge begins its reason → the words for it."""
PHOTO_KINDS: tuple[EvidenceKind, ...] = ("photo_front", "photo_side", "photo_rear")
Queue = RecordState | Literal["all"]


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """One alert with the hash of its front photo, once stored."""

    passage: PassageSummary
    photo: str | None


class Hour(msgspec.Struct, frozen=True, kw_only=True):
    """One column of the day's chart."""

    label: str
    passages: int
    overloaded: int


class Photo(msgspec.Struct, frozen=True, kw_only=True):
    """One of the three photos: announced or not, or known to be missing."""

    kind: EvidenceKind
    item: EvidenceItem | None
    missing: bool


@get("/", include_in_schema=False)
async def wall(request: Request[Account, Any, Any], pool: ThePool) -> Response[Any]:
    """Show the live alert wall."""
    now = clock.now()
    recent = await passages.recent(pool, limit=CARDS, overloaded_only=True)
    hundred = await reports.hundred_tonne(pool, since=now - PINNED_FOR)
    pinned = await _cards(pool, hundred)
    shown = {card.passage.passage_id for card in pinned}
    flow = await _cards(pool, [one for one in recent if one.passage_id not in shown])
    newest = max((one.arrival for one in (*recent, *hundred)), default=0)
    known = await stations.all_stations(pool)
    return page(
        request,
        "wall.html",
        {
            "pinned": pinned,
            "flow": flow,
            "newest": newest,
            "silent_s": _silent_s(known, now),
            "roadside": [one for one in known if one.role == "roadside"],
            **await _today(pool, now),
        },
        demo=await reports.any_simulated(pool),
        here="wall",
    )


@get("/fragments/cards", include_in_schema=False)
async def cards_fragment(
    request: Request[Account, Any, Any],
    pool: ThePool,
    after: FromQuery[int | None] = None,
    only: Annotated[str, QueryParameter(max_length=4000)] = "",
) -> Response[Any]:
    """Give alert cards: those that arrived after a number, or those asked for."""
    if only:
        wanted = [one for one in only.split(",") if _is_uuid(one)]
        found = await reports.summaries(pool, wanted)
    else:
        found = await passages.recent(
            pool, limit=CARDS, after=after or 0, overloaded_only=True
        )
    return page(request, "cards.html", {"cards": await _cards(pool, found)})


@get("/fragments/today", include_in_schema=False)
async def today_fragment(
    request: Request[Account, Any, Any], pool: ThePool
) -> Response[Any]:
    """Give the figures of the day."""
    return page(request, "today.html", await _today(pool, clock.now()))


@get("/records", include_in_schema=False)
async def records(
    request: Request[Account, Any, Any],
    pool: ThePool,
    asked: Annotated[Queue | None, QueryParameter(name="state")] = None,
) -> Response[Any]:
    """Show the review queue of one state, or of all."""
    counted = await reports.record_states(pool)
    shown = asked or _own_queue(request.user)
    listed = await review.queue(
        pool, state=None if shown == "all" else shown, limit=LISTED
    )
    counts = [(state, counted.get(state, 0)) for state in STATES]
    return page(
        request,
        "records.html",
        {
            "said": said(request),
            "refused": None,
            "records": listed,
            "truncated": len(listed) == LISTED,
            "counts": [*counts, ("all", sum(counted.values()))],
            "chosen": shown,
            "address": f"/records?state={shown}",
        },
        demo=await reports.any_simulated(pool),
        here="records",
    )


@get("/records/{record_id:int}", include_in_schema=False)
async def show_record(
    request: Request[Account, Any, Any],
    pool: ThePool,
    rules: TheRules,
    record_id: FromPath[int],
    queue: FromQuery[Queue | None] = None,
) -> Response[Any]:
    """Show one record under review."""
    record = await review.find_record(pool, record_id, viewer=request.user)
    return await _record_page(
        request, pool, rules, record, queue or record.state, said=said(request)
    )


@post("/records/{record_id:int}/decision", include_in_schema=False)
async def decide(
    request: Request[Account, Any, Any],
    pool: ThePool,
    rules: TheRules,
    record_id: FromPath[int],
) -> Response[Any]:
    """Take the step that the form of a record asks for, and go on to the next."""
    form = await request.form()
    fields = {key: str(form.get(key, "")) for key in ("outcome", "remark")}
    fields["remark"] = fields["remark"].strip()
    reason = str(form.get("reason", "")) or None
    queue: Queue = _converted(str(form.get("queue", "all")), Queue)
    step: Step = _converted(str(form.get("step", "")), Step)
    kind = api.Judgement if step == "judgement" else api.Decision
    rejecting = fields["outcome"] in {"reject", "not_pursued"}
    decision = _converted({**fields, "reason": reason if rejecting else None}, kind)
    language = chosen(request)
    try:
        await api.decide(pool, record_id, step, decision, request.user)
    except (Conflict, NotAllowed, ValidationException) as error:
        record = await review.find_record(pool, record_id, viewer=request.user)
        status, key = _refusal(error, language)
        return await _record_page(
            request,
            pool,
            rules,
            record,
            queue,
            refused=language.text(key),
            status=status,
            remark=fields["remark"],
            chosen_reason=reason,
        )
    request.session["said"] = language.text(
        "due-said",
        id=str(record_id),
        step=language.text(f"step-{step}"),
        outcome=language.text(f"outcome-{decision.outcome}"),
    )
    listed = await review.queue(
        pool, state=None if queue == "all" else queue, limit=NEIGHBOURS
    )
    following = _after(
        [one.record_id for one in listed if one.state.startswith("awaiting")], record_id
    )
    address = (
        f"/records?state={queue}"
        if following is None
        else f"/records/{following}?queue={queue}"
    )
    return Redirect(address, status_code=303)


@get("/cases", include_in_schema=False)
async def list_cases(
    request: Request[Account, Any, Any], pool: ThePool
) -> Response[Any]:
    """Show the list of cases."""
    listed = await cases.all_cases(pool, limit=LISTED)
    return page(
        request,
        "cases.html",
        {"cases": listed, "truncated": len(listed) == LISTED},
        demo=await reports.any_simulated(pool),
        here="cases",
    )


@get("/cases/{case_id:int}", include_in_schema=False)
async def show_case(
    request: Request[Account, Any, Any],
    pool: ThePool,
    rules: TheRules,
    case_id: FromPath[int],
) -> Response[Any]:
    """Show one case with its facts, people, evidence and leads."""
    case_file = await tracing.case_file(pool, case_id, viewer=request.user)
    return page(
        request,
        "case.html",
        {
            "case": case_file.case,
            "leads": case_file.leads,
            "searched_plates": case_file.searched_plates,
            **_facts(request, rules, case_file.record),
        },
        demo=await reports.any_simulated(pool),
        here="cases",
    )


@get("/stations", include_in_schema=False)
async def show_stations(
    request: Request[Account, Any, Any], pool: ThePool
) -> Response[Any]:
    """Show how the stations are, and what was not believed."""
    known = await stations.all_stations(pool)
    quarantine = await stations.quarantine(pool, limit=LISTED)
    return page(
        request,
        "stations.html",
        {
            "stations": known,
            "places": msgspec.to_builtins(places(known)),
            "state_of": state_of,
            "may_open": _may_open(request.user),
            "quarantine": quarantine,
            "truncated": len(quarantine) == LISTED,
            "why_not": lambda reason: _why_not_taking(chosen(request), reason),
        },
        demo=await reports.any_simulated(pool),
        here="stations",
    )


@get("/quarantine/{quarantine_id:int}", include_in_schema=False)
async def show_quarantined(
    request: Request[Account, Any, Any], pool: ThePool, quarantine_id: FromPath[int]
) -> Response[Any]:
    """Show one message that was not believed, whole; the audit says who read it."""
    payload = await stations.open_quarantined(
        pool, quarantine_id, reader=request.user, now=clock.now()
    )
    text = _readable(payload)
    return page(
        request,
        "quarantined.html",
        {
            "entry": await stations.find_quarantined(pool, quarantine_id),
            "readable": text is not None,
            "content": formats.hex_lines(payload[:SHOWN_BYTES])
            if text is None
            else text[:SHOWN_BYTES],
            "cut": len(payload) > SHOWN_BYTES,
            "most_shown": SHOWN_BYTES,
        },
        demo=await reports.any_simulated(pool),
        here="stations",
    )


async def _record_page(
    request: Request[Account, Any, Any],
    pool: Pool,
    rules: RuleBook,
    record: Record,
    queue: Queue,
    *,
    said: str | None = None,
    refused: str | None = None,
    status: int = 200,
    remark: str = "",
    chosen_reason: str | None = None,
) -> Response[Any]:
    listed = await review.queue(
        pool, state=None if queue == "all" else queue, limit=NEIGHBOURS
    )
    ids = [one.record_id for one in listed]
    return page(
        request,
        "record.html",
        {
            "said": said,
            "refused": refused,
            "remark": remark,
            "chosen_reason": chosen_reason,
            "queue": queue,
            "next_record": next((one for one in ids if one < record.record_id), None),
            "previous_record": next(
                (one for one in reversed(ids) if one > record.record_id), None
            ),
            "reasons": REJECT_REASONS,
            "reason_keys": REASON_KEYS,
            **_facts(request, rules, record),
        },
        demo=await reports.any_simulated(pool),
        here="records",
        status=status,
    )


def _facts(
    request: Request[Any, Any, Any], rules: RuleBook, record: Record
) -> dict[str, object]:
    """Return what record and case pages share."""
    language = chosen(request)
    verdict = record.passage.verdict
    return {
        "record": record,
        "p": record.passage,
        "rule": rules.find(verdict.rule_id) if verdict else None,
        "diagram": draw(record.passage),
        "photos": [_photo(record, kind) for kind in PHOTO_KINDS],
        "steps_by_code": {step.step: step for step in record.steps},
        "lacking": lambda code: _lacking(language, code),
        "kinds": lambda kinds: ", ".join(language.text(f"kind-{one}") for one in kinds),
    }


def _photo(record: Record, kind: EvidenceKind) -> Photo:
    """Return the photo of one kind; a stored one rather than one still awaited."""
    items = [item for item in record.evidence if item.kind == kind]
    items.sort(key=lambda item: (item.stored_at is None, not item.in_manifest))
    return Photo(
        kind=kind,
        item=items[0] if items else None,
        missing=kind in record.missing_views,
    )


def _lacking(language: Language, code: str) -> str:
    """Write what a judgement lacks: ``manifest`` or ``file:<kind>:<sha256>``."""
    if code == "manifest":
        return language.text("lacking-manifest")
    _, kind, digest = code.split(":")
    return language.text(
        "lacking-file",
        kind=language.text(f"kind-{kind}"),
        hash=formats.short_hash(digest),
    )


def _why_not_taking(language: Language, reason: str) -> str:
    """Write why a station takes nothing; what it says in its own words stays."""
    said, _, detail = reason.partition(": ")
    key = NOT_TAKING.get(said)
    return reason if key is None else language.text(key, detail=detail)


async def _cards(pool: Pool, summaries: Sequence[PassageSummary]) -> list[Card]:
    photos = await reports.front_photos(pool, [one.passage_id for one in summaries])
    return [Card(passage=one, photo=photos.get(one.passage_id)) for one in summaries]


async def _today(pool: Pool, now: dt.datetime) -> dict[str, object]:
    begins, ends = formats.local_day(now)
    figures = await reports.day(pool, begins=begins, ends=ends)
    return {
        "figures": figures,
        "hours": [msgspec.to_builtins(hour) for hour in _hours(figures, now)],
        "latest": await passages.recent(pool, limit=LATEST),
        "day": formats.beijing(now)[:10],
    }


def _hours(figures: DayFigures, now: dt.datetime) -> list[Hour]:
    """Return the hours of the day so far, those without passages too."""
    by_hour = {
        hour.begins_at.astimezone(formats.BEIJING).hour: hour for hour in figures.hours
    }
    return [
        Hour(
            label=f"{hour:02d}",
            passages=by_hour[hour].passages if hour in by_hour else 0,
            overloaded=by_hour[hour].overloaded if hour in by_hour else 0,
        )
        for hour in range(now.astimezone(formats.BEIJING).hour + 1)
    ]


def _silent_s(listed: Sequence[StationSummary], now: dt.datetime) -> int:
    """Return for how long no station said anything; 0 when none ever did."""
    heard = [
        at
        for one in listed
        for at in (one.status_received_at, one.last_message_at)
        if at is not None
    ]
    return max(0, int((now - max(heard)).total_seconds())) if heard else 0


def _may_open(account: Account) -> bool:
    return bool(set(stations.MAY_OPEN_QUARANTINED) & set(account.roles))


def _readable(payload: bytes) -> str | None:
    """Return bytes as text; None when they are none, or hold what cannot be seen."""
    try:
        text = payload.decode("utf-8")
    except UnicodeDecodeError:
        return None
    seen = all(one in "\t\r\n" or category(one) not in UNSEEN for one in text)
    return text if seen else None


def _own_queue(account: Account) -> Queue:
    """Return the queue in which this person works."""
    if "reviewer" in account.roles:
        return "awaiting_first_review"
    return "awaiting_judgement" if "decider" in account.roles else "all"


def _after(ids: Sequence[int], record_id: int) -> int | None:
    """Return the next older record, else the newest."""
    return next((one for one in ids if one < record_id), ids[0] if ids else None)


def _refusal(
    error: Conflict | NotAllowed | ValidationException, language: Language
) -> tuple[int, str]:
    """Return the status and the sentence of a step that was not taken."""
    if isinstance(error, ValidationException):
        return 400, "due-reason-needed"
    status = 409 if isinstance(error, Conflict) else 403
    special = f"problem-detail-{status}-{error.code}"
    return status, special if language.has(special) else f"problem-detail-{status}"


def _converted(value: object, kind: Any) -> Any:  # noqa: ANN401 - any type of msgspec
    """Check one value of a form.

    Raises:
        ValidationException: it is not of that kind.
    """
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise ValidationException(str(error)) from error


def _is_uuid(text: str) -> bool:
    try:
        msgspec.convert(text, Uuid)
    except msgspec.ValidationError:
        return False
    return True


HANDLERS = (
    wall,
    cards_fragment,
    today_fragment,
    records,
    show_record,
    decide,
    list_cases,
    show_case,
    show_stations,
    show_quarantined,
)
"""All handlers of this file."""
