"""The Litestar application: what the web gives, on a pool that lives as long as it.

``server/web/site.py`` gives ``install(app_config) -> app_config``, a Litestar
``on_app_init`` hook that adds handlers, templates, static files and exception handlers.
Handlers take by name, as dependencies:

=============  ============================================  =======================
name           type                                          what it is
=============  ============================================  =======================
``pool``       :data:`server.db.pool.Pool`                   the database
``hub``        :class:`server.db.events.EventHub`            committed events
``files``      :class:`server.evidence.files.EvidenceFiles`  the file store
``registry``   :class:`server.stations.model.Registry`       stations and their keys
``rules``      :class:`server.rules.book.RuleBook`           dated limit tables
=============  ============================================  =======================

Middleware finds the pool as ``state.pool``. Sessions are Litestar's, kept in the
database; CSRF is on for every unsafe method but handlers with
``exclude_from_csrf=True``. The session of somebody signed in holds
``{"account_id": int}``.
"""

import asyncio
import contextlib
import datetime as dt
from collections.abc import AsyncGenerator, Callable, Coroutine

import msgspec
import structlog
from litestar import Litestar
from litestar.config.csrf import CSRFConfig
from litestar.datastructures import State
from litestar.di import Provide
from litestar.openapi.config import OpenAPIConfig

import wim
from server import clock
from server.accounts.sessions import DatabaseSessions
from server.config import LoadedConfig, MqttSettings
from server.db.events import EventHub
from server.db.pool import DatabaseError, Pool, make_pool
from server.enterprises import service as enterprises
from server.enterprises.model import Enterprise
from server.errors import ConfigError
from server.evidence.files import EvidenceFiles
from server.ingest.intake import Intake
from server.ingest.link import Address, parse_address
from server.ingest.worker import Worker
from server.rules.book import RuleBook
from server.stations import service as stations
from server.stations.model import Registry, Station
from server.web.signin import SESSION_STORE, SessionConfig
from server.web.site import install

__all__ = [
    "Centre",
    "broker_address",
    "keep_running",
    "make_app",
    "make_workers",
    "publish_config",
]

SESSION_S = 12 * 3600
_TIDY_EVERY_S = 3600.0
_MEGABYTE = 1_000_000
_log = structlog.get_logger(__name__)


class Centre(msgspec.Struct, frozen=True, kw_only=True):
    """The parts that a server process is made of, before any of them runs."""

    config: LoadedConfig
    database_url: str
    pool: Pool
    hub: EventHub
    files: EvidenceFiles
    registry: Registry
    rules: RuleBook

    @classmethod
    def build(cls, config: LoadedConfig, database_url: str) -> "Centre":
        """Make the parts of one configuration; nothing is opened yet.

        Raises:
            ConfigError: the limit tables cannot be used.
        """
        table = config.table
        return cls(
            config=config,
            database_url=database_url,
            pool=make_pool(database_url, max_size=table.database.pool),
            hub=EventHub(database_url),
            files=EvidenceFiles(
                config.data_dir / "evidence",
                max_bytes=table.server.max_evidence_mb * _MEGABYTE,
                min_free_bytes=table.server.min_free_mb * _MEGABYTE,
            ),
            registry=Registry(
                Station(
                    station_id=one.id,
                    name=one.name,
                    role=one.role,
                    public_key=one.public_key,
                    latitude=one.latitude,
                    longitude=one.longitude,
                )
                for one in table.stations
            ),
            rules=RuleBook.load(
                config.path(table.rules.limits), region=table.rules.region
            ),
        )


def broker_address(config: LoadedConfig, url: str) -> Address:
    """Return where the broker is and with which certificates.

    Raises:
        ConfigError: a file that is named is not there.
    """
    mqtt: MqttSettings = config.table.mqtt
    files: dict[str, str | None] = {}
    for name in ("ca", "certificate", "key"):
        written = getattr(mqtt, name)
        files[name] = str(config.path(written)) if written else None
        if written and not config.path(written).is_file():
            message = f"key 'mqtt.{name}': there is no file {files[name]}"
            raise ConfigError(message)
    return parse_address(url, **files)


