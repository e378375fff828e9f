"""Real parts for the web's tests: PostgreSQL, the server, a station that sends."""

import asyncio
import contextlib
import datetime as dt
import shutil
import tempfile
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import msgspec
import numpy as np
import pytest
import uvicorn

from server.accounts import service as accounts
from server.app import Centre, make_app
from server.config import load_config
from server.db.migrate import apply_migrations
from server.db.pool import make_pool
from server.embedded.ports import free_port
from server.embedded.postgres import EmbeddedPostgres
from server.ingest.intake import Intake
from simulators.camera.scene import Scene, Sighting
from simulators.fleet import draw_vehicle, heavy_vehicle
from wim.messages import (
    DeviceStatus,
    EvidenceManifest,
    EvidenceNote,
    FindingNote,
    PassageMessage,
    PlateNote,
    StatusMessage,
    WeighingMessage,
    encode,
    topic,
)
from wim.seal import GENESIS, public_key, sha256, sign, sign_upload

REPOSITORY = Path(__file__).parents[2]
KEYS = {"DEMO-001": bytes(range(32)), "SRC-001": bytes(range(1, 33))}
CONFIG = """
[server]
host = "127.0.0.1"
data_dir = "data"
min_free_mb = 0
[database]
url = "postgresql://not/used"
[rules]
limits = "{limits}"
region = "CN"
[keys]
private_key = "server.key"
[[stations]]
id = "DEMO-001"
name = "东山大桥检测点"
role = "roadside"
public_key = "{roadside}"
latitude = 34.6021
longitude = 115.4873
[[stations]]
id = "DEMO-002"
name = "南渡口检测点"
role = "roadside"
public_key = "{roadside}"
[[stations]]
id = "SRC-001"
name = "西岭石料厂地磅"
role = "source"
public_key = "{source}"
latitude = 34.6534
longitude = 115.4257
[[enterprises]]
id = "SRC-001"
name = "西岭石料厂"
"""
VIEWS = (
    ("photo_front", "front", "vehicle_front_and_plate"),
    ("photo_side", "side", "vehicle_side_and_axles"),
    ("photo_rear", "rear", "vehicle_rear_and_load"),
)


def now() -> dt.datetime:
    return dt.datetime.now(tz=dt.UTC)  # noqa: TID251 - the tests' own clock


