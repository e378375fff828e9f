"""The daemon as a process, from a line and a camera to the centre and back."""

import datetime as dt
import json
import signal
import socket
import subprocess
import sys
import threading
import time
import tomllib
from pathlib import Path

import numpy as np
import pytest
import tomli_w

from edge.config import load_config
from edge.parameters import load_calibration
from simulators.__main__ import main as simulate
from wim.calibration import Calibration, ChannelFactor, ParameterSet, sealed
from wim.cli.__main__ import main as wim_command
from wim.cli.parameter_sets import write_parameter_set
from wim.messages import (
    EvidenceManifest,
    StatusMessage,
    WeighingMessage,
    decode,
    encode,
)
from wim.passage import Parameters, parameter_hash
from wim.protocols import strip, xk3190
from wim.seal import GENESIS, canonical, check_signature, public_key, sha256

INTERRUPTED = """
import os, signal, sys, threading, time

class Held(threading.Event):
    def wait(self, timeout=None):
        if threading.current_thread() is threading.main_thread():
            with self._cond:  # as it is for an instant in every wait
                os.kill(os.getpid(), signal.SIGTERM)
                time.sleep(0.01)
        return super().wait(timeout)

threading.Event = Held
from edge.__main__ import main
sys.exit(main())
"""


class Daemon:
    """One ``luheng-edge`` as its own process."""

    def __init__(self, config):
        self.events = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "edge", str(config), "--json"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.log = []
        self._threads = [
            threading.Thread(target=self._read, args=(stream, into))
            for stream, into in (
                (self.process.stdout, self.events),
                (self.process.stderr, self.log),
            )
        ]
        for thread in self._threads:
            thread.start()

    def _read(self, stream, into):
        for line in stream:
            into.append(json.loads(line) if line.startswith("{") else line)

    def has(self, event):
        return any(each.get("event") == event for each in self.events)

    def children(self):
        listed = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(self.process.pid)],
            capture_output=True,
            text=True,
            check=False,
        )
        return [int(word) for word in listed.stdout.split()]

    def stop(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(15)
        for thread in self._threads:
            thread.join()
        self.process.stdout.close()
        self.process.stderr.close()
        return code


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """One compiler cache for all daemons of this file."""
    return tmp_path_factory.mktemp("numba")


@pytest.fixture
def notified(tmp_path):
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(path))
        receiver.setblocking(False)
        words = []

        def heard(word):
            try:
                while True:
                    words.append(receiver.recv(4096).decode())
            except BlockingIOError:
                return word in words

        yield path, heard


@pytest.fixture
def start(
    tmp_path, repository, broker, centre, evidence_server, mjpeg, pty_line,
    notified, station_key, compiled, monkeypatch,
):  # fmt: skip
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(compiled))
    monkeypatch.setenv("NOTIFY_SOCKET", str(notified[0]))
    monkeypatch.setenv("PYTHONPATH", str(repository))
    daemons = []

    def start(**tables):
        table = tomllib.loads(
            (repository / "configs/edge/source.toml").read_text(encoding="utf-8")
        )
        (tmp_path / "station.key").write_text(station_key.hex())
        table["station"] |= {"id": "TEST-001", "data_dir": "data"}
        table["line"] |= {"device": str(pty_line.link), "silent_after_s": 1.0}
        table["scale"]["stable_for_s"] = 0.5
        table["cameras"][0]["url"] = mjpeg.url
        table["mqtt"] = {"url": broker.url, "heartbeat_s": 1.0, "ack_timeout_s": 1.0}
        table["upload"]["url"] = evidence_server.url
        table["keys"] = {
            "private_key": "station.key",
            "server_public_key": centre.public_key,
        }
        for name, values in tables.items():
            table[name] |= values
        config = tmp_path / "station.toml"
        config.write_text(tomli_w.dumps(table), encoding="utf-8")
        daemon = Daemon(config)
        daemons.append(daemon)
        return daemon

    yield start
    for daemon in daemons:
        daemon.stop(signal.SIGKILL)


