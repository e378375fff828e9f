"""The worker between a real broker and a real database, when both come and go."""

import asyncio
import json
import shutil
import time

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from server import clock
from server.db.migrate import apply_migrations
from server.db.pool import make_pool
from server.embedded.broker import EmbeddedBroker
from server.embedded.ports import free_port
from server.embedded.postgres import EmbeddedPostgres
from server.enterprises import service as enterprises
from server.enterprises.model import Enterprise
from server.ingest.intake import Intake
from server.ingest.link import Delivery, parse_address
from server.ingest.worker import Worker
from server.stations import service as stations
from wim.messages import AckMessage, decode
from wim.seal import check_signature, public_key, sha256

pytestmark = pytest.mark.anyio

CENTRE = b"\x0c" * 32
PATIENCE_S = 30.0


@pytest.fixture
def broker(tmp_path):
    with EmbeddedBroker(
        tmp_path / "broker", wanted_port=free_port("127.0.0.1", 21883)
    ) as b:
        yield b


class Edge:
    """A publisher like an edge daemon, that keeps every receipt."""

    def __init__(self, url):
        self.address = parse_address(url)
        self.receipts = []
        self.client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id="edge", protocol=mqtt.MQTTv5
        )
        self.client.on_message = self._on_message
        self.client.on_connect = lambda c, *_: c.subscribe("luheng/v1/+/ack", 1)

    def __enter__(self):
        properties = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = 3600
        self.client.connect(
            self.address.host,
            self.address.port,
            clean_start=False,
            properties=properties,
        )
        self.client.loop_start()
        return self

    def __exit__(self, *_):
        self.client.disconnect()
        self.client.loop_stop()

    def _on_message(self, _client, _userdata, message):
        check_signature(message.payload, public_key(CENTRE))
        receipt = decode(message.payload, AckMessage)
        assert message.topic == f"luheng/v1/{receipt.station_id}/ack"
        self.receipts.append(receipt)

    def send(self, *messages):
        for topic, payload in messages:
            self.client.publish(topic, payload, qos=1)

    async def acked(self, *messages):
        """Wait until every one of these payloads has its receipt."""
        wanted = {sha256(payload) for _, payload in messages}
        deadline = time.monotonic() + PATIENCE_S
        while wanted - {r.payload_sha256 for r in self.receipts}:
            assert time.monotonic() < deadline, "receipts are missing"
            await asyncio.sleep(0.01)


class Running:
    """Workers that run beside the test, and end with it."""

    def __init__(self, pool, registry, rules, url):
        intake = Intake(pool, registry, rules, clock=clock.now)
        self.worker = Worker(
            parse_address(url),
            client_id="luheng-test-1",
            intake=intake,
            private_key=CENTRE,
            clock=clock.now,
        )

    async def __aenter__(self):
        self.task = asyncio.create_task(self.worker.run())
        await asyncio.wait_for(self.worker.wait_until_subscribed(), 10)
        return self

    async def __aexit__(self, *_):
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


@pytest.fixture
def present(sender):
    return lambda station_id="DEMO-001": sender(station_id, now=clock.now())


async def count(pool, table):
    async with pool.connection() as connection:
        cursor = await connection.execute(f"SELECT count(*) AS n FROM {table}")
        return (await cursor.fetchone())["n"]


async def test_a_receipt_is_signed_and_comes_after_the_commit(
    pool, published, registry, rules, broker, present
):
    demo, source = present(), present("SRC-001")
    sent = demo.passage()
    subject = json.loads(sent[1])["passage_id"]
    manifest = demo.manifest(subject, sent[1], demo.note())
    weighing = source.weighing()
    bad = ("luheng/v1/DEMO-001/passage", b"{}")
    async with Running(pool, registry, rules, broker.url):
        with Edge(broker.url) as edge:
            edge.send(sent, manifest, weighing, bad)
            await edge.acked(sent, manifest, weighing, bad)
            assert await count(pool, "passages") == 1
            edge.send(sent)
            deadline = time.monotonic() + 10
            while len(edge.receipts) < 5:
                assert time.monotonic() < deadline, "the second receipt is missing"
                await asyncio.sleep(0.01)
    got = {(r.payload_sha256, r.outcome) for r in edge.receipts}
    assert got == {
        (sha256(sent[1]), "stored"),
        (sha256(sent[1]), "duplicate"),
        (sha256(manifest[1]), "stored"),
        (sha256(weighing[1]), "stored"),
        (sha256(bad[1]), "quarantined"),
    }
    refused = next(r for r in edge.receipts if r.outcome == "quarantined")
    assert refused.station_id == "DEMO-001"
    assert refused.reason.startswith("schema:")


async def test_a_retained_status_reaches_a_worker_that_starts_later(
    pool, published, registry, rules, broker, present
):
    demo = present()
    with Edge(broker.url) as edge:
        topic, payload = demo.status()
        edge.client.publish(topic, payload, qos=1, retain=True).wait_for_publish(5)
    async with Running(pool, registry, rules, broker.url):
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            shown = {s.station_id: s for s in await stations.all_stations(pool)}
            if shown["DEMO-001"].online:
                return
            await asyncio.sleep(0.05)
    pytest.fail("the retained status did not arrive")


