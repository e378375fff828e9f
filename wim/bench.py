"""How fast the chain is, measured against a plain sum and a twin in NumPy and SciPy.

It promises nothing for another machine: everything runs on the same samples in the
same process, results are compared before any ratio is given, and the clock comes in.
"""

from collections.abc import Callable, Iterator, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from wim.passage import Parameters, Passage, Weigher
from wim.protocols import strip as strip_protocol
from wim.pulses import Pulse, PulseDetector
from wim.samples import Lane, Side, Site, StationName, Strip
from wim.warming import warm_up

__all__ = [
    "BenchReport",
    "Clock",
    "LatencyFigures",
    "MemoryFigures",
    "RateFigures",
    "TwinFigures",
    "first_result",
    "four_lanes",
    "measure_latency",
    "measure_memory",
    "measure_rate",
    "measure_twin",
    "run",
]

_SPEED_MPS = 15.0
_CONTACT_M = 0.27
_AXLES_M = (0.0, 3.3, 9.0, 10.3, 11.6)
_PEAK_N = 10_000.0
_BLOCK = 1 << 15
_CLOSE = 1e-9
Clock = Callable[[], float]


class RateFigures(msgspec.Struct, frozen=True, kw_only=True):
    """The chain at one sample rate; samples are those of single channels.

    ``signal_samples_per_s`` is from counts to pulses, ``chain_samples_per_s`` from
    counts to passages; ``chain_over_sum`` is how many times as long the latter takes as
    ``numpy.sum`` over the counts, ``vehicle_ms`` what one passage costs beyond its
    pulses.
    """

    sample_rate_hz: float
    signal_samples_per_s: float
    chain_samples_per_s: float
    sum_samples_per_s: float
    signal_over_sum: float
    chain_over_sum: float
    vehicle_ms: float
    pulses: int
    passages: int


class TwinFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Kernels against NumPy and SciPy calls, from counts to pulses.

    ``agrees`` tells whether both found the same pulses, every figure of them within
    1e-9 of itself.
    """

    sample_rate_hz: float
    twin_samples_per_s: float
    signal_over_twin: float
    agrees: bool
    pulses: int


class LatencyFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Computing time from the block with a passage's last sample to the passage."""

    block_s: float
    passages: int
    p50_ms: float
    p99_ms: float
    highest_ms: float


class MemoryFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Resident memory after the first tenth of a long stream and at its end."""

    signal_s: float
    early_bytes: int
    late_bytes: int
    passages: int


class BenchReport(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of one run; what was not measured is None.

    ``decode_mb_per_s`` and ``line_over_real_time`` are the strip protocol alone, and
    from its bytes to passages.
    """

    channels: int
    rates: tuple[RateFigures, ...]
    twin: TwinFigures | None
    latency: LatencyFigures
    memory: MemoryFigures | None
    decode_mb_per_s: float
    line_over_real_time: float
    first_result_cold_s: float | None = None
    first_result_warm_s: float | None = None


def four_lanes() -> Site:
    """Return a site of 32 channels: four lanes of four rows, left and right."""
    sides: tuple[Side, Side] = ("left", "right")
    lanes = [
        Lane(
            number=number + 1,
            speed_range_kmh=(0.5, 120.0),
            strips=tuple(
                Strip(
                    channel=8 * number + 2 * row + k,
                    row=row,
                    side=side,
                    position_m=3.0 * row,
                    width_m=0.053,
                    counts_per_newton=0.2,
                )
                for row in range(4)
                for k, side in enumerate(sides)
            ),
        )
        for number in range(4)
    ]
    return Site(station=StationName(id="BENCH-001"), lanes=tuple(lanes))


def run(
    site: Site,
    *,
    clock: Clock,
    signal_s: float = 30.0,
    rates_hz: Sequence[float] = (4000.0, 10_000.0, 20_000.0),
    twin: bool = True,
    memory_s: float = 0.0,
    resident_bytes: Callable[[], int] | None = None,
) -> BenchReport:
    """Measure kernels, twin, latency, memory and decoder on made-up signals.

    Args:
        site: the strips.
        clock: a clock in seconds that only goes forward.
        signal_s: how much signal.
        rates_hz: sample rates of the chain; everything else runs at the first.
        twin: whether to measure the twin, which needs SciPy.
        memory_s: length of the stream over which memory is watched.
        resident_bytes: the memory of this process; without it memory is not watched.
    """
    warm_up()
    rate_hz = rates_hz[0]
    counts = _signal(site, seconds=signal_s, rate_hz=rate_hz)
    memory = None
    if resident_bytes is not None and memory_s > 0.0:
        memory = measure_memory(
            site, counts, rate_hz=rate_hz, seconds=memory_s, resident=resident_bytes
        )
    decode_mb_per_s, line_s = _measure_line(site, counts, clock=clock, rate_hz=rate_hz)
    return BenchReport(
        channels=counts.shape[1],
        rates=tuple(
            measure_rate(site, clock=clock, signal_s=signal_s, rate_hz=hz)
            for hz in rates_hz
        ),
        twin=measure_twin(site, counts, clock=clock, rate_hz=rate_hz) if twin else None,
        latency=measure_latency(site, counts, clock=clock, rate_hz=rate_hz),
        memory=memory,
        decode_mb_per_s=decode_mb_per_s,
        line_over_real_time=signal_s / line_s,
    )


