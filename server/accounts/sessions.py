"""Litestar's sessions, kept in the database, so that any web process knows them.

The table holds the SHA-256 of a session's id and never the id: who reads the table can
open no session. Times come from the function that the store is made with.
"""

import datetime as dt
import hashlib
from collections.abc import Callable

import msgspec
from litestar.stores.base import Store

from server.db.pool import Pool, execute, fetch_rows
from server.db.queries import load_queries

__all__ = ["DatabaseSessions"]

_SQL = load_queries("server.accounts")


class _Content(msgspec.Struct):
    """What of a session's content matters here."""

    account_id: int | None = None


class DatabaseSessions(Store):
    """A Litestar store of sessions in PostgreSQL."""

    def __init__(self, pool: Pool, clock: Callable[[], dt.datetime]) -> None:
        self._pool = pool
        self._clock = clock

    async def set(
        self, key: str, value: str | bytes, expires_in: int | dt.timedelta | None = None
    ) -> None:
        """Keep a session's content."""
        content = value.encode() if isinstance(value, str) else value
        async with self._pool.connection() as connection:
            await execute(
                connection,
                _SQL["session_set"],
                {
                    "key": _hash(key),
                    "account_id": _account_id(content),
                    "content": content,
                    "expires_at": self._expiry(expires_in),
                },
            )

    async def get(
        self, key: str, renew_for: int | dt.timedelta | None = None
    ) -> bytes | None:
        """Return a session's content unless it has expired."""
        async with self._pool.connection() as connection:
            parameters = {"key": _hash(key), "now": self._clock()}
            rows = await fetch_rows(connection, _SQL["session_get"], parameters)
            if rows and renew_for is not None:
                await execute(
                    connection,
                    _SQL["session_renew"],
                    {"key": _hash(key), "expires_at": self._expiry(renew_for)},
                )
        return bytes(rows[0]["content"]) if rows else None

    async def delete(self, key: str) -> None:
        """End one session."""
        async with self._pool.connection() as connection:
            await execute(connection, _SQL["session_delete"], {"key": _hash(key)})

    async def delete_all(self) -> None:
        """End all sessions."""
        async with self._pool.connection() as connection:
            await execute(connection, _SQL["sessions_delete_all"])

    async def delete_expired(self) -> None:
        """Remove sessions that have expired."""
        async with self._pool.connection() as connection:
            await execute(
                connection, _SQL["sessions_delete_expired"], {"now": self._clock()}
            )

    async def exists(self, key: str) -> bool:
        """Tell whether a session lives."""
        return await self.get(key) is not None

    async def expires_in(self, key: str) -> int | None:
        """Return how many seconds a session still lives; -1 without an end."""
        now = self._clock()
        async with self._pool.connection() as connection:
            rows = await fetch_rows(
                connection, _SQL["session_expiry"], {"key": _hash(key), "now": now}
            )
        if not rows:
            return None
        expires_at = rows[0]["expires_at"]
        return -1 if expires_at is None else int((expires_at - now).total_seconds())

    def _expiry(self, lifetime: int | dt.timedelta | None) -> dt.datetime | None:
        if lifetime is None:
            return None
        if isinstance(lifetime, int):
            lifetime = dt.timedelta(seconds=lifetime)
        return self._clock() + lifetime


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


def _account_id(content: bytes) -> int | None:
    """Return whose session it is; a session before the sign-in is nobody's."""
    try:
        return msgspec.json.decode(content, type=_Content).account_id
    except msgspec.DecodeError:
        return None