async def test_what_came_while_no_worker_ran_is_stored_when_one_runs(
    pool, published, registry, rules, broker, present
):
    demo = present()
    async with Running(pool, registry, rules, broker.url):
        pass  # the broker knows the session from now on
    sent = [demo.passage() for _ in range(20)]
    with Edge(broker.url) as edge:
        edge.send(*sent)
        async with Running(pool, registry, rules, broker.url):
            await edge.acked(*sent)
    assert await count(pool, "passages") == 20


async def test_a_worker_comes_back_when_the_broker_does(
    pool, published, registry, rules, tmp_path, present
):
    demo = present()
    port = free_port("127.0.0.1", 22883)
    folder = tmp_path / "broker"
    with EmbeddedBroker(folder, wanted_port=port) as first:
        url = first.url
        running = Running(pool, registry, rules, url)
        async with running:
            with Edge(url) as edge:
                one = demo.passage()
                edge.send(one)
                await edge.acked(one)
            first.stop()
            await asyncio.sleep(0.3)
            assert not running.worker.connected
            with EmbeddedBroker(folder, wanted_port=port) as second:
                assert second.url == url
                await asyncio.wait_for(running.worker.wait_until_subscribed(), 15)
                with Edge(url) as edge:
                    two = demo.passage()
                    edge.send(two)
                    await edge.acked(two)
    assert await count(pool, "passages") == 2


async def test_a_database_that_stops_under_load_loses_nothing(
    registry, rules, broker, present, tmp_path, data_folder
):
    demo = present()
    folder = data_folder
    sent = [demo.passage() for _ in range(120)]
    database = EmbeddedPostgres(folder)
    first_url = database.start()
    try:
        await apply_migrations(first_url)
        # the socket folder changes with every start; a link keeps the address
        link = tmp_path / "s"
        link.symlink_to(_socket_folder(first_url))
        url = first_url.replace(_quoted(first_url), str(link).replace("/", "%2F"))
        async with make_pool(url, max_size=4) as pool:
            await stations.publish_registry(pool, registry, now=clock.now())
            await enterprises.publish_enterprises(
                pool,
                [Enterprise(enterprise_id="SRC-001", name="石料厂")],
                now=clock.now(),
            )
            async with Running(pool, registry, rules, broker.url):
                with Edge(broker.url) as edge:
                    edge.send(*sent[:40])
                    await asyncio.sleep(0.05)
                    await asyncio.to_thread(database.stop)
                    before = len(edge.receipts)
                    edge.send(*sent[40:80])
                    await asyncio.sleep(0.5)
                    assert len(edge.receipts) == before  # nothing is said meanwhile
                    database = EmbeddedPostgres(folder)
                    again = await asyncio.to_thread(database.start)
                    link.unlink()
                    link.symlink_to(_socket_folder(again))
                    edge.send(*sent[80:])
                    await edge.acked(*sent)
                    assert await count(pool, "passages") == 120
                    assert await count(pool, "quarantine") == 0
    finally:
        await asyncio.to_thread(database.stop)
    assert all(r.outcome in {"stored", "duplicate"} for r in edge.receipts)


def _quoted(url):
    return url.partition("host=")[2]


def _socket_folder(url):
    return _quoted(url).replace("%2F", "/")


async def test_two_workers_share_the_messages_and_store_each_once(
    pool, published, registry, rules, broker, present
):
    demo = present()
    sent = [demo.passage() for _ in range(60)]
    one, two = (Running(pool, registry, rules, broker.url) for _ in range(2))
    two.worker._link._client._client_id = b"luheng-test-2"
    async with one, two:
        with Edge(broker.url) as edge:
            edge.send(*sent, *sent)
            await edge.acked(*sent)
    assert await count(pool, "passages") == 60


async def test_a_message_that_runs_into_a_fault_of_ours_holds_up_no_other(
    pool, published, registry, rules, broker, present, monkeypatch
):
    demo = present()
    sent = [demo.passage() for _ in range(20)]
    poison = sent[7]
    take = Intake.take

    async def faulty(self, messages):
        if poison[1] in [payload for _, payload in messages]:
            raise RuntimeError
        return await take(self, messages)

    monkeypatch.setattr(Intake, "take", faulty)
    async with Running(pool, registry, rules, broker.url):
        with Edge(broker.url) as edge:
            edge.send(*sent)
            await edge.acked(*(one for one in sent if one is not poison))
            assert len(edge.receipts) == 19
            monkeypatch.setattr(Intake, "take", take)
            edge.send(poison)  # without a receipt a station sends again
            await edge.acked(poison)
    assert await count(pool, "passages") == 20


async def test_what_waits_from_an_earlier_session_is_not_kept_twice(
    registry, rules, pool
):
    worker = Running(pool, registry, rules, "mqtt://127.0.0.1:1").worker
    for session in (1, 1, 1, 2, 2):
        worker._receive(Delivery("topic", b"", 1, 1, session))
    assert worker._waiting.qsize() == 2


def test_mosquitto_is_what_these_tests_ran_against(broker):
    if shutil.which("mosquitto", path="/usr/sbin:/usr/bin"):
        assert broker.kind == "mosquitto"
    else:
        pytest.skip("mosquitto is not installed, the tests ran against iotcore")
