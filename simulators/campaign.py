"""A campaign: thousands of simulated vehicles, weighed by programs of their own.

For each study and site it lets ``luheng-sim recording``, ``luheng-wim calibrate`` and
``luheng-wim process`` run in processes of their own, joins what they wrote to lines of
passages and of truth, and lets ``luheng-wim accuracy`` judge them; it knows no
estimator itself. Each process is started once and runs one command after another.
Recordings are large and are deleted as soon as they are weighed. Whatever is done is
kept: started again with the same folder, it goes on where it was stopped.

The estimators that know no road are calibrated without one, from the same vehicles, so
that each stands in the report with the best that it can have.

A site is calibrated with vehicles of its own seed, of which none is judged. Sites and
traffic have seeds from 100 000 on, which nothing was ever tuned on; whoever tunes asks
for other ones.
"""

import argparse
import contextlib
import fcntl
import math
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any, Literal

import msgspec

from simulators.errors import SimulatorError
from simulators.program import Program

__all__ = ["STUDIES", "SUMMARY", "Campaign", "Study", "add_arguments", "run"]

_FIRST_SEED = 100_000
_REFERENCE_SEED = 50_000_000
_SEEDS_A_SITE = 1000
_SIGNIFICANT = 8
_WITH_ROAD = "joint"
_KEPT = (
    "lane",
    "started_at_s",
    "direction",
    "speed_mps",
    "acceleration_mps2",
    "axle_loads_kg",
    "axle_load_uncertainties_kg",
    "axle_spacings_m",
    "gross_mass_kg",
    "gross_mass_uncertainty_kg",
    "axle_groups",
    "axle_configuration",
    "flags",
    "valid",
    "vehicle_class",
    "estimators",
    "manoeuvre",
    "severity",
    "suspension",
)


class Study(msgspec.Struct, frozen=True, kw_only=True):
    """One question: which site, which trucks, how many.

    ``sites`` is over how many sites the vehicles are spread, ``site_vehicles`` how many
    a site has at least when a part of the study is asked for (None: as many as in the
    whole of it), ``chunk`` how many are recorded at once; ``reference`` vehicles of
    each lane calibrate a site.
    """

    name: str
    title: str
    site: str
    lanes: int = 1
    family: Literal["planar", "modal"] = "planar"
    road: Literal["A", "B", "C"] = "A"
    traffic: Literal["normal", "lawful", "manoeuvres"] = "normal"
    vehicles: int = 10_500
    sites: int = 30
    site_vehicles: int | None = None
    chunk: int = 175
    reference: int = 150
    estimators: bool = True


STUDIES: tuple[Study, ...] = (
    Study(
        name="four_rows",
        title="4 rows x 3 m, class A road",
        site="4row-site.toml",
    ),
    Study(
        name="two_rows",
        title="2 rows x 3 m, class A road",
        site="2row-site.toml",
    ),
    Study(
        name="six_rows",
        title="6 rows, class A road",
        site="6row-site.toml",
        vehicles=3_500,
        sites=10,
    ),
    Study(
        name="second_family",
        title="4 rows x 3 m, class A road, second family of vehicle models",
        site="4row-site.toml",
        family="modal",
        sites=30,
    ),
    Study(
        name="class_b",
        title="4 rows x 3 m, class B road",
        site="4row-site.toml",
        road="B",
        vehicles=3_500,
        sites=10,
    ),
    Study(
        name="manoeuvres",
        title="4 rows x 3 m, two lanes, manoeuvres",
        site="demo-site.toml",
        lanes=2,
        traffic="manoeuvres",
        vehicles=10_500,
        sites=10,
        chunk=120,
    ),
    Study(
        name="lawful",
        title="4 rows x 3 m, lawful vehicles",
        site="4row-site.toml",
        traffic="lawful",
        vehicles=301_500,
        sites=120,
        site_vehicles=350,
        chunk=225,
        estimators=False,
    ),
)
"""What ``luheng-sim campaign`` can do, by name."""

