"""From samples to pulses: what each wheel left on each strip.

A pulse is what stands out of a channel's own noise, measured above a baseline that is
drawn between the quiet before and after it, with hum and droop undone; its area reaches
as far beyond its edges as a share of its length, so that the tails are in it. It knows
no vehicle and no speed, and the same samples give the same pulses to the bit whatever
the blocks in which they come.
"""

import math
import mmap
from collections.abc import Sequence
from typing import Annotated, TypeAlias, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt

from wim.baseline import first_baseline
from wim.kernels.elementary import cosine_sine
from wim.kernels.layout import (
    FACTORS,
    INTEGERS,
    LANES,
    LEVELS,
    OUT_COLUMNS,
    OUT_FIGURES,
    REALS,
    STEPS,
    Counts,
    Floats,
    Integers,
)
from wim.kernels.signal import follow
from wim.samples import Strip

__all__ = ["Detection", "Pulse", "PulseDetector"]

_LOBES = 16
_ROOM = 2048
_LEAST_THRESHOLD_COUNTS = 1.5
_NARROW_M = 0.12
_LONGEST_FOOTPRINT_M = 0.28
_LEAST_LEVEL = 0.1
_PACKED_BYTES = 8 * (OUT_COLUMNS - OUT_FIGURES)
Number = TypeVar("Number", np.int32, np.float64)
Positive: TypeAlias = Annotated[float, msgspec.Meta(gt=0.0)]
Share: TypeAlias = Annotated[float, msgspec.Meta(gt=0.0, le=1.0)]
NotNegative: TypeAlias = Annotated[float, msgspec.Meta(ge=0.0)]


