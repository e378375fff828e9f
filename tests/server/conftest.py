"""A real PostgreSQL per run, a fresh database per test, and signed messages."""

import contextlib
import datetime as dt
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import uuid
from pathlib import Path

import msgspec
import psycopg
import pytest

from server.accounts import service as accounts
from server.db.migrate import apply_migrations
from server.db.pool import make_pool
from server.embedded.child import SupervisedChild
from server.embedded.postgres import EmbeddedPostgres
from server.enterprises import service as enterprises
from server.enterprises.model import Enterprise
from server.ingest.intake import Intake
from server.rules.book import RuleBook
from server.stations import service as stations
from server.stations.model import Registry, Station
from wim.limits import parse_limit_table
from wim.messages import (
    EvidenceManifest,
    EvidenceNote,
    PassageMessage,
    PlateNote,
    StatusMessage,
    WeighingMessage,
    encode,
    topic,
)
from wim.seal import GENESIS, public_key, sha256, sign

NOW = dt.datetime(2026, 11, 20, 8, 0, tzinfo=dt.UTC)
DEBIAN_PROGRAMS = max(
    Path("/usr/lib/postgresql").glob("*/bin"),
    key=lambda folder: int(folder.parent.name),
    default=Path("/usr/lib/postgresql/none/bin"),
)

LIMITS = """
id = "{id}"
region = "CN"
valid_from = {valid_from}
{valid_to}
citation = "test"
[deduction]
policy = "measured_pct"
percent = 5.0
[[rows]]
axles = 2
vehicle_classes = ["rigid"]
limit_kg = {two_kg}
[[rows]]
axles = 6
or_more = true
vehicle_classes = ["articulated"]
limit_kg = {six_kg}
[[bands]]
id = "hundred_tonne"
from_kg = 100000.0
"""


@pytest.fixture
def anyio_backend():
    return "asyncio"