SUMMARY = "weigh thousands of recorded vehicles and judge the figures"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe what the command takes."""
    names = [study.name for study in STUDIES]
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument(
        "--study",
        action="append",
        choices=names,
        dest="studies",
        help="may be given again; all if not given",
    )
    parser.add_argument(
        "--scale", type=float, default=1.0, help="part of the vehicles and sites"
    )
    parser.add_argument(
        "--first-seed",
        type=int,
        default=_FIRST_SEED,
        metavar="S",
        help=f"of sites and traffic ({_FIRST_SEED}); for tuning take lower ones",
    )
    parser.add_argument("--workers", type=int, default=2, metavar="N")
    parser.add_argument(
        "--sites", type=Path, default=Path("configs/stations"), metavar="DIR"
    )
    parser.add_argument(
        "--limits",
        type=Path,
        default=Path("configs/limits/cn-2016.toml"),
        metavar="LIMITS.toml",
    )
    parser.add_argument("--json", action="store_true", help="print the reports")


def run(arguments: argparse.Namespace, *, progress: Callable[[float], None]) -> str:
    """Run the command and return what it has to say.

    Raises:
        SimulatorError: an argument, a program or a file is not what it must be.
    """
    for name, value, most in (
        ("--scale", arguments.scale, 10.0),
        ("--workers", arguments.workers, 256),
        ("--first-seed", arguments.first_seed, 10_000_000),
    ):
        if not 0 < value <= most:
            message = f"{name} {value:g}: expected more than 0, at most {most:g}"
            raise SimulatorError(message)
    chosen = [
        study
        for study in STUDIES
        if arguments.studies is None or study.name in arguments.studies
    ]
    missing = [
        path
        for path in (arguments.limits, *(arguments.sites / s.site for s in chosen))
        if not path.is_file()
    ]
    if missing:
        message = f"{missing[0]}: no such file; run from the repository or name it"
        raise SimulatorError(message)
    reports = Campaign(
        arguments.out,
        sites=arguments.sites,
        limits=arguments.limits,
        workers=arguments.workers,
        scale=arguments.scale,
        first_seed=arguments.first_seed,
    ).run(chosen, progress=progress)
    if arguments.json:
        return msgspec.json.encode(reports).decode()
    return "\n".join(
        f"{name}: {_sentence(report)} ({arguments.out / name})"
        for name, report in reports.items()
    )


def _sentence(report: dict[str, Any]) -> str:
    """Return the gist of a report in one line."""
    gross, lawful = report["gross"], report["lawful"]
    if gross is None:
        return f"{report['vehicles']} vehicles, none of them judged"
    said = (
        f"{report['judged']} of {report['vehicles']} judged, gross mass 95 % within "
        f"±{gross['p95']:.2f} %, bias {gross['bias']:+.2f} %"
    )
    if report["covered"]["share"] is not None:
        said += f", {100.0 * report['covered']['share']:.1f} % inside U"
    if lawful is not None and lawful["vehicles"]:
        wrong = lawful["after_uncertainty"]["count"]
        said += f", {wrong} of {lawful['vehicles']} lawful called overloaded"
    return said


class _Chunk(msgspec.Struct, frozen=True, kw_only=True):
    """Vehicles that are recorded and weighed at once."""

    study: Study
    site_seed: int
    seed: int
    number: int
    vehicles: int

    @property
    def name(self) -> str:
        return f"{self.study.name}-{self.site_seed}-{self.number:03d}"


class Campaign:
    """The studies in one folder.

    Args:
        folder: where results and what is under way lie.
        sites: folder of the site files.
        limits: table of limits for lawful vehicles.
        workers: processes at once.
        scale: part of each study's vehicles and sites, for a try.
        first_seed: of sites and traffic.
    """

    def __init__(
        self,
        folder: Path,
        *,
        sites: Path,
        limits: Path,
        workers: int = 2,
        scale: float = 1.0,
        first_seed: int = _FIRST_SEED,
    ) -> None:
        self._folder = folder
        self._sites = sites
        self._limits = limits
        self._workers = workers
        self._scale = scale
        self._first_seed = first_seed
        self._set_locks: dict[str, threading.Lock] = {}
        self._idle: dict[str, list[Program]] = {}
        self._programs: list[Program] = []
        self._guard = threading.Lock()
        self._stopped = threading.Event()

    def run(
        self,
        studies: Sequence[Study],
        *,
        progress: Callable[[float], None] = lambda _: None,
    ) -> dict[str, dict[str, Any]]:
        """Do what is left of the studies and return the report of each.

        Raises:
            SimulatorError: a program failed or a file cannot be written.
        """
        with self._alone():
            return self._run(studies, progress)

    def _run(
        self, studies: Sequence[Study], progress: Callable[[float], None]
    ) -> dict[str, dict[str, Any]]:
        chunks = [chunk for study in studies for chunk in self._chunks(study)]
        left = [chunk for chunk in chunks if not self._is_done(chunk)]
        done = sum(chunk.vehicles for chunk in chunks if chunk not in left)
        total = max(1, sum(chunk.vehicles for chunk in chunks))
        progress(done / total)
        try:
            with ThreadPoolExecutor(self._workers) as pool:
                under_way = {pool.submit(self._do, chunk): chunk for chunk in left}
                try:
                    for finished in as_completed(under_way):
                        finished.result()
                        done += under_way[finished].vehicles
                        progress(done / total)
                except (SimulatorError, KeyboardInterrupt):
                    self._stop()
                    for each in under_way:
                        each.cancel()
                    raise
            return {study.name: self._judge(study) for study in studies}
        except KeyboardInterrupt as error:
            message = f"stopped; start again with --out {self._folder} to go on"
            raise SimulatorError(message) from error
        finally:
            for program in self._programs:
                program.close()
            self._programs.clear()
            self._idle.clear()

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the folder: of two campaigns one would take the other's recordings."""
        with contextlib.ExitStack() as held:
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
                lock = held.enter_context((self._folder / "campaign.lock").open("a"))
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                message = (
                    f"--out {self._folder}: another campaign is under way there; wait "
                    "for it or name another folder"
                )
                raise SimulatorError(message) from error
            except OSError as error:
                message = f"--out {self._folder}: cannot be held: {error.strerror}"
                raise SimulatorError(message) from error
            yield

    def _chunks(self, study: Study) -> Iterator[_Chunk]:
        """Yield the chunks of a study, site after site."""
        vehicles = max(1, round(study.vehicles * self._scale))
        most = round(study.sites * self._scale)
        if study.site_vehicles is not None:
            most = min(round(vehicles / study.site_vehicles), max(most, study.sites))
        sites = max(1, most)
        for k in range(sites):
            own = vehicles // sites + (k < vehicles % sites)
            for number, first in enumerate(range(0, own, study.chunk)):
                yield _Chunk(
                    study=study,
                    site_seed=self._first_seed + k,
                    seed=self._first_seed + k * _SEEDS_A_SITE + number,
                    number=number,
                    vehicles=min(study.chunk, own - first),
                )

    def _files(self, chunk: _Chunk) -> tuple[Path, Path]:
        folder = self._folder / chunk.study.name / "chunks"
        return folder / f"{chunk.name}.truth", folder / f"{chunk.name}.passages"

    def _is_done(self, chunk: _Chunk) -> bool:
        """Return whether both files of a chunk are there, of as many vehicles.

        Another scale may have left a chunk of the same name with fewer or more.
        """
        truth, passages = self._files(chunk)
        try:
            return passages.exists() and _lines_in(truth) == chunk.vehicles
        except FileNotFoundError:
            return False

    def _do(self, chunk: _Chunk) -> None:
        """Record and weigh one chunk."""
        study = chunk.study
        parameters, plain = self._parameter_sets(study, chunk.site_seed)
        work = self._fresh(chunk.name)
        self._record(
            work, study, site_seed=chunk.site_seed, seed=chunk.seed, n=chunk.vehicles
        )
        printed = self._weigh(work, parameters, what=chunk.name)
        if study.estimators:
            roadless = self._weigh(work, plain, "--estimators", what=chunk.name)
            printed = _side_by_side(
                printed,
                roadless,
                weigh_again=lambda: self._weigh(
                    work, parameters, "--estimators", what=chunk.name
                ),
            )
        truth_path, passages_path = self._files(chunk)
        try:
            truth = (work / "truth.jsonl").read_bytes()
            passages_path.parent.mkdir(parents=True, exist_ok=True)
            for path, lines in ((truth_path, truth), (passages_path, printed)):
                part = path.with_suffix(".part")
                part.write_bytes(_shortened(lines, recording=chunk.name))
                part.rename(path)
            shutil.rmtree(work)
        except OSError as error:
            message = f"{self._folder}: cannot keep {chunk.name}: {error}"
            raise SimulatorError(message) from error

    def _weigh(self, work: Path, parameters: Path, *more: str, what: str) -> bytes:
        command = ["process", str(work / "recording.npz"), "--json"]
        command += ["--site", str(work / "site.toml"), "--parameters", str(parameters)]
        return self._start("wim.cli", [*command, *more], what=what)

    def _parameter_sets(self, study: Study, site_seed: int) -> tuple[Path, Path]:
        """Return the sets of a site, with its road and without.

        The site is calibrated when it is first asked for.
        """
        kind = f"{study.site.removesuffix('.toml')}-{study.family}-{study.road}"
        name = f"{kind}-{site_seed}"
        folder = self._folder / "sets"
        paths = (folder / f"{name}.toml", folder / f"{name}-plain.toml")
        with self._guard:
            lock = self._set_locks.setdefault(name, threading.Lock())
        with lock:
            if all(path.exists() for path in paths):
                return paths
            work = self._fresh(f"set-{name}")
            self._record(
                work,
                msgspec.structs.replace(study, traffic="normal"),
                site_seed=site_seed,
                seed=site_seed + _REFERENCE_SEED,
                n=study.reference * study.lanes,
            )
            for path, more in zip(paths, ([], ["--no-road"]), strict=True):
                made = work / path.name
                command = ["calibrate", "--run", str(work / "recording.npz")]
                command += [str(work / "truth.jsonl")]
                command += ["--site", str(work / "site.toml"), "--id", path.stem]
                command += ["--made-at", "2026-01-01T00:00:00Z", *more]
                command += ["--made-by", "luheng-sim campaign", "--out", str(made)]
                self._start("wim.cli", command, what=f"set {path.stem}")
                try:
                    folder.mkdir(parents=True, exist_ok=True)
                    made.rename(path)
                except OSError as error:
                    message = f"{path}: cannot be kept: {error}"
                    raise SimulatorError(message) from error
            shutil.rmtree(work, ignore_errors=True)
            return paths

    def _record(
        self, work: Path, study: Study, *, site_seed: int, seed: int, n: int
    ) -> None:
        command = ["recording", "--site", str(self._sites / study.site)]
        command += ["--out", str(work), "--vehicles", str(n), "--seed", str(seed)]
        command += ["--site-seed", str(site_seed), "--road", study.road]
        command += ["--family", study.family, "--traffic", study.traffic, "--json"]
        self._start("simulators", command, what=f"recording of seed {seed}")

    def _start(self, module: str, arguments: Sequence[str], *, what: str) -> bytes:
        """Let a program of the project run a command; return what it printed."""
        with self._guard:
            if self._stopped.is_set():
                message = f"stopped before {what}"
                raise SimulatorError(message)
            idle = self._idle.setdefault(module, [])
            if idle:
                program = idle.pop()
            else:
                program = Program(module)
                self._programs.append(program)
        printed = program.run(arguments, what=what)
        with self._guard:
            idle.append(program)
        return printed

    def _stop(self) -> None:
        """Begin nothing more and break off what is under way."""
        with self._guard:
            self._stopped.set()
            for program in self._programs:
                program.stop()

    def _fresh(self, name: str) -> Path:
        """Return an empty folder for work under way."""
        work = self._folder / "under-way" / name
        try:
            shutil.rmtree(work, ignore_errors=True)
            work.mkdir(parents=True)
        except OSError as error:
            message = f"{work}: cannot be made: {error}"
            raise SimulatorError(message) from error
        return work

    def _judge(self, study: Study) -> dict[str, Any]:
        """Bring a study's chunks together and let them be judged."""
        folder = self._folder / study.name
        chunks = list(self._chunks(study))
        names = ("truth.jsonl", "passages.jsonl")
        try:
            for k, name in enumerate(names):
                with (folder / name).open("wb") as whole:
                    for chunk in chunks:
                        whole.write(self._files(chunk)[k].read_bytes())
            command = ["accuracy", str(folder / "passages.jsonl")]
            command += [str(folder / "truth.jsonl"), "--json"]
            command += [
                "--limits",
                str(self._limits),
                "--title",
                f"{study.title} (simulated)",
            ]
            command += ["--picture", str(folder / "picture.svg")]
            printed = self._start("wim.cli", command, what=f"report on {study.name}")
            (folder / "report.json").write_bytes(printed)
            for name in names:
                (folder / name).unlink()
        except OSError as error:
            message = f"{folder}: cannot bring the study together: {error}"
            raise SimulatorError(message) from error
        return msgspec.json.decode(printed, type=dict[str, Any])


