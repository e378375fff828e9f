import socket
import threading
import time
import urllib.error
import urllib.request

import cv2
import numpy as np
import pytest

from simulators.errors import SimulatorError
from simulators.stream import FrameFeed, MjpegServer


def jpeg(shade):
    picture = np.full((720, 1280, 3), shade, np.uint8)
    return cv2.imencode(".jpg", picture)[1].tobytes()


@pytest.fixture
def served():
    feed = FrameFeed("front")
    server = MjpegServer("127.0.0.1", 0, [feed])
    server.start()
    stop = threading.Event()

    def publish():
        shade = 0
        while not stop.wait(0.03):
            shade = (shade + 10) % 250
            feed.publish(jpeg(shade))

    thread = threading.Thread(target=publish)
    thread.start()
    yield feed, server.url(feed)
    stop.set()
    thread.join()
    server.stop()


def test_opencv_opens_it_like_a_network_camera(served):
    _, url = served
    capture = cv2.VideoCapture(url)
    shades = []
    for _ in range(8):
        ok, frame = capture.read()
        assert ok
        assert frame.shape == (720, 1280, 3)
        shades.append(int(frame[0, 0, 0]))
    assert len(set(shades)) > 4
    capture.release()


def test_a_client_that_stalls_holds_up_nobody(served):
    feed, url = served
    host, port = url.split("/")[2].split(":")
    stalled = [socket.create_connection((host, int(port))) for _ in range(3)]
    for client in stalled:
        client.sendall(b"GET /front.mjpg HTTP/1.0\r\n\r\n")
    time.sleep(0.5)
    before = feed.frames
    capture = cv2.VideoCapture(url)
    began = time.monotonic()
    assert all(capture.read()[0] for _ in range(10))
    assert time.monotonic() - began < 4.0
    assert feed.frames - before > 8
    capture.release()
    for client in stalled:
        client.close()


def test_who_leaves_is_no_longer_counted(served):
    feed, url = served
    response = urllib.request.urlopen(url, timeout=5.0)
    assert response.headers["Content-Type"].startswith("multipart/x-mixed-replace")
    assert response.read(1000)
    assert feed.watched
    response.close()
    deadline = time.monotonic() + 5.0
    while feed.watched and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not feed.watched


def test_an_unknown_camera_is_answered_with_those_there_are(served):
    _, url = served
    with pytest.raises(urllib.error.HTTPError, match=r"/front\.mjpg") as caught:
        urllib.request.urlopen(url.replace("front", "moon"), timeout=5.0)
    assert caught.value.code == 404
    caught.value.close()


def test_a_busy_port_is_said_in_one_line(served):
    _, url = served
    port = int(url.split("/")[2].split(":")[1])
    with pytest.raises(SimulatorError, match="cannot serve on"):
        MjpegServer("127.0.0.1", port, [])
