"""Signing in and out, and who may pass: everything but a short list is behind it.

It knows no password: :mod:`server.accounts` compares, this counts refusals.
"""

import datetime as dt
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get, post
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency
from litestar.exceptions import (
    NotAuthorizedException,
    TooManyRequestsException,
    ValidationException,
)
from litestar.middleware.authentication import (
    AbstractAuthenticationMiddleware,
    AuthenticationResult,
)
from litestar.middleware.session.server_side import (
    ServerSideSessionBackend,
    ServerSideSessionConfig,
)
from litestar.params import QueryParameter
from litestar.response import Redirect

from server import clock
from server.accounts import service as accounts
from server.accounts.model import Account
from server.db.pool import Pool
from server.reports import service as reports
from server.web.context import account_of, page
from server.web.given import ThePool
from server.web.language import chosen

__all__ = [
    "PUBLIC",
    "SESSION_STORE",
    "Credentials",
    "SessionConfig",
    "SignInLimit",
    "SignedIn",
    "login",
    "logout",
    "show_login",
]

SESSION_COOKIE = "luheng_session"
SESSION_STORE = "sessions"
MOST_REFUSALS = 5
WINDOW = dt.timedelta(minutes=5)
LOCKED_FOR = dt.timedelta(seconds=60)
MOST_REMEMBERED = 10_000
_FRESH_ID = "luheng_fresh_session_id"
PUBLIC = "exclude_from_auth"
"""The option of a handler that needs no sign-in."""