class Detection(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Figures of the detector; times are turned into samples or tiles once.

    Decisions fall once in ``tile_s``; a fifth of the mains period keeps the hum out of
    the offset. A pulse stands out ``over_noise`` standard deviations of the means of
    two or four tiles, and more than ``least_force_n``; it is over when it falls below
    ``hysteresis`` of that. Its area reaches ``tail_share`` of its width beyond half its
    height. It is reported after a quiet of ``run_tail_share`` of its length, between
    ``least_tail_s`` and ``longest_tail_s``. The offset follows with ``offset_time_s``,
    the hum with ``hum_time_s`` (``hum_hz`` 0: none), both only in quiet time.

    What stays for longer than ``longest_s``, or for ``linger_s`` and hardly stands out,
    is no pulse, and what stays below the offset for ``below_s`` shows that something
    stood on the strip when the offset was taken: it is taken anew. ``droop_doubt`` is
    the share of the undone droop that is not trusted, ``level_doubt`` the standard
    deviation of the quiet level around its mean over that of a tile. A strip narrower
    than a wheel whose highest count fills ``flat_share`` of the width at half height
    ran against an end of its scale, wherever that is: noise of ``flat_noise_counts``
    or more lets no wheel's pulse be so level.
    """

    first_estimate_s: Positive = 0.5
    tile_s: Positive = 0.004
    average_s: Positive = 0.0015
    over_noise: Positive = 5.5
    least_force_n: Positive = 60.0
    hysteresis: Share = 0.5
    tail_share: Positive = 0.6
    look_back_s: Positive = 0.032
    run_tail_share: Share = 0.25
    least_tail_s: Positive = 0.012
    longest_tail_s: Positive = 0.25
    least_pulse_s: Positive = 0.001
    offset_time_s: Positive = 0.5
    hum_hz: NotNegative = 50.0
    hum_time_s: Positive = 0.5
    below_s: Positive = 0.2
    linger_s: Positive = 3.0
    longest_s: Positive = 20.0
    droop_doubt: NotNegative = 0.03
    level_doubt: NotNegative = 0.15
    flat_share: Share = 0.3
    flat_noise_counts: Positive = 2.0


class Pulse(msgspec.Struct, frozen=True, gc=False):
    """One wheel's pulse on one strip; times [s] since the first sample of the stream.

    ``strip`` is the index of the strip in its detector. ``start_s`` and ``end_s`` are
    where the threshold is crossed, ``rise_s`` and ``fall_s`` where half the height is.
    ``area_sigma_counts_s`` (k = 1) is what noise, bridging and hum leave unknown of
    the area; never 0. ``centre_s`` is when the wheel's centre was over the strip's: the
    centroid says it best; where the pulse leans so far that its centroid cannot be the
    middle (clipped, struck, cut short), the middle between its flanks does.
    ``plateau_counts`` is the mean while a plate carries the wheel
    wholly, None where the strip is no plate. ``noise_counts`` is the standard
    deviation of one quiet sample around the pulse, ``closure_counts`` the quiet level
    after it less that before it once the droop is undone. ``last_sample`` is the last
    one that was needed to know the pulse. ``figures`` are its columns of
    ``wim.kernels.hit_table`` as the detector left them, packed; none where the pulse
    was made up.
    """

    strip: int
    start_s: float
    end_s: float
    rise_s: float
    fall_s: float
    centroid_s: float
    centre_s: float
    area_counts_s: float
    area_sigma_counts_s: float
    peak_counts: float
    plateau_counts: float | None
    noise_counts: float
    closure_counts: float
    clipped: bool
    last_sample: int
    figures: bytes = b""


class _Channels:
    """The arrays that the kernels work on: one column per channel of the samples."""

    def __init__(
        self, strips: tuple[Strip, ...], *, rate_hz: float, detection: Detection
    ) -> None:
        tile = max(1, round(detection.tile_s * rate_hz))

        def tiles(seconds: float) -> int:
            return max(1, round(seconds * rate_hz / tile))

        columns = 1 + max(strip.channel for strip in strips)
        looks = tiles(detection.look_back_s) + 1
        longest = round(detection.longest_s * rate_hz) + (looks + 4) * tile
        periods = detection.hum_hz / rate_hz
        if periods * tile > 0.4:
            periods = 0.0
        share = min(1.0 / tiles(detection.offset_time_s), 0.5)
        hum_share = min(1.0 / tiles(detection.hum_time_s), 0.5) if periods else 0.0
        self.tile = tile
        self.steps: Integers = np.zeros(STEPS, dtype=np.int64)
        self.steps[:] = (
            tile,
            looks,
            max(tiles(detection.least_tail_s), 2),
            max(tiles(detection.longest_tail_s), 2),
            tiles(detection.below_s),
            max(1, round(detection.average_s * rate_hz)),
            _LOBES,
            max(1, round(detection.least_pulse_s * rate_hz)),
            6,
            round(detection.linger_s * rate_hz),
        )
        self.factors: Floats = np.zeros(FACTORS)
        self.factors[:] = (
            detection.over_noise,
            detection.hysteresis,
            detection.tail_share,
            share,
            hum_share,
            0.5 * (tile - 1) * periods,
            _left_in_mean(periods, tile),
            0.04,
            detection.droop_doubt,
            periods,
            detection.run_tail_share,
            detection.level_doubt,
            detection.flat_share,
            rate_hz,
        )
        self.reals: Floats = np.zeros((REALS, LANES))
        self.flat_reals = self.reals.reshape(-1)
        self.reals[16] = np.inf
        self.integers: Integers = np.zeros((INTEGERS, LANES), dtype=np.int64)
        for strip in strips:
            tau_s = strip.time_constant_s
            droop = 0.0 if tau_s is None else 1.0 / (tau_s * rate_hz)
            floor = detection.least_force_n * strip.counts_per_newton
            self.reals[14, strip.channel] = min(droop * tile, 0.5)
            self.reals[15, strip.channel] = droop
            self.reals[16, strip.channel] = max(floor, _LEAST_THRESHOLD_COUNTS)
            self.reals[18, strip.channel] = _level_share(strip)
            end = strip.full_scale_counts
            self.reals[23, strip.channel] = np.inf if end is None else end
            self.reals[24, strip.channel] = strip.time_offset_s
            level = strip.kind == "plate" or strip.width_m > _NARROW_M
            flat_noise = detection.flat_noise_counts
            self.reals[25, strip.channel] = np.inf if level else flat_noise
        self.reals[10:12] = self.reals[16]
        self.place: Integers = np.zeros(4, dtype=np.int64)
        self.wave: Floats = np.array(
            [cosine_sine(k * periods) for k in range(tile)]
        ).T.reshape(-1)
        self.phases: Floats = np.zeros(8)
        self.pending: Counts = np.zeros((tile, columns), dtype=np.int32)
        self.sums: Counts = np.zeros(columns, dtype=np.int32)
        self.ring: Counts = np.zeros((looks, tile, columns), dtype=np.int32)
        # a long pulse needs all of it, the usual one a few pages of each channel
        self.runs: Counts = _zeros_by_page((columns, longest + 2 * tile), np.int32)
        self.force: Floats = _zeros_by_page((longest + 3 * tile,), np.float64)
        self.work: Floats = _zeros_by_page((longest + 3 * tile + 1,), np.float64)
        self.levels: Floats = np.zeros(LEVELS)
        self.lobes: Integers = np.zeros((_LOBES, 2), dtype=np.int64)
        self.out: Floats = np.zeros((2 * columns * _LOBES + _ROOM, OUT_COLUMNS))

    def begin(self, counts: npt.NDArray[np.int32], *, used: frozenset[int]) -> None:
        """Set offset, noise and hum from the first samples."""
        own = sorted(used)
        hum = None
        if self.factors[9]:
            periods, middle = self.factors[9], self.factors[5]
            starts = range(0, len(counts) // self.tile * self.tile, self.tile)
            hum = np.array([cosine_sine(at * periods + middle) for at in starts])
        start = first_baseline(
            np.take(counts, own, axis=1),
            tile=self.tile,
            hum=hum,
            hum_gain=float(self.factors[6]),
            droop=self.reals[15, own],
        )
        variance = start.tile_variance
        self.reals[0, own] = start.offset
        self.reals[5, own] = variance
        self.reals[6, own] = 0.5 * variance
        self.reals[7, own] = 0.25 * variance
        self.reals[8, own] = start.hum_cosine
        self.reals[9, own] = start.hum_sine
        self.reals[12, own] = start.sample_variance
        over = self.factors[0] * np.sqrt(variance)
        floor = self.reals[16, own]
        self.reals[10, own] = np.maximum(over * np.sqrt(0.5), floor)
        self.reals[11, own] = np.maximum(over * 0.5, floor)

    def forget(self) -> None:
        """Drop what spans samples: runs under way, the latest tiles."""
        for row in (2, 3, 4, 13, 19, 20):
            self.reals[row] = 0.0
        self.place[0] = 0

    def follow(self, counts: Counts, begin: int, first: int) -> bool:
        """Run the kernel; return whether it stopped because ``out`` is full."""
        return self._run(counts, begin, first, ending=0) != 0

    def end(self) -> int:
        """Measure the runs under way; return how many rows of ``out`` there are."""
        self._run(self.pending, 0, 0, ending=1)
        return int(self.place[3])

    def _run(self, counts: Counts, begin: int, first: int, *, ending: int) -> int:
        return follow(
            counts,
            begin,
            first,
            ending,
            self.place,
            self.flat_reals,
            self.integers,
            self.steps,
            self.factors,
            self.wave,
            self.phases,
            self.pending,
            self.sums,
            self.ring,
            self.runs,
            self.force,
            self.work,
            self.levels,
            self.lobes,
            self.out,
        )


class _Bank:
    """At most ``LANES`` strips, and which columns of the samples are theirs.

    ``strip_of`` tells the strip of each column that the kernels see. As long as all
    channels of a site fit into one bank, the samples are taken as they lie.
    """

    def __init__(
        self,
        strips: tuple[Strip, ...],
        chosen: Sequence[int],
        *,
        rate_hz: float,
        detection: Detection,
    ) -> None:
        channels = [strips[k].channel for k in chosen]
        self._columns = None if max(channels) < LANES else channels
        if self._columns is None:
            own = tuple(strips[k] for k in chosen)
        else:
            own = tuple(
                msgspec.structs.replace(strips[k], channel=column)
                for column, k in enumerate(chosen)
            )
        self.strip_of = {s.channel: k for s, k in zip(own, chosen, strict=True)}
        self._plates = {s.channel for s in own if s.kind == "plate"}
        self.state = _Channels(own, rate_hz=rate_hz, detection=detection)

    def chosen(self, counts: Counts) -> Counts:
        """Return the columns of the bank, shape (samples, columns)."""
        if self._columns is None:
            return counts
        return np.take(counts, self._columns, axis=1)

    def pulses(self, written: int) -> list[Pulse]:
        """Return the pulses of so many rows of ``out``."""
        if not written:
            return []
        out = self.state.out[:written]
        packed = out[:, OUT_FIGURES:].tobytes()
        # in their order: of more than fifteen names Python makes a dictionary first,
        # and that takes longer than the pulse
        return [
            Pulse(
                self.strip_of[int(column)],
                start_s,
                end_s,
                rise_s,
                fall_s,
                centroid_s,
                centre_s,
                area_counts_s,
                area_sigma_counts_s,
                peak_counts,
                plateau_counts if column in self._plates else None,
                noise_counts,
                closure_counts,
                clipped != 0.0,
                int(last_sample),
                packed[at : at + _PACKED_BYTES],
            )
            for at, (
                column,
                last_sample,
                peak_counts,
                closure_counts,
                centroid_s,
                centre_s,
                area_counts_s,
                area_sigma_counts_s,
                rise_s,
                fall_s,
                start_s,
                end_s,
                noise_counts,
                clipped,
                plateau_counts,
            ) in zip(
                range(0, written * _PACKED_BYTES, _PACKED_BYTES),
                out.tolist(),
                strict=True,
            )
        ]


def _level_share(strip: Strip) -> float:
    """Return for which share of its pulse a plate carries a wheel wholly, 0 a strip.

    A plate's pulse is at half its height as long as the plate is wide. On a plate that
    is not wider than a footprint that share is the middle of the pulse and no more.
    """
    if strip.kind != "plate":
        return 0.0
    return max(1.0 - _LONGEST_FOOTPRINT_M / strip.width_m, _LEAST_LEVEL)


def _shared_out(strips: tuple[Strip, ...]) -> list[Sequence[int]]:
    """Share the strips out to banks, in their order."""
    n = len(strips)
    if max(strip.channel for strip in strips) < LANES:
        return [range(n)]
    return [range(at, min(at + LANES, n)) for at in range(0, n, LANES)]


def _known(pulse: Pulse) -> int:
    return pulse.last_sample


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
    ) -> None:
        self._banks = [
            _Bank(strips, chosen, rate_hz=sample_rate_hz, detection=detection)
            for chosen in _shared_out(strips)
        ]
        self._place = {
            strip: (bank, column)
            for bank in self._banks
            for column, strip in bank.strip_of.items()
        }

    @property
    def offsets_renewed(self) -> int:
        """Return how many offsets were taken anew so far."""
        return sum(int(bank.state.integers[5].sum()) for bank in self._banks)

    def begin(self, counts: npt.NDArray[np.int32]) -> None:
        """Take offset, noise and hum from the first samples; they are scanned later."""
        for bank in self._banks:
            bank.state.begin(bank.chosen(counts), used=frozenset(bank.strip_of))

    def is_active(self, strip: int) -> bool:
        """Tell whether a pulse is under way on a strip."""
        bank, column = self._place[strip]
        return bool(bank.state.reals[13, column] != 0.0)

    def receive(self, counts: npt.NDArray[np.int32], first: int) -> list[Pulse]:
        """Take the samples that begin with number ``first``."""
        pulses: list[Pulse] = []
        for bank in self._banks:
            state = bank.state
            block = np.require(bank.chosen(counts), np.int32, ["C", "W"])
            begin = 0
            more = True
            while more:
                more = state.follow(block, begin, first)
                begin = int(state.place[2])
                pulses += bank.pulses(int(state.place[3]))
        if len(self._banks) > 1:
            # a pulse is known with its last sample, whatever the bank
            pulses.sort(key=_known)
        return pulses

    def forget(self) -> None:
        """Drop pulses under way, as when samples are missing."""
        for bank in self._banks:
            bank.state.forget()

    def finish(self, first: int) -> list[Pulse]:
        """Return the pulses of which only the end of the tail is missing.

        Args:
            first: number of the sample that would come next.
        """
        pulses: list[Pulse] = []
        for bank in self._banks:
            pulses += bank.pulses(bank.state.end())
        self.forget()
        return [pulse for pulse in pulses if pulse.last_sample < first]


def _zeros_by_page(
    shape: tuple[int, ...], kind: type[Number]
) -> np.ndarray[tuple[int, ...], np.dtype[Number]]:
    """Return noughts of which the system gives each page when it is first touched.

    For its own zeros NumPy asks the system for pages of 2 MB: every channel would get
    one for the first of its pulses, and writing the noughts into them took as long as
    weighing some vehicles.
    """
    size = math.prod(shape) * np.dtype(kind).itemsize
    # of this process alone: another one that comes of it writes into pages of its own
    room = mmap.mmap(-1, size, access=mmap.ACCESS_COPY)
    return np.frombuffer(room, dtype=kind).reshape(shape)


def _left_in_mean(periods: float, tile: int) -> float:
    """Return how much of a wave is left in the mean of a tile.

    Args:
        periods: of the wave per sample.
        tile: samples in the mean.
    """
    if periods == 0.0:
        return 1.0
    return cosine_sine(0.5 * tile * periods)[1] / (tile * cosine_sine(0.5 * periods)[1])
