"""A road of known forces: box-and-parabola pulses, noise, a separator per lane.

It shares nothing with the estimator but the description of the site.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from wim.passage import Passage, Weigher
from wim.row_times import RowTimes
from wim.samples import Site, parse_site

REPOSITORY = Path(__file__).parents[2]
GRAVITY = 9.80665


@dataclass(frozen=True)
class Truck:
    """A vehicle on one lane; ``at_s`` is when its first axle is over row 0."""

    loads_kg: tuple[float, ...]
    spacings_m: tuple[float, ...]
    speed_kmh: float
    at_s: float = 1.0
    lane: int = 1
    acceleration_mps2: float = 0.0
    footprint_m: float = 0.22
    left_share: float = 0.5
    reverse: bool = False
    unseen: frozenset = field(default_factory=frozenset)  # of (axle, row, side)
    gone_m: Callable | None = None  # way of the first axle over time since at_s

    @property
    def gross_kg(self):
        return sum(self.loads_kg)


def way(truck, t):
    """Distance that the first axle has gone since the row that it reached first."""
    dt = t - truck.at_s
    if truck.gone_m is not None:
        return truck.gone_m(dt)
    v = truck.speed_kmh / 3.6
    a = truck.acceleration_mps2
    if a < 0.0:
        dt = np.minimum(dt, -v / a)
    if a > 0.0:
        dt = np.maximum(dt, -v / a)
    return v * dt + 0.5 * a * dt * dt


def on_strip(distance_m, width_m, footprint_m):
    """Share of a parabolic footprint that rests on a strip."""

    def cumulative(u):
        w = np.clip(u / footprint_m, -0.5, 0.5)
        return 0.5 + 1.5 * w - 2.0 * w**3

    half = 0.5 * width_m
    return cumulative(distance_m + half) - cumulative(distance_m - half)


def drive(
    site,
    trucks,
    *,
    seconds,
    rate_hz=4000.0,
    noise_counts=8.0,
    seed=0,
    offset_counts=120.0,
    full_scale=None,
):
    """Return counts (n, channels) and the separators' bits (n,)."""
    rng = np.random.default_rng(seed)
    n = round(seconds * rate_hz)
    t = np.arange(n) / rate_hz
    forces = np.zeros((n, site.channels))
    inputs = np.zeros(n, dtype=np.int64)
    for truck in trucks:
        lane = next(lane for lane in site.lanes if lane.number == truck.lane)
        last = max(strip.row for strip in lane.strips)
        ends = {}
        for row in (0, last):
            places = [s.position_m for s in lane.strips if s.row == row]
            ends[row] = sum(places) / len(places)
        gone = way(truck, t)
        behind = np.concatenate([[0.0], np.cumsum(truck.spacings_m)])
        for strip in lane.strips:
            if truck.reverse:
                at_m = ends[last] - strip.position_m
            else:
                at_m = strip.position_m - ends[0]
            side = truck.left_share if strip.side == "left" else 1 - truck.left_share
            if strip.side == "full":
                side = 1.0
            for axle, (load, back) in enumerate(
                zip(truck.loads_kg, behind, strict=True)
            ):
                if (axle, strip.row, strip.side) in truck.unseen:
                    continue
                share = on_strip(gone - back - at_m, strip.width_m, truck.footprint_m)
                forces[:, strip.channel] += share * load * side * GRAVITY
        if lane.presence_input is not None:
            at_row_0 = ends[last] - ends[0] if truck.reverse else 0.0
            inside = (gone > at_row_0 - 1.2) & (gone < at_row_0 + behind[-1] + 0.8)
            inputs |= np.where(inside, 1 << lane.presence_input, 0)
    counts = np.full((n, site.channels), offset_counts)
    for lane in site.lanes:
        for strip in lane.strips:
            signal = forces[:, strip.channel] * strip.counts_per_newton
            if strip.time_constant_s is not None:
                signal = high_pass(signal, strip.time_constant_s * rate_hz)
            counts[:, strip.channel] += signal
    counts += rng.normal(0.0, noise_counts, counts.shape) if noise_counts else 0.0
    if full_scale is not None:
        counts = np.minimum(counts, full_scale)
    return np.rint(counts).astype(np.int32), inputs


def high_pass(signal, samples):
    """First-order high-pass, backward difference."""
    out = np.zeros_like(signal)
    keep = samples / (samples + 1.0)
    y = before = 0.0
    for i, x in enumerate(signal):
        y = keep * (y + x - before)
        before = x
        out[i] = y
    return out


def weigh(site, counts, inputs=None, *, rate_hz=4000.0, block=80, separator=True):
    """Feed blocks of the line's length and return all events."""
    weigher = Weigher(site, sample_rate_hz=rate_hz)
    events = []
    for at in range(0, len(counts), block):
        part = counts[at : at + block]
        bits = int(inputs[at + len(part) - 1]) if separator else 0
        events += weigher.receive(part, bits)
    return events + weigher.flush()


def passages(events):
    return [event for event in events if isinstance(event, Passage)]


class Road:
    """What tests need of this file, as one fixture."""

    Truck = Truck
    drive = staticmethod(drive)
    weigh = staticmethod(weigh)
    passages = staticmethod(passages)

    def __init__(self) -> None:
        path = REPOSITORY / "configs/stations/demo-site.toml"
        self.site: Site = parse_site(path.read_text("utf-8"), name=path.name)

    def site_of(self, text: str) -> Site:
        return parse_site(text, name="test.toml")

    @staticmethod
    def site_text(*, rows=4, spacing_m=3.0, extra="", lane_extra="", stagger_m=0.0):
        """One lane without a separator; ``extra`` goes into every strip."""
        lines = ['[station]\nid = "TEST-001"\n[[lanes]]\nnumber = 1']
        lines.append(f"speed_range_kmh = [0.5, 120.0]\n{lane_extra}")
        for row in range(rows):
            for k, side in enumerate(("left", "right")):
                lines.append(
                    f"[[lanes.strips]]\nchannel = {2 * row + k}\nrow = {row}\n"
                    f'side = "{side}"\nposition_m = {row * spacing_m + k * stagger_m}\n'
                    f"width_m = 0.053\ncounts_per_newton = 0.2\n{extra}"
                )
        return "\n".join(lines)


@pytest.fixture(scope="session")
def row_times():
    """Crossings of axles as weighing has them, of lists of times and places."""

    def row_times_of(axles, over_mps=None):
        counts = [len(own) for own in axles]
        flat = np.array([each for own in axles for each in own]).reshape(-1, 2)
        at_s, s_m = flat.T.copy()
        over = np.zeros(len(at_s)) if over_mps is None else np.concatenate(over_mps)
        axle = np.repeat(np.arange(len(axles)), counts)
        return RowTimes(at_s, s_m, over, axle, np.cumsum(counts))

    return row_times_of


@pytest.fixture(scope="session")
def road() -> Road:
    return Road()


@pytest.fixture(scope="session")
def another_processor(tmp_path_factory):
    """What makes a process compile for a processor of another kind.

    Other vectors and no fused products; compiling all of it takes most of a minute, so
    that all who need it share what was compiled.
    """
    return {
        "NUMBA_CACHE_DIR": str(tmp_path_factory.mktemp("another_processor")),
        "NUMBA_CPU_NAME": "generic",
        "NUMBA_CPU_FEATURES": "",
        "NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3 AVX512F AVX512CD AVX512_SKX AVX512_ICL",
        "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA,-AVX512F,-AVX",
    }
