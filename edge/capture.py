"""Takes each vehicle's photographs from the rings and reads the plate in them.

It weighs nothing and seals nothing. A picture is taken of a vehicle's own moment only;
where that cannot be told from another vehicle's there is no picture, and the plate is
unread.
"""

import queue
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Protocol

import structlog

from edge.clock import Clock
from edge.config import View
from edge.devices.camera import Camera
from edge.devices.frame_ring import FrameStamp
from edge.errors import StorageError
from edge.evidence import EvidenceFolder, EvidenceItem, photograph
from edge.pairing import WINDOW_S, Moment, Moments, belonging
from lpr.confirming import concluded, is_settled
from lpr.image import Region, decode_jpeg
from lpr.models import PlateReading
from lpr.pipeline import Pipeline
from wim.messages import PlateNote

__all__ = ["Capture", "Look", "PlateReader", "plate_reader"]

_READ_VIEWS: frozenset[View] = frozenset({"front", "rear", "gate"})
_URGENT: frozenset[View] = frozenset({"front", "gate"})
_DEPTH = 64
_TRIES = 5
_FRAME_WAIT_S = 0.7
"""A camera that sends two pictures a second sends the next within this."""


class PlateReader(Protocol):
    """Reads one picture's bytes."""

    def __call__(self, content: bytes, region: Region) -> PlateReading | None:
        """Return the reading, or None if the bytes are no picture."""


class Look:
    """One photograph that is to be taken, and what came of it."""

    def __init__(self, moment: Moment, camera: Camera | None) -> None:
        self.moment = moment
        self.camera = camera
        self._done = threading.Event()
        self._stamp: FrameStamp | None = None
        self._item: EvidenceItem | None = None
        self._note: PlateNote | None = None

    def wait(self, timeout_s: float) -> bool:
        """Wait until the look is done; false if it is not in time."""
        return self._done.wait(timeout_s)

    def finish(
        self,
        note: PlateNote | None,
        *,
        stamp: FrameStamp | None = None,
        item: EvidenceItem | None = None,
    ) -> None:
        """Say what came of it."""
        self._stamp, self._item, self._note = stamp, item, note
        self._done.set()

    def result(
        self, rivals_s: Sequence[float]
    ) -> tuple[EvidenceItem | None, PlateNote | None]:
        """Return photograph and reading, unless a rival has come up meanwhile."""
        if self._stamp is None:
            return None, self._note
        if belonging(self.moment.at_s, rivals_s, [self._stamp]):
            return self._item, self._note
        return None, None if self._note is None else _without_frame(self._note)