def make_workers(
    centre: Centre, address: Address, *, name: str, private_key: bytes
) -> tuple[Worker, ...]:
    """Return the ingest workers of one process, each with a stable name."""
    intake = Intake(centre.pool, centre.registry, centre.rules, clock=clock.now)
    return tuple(
        Worker(
            address,
            client_id=f"luheng-{name}-{number}",
            intake=intake,
            private_key=private_key,
            clock=clock.now,
        )
        for number in range(1, centre.config.table.mqtt.workers + 1)
    )


async def publish_config(centre: Centre, *, now: dt.datetime) -> None:
    """Bring stations and enterprises of the configuration into the database."""
    await stations.publish_registry(centre.pool, centre.registry, now=now)
    await enterprises.publish_enterprises(
        centre.pool,
        [
            Enterprise(enterprise_id=one.id, name=one.name)
            for one in centre.config.table.enterprises
        ],
        now=now,
    )


def make_app(
    centre: Centre, *, csrf_secret: str, workers: tuple[Worker, ...]
) -> Litestar:
    """Return the application; its pool, events and workers run as long as it does."""
    sessions = DatabaseSessions(centre.pool, clock.now)
    secure = centre.config.table.server.secure_cookies

    @contextlib.asynccontextmanager
    async def lifespan(_app: Litestar) -> AsyncGenerator[None, None]:
        centre.files.prepare()
        await centre.pool.open()
        await publish_config(centre, now=clock.now())
        tasks = [
            asyncio.create_task(keep_running("events", centre.hub.run)),
            asyncio.create_task(keep_running("sessions", lambda: _tidy(sessions))),
            *(
                asyncio.create_task(keep_running("ingest", worker.run))
                for worker in workers
            ),
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await centre.pool.close()

    return Litestar(
        on_app_init=[install],
        state=State({"pool": centre.pool}),
        lifespan=[lifespan],
        dependencies={
            "pool": Provide(lambda: centre.pool, sync_to_thread=False),
            "hub": Provide(lambda: centre.hub, sync_to_thread=False),
            "files": Provide(lambda: centre.files, sync_to_thread=False),
            "registry": Provide(lambda: centre.registry, sync_to_thread=False),
            "rules": Provide(lambda: centre.rules, sync_to_thread=False),
        },
        middleware=[
            SessionConfig(
                max_age=SESSION_S,
                renew_on_access=True,
                httponly=True,
                secure=secure,
                samesite="lax",
            ).middleware
        ],
        stores={SESSION_STORE: sessions},
        csrf_config=CSRFConfig(
            secret=csrf_secret,
            cookie_name="csrftoken",
            header_name="x-csrf-token",
            cookie_secure=secure,
        ),
        openapi_config=OpenAPIConfig(title="路衡 Luheng", version=wim.__version__),
        request_max_body_size=centre.config.table.server.max_evidence_mb * _MEGABYTE,
        logging_config=None,
    )


async def keep_running(
    name: str, run: Callable[[], Coroutine[None, None, None]]
) -> None:
    """Run a task for ever: what ends it is written down, and it starts again."""
    pause_s = 0.5
    while True:
        try:
            await run()
        except Exception:  # noqa: BLE001 - the loop of a task
            _log.exception("task ended", task=name, again_in_s=pause_s)
        else:
            _log.error("task returned", task=name, again_in_s=pause_s)
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 2, 30.0)


async def _tidy(sessions: DatabaseSessions) -> None:
    while True:
        try:
            await sessions.delete_expired()
        except DatabaseError as error:
            _log.warning("sessions not tidied", error=str(error).strip())
        await asyncio.sleep(_TIDY_EVERY_S)
