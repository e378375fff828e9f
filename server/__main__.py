"""The command ``luheng-server``: serve, ingest, migrate, account, requeue.

Exit codes: 0 done, 2 wrong use or a fault that the operator mends, said in one line.
"""

import argparse
import asyncio
import contextlib
import logging
import os
import secrets
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import structlog
import uvicorn

from server import clock
from server.accounts import service as accounts
from server.accounts.model import LONGEST_NAME, ROLES, IssuedPassword
from server.app import (
    Centre,
    broker_address,
    keep_running,
    make_app,
    make_workers,
    publish_config,
)
from server.config import EMBEDDED, LoadedConfig, load_config, read_private_key
from server.db.migrate import apply_migrations
from server.db.pool import DatabaseError, make_pool, wait_for_database
from server.embedded.broker import EmbeddedBroker
from server.embedded.ports import listening_socket
from server.embedded.postgres import EmbeddedPostgres
from server.errors import ConfigError, ServerError
from server.ingest.intake import Intake
from server.ingest.requeue import Requeued, requeue
from wim.seal import public_key

__all__ = ["main"]

_SHORTEST_SECRET = 32
_DATABASE_TRIES = 8
"""At the start: about half a minute; a running server waits as long as it takes."""

_log = structlog.get_logger("server")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit code."""
    options = _parser().parse_args(arguments)
    _set_up_logs(as_json=options.json)
    signal.signal(signal.SIGTERM, _end)
    try:
        config = load_config(options.config)
        return int(options.run(config, options) or 0)
    except (ServerError, OSError, DatabaseError) as error:
        said = " ".join(str(error).split())
        sys.stderr.write(f"luheng-server: {said}\n")
        return 2
    except KeyboardInterrupt:
        return 0


def _end(_number: int, _frame: object) -> None:
    """End like on Ctrl-C, so that what is embedded is ended too; once is enough."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="luheng-server", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: object, words: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=words, description=words)
        sub.add_argument("config", type=Path, metavar="CONFIG.toml")
        sub.add_argument("--json", action="store_true", help="for machines")
        sub.set_defaults(run=run)
        return sub

    command("serve", _serve, "migrate, then web and ingest in one process")
    ingest = command("ingest", _ingest, "ingest workers only")
    ingest.add_argument(
        "--name",
        default=socket.gethostname(),
        help="stable name at the broker, of its own",
    )
    command("migrate", _migrate, "bring the database to this program's schema")
    account = command("account", _account, "make an account, or reset one")
    account.add_argument("name", metavar="NAME")
    account.add_argument(
        "--role", action="append", required=True, choices=ROLES, dest="roles"
    )
    account.add_argument(
        "--simulated", action="store_true", help="an officer of the demonstration"
    )
    account.add_argument(
        "--password-stdin", action="store_true", help="read the password, one line"
    )
    again = command("requeue", _requeue, "take quarantined messages through intake")
    again.add_argument("--station", metavar="ID", help="only this station's")
    return parser


def _serve(config: LoadedConfig, options: argparse.Namespace) -> int:
    with contextlib.ExitStack() as stack:
        config.data_dir.mkdir(parents=True, exist_ok=True)
        private_key = _private_key(config)
        database_url = _database(config, stack)
        mqtt_url = _broker(config, stack)
        asyncio.run(_prepare(database_url))
        centre = Centre.build(config, database_url)
        first = asyncio.run(_first_admin(database_url))
        listening = stack.enter_context(
            listening_socket(config.table.server.host, config.table.server.port)
        )
        page = f"http://{config.table.server.host}:{listening.getsockname()[1]}/"
        if first:
            _tell_account(first, as_json=options.json)
        asyncio.run(
            _serve_until_stopped(
                config,
                centre,
                mqtt_url=mqtt_url,
                private_key=private_key,
                page=page,
                listening=listening,
                as_json=options.json,
            )
        )
    return 0


