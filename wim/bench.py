"""How fast the chain is, measured against a plain sum over the same samples.

It promises nothing for another machine: everything runs on the same samples in the
same process, and the clock comes in.
"""

from collections.abc import Callable

import msgspec
import numpy as np
import numpy.typing as npt

from wim.passage import Parameters, Passage, Weigher
from wim.protocols import strip as strip_protocol
from wim.pulses import PulseDetector
from wim.samples import Site

__all__ = ["BenchReport", "run"]


class BenchReport(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of one run.

    Samples are those of single channels. ``chain_over_sum`` is how many times as long
    the chain from counts to passages takes as ``numpy.sum`` over the counts.
    """

    channels: int
    sample_rate_hz: float
    signal_s: float
    kernel_samples_per_s: float
    chain_samples_per_s: float
    chain_over_sum: float
    pulses: int
    decode_mb_per_s: float
    chain_over_real_time: float
    passages: int


def run(
    site: Site,
    *,
    clock: Callable[[], float],
    signal_s: float = 30.0,
    sample_rate_hz: float = 4000.0,
) -> BenchReport:
    """Measure kernels, decoder and the whole chain on one made-up signal.

    Args:
        site: the strips.
        clock: a clock in seconds that only goes forward.
        signal_s: how much signal.
        sample_rate_hz: of the signal.
    """
    counts = _signal(site, seconds=signal_s, rate_hz=sample_rate_hz)
    strips = tuple(strip for lane in site.lanes for strip in lane.strips)
    detection = Parameters().detection

    def detector() -> PulseDetector:
        made = PulseDetector(strips, sample_rate_hz=sample_rate_hz, detection=detection)
        made.begin(counts[: round(detection.first_estimate_s * sample_rate_hz)])
        return made

    detector().receive(counts[: len(counts) // 4], 0)
    made = detector()
    started = clock()
    pulses = made.receive(counts, 0)
    kernel_s = clock() - started
    weigher = Weigher(site, sample_rate_hz=sample_rate_hz)
    started = clock()
    weigher.receive(counts)
    weigher.flush()
    whole_s = clock() - started
    started = clock()
    counts.sum()
    sum_s = clock() - started

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

    return BenchReport(
        channels=counts.shape[1],
        sample_rate_hz=sample_rate_hz,
        signal_s=signal_s,
        kernel_samples_per_s=counts.size / kernel_s,
        chain_samples_per_s=counts.size / whole_s,
        chain_over_sum=whole_s / sum_s,
        pulses=len(pulses),
        decode_mb_per_s=len(line) / decode_s / 1e6,
        chain_over_real_time=signal_s / chain_s,
        passages=sum(isinstance(event, Passage) for event in events),
    )


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