def _side_by_side(
    lines: bytes, roadless: bytes, *, weigh_again: Callable[[], bytes]
) -> bytes:
    """Return lines with what every estimator makes of each passage.

    The joint estimate is the record itself; the estimates that know no road are those
    of the roadless set. Where a crossing does not show the axle groups, there are none.

    Args:
        lines: of the passages.
        roadless: the same weighed with the roadless set, with estimators.
        weigh_again: returns the same as ``lines``, with estimators, for passages that
            begin at another moment when weighed with the roadless set.
    """
    estimates = _estimates(roadless)
    own: dict[tuple[int, float], dict[str, Any] | None] = {}
    merged = []
    for line in lines.splitlines():
        found = msgspec.json.decode(line, type=dict[str, Any])
        passage = found["lane"], found["started_at_s"]
        if passage not in estimates:
            own = own or _estimates(weigh_again())
            estimates[passage] = own[passage]
        loads_kg = found["axle_loads_kg"]
        shipped = {"gross_mass_kg": math.fsum(loads_kg), "axle_loads_kg": loads_kg}
        others = estimates[passage]
        found["estimators"] = (
            None if others is None else {**others, _WITH_ROAD: shipped}
        )
        merged.append(msgspec.json.encode(found))
    return b"".join(line + b"\n" for line in merged)


def _estimates(lines: bytes) -> dict[tuple[int, float], dict[str, Any] | None]:
    """Return what the estimators make of each passage, by lane and beginning."""
    found = (
        msgspec.json.decode(line, type=dict[str, Any]) for line in lines.splitlines()
    )
    return {(each["lane"], each["started_at_s"]): each["estimators"] for each in found}


def _lines_in(path: Path) -> int:
    return path.read_bytes().count(b"\n")


def _shortened(lines: bytes, *, recording: str) -> bytes:
    """Return lines with the keys that a report needs and the recording's name."""
    kept = []
    for line in lines.splitlines():
        found = msgspec.json.decode(line, type=dict[str, Any])
        short = {key: _rounded(found[key]) for key in _KEPT if key in found}
        kept.append(msgspec.json.encode({**short, "recording": recording}))
    return b"".join(line + b"\n" for line in kept)


def _rounded(value: object) -> object:
    """Return figures with as many digits as anybody can use."""
    match value:
        case float():
            return float(f"{value:.{_SIGNIFICANT}g}")
        case list():
            return [_rounded(each) for each in value]
        case dict():
            return {key: _rounded(each) for key, each in value.items()}
        case _:
            return value