async def _serve_until_stopped(
    config: LoadedConfig,
    centre: Centre,
    *,
    mqtt_url: str,
    private_key: bytes,
    page: str,
    listening: socket.socket,
    as_json: bool,
) -> None:
    workers = make_workers(
        centre,
        broker_address(config, mqtt_url),
        name=f"serve-{socket.gethostname()}",
        private_key=private_key,
    )
    app = make_app(centre, csrf_secret=_secret(config.secret_file), workers=workers)
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=3,
            lifespan="on",
        )
    )
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    while not (server.started or serving.done()):  # noqa: ASYNC110 - no event to wait on
        await asyncio.sleep(0.02)
    if not serving.done():
        await _wait_for_workers(workers)
        _tell(
            {
                "event": "ready",
                "page": page,
                "mqtt_url": mqtt_url,
                "database_url": _tellable(config, centre.database_url),
                "public_key": public_key(private_key),
            },
            f"ready: {page}",
            as_json=as_json,
        )
    await serving
    if not server.started:
        message = f"the web server did not start on {page}; see the lines above"
        raise ConfigError(message)


def _tellable(config: LoadedConfig, database_url: str) -> str:
    """Return a URL for the log: an operator's database keeps its password to itself."""
    if config.table.database.url == EMBEDDED:
        return database_url  # made up on this machine, and how else to reach it
    parts = urlsplit(database_url)
    user, at, host = parts.netloc.rpartition("@")
    netloc = user.partition(":")[0] + at + host
    return parts._replace(netloc=netloc, query="").geturl()


async def _wait_for_workers(workers: tuple[Any, ...]) -> None:
    """Give the workers a moment; a broker that is away does not hold up the pages."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(5.0):
            for worker in workers:
                await worker.wait_until_subscribed()


def _ingest(config: LoadedConfig, options: argparse.Namespace) -> int:
    private_key = _private_key(config)
    database_url, mqtt_url = config.table.database.url, config.table.mqtt.url
    if EMBEDDED in {database_url, mqtt_url}:
        message = (
            "ingest needs 'database.url' and 'mqtt.url' of running services; embedded "
            "ones live inside 'serve'"
        )
        raise ConfigError(message)
    centre = Centre.build(config, database_url)

    async def work() -> None:
        await _prepare(database_url)
        await centre.pool.open()
        await publish_config(centre, now=clock.now())
        workers = make_workers(
            centre,
            broker_address(config, mqtt_url),
            name=f"ingest-{options.name}",
            private_key=private_key,
        )
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        tasks = [
            asyncio.create_task(keep_running("ingest", worker.run))
            for worker in workers
        ]
        await _wait_for_workers(workers)
        _tell(
            {"event": "ready", "mqtt_url": mqtt_url, "workers": len(workers)},
            f"ready: {len(workers)} workers on {mqtt_url}",
            as_json=options.json,
        )
        await stop.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await centre.pool.close()

    asyncio.run(work())
    return 0


def _migrate(config: LoadedConfig, options: argparse.Namespace) -> int:
    with contextlib.ExitStack() as stack:
        database_url = _database(config, stack)
        applied = asyncio.run(_prepare(database_url))
    _tell(
        {"event": "migrated", "applied": list(applied)},
        "applied: " + (", ".join(applied) or "nothing, the schema is up to date"),
        as_json=options.json,
    )
    return 0


def _account(config: LoadedConfig, options: argparse.Namespace) -> int:
    if not (0 < len(options.name) <= LONGEST_NAME and options.name.isprintable()):
        message = f"NAME: 1 to {LONGEST_NAME} printable characters"
        raise ConfigError(message)
    password = None
    if options.password_stdin:
        try:
            password = sys.stdin.buffer.readline().decode("utf-8").rstrip("\r\n")
        except UnicodeDecodeError as error:
            message = f"the password is not UTF-8 at byte {error.start}"
            raise ConfigError(message) from error
        if len(password) < 8:
            message = "the password needs at least 8 characters"
            raise ConfigError(message)

    async def make(database_url: str) -> IssuedPassword:
        await _prepare(database_url)
        async with make_pool(database_url, max_size=2) as pool:
            return await accounts.make_or_reset(
                pool,
                options.name,
                tuple(dict.fromkeys(options.roles)),
                simulated=options.simulated,
                password=password,
                now=clock.now(),
            )

    with contextlib.ExitStack() as stack:
        issued = asyncio.run(make(_database(config, stack)))
    _tell_account(issued, as_json=options.json)
    return 0


def _requeue(config: LoadedConfig, options: argparse.Namespace) -> int:
    ids = [station.id for station in config.table.stations]
    if options.station is not None and options.station not in ids:
        message = (
            f"--station: {options.station!r} is not configured; allowed here: "
            f"{', '.join(ids) or 'none'}"
        )
        raise ConfigError(message)

    async def again(database_url: str) -> Requeued:
        await _prepare(database_url)
        centre = Centre.build(config, database_url)
        async with centre.pool as pool:
            await publish_config(centre, now=clock.now())
            intake = Intake(pool, centre.registry, centre.rules, clock=clock.now)
            return await requeue(pool, intake, station_id=options.station)

    with contextlib.ExitStack() as stack:
        became = asyncio.run(again(_database(config, stack)))
    left = ", ".join(f"{code} {count}" for code, count in became.left.items())
    _tell(
        {"event": "requeued"} | msgspec.structs.asdict(became),
        f"{became.stored} stored now, {became.duplicate} had been stored since; "
        f"still in the quarantine: {left or 'none'}",
        as_json=options.json,
    )
    return 0


def _database(config: LoadedConfig, stack: contextlib.ExitStack) -> str:
    """Return the URL of the database, started for the stack's life if embedded."""
    url = config.table.database.url
    if url != EMBEDDED:
        return url
    embedded = stack.enter_context(EmbeddedPostgres(config.data_dir))
    return embedded.url


