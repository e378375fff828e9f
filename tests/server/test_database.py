"""Migrations, sessions, accounts: the ground that the features stand on."""

import asyncio
import datetime as dt

import msgspec
import psycopg
import pytest

from server import clock
from server.accounts import service as accounts
from server.accounts.sessions import DatabaseSessions
from server.audit import service as audit
from server.db import pool as db_pool
from server.db.migrate import Migration, apply_migrations, shipped_migrations
from server.db.queries import load_queries
from server.errors import ConfigError, MigrationError

pytestmark = pytest.mark.anyio

BOTH = pytest.mark.parametrize(
    "server_url",
    ["embedded", pytest.param("debian", marks=pytest.mark.debian)],
    indirect=True,
)


@pytest.fixture
def empty_url(server_url):
    name = "empty_one"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    head, _, query = server_url.partition("?")
    yield f"{head.rpartition('/')[0]}/{name}?{query}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@BOTH
async def test_servers_that_start_at_once_migrate_once(empty_url):
    done = await asyncio.gather(*(apply_migrations(empty_url) for _ in range(4)))
    names = tuple(step.name for step in shipped_migrations())
    assert sorted(done) == [(), (), (), names]
    assert await apply_migrations(empty_url) == ()


async def test_a_database_of_a_later_program_is_refused(database_url):
    later = (*shipped_migrations(), Migration("9999_later", {"": "SELECT 1"}))
    await apply_migrations(database_url, later)
    with pytest.raises(MigrationError, match="9999_later"):
        await apply_migrations(database_url)


async def test_an_edited_migration_is_refused(database_url):
    first, *rest = shipped_migrations()
    edited = Migration(first.name, {"": "SELECT 1"})
    with pytest.raises(MigrationError, match="another wording"):
        await apply_migrations(database_url, (edited, *rest))


async def test_a_failing_migration_leaves_nothing_behind(database_url):
    bad = Migration("9998_bad", {"": "CREATE TABLE half (x int); SELECT 1/0"})
    with pytest.raises(psycopg.Error):
        await apply_migrations(database_url, (*shipped_migrations(), bad))
    async with await db_pool.connect(database_url) as connection:
        cursor = await connection.execute("SELECT to_regclass('half') AS found")
        assert (await cursor.fetchone())["found"] is None


def test_two_queries_of_one_name_are_refused(tmp_path, monkeypatch):
    package = tmp_path / "twice"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "queries.sql").write_text("-- name: a\nSELECT 1\n-- name: a\nSELECT 2")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ValueError, match="named a"):
        load_queries("twice")


async def test_a_wrong_database_url_is_one_line(server_url):
    with pytest.raises(ConfigError, match="no PostgreSQL URL"):
        await db_pool.wait_for_database("postgresql://[half")
    waited = []

    async def sleep(seconds):
        waited.append(seconds)

    with pytest.raises(ConfigError, match="does not answer") as error:
        await db_pool.wait_for_database(
            "postgresql://127.0.0.1:1/nothing", sleep=sleep, tries=3
        )
    assert waited == [0.2, 0.4]
    assert "\n" not in str(error.value)


class Clock:
    def __init__(self, now):
        self.now = now

    def __call__(self):
        return self.now


async def test_a_session_lives_until_it_expires_or_ends(pool, officers):
    ticking = Clock(officers["li"].created_at)
    sessions = DatabaseSessions(pool, ticking)
    content = msgspec.json.encode({"account_id": officers["li"].account_id})
    await sessions.set("key", content, expires_in=60)
    assert await sessions.get("key") == content
    assert await sessions.exists("key")
    assert await sessions.expires_in("key") == 60
    ticking.now += dt.timedelta(seconds=50)
    assert await sessions.get("key", renew_for=60) == content
    ticking.now += dt.timedelta(seconds=50)
    assert await sessions.expires_in("key") == 10
    ticking.now += dt.timedelta(seconds=11)
    assert await sessions.get("key") is None
    await sessions.delete_expired()
    await sessions.set("other", "{}")
    assert await sessions.expires_in("other") == -1
    await sessions.delete("other")
    assert not await sessions.exists("other")
    await sessions.set("last", b"no json")
    await sessions.delete_all()
    assert await sessions.get("last") is None


async def test_the_table_of_sessions_opens_none(pool):
    sessions = DatabaseSessions(pool, Clock(clock.now()))
    await sessions.set("the secret id", b"{}")
    async with pool.connection() as connection:
        cursor = await connection.execute("SELECT session_hash FROM sessions")
        (row,) = await cursor.fetchall()
    assert b"secret" not in bytes(row["session_hash"])


async def test_a_new_password_ends_open_sessions(pool, officers):
    now = officers["li"].created_at
    sessions = DatabaseSessions(pool, Clock(now))
    content = msgspec.json.encode({"account_id": officers["li"].account_id})
    await sessions.set("key", content)
    await accounts.make_or_reset(pool, "li", ("reviewer",), now=now)
    assert await sessions.get("key") is None


async def test_signing_in_needs_the_right_password_and_leaves_a_trail(pool, officers):
    now = officers["li"].created_at
    assert (
        await accounts.authenticate(pool, "li", "a password", now=now)
        == (officers["li"])
    )
    for name, password in (("li", "A password"), ("nobody", "a password"), ("\0", "x")):
        assert await accounts.authenticate(pool, name, password, now=now) is None
    trail = await audit.trail(pool, "account", "li")
    assert [e.action for e in trail] == ["account_set", "signed_in", "sign_in_refused"]


async def test_an_inactive_account_cannot_sign_in(pool, officers):
    async with pool.connection() as connection:
        await connection.execute("UPDATE accounts SET active = false")
    now = officers["li"].created_at
    assert await accounts.authenticate(pool, "li", "a password", now=now) is None
    assert await accounts.find_account(pool, officers["li"].account_id) is None


async def test_the_first_admin_is_made_once(pool):
    now = clock.now()
    issued = await accounts.make_first_admin(pool, now=now)
    assert issued.one_time
    assert issued.account.roles == ("admin",)
    assert await accounts.authenticate(pool, "admin", issued.password, now=now)
    assert await accounts.make_first_admin(pool, now=now) is None