def measure_rate(
    site: Site, *, clock: Clock, signal_s: float, rate_hz: float
) -> RateFigures:
    """Measure the chain at one sample rate: the best of three runs of each stage."""
    counts = _signal(site, seconds=signal_s, rate_hz=rate_hz)
    sum_s = signal_s_taken = chain_s = float("inf")
    pulses = passages = 0
    for _ in range(3):
        started = clock()
        counts.sum()
        sum_s = min(sum_s, clock() - started)

        detector = _detector(site, counts, rate_hz=rate_hz)
        started = clock()
        pulses = sum(
            len(detector.receive(counts[at : at + _BLOCK], at))
            for at in range(0, len(counts), _BLOCK)
        )
        signal_s_taken = min(signal_s_taken, clock() - started)

        weigher = Weigher(site, sample_rate_hz=rate_hz)
        started = clock()
        for at in range(0, len(counts), _BLOCK):
            weigher.receive(counts[at : at + _BLOCK])
        weigher.flush()
        chain_s = min(chain_s, clock() - started)
        passages = weigher.passages
    return RateFigures(
        sample_rate_hz=rate_hz,
        signal_samples_per_s=counts.size / signal_s_taken,
        chain_samples_per_s=counts.size / chain_s,
        sum_samples_per_s=counts.size / sum_s,
        signal_over_sum=signal_s_taken / sum_s,
        chain_over_sum=chain_s / sum_s,
        vehicle_ms=1e3 * max(chain_s - signal_s_taken, 0.0) / max(passages, 1),
        pulses=pulses,
        passages=passages,
    )


def measure_twin(
    site: Site,
    counts: npt.NDArray[np.int32],
    *,
    clock: Clock,
    rate_hz: float,
    seconds: float = 10.0,
) -> TwinFigures:
    """Measure kernels and twin on the same samples and compare their pulses.

    Raises:
        ImportError: SciPy is not installed.
    """
    # SciPy comes with the tests' dependencies only
    from wim.twin import find_pulses  # noqa: PLC0415

    part = np.ascontiguousarray(counts[: round(seconds * rate_hz)])
    strips = _strips(site)
    detection = Parameters().detection
    ours_s = float("inf")
    ours: list[Pulse] = []
    for _ in range(3):
        detector = PulseDetector(strips, sample_rate_hz=rate_hz, detection=detection)
        started = clock()
        detector.begin(part[: round(detection.first_estimate_s * rate_hz)])
        ours = detector.receive(part, 0)
        ours_s = min(ours_s, clock() - started)
    started = clock()
    theirs = find_pulses(part, strips, sample_rate_hz=rate_hz, detection=detection)
    theirs_s = clock() - started
    ours.sort(key=lambda pulse: (pulse.last_sample, pulse.strip))
    theirs.sort(key=lambda pulse: (pulse.last_sample, pulse.strip))
    agrees = len(ours) == len(theirs) and all(
        _is_close(getattr(a, name), getattr(b, name))
        for a, b in zip(ours, theirs, strict=True)
        for name in b.__struct_fields__
    )
    return TwinFigures(
        sample_rate_hz=rate_hz,
        twin_samples_per_s=part.size / theirs_s,
        signal_over_twin=theirs_s / ours_s,
        agrees=agrees,
        pulses=len(ours),
    )