def _broker(config: LoadedConfig, stack: contextlib.ExitStack) -> str:
    url = config.table.mqtt.url
    if url != EMBEDDED:
        return url
    embedded = stack.enter_context(EmbeddedBroker(config.data_dir))
    return embedded.url


async def _prepare(database_url: str) -> tuple[str, ...]:
    await wait_for_database(database_url, tries=_DATABASE_TRIES)
    return await apply_migrations(database_url)


async def _first_admin(database_url: str) -> IssuedPassword | None:
    async with make_pool(database_url, max_size=2) as pool:
        return await accounts.make_first_admin(pool, now=clock.now())


def _private_key(config: LoadedConfig) -> bytes:
    """Return the centre's key, made and kept on the first start."""
    file = config.path(config.table.keys.private_key)
    if not file.exists():
        _write_secret(file, secrets.token_bytes(32).hex())
        _log.info("private key made", file=str(file))
    return read_private_key(file)


def _secret(file: Path) -> str:
    if not file.exists():
        _write_secret(file, secrets.token_hex(32))
    secret = file.read_bytes().strip()
    if len(secret) < _SHORTEST_SECRET or not secret.isascii():
        message = (
            f"{file}: not a secret; expected at least {_SHORTEST_SECRET} ASCII "
            "characters (delete the file and one is made)"
        )
        raise ConfigError(message)
    return secret.decode("ascii")


def _write_secret(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as opened:
        opened.write(text + "\n")
        opened.flush()
        os.fsync(opened.fileno())


def _tell_account(issued: IssuedPassword, *, as_json: bool) -> None:
    account = issued.account
    said: dict[str, object] = {
        "event": "account",
        "name": account.name,
        "roles": list(account.roles),
        "simulated": account.simulated,
    }
    words = f"account {account.name} ({', '.join(account.roles)})"
    if issued.one_time:
        said["password"] = issued.password
        words += f", one-time password: {issued.password}"
    _tell(said, words, as_json=as_json)


def _tell(said: dict[str, object], words: str, *, as_json: bool) -> None:
    """Say something on standard output, to a machine or to a person."""
    print(msgspec.json.encode(said).decode() if as_json else words, flush=True)


def _set_up_logs(*, as_json: bool) -> None:
    """Send logs to standard error: JSON for machines, lines for people."""
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *([structlog.processors.format_exc_info] if as_json else []),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(message)s")


if __name__ == "__main__":
    raise SystemExit(main())
