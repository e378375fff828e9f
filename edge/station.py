"""The composition root: one station from its configuration, in order up and down.

It decides nothing about vehicles; it says who talks to whom.
"""

import contextlib
import fcntl
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import structlog

from edge.capture import Capture, plate_reader
from edge.clock import Clock
from edge.compiled_code import CompiledCode
from edge.config import StationConfig
from edge.devices.camera import Camera
from edge.devices.drivers import LineReader
from edge.devices.scales import scale_driver
from edge.devices.watch import DeviceWatch
from edge.errors import ConfigError, EdgeError, StorageError
from edge.evidence import EvidenceFolder
from edge.health import Health, Part, notify, offline_status
from edge.lane_charts import NOTHING_LEARNED, LaneCharts
from edge.outbox import Outbox
from edge.parameters import load_calibration
from edge.publisher import Publisher
from edge.reader_weights import load_pipeline
from edge.sealing import Sealed, Sealer
from edge.uploader import Uploader
from edge.weighing import LineProtocol, LineWeighing, ScaleLine, StripLine
from lpr.pipeline import Pipeline
from wim.calibration import Calibration
from wim.cli.compiling import compile_kernels
from wim.messages import PassageMessage, PlateNote, StatusMessage, encode
from wim.passage import Parameters, parameter_hash
from wim.seal import public_key
from wim.warming import warm_up

__all__ = ["Report", "run_station"]

Report = Callable[[str, dict[str, Any]], None]
"""Tells whoever watches: event name and fields."""

_MEGABYTE = 1_000_000


def run_station(
    config: StationConfig,
    *,
    compiled: CompiledCode | None,
    started_s: float,
    stop: threading.Event,
    report: Report,
    service_manager: str | None,
    clock: Clock,
) -> int:
    """Run one station until ``stop`` is set; return the exit code.

    ``compiled`` is the folder of compiled code, None if it is not the station's own;
    ``started_s`` is when the process began, on the monotonic clock.

    Raises:
        EdgeError: it cannot be started.
    """
    log = structlog.get_logger("edge.station")
    calibration = load_calibration(config)
    pipeline = load_pipeline(config)
    with _lock(config.data_dir):
        if config.site is not None:
            _compile(compiled)
        key = _private_key(config.private_key)
        outbox = Outbox(
            config.data_dir / "outbox.sqlite3",
            station_id=config.station.id,
            now=clock.now,
            min_free_bytes=config.storage.min_free_mb * _MEGABYTE,
        )
        station = _Station(
            config,
            key=key,
            outbox=outbox,
            report=report,
            service_manager=service_manager,
            stop=stop,
            clock=clock,
            calibration=calibration,
            pipeline=pipeline,
        )
        try:
            station.start()
            ready_s = round(clock.monotonic_s() - started_s, 3)
            facts = {
                "station_id": config.station.id,
                "role": config.station.role,
                "public_key": public_key(key),
                "outbox_depth": outbox.backlog().depth,
            }
            report("ready", {"ready_s": ready_s, **facts})
            log.info("station_started", ready_s=ready_s, **facts)
            notify(service_manager, "READY=1")
            stop.wait()
        finally:
            notify(service_manager, "STOPPING=1")
            station.stop()
            outbox.close()
            log.info("station_stopped", broken=station.broken)
    return 0 if station.broken is None else 1


def _compile(compiled: CompiledCode | None) -> None:
    """Have every kernel compiled or loaded, whatever state its folder is in."""
    log = structlog.get_logger("edge.station")
    if compiled is not None and compiled.discard_if_damaged():
        log.warning("compiled_code_discarded", folder=str(compiled.folder))
    compile_kernels(lambda why: log.warning("compiled_alone", reason=why))
    warm_up()
    if compiled is not None:
        compiled.note_whole()


