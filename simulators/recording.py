"""A recording of one site under traffic, with its truth, as four files or five.

``recording.npz`` and ``site.toml`` are what an estimator gets; ``truth.jsonl``,
``strips.jsonl`` and ``forces.npz`` are for the judge and for whoever learns. Samples
are written as they are made, so that memory does not grow with the traffic.

``strips.jsonl`` has one line per strip: its true gain over that of the site file, and
how it drifts. A recording that names its day says when it began (``start_time_s``).

``forces.npz`` has one entry per vehicle, axle and row over which the axle drove, in
arrays of equal length: ``vehicle`` (its line in ``truth.jsonl``, from 0), ``axle``
(from 0, in the order of the truth's loads), ``row``, ``force_n`` (the true
force of both wheels on the road, the mean over the footprint's way over the strip),
``left_n`` and ``right_n`` (of each), ``static_n`` (at rest), ``time_s`` (in the time
of the recording, of the wheel's centre over the strip's centre), ``speed_mps`` (true,
then) and ``place_m`` (true place of the row). Wheels that drove over a row more than
once are entered once, for the first time.
"""

import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal, get_args

import msgspec
import numpy as np
from numpy.typing import NDArray

from simulators.convoy import Member, Traffic, plan_convoy
from simulators.driving import STEP_S
from simulators.electronics import Electronics
from simulators.errors import SimulatorError
from simulators.ledger import PassageTruth
from simulators.manoeuvres import Manoeuvre
from simulators.modal import modal_ride
from simulators.ride import planar_ride
from simulators.roads import Road, RoadClass, filtered_road, iso_road
from simulators.sensors import BLOCK_SAMPLES, Press, SensorField, TrueStrip
from simulators.truth import FORCE_COLUMNS, driven_truth, row_forces
from wim.errors import TableError
from wim.samples import Site, parse_site

__all__ = ["FAMILIES", "Family", "Order", "Recorder", "load_site", "write_recording"]

Family = Literal["planar", "modal"]
FAMILIES: tuple[Family, ...] = get_args(Family)

_RIDES = {"planar": planar_ride, "modal": modal_ride}
_ROADS = {"planar": iso_road, "modal": filtered_road}
_TAIL_S = 2.0
_DAY_0_S = 1_767_225_600.0  # 2026-01-01 00:00 UTC, a day as good as any
_DAY_S = 86_400.0