class Credentials(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a person types to sign in."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    password: Annotated[str, msgspec.Meta(min_length=1, max_length=256)]


class SignInLimit:
    """Refused attempts by name and address, in this process; five, then a pause.

    It locks nobody out for good: a pause begins with the last refusal.
    """

    def __init__(self) -> None:
        self._refused: OrderedDict[tuple[str, str], list[dt.datetime]] = OrderedDict()

    def locked_s(self, name: str, address: str, *, now: dt.datetime) -> int:
        """Return how many seconds nobody may try this name from this address."""
        times = self._recent(name, address, now)
        if len(times) < MOST_REFUSALS:
            return 0
        left = times[-1] + LOCKED_FOR - now
        return max(0, int(left.total_seconds()) + 1) if left > dt.timedelta() else 0

    def refuse(self, name: str, address: str, *, now: dt.datetime) -> None:
        """Count one refusal."""
        key = (name, address)
        self._refused[key] = [*self._recent(name, address, now), now][-MOST_REFUSALS:]
        self._refused.move_to_end(key)
        while len(self._refused) > MOST_REMEMBERED:
            self._refused.popitem(last=False)

    def accept(self, name: str, address: str) -> None:
        """Forget the refusals of somebody who got in."""
        self._refused.pop((name, address), None)

    def _recent(self, name: str, address: str, now: dt.datetime) -> list[dt.datetime]:
        times = self._refused.get((name, address), [])
        return [time for time in times if now - time < WINDOW]


class SessionBackend(ServerSideSessionBackend):
    """Litestar's, but that a sign-in gets an id that nobody could know before."""

    def get_session_id(self, connection: ASGIConnection[Any, Any, Any, Any]) -> str:
        """Return the new id of a sign-in, else the cookie's."""
        fresh = connection.scope["state"].get(_FRESH_ID)
        return fresh if isinstance(fresh, str) else super().get_session_id(connection)


@dataclass
class SessionConfig(ServerSideSessionConfig):
    """The configuration of sessions with :class:`SessionBackend`."""

    _backend_class = SessionBackend
    key: str = SESSION_COOKIE
    store: str = SESSION_STORE


class SignedIn(AbstractAuthenticationMiddleware):
    """Lets only active accounts pass, and says who it is."""

    async def authenticate_request(
        self, connection: ASGIConnection[Any, Any, Any, Any]
    ) -> AuthenticationResult:
        """Find the account of the session.

        Raises:
            NotAuthorizedException: nobody is signed in, or the account is not active.
        """
        pool: Pool = connection.app.state.pool
        account_id = connection.session.get("account_id")
        account = (
            await accounts.find_account(pool, account_id)
            if isinstance(account_id, int)
            else None
        )
        if account is None:
            message = "nobody is signed in"
            raise NotAuthorizedException(message)
        return AuthenticationResult(user=account, auth=None)


@get("/login", include_in_schema=False, opt={PUBLIC: True})
async def show_login(
    request: Request[Any, Any, Any],
    pool: ThePool,
    destination: Annotated[str, QueryParameter(name="next", max_length=500)] = "/",
) -> Response[Any]:
    """Show the page to sign in."""
    return await _page(request, pool, destination=destination)


@post("/login", opt={PUBLIC: True}, status_code=200)
async def login(
    request: Request[Any, Any, Any],
    pool: ThePool,
    sign_ins: NamedDependency[SignInLimit],
) -> Response[Any]:
    """Sign in with name and password, as a form or as JSON.

    A form is answered with a page; JSON with the account, 401 or 429.
    """
    by_form = request.content_type[0] != "application/json"
    fields = dict(await request.form()) if by_form else {}
    try:
        credentials = (
            msgspec.convert(
                {key: fields.get(key, "") for key in ("name", "password")}, Credentials
            )
            if by_form
            else msgspec.json.decode(await request.body(), type=Credentials)
        )
    except msgspec.DecodeError as error:
        if by_form:
            credentials = Credentials(name="?", password="?")  # noqa: S106 - nobody's
        else:
            raise ValidationException(str(error)) from error
    now = clock.now()
    address = request.client.host if request.client else "?"
    wait_s = sign_ins.locked_s(credentials.name, address, now=now)
    account = None
    if wait_s == 0:
        account = await accounts.authenticate(
            pool, credentials.name, credentials.password, now=now
        )
    if account is None:
        if wait_s == 0:
            sign_ins.refuse(credentials.name, address, now=now)
        return await _refusal(request, pool, credentials, fields, wait_s=wait_s)
    sign_ins.accept(credentials.name, address)
    await _new_session(request, account)
    if by_form:
        return Redirect(_local(str(fields.get("next", "/"))), status_code=303)
    return Response(account, status_code=200)


@post("/logout", status_code=303)
async def logout(request: Request[Any, Any, Any], pool: ThePool) -> Redirect:
    """Sign out: the session ends here and in the database."""
    account = account_of(request)
    if account is not None:
        await accounts.note_sign_out(pool, account, now=clock.now())
    request.clear_session()
    return Redirect("/login", status_code=303)


async def _new_session(request: Request[Any, Any, Any], account: Account) -> None:
    """Begin a session under a new id, so that a planted cookie opens nothing."""
    planted = request.cookies.get(SESSION_COOKIE)
    if planted:
        await request.app.stores.get(SESSION_STORE).delete(planted)
    request.scope["state"][_FRESH_ID] = secrets.token_hex(32)
    request.set_session({"account_id": account.account_id})


async def _refusal(
    request: Request[Any, Any, Any],
    pool: Pool,
    credentials: Credentials,
    fields: dict[str, Any],
    *,
    wait_s: int,
) -> Response[Any]:
    if not fields:
        if wait_s:
            raise TooManyRequestsException(headers={"Retry-After": str(wait_s)})
        message = "name or password is wrong"
        raise NotAuthorizedException(message)
    language = chosen(request)
    return await _page(
        request,
        pool,
        destination=str(fields.get("next", "/")),
        name=credentials.name if credentials.name != "?" else "",
        refused=language.text("login-too-many", seconds=wait_s)
        if wait_s
        else language.text("login-refused"),
        status=429 if wait_s else 401,
    )


async def _page(
    request: Request[Any, Any, Any],
    pool: Pool,
    *,
    destination: str,
    name: str = "",
    refused: str | None = None,
    status: int = 200,
) -> Response[Any]:
    return page(
        request,
        "login.html",
        {"next": _local(destination), "name": name, "refused": refused},
        demo=await reports.any_simulated(pool),
        status=status,
    )


def _local(address: str) -> str:
    """Return an address of this server only; anything else becomes the first page."""
    local = address.startswith("/") and not address.startswith(("//", "/\\"))
    return address if local and address.isprintable() else "/"