def until(condition, timeout_s=10.0):
    """Wait for something that another thread or process brings about."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    return condition()


class Sender:
    """One station: numbers, chains and signs what it sends."""

    def __init__(self, house, station_id: str) -> None:
        self.house = house
        self.station_id = station_id
        self.boot_id = str(uuid.uuid4())
        self.sequence = 0
        self.previous = GENESIS
        self.files: dict[str, bytes] = {}

    def common(self) -> dict:
        return {
            "station_id": self.station_id,
            "boot_id": self.boot_id,
            "previous_hash": self.previous,
        }

    def send(self, *messages) -> None:
        """Deliver messages as the broker would."""
        batch = []
        for message, leaf in messages:
            signature = sign(message, KEYS[self.station_id])
            payload = encode(msgspec.structs.replace(message, signature=signature))
            batch.append((topic(self.station_id, leaf), payload))
        self.house.take(batch)

    def sealed(self, message) -> bytes:
        signature = sign(message, KEYS[self.station_id])
        return encode(msgspec.structs.replace(message, signature=signature))

    def count_up(self, payload: bytes) -> None:
        self.sequence += 1
        self.previous = sha256(payload)

    def note(self, content: bytes, kind: str, proves: str, camera: str, at):
        digest = sha256(content)
        self.files[digest] = content
        return EvidenceNote(
            kind=kind,
            sha256=digest,
            size_bytes=len(content),
            media_type="image/jpeg",
            recorder=f"{self.station_id}/{camera}",
            recorded_at=at,
            proves=proves,
        )

    def upload(self, *digests: str) -> list[httpx.Response]:
        """Bring files over HTTP, as the edge does."""
        return [
            httpx.put(
                f"{self.house.url}/evidence/{digest}",
                content=self.files[digest],
                headers={
                    "Content-Type": "image/jpeg",
                    "X-Luheng-Station": self.station_id,
                    "X-Luheng-Signature": sign_upload(
                        digest, self.station_id, KEYS[self.station_id]
                    ),
                },
            )
            for digest in digests
        ]

    def passage(
        self,
        vehicle,
        *,
        plate: str | None = "",
        trailer_plate: str | None = None,
        at: dt.datetime | None = None,
        photos=None,
        missing=(),
        valid=True,
        flags=(),
        assessment=None,
        seal=True,
        lane=1,
        figures=None,
    ) -> str:
        """Send a passage, and with ``seal`` its manifest and photos; return its id."""
        at = at or now() - dt.timedelta(seconds=1)
        plate = vehicle.plate.text if plate == "" else plate
        loads = tuple(float(load) for load in vehicle.axle_loads_kg)
        notes = tuple(
            self.note(content, kind, proves, camera, at)
            for content, (kind, camera, proves) in zip(
                photos or (), VIEWS, strict=False
            )
        )
        passage_id = str(uuid.uuid4())
        reading = PlateNote(
            camera="front",
            view="front",
            read_at=at,
            text=plate,
            colour="yellow" if plate else None,
            character_confidences=tuple(
                round(0.99 - 0.03 * (i * 5 % 7), 2) for i in range(len(plate or ""))
            ),
            unread_reason=None if plate else "doubtful",
        )
        trailer = (
            (
                PlateNote(
                    camera="rear",
                    view="rear",
                    read_at=at,
                    text=trailer_plate,
                    colour="yellow",
                    character_confidences=(0.93,) * len(trailer_plate),
                    unread_reason=None,
                ),
            )
            if trailer_plate
            else ()
        )
        message = PassageMessage(
            **self.common(),
            passage_id=passage_id,
            sequence=self.sequence + 1,
            passed_at=at,
            clock_error_bound_s=0.01,
            lane=lane,
            direction="forward",
            speed_mps=16.4,
            acceleration_mps2=-0.12,
            axle_loads_kg=loads,
            axle_load_uncertainties_kg=None,
            axle_spacings_m=vehicle.axle_spacings_m,
            gross_mass_kg=sum(loads),
            gross_mass_uncertainty_kg=None,
            axle_groups=vehicle.axle_groups,
            axle_configuration=vehicle.axle_configuration,
            flags=flags,
            valid=valid,
            samples_lost=0,
            plate_readings=(reading, *trailer),
            assessment=assessment,
            evidence=notes,
            wim_version="0.1.0",
            parameter_hash="ab" * 32,
        )
        message = msgspec.structs.replace(message, **(figures or {}))
        payload = self.sealed(message)
        self.house.take([(topic(self.station_id, "passage"), payload)])
        self.count_up(payload)
        if seal:
            self.seal(passage_id, payload, notes, at=at, missing=missing)
            self.upload(*(note.sha256 for note in notes))
        return passage_id

    def seal(self, subject_id, payload, notes, *, at, missing=()) -> None:
        manifest = EvidenceManifest(
            **self.common(),
            subject_id=subject_id,
            subject_hash=sha256(payload),
            sealed_at=at,
            items=tuple(notes),
            missing=tuple(missing),
            plate_readings=(),
        )
        self.house.take([(topic(self.station_id, "evidence"), self.sealed(manifest))])

    def weighing(self, gross_mass_kg: float, plate: str, *, at: dt.datetime) -> None:
        message = WeighingMessage(
            **self.common(),
            weighing_id=str(uuid.uuid4()),
            sequence=self.sequence + 1,
            weighed_at=at,
            clock_error_bound_s=0.01,
            gross_mass_kg=gross_mass_kg,
            gross_mass_uncertainty_kg=None,
            scale="gate scale",
            plate_readings=(
                PlateNote(
                    camera="gate",
                    view="gate",
                    read_at=at,
                    text=plate,
                    colour="yellow",
                    character_confidences=(0.9,) * len(plate),
                    unread_reason=None,
                ),
            ),
            evidence=(),
        )
        payload = self.sealed(message)
        self.house.take([(topic(self.station_id, "weighing"), payload)])
        self.count_up(payload)

    def status(self, *, taking=True, reason=None, online=True, depth=0) -> None:
        at = now()
        roadside = self.station_id == "DEMO-001"
        names = ("line", "front", "side", "rear") if roadside else ("scale", "gate")
        message = StatusMessage(
            station_id=self.station_id,
            role="roadside" if roadside else "source",
            online=online,
            boot_id=self.boot_id,
            sent_at=at,
            taking=taking,
            not_taking_reason=reason,
            lowest_unacknowledged_sequence=None,
            outbox_depth=depth,
            oldest_unacknowledged_at=None,
            devices=tuple(
                DeviceStatus(
                    name=name, state="ok", since=at, counters={"frames": 81_244}
                )
                for name in names
            ),
            counters={"passages": self.sequence, "acknowledged": self.sequence},
        )
        self.house.take([(topic(self.station_id, "status"), encode(message))])


class House:
    """The server on a real database, and two stations."""

    def __init__(self, url: str, database_url: str, centre: Centre) -> None:
        self.url = url
        self.database_url = database_url
        self.centre = centre
        self.roadside = Sender(self, "DEMO-001")
        self.source = Sender(self, "SRC-001")
        self.passwords: dict[str, str] = {}
        self._clients: list[httpx.Client] = []
        self._worker = ThreadPoolExecutor(1)

    now = staticmethod(now)

    @staticmethod
    def minutes(number: float) -> dt.timedelta:
        return dt.timedelta(minutes=number)

    def close(self) -> None:
        self._worker.shutdown()
        for client in self._clients:
            client.close()

    def run(self, work):
        """Run ``async work(pool)`` on a pool of this thread's own."""

        async def with_pool():
            pool = make_pool(self.database_url, max_size=2)
            await pool.open()
            try:
                return await work(pool)
            finally:
                await pool.close()

        # a thread of its own: Playwright keeps a loop in this one
        return self._worker.submit(asyncio.run, with_pool()).result()

    def take(self, batch):
        """Store messages as an ingest worker does."""

        async def work(pool):
            centre = self.centre
            intake = Intake(pool, centre.registry, centre.rules, clock=now)
            return await intake.take(batch)

        return self.run(work)

    def account(self, name: str, *roles: str, simulated: bool = False) -> str:
        """Make an account (once); return its password."""
        if name not in self.passwords:

            async def work(pool):
                return await accounts.make_or_reset(
                    pool, name, roles, simulated=simulated, now=now()
                )

            self.passwords[name] = self.run(work).password
        return self.passwords[name]

    def client(self, name: str | None = None, *roles: str, **header: str):
        """Return an HTTP client, signed in when a name is given."""
        client = httpx.Client(base_url=self.url, headers=header, timeout=20.0)
        self._clients.append(client)
        client.get("/login")
        client.headers["x-csrf-token"] = client.cookies["csrftoken"]
        if name:
            password = self.account(name, *(roles or ("reviewer",)))
            answer = client.post("/login", json={"name": name, "password": password})
            assert answer.status_code == 200, answer.text
        return client

    def record_of(self, client, passage_id: str) -> int:
        for record in client.get("/api/records", params={"limit": 500}).json():
            if record["passage"]["passage_id"] == passage_id:
                return int(record["record_id"])
        message = f"no record of {passage_id}"
        raise AssertionError(message)