def load_site(path: Path) -> tuple[Site, str]:
    """Read and check a site file.

    Returns:
        the site and its text.

    Raises:
        SimulatorError: the file cannot be read or is no site.
    """
    try:
        text = path.read_text(encoding="utf-8")
        return parse_site(text, name=str(path)), text
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path}: cannot read the site: {error}"
        raise SimulatorError(message) from error
    except TableError as error:
        raise SimulatorError(str(error)) from error


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What to record.

    ``site_seed`` draws the road and the strips, ``seed`` the traffic and the noise:
    the same site under other traffic has the same ``site_seed``.
    """

    vehicles: int
    seed: int
    site_seed: int
    road: RoadClass = "A"
    family: Family = "planar"
    traffic: Traffic = "normal"
    manoeuvre: Manoeuvre | None = None
    electronics: Electronics = Electronics()
    forces: bool = False


class _Way(msgspec.Struct, frozen=True, kw_only=True):
    """One vehicle on its way: what the strips feel of it, and until when."""

    press: Press
    ends_s: float


class Recorder:
    """The traffic of one order, block by block, with its truth."""

    def __init__(self, site: Site, order: Order) -> None:
        self._site = site
        self._order = order
        self._field = SensorField(
            site, order.electronics, site_seed=order.site_seed, seed=order.seed
        )
        strip_m = self._field.strip_m
        self._length_m = float(strip_m.max())
        self._ranges_kmh = {lane.number: lane.speed_range_kmh for lane in site.lanes}
        rows = sorted({round(float(place), 3) for place in strip_m})
        chance = np.random.default_rng([order.site_seed, 10])
        self._road: Road = _ROADS[order.family](chance, order.road, tuple(rows))
        self.members = plan_convoy(
            site,
            seed=order.seed,
            vehicles=order.vehicles,
            traffic=order.traffic,
            manoeuvre=order.manoeuvre,
            length_m=self._length_m,
        )
        last_s = max((member.ends_s for member in self.members), default=0.0)
        self.samples = int((last_s + _TAIL_S) / self._field.sample_s)
        self.blocks = -(-self.samples // BLOCK_SAMPLES)
        self.truths: list[PassageTruth] = []
        self._forces: list[NDArray[np.float64]] = []

    @property
    def true_strips(self) -> tuple[TrueStrip, ...]:
        """What is true of each strip."""
        return self._field.true_strips

    @property
    def channels(self) -> int:
        """How many columns the counts have."""
        return self._field.channels

    def run(self) -> Iterator[NDArray[np.int32]]:
        """Yield the counts in order; truths and forces grow along."""
        waiting = list(self.members)
        ways: list[_Way] = []
        block_s = BLOCK_SAMPLES * self._field.sample_s
        for number in range(self.blocks):
            from_s, to_s = number * block_s, (number + 1) * block_s
            while waiting and waiting[0].begins_s < to_s:
                ways.append(self._set_out(waiting.pop(0)))
            ways = [way for way in ways if way.ends_s > from_s - 0.1]
            presses = [way.press for way in ways]
            counts = self._field.block(number, presses, part=number / self.blocks)
            yield counts[: self.samples - number * BLOCK_SAMPLES]

    def _set_out(self, member: Member) -> _Way:
        vehicle = member.vehicle
        motion = member.driving.drive.motion(
            wheelbase_m=vehicle.wheelbase_m, length_m=self._length_m
        )
        rng = np.random.default_rng([self._order.seed, 3, member.truck])
        ride = _RIDES[self._order.family](rng, vehicle, motion, self._road)
        begins_s = member.begins_s + STEP_S * ride.first_step
        recorded = 1.0 / (self._field.sample_s * self._order.electronics.sample_rate_hz)
        self.truths.append(
            driven_truth(
                member,
                motion,
                length_m=self._length_m,
                recorded=recorded,
                range_kmh=self._ranges_kmh[member.lane],
            )
        )
        if self._order.forces:
            self._forces.append(
                row_forces(
                    ride,
                    self._field.strips_of(member.lane),
                    loads_kg=vehicle.axle_loads_kg,
                    begins_s=begins_s,
                    recorded=recorded,
                    backwards=member.driving.drive.backwards,
                )
            )
        press = self._field.press(
            ride,
            lane=member.lane,
            path=member.driving.drive.path,
            begins_s=begins_s,
        )
        return _Way(press=press, ends_s=member.ends_s)

    def forces(self) -> dict[str, NDArray[np.float64]]:
        """Return what ``forces.npz`` holds of the vehicles so far."""
        counted = [
            np.column_stack([np.full(len(rows), float(number)), rows])
            for number, rows in enumerate(self._forces)
        ]
        table = np.concatenate([np.empty((0, len(FORCE_COLUMNS))), *counted])
        whole = {"vehicle", "axle", "row"}
        return {
            name: table[:, k].astype(np.int32) if name in whole else table[:, k]
            for k, name in enumerate(FORCE_COLUMNS)
        }


def write_recording(
    site_path: Path,
    folder: Path,
    order: Order,
    *,
    progress: Callable[[float], None] = lambda _: None,
) -> float:
    """Record the traffic of an order and return the length of the recording [s].

    Args:
        site_path: the site file.
        folder: where the files go.
        order: what to record.
        progress: told the part that is done, 0 to 1.

    Raises:
        SimulatorError: the site cannot be read or the folder not be written.
    """
    site, text = load_site(site_path)
    check_channels(site, order, name=str(site_path))
    recorder = Recorder(site, order)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        part = folder / "recording.npz.part"  # half a recording is none
        try:
            _write_samples(part, recorder, order, progress)
            part.replace(folder / "recording.npz")
        finally:
            part.unlink(missing_ok=True)
        (folder / "site.toml").write_text(text, encoding="utf-8")
        _write_lines(folder / "truth.jsonl", recorder.truths)
        _write_lines(folder / "strips.jsonl", recorder.true_strips)
        if order.forces:
            np.savez(folder / "forces.npz", **recorder.forces())  # type: ignore[arg-type]  # names are ours
    except OSError as error:
        message = f"{folder}: cannot write the recording: {error}"
        raise SimulatorError(message) from error
    return recorder.samples / order.electronics.sample_rate_hz


def check_channels(site: Site, order: Order, *, name: str) -> None:
    """Refuse damage of strips that are not there, and sites with nothing to forget.

    Raises:
        SimulatorError: in one line, what is wrong and what there is.
    """
    strips = [strip for lane in site.lanes for strip in lane.strips]
    channels = sorted(strip.channel for strip in strips)
    for fault in order.electronics.faults:
        if fault.channel not in channels:
            there = ", ".join(str(channel) for channel in channels)
            message = (
                f"--fault {fault.kind}:{fault.channel}: {name} has channels {there}"
            )
            raise SimulatorError(message)
    droops = any(strip.time_constant_s is not None for strip in strips)
    if order.electronics.time_constant != 1.0 and not droops:
        message = f"--error time_constant: no strip of {name} has a time_constant_s"
        raise SimulatorError(message)


def _write_samples(
    path: Path,
    recorder: Recorder,
    order: Order,
    progress: Callable[[float], None],
) -> None:
    """Write the archive entry by entry, the counts as they come."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        shape = (recorder.samples, recorder.channels)
        with archive.open(_entry("counts"), "w", force_zip64=True) as file:
            header = {"descr": "<i4", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(file, header)
            for done, counts in enumerate(recorder.run(), start=1):
                file.write(np.ascontiguousarray(counts, dtype="<i4").data)
                progress(done / recorder.blocks)
        figures = {
            "sample_rate_hz": order.electronics.sample_rate_hz,
            "temperature_c": order.electronics.temperature_c,
        }
        if order.electronics.day is not None:
            figures["start_time_s"] = _DAY_0_S + _DAY_S * order.electronics.day
        for name, value in figures.items():
            with archive.open(_entry(name), "w") as file:
                np.lib.format.write_array(file, np.array(value))


def _write_lines(path: Path, values: Sequence[msgspec.Struct]) -> None:
    path.write_bytes(b"".join(msgspec.json.encode(each) + b"\n" for each in values))


def _entry(name: str) -> zipfile.ZipInfo:
    """Return an entry with a fixed date: the same seed, the same bytes."""
    return zipfile.ZipInfo(f"{name}.npy")
