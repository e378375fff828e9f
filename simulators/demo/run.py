"""The demo from the first process to the summary.

It is a state machine over one queue of events: what the programs say, what the page's
event stream brings, and signals. It starts the others as processes and meets them on
their ready lines, HTTP and MQTT alone.
"""

import datetime as dt
import json
import queue
import secrets
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx

from simulators.clock import utc_now
from simulators.demo.desk import Desk, RefusedError
from simulators.demo.folder import DemoFolder
from simulators.demo.measures import Crossing, Measures
from simulators.demo.memory import MemoryWatch
from simulators.demo.officers import OFFICERS, Officers, is_theirs
from simulators.demo.processes import Child, Event
from simulators.demo.show import Show
from simulators.errors import SimulatorError

__all__ = ["ROADSIDE", "SOURCE", "Demo", "Options"]

_WATCHER = "sim-desk"
_VISITOR_ROLES = ("admin", "alert_desk", "reviewer", "decider")
_WANTED_PORTS = {"page": 8080, "broker": 1883}
_READY_TIMEOUT_S = 180.0
_TAIL_S = 90.0
_PAGE = 500
_GRACE_S = 20.0
_ENDED_STATES = {
    "filed",
    "first_review_rejected",
    "second_review_rejected",
    "not_pursued",
}
ROADSIDE = "edge of the station"
SOURCE = "edge of the source enterprise"


class Options(NamedTuple):
    """What was asked on the command line."""

    data_dir: Path
    vehicles: int | None
    speed: float
    seed: int
    leave: bool
    machine: bool