def measure_latency(
    site: Site, counts: npt.NDArray[np.int32], *, clock: Clock, rate_hz: float
) -> LatencyFigures:
    """Feed blocks as a line does and time those that bring a passage."""
    block_s = 0.02
    block = round(block_s * rate_hz)
    weigher = Weigher(site, sample_rate_hz=rate_hz)
    taken_ms: list[float] = []
    for at in range(0, len(counts), block):
        part = counts[at : at + block]
        started = clock()
        events = weigher.receive(part)
        took_s = clock() - started
        taken_ms += [1e3 * took_s for event in events if isinstance(event, Passage)]
    taken_ms.sort()
    last = len(taken_ms) - 1
    return LatencyFigures(
        block_s=block_s,
        passages=len(taken_ms),
        p50_ms=taken_ms[last // 2] if taken_ms else 0.0,
        p99_ms=taken_ms[round(0.99 * last)] if taken_ms else 0.0,
        highest_ms=taken_ms[-1] if taken_ms else 0.0,
    )


def measure_memory(
    site: Site,
    counts: npt.NDArray[np.int32],
    *,
    rate_hz: float,
    seconds: float,
    resident: Callable[[], int],
) -> MemoryFigures:
    """Watch the memory of a stream: the same signal over and over, never stored."""
    weigher = Weigher(site, sample_rate_hz=rate_hz)
    rounds = max(10, round(seconds * rate_hz / len(counts)))
    early = 0
    for k in range(rounds):
        for at in range(0, len(counts), _BLOCK):
            weigher.receive(counts[at : at + _BLOCK])
        if k == rounds // 10:
            early = resident()
    return MemoryFigures(
        signal_s=rounds * len(counts) / rate_hz,
        early_bytes=early,
        late_bytes=resident(),
        passages=weigher.passages,
    )


def first_result() -> Passage:
    """Weigh one vehicle from nothing, as a process does that has just begun."""
    site = four_lanes()
    counts = _signal(site, seconds=6.0, rate_hz=4000.0)
    weigher = Weigher(site, sample_rate_hz=4000.0)
    events = weigher.receive(counts) + weigher.flush()
    return next(event for event in events if isinstance(event, Passage))


def _measure_line(
    site: Site, counts: npt.NDArray[np.int32], *, clock: Clock, rate_hz: float
) -> tuple[float, float]:
    """Return the decoder's speed [MB/s] and the time from all bytes to passages."""
    block = round(0.02 * rate_hz)
    frames = (
        strip_protocol.SampleFrame(
            sequence=k,
            first_sample=at,
            sample_rate_hz=rate_hz,
            counts=counts[at : at + block],
        )
        for k, at in enumerate(range(0, len(counts), block))
    )
    line = b"".join(strip_protocol.encode(frame) for frame in frames)
    pieces = [line[at : at + 4096] for at in range(0, len(line), 4096)]
    decoder = strip_protocol.Decoder()
    started = clock()
    for piece in pieces:
        decoder.receive(piece)
    decode_s = clock() - started

    weigher = Weigher(site, sample_rate_hz=rate_hz)
    started = clock()
    for frame in _decoded(pieces):
        weigher.receive(frame.counts, frame.inputs)
    weigher.flush()
    return len(line) / decode_s / 1e6, clock() - started


def _decoded(pieces: Sequence[bytes]) -> Iterator[strip_protocol.SampleFrame]:
    decoder = strip_protocol.Decoder()
    for piece in pieces:
        for event in decoder.receive(piece):
            if isinstance(event, strip_protocol.SampleFrame):
                yield event


def _strips(site: Site) -> tuple[Strip, ...]:
    return tuple(strip for lane in site.lanes for strip in lane.strips)


def _detector(
    site: Site, counts: npt.NDArray[np.int32], *, rate_hz: float
) -> PulseDetector:
    detection = Parameters().detection
    made = PulseDetector(_strips(site), sample_rate_hz=rate_hz, detection=detection)
    made.begin(counts[: round(detection.first_estimate_s * rate_hz)])
    return made


def _is_close(a: float, b: float) -> bool:
    return abs(a - b) <= _CLOSE * max(abs(a), abs(b)) + _CLOSE


def _signal(site: Site, *, seconds: float, rate_hz: float) -> npt.NDArray[np.int32]:
    """Return noise and hum with a five-axle vehicle every three seconds on every lane.

    Lanes follow each other by 0.4 s, so that no two vehicles end at once.
    """
    rng = np.random.default_rng(1)
    n = round(seconds * rate_hz)
    counts = rng.normal(0.0, 5.0, (n, site.channels))
    counts += 1.5 * np.sin(2.0 * np.pi * 50.0 / rate_hz * np.arange(n))[:, None]
    hump = 1.0 - np.linspace(-1.0, 1.0, round(_CONTACT_M / _SPEED_MPS * rate_hz)) ** 2
    for begin_s in np.arange(1.0, seconds - 4.0, 3.0):
        for k, lane in enumerate(site.lanes):
            for strip in lane.strips:
                for behind_m in _AXLES_M:
                    at_s = begin_s + (strip.position_m + behind_m) / _SPEED_MPS
                    at = round((at_s + 0.4 * k) * rate_hz)
                    part = counts[at : at + len(hump), strip.channel]
                    part += _PEAK_N * strip.counts_per_newton * hump[: len(part)]
    return np.rint(counts).astype(np.int32)
