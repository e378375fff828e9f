"""What a failed request is told: a page for people, problem JSON for programs.

It explains and never blames: what went wrong inside is logged, not shown.
"""

from typing import Any
from urllib.parse import urlencode

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.response import Redirect

from server.db.pool import DatabaseError, blames_the_row
from server.errors import (
    Conflict,
    EvidenceRefused,
    NotAllowed,
    NotFound,
    RefusalReason,
)
from server.web.context import page
from server.web.language import Language, chosen

__all__ = ["HANDLERS", "PROBLEM_JSON", "Problem"]

PROBLEM_JSON = "application/problem+json"
REFUSAL_STATUS: dict[RefusalReason, int] = {
    "unknown_station": 401,
    "bad_signature": 403,
    "not_announced": 409,
    "hash_mismatch": 422,
    "size_mismatch": 422,
    "too_large": 413,
    "disk_full": 507,
}
_NO_PAGES = ("/api/", "/events", "/evidence/", "/fragments/", "/health", "/schema")
_log = structlog.get_logger(__name__)


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A problem as RFC 9457 has it; ``reason`` is a code for programs."""

    title: str
    status: int
    detail: str
    reason: str | None = None
    lacking: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()


def http_problem(
    request: Request[Any, Any, Any], error: HTTPException
) -> Response[Any]:
    """Answer what Litestar or a handler refused."""
    status = error.status_code
    if status == 401 and _wants_page(request):
        asked = request.url.path + (
            f"?{request.url.query}" if request.url.query else ""
        )
        target = {"next": asked} if request.method == "GET" and asked != "/" else {}
        address = f"/login?{urlencode(target)}" if target else "/login"
        return Redirect(address, status_code=303)
    if status >= 500:
        _log.error("request failed", path=request.url.path, exc_info=error)
    csrf = status == 403 and error.detail.startswith("CSRF")
    return _answer(
        request,
        status,
        reason="csrf" if csrf else None,
        errors=_field_errors(error) if status == 400 else (),
        headers=error.headers or {},
    )


def not_found(request: Request[Any, Any, Any], _: NotFound) -> Response[Any]:
    """Answer that there is no such thing."""
    return _answer(request, 404)


def no_such_file(request: Request[Any, Any, Any], _: ValueError) -> Response[Any]:
    """Answer that no file can have this name."""
    return _answer(request, 404)


def not_allowed(request: Request[Any, Any, Any], error: NotAllowed) -> Response[Any]:
    """Answer that this person may not do this."""
    return _answer(request, 403, reason=error.code)


def conflict(request: Request[Any, Any, Any], error: Conflict) -> Response[Any]:
    """Answer that the thing has moved on, or what it lacks."""
    return _answer(request, 409, reason=error.code, lacking=error.lacking)


def refused_file(
    request: Request[Any, Any, Any], error: EvidenceRefused
) -> Response[Any]:
    """Answer a station whose file is not taken."""
    return _answer(
        request,
        REFUSAL_STATUS[error.reason],
        reason=error.reason,
        errors=(str(error),),
    )


def database_problem(
    request: Request[Any, Any, Any], error: Exception
) -> Response[Any]:
    """Answer while the database is away, or when it refuses a value."""
    if blames_the_row(error):
        return _answer(request, 422)
    _log.warning("database failed a request", path=request.url.path, error=str(error))
    return _answer(request, 503, headers={"Retry-After": "5"})


def unforeseen(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """Answer what nobody foresaw, and log it whole."""
    _log.error("request failed", path=request.url.path, exc_info=error)
    return _answer(request, 500)


HANDLERS: dict[int | type[Exception], Any] = {
    HTTPException: http_problem,
    NotFound: not_found,
    NotAllowed: not_allowed,
    Conflict: conflict,
    EvidenceRefused: refused_file,
    DatabaseError: database_problem,
    Exception: unforeseen,
}
"""Exception → handler, for the application."""


def _answer(
    request: Request[Any, Any, Any],
    status: int,
    *,
    reason: str | None = None,
    lacking: tuple[str, ...] = (),
    errors: tuple[str, ...] = (),
    headers: dict[str, str] | None = None,
) -> Response[Any]:
    language = chosen(request)
    known = language.has(f"problem-{status}")
    heading = language.text(f"problem-{status if known else 400}")
    detail = _detail(language, status if known else 400, reason)
    if _wants_page(request):
        return page(
            request,
            "problem.html",
            {"heading": heading, "detail": detail, "code": str(status)},
            status=status,
            headers=headers,
        )
    more = {"HX-Redirect": "/login"} if status == 401 and _is_htmx(request) else {}
    return Response(
        Problem(
            title=heading,
            status=status,
            detail=detail,
            reason=reason,
            lacking=lacking,
            errors=errors,
        ),
        status_code=status,
        media_type=PROBLEM_JSON,
        headers={**(headers or {}), **more},
    )


def _detail(language: Language, status: int, reason: str | None) -> str:
    special = f"problem-detail-{status}-{reason}"
    return language.text(
        special if reason and language.has(special) else f"problem-detail-{status}"
    )


def _wants_page(request: Request[Any, Any, Any]) -> bool:
    path = request.url.path
    if path.startswith(_NO_PAGES):
        return False
    return "text/html" in request.headers.get("accept", "")


def _is_htmx(request: Request[Any, Any, Any]) -> bool:
    return "hx-request" in request.headers


def _field_errors(error: HTTPException) -> tuple[str, ...]:
    """Return what Litestar says about single fields."""
    extra = error.extra if isinstance(error.extra, list) else []
    return tuple(
        f"{one.get('key', '')}: {one.get('message', '')}".removeprefix(": ")
        for one in extra
        if isinstance(one, dict)
    ) or (error.detail,)
