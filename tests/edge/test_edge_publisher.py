import logging
import os

import msgspec
import pytest
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from edge.clock import Clock
from edge.config import MqttConfig, UploadConfig
from edge.evidence import EvidenceFolder, photograph
from edge.outbox import Outbox
from edge.publisher import Publisher
from edge.uploader import Uploader
from wim.seal import sha256

STATION = "TEST-001"


now = Clock().now


@pytest.fixture
def outbox(tmp_path):
    outbox = Outbox(tmp_path / "outbox.sqlite3", station_id=STATION, now=now)
    yield outbox
    outbox.close()


@pytest.fixture
def publish(broker, centre, outbox, clock):
    """Start a publisher against the broker; several may follow each other."""
    started = []

    def publish(**options):
        options = {"ack_timeout_s": 1.0, "window": 16} | options
        publisher = Publisher(
            MqttConfig(url=broker.url, **options),
            station_id=STATION,
            server_key=centre.public_key,
            outbox=outbox,
            clock=clock,
            last_will=b'{"online":false}',
            on_receipt=lambda: None,
        )
        started.append(publisher)
        publisher.start()
        return publisher

    yield publish
    for publisher in started:
        publisher.stop(b'{"online":"stopped"}')


def accept(outbox, number, *, items=()):
    def build(link):
        return msgspec.json.encode({"sequence": link.sequence, "number": number})

    return outbox.accept(
        "passage", build, subject_id=f"subject-{number}", items=items, wanted=()
    )


def depth(outbox):
    return outbox.backlog().depth


def test_what_is_accepted_is_delivered_at_once_and_forgotten_on_the_receipt(
    publish, outbox, centre, eventually
):
    publisher = publish()
    assert eventually(lambda: publisher.connected)
    accept(outbox, 1)
    publisher.wake()
    assert eventually(lambda: depth(outbox) == 0, 2.0)
    assert [message["sequence"] for message in centre.of("passage")] == [1]
    assert publisher.counters["receipted"] == 1


def test_a_broker_that_dies_and_comes_back_costs_nothing(
    publish, broker, outbox, centre, eventually
):
    publisher = publish()
    assert eventually(lambda: publisher.connected)
    for number in range(1, 61):
        accept(outbox, number)
        publisher.wake()
        if number == 20:
            assert eventually(lambda: len(centre.stored) > 5)
            broker.kill()  # with everything it held
        if number == 40:
            assert eventually(lambda: not publisher.connected)
    assert depth(outbox) >= 20
    broker.start()
    assert eventually(lambda: depth(outbox) == 0, 20.0)
    # what died inside the broker is sent again, after what was sent meanwhile
    taken = [message["sequence"] for message in centre.of("passage")]
    assert sorted(taken) == list(range(1, 61))


def test_rows_without_a_receipt_are_sent_again_until_there_is_one(
    publish, outbox, centre, eventually
):
    centre.receipting = False
    publisher = publish(ack_timeout_s=0.5)
    for number in range(3):
        accept(outbox, number)
    publisher.wake()
    assert eventually(lambda: publisher.counters["republished"] >= 3)
    assert depth(outbox) == 3, "a PUBACK of the broker is no receipt"
    centre.receipting = True
    assert eventually(lambda: depth(outbox) == 0)
    assert len(centre.of("passage")) == 3


def test_forged_receipts_and_receipts_for_other_bytes_change_nothing(
    publish, outbox, centre, eventually
):
    centre.receipting = False
    publisher = publish(ack_timeout_s=30.0)
    digest = accept(outbox, 1).payload_sha256
    publisher.wake()
    assert eventually(lambda: centre.stored)
    forged = [
        centre.receipt(digest, key=os.urandom(32)),
        centre.receipt(digest, station="TEST-002"),
        centre.receipt(digest).replace(b"stored", b"duplicate"),
        b"{}",
        b"\xff\x00 no JSON",
        b'{"payload_sha256": "' + digest.encode() + b'"}',
    ]
    for payload in forged:
        centre.send(STATION, payload)
    centre.send(STATION, centre.receipt("f" * 64))
    assert eventually(lambda: publisher.counters["receipts_unknown"] == 1)
    assert publisher.counters["receipts_refused"] == len(forged)
    assert depth(outbox) == 1
    centre.send(STATION, centre.receipt(digest))
    assert eventually(lambda: depth(outbox) == 0)


