"""The simulated station as its users have it: a process, two lines, four cameras."""

import contextlib
import datetime as dt
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from simulators.traffic import TrafficShape, plan_traffic
from wim.protocols import strip, xk3190

ROOT = Path(__file__).parents[2]
CONFIG = f"""
site = "{ROOT}/configs/stations/demo-site.toml"

[lines]
strip = "dev/strip"
scale = "dev/scale"
"""


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
from simulators.__main__ import main
sys.exit(main())
"""


class Running:
    """One luheng-sim process and what it said."""

    def __init__(self, folder, *words):
        (folder / "station.toml").write_text(CONFIG, encoding="utf-8")
        self.folder = folder
        self.ledger = folder / "ledger.jsonl"
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "simulators", "station"),
                *(str(folder / "station.toml"), "--json", *words),
                *("--ledger", str(self.ledger)),
            ],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.ready = self.event()

    def event(self):
        line = self.process.stdout.readline()
        assert line, self.process.stderr.read()
        return json.loads(line)

    def tell(self, text):
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()
        return self.event()

    def end(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        rest, errors = self.process.communicate(timeout=20)
        return self.process.returncode, rest, errors


@contextlib.contextmanager
def running(folder, *words):
    run = Running(folder, *words)
    try:
        yield run
    finally:
        if run.process.poll() is None:
            run.process.kill()
        run.process.communicate()


class Listener(threading.Thread):
    """Reads one serial line to its end."""

    def __init__(self, path, decoder):
        super().__init__()
        self.decoder = decoder
        self.events = []
        self._descriptor = os.open(path, os.O_RDONLY | os.O_NOCTTY)
        self.start()

    def run(self):
        with contextlib.suppress(OSError):  # the hang-up at the end
            while data := os.read(self._descriptor, 65536):
                self.events += self.decoder.receive(data)
        os.close(self._descriptor)


class Watcher(threading.Thread):
    """Looks at one camera and keeps when it saw plate yellow."""

    def __init__(self, url):
        super().__init__()
        self.pictures = 0
        self.with_plate = 0
        self._url = url
        self.start()

    def run(self):
        capture = cv2.VideoCapture(self._url)
        while True:
            ok, picture = capture.read()
            if not ok:
                break
            self.pictures += 1
            hue = cv2.cvtColor(picture[300:680, ::2], cv2.COLOR_BGR2HSV)
            plate = cv2.inRange(hue, (15, 140, 110), (32, 255, 255)) > 0
            self.with_plate += plate.sum() > 1000
        capture.release()


@pytest.fixture(scope="module", params=[1, 20], ids=["real time", "speed 20"])
def journey(request, tmp_path_factory):
    """A whole run: four vehicles, everything listened to and looked at."""
    speed, vehicles = request.param, 4 if request.param == 1 else 8
    folder = tmp_path_factory.mktemp("journey")
    words = ["--vehicles", str(vehicles), "--seed", "2", "--speed", str(speed)]
    with running(folder, *words, "--wait", "--exit") as run:
        lines = Listener(run.ready["strip"], strip.Decoder())
        scale = Listener(run.ready["scale"], xk3190.Decoder())
        cameras = {
            view: Watcher(url)
            for view, url in run.ready["cameras"].items()
            if view in {"front", "gate"}
        }
        events = [run.tell("start")]
        while events[-1]["event"] != "finished":
            events.append(run.event())
        run.process.wait(20)
        for thread in (lines, scale, *cameras.values()):
            thread.join(20)
        assert run.process.returncode == 0, run.process.stderr.read()
    plan = plan_traffic(
        TrafficShape(),
        seed=2,
        vehicles=vehicles,
        lanes=(1, 2),
        station_length_m=9.0,
        speed=float(speed),
    )
    truth = [json.loads(line) for line in run.ledger.read_text().splitlines()]
    return run, plan, events, truth, lines, scale, cameras


def test_no_frame_is_lost_on_the_line(journey):
    _, plan, _, _, lines, _, _ = journey
    decoder = lines.decoder
    assert decoder.frames > 50 * plan.crossings[-1].arrives_at_s * plan.speed
    assert (decoder.bad_crc, decoder.noise_bytes, decoder.lost_frames) == (0, 0, 0)
    assert all(isinstance(event, strip.SampleFrame) for event in lines.events)


def test_the_samples_hold_every_axle_of_every_vehicle(journey):
    _, _, _, truth, lines, _, _ = journey
    counts = np.concatenate([frame.counts for frame in lines.events])
    begins = lines.events[0].first_sample
    crossed = [line for line in truth if line["event"] == "crossed"]
    for line in crossed:
        passage = line["truth"]
        channel = 0 if passage["lane"] == 1 else 8
        positions = np.cumsum([0.0, *passage["axle_spacings_m"]])
        base = np.median(counts[:, channel])
        for behind, load_kg in zip(positions, passage["axle_loads_kg"], strict=True):
            over_s = passage["started_at_s"] + behind / passage["speed_mps"]
            at = round(over_s * 4000.0) - begins
            reach = round(0.25 / passage["speed_mps"] * 4000.0)
            pulse = counts[at - reach : at + reach, channel : channel + 2] - base
            area = pulse[:, 0].sum() / 4000.0 * passage["speed_mps"]
            wheel_n = area / 0.2 / 0.053
            # one wheel on one strip: an empty truck on a rough road swings far
            assert wheel_n == pytest.approx(load_kg * 9.80665 / 2.0, rel=0.5)


def test_the_ledger_tells_the_plan_and_the_events_tell_no_truth(journey):
    _, plan, events, truth, _, _, _ = journey
    crossed = {line["vehicle"]: line for line in truth if line["event"] == "crossed"}
    assert len(crossed) == len(plan.crossings)
    for crossing in plan.crossings:
        line = crossed[crossing.number]
        assert line["plate"] == crossing.vehicle.plate.text
        assert line["truth"]["gross_mass_kg"] == crossing.vehicle.gross_mass_kg
        assert line["truth"]["lane"] == crossing.lane
        assert line["weighed"] == (crossing.weighing is not None)
    said = json.dumps(events, ensure_ascii=False)
    assert not re.search("kg|plate|挂", said)
    assert events[-1] == {
        "event": "finished",
        "vehicles": len(plan.crossings),
        "weighings": len(plan.weighings),
    }


def test_the_times_of_the_events_fit_the_vehicles(journey):
    _, plan, events, truth, _, _, _ = journey
    passages = {t["vehicle"]: t["truth"] for t in truth if t["event"] == "crossed"}
    for event in (e for e in events if e["event"] == "crossed"):
        first = dt.datetime.fromisoformat(event["first_axle_at"])
        last = dt.datetime.fromisoformat(event["last_sample_written_at"])
        passage = passages[event["vehicle"]]
        way_m = sum(passage["axle_spacings_m"]) + 9.0
        crossing_s = way_m / passage["speed_mps"] / plan.speed
        assert (last - first).total_seconds() == pytest.approx(crossing_s, abs=0.25)


def test_the_scale_shows_the_true_mass_for_three_seconds(journey):
    _, _, _, truth, _, scale, _ = journey
    assert scale.decoder.bad_checks == 0
    shown = [reading.mass_kg for reading in scale.events]
    for line in (line for line in truth if line["event"] == "weighed"):
        near = [kg for kg in shown if abs(kg - line["gross_mass_kg"]) <= 20.0]
        assert len(near) >= 30
    assert shown[-1] == 0.0


def test_the_cameras_show_vehicles_and_their_plates(journey):
    _, plan, _, _, _, _, cameras = journey
    front, gate = cameras["front"], cameras["gate"]
    assert front.with_plate >= 3 * len(plan.crossings)
    assert front.pictures > front.with_plate
    assert gate.with_plate >= 30 * len(plan.weighings)


def test_a_journey_leaves_no_link_behind(journey):
    run = journey[0]
    assert list((run.folder / "dev").iterdir()) == []


def test_sigterm_ends_it_cleanly_while_nobody_listens(tmp_path):
    with running(tmp_path, "--vehicles", "2") as run:
        links = sorted(path.name for path in (tmp_path / "dev").iterdir())
        assert links == ["scale", "strip"]
        time.sleep(0.5)
        code, _, errors = run.end()
    assert code == 0, errors
    assert list((tmp_path / "dev").iterdir()) == []


def received(descriptor, decoder, seconds):
    """Return the events of the next seconds of a line."""
    events = []
    ends = time.monotonic() + seconds
    while (left := ends - time.monotonic()) > 0.0:
        if select.select([descriptor], [], [], left)[0]:
            events += decoder.receive(os.read(descriptor, 65536))
    return events


def test_what_is_broken_on_command_breaks_and_heals(tmp_path):
    with running(tmp_path, "--vehicles", "1", "--wait") as run:
        decoder = strip.Decoder()
        line = os.open(run.ready["strip"], os.O_RDONLY | os.O_NOCTTY)
        assert received(line, decoder, 0.3)

        assert run.tell("garbage 500")["event"] == "done"
        received(line, decoder, 0.3)
        assert decoder.noise_bytes == 500
        assert decoder.lost_frames == 0

        assert run.tell("unplug strip")["event"] == "done"
        assert not Path(run.ready["strip"]).exists()
        os.close(line)
        time.sleep(0.5)
        assert run.tell("plug strip")["event"] == "done"
        line = os.open(run.ready["strip"], os.O_RDONLY | os.O_NOCTTY)
        events = received(line, decoder, 0.4)
        os.close(line)
        (lost,) = [e for e in events if isinstance(e, strip.FramesLost)]
        assert lost.frames >= 8
        assert lost.samples == lost.frames * 80

        for bad in ("freeze moon", "plug hope", "garbage much", "dance"):
            answer = run.tell(bad)
            assert answer["event"] == "refused"
            assert answer["command"] == bad
        assert run.end()[0] == 0


def test_a_frozen_camera_sends_nothing_until_it_thaws(tmp_path):
    with running(tmp_path, "--vehicles", "1", "--wait") as run:
        host, port = run.ready["cameras"]["side"].split("/")[2].split(":")
        with socket.create_connection((host, int(port)), timeout=3.0) as client:
            client.sendall(b"GET /side.mjpg HTTP/1.0\r\n\r\n")
            assert pictures(client, 2.2) >= 3
            run.tell("freeze side")
            pictures(client, 0.3)
            assert pictures(client, 1.3) == 0
            run.tell("thaw side")
            assert pictures(client, 2.2) >= 3
        assert run.end()[0] == 0


def pictures(client, seconds):
    """Return how many frames begin in the next seconds of a stream."""
    data = b""
    ends = time.monotonic() + seconds
    while (left := ends - time.monotonic()) > 0.0:
        if select.select([client], [], [], left)[0]:
            data += client.recv(65536)
    return data.count(b"--luheng-frame")


def test_the_input_must_not_end_before_the_start(tmp_path):
    with running(tmp_path, "--wait") as run:
        run.process.stdin.close()
        assert run.process.wait(20) == 2
        assert "start" in run.process.stderr.read()
        run.process.stdin = None


def test_a_signal_in_the_middle_of_a_wait_ends_the_station(tmp_path):
    (tmp_path / "station.toml").write_text(CONFIG, encoding="utf-8")
    words = ["station", str(tmp_path / "station.toml"), "--vehicles", "0"]
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, *words],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
