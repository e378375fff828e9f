"""The child process that opens one network camera through OpenCV.

``python -m edge.devices.opencv_camera --url URL --ring FD --bell FD …``

It imports neither ``wim`` nor ``lpr``, decides nothing and logs nothing: it writes
pictures into the ring of its parent and rings a bell (one byte down a pipe) for each.
``read()`` of a camera library can hang for ever; the cure is that the parent kills
this process, not anything in here. It dies with its parent.

A picture has no time but that of its arrival, so only what is taken for new counts: not
the picture that a frozen camera repeats, nor those that a camera or its server has kept
and gives to every new client first.

A camera that sends JPEG keeps its own bytes, untouched: they are evidence. Pictures of
other codecs are decoded and compressed once.
"""

import argparse
import ctypes
import os
import signal
import sys
from collections.abc import Iterator

import cv2

from edge.clock import Clock
from edge.devices.frame_ring import FrameRing

__all__ = ["ENDED", "NOT_OPENED", "main"]

NOT_OPENED = 3
"""Exit code: the camera could not be opened."""
ENDED = 4
"""Exit code: the stream came to an end."""

_SETTLE_S = 1.0
"""How long after the first picture of a live stream older ones may still come."""
_PR_SET_PDEATHSIG = 1
_JPEG_START = b"\xff\xd8"
_JPEG_QUALITY = 92


def main() -> int:
    """Copy pictures from the camera into the ring until killed or at an end."""
    arguments = _arguments()
    _die_with(arguments.parent)
    cv2.setNumThreads(1)
    clock, ring = Clock(), FrameRing(arguments.ring)
    settle_s = _SETTLE_S if _is_live(arguments.url) else 0.0
    opened_s: float | None = None
    last = b""
    for picture in _pictures(arguments.url, arguments.timeout_ms):
        now_s = clock.monotonic_s()
        opened_s = now_s if opened_s is None else opened_s
        new = picture != last and now_s - opened_s >= settle_s
        last = picture
        if new and ring.write(picture, now_s):
            os.write(arguments.bell, b"\x01")
    return NOT_OPENED if opened_s is None else ENDED


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="edge.devices.opencv_camera")
    parser.add_argument("--url", required=True)
    parser.add_argument("--ring", type=int, required=True, help="descriptor")
    parser.add_argument("--bell", type=int, required=True, help="descriptor")
    parser.add_argument("--parent", type=int, required=True, help="process id")
    parser.add_argument("--timeout-ms", type=int, required=True)
    return parser.parse_args()


def _die_with(parent: int) -> None:
    """Have the kernel kill this process when its parent ends, however it ends."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(ENDED)


def _is_live(url: str) -> bool:
    return "://" in url and not url.startswith("file:")


def _pictures(url: str, timeout_ms: int) -> Iterator[bytes]:
    """Yield JPEG pictures: the camera's own where it sends JPEG."""
    packets = _open(url, timeout_ms, raw=True)
    taken, packet = packets.read()
    if taken and packet.tobytes().startswith(_JPEG_START):
        while taken:
            yield packet.tobytes()
            taken, packet = packets.read()
        return
    packets.release()
    images = _open(url, timeout_ms, raw=False)
    taken, image = images.read()
    while taken:
        packed, picture = cv2.imencode(
            ".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY)
        )
        if packed:
            yield picture.tobytes()
        taken, image = images.read()


def _open(url: str, timeout_ms: int, *, raw: bool) -> cv2.VideoCapture:
    options = [
        cv2.CAP_PROP_OPEN_TIMEOUT_MSEC,
        timeout_ms,
        cv2.CAP_PROP_READ_TIMEOUT_MSEC,
        timeout_ms,
        cv2.CAP_PROP_N_THREADS,
        1,
    ]
    if raw:
        options += [cv2.CAP_PROP_FORMAT, -1]
    return cv2.VideoCapture(url, cv2.CAP_FFMPEG, options)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (KeyboardInterrupt, BrokenPipeError):
        sys.exit(ENDED)
