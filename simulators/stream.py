"""MJPEG over HTTP, as a network camera serves it.

Every client has a thread and takes the newest frame when it is ready for one, so
that a client that stalls misses frames and holds up nobody. It draws nothing.
"""

import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import structlog

from simulators.errors import SimulatorError

__all__ = ["FrameFeed", "MjpegServer"]

_BOUNDARY = "luheng-frame"
_STALL_S = 10.0
_log = structlog.get_logger()


class FrameFeed:
    """The newest JPEG of one camera, and who waits for it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.frames = 0
        self._jpeg = b""
        self._clients = 0
        self._ended = False
        self._changed = threading.Condition()

    @property
    def watched(self) -> bool:
        """Whether any client is connected."""
        return self._clients > 0

    def publish(self, jpeg: bytes) -> None:
        """Show a new frame to everybody who waits."""
        with self._changed:
            self._jpeg = jpeg
            self.frames += 1
            self._changed.notify_all()

    def end(self) -> None:
        """Tell all who wait that no frame comes any more."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def newer_than(self, number: int, timeout_s: float) -> tuple[int, bytes] | None:
        """Wait for a frame after the given one; None when time is out or all is over.

        Returns:
            the number of the frame and its JPEG.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: self._ended or self.frames > number, timeout_s
            )
            if self._ended or self.frames <= number:
                return None
            return self.frames, self._jpeg

    @property
    def ended(self) -> bool:
        """Whether the camera was switched off."""
        return self._ended

    def join(self) -> None:
        """Count one more client."""
        with self._changed:
            self._clients += 1

    def leave(self) -> None:
        """Count one client less."""
        with self._changed:
            self._clients -= 1


class MjpegServer:
    """One HTTP server for all cameras: ``/NAME.mjpg`` for each feed.

    Raises:
        SimulatorError: the address cannot be bound.
    """

    def __init__(self, host: str, port: int, feeds: list[FrameFeed]) -> None:
        handler = type(
            "Handler", (_FeedHandler,), {"feeds": {f.name: f for f in feeds}}
        )
        try:
            self._server = _Server((host, port), handler)
        except OSError as error:
            message = f"cameras: cannot serve on {host}:{port}: {error.strerror}"
            raise SimulatorError(message) from error
        self._feeds = feeds
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.1,), name="http", daemon=True
        )

    def url(self, feed: FrameFeed) -> str:
        """Return the address of one camera."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}/{feed.name}.mjpg"

    def start(self) -> None:
        """Serve from a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """End all feeds and close the port."""
        for feed in self._feeds:
            feed.end()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5.0)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False


class _FeedHandler(BaseHTTPRequestHandler):
    """One client of one camera."""

    feeds: ClassVar[dict[str, FrameFeed]] = {}
    timeout = _STALL_S
    protocol_version = "HTTP/1.0"

    def do_GET(self) -> None:
        """Send frames until the client leaves, stalls or the camera ends."""
        feed = self.feeds.get(self.path.strip("/").removesuffix(".mjpg"))
        if feed is None:
            known = ", ".join(f"/{name}.mjpg" for name in self.feeds)
            self.send_error(HTTPStatus.NOT_FOUND, f"no such camera; there are {known}")
            return
        feed.join()
        try:
            self.send_response(HTTPStatus.OK)
            media = f"multipart/x-mixed-replace;boundary={_BOUNDARY}"
            self.send_header("Content-Type", media)
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self._send_frames(feed)
        except OSError as error:  # the client left, or stalled beyond patience
            _log.info("camera_client_left", camera=feed.name, reason=str(error))
        finally:
            feed.leave()

    def _send_frames(self, feed: FrameFeed) -> None:
        number = 0
        while not feed.ended:
            newest = feed.newer_than(number, 1.0)
            if newest is None:
                continue
            number, jpeg = newest
            head = (
                f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\n"
                f"Content-Length: {len(jpeg)}\r\n\r\n"
            )
            self.wfile.write(head.encode("ascii") + jpeg + b"\r\n")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
        """Keep the access log of the standard library quiet."""