class Demo:
    """One run of the demo."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._show = Show(machine=options.machine)
        self._folder = DemoFolder(options.data_dir)
        # the simple one: a signal handler puts while this thread may be getting
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._children: dict[str, Child] = {}
        self._measures = Measures()
        self._passages: dict[str, dict[str, Any]] = {}
        self._failures: list[str] = []
        self._officers: Officers | None = None
        self._watcher: Desk | None = None
        self._page = ""
        self._began = utc_now()
        self._finished = False
        self._refused_before = 0
        self._memory: MemoryWatch | None = None
        self.ready_s: dict[str, float] = {}
        self.peak_mb: dict[str, float] = {}
        self.summary: dict[str, Any] = {}

    def run(self) -> int:
        """Run to the end; return the exit code.

        Raises:
            SimulatorError: something cannot start; one line says what.
        """
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop_asked)
        try:
            self._start()
            self._follow()
            return self._conclude()
        except _StopAskedError:
            self._show.line("stopped before it was ready")
            return 0
        finally:
            self._end_all()

    def _stop_asked(self, _signal: int, _frame: object) -> None:
        self._events.put(Event("demo", "stop", {}))

    # ------------------------------------------------------------------ start

    def _start(self) -> None:
        self._show.line(f"data folder: {self._folder.root}")
        self._show.line("starting the server with its database and broker …")
        server_config = self._folder.server_config()
        self._spawn("server", "server", "serve", str(server_config), "--json")
        self._spawn("simulator", "simulators", "station", *self._simulator_options())
        ready = self._await_ready("server", "simulator")
        server, simulator = ready["server"], ready["simulator"]
        self._page = server["page"]
        for what, url in (("page", self._page), ("broker", server["mqtt_url"])):
            self._say_if_moved(what, url)
        if folder := self._folder.database_elsewhere:
            self._show.line(
                f"database folder: {folder} (root never runs a database, and the "
                "account that does may not enter the data folder)"
            )
        passwords = self._make_accounts(server_config, server["database_url"])
        self._show.line(
            f"page: {self._page}   sign in as admin with {passwords['admin']} "
            "(one-time password, good until the next start)"
        )
        self._watch(passwords[_WATCHER])
        self._show.line("starting the edge daemons (the first start compiles) …")
        self._start_edge(ROADSIDE, "station", simulator["strip"], simulator, server)
        self._start_edge(SOURCE, "source", simulator["scale"], simulator, server)
        edges = self._await_ready(ROADSIDE, SOURCE)
        for name, fields in edges.items():
            self.ready_s[name] = fields["ready_s"]
            self._show.line(f"{name}: ready after {fields['ready_s']:.1f} s")
        pause_s = max(0.2, 1.0 / self._options.speed)
        self._officers = Officers(self._page, passwords, pause_s=pause_s)
        self._officers.start()
        self._show.line(
            "simulated officers are at their desks; vehicles start; Ctrl-C ends it"
        )
        self._memory = MemoryWatch(
            {name: child.pid for name, child in self._children.items()}
        )
        self._began = utc_now()
        self._children["simulator"].say("start")

    def _say_if_moved(self, what: str, url: str) -> None:
        """Say that a wanted port was busy and which one was taken instead."""
        wanted, port = _WANTED_PORTS[what], urlsplit(url).port
        if port != wanted:
            self._show.line(f"port {wanted} is busy: the {what} takes {port}")

    def _spawn(self, name: str, package: str, *arguments: str) -> None:
        command = [sys.executable, "-m", package, *arguments]
        log_file = self._folder.log_file(name.replace(" ", "-"))
        self._children[name] = Child(
            name, command, events=self._events, log_file=log_file
        )

    def _simulator_options(self) -> list[str]:
        asked = self._options
        words = [str(self._folder.simulator_config()), "--wait", "--json"]
        words += ["--seed", str(asked.seed), "--speed", f"{asked.speed:g}"]
        words += ["--ledger", str(self._folder.ledger)]
        if asked.vehicles is not None:
            words += ["--vehicles", str(asked.vehicles)]
        return words

    def _start_edge(
        self,
        name: str,
        shipped: str,
        device: str,
        simulator: dict[str, Any],
        server: dict[str, Any],
    ) -> None:
        config = self._folder.edge_config(
            shipped,
            device=device,
            cameras=simulator["cameras"],
            mqtt_url=server["mqtt_url"],
            page=self._page,
        )
        self._spawn(name, "edge", str(config), "--json")

    def _await_ready(self, *names: str) -> dict[str, dict[str, Any]]:
        """Wait for the ready lines of some programs."""
        ready: dict[str, dict[str, Any]] = {}
        deadline = time.monotonic() + _READY_TIMEOUT_S
        while len(ready) < len(names):
            try:
                event = self._events.get(timeout=max(0.1, deadline - time.monotonic()))
            except queue.Empty as error:
                waiting = ", ".join(name for name in names if name not in ready)
                message = f"{waiting}: not ready after {_READY_TIMEOUT_S:.0f} s"
                raise SimulatorError(message) from error
            if event.name == "stop":
                raise _StopAskedError
            if event.name == "ended":
                child = self._children[event.source]
                message = f"{event.source} ended: {child.last_words()}"
                raise SimulatorError(message)
            if event.name == "ready" and event.source in names:
                ready[event.source] = event.fields
            else:
                self._take(event)
        return ready

    def _make_accounts(self, config: Path, database_url: str) -> dict[str, str]:
        """Make or reset the demo's accounts; return their passwords."""
        table = config.read_text("utf-8").replace('"embedded"', f'"{database_url}"', 1)
        direct = config.with_name("accounts.toml")
        direct.touch(mode=0o600)
        direct.write_text(table, "utf-8")
        passwords = {"admin": secrets.token_urlsafe(9)}
        jobs = [self._account(direct, "admin", _VISITOR_ROLES, passwords["admin"])]
        simulated = [(o.account, o.role) for o in OFFICERS] + [(_WATCHER, "alert_desk")]
        for name, role in simulated:
            passwords[name] = secrets.token_urlsafe(18)
            jobs.append(
                self._account(direct, name, (role,), passwords[name], "--simulated")
            )
        for job in jobs:
            said, _ = job.communicate(timeout=60)
            if job.returncode:
                message = f"an account could not be made: {said.strip()}"
                raise SimulatorError(message)
        direct.unlink()
        return passwords

    def _account(
        self,
        config: Path,
        name: str,
        roles: tuple[str, ...],
        password: str,
        *more: str,
    ) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "server", "account", str(config), name]
        roles_said = [word for role in roles for word in ("--role", role)]
        job = subprocess.Popen(
            [*command, *roles_said, "--password-stdin", *more],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if job.stdin:
            job.stdin.write(password + "\n")
            job.stdin.flush()
        return job

    def _watch(self, password: str) -> None:
        """Follow the page's event stream like an officer's browser would."""
        self._watcher = desk = Desk(self._page, _WATCHER, password)
        self._refused_before = self._refused(desk)
        threading.Thread(
            target=self._stream, args=(desk,), name="page-events", daemon=True
        ).start()

    def _stream(self, desk: Desk) -> None:
        while True:
            try:
                for fields in desk.events():
                    fields["shown_at"] = utc_now()
                    self._events.put(Event("page", str(fields.get("kind")), fields))
            except (httpx.TransportError, RefusedError, json.JSONDecodeError) as error:
                self._events.put(Event("page", "interrupted", {"why": str(error)}))
            except RuntimeError:
                return  # the client was closed: the demo is over
            time.sleep(0.5)

    # ----------------------------------------------------------------- follow

    def _follow(self) -> None:
        """Take events until told to stop, or with ``--exit`` until all is done."""
        while not (self._finished and self._options.leave):
            event = self._events.get()
            if event.name == "stop":
                return
            if event.name == "ended":
                child = self._children[event.source]
                words = f"{event.source} ended unasked: {child.last_words()}"
                self._failures.append(words)
                self._show.line(words)
                return
            self._take(event)

    def _take(self, event: Event) -> None:
        match event:
            case Event("simulator", "crossed", fields):
                self._measures.crossed(
                    Crossing(
                        fields["lane"],
                        dt.datetime.fromisoformat(fields["first_axle_at"]),
                        dt.datetime.fromisoformat(fields["last_sample_written_at"]),
                    )
                )
            case Event("simulator", "finished", _):
                self._finished = True
                self._show.line("all vehicles have crossed")
            case Event("page", "passage", fields):
                self._passage(fields)
            case _:
                pass

    def _passage(self, fields: dict[str, Any]) -> None:
        passed_at = dt.datetime.fromisoformat(fields["passed_at"])
        if fields["id"] in self._passages or passed_at < self._began:
            return
        self._passages[fields["id"]] = fields
        committed = fields["committed_at"]
        self._measures.arrived(
            fields["id"],
            lane=fields["lane"],
            passed_at=passed_at,
            committed_at=dt.datetime.fromisoformat(committed) if committed else None,
            shown_at=fields["shown_at"],
        )
        if fields["overloaded"]:
            self._show.overloaded(fields, self._page)

    # --------------------------------------------------------------- conclude

    def _conclude(self) -> int:
        desk = self._watcher
        if desk is None:
            return 1
        if self._options.leave and not self._failures:
            self._settle(desk)
        if self._memory:
            self.peak_mb = self._memory.stop()
        self.summary = self._summary(desk)
        self._show.summary(self.summary)
        return 1 if self.summary["failures"] else 0

    def _settle(self, desk: Desk) -> None:
        """Give the last passages, pictures and reviews the time they need."""
        deadline = time.monotonic() + _TAIL_S
        open_points = self._open_points(desk)
        while open_points and time.monotonic() < deadline:
            try:
                self._take(self._events.get(timeout=0.5))
            except queue.Empty:
                open_points = self._open_points(desk)
        self._failures += open_points

    def _open_points(self, desk: Desk) -> list[str]:
        """Return what is not done yet, in words."""
        points = [
            f"no passage for the vehicle on lane {c.lane} at {c.first_axle_at:%H:%M:%S}"
            for c in self._measures.unmatched()
        ]
        points += [
            f"record {record['record_id']} is still {record['state']}"
            for record in self._records(desk)
            if is_theirs(record) and record["state"] not in _ENDED_STATES
        ]
        points += [
            f"{station['station_id']} still holds {depth} messages"
            for station in desk.get("/api/stations")
            if (depth := station["outbox_depth"])
        ]
        return points

    def _records(self, desk: Desk) -> list[dict[str, Any]]:
        """Return the records of this run's passages, newest first."""
        found: list[dict[str, Any]] = []
        page = desk.get("/api/records", limit=_PAGE)
        while page:
            ours = [r for r in page if r["passage"]["passage_id"] in self._passages]
            found += ours
            if len(page) < _PAGE or not ours:
                break
            page = desk.get("/api/records", limit=_PAGE, before=page[-1]["record_id"])
        return found

    def _refused(self, desk: Desk) -> int:
        """Return how many evidence files the server has refused so far."""
        stations = desk.get("/api/stations")
        return sum(sum(station["refusals"].values()) for station in stations)

    def _summary(self, desk: Desk) -> dict[str, Any]:
        passages = list(self._passages.values())
        records = self._records(desk)
        failures = [
            *self._failures,
            *(self._officers.failures if self._officers else []),
        ]
        surplus = self._measures.passages - self._measures.vehicles
        if self._options.leave and surplus > 0:
            failures.append(f"{surplus} passages more than vehicles")
        if refused := self._refused(desk) - self._refused_before:
            failures.append(f"{refused} evidence files refused")
        failures += [
            f"quarantined: {item['reason']}"
            for item in desk.get("/api/quarantine")
            if dt.datetime.fromisoformat(item["received_at"]) >= self._began
        ]
        return {
            "vehicles": self._measures.vehicles,
            "passages": self._measures.passages,
            "overloaded": sum(bool(p["overloaded"]) for p in passages),
            "hundred_tonne": sum(bool(p["hundred_tonne"]) for p in passages),
            "records": len(records),
            "cases": sum(record["case_id"] is not None for record in records),
            "axle_to_row_s": self._measures.axle_to_row_s()._asdict(),
            "axle_to_page_s": self._measures.axle_to_page_s()._asdict(),
            "failures": failures,
        }

    def _end_all(self) -> None:
        """End every program, those that produce before those that store."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        if self._officers:
            self._officers.stop()
        if self._watcher:
            self._watcher.close()
        for names in (("simulator",), (ROADSIDE, SOURCE), ("server",)):
            children = [self._children[n] for n in names if n in self._children]
            for child in children:
                child.ask_to_end()
            for child in children:
                child.end(_GRACE_S)
        self._folder.close()


class _StopAskedError(Exception):
    """Somebody pressed Ctrl-C while things were starting."""
