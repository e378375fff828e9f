import datetime as dt
import os
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from edge.clock import Clock
from edge.config import CameraConfig, CameraLane
from edge.devices.camera import Camera
from edge.devices.frame_ring import FrameRing
from wim.seal import sha256


@pytest.fixture
def open_camera(clock):
    cameras = []

    def open_camera(url, *, stale_after_s=1.0):
        config = CameraConfig(
            name="front",
            view="front",
            url=url,
            lanes=(CameraLane(number=1),),
            stale_after_s=stale_after_s,
            ring_mb=4,
        )
        camera = Camera(config, clock=clock)
        cameras.append(camera)
        camera.start()
        return camera

    yield open_camera
    for camera in cameras:
        camera.stop()


def counters(camera):
    return camera.watch.status().counters


def children():
    """Return the camera processes of this test process."""
    listed = subprocess.run(
        ["ps", "-o", "pid=,args=", "--ppid", str(os.getpid())],
        capture_output=True,
        text=True,
        check=True,
    )
    return [
        int(line.split()[0])
        for line in listed.stdout.splitlines()
        if "opencv_camera" in line
    ]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=300), max_size=60))
def test_a_ring_gives_back_what_was_written_or_nothing(pictures):
    descriptor = FrameRing.create(2000)
    writer, reader = FrameRing(descriptor), FrameRing(descriptor)
    os.close(descriptor)
    for number, picture in enumerate(pictures):
        assert writer.write(picture, float(number))
    whole = 0
    for stamp in reader.between(0.0, 1e9):
        read = reader.read(stamp.number)
        assert read in (None, pictures[int(stamp.captured_s)])
        whole += read is not None
    assert whole >= min(len(pictures), 5)
    writer.close()
    reader.close()


def test_a_picture_torn_by_a_kill_is_not_given_out():
    descriptor = FrameRing.create(10_000)
    ring = FrameRing(descriptor)
    os.close(descriptor)
    ring.write(b"a" * 1000, 1.0)
    ring._bytes[500:510] = b"torn......"
    assert ring.read(0) is None
    assert not ring.write(bytes(9000), 2.0), "larger than the ring takes"
    ring.close()