class Capture:
    """The station's photographer: one worker for first looks, one for the others."""

    def __init__(
        self,
        cameras: Sequence[Camera],
        *,
        folder: EvidenceFolder,
        reserve_bytes: int,
        clock: Clock,
        make_reader: Callable[[], PlateReader],
    ) -> None:
        self.counters: Counter[str] = Counter()
        self._cameras = tuple(cameras)
        self._folder = folder
        self._reserve_bytes = reserve_bytes
        self._clock = clock
        self._log = structlog.get_logger("edge.capture")
        self._moments = Moments()
        self._queues = tuple(queue.Queue[Look](_DEPTH) for _ in range(2))
        self._stopping = threading.Event()
        self._threads = tuple(
            threading.Thread(
                target=self._run, args=(looks, make_reader()), name=name, daemon=True
            )
            for looks, name in zip(
                self._queues, ("capture", "capture-after"), strict=True
            )
        )

    def start(self) -> None:
        """Begin to take photographs."""
        for thread in self._threads:
            thread.start()

    def stop(self, timeout_s: float = 2.0) -> None:
        """End; looks that are not taken stay without a picture."""
        self._stopping.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(timeout_s)

    @property
    def alive(self) -> bool:
        """Return whether both workers still run."""
        return all(thread.is_alive() for thread in self._threads)

    def look(self, moment: Moment) -> Look:
        """Order a photograph of a moment; it is taken as soon as there is a frame."""
        self._moments.note(moment)
        look = Look(moment, self._camera(moment))
        if look.camera is None:
            look.finish(None)
            return look
        try:
            self._queues[0 if moment.view in _URGENT else 1].put_nowait(look)
        except queue.Full:
            self.counters["looks_dropped"] += 1
            self._log.warning("look_dropped", view=moment.view, lane=moment.lane)
            look.finish(self._no_frame(look))
        return look

    def result(self, look: Look) -> tuple[EvidenceItem | None, PlateNote | None]:
        """Return what came of a finished look, judged by all moments known by now."""
        return look.result(self._moments.rivals(look.moment))

    def keep(self, item: EvidenceItem) -> None:
        """See that a photograph lies in the folder, as if taken just now.

        Raises:
            StorageError: it cannot be written.
        """
        self._folder.keep(item, reserve_bytes=self._reserve_bytes)

    def _camera(self, moment: Moment) -> Camera | None:
        for camera in self._cameras:
            if camera.config.view == moment.view and camera.config.region(moment.lane):
                return camera
        return None

    def _run(self, looks: "queue.Queue[Look]", read: PlateReader) -> None:
        while not self._stopping.is_set():
            try:
                look = looks.get(timeout=0.5)
            except queue.Empty:
                continue
            try:
                self._take(look, read)
            except Exception as error:  # noqa: BLE001 -- a thread's loop: logged, counted
                self.counters["capture_failures"] += 1
                self._log.exception("capture_failed", error=str(error))
                look.finish(self._no_frame(look))

    def _take(self, look: Look, read: PlateReader) -> None:
        """Go through the frames of a moment, nearest first, until it is settled."""
        camera = look.camera
        if camera is None:
            return
        moment, tried = look.moment, set[int]()
        pictures: list[tuple[FrameStamp, bytes]] = []
        readings: list[PlateReading] = []
        region = camera.config.region(moment.lane) or (0.0, 0.0, 1.0, 1.0)
        if moment.view not in _URGENT:
            camera.wait_until(moment.at_s, self._left_s(moment.at_s + _FRAME_WAIT_S))
        while len(tried) < _TRIES and not self._stopping.is_set():
            fresh = [
                s for s in self._candidates(camera, moment) if s.number not in tried
            ]
            if not fresh:
                latest_s = self._clock.monotonic_s()
                left_s = self._left_s(moment.at_s + WINDOW_S)
                if left_s <= 0 or not camera.wait_until(latest_s, left_s):
                    break
                continue
            stamp = fresh[0]
            tried.add(stamp.number)
            content = camera.read(stamp.number)
            if content is None:
                continue
            if moment.view not in _READ_VIEWS:
                pictures.append((stamp, content))
                break
            reading = read(content, region)
            if reading is None:
                self.counters["frames_damaged"] += 1
                continue
            pictures.append((stamp, content))
            readings.append(reading)
            if is_settled(readings):
                break
        self._finish(look, _best(pictures, readings))

    def _candidates(self, camera: Camera, moment: Moment) -> list[FrameStamp]:
        since_s, until_s = moment.at_s - WINDOW_S, moment.at_s + WINDOW_S
        stamps = camera.between(since_s, until_s)
        return belonging(moment.at_s, self._moments.rivals(moment), stamps)

    def _finish(
        self, look: Look, best: tuple[FrameStamp, bytes, PlateReading | None] | None
    ) -> None:
        view = look.moment.view
        if best is None or look.camera is None:
            self.counters[f"no_frame_{view}"] += 1
            look.finish(self._no_frame(look))
            return
        stamp, content, reading = best
        camera = look.camera.config.name
        item = photograph(
            content,
            view,
            recorder=camera,
            recorded_at=self._clock.utc_of(stamp.captured_s),
        )
        note = None if reading is None else self._note(camera, view, reading)
        self.counters[f"photos_{view}"] += 1
        try:
            self._folder.keep(item, reserve_bytes=self._reserve_bytes)
        except StorageError as error:
            self.counters["photos_not_stored"] += 1
            self._log.warning("photo_not_stored", view=view, error=str(error))
            look.finish(note)
            return
        look.finish(note, stamp=stamp, item=item)

    def _note(self, camera: str, view: View, reading: PlateReading) -> PlateNote:
        read = "read" if reading.text is not None else f"unread_{reading.unread_reason}"
        self.counters[f"plates_{view}_{read}"] += 1
        return PlateNote(
            camera=camera,
            view=view,
            read_at=self._clock.now(),
            text=reading.text,
            colour=reading.colour,
            character_confidences=reading.character_confidences,
            unread_reason=reading.unread_reason,
            pattern=reading.pattern,
        )

    def _no_frame(self, look: Look) -> PlateNote | None:
        """Return the reading of a look without a picture, where one is due."""
        if look.camera is None or look.moment.view not in _READ_VIEWS:
            return None
        return PlateNote(
            camera=look.camera.config.name,
            view=look.moment.view,
            read_at=self._clock.now(),
            text=None,
            colour=None,
            character_confidences=(),
            unread_reason="no_frame",
        )

    def _left_s(self, until_s: float) -> float:
        return max(0.0, until_s - self._clock.monotonic_s())


def _best(
    pictures: Sequence[tuple[FrameStamp, bytes]], readings: Sequence[PlateReading]
) -> tuple[FrameStamp, bytes, PlateReading | None] | None:
    """The picture to keep and what all of them say; nothing where there is none."""
    if not pictures:
        return None
    if not readings:
        return (*pictures[0], None)
    place, reading = concluded(readings)
    return (*pictures[place], reading)


def _without_frame(note: PlateNote) -> PlateNote:
    return PlateNote(
        camera=note.camera,
        view=note.view,
        read_at=note.read_at,
        text=None,
        colour=None,
        character_confidences=(),
        unread_reason="no_frame",
    )


def plate_reader(pipeline: Pipeline) -> PlateReader:
    """Return what reads a picture's bytes with a pipeline."""

    def read(content: bytes, region: Region) -> PlateReading | None:
        image = decode_jpeg(content)
        return None if image is None else pipeline.read(image, region=region)

    return read