class _Station:
    """The parts of one station, wired."""

    def __init__(
        self,
        config: StationConfig,
        *,
        key: bytes,
        outbox: Outbox,
        report: Report,
        service_manager: str | None,
        stop: threading.Event,
        clock: Clock,
        calibration: Calibration,
        pipeline: Pipeline,
    ) -> None:
        self.broken: str | None = None
        self._config = config
        self._calibration = calibration
        self._clock = clock
        self._report = report
        self._stop = stop
        self._boot_id = boot_id = clock.identifier()
        reserve_bytes = config.storage.min_free_mb * _MEGABYTE
        folder = EvidenceFolder(config.data_dir / "evidence")
        self._uploader = Uploader(
            config.upload,
            station_id=config.station.id,
            private_key=key,
            outbox=outbox,
            folder=folder,
            clock=clock,
        )
        self._publisher = Publisher(
            config.mqtt,
            station_id=config.station.id,
            server_key=config.keys.server_public_key,
            outbox=outbox,
            clock=clock,
            last_will=encode(offline_status(config, boot_id)),
            on_receipt=self._uploader.wake,
        )
        self._cameras = tuple(Camera(each, clock=clock) for each in config.cameras)
        self._capture = Capture(
            self._cameras,
            folder=folder,
            reserve_bytes=reserve_bytes,
            clock=clock,
            make_reader=lambda: plate_reader(pipeline),
        )
        self._sealer = Sealer(
            config,
            private_key=key,
            boot_id=boot_id,
            outbox=outbox,
            capture=self._capture,
            clock=clock,
            calibration=calibration,
            on_sealed=self._tell,
            on_news=self._publisher.wake,
            on_broken=self._break,
        )
        self._charts = (
            None
            if config.site is None
            else LaneCharts(
                config.data_dir / "charts.json",
                parameter_hash=parameter_hash(config.site, Parameters(), calibration),
                lanes=len(config.site.lanes),
            )
        )
        self._strip_line: StripLine | None = None
        line_watch = DeviceWatch("line", clock=clock)
        self._reader = LineReader(config.line, clock=clock)
        self._weighing = LineWeighing(
            config.line,
            self._protocol(line_watch),
            reader=self._reader,
            watch=line_watch,
            clock=clock,
        )
        self._health = Health(
            config,
            boot_id=boot_id,
            outbox=outbox,
            watches=[line_watch, *(camera.watch for camera in self._cameras)],
            parts=self._parts(),
            say=self._publisher.say,
            service_manager=service_manager,
            clock=clock,
        )

    def start(self) -> None:
        """Start from the outbox outwards: whoever takes starts after whoever keeps."""
        self._uploader.start()
        self._publisher.start()
        self._capture.start()
        self._sealer.start()
        for camera in self._cameras:
            camera.start()
        self._weighing.start()
        self._reader.start()
        self._health.start()

    def stop(self) -> None:
        """Stop from the devices inwards, and say the last status."""
        _together(self._health.stop, self._reader.stop, self._weighing.stop)
        if self._charts is not None and self._strip_line is not None:
            self._charts.write(self._strip_line.learned)
        cameras = (camera.stop for camera in self._cameras)
        _together(self._sealer.stop, self._capture.stop, self._uploader.stop, *cameras)
        self._publisher.stop(encode(self._last_status()))

    def _last_status(self) -> StatusMessage:
        try:
            return self._health.status(online=False)
        except StorageError:  # a broken outbox has been logged; its depth is unknown
            return offline_status(self._config, self._boot_id)

    def _protocol(self, watch: DeviceWatch) -> LineProtocol:
        """Return the table's row for the line's protocol."""
        config = self._config
        if config.site is not None:
            self._strip_line = StripLine(
                config.site,
                watch=watch,
                on_entered=self._sealer.entered,
                on_weighed=self._sealer.weighed,
                calibration=self._calibration,
                temperature_c=config.pavement_temperature_c,
                utc_of=self._clock.utc_of,
                learned=NOTHING_LEARNED
                if self._charts is None
                else self._charts.read(),
            )
            return self._strip_line
        if config.scale is None:
            raise AssertionError
        return ScaleLine(
            config.scale,
            driver=scale_driver(config.line),
            watch=watch,
            on_entered=self._sealer.entered,
            on_weighed=self._sealer.weighed,
        )

    def _parts(self) -> list[Part]:
        parts = [
            Part("publisher", self._publisher.counters, lambda: self._publisher.alive),
            Part("uploader", self._uploader.counters, lambda: self._uploader.alive),
            Part("capture", self._capture.counters, lambda: self._capture.alive),
            Part("sealer", self._sealer.counters, lambda: self._sealer.alive),
            Part("weighing", {}, lambda: self._weighing.alive),
            Part("line", self._reader.counters, lambda: self._reader.alive),
        ]
        return [*parts, *(_part(camera) for camera in self._cameras)]

    def _break(self, reason: str) -> None:
        """An outbox that fails is salvaged at the next start, so start again."""
        self.broken = reason
        structlog.get_logger("edge.station").error("outbox_broken", reason=reason)
        self._stop.set()

    def _tell(self, sealed: Sealed) -> None:
        message = sealed.message
        if self._charts is not None and self._strip_line is not None:
            self._charts.note(self._strip_line.learned)
        if isinstance(message, PassageMessage):
            verdict = message.assessment
            fields: dict[str, Any] = {
                "passage_id": message.passage_id,
                "passed_at": message.passed_at.isoformat(),
                "lane": message.lane,
                "gross_mass_kg": round(message.gross_mass_kg, 1),
                "axle_configuration": message.axle_configuration,
                "speed_mps": None
                if message.speed_mps is None
                else round(message.speed_mps, 2),
                "valid": message.valid,
                "flags": list(message.flags),
                "overloaded": None if verdict is None else verdict.overloaded,
                "limit_kg": None if verdict is None else verdict.limit_kg,
            }
        else:
            fields = {
                "weighing_id": message.weighing_id,
                "weighed_at": message.weighed_at.isoformat(),
                "gross_mass_kg": round(message.gross_mass_kg, 1),
            }
        fields["sequence"] = message.sequence
        fields["plate"] = _plate(message.plate_readings)
        fields["sealed_after_s"] = round(sealed.took_s, 4)
        self._report(sealed.leaf, fields)