@contextlib.contextmanager
def open_folder():
    """A folder that the database's account can enter, unlike pytest's; gone after."""
    folder = Path(tempfile.mkdtemp(prefix="luheng-test-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def data_folder():
    with open_folder() as folder:
        yield folder


@pytest.fixture(scope="session")
def embedded_server():
    with open_folder() as folder, _embedded(folder) as url:
        yield url


@contextlib.contextmanager
def _embedded(folder):
    with EmbeddedPostgres(folder) as server:
        _hurry(server.url)
        yield server.url


@pytest.fixture(scope="session")
def debian_server(tmp_path_factory):
    """PostgreSQL of Debian's package, run as its own user, on a socket."""
    if not (DEBIAN_PROGRAMS / "postgres").exists():
        pytest.skip("Debian's postgresql-15 is not installed")
    with open_folder() as folder:
        yield from _debian(folder)


def _debian(folder):
    account = None
    if os.geteuid() == 0:
        entry = pwd.getpwnam("postgres")
        account = (entry.pw_uid, entry.pw_gid)
        os.chown(folder, *account)
    uid, gid = account or (None, None)
    data = folder / "data"
    subprocess.run(
        [DEBIAN_PROGRAMS / "initdb", "-D", data, "-A", "trust", "-U", "postgres"],
        check=True,
        capture_output=True,
        cwd=folder,
        user=uid,
        group=gid,
    )
    options = {
        "listen_addresses": "",
        "unix_socket_directories": str(folder),
        "track_commit_timestamp": "off",
    }
    child = SupervisedChild(
        "debian-postgres",
        [
            str(DEBIAN_PROGRAMS / "postgres"),
            *("-D", str(data)),
            *(word for k, v in options.items() for word in ("-c", f"{k}={v}")),
        ],
        ready=lambda: _answers(f"postgresql://postgres@/postgres?host={folder}"),
        log_file=folder / "log",
        folder=folder,
        account=account,
        stop_signal=signal.SIGINT,
    )
    child.start(30.0)
    _hurry(f"postgresql://postgres@/postgres?host={folder}")
    try:
        yield f"postgresql://postgres@/postgres?host={folder}"
    finally:
        child.stop()


def _hurry(url):
    """Do not wait for the disk: these databases live for one test."""
    with psycopg.connect(url, autocommit=True) as connection:
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            connection.execute(f"ALTER SYSTEM SET {setting} = off")
        connection.execute("SELECT pg_reload_conf()")


def _answers(url):
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return False
    return True


@pytest.fixture
def server_url(request):
    """Which PostgreSQL; tests parametrise it indirectly to run on both."""
    return request.getfixturevalue(f"{getattr(request, 'param', 'embedded')}_server")


_templates = set()


@pytest.fixture
async def database_url(server_url):
    """A fresh database with the schema in it."""
    name = f"t{uuid.uuid4().hex}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        if server_url not in _templates:
            connection.execute("CREATE DATABASE template_luheng")
            await apply_migrations(_with_name(server_url, "template_luheng"))
            _templates.add(server_url)
        connection.execute(
            f"CREATE DATABASE {name} TEMPLATE template_luheng STRATEGY FILE_COPY"
        )
    yield _with_name(server_url, name)
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _with_name(url, name):
    head, _, query = url.partition("?")
    return f"{head.rpartition('/')[0]}/{name}?{query}"


@pytest.fixture
async def pool(database_url):
    async with make_pool(database_url, max_size=6) as opened:
        yield opened


@pytest.fixture(scope="session")
def keys():
    return {
        "DEMO-001": b"\x01" * 32,
        "DEMO-002": b"\x02" * 32,
        "SRC-001": b"\x03" * 32,
    }


@pytest.fixture
def registry(keys):
    return Registry(
        Station(
            station_id=name,
            name=f"{name} 检测点",
            role="source" if name.startswith("SRC") else "roadside",
            public_key=public_key(key),
        )
        for name, key in keys.items()
    )


@pytest.fixture
def rules():
    tables = (
        parse_limit_table(
            LIMITS.format(
                id="old",
                valid_from="2016-09-21T00:00:00+08:00",
                valid_to="valid_to = 2026-01-01T00:00:00+08:00",
                two_kg=20000.0,
                six_kg=130000.0,
            ),
            name="old",
        ),
        parse_limit_table(
            LIMITS.format(
                id="new",
                valid_from="2026-01-01T00:00:00+08:00",
                valid_to="",
                two_kg=18000.0,
                six_kg=49000.0,
            ),
            name="new",
        ),
    )
    return RuleBook(tables, region="CN")


@pytest.fixture
async def published(pool, registry):
    """The stations and enterprises of the configuration are in the database."""
    await stations.publish_registry(pool, registry, now=NOW)
    await enterprises.publish_enterprises(
        pool, [Enterprise(enterprise_id="SRC-001", name="海宁石料厂")], now=NOW
    )


@pytest.fixture
def intake(pool, published, registry, rules):
    return Intake(pool, registry, rules, clock=lambda: NOW)


class Sender:
    """One station that signs, numbers and chains its messages."""

    def __init__(self, station_id, key, *, now=NOW):
        self.station_id = station_id
        self.key = key
        self.now = now
        self.sequence = 0
        self.previous = GENESIS
        self.boot_id = str(uuid.uuid4())

    def note(self, content=b"jpeg", kind="photo_front", **changes):
        fields = {
            "kind": kind,
            "sha256": sha256(content),
            "size_bytes": len(content),
            "media_type": "image/jpeg",
            "recorder": self.station_id,
            "recorded_at": self.now,
            "proves": "vehicle_front_and_plate",
        }
        return EvidenceNote(**fields | changes)

    def plate(self, text, *, view="front", confidence=0.9):
        return PlateNote(
            camera=view,
            view=view,
            read_at=self.now,
            text=text,
            colour="yellow" if text else None,
            character_confidences=(confidence,) * len(text or ""),
            unread_reason=None if text else "no_plate",
        )

    def passage(self, *, axles=6, gross_mass_kg=120_000.0, plate="浙F12345", **changes):
        """Return (topic, payload) of one passage; a None in changes stays a None."""
        self.sequence += 1
        loads = (gross_mass_kg / axles,) * axles
        groups = ((0,), *((i,) for i in range(1, axles)))
        message = PassageMessage(
            **{
                "station_id": self.station_id,
                "boot_id": self.boot_id,
                "previous_hash": self.previous,
                "passage_id": str(uuid.uuid4()),
                "sequence": self.sequence,
                "passed_at": self.now - dt.timedelta(seconds=1),
                "clock_error_bound_s": None,
                "lane": 1,
                "direction": "forward",
                "speed_mps": 16.7,
                "acceleration_mps2": None,
                "axle_loads_kg": loads,
                "axle_load_uncertainties_kg": None,
                "axle_spacings_m": (3.1,) * (axles - 1),
                "gross_mass_kg": gross_mass_kg,
                "gross_mass_uncertainty_kg": None,
                "axle_groups": groups,
                "axle_configuration": "+".join("1" * axles),
                "flags": (),
                "valid": True,
                "samples_lost": 0,
                "plate_readings": (self.plate(plate),) if plate else (),
                "assessment": None,
                "evidence": (),
                "wim_version": "0.1.0",
                "parameter_hash": "a" * 64,
            }
            | changes
        )
        return self.sent("passage", message)

    def weighing(self, *, gross_mass_kg=118_000.0, plate="浙F12345", **changes):
        self.sequence += 1
        message = WeighingMessage(
            **{
                "station_id": self.station_id,
                "boot_id": self.boot_id,
                "previous_hash": self.previous,
                "weighing_id": str(uuid.uuid4()),
                "sequence": self.sequence,
                "weighed_at": self.now - dt.timedelta(hours=1),
                "clock_error_bound_s": None,
                "gross_mass_kg": gross_mass_kg,
                "gross_mass_uncertainty_kg": None,
                "scale": "gate",
                "plate_readings": (self.plate(plate, view="gate"),) if plate else (),
                "evidence": (),
            }
            | changes
        )
        return self.sent("weighing", message)

    def manifest(self, subject_id, subject_payload, *items, **changes):
        message = EvidenceManifest(
            **{
                "station_id": self.station_id,
                "boot_id": self.boot_id,
                "previous_hash": sha256(subject_payload),
                "subject_id": subject_id,
                "subject_hash": sha256(subject_payload),
                "sealed_at": self.now,
                "items": items,
                "missing": (),
                "plate_readings": (),
            }
            | changes
        )
        return self.sent("evidence", message, chained=False)

    def status(self, **changes):
        message = StatusMessage(
            **{
                "station_id": self.station_id,
                "role": "roadside",
                "online": True,
                "boot_id": self.boot_id,
                "sent_at": self.now,
                "taking": True,
                "not_taking_reason": None,
                "lowest_unacknowledged_sequence": None,
                "outbox_depth": 0,
                "oldest_unacknowledged_at": None,
                "devices": (),
                "counters": {},
            }
            | changes
        )
        return topic(self.station_id, "status"), encode(message)

    def sent(self, leaf, message, *, chained=True):
        signed = msgspec.structs.replace(message, signature=sign(message, self.key))
        payload = encode(signed)
        if chained:
            self.previous = sha256(payload)
        return topic(self.station_id, leaf), payload


@pytest.fixture
def sender(keys):
    return lambda station_id="DEMO-001", **more: Sender(
        station_id, keys[station_id], **more
    )


@pytest.fixture
async def officers(pool):
    """Two reviewers, two deciders, and one who is everything, by name."""
    made = {}
    for name, roles in {
        "li": ("reviewer",),
        "wang": ("reviewer",),
        "zhao": ("decider",),
        "qian": ("reviewer", "decider"),
        "sun": ("auditor",),
    }.items():
        issued = await accounts.make_or_reset(
            pool, name, roles, password="a password", now=NOW
        )
        made[name] = issued.account
    return made


def passage_id(payload):
    return msgspec.json.decode(payload)["passage_id"]