@pytest.fixture
def start_roadside(
    tmp_path, repository, broker, centre, evidence_server, pty_line, station_key,
    monkeypatch,
):  # fmt: skip
    """Start a roadside station with a parameter set and without cameras."""
    # the kernels that the tests of the estimators have compiled already
    monkeypatch.setenv("NUMBA_CACHE_DIR", "")
    monkeypatch.setenv("PYTHONPATH", str(repository))
    daemons = []

    def start_roadside():
        table = tomllib.loads(
            (repository / "configs/edge/station.toml").read_text(encoding="utf-8")
        )
        site = (repository / "configs/stations/demo-site.toml").read_text("utf-8")
        site = site.replace("DEMO-001", "TEST-001")
        (tmp_path / "site.toml").write_text(site, encoding="utf-8")
        (tmp_path / "station.key").write_text(station_key.hex())
        factors = Calibration(
            strips=(ChannelFactor(channel=0, factor=1.004, uncertainty=0.003),)
        )
        own = ParameterSet(
            id="test",
            version=1,
            station="TEST-001",
            made_at=dt.datetime(2026, 11, 1, tzinfo=dt.UTC),
            made_by="test",
            basis="one strip",
            calibration=factors,
        )
        write_parameter_set(tmp_path / "set.toml", sealed(own))
        table["station"] |= {"id": "TEST-001", "data_dir": "data"}
        table["line"]["device"] = str(pty_line.link)
        table["weighing"] = {
            "site": "site.toml",
            "limits": str(repository / "configs/limits"),
            "region": "CN",
            "parameters": "set.toml",
            "pavement_temperature_c": 35.5,
            "samples": "all",
        }
        del table["cameras"]
        table["mqtt"] = {"url": broker.url, "heartbeat_s": 0.5, "ack_timeout_s": 1.0}
        table["upload"]["url"] = evidence_server.url
        table["keys"] = {
            "private_key": "station.key",
            "server_public_key": centre.public_key,
        }
        config = tmp_path / "station.toml"
        config.write_text(tomli_w.dumps(table), encoding="utf-8")
        daemon = Daemon(config)
        daemons.append(daemon)
        return daemon, load_config(config)

    yield start_roadside
    for daemon in daemons:
        daemon.stop(signal.SIGKILL)


def weigh(line, mass_kg):
    """Drive one load onto the scale and off again."""
    line.write(xk3190.encode(0.0) * 3)
    for _ in range(30):
        line.write(xk3190.encode(mass_kg))
        time.sleep(0.03)
    line.write(xk3190.encode(0.0) * 3)


def test_a_load_becomes_a_signed_weighing_with_photo_and_manifest(
    start, pty_line, mjpeg, centre, evidence_server, notified, station_key, eventually
):
    mjpeg.start()
    pty_line.plug()
    daemon = start()
    assert eventually(lambda: daemon.has("ready"), 60.0), daemon.log
    _, heard = notified
    assert eventually(lambda: heard("READY=1"))
    assert eventually(daemon.children)
    assert eventually(
        lambda: (
            [
                device["state"]
                for status in centre.statuses[-1:]
                for device in status["devices"]
            ]
            == ["silent", "ok"]
        )
    )
    for mass_kg in (48_000.0, 31_500.0):
        weigh(pty_line, mass_kg)
    assert eventually(lambda: len(centre.of("evidence")) == 2)
    assert eventually(lambda: len(evidence_server.files) == 2)
    previous = GENESIS
    for number, message in enumerate(centre.of("weighing"), 1):
        payload = json.dumps(message).encode()
        check_signature(payload, public_key(station_key))
        weighing = decode(payload, WeighingMessage)
        assert weighing.sequence == number
        assert weighing.previous_hash == previous
        previous = sha256(encode(weighing))
    masses = [message["gross_mass_kg"] for message in centre.of("weighing")]
    assert masses == [48_000.0, 31_500.0]
    for message, weighing in zip(
        centre.of("evidence"), centre.of("weighing"), strict=True
    ):
        manifest = decode(json.dumps(message).encode(), EvidenceManifest)
        assert canonical(manifest)
        assert manifest.subject_id == weighing["weighing_id"]
        assert [item.kind for item in manifest.items] == ["photo_front"]
        assert manifest.missing == ()
        assert manifest.items[0].sha256 in evidence_server.files
        notes = weighing["plate_readings"] or message["plate_readings"]
        assert [note["unread_reason"] for note in notes] == ["no_plate"]
    assert eventually(lambda: heard("WATCHDOG=1"))
    children = daemon.children()
    began = time.monotonic()
    assert daemon.stop() == 0
    assert time.monotonic() - began < 6.0
    assert heard("STOPPING=1")
    assert not any(Path(f"/proc/{child}/status").exists() for child in children)
    assert eventually(lambda: centre.statuses[-1]["online"] is False)
    last = decode(json.dumps(centre.statuses[-1]).encode(), StatusMessage)
    assert last.lowest_unacknowledged_sequence == 3
    assert last.outbox_depth == 0


def test_a_killed_daemon_leaves_no_child_and_its_next_start_goes_on(
    start, pty_line, mjpeg, broker, centre, evidence_server, eventually
):
    mjpeg.start()
    pty_line.plug()
    daemon = start()
    assert eventually(lambda: daemon.has("ready"), 60.0), daemon.log
    assert eventually(daemon.children)
    assert eventually(lambda: centre.statuses)
    children = daemon.children()
    broker.kill()
    weigh(pty_line, 40_000.0)
    assert eventually(lambda: daemon.has("weighing"))
    daemon.stop(signal.SIGKILL)  # perhaps before its manifest is made
    assert eventually(
        lambda: not any(Path(f"/proc/{child}/status").exists() for child in children)
    )
    broker.start()
    again = start()
    assert eventually(lambda: again.has("ready"), 60.0), again.log
    assert eventually(lambda: len(centre.of("evidence")) == 1, 20.0)
    weigh(pty_line, 41_000.0)
    assert eventually(lambda: len(centre.of("weighing")) == 2)
    assert [m["sequence"] for m in centre.of("weighing")] == [1, 2]
    assert [m["gross_mass_kg"] for m in centre.of("weighing")] == [40_000.0, 41_000.0]
    first, second = centre.of("weighing")
    assert first["boot_id"] != second["boot_id"]
    assert again.stop(signal.SIGINT) == 0


