"""From samples to pulses: what each wheel left on each strip.

A pulse begins where the averaged signal rises above a threshold of several times the
channel's own noise, ends where it has fallen below half of it, and its area reaches as
far beyond both as a share of its length, so that the tails are in it. Its time is the
centroid. It knows no vehicle and no speed.
"""

import math
from collections.abc import Callable
from typing import Annotated, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from wim.baseline import first_estimate
from wim.kernels.scan import (
    INTEGERS,
    OUT_COLUMNS,
    REALS,
    Counts,
    Floats,
    Integers,
    scan,
)
from wim.samples import Strip

__all__ = ["Detection", "Pulse", "PulseDetector", "Workspace"]

_CHUNK = 4096
_RAILS = frozenset({2**15 - 1, 2**23 - 1, 2**31 - 1})
Kernel: TypeAlias = Callable[..., int]
Positive: TypeAlias = Annotated[float, msgspec.Meta(gt=0.0)]


class Detection(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Figures of the detector; times are turned into samples once.

    The offset follows with ``offset_time_s`` and only from samples ``lag_s`` clear of
    any pulse. A state longer than ``longest_s`` is no pulse: the offset is taken anew.
    """

    first_estimate_s: Positive = 0.5
    average_s: Positive = 0.0015
    over_noise: Positive = 7.0
    least_force_n: Positive = 60.0
    hysteresis: Positive = 0.5
    tail_share: Positive = 0.25
    least_tail_s: Positive = 0.001
    longest_look_back_s: Positive = 0.25
    least_pulse_s: Positive = 0.001
    lag_s: Positive = 0.05
    offset_time_s: Positive = 1.0
    longest_s: Positive = 20.0


class Pulse(msgspec.Struct, frozen=True, kw_only=True):
    """One wheel's pulse on one strip; times [s] since the first sample of the stream.

    ``strip`` is the index of the strip in its detector. ``start_s`` and ``end_s`` are
    where the threshold is crossed, ``rise_s`` and ``fall_s`` where half the height is.
    ``area_sigma_counts_s`` (k = 1) is what noise, bridging and hum leave unknown of
    the area; never 0. ``plateau_counts`` is the mean while a plate carries the wheel
    wholly, None where the strip is no plate. ``noise_counts`` is the standard
    deviation of one quiet sample around the pulse, ``closure_counts`` the quiet level
    after it less that before it once the droop is undone. ``last_sample`` is the last
    one that was needed to know the pulse.
    """

    strip: int
    start_s: float
    end_s: float
    rise_s: float
    fall_s: float
    centroid_s: float
    area_counts_s: float
    area_sigma_counts_s: float
    peak_counts: float
    plateau_counts: float | None
    noise_counts: float
    closure_counts: float
    clipped: bool
    last_sample: int


class Workspace:
    """The arrays that ``scan`` works on, for some strips at one sample rate."""

    def __init__(
        self,
        strips: tuple[Strip, ...],
        *,
        sample_rate_hz: float,
        detection: Detection,
        kernel: Kernel,
    ) -> None:
        def samples(seconds: float) -> int:
            return max(1, round(seconds * sample_rate_hz))

        window = samples(detection.average_s)
        lag = samples(detection.lag_s)
        room = samples(detection.longest_look_back_s)
        size = max(window, lag, room) + 1
        n = len(strips)
        self.kernel = kernel
        self.window = window
        self.channels: Integers = np.array([s.channel for s in strips], dtype=np.int64)
        self.droop: Floats = np.array(
            [
                0.0
                if s.time_constant_s is None
                else 1.0 / (s.time_constant_s * sample_rate_hz)
                for s in strips
            ]
        )
        self.floors: Floats = np.array(
            [detection.least_force_n * s.counts_per_newton for s in strips]
        )
        self.reals: Floats = np.zeros((n, REALS))
        self.integers: Integers = np.zeros((n, INTEGERS), dtype=np.int64)
        self.raw_ring: Integers = np.zeros((n, size), dtype=np.int64)
        self.ring: Floats = np.zeros((n, size))
        self.smooth_ring: Floats = np.zeros((n, size))
        self.before: Floats = np.zeros((n, room))
        self.steps: Integers = np.array(
            [
                window,
                lag,
                samples(detection.least_tail_s),
                window + samples(detection.least_pulse_s),
                samples(detection.longest_s),
            ],
            dtype=np.int64,
        )
        self.factors: Floats = np.array(
            [
                detection.over_noise,
                detection.hysteresis,
                detection.tail_share,
                1.0 / (detection.offset_time_s * sample_rate_hz),
            ]
        )
        shortest = int(self.steps[2]) + int(self.steps[3])
        self.out: Floats = np.zeros((n * (_CHUNK // shortest + 1), OUT_COLUMNS))

    def begin(self, counts: npt.NDArray[np.int32]) -> None:
        """Set offset, noise and threshold from the first samples of all channels."""
        offset, variance = first_estimate(counts[:, self.channels], window=self.window)
        self.reals[:, 0] = offset
        self.reals[:, 1] = variance
        self.reals[:, 2] = np.maximum(self.factors[0] * np.sqrt(variance), self.floors)

    def forget(self) -> None:
        """Drop what spans samples: pulses under way, averages, droop sums."""
        offset_noise_threshold = self.reals[:, :3].copy()
        renewed = self.integers[:, 9].copy()
        self.reals[:] = 0.0
        self.integers[:] = 0
        self.reals[:, :3] = offset_noise_threshold
        self.integers[:, 9] = renewed

    def scan(self, counts: Counts, first: int) -> Floats:
        """Run the kernel over one chunk; rows as in ``OUT_COLUMNS``."""
        written = self.kernel(
            counts,
            first,
            self.channels,
            self.droop,
            self.floors,
            self.reals,
            self.integers,
            self.raw_ring,
            self.ring,
            self.smooth_ring,
            self.before,
            self.steps,
            self.factors,
            self.out,
        )
        return self.out[:written]


class PulseDetector:
    """Samples of some strips in, pulses out, in the order in which they were known.

    ``offsets_renewed`` counts offsets that had to be taken anew because a channel
    stayed far from its offset for longer than any pulse.
    """

    def __init__(
        self,
        strips: tuple[Strip, ...],
        *,
        sample_rate_hz: float,
        detection: Detection,
        kernel: Kernel = scan,
    ) -> None:
        self._strips = strips
        self._rate = sample_rate_hz
        self._space = Workspace(
            strips, sample_rate_hz=sample_rate_hz, detection=detection, kernel=kernel
        )
        self._columns = 1 + max(strip.channel for strip in strips)

    @property
    def offsets_renewed(self) -> int:
        """Return how many offsets were taken anew so far."""
        return int(self._space.integers[:, 9].sum())

    def begin(self, counts: npt.NDArray[np.int32]) -> None:
        """Take offset and noise from the first samples; they are scanned later."""
        self._space.begin(counts)

    def is_active(self, strip: int) -> bool:
        """Tell whether a pulse is under way on a strip."""
        return bool(self._space.integers[strip, 0] != 0)

    def receive(self, counts: npt.NDArray[np.int32], first: int) -> list[Pulse]:
        """Take the samples that begin with number ``first``."""
        pulses: list[Pulse] = []
        for at in range(0, len(counts), _CHUNK):
            chunk = np.require(counts[at : at + _CHUNK], np.int32, ["C", "W"])
            rows = self._space.scan(chunk, first + at)
            found = [self._pulse(row) for row in rows.tolist()]
            found.sort(key=lambda pulse: (pulse.last_sample, pulse.strip))
            pulses += found
        return pulses

    def forget(self) -> None:
        """Drop pulses under way, as when samples are missing."""
        self._space.forget()

    def finish(self, first: int) -> list[Pulse]:
        """Return the pulses of which only the end of the tail is missing."""
        space = self._space
        space.integers[space.integers[:, 0] == 1, 0] = 0
        rest = np.zeros((math.ceil(self._rate * 0.5), self._columns), dtype=np.int32)
        rest[:, space.channels] = np.rint(space.reals[:, 0])
        pulses = self.receive(rest, first)
        space.forget()
        return [pulse for pulse in pulses if pulse.start_s * self._rate < first]

    def _pulse(self, row: list[float]) -> Pulse:
        strip = int(row[0])
        shape = self._strips[strip]
        shift = shape.time_offset_s
        top = int(row[7])
        full = shape.full_scale_counts
        start_s = row[1] / self._rate + shift
        end_s = row[2] / self._rate + shift
        per_sigma = float(self._space.factors[0])
        noise = row[8] / per_sigma * math.sqrt(self._space.window)
        spread = noise * math.sqrt(row[3] - row[1]) / self._rate
        return Pulse(
            strip=strip,
            start_s=start_s,
            end_s=end_s,
            rise_s=start_s,
            fall_s=end_s,
            centroid_s=row[5] / self._rate + shift,
            area_counts_s=row[4] / self._rate,
            area_sigma_counts_s=spread,
            peak_counts=row[6],
            plateau_counts=row[6] if shape.kind == "plate" else None,
            noise_counts=noise,
            closure_counts=0.0,
            clipped=top in _RAILS if full is None else top >= full,
            last_sample=int(row[3]),
        )
