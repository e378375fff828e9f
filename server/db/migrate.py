"""Bringing a database to the schema of this program, by numbered SQL files.

Files of ``server/db/migrations`` run in the order of their names, each in one
transaction, under an advisory lock, so that any number of servers may start at once.
``NNNN_name.native.sql`` and ``NNNN_name.timescale.sql`` are two ways to the same
tables; which one ran is written down. There is no way back, and a file that has run
is never edited: both are refused.
"""

import re
from collections.abc import Mapping
from importlib import resources
from typing import NamedTuple

import msgspec
import structlog

from server.db.pool import Connection, connect, execute, fetch_rows
from server.errors import MigrationError
from wim.seal import sha256

__all__ = ["Migration", "apply_migrations", "shipped_migrations"]

_LOCK = 0x6C756865  # any number that is ours
_FILE = re.compile(
    r"^(?P<name>\d{4}_[a-z0-9_]+)(?:\.(?P<variant>native|timescale))?\.sql$"
)
_OLDEST_TIMESCALE = (2, 18, 1)
_log = structlog.get_logger(__name__)


class Migration(NamedTuple):
    """One step of the schema: its SQL by variant ("" when there is only one)."""

    name: str
    variants: Mapping[str, str]


class _Applied(msgspec.Struct, frozen=True):
    name: str
    variant: str
    sha256: str


def shipped_migrations() -> tuple[Migration, ...]:
    """Return the migrations of this program in their order."""
    found: dict[str, dict[str, str]] = {}
    for file in resources.files("server.db").joinpath("migrations").iterdir():
        if match := _FILE.match(file.name):
            text = file.read_text("utf-8")
            found.setdefault(match["name"], {})[match["variant"] or ""] = text
    return tuple(Migration(name, found[name]) for name in sorted(found))


async def apply_migrations(
    database_url: str, migrations: tuple[Migration, ...] | None = None
) -> tuple[str, ...]:
    """Apply what is missing; return the names of what was applied.

    Raises:
        MigrationError: the database is of a later program, or a file that ran was
            edited since.
    """
    steps = shipped_migrations() if migrations is None else migrations
    async with await connect(database_url) as connection:
        await execute(connection, b"SELECT pg_advisory_lock(%s)", (_LOCK,))
        applied = await _applied(connection)
        _check(applied, steps)
        variant = await _variant(connection)
        done = []
        for step in steps:
            if step.name not in applied:
                await _apply(connection, step, variant)
                done.append(step.name)
        return tuple(done)


async def _applied(connection: Connection) -> dict[str, _Applied]:
    await execute(
        connection,
        b"CREATE TABLE IF NOT EXISTS schema_migrations ("
        b" name text PRIMARY KEY, variant text NOT NULL, sha256 text NOT NULL,"
        b" applied_at timestamptz NOT NULL DEFAULT now())",
    )
    rows = await fetch_rows(
        connection, b"SELECT name, variant, sha256 FROM schema_migrations"
    )
    return {row["name"]: msgspec.convert(row, _Applied) for row in rows}


def _check(applied: Mapping[str, _Applied], steps: tuple[Migration, ...]) -> None:
    by_name = {step.name: step for step in steps}
    for name, row in sorted(applied.items()):
        step = by_name.get(name)
        if step is None:
            message = (
                f"the database has migration {name}, which this program does not know; "
                "run the program that made it, or a later one"
            )
            raise MigrationError(message)
        text = step.variants.get(row.variant, "")
        if sha256(text.encode()) != row.sha256:
            message = (
                f"migration {name} ran in another wording than this program has; "
                "migrations are never edited, restore the file"
            )
            raise MigrationError(message)


async def _variant(connection: Connection) -> str:
    """Return ``timescale`` where a good TimescaleDB is preloaded, else ``native``."""
    rows = await fetch_rows(
        connection,
        b"SELECT default_version AS version FROM pg_available_extensions"
        b" WHERE name = 'timescaledb' AND 'timescaledb' = ANY"
        b" (string_to_array(replace("
        b"current_setting('shared_preload_libraries'), ' ', ''), ','))",
    )
    if not rows:
        return "native"
    installed = await fetch_rows(
        connection,
        b"SELECT extversion AS version FROM pg_extension WHERE extname = 'timescaledb'",
    )
    version = str((installed or rows)[0]["version"])
    numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:3])
    if numbers < _OLDEST_TIMESCALE:
        _log.warning("timescaledb too old, took native partitions", version=version)
        return "native"
    await execute(connection, b"CREATE EXTENSION IF NOT EXISTS timescaledb")
    return "timescale"


async def _apply(connection: Connection, step: Migration, variant: str) -> None:
    taken = variant if variant in step.variants else ""
    text = step.variants[taken]
    async with connection.transaction():
        await execute(connection, text.encode(), None)
        await execute(
            connection,
            b"INSERT INTO schema_migrations (name, variant, sha256)"
            b" VALUES (%s, %s, %s)",
            (step.name, taken, sha256(text.encode())),
        )
    _log.info("migration applied", migration=step.name, variant=taken)