def test_a_station_without_camera_line_and_room_says_so_and_takes_nothing(
    start, pty_line, centre, eventually
):
    daemon = start(storage={"min_free_mb": 1_000_000_000})
    assert eventually(lambda: daemon.has("ready"), 60.0), daemon.log
    assert eventually(lambda: centre.statuses and not centre.statuses[-1]["taking"])
    status = centre.statuses[-1]
    assert "must stay free" in status["not_taking_reason"]
    assert {d["state"] for d in status["devices"]} == {"missing"}
    pty_line.plug()
    assert eventually(
        lambda: centre.statuses[-1]["devices"][0]["state"] == "silent", 10.0
    )
    weigh(pty_line, 40_000.0)
    weigh(pty_line, 42_000.0)
    assert eventually(
        lambda: centre.statuses[-1]["counters"].get("vehicles_refused") == 2
    )
    assert centre.of("weighing") == []
    assert daemon.stop() == 0
    said = [line for line in daemon.log if line.get("event") == "vehicles_refused"]
    assert len(said) == 1


def test_a_second_daemon_on_one_data_folder_is_refused(start, eventually):
    first = start()
    assert eventually(lambda: first.has("ready"), 60.0), first.log
    second = start()
    assert second.process.wait(20) == 2
    assert eventually(lambda: second.log)
    assert "another luheng-edge" in second.log[-1]


def test_a_signal_in_the_middle_of_a_wait_ends_the_daemon(tmp_path, repository):
    shipped = (repository / "configs/edge/source.toml").read_text(encoding="utf-8")
    table = tomllib.loads(shipped) | {"cameras": []}
    table["station"]["data_dir"] = "data"
    table["line"]["device"] = str(tmp_path / "no-device")
    table["mqtt"] = {"url": "mqtt://127.0.0.1:9"}
    table["keys"]["private_key"] = "station.key"
    config = tmp_path / "station.toml"
    config.write_text(tomli_w.dumps(table), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, str(config)],
        cwd=repository,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def samples_of(site_file, folder):
    """Return three simulated vehicles as frames of the line."""
    order = ["--site", str(site_file), "--out", str(folder), "--vehicles", "3"]
    assert simulate(["recording", *order, "--seed", "11"]) == 0
    with np.load(folder / "recording.npz") as recording:
        counts, rate_hz = recording["counts"], float(recording["sample_rate_hz"])
    for number, first in enumerate(range(0, len(counts) - 79, 80)):
        frame = strip.SampleFrame(
            sequence=number,
            first_sample=first,
            sample_rate_hz=rate_hz,
            counts=np.ascontiguousarray(counts[first : first + 80]),
        )
        yield strip.encode(frame)


def test_what_a_roadside_station_seals_gives_the_sent_passages_to_the_bit(
    start_roadside, pty_line, centre, evidence_server, eventually, tmp_path, capsys
):
    """From a serial line of samples to the sealed file, and back to the figures."""
    pty_line.plug()
    daemon, config = start_roadside()
    assert eventually(lambda: daemon.has("ready"), 120.0), daemon.log
    assert eventually(
        lambda: any(
            device["name"] == "line" and device["counters"].get("opened")
            for status in centre.statuses
            for device in status["devices"]
        ),
        20.0,
    )
    for frame in samples_of(tmp_path / "site.toml", tmp_path / "road"):
        pty_line.write(frame)
    assert eventually(lambda: len(centre.of("evidence")) == 3, 40.0), daemon.log
    manifests = {each["subject_id"]: each for each in centre.of("evidence")}
    with_set = parameter_hash(config.site, Parameters(), load_calibration(config))
    assert with_set != parameter_hash(config.site, Parameters())
    capsys.readouterr()
    for sent in centre.of("passage"):
        assert sent["parameter_hash"] == with_set
        assert sent["gross_mass_uncertainty_kg"] > 0.0
        (item,) = manifests[sent["passage_id"]]["items"]
        assert item["kind"] == "samples"
        digest = item["sha256"]
        assert eventually(lambda: digest in evidence_server.files, 20.0)  # noqa: B023

        clip, record = tmp_path / "clip.npz", tmp_path / "record.jsonl"
        clip.write_bytes(evidence_server.files[digest])
        record.write_text(json.dumps(sent) + "\n", encoding="utf-8")
        replay = ["replay", str(clip), "--site", str(tmp_path / "site.toml")]
        replay += ["--record", str(record)]
        own = ["--parameters", str(tmp_path / "set.toml")]
        assert wim_command([*replay, *own, "--json"]) == 0
        (told,) = (json.loads(line) for line in capsys.readouterr().out.splitlines())
        assert told["same"], told["differences"]
        assert wim_command(replay) == 1, "without its set it is another's"
        assert "parameter_hash" in capsys.readouterr().out
        other = ["--drift", str(tmp_path / "state.json")]
        assert wim_command([*replay, *own, *other]) == 2, "a clip has its own charts"
        assert "leave --drift away" in capsys.readouterr().err
