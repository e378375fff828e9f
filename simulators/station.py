"""The simulated station, put together: one plan, two lines, four cameras, one ledger.

Threads are few and named: the strip line, the scale, one per camera, the HTTP server
and the reader of commands. What it says to whoever started it are events; masses and
plates are never among them.
"""

import datetime as dt
import os
import select
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import structlog

from simulators.camera.scene import VIEWS, Scene
from simulators.clock import Pace, utc_now
from simulators.config import StationConfig
from simulators.dynamics import compile_now
from simulators.errors import SimulatorError
from simulators.film import Film
from simulators.ledger import Ledger
from simulators.pseudo_terminal import PseudoTerminal
from simulators.recording import load_site
from simulators.scale import READINGS_PER_S, Weighbridge
from simulators.stream import FrameFeed, MjpegServer
from simulators.strip_line import Crossed, LastSample, StripLine
from simulators.strips import StripField, lane_length_m
from simulators.timetable import Timetable
from simulators.traffic import plan_traffic
from wim.protocols import xk3190

__all__ = ["COMMANDS", "Event", "Station", "StationOrder"]

Event = dict[str, object]

COMMANDS = (
    "start",
    "freeze CAMERA",
    "thaw CAMERA",
    "unplug strip|scale",
    "plug strip|scale",
    "garbage N",
)
"""What the station understands on its standard input, one a line."""

_LINGER_S = 3.0
_PARTING_S = 0.5  # who closes the input often sends a signal with it
_MOST_GARBAGE = 1_000_000
_log = structlog.get_logger()


class StationOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What to simulate: how many vehicles, from which seed, how fast."""

    vehicles: int = 20
    seed: int = 1
    speed: float = 1.0
    ledger: Path | None = None
    wait: bool = False
    exit: bool = False


class Station:
    """One simulated station; :meth:`run` returns when it has ended."""

    def __init__(
        self,
        config: StationConfig,
        order: StationOrder,
        *,
        announce: Callable[[Event], None],
    ) -> None:
        self._pace = Pace(order.speed)
        site, _ = load_site(Path(config.site))
        self._order = order
        self._announce = announce
        self._stop = threading.Event()
        self._failure: str | None = None
        self._begun = threading.Lock()
        self._timetable: Timetable | None = None
        self._crossed = 0
        self._weighed = 0
        self._finished = threading.Event()
        lanes = tuple(lane.number for lane in site.lanes)
        length_m = max(lane_length_m(lane) for lane in site.lanes)
        self._plan = plan_traffic(
            config.traffic,
            seed=order.seed,
            vehicles=order.vehicles,
            lanes=lanes,
            station_length_m=length_m,
            speed=order.speed,
        )
        self._weighbridge = Weighbridge(self._plan)
        self._lines = {
            "strip": PseudoTerminal(Path(config.lines.strip)),
            "scale": PseudoTerminal(Path(config.lines.scale), patience_s=0.2),
        }
        self._noise = np.random.default_rng([order.seed, 2**20])
        field = StripField(site, config.signal, np.random.default_rng([order.seed, 0]))
        self._strip_line = StripLine(
            self._lines["strip"],
            field,
            self._pace,
            signal=config.signal,
            block_s=config.block_ms / 1000.0,
            last_samples={
                lane.number: LastSample(
                    lane_length_m(lane), max(s.width_m for s in lane.strips)
                )
                for lane in site.lanes
            },
            on_crossed=self._on_crossed,
        )
        self._films = {
            view: Film(
                Scene(
                    view,
                    view,
                    places=1 if view == "gate" else len(lanes),
                    seed=order.seed,
                ),
                FrameFeed(view),
                self._pace,
                config=config.cameras,
                lanes=lanes,
                station_length_m=length_m,
            )
            for view in VIEWS
        }
        feeds = [film.feed for film in self._films.values()]
        self._server = MjpegServer(config.cameras.host, config.cameras.port, feeds)
        self._ledger = Ledger(order.ledger)
        compile_now()

    def stop(self) -> None:
        """Ask the station to end; from any thread, but not inside a signal handler."""
        self._stop.set()

    def run(self, commands: int | None) -> None:
        """Run until stopped, or until all is over if the order says so.

        Args:
            commands: file descriptor on which commands come, or None.

        Raises:
            SimulatorError: a line cannot be placed, or a part failed.
        """
        threads = [
            self._thread("strip-line", self._strip_line.run),
            self._thread("scale", self._run_scale),
            *(
                self._thread(f"camera-{view}", film.run)
                for view, film in self._films.items()
            ),
        ]
        if commands is not None:
            threads.append(self._thread("commands", lambda _: self._obey(commands)))
        try:
            for line in self._lines.values():
                line.plug()
            self._server.start()
            self._pace.slip(self._pace.elapsed_s())  # what the building took
            for thread in threads:
                thread.start()
            self._announce(self._ready())
            if not self._order.wait:
                self._begin()
            self._await_end()
        finally:
            self._stop.set()
            for thread in threads:
                if thread.is_alive():
                    thread.join(5.0)
            self._server.stop()
            for line in self._lines.values():
                line.unplug()
            self._ledger.close()
        if self._failure is not None:
            raise SimulatorError(self._failure)

    def _await_end(self) -> None:
        while not self._stop.wait(0.1):
            if self._finished.is_set() and self._order.exit:
                self._stop.wait(_LINGER_S)  # the rear camera has yet to see it go
                return

    def _ready(self) -> Event:
        return {
            "event": "ready",
            "strip": str(self._lines["strip"].link),
            "cameras": {
                view: self._server.url(film.feed) for view, film in self._films.items()
            },
            "scale": str(self._lines["scale"].link),
        }

    def _begin(self) -> None:
        """Let the traffic come, once."""
        with self._begun:
            if self._timetable is not None:
                return
            timetable = Timetable(self._plan, begins_s=self._pace.elapsed_s())
            self._timetable = timetable
        self._strip_line.follow(timetable)
        for film in self._films.values():
            film.follow(timetable)
        self._count()

    # ------------------------------------------------------------ what happens

    def _on_crossed(self, crossed: Crossed) -> None:
        """Announce a crossing and write down its truth."""
        crossing = crossed.entry.crossing
        self._ledger.crossed(
            crossing,
            started_at_s=crossed.entry.passing.arrives_s,
            first_axle_at=crossed.first_axle_at,
            last_sample_written_at=crossed.last_sample_written_at,
        )
        self._announce(
            {
                "event": "crossed",
                "vehicle": crossing.number,
                "lane": crossing.lane,
                "first_axle_at": crossed.first_axle_at.isoformat(),
                "last_sample_written_at": crossed.last_sample_written_at.isoformat(),
            }
        )
        self._crossed += 1
        self._count()

    def _run_scale(self, stop: threading.Event) -> None:
        """Write the indicator's frames, never faster than real time."""
        waiting = list(self._plan.weighings)
        while not stop.wait(1.0 / READINGS_PER_S):
            timetable = self._timetable
            if timetable is None:
                self._lines["scale"].write(xk3190.encode(0.0))
                continue
            plan_s = timetable.plan_s(self._pace.elapsed_s())
            shown_kg = self._weighbridge.displayed_kg(plan_s)
            self._lines["scale"].write(xk3190.encode(shown_kg))
            now = utc_now()
            while waiting and (over := waiting[0].weighing) is not None:
                if plan_s < over.ends_at_s:
                    break
                crossing = waiting.pop(0)
                stood_at = now - dt.timedelta(seconds=plan_s - over.stands_at_s)
                left_at = now - dt.timedelta(seconds=plan_s - over.leaves_at_s)
                self._ledger.weighed(crossing, stood_at=stood_at, left_at=left_at)
                self._announce(
                    {
                        "event": "weighed",
                        "vehicle": crossing.number,
                        "stood_at": stood_at.isoformat(),
                        "left_at": left_at.isoformat(),
                    }
                )
                self._weighed += 1
                self._count()

    def _count(self) -> None:
        """Announce the end once everybody has crossed and was weighed."""
        weighings = len(self._plan.weighings)
        with self._begun:
            over = (
                self._crossed >= len(self._plan.crossings)
                and self._weighed >= weighings
                and not self._finished.is_set()
            )
            if over:
                self._finished.set()
        if over:
            self._announce(
                {"event": "finished", "vehicles": self._crossed, "weighings": weighings}
            )

    # ------------------------------------------------------------ commands

    def _obey(self, descriptor: int) -> None:
        """Read commands line by line until the end of the input."""
        pending = b""
        while not self._stop.is_set():
            ready, _, _ = select.select([descriptor], [], [], 0.2)
            if not ready:
                continue
            data = os.read(descriptor, 4096)
            if not data:
                break
            *lines, pending = (pending + data).split(b"\n")
            for line in lines:
                self._command(line.decode("utf-8", "replace").strip())
        waits_in_vain = self._order.wait and self._timetable is None
        if waits_in_vain and not self._stop.wait(_PARTING_S):
            self._failure = "the standard input ended before the line 'start'"
            self._stop.set()

    def _command(self, text: str) -> None:
        """Carry out one command and say so, or say why not."""
        if not text:
            return
        word, _, rest = text.partition(" ")
        try:
            self._carry_out(word, rest.strip())
        except SimulatorError as error:
            self._announce({"event": "refused", "command": text, "reason": str(error)})
        else:
            self._announce({"event": "done", "command": text})

    def _carry_out(self, word: str, rest: str) -> None:
        match word:
            case "start":
                self._begin()
            case "freeze" | "thaw":
                if (film := self._films.get(rest)) is None:  # type: ignore[call-overload]  # any text
                    message = f"no camera '{rest}'; there are {', '.join(VIEWS)}"
                    raise SimulatorError(message)
                film.frozen = word == "freeze"
            case "plug" | "unplug":
                if (line := self._lines.get(rest)) is None:
                    message = f"no line '{rest}'; there are {', '.join(self._lines)}"
                    raise SimulatorError(message)
                if word == "plug":
                    line.plug()
                else:
                    line.unplug()
            case "garbage":
                if not rest.isdecimal() or not 0 < int(rest) <= _MOST_GARBAGE:
                    message = f"'{rest}' bytes; give 1 to {_MOST_GARBAGE}"
                    raise SimulatorError(message)
                self._lines["strip"].write(self._noise.bytes(int(rest)))
            case _:
                message = f"unknown command; there are {'; '.join(COMMANDS)}"
                raise SimulatorError(message)

    def _thread(
        self, name: str, work: Callable[[threading.Event], None]
    ) -> threading.Thread:
        def guarded() -> None:
            try:
                work(self._stop)
            except Exception as error:  # noqa: BLE001 - the loop of a thread
                _log.exception("thread_failed", thread=name)
                self._failure = f"{name} failed: {error}"
                self._stop.set()

        return threading.Thread(target=guarded, name=name, daemon=True)