def test_pictures_keep_the_cameras_own_bytes_and_the_time_of_capture(
    mjpeg, open_camera, eventually, clock
):
    mjpeg.start()
    camera = open_camera(mjpeg.url)
    assert eventually(lambda: counters(camera).get("frames", 0) > 12)
    assert camera.watch.state == "ok"
    now = clock.monotonic_s()
    stamps = camera.between(now - 0.6, now)
    assert len(stamps) >= 4
    late = sorted(
        stamp.captured_s - mjpeg.sent[sha256(camera.read(stamp.number))]
        for stamp in stamps
    )
    assert late[0] >= 0.0
    assert late[len(late) // 2] < 0.3, "one that waited for the processor is none"


def test_a_camera_that_is_not_there_is_missing_until_it_comes(
    mjpeg, open_camera, eventually
):
    camera = open_camera(mjpeg.url)
    assert eventually(lambda: counters(camera).get("starts", 0) >= 2)
    assert camera.watch.state == "missing"
    mjpeg.start()
    assert eventually(lambda: camera.watch.state == "ok", 15.0)


def test_a_frozen_camera_has_its_child_killed_and_comes_back(
    mjpeg, open_camera, eventually
):
    mjpeg.start()
    camera = open_camera(mjpeg.url, stale_after_s=1.0)
    assert eventually(lambda: camera.watch.state == "ok")
    (child,) = children()
    os.kill(child, signal.SIGSTOP)  # as a read() that never returns
    assert eventually(lambda: camera.watch.state == "stale", 4.0)
    assert eventually(lambda: child not in children(), 2.0)
    assert counters(camera)["kills"] == 1
    assert eventually(lambda: camera.watch.state == "ok", 8.0)
    mjpeg.frozen.set()
    assert eventually(lambda: camera.watch.state in ("stale", "missing"), 4.0)
    mjpeg.frozen.clear()
    assert eventually(lambda: camera.watch.state == "ok", 15.0)


def test_a_camera_that_repeats_its_last_picture_shows_nothing_new(
    mjpeg, open_camera, eventually
):
    mjpeg.start()
    camera = open_camera(mjpeg.url, stale_after_s=1.0)
    assert eventually(lambda: camera.watch.state == "ok", 15.0)
    old = mjpeg.picture()
    mjpeg.picture = lambda: old
    assert eventually(lambda: camera.watch.state == "stale", 4.0)
    assert eventually(lambda: counters(camera)["starts"] >= 2)
    before = counters(camera)["frames"]
    assert not eventually(lambda: counters(camera)["frames"] > before, 4.0)


def test_what_a_camera_kept_for_its_next_client_is_not_taken_for_the_present(
    mjpeg, open_camera, eventually, clock
):
    mjpeg.keeps_last = True
    mjpeg.start()
    camera = open_camera(mjpeg.url, stale_after_s=1.0)
    assert eventually(lambda: camera.watch.state == "ok", 15.0)
    mjpeg.frozen.set()
    assert eventually(lambda: counters(camera)["starts"] >= 3, 15.0)
    mjpeg.frozen.clear()
    assert eventually(lambda: camera.watch.state == "ok", 15.0)
    for stamp in camera.between(0.0, clock.monotonic_s()):
        painted = mjpeg.painted[sha256(camera.read(stamp.number))]
        assert stamp.captured_s - painted < 0.5


def test_waiting_ends_with_the_picture_or_with_the_time(
    mjpeg, open_camera, eventually, clock
):
    mjpeg.start()
    camera = open_camera(mjpeg.url)
    assert eventually(lambda: camera.watch.state == "ok")
    assert camera.wait_until(clock.monotonic_s(), 2.0)
    assert not camera.wait_until(clock.monotonic_s() + 60.0, 0.2)


def test_a_camera_of_another_codec_is_compressed_once(
    tmp_path, open_camera, eventually
):
    path = tmp_path / "video.avi"
    writer = cv2.VideoWriter(
        str(path), cv2.VideoWriter_fourcc(*"mp4v"), 10.0, (320, 240)
    )
    if not writer.isOpened():
        pytest.skip("this OpenCV writes no MPEG-4")
    for number in range(20):
        writer.write(np.full((240, 320, 3), number * 10, np.uint8))
    writer.release()
    camera = open_camera(str(path), stale_after_s=3.0)
    assert eventually(lambda: counters(camera).get("frames", 0) >= 20)
    picture = cv2.imdecode(np.frombuffer(camera.read(10), np.uint8), 1)
    assert picture.shape == (240, 320, 3)
    assert abs(float(picture.mean()) - 100.0) < 8.0


def test_the_child_loads_no_estimator(repository):
    program = (
        "import sys, edge.devices.opencv_camera; print([m for m in sys.modules "
        "if m.split('.')[0] in ('wim', 'lpr', 'numba', 'paho', 'structlog')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        cwd=repository,
        check=True,
    )
    assert done.stdout.strip() == "[]"


ORPHAN = """
import sys, threading, time
import structlog
from edge.clock import Clock
from edge.config import CameraConfig, CameraLane
from edge.devices.camera import Camera
structlog.configure(logger_factory=structlog.PrintLoggerFactory(file=sys.stderr))
config = CameraConfig(name="front", view="front", url=sys.argv[1],
                      lanes=(CameraLane(number=1),))
camera = Camera(config, clock=Clock())
camera.start()
while camera.watch.state != "ok":
    time.sleep(0.01)
print("ok", flush=True)
threading.Event().wait()
"""


def test_the_child_dies_with_a_killed_parent(mjpeg, repository, eventually):
    mjpeg.start()
    parent = subprocess.Popen(
        [sys.executable, "-c", ORPHAN, mjpeg.url],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=repository,
    )
    assert parent.stdout.readline() == "ok\n"
    listed = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(parent.pid)],
        capture_output=True,
        text=True,
        check=True,
    )
    (child,) = [int(word) for word in listed.stdout.split()]
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert eventually(lambda: not Path(f"/proc/{child}/status").exists(), 3.0)


def test_the_clock_maps_monotonic_time_onto_utc():
    clock = Clock()
    before = clock.now()
    a_minute_ago = clock.utc_of(clock.monotonic_s() - 60.0)
    after = clock.now()
    slack = dt.timedelta(milliseconds=10)
    minute = dt.timedelta(seconds=60)
    assert before - slack <= a_minute_ago + minute <= after + slack