@contextlib.contextmanager
def opened_house(folder: Path):
    """Start everything in a folder; stop it at the end."""
    folder.chmod(0o755)  # the database runs under an account of its own
    config_file = folder / "server.toml"
    config_file.write_text(
        CONFIG.format(
            limits=REPOSITORY / "configs" / "limits",
            roadside=public_key(KEYS["DEMO-001"]),
            source=public_key(KEYS["SRC-001"]),
        ),
        encoding="utf-8",
    )
    with EmbeddedPostgres(folder / "postgres") as database:
        asyncio.run(apply_migrations(database.url))
        centre = Centre.build(load_config(config_file), database.url)
        port = free_port("127.0.0.1", 18_090)
        server = uvicorn.Server(
            uvicorn.Config(
                make_app(centre, csrf_secret="s" * 32, workers=()),
                host="127.0.0.1",
                port=port,
                log_config=None,
                timeout_graceful_shutdown=1,
            )
        )
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            assert until(lambda: server.started or not thread.is_alive())
            assert server.started, "the server did not start"
            house = House(f"http://127.0.0.1:{port}", database.url, centre)
            with contextlib.closing(house):
                yield house
        finally:
            server.should_exit = True
            thread.join(10.0)


@pytest.fixture(scope="session")
def house():
    # pytest closes its own folders to other accounts whenever another run begins
    folder = Path(tempfile.mkdtemp(prefix="luheng-web-"))
    with opened_house(folder) as opened:
        yield opened
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def rng():
    return np.random.default_rng(20_260_101)


class Painter:
    """The three photos of a vehicle, as the station's cameras see it."""

    def __init__(self) -> None:
        self._scenes = {
            view: Scene(view, view, places=2, seed=1)
            for view in ("front", "side", "rear")
        }

    def photos(self, vehicle, label: str = "DEMO-001") -> list[bytes]:
        return [
            scene.jpeg([Sighting(vehicle=vehicle, place=0, beyond_m=0.0)], label)
            for scene in self._scenes.values()
        ]


@pytest.fixture(scope="session")
def behind():
    """Return figures behind a vehicle's mass: uncertainties, class, evidence."""

    def behind(vehicle):
        return {
            "axle_load_uncertainties_kg": tuple(
                round(0.03 * float(load), 1) for load in vehicle.axle_loads_kg
            ),
            "gross_mass_uncertainty_kg": 1_834.0,
            "vehicle_class": "articulated",
            "vehicle_class_probability": 0.973,
            "flags": ("braking",),
            "findings": (
                FindingNote(
                    flag="braking",
                    figure="acceleration_mps2",
                    value=0.824,
                    threshold=0.5,
                    strips=(0, 1, 12),
                ),
                FindingNote(
                    flag="braking", figure="a_new_figure", value=None, threshold=1.5
                ),
            ),
        }

    return behind


@pytest.fixture(scope="session")
def painter():
    return Painter()


@pytest.fixture
def heavy(rng):
    """A six-axle articulated truck of 120 t."""
    return heavy_vehicle(rng)


@pytest.fixture
def truck(rng):
    """Any overloaded truck."""
    return draw_vehicle(rng, 1.0, 0.0)


@pytest.fixture
def lawful(rng):
    return draw_vehicle(rng, 0.0, 0.0)
