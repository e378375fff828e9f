"""The parent's side of one camera: its ring of pictures, and a child kept alive.

It sees no pixels. A child process opens the camera; when its pictures go stale it is
killed and started again, with growing pauses, for as long as the station runs.
"""

import contextlib
import os
import select
import subprocess
import sys
import threading

import structlog

from edge.clock import Clock
from edge.config import CameraConfig
from edge.devices.frame_ring import FrameRing, FrameStamp
from edge.devices.watch import DeviceWatch

__all__ = ["Camera"]

_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 8.0
_START_S = 6.0
"""How long a new child may take to its first picture, beside ``stale_after_s``."""


class Camera:
    """One camera of the station."""

    def __init__(self, config: CameraConfig, *, clock: Clock) -> None:
        self.config = config
        self.watch = DeviceWatch(f"camera-{config.name}", clock=clock)
        self._clock = clock
        self._log = structlog.get_logger("edge.camera").bind(device=self.watch.name)
        self._descriptor = FrameRing.create(config.ring_mb * 1_000_000)
        self._ring = FrameRing(self._descriptor)
        self._arrived = threading.Condition()
        self._stopping = threading.Event()
        self._stop_read, self._stop_write = os.pipe()
        self._thread = threading.Thread(
            target=self._run, name=self.watch.name, daemon=True
        )

    def start(self) -> None:
        """Start the child and its watch."""
        self._thread.start()

    def stop(self, timeout_s: float = 3.0) -> None:
        """End the child; what is in the ring can still be read."""
        self._stopping.set()
        os.write(self._stop_write, b"\x01")
        with self._arrived:
            self._arrived.notify_all()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    @property
    def alive(self) -> bool:
        """Return whether the watch over the child still runs."""
        return self._thread.is_alive()

    def between(self, since_s: float, until_s: float) -> list[FrameStamp]:
        """Return the pictures captured in a span of monotonic time, in order.

        Pictures older than ``ring_s`` are not offered.
        """
        oldest_s = self._clock.monotonic_s() - self.config.ring_s
        return self._ring.between(max(since_s, oldest_s), until_s)

    def read(self, number: int) -> bytes | None:
        """Return one picture as the camera sent it, or None if it is gone."""
        return self._ring.read(number)

    def wait_until(self, captured_s: float, timeout_s: float) -> bool:
        """Wait for a picture captured at or after a moment; false if none came."""
        deadline_s = self._clock.monotonic_s() + timeout_s
        with self._arrived:
            while not self._stopping.is_set():
                latest = self._ring.latest()
                if latest is not None and latest.captured_s >= captured_s:
                    return True
                left_s = deadline_s - self._clock.monotonic_s()
                if left_s <= 0 or not self._arrived.wait(left_s):
                    return False
        return False

    def _run(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while not self._stopping.is_set():
            before = self._ring.written
            try:
                self._watch_child()
            except OSError as error:
                self.watch.count("start_failures")
                self._log.exception("camera_child_failed", error=str(error))
            if self._ring.written > before:
                pause_s = _FIRST_PAUSE_S
            self._stopping.wait(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def _watch_child(self) -> None:
        """Run one child until it ends, goes stale or the station stops."""
        bell_read, bell_write = os.pipe()
        stale_s = self.config.stale_after_s
        try:
            child = self._spawn(bell_write)
        finally:
            os.close(bell_write)
        self.watch.count("starts")
        patience_s, fresh = stale_s + _START_S, False
        try:
            while True:
                ready, _, _ = select.select(
                    [bell_read, self._stop_read], [], [], patience_s
                )
                if self._stop_read in ready:
                    return
                if not ready:
                    self.watch.count("kills")
                    reason = f"no picture for {patience_s:.1f} s, child killed"
                    self.watch.become("stale" if fresh else "missing", reason)
                    return
                rings = len(os.read(bell_read, 4096))
                if not rings:
                    code = child.wait()
                    reason = f"stream ended or not to be opened (child exit {code})"
                    self.watch.become("missing", reason)
                    return
                patience_s, fresh = stale_s, True
                self.watch.count("frames", rings)
                self.watch.become("ok", "pictures arrive")
                with self._arrived:
                    self._arrived.notify_all()
        finally:
            os.close(bell_read)
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            child.wait()

    def _spawn(self, bell: int) -> subprocess.Popen[bytes]:
        timeout_ms = int(self.config.stale_after_s * 1000)
        return subprocess.Popen(
            [
                *(sys.executable, "-m", "edge.devices.opencv_camera"),
                *("--url", self.config.url, "--timeout-ms", str(timeout_ms)),
                *("--ring", str(self._descriptor), "--bell", str(bell)),
                *("--parent", str(os.getpid())),
            ],
            pass_fds=(self._descriptor, bell),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
