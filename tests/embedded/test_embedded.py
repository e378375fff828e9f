"""The embedded database and broker: start, crash, restart, orphans, no root."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import psycopg
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from server.embedded import broker as broker_module
from server.embedded.broker import EmbeddedBroker
from server.embedded.child import SupervisedChild
from server.embedded.ports import accepts, free_port
from server.embedded.postgres import EmbeddedPostgres
from server.errors import EmbeddedError
from server.ingest.worker import SHARED


@pytest.fixture
def folder() -> Iterator[Path]:
    """A data folder that a service account may enter."""
    with tempfile.TemporaryDirectory(prefix="luheng-test-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder) / "data"


def uid_of(pid: int) -> int:
    return Path(f"/proc/{pid}").stat().st_uid


def wait_until(check, timeout_s: float = 60.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not check():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def serves(url: str) -> bool:
    try:
        with psycopg.connect(url, connect_timeout=2) as connection:
            return connection.execute("SELECT 1").fetchone() == (1,)
    except psycopg.OperationalError:
        return False


def test_a_cluster_is_made_once_and_finds_its_rows_again(folder):
    with EmbeddedPostgres(folder) as postgres:
        with psycopg.connect(postgres.url) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 7 AS figure")
            [setting] = connection.execute("SHOW track_commit_timestamp").fetchone()
        assert setting == "on"
        pid = postgres._child.pid
        assert uid_of(pid) != 0
        assert (folder / "postgres.password").stat().st_mode & 0o777 == 0o600
    assert not Path(f"/proc/{pid}").exists()
    with (
        EmbeddedPostgres(folder) as postgres,
        psycopg.connect(postgres.url) as connection,
    ):
        assert connection.execute("SELECT figure FROM kept").fetchone() == (7,)


def test_a_killed_database_comes_back_by_itself_with_committed_rows(folder):
    with EmbeddedPostgres(folder) as postgres:
        with psycopg.connect(postgres.url) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 7 AS figure")
        killed = postgres._child.pid
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: postgres._child.pid not in (None, killed))
        wait_until(lambda: serves(postgres.url))
        assert postgres._child.restarts >= 1


def test_a_killed_broker_comes_back_by_itself_on_its_port(folder):
    with EmbeddedBroker(folder, wanted_port=free_port("127.0.0.1", 25000)) as broker:
        killed = broker._child.pid
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: broker._child.pid not in (None, killed), 10.0)
        port = int(broker.url.rpartition(":")[2])
        wait_until(lambda: accepts("127.0.0.1", port), 10.0)
        assert broker._child.restarts == 1


def test_a_broker_keeps_the_port_that_the_stations_know(folder, tmp_path):
    wanted = free_port("127.0.0.1", 25100)
    with (
        socket.create_server(("127.0.0.1", wanted)),
        EmbeddedBroker(folder, wanted_port=wanted) as broker,
    ):
        known = broker.url
    assert known != f"mqtt://127.0.0.1:{wanted}"
    with EmbeddedBroker(folder, wanted_port=wanted) as broker:
        assert broker.url == known
    with EmbeddedBroker(tmp_path, wanted_port=wanted) as broker:
        assert broker.url == f"mqtt://127.0.0.1:{wanted}"
    # the last one of a killed server is still about to end
    ending = socket.create_server(("127.0.0.1", int(known.rpartition(":")[2])))
    threading.Timer(0.5, ending.close).start()
    with EmbeddedBroker(folder, wanted_port=wanted) as broker:
        assert broker.url == known


def test_a_second_server_on_the_same_folder_is_refused_in_one_line(folder):
    with EmbeddedPostgres(folder), pytest.raises(EmbeddedError) as refused:
        EmbeddedPostgres(folder).start()
    assert "in use by another server" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_killed_parent_takes_database_and_broker_along(folder):
    code = (
        "import sys, time; from pathlib import Path\n"
        "from server.embedded.broker import EmbeddedBroker\n"
        "from server.embedded.postgres import EmbeddedPostgres\n"
        "p = EmbeddedPostgres(Path(sys.argv[1])); p.start()\n"
        "b = EmbeddedBroker(Path(sys.argv[1]), wanted_port=19983); b.start()\n"
        "print(p._child.pid, b._child.pid, flush=True); time.sleep(60)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code, str(folder)],
        stdout=subprocess.PIPE,
        text=True,
    )
    with parent, parent.stdout as said:
        pids = next(line.split() for line in said if line[:1].isdigit())
        sockets = Path((folder / "postgres.sockets").read_text())
        assert sockets.is_dir()
        parent.kill()
    for pid in pids:
        wait_until(lambda pid=pid: not Path(f"/proc/{pid}/exe").exists())
    with EmbeddedPostgres(folder) as postgres:
        assert serves(postgres.url)
        assert not sockets.exists()


def test_an_orphan_of_this_folder_is_ended_before_the_start(folder):
    with EmbeddedPostgres(folder) as postgres:
        programs = Path(f"/proc/{postgres._child.pid}/exe").readlink().parent
        account = postgres._account
    cluster = (folder / "postgres").resolve()
    uid, gid = account or (None, None)
    sockets = Path(tempfile.mkdtemp(prefix="luheng-test-"))
    sockets.chmod(0o777)
    orphan = subprocess.Popen(
        [programs / "postgres", "-D", cluster, "-h", "", "-k", sockets],
        cwd=cluster,
        user=uid,
        group=gid,
        extra_groups=[] if account else None,
        stderr=subprocess.DEVNULL,
    )
    with orphan:
        wait_until((cluster / "postmaster.pid").exists)
        with EmbeddedPostgres(folder) as postgres:
            assert serves(postgres.url)
        assert orphan.wait(10) is not None
    shutil.rmtree(sockets)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make what root alone sees")
def test_a_data_folder_that_only_root_can_enter_works_and_stays_closed(tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    closed.parent.chmod(0o700)
    postgres = EmbeddedPostgres(closed / "data")
    try:
        with postgres:
            assert serves(postgres.url)
        assert closed.stat().st_mode & 0o777 == 0o700
        with postgres:
            assert serves(postgres.url)
    finally:
        link = closed / "data" / "postgres"
        assert link.is_symlink()
        subprocess.run(["rm", "-r", link.resolve().parent], check=True)


def test_a_data_folder_may_have_spaces_and_chinese_in_its_name(folder):
    with EmbeddedPostgres(folder.parent / "路 衡 data") as postgres:
        assert serves(postgres.url)


def test_a_child_that_cannot_start_says_its_last_words(tmp_path):
    child = SupervisedChild(
        "broken",
        [sys.executable, "-c", "raise SystemExit('no such port')"],
        ready=lambda: False,
        log_file=tmp_path / "log",
        folder=tmp_path,
    )
    with pytest.raises(EmbeddedError, match="no such port"):
        child.start(10)


def test_a_busy_port_gives_the_next_free_one():
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        taken = busy.getsockname()[1]
        assert free_port("127.0.0.1", taken) > taken


@pytest.mark.parametrize("kind", ["mosquitto", "iotcore"])
def test_either_broker_speaks_mqtt_5_and_shares_subscriptions(
    folder, kind, monkeypatch
):
    if kind == "iotcore":
        monkeypatch.setattr(broker_module, "_mosquitto", lambda: None)
    elif not broker_module._mosquitto():
        pytest.skip("mosquitto is not installed here")
    with EmbeddedBroker(folder, wanted_port=19883) as broker:
        assert broker.kind == kind
        port = int(broker.url.rsplit(":", 1)[1])
        got: list[bytes] = []
        clients = []
        for name in ("a", "b"):
            client = mqtt.Client(
                CallbackAPIVersion.VERSION2, client_id=name, protocol=mqtt.MQTTv5
            )
            client.on_message = lambda _c, _u, message: got.append(message.payload)
            client.connect("127.0.0.1", port)
            client.subscribe("$share/g/luheng/v1/+/passage", qos=1)
            client.loop_start()
            clients.append(client)
        wait_until(lambda: all(c.is_connected() for c in clients))
        time.sleep(0.3)
        sender = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        sender.connect("127.0.0.1", port)
        sender.loop_start()
        for i in range(20):
            sender.publish("luheng/v1/X-1/passage", str(i), qos=1).wait_for_publish(5)
        wait_until(lambda: len(got) >= 20, 10)
        time.sleep(0.2)
        assert sorted(got, key=int) == [str(i).encode() for i in range(20)]
        for client in [sender, *clients]:
            client.disconnect()
            client.loop_stop()


@pytest.mark.parametrize("kind", ["mosquitto", "iotcore"])
def test_either_broker_brings_one_worker_the_messages_of_all_its_topics(
    folder, kind, monkeypatch
):
    if kind == "iotcore":
        monkeypatch.setattr(broker_module, "_mosquitto", lambda: None)
    elif not broker_module._mosquitto():
        pytest.skip("mosquitto is not installed here")
    with EmbeddedBroker(folder, wanted_port=19883) as broker:
        port = int(broker.url.rsplit(":", 1)[1])
        got: list[str] = []
        clients = []
        for name in ("worker", "station"):
            client = mqtt.Client(
                CallbackAPIVersion.VERSION2, client_id=name, protocol=mqtt.MQTTv5
            )
            client.on_message = lambda _c, _u, message: got.append(message.topic)
            client.connect("127.0.0.1", port)
            client.loop_start()
            clients.append(client)
        worker, station = clients
        worker.subscribe([(topic, 1) for topic in SHARED])
        time.sleep(0.5)
        topics = [shared.split("/", 2)[2].replace("+", "X-1") for shared in SHARED]
        for _ in range(10):
            for topic in topics:
                station.publish(topic, b"x", qos=1).wait_for_publish(5)
        wait_until(lambda: len(got) >= 10 * len(topics), 10)
        assert {topic: got.count(topic) for topic in topics} == dict.fromkeys(
            topics, 10
        )
        for client in clients:
            client.disconnect()
            client.loop_stop()
