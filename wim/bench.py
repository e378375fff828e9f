"""How fast the chain is, measured against the same loop written with NumPy.

It promises nothing for another machine: both are run on the same samples in the same
process, the pulses are compared before any ratio is given, and the clock comes in. The
twin follows ``wim.kernels.scan`` sample by sample with all strips side by side, as one
would write it without a compiler; the tests hold the two against each other.
"""

from collections.abc import Callable

import msgspec
import numpy as np
import numpy.typing as npt

from wim.kernels.scan import Counts, Floats, Integers, scan
from wim.passage import Parameters, Passage, Weigher
from wim.protocols import strip as strip_protocol
from wim.pulses import PulseDetector
from wim.samples import Site

__all__ = ["BenchReport", "run", "scan_with_numpy"]


class BenchReport(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of one run.

    Samples are those of single channels. ``twin_agrees`` tells whether kernel and
    twin found the same pulses to the last bit.
    """

    channels: int
    sample_rate_hz: float
    signal_s: float
    twin_signal_s: float
    kernel_samples_per_s: float
    twin_samples_per_s: float
    kernel_over_twin: float
    twin_agrees: bool
    pulses_compared: int
    decode_mb_per_s: float
    chain_over_real_time: float
    passages: int


def run(
    site: Site,
    *,
    clock: Callable[[], float],
    signal_s: float = 30.0,
    twin_signal_s: float = 3.0,
    sample_rate_hz: float = 4000.0,
) -> BenchReport:
    """Measure kernel, twin, decoder and the whole chain on one made-up signal.

    Args:
        site: the strips.
        clock: a clock in seconds that only goes forward.
        signal_s: how much signal the kernel and the chain get.
        twin_signal_s: how much of it the twin gets as well.
        sample_rate_hz: of the signal.
    """
    counts = _signal(site, seconds=signal_s, rate_hz=sample_rate_hz)
    part = counts[: round(twin_signal_s * sample_rate_hz)]
    strips = tuple(strip for lane in site.lanes for strip in lane.strips)
    detection = Parameters().detection

    def detector(*, twin: bool) -> PulseDetector:
        made = PulseDetector(
            strips,
            sample_rate_hz=sample_rate_hz,
            detection=detection,
            kernel=scan_with_numpy if twin else scan,
        )
        made.begin(counts[: round(detection.first_estimate_s * sample_rate_hz)])
        return made

    detector(twin=False).receive(part[:10], 0)
    started = clock()
    detector(twin=False).receive(counts, 0)
    kernel_s = clock() - started
    compared = detector(twin=False).receive(part, 0)
    started = clock()
    by_twin = detector(twin=True).receive(part, 0)
    twin_s = clock() - started

    block = round(0.02 * sample_rate_hz)
    line = b"".join(
        strip_protocol.encode(
            strip_protocol.SampleFrame(
                sequence=k,
                first_sample=at,
                sample_rate_hz=sample_rate_hz,
                counts=counts[at : at + block],
            )
        )
        for k, at in enumerate(range(0, len(counts), block))
    )
    pieces = [line[at : at + 4096] for at in range(0, len(line), 4096)]
    decoder = strip_protocol.Decoder()
    started = clock()
    for piece in pieces:
        decoder.receive(piece)
    decode_s = clock() - started

    decoder = strip_protocol.Decoder()
    weigher = Weigher(site, sample_rate_hz=sample_rate_hz)
    events = []
    started = clock()
    for piece in pieces:
        for event in decoder.receive(piece):
            if isinstance(event, strip_protocol.SampleFrame):
                events += weigher.receive(event.counts, event.inputs)
    events += weigher.flush()
    chain_s = clock() - started

    kernel_rate = counts.size / kernel_s
    twin_rate = part.size / twin_s
    return BenchReport(
        channels=counts.shape[1],
        sample_rate_hz=sample_rate_hz,
        signal_s=signal_s,
        twin_signal_s=twin_signal_s,
        kernel_samples_per_s=kernel_rate,
        twin_samples_per_s=twin_rate,
        kernel_over_twin=kernel_rate / twin_rate,
        twin_agrees=compared == by_twin,
        pulses_compared=len(compared),
        decode_mb_per_s=len(line) / decode_s / 1e6,
        chain_over_real_time=signal_s / chain_s,
        passages=sum(isinstance(event, Passage) for event in events),
    )


def scan_with_numpy(
    counts: Counts,
    first: int,
    channels: Integers,
    droop: Floats,
    floors: Floats,
    reals: Floats,
    integers: Integers,
    raw_ring: Integers,
    ring: Floats,
    smooth_ring: Floats,
    before: Floats,
    steps: Integers,
    factors: Floats,
    out: Floats,
) -> int:
    """Do what ``wim.kernels.scan`` does, all strips at once and sample by sample."""
    window, lag, least_tail, least_pulse, longest = (int(step) for step in steps)
    over_noise, hysteresis, tail_share, share = (float(factor) for factor in factors)
    offset, variance, high, droop_sum, area, moment, peak = reals.T
    (state, start, end, quiet, negative, total, filled, top, look, renewed) = integers.T
    size, room = ring.shape[1], before.shape[1]
    found: list[list[float]] = []
    for k in range(len(counts)):
        n = first + k
        slot = n % size
        count = counts[k, channels].astype(np.int64)
        leaving = raw_ring[:, (n - window) % size]
        total += count - np.where(filled >= window, leaving, 0)
        filled += 1
        raw_ring[:, slot] = count
        above = count - offset
        droop_sum += above
        bent = droop_sum * droop
        force = above + bent
        smooth = total / np.minimum(filled, window) - offset + bent
        ring[:, slot] = force
        smooth_ring[:, slot] = smooth

        idle = state == 0
        rises = idle & (smooth > high)
        for s in np.flatnonzero(rises):
            look[s] = min(quiet[s], room)
            back = (n - 1 - np.arange(look[s])) % size
            before[s, : look[s]] = ring[s, back]
        state[rises] = 1
        start[rises] = n
        area[rises] = moment[rises] = peak[rises] = 0.0
        top[rises] = count[rises]
        sinks = idle & ~rises & (smooth < -high)
        rests = idle & ~rises & ~sinks
        quiet[sinks] = 0
        negative[sinks] += 1
        negative[rests] = 0
        quiet[rests] += 1
        calm = rests & (quiet > lag)
        if calm.any():
            old = (n - lag) % size
            offset[calm] += share * ring[calm, old]
            variance[calm] += share * (smooth_ring[calm, old] ** 2 - variance[calm])
            high[calm] = np.maximum(over_noise * np.sqrt(variance[calm]), floors[calm])

        busy = state != 0
        if busy.any():
            area[busy] += force[busy]
            moment[busy] += force[busy] * (n - start[busy])
            peak[busy] = np.maximum(peak[busy], force[busy])
            top[busy] = np.maximum(top[busy], count[busy])
            falls = (state == 1) & (smooth < hysteresis * high)
            tails = state == 2
            state[falls] = 2
            end[falls] = n
            tail = np.maximum(least_tail, ((end - start) * tail_share).astype(np.int64))
            again = tails & (smooth > high)
            state[again] = 1
            for s in np.flatnonzero(tails & ~again & (n - end >= tail)):
                if end[s] - start[s] >= least_pulse:
                    for j in range(min(look[s], tail[s] + window)):
                        area[s] += before[s, j]
                        moment[s] -= before[s, j] * (j + 1)
                    if area[s] > 0.0:
                        centroid = start[s] + moment[s] / area[s]
                        edges = (s, start[s], end[s], n)
                        heights = (peak[s], top[s], high[s])
                        row = (*edges, area[s], centroid, *heights)
                        found.append([float(figure) for figure in row])
                state[s] = 0
                quiet[s] = 0
        stuck = (negative > longest) | ((state != 0) & (n - start > longest))
        for s in np.flatnonzero(stuck):
            some = int(min(filled[s], size))
            mean = 0.0
            for j in range(some):
                mean += raw_ring[s, (n - j) % size]
            offset[s] = mean / some
            droop_sum[s] = 0.0
            state[s] = quiet[s] = negative[s] = 0
            renewed[s] += 1
    out[: len(found)] = np.array(found).reshape(len(found), out.shape[1])
    return len(found)


def _signal(site: Site, *, seconds: float, rate_hz: float) -> npt.NDArray[np.int32]:
    """Return noise with a five-axle vehicle every three seconds on every lane."""
    rng = np.random.default_rng(1)
    n = round(seconds * rate_hz)
    counts = rng.normal(0.0, 5.0, (n, site.channels))
    speed_mps, contact_m = 15.0, 0.27
    hump = 1.0 - np.linspace(-1.0, 1.0, round(contact_m / speed_mps * rate_hz)) ** 2
    for begin_s in np.arange(1.0, seconds - 3.0, 3.0):
        for lane in site.lanes:
            for strip in lane.strips:
                for behind_m in (0.0, 3.3, 9.0, 10.3, 11.6):
                    at_s = begin_s + (strip.position_m + behind_m) / speed_mps
                    at = round(at_s * rate_hz)
                    peak = 10_000.0 * strip.counts_per_newton
                    counts[at : at + len(hump), strip.channel] += peak * hump
    return np.rint(counts).astype(np.int32)