def test_a_quarantined_message_blocks_no_other(publish, outbox, centre, eventually):
    centre.outcome = "quarantined"
    publisher = publish()
    accept(outbox, 1)
    publisher.wake()
    assert eventually(lambda: publisher.counters["quarantined"] == 1)
    centre.outcome = "stored"
    accept(outbox, 2)
    publisher.wake()
    assert eventually(lambda: depth(outbox) == 0)
    assert [message["number"] for message in centre.of("passage")] == [2]
    assert outbox.backlog().quarantined == 1


def test_the_last_will_tells_of_a_death_and_a_stop_is_told_in_order(
    publish, broker, centre, eventually
):
    seen = []
    watcher = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    watcher.on_message = lambda _c, _u, message: seen.append(message.payload)
    watcher.connect("127.0.0.1", broker.port)
    watcher.subscribe(f"luheng/v1/{STATION}/status", qos=1)
    watcher.loop_start()
    publisher = publish()
    publisher.say(b'{"online":true}')
    assert eventually(lambda: b'{"online":true}' in seen)
    publisher._client.socket().shutdown(2)  # as when the cable is cut
    assert eventually(lambda: b'{"online":false}' in seen)
    assert eventually(lambda: publisher.counters["connections"] == 2)
    publisher.stop(b'{"online":"stopped"}')
    assert eventually(lambda: b'{"online":"stopped"}' in seen)
    watcher.disconnect()
    watcher.loop_stop()


def test_a_client_whose_thread_died_is_made_anew(publish, outbox, eventually):
    publisher = publish()
    assert eventually(lambda: publisher.connected)
    publisher._client.disconnect()  # ends the library's loop, as its bugs do
    assert eventually(lambda: publisher.counters["clients_renewed"] == 1)
    accept(outbox, 1)
    publisher.wake()
    assert eventually(lambda: depth(outbox) == 0)


@pytest.fixture
def upload(evidence_server, outbox, tmp_path, station_key, clock):
    logging.getLogger("httpx").setLevel(logging.WARNING)
    uploader = Uploader(
        UploadConfig(url=evidence_server.url + "/"),
        station_id=STATION,
        private_key=station_key,
        outbox=outbox,
        folder=EvidenceFolder(tmp_path / "evidence"),
        clock=clock,
    )
    yield uploader
    uploader.stop()


def announce(outbox, uploader, *contents):
    for number, content in enumerate(contents):
        item = photograph(content, "front", recorder="front", recorded_at=now())
        uploader._folder.keep(item)
        taken = accept(outbox, number, items=(item.note,))
        outbox.receipted([taken.payload_sha256])


def test_files_are_sent_signed_under_their_hash(
    upload, evidence_server, outbox, eventually
):
    announce(outbox, upload, b"one", b"two")
    upload.start()
    assert eventually(lambda: not outbox.files(9))
    assert sorted(evidence_server.files.values()) == [b"one", b"two"]
    assert upload.counters["uploaded"] == 2


def test_a_refused_file_is_set_aside_and_a_postponed_one_is_sent_again(
    upload, evidence_server, outbox, eventually
):
    evidence_server.answers = [422, 409, 507]
    announce(outbox, upload, b"refused", b"early", b"full")
    upload.start()
    assert eventually(lambda: not outbox.files(9))
    assert sorted(evidence_server.files.values()) == [b"early", b"full"]
    assert upload.counters["uploads_refused"] == 1
    assert outbox.names_file(sha256(b"refused")), "its bytes are kept"


def test_a_file_damaged_on_our_own_disk_is_never_sent(
    upload, evidence_server, outbox, eventually
):
    announce(outbox, upload, b"original", b"other")
    upload._folder.path(sha256(b"original")).write_bytes(b"damaged!")
    upload.start()
    assert eventually(lambda: not outbox.files(9))
    assert list(evidence_server.files.values()) == [b"other"]
    assert upload.counters["uploads_refused"] == 1


def test_a_centre_that_does_not_answer_is_tried_again(
    upload, evidence_server, outbox, eventually
):
    announce(outbox, upload, b"one")
    url, upload._url = upload._url, "http://127.0.0.1:9"
    upload.start()
    assert eventually(lambda: upload.counters["upload_connection_failures"])
    upload._url = url
    assert eventually(lambda: not outbox.files(9))
    assert evidence_server.files == {sha256(b"one"): b"one"}
