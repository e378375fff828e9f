"""Real parts for the edge's tests: a broker, a centre, a camera, a serial line."""

import http.server
import os
import pty
import shutil
import socket
import subprocess
import sys
import threading
import time
import tty
from collections import Counter
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from edge.clock import Clock
from wim.messages import AckMessage, encode
from wim.seal import check_upload, public_key, sha256, sign

SERVER_KEY = bytes(range(32))
STATION_KEY = bytes(range(1, 33))
SHAPE = (720, 1280, 3)


def until(condition, timeout_s=10.0):
    """Wait for something that another thread or process brings about."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.01)
    return bool(condition())


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Broker:
    """Debian's mosquitto, or the wheel's broker where there is none."""

    def __init__(self, folder):
        self.port = free_port()
        self.url = f"mqtt://127.0.0.1:{self.port}"
        self._folder = folder
        self._process = None

    def start(self):
        mosquitto = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin")
        if mosquitto is None:
            command = self._iotcore()
        else:
            config = self._folder / "mosquitto.conf"
            config.write_text(
                f"listener {self.port} 127.0.0.1\nallow_anonymous true\n"
                "max_queued_messages 0\nmax_inflight_messages 0\nset_tcp_nodelay true\n"
            )
            command = [mosquitto, "-c", str(config)]
        self._process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        assert until(self._answers), "the broker does not answer"

    def _iotcore(self):
        program = (
            "import iotcore, threading\n"
            f"iotcore.IotCore(host='127.0.0.1', port={self.port}).run()\n"
            "threading.Event().wait()\n"
        )
        return [sys.executable, "-c", program]

    def _answers(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def kill(self):
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


class Centre:
    """The other side: stores once, in order, and signs receipts after that."""

    def __init__(self, broker):
        self.key = SERVER_KEY
        self.public_key = public_key(SERVER_KEY)
        self.stored = []
        self.deliveries = Counter()
        self.statuses = []
        self.outcome = "stored"
        self.receipting = True
        self._hashes = set()
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id="centre", protocol=mqtt.MQTTv5
        )
        self._client.on_connect = self._subscribe
        self._client.on_message = self._receive
        self._client.reconnect_delay_set(1, 1)
        self._client.connect_async("127.0.0.1", broker.port, clean_start=True)
        self._client.loop_start()

    def _subscribe(self, client, *_):
        client.subscribe([("luheng/v1/+/+", 1)])

    def _receive(self, _client, _userdata, message):
        leaf = message.topic.rsplit("/", 1)[1]
        if leaf == "ack":
            return
        if leaf == "status":
            self.statuses.append(msgspec.json.decode(message.payload))
            return
        digest = sha256(message.payload)
        self.deliveries[digest] += 1
        outcome = self.outcome
        if digest in self._hashes:
            outcome = "duplicate"
        elif outcome == "stored":
            self._hashes.add(digest)
            self.stored.append((leaf, msgspec.json.decode(message.payload)))
        if self.receipting:
            self.send(message.topic.split("/")[2], self.receipt(digest, outcome))

    def receipt(self, digest, outcome="stored", *, station="TEST-001", key=None):
        receipt = AckMessage(
            station_id=station,
            payload_sha256=digest,
            outcome=outcome,
            reason="not ours" if outcome == "quarantined" else None,
            acked_at=Clock().now(),
        )
        signature = sign(receipt, key or self.key)
        return encode(msgspec.structs.replace(receipt, signature=signature))

    def send(self, station, payload):
        self._client.publish(f"luheng/v1/{station}/ack", payload, qos=1)

    def of(self, leaf):
        return [message for kind, message in self.stored if kind == leaf]

    def stop(self):
        self._client.disconnect()
        self._client.loop_stop()


class EvidenceServer:
    """Takes evidence files by hash; ``answers`` are given first, one each."""

    def __init__(self):
        self.files = {}
        self.answers = []
        self.requests = 0
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_PUT(self):
                outer.put(self)

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def put(self, request):
        self.requests += 1
        digest = request.path.removeprefix("/evidence/")
        body = request.rfile.read(int(request.headers["Content-Length"]))
        station = request.headers["X-Luheng-Station"]
        signature = request.headers["X-Luheng-Signature"]
        check_upload(digest, station, signature, public_key(STATION_KEY))
        assert sha256(body) == digest
        code = self.answers.pop(0) if self.answers else 201
        if code == 201:
            self.files[digest] = body
        request.send_response(code)
        request.send_header("Content-Length", "0")
        request.end_headers()

    def stop(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class MjpegCamera:
    """A small network camera; it can freeze, keep its last picture, and be gone."""

    def __init__(self, *, frames_per_s=12.0):
        self.frozen = threading.Event()
        self.sent = {}
        self.painted = {}
        self.keeps_last = False
        self._last = None
        self.picture = self._paint
        self._pause_s = 1.0 / frames_per_s
        self._stopping = threading.Event()
        self._server = None
        self._thread = None
        self._count = 0
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/video"

    def _paint(self):
        image = np.full((360, 640, 3), 90, np.uint8)
        cv2.putText(image, str(self._count), (40, 200), 0, 3.0, (255, 255, 255), 5)
        return cv2.imencode(".jpg", image)[1].tobytes()

    def start(self):
        outer = self
        self._stopping.clear()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.serve(self)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True

        self._server = Server(("127.0.0.1", self.port), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def serve(self, request):
        request.send_response(200)
        kind = "multipart/x-mixed-replace; boundary=frame"
        request.send_header("Content-Type", kind)
        request.end_headers()
        try:
            if self.keeps_last and self._last is not None:
                self._send(request, self._last)
            while not self._stopping.wait(self._pause_s):
                if self.frozen.is_set():
                    continue
                self._count += 1
                self._last = self.picture()
                self.painted.setdefault(sha256(self._last), time.monotonic())
                self._send(request, self._last)
        except OSError:
            pass

    def _send(self, request, picture):
        self.sent[sha256(picture)] = time.monotonic()
        head = "--frame\r\nContent-Type: image/jpeg\r\n"
        head += f"Content-Length: {len(picture)}\r\n\r\n"
        request.wfile.write(head.encode() + picture + b"\r\n")

    def stop(self):
        self._stopping.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()
            self._server = None


class PtyLine:
    """The far end of a serial line; its near end lies under a name that can go."""

    def __init__(self, link):
        self.link = link
        self._far = self._near = None

    def plug(self):
        self._far, self._near = pty.openpty()
        tty.setraw(self._near)
        os.set_blocking(self._far, False)
        self.link.unlink(missing_ok=True)
        self.link.symlink_to(os.ttyname(self._near))

    def unplug(self):
        self.link.unlink(missing_ok=True)
        for descriptor in (self._far, self._near):
            if descriptor is not None:
                os.close(descriptor)
        self._far = self._near = None

    def write(self, content):
        view, deadline = memoryview(content), time.monotonic() + 20.0
        while view:
            try:
                view = view[os.write(self._far, view[:1024]) :]
            except BlockingIOError:
                assert time.monotonic() < deadline, "nobody reads the line"
                time.sleep(0.001)


@pytest.fixture(scope="session")
def clock():
    return Clock()


@pytest.fixture
def broker(tmp_path):
    broker = Broker(tmp_path)
    broker.start()
    yield broker
    broker.kill()


@pytest.fixture
def centre(broker):
    centre = Centre(broker)
    yield centre
    centre.stop()


@pytest.fixture
def evidence_server():
    server = EvidenceServer()
    yield server
    server.stop()


@pytest.fixture
def mjpeg():
    camera = MjpegCamera()
    yield camera
    camera.stop()


@pytest.fixture(scope="module")
def shared_mjpeg():
    """One camera for a whole file of tests."""
    camera = MjpegCamera()
    camera.start()
    yield camera
    camera.stop()


@pytest.fixture
def pty_line(tmp_path):
    line = PtyLine(tmp_path / "line")
    yield line
    line.unplug()


@pytest.fixture(scope="session")
def eventually():
    return until


@pytest.fixture
def station_key():
    return STATION_KEY


@pytest.fixture(scope="session")
def repository():
    return Path(__file__).parents[2]