def _together(*stops: Callable[[], None]) -> None:
    """Stop several parts at the same time, so that a stop takes as long as one."""
    threads = [threading.Thread(target=stop) for stop in stops]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _part(camera: Camera) -> Part:
    return Part(camera.watch.name, {}, lambda: camera.alive)


def _plate(notes: tuple[PlateNote, ...]) -> str | None:
    return next((note.text for note in notes if note.text is not None), None)


@contextlib.contextmanager
def _lock(data_dir: Path) -> Iterator[None]:
    """Hold a data folder for one daemon only.

    Raises:
        ConfigError: another daemon has it.
        StorageError: it cannot be made or written.
    """
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        file = (data_dir / "lock").open("w", encoding="ascii")
    except OSError as error:
        text = f"cannot use station.data_dir {data_dir}: {error.strerror}"
        raise StorageError(text) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            text = f"another luheng-edge runs on station.data_dir {data_dir}; stop it"
            raise ConfigError(text) from error
        yield


def _private_key(path: Path) -> bytes:
    """Return the station's signing key; make one at the first start.

    Raises:
        EdgeError: the key cannot be read or made.
    """
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
            with os.fdopen(os.open(path, flags, 0o600), "w") as file:
                file.write(os.urandom(32).hex() + "\n")
                file.flush()
                os.fsync(file.fileno())
        return bytes.fromhex(path.read_text(encoding="ascii").strip())
    except (OSError, ValueError) as error:
        text = f"cannot read or make keys.private_key {path}: {error}"
        raise EdgeError(text) from error
