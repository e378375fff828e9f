"""Connections to PostgreSQL: one pool, one way from rows to values.

It holds no SQL of any feature and decides nothing: a service opens a transaction with
``async with pool.connection() as connection``, which commits at its end.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

import msgspec
import psycopg
import structlog
from psycopg.adapt import Loader
from psycopg.rows import DictRow, dict_row
from psycopg.types.json import Jsonb, set_json_dumps, set_json_loads
from psycopg_pool import AsyncConnectionPool

from server.errors import ConfigError

__all__ = [
    "LAST",
    "Connection",
    "DatabaseError",
    "Pool",
    "blames_the_row",
    "connect",
    "execute",
    "fetch_all",
    "fetch_one",
    "fetch_rows",
    "json_value",
    "make_pool",
    "wait_for_database",
]

LAST = 2**63 - 1
"""Greater than any id: where a list begins that nobody pages on."""

Connection: TypeAlias = psycopg.AsyncConnection[DictRow]
Pool: TypeAlias = AsyncConnectionPool[Connection]
Parameters: TypeAlias = Mapping[str, Any] | Sequence[Any]
Value = TypeVar("Value", bound=msgspec.Struct)

DatabaseError = psycopg.Error
"""Any error of the database; :func:`blames_the_row` tells whose fault it was."""

_OPTIONS = "-c timezone=UTC -c client_min_messages=warning"
_CONNECT_TIMEOUT_S = 5
_POOL_TIMEOUT_S = 5.0
_KEEPALIVES = {
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}
_log = structlog.get_logger(__name__)


class _TextUuid(Loader):
    """Load a uuid as the text that it is everywhere else."""

    def load(self, data: bytes | bytearray | memoryview) -> str:
        return bytes(data).decode("ascii")


def make_pool(url: str, *, min_size: int = 1, max_size: int = 10) -> Pool:
    """Return a pool that is not yet open; ``await pool.open()`` never waits."""
    return AsyncConnectionPool(
        url,
        min_size=min_size,
        max_size=max_size,
        open=False,
        timeout=_POOL_TIMEOUT_S,
        # its pauses double without a bound; after this the next request begins anew
        reconnect_timeout=4.0,
        check=AsyncConnectionPool.check_connection,
        configure=_configure,
        kwargs=_connection_arguments(),
        connection_class=psycopg.AsyncConnection[DictRow],
        name="luheng",
    )


async def connect(url: str) -> Connection:
    """Open one connection of its own, in autocommit."""
    connection = await psycopg.AsyncConnection.connect(
        url, **_connection_arguments() | {"autocommit": True}
    )
    await _configure(connection)
    return connection


async def wait_for_database(
    url: str,
    *,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    tries: int | None = None,
) -> None:
    """Return once the database takes connections, saying once a try why it does not.

    Raises:
        ConfigError: the URL is no PostgreSQL URL, or ``tries`` were used up.
    """
    try:
        psycopg.conninfo.conninfo_to_dict(url)
    except psycopg.ProgrammingError as error:
        # what libpq quotes after this can be the password
        said = _one_line(error).partition(': "')[0]
        message = f"database.url is no PostgreSQL URL: {said}"
        raise ConfigError(message) from error
    pause_s = 0.2
    attempt = 0
    while True:
        attempt += 1
        try:
            connection = await connect(url)
        except psycopg.OperationalError as error:
            if attempt == tries:
                message = f"database.url does not answer: {_one_line(error)}"
                raise ConfigError(message) from error
            _log.warning(
                "database not reached", error=_one_line(error), retry_in_s=pause_s
            )
            await sleep(pause_s)
            pause_s = min(pause_s * 2, 5.0)
        else:
            await connection.close()
            return


def blames_the_row(error: BaseException) -> bool:
    """Tell whether an error is the row's own, so that trying it again cannot help.

    Data that the types refuse (class 22) and broken constraints (class 23) are the
    row's. A lost connection, a full disk, a deadlock or a missing table is not.
    """
    return isinstance(error, psycopg.DataError | psycopg.IntegrityError)


async def fetch_all(
    connection: Connection, query: bytes, parameters: Parameters, kind: type[Value]
) -> tuple[Value, ...]:
    """Run a query and return its rows as values of one struct."""
    rows = await fetch_rows(connection, query, parameters)
    return tuple(msgspec.convert(row, kind) for row in rows)


async def fetch_one(
    connection: Connection, query: bytes, parameters: Parameters, kind: type[Value]
) -> Value | None:
    """Run a query and return its first row as a value, or None."""
    rows = await fetch_rows(connection, query, parameters)
    return msgspec.convert(rows[0], kind) if rows else None


async def fetch_rows(
    connection: Connection, query: bytes, parameters: Parameters | None = None
) -> list[DictRow]:
    """Run a query and return its rows as they are."""
    cursor = await connection.execute(query, parameters)
    return await cursor.fetchall()


async def execute(
    connection: Connection, query: bytes, parameters: Parameters | None = None
) -> int:
    """Run a statement and return how many rows it touched."""
    cursor = await connection.execute(query, parameters)
    return cursor.rowcount


def json_value(value: object) -> Jsonb:
    """Wrap a value so that it is stored as JSON."""
    return Jsonb(msgspec.to_builtins(value))


def _connection_arguments() -> dict[str, Any]:
    return {
        "row_factory": dict_row,
        "options": _OPTIONS,
        "connect_timeout": _CONNECT_TIMEOUT_S,
        "application_name": "luheng",
        **_KEEPALIVES,
    }


async def _configure(connection: Connection) -> None:
    connection.adapters.register_loader("uuid", _TextUuid)
    set_json_dumps(msgspec.json.encode, connection)
    set_json_loads(msgspec.json.decode, connection)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())
