"""The strips in the road: from wheel forces to the counts that a station sends.

Noise, mains hum, drift, offset, the amplifier's droop, clipping and quantisation are
put on here; the inverse of any of them is the business of others.
"""

from collections.abc import Iterable

import msgspec
import numpy as np
from numpy.typing import NDArray

from simulators.forces import Passing
from wim.samples import Lane, Site, Strip

__all__ = ["SignalShape", "StripField", "lane_length_m"]


class SignalShape(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True
):
    """What the electronics add, in counts."""

    sample_rate_hz: float = 4000.0
    bit_depth: int = 16
    noise_counts: float = 4.0
    hum_counts: float = 1.5
    offset_counts: float = 300.0
    drift_counts_per_hour: float = 60.0

    def __post_init__(self) -> None:
        """Refuse electronics that the wire protocol cannot carry."""
        if not 1_000.0 <= self.sample_rate_hz <= 20_000.0:
            message = f"sample_rate_hz {self.sample_rate_hz:g}: between 1000 and 20000"
            raise ValueError(message)
        if self.bit_depth not in {16, 24}:
            message = f"bit_depth {self.bit_depth}: 16 or 24"
            raise ValueError(message)
        for name in ("noise_counts", "hum_counts", "offset_counts"):
            if getattr(self, name) < 0.0:
                message = f"{name} {getattr(self, name):g}: not below zero"
                raise ValueError(message)


def lane_length_m(lane: Lane) -> float:
    """Return the distance from row 0 to the farthest strip of a lane."""
    origin_m = _origin_m(lane)
    return max(strip.position_m for strip in lane.strips) - origin_m


class StripField:
    """All strips of a site under traffic, block by block.

    The same seed gives the same counts, if the blocks are asked for in order and
    with the same lengths.
    """

    def __init__(
        self, site: Site, signal: SignalShape, rng: np.random.Generator
    ) -> None:
        self._lanes = [_LaneStrips(lane, signal) for lane in site.lanes]
        self.channels = 1 + max(s.channel for lane in site.lanes for s in lane.strips)
        self._signal = signal
        self._rng = rng
        self._offset = rng.uniform(-1.0, 1.0, self.channels) * signal.offset_counts
        self._drift = rng.uniform(-1.0, 1.0, self.channels) * (
            signal.drift_counts_per_hour / 3600.0
        )
        self._hum_phase = rng.uniform(0.0, 2.0 * np.pi, self.channels)
        limit = float(2 ** (signal.bit_depth - 1) - 1)
        self._full_scale = np.full(self.channels, limit)
        for lane in site.lanes:
            for strip in lane.strips:
                if strip.full_scale_counts is not None:
                    self._full_scale[strip.channel] = min(
                        limit, strip.full_scale_counts
                    )

    def counts(
        self, passings: Iterable[Passing], *, first_sample: int, samples: int
    ) -> NDArray[np.int32]:
        """Return the counts of the next block, shape (samples, channels)."""
        signal = self._signal
        times = (first_sample + np.arange(samples)) / signal.sample_rate_hz
        field = np.zeros((samples, self.channels))
        on_the_way = list(passings)
        for lane in self._lanes:
            lane.press(field, on_the_way, times)
        field += self._offset + self._drift * times[:, None]
        field += signal.hum_counts * np.sin(
            2.0 * np.pi * 50.0 * times[:, None] + self._hum_phase
        )
        field += signal.noise_counts * self._rng.standard_normal(
            field.shape, dtype=np.float32
        )
        np.rint(field, out=field)
        np.clip(field, -self._full_scale, self._full_scale, out=field)
        return field.astype(np.int32)

    def inputs(self, passings: Iterable[Passing], time_s: float) -> int:
        """Return the digital inputs at one moment: one bit per occupied separator."""
        occupied = {passing.lane for passing in passings if passing.covers(time_s)}
        bits = 0
        for lane in self._lanes:
            if lane.presence_input is not None and lane.number in occupied:
                bits |= 1 << lane.presence_input
        return bits


class _LaneStrips:
    """The strips of one lane, their amplifiers' droop included."""

    def __init__(self, lane: Lane, signal: SignalShape) -> None:
        self.number = lane.number
        self.presence_input = lane.presence_input
        self._strips = lane.strips
        origin_m = _origin_m(lane)
        self._positions = np.array([s.position_m - origin_m for s in lane.strips])
        self._reach_m = 0.3 + max(s.width_m for s in lane.strips)
        self._droops = [_Droop.of(strip, signal) for strip in lane.strips]

    def press(
        self,
        field: NDArray[np.float64],
        passings: list[Passing],
        times: NDArray[np.float64],
    ) -> None:
        """Add the counts of all wheels that are on strips of this lane."""
        forces: dict[int, NDArray[np.float64]] = {}
        for passing in passings:
            if passing.lane == self.number:
                for axle, number in self._touched(passing, times):
                    force = self._force(passing, axle, number, times=times)
                    forces[number] = forces.get(number, 0.0) + force
        for number, (strip, droop) in enumerate(
            zip(self._strips, self._droops, strict=True)
        ):
            force_n = forces.get(number)
            if droop is not None:
                force_n = droop.passed(
                    np.zeros(len(times)) if force_n is None else force_n
                )
            if force_n is not None:
                field[:, strip.channel] += strip.counts_per_newton * force_n

    def _touched(
        self, passing: Passing, times: NDArray[np.float64]
    ) -> list[tuple[int, int]]:
        """Return the pairs of axle and strip that are near each other in a block."""
        first, last = passing.first_axle_m(times[[0, -1]])
        behind = np.array(passing.vehicle.axle_positions_m)[:, None]
        entered = last - behind > self._positions - self._reach_m
        left = first - behind > self._positions + self._reach_m
        return [(int(a), int(s)) for a, s in np.argwhere(entered & ~left)]

    def _force(
        self, passing: Passing, axle: int, number: int, *, times: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        strip = self._strips[number]
        return passing.force_on_strip_n(
            axle,
            strip.side,
            position_m=float(self._positions[number]),
            width_m=strip.width_m,
            times_s=times + (strip.time_offset_s or 0.0),
        )


class _Droop:
    """A charge amplifier that forgets a constant force with one time constant."""

    def __init__(self, time_constant_s: float, sample_rate_hz: float) -> None:
        self._keep = float(np.exp(-1.0 / (time_constant_s * sample_rate_hz)))
        self._slow_n = 0.0

    @classmethod
    def of(cls, strip: Strip, signal: SignalShape) -> "_Droop | None":
        """Return the droop of one strip, if it has any."""
        if strip.time_constant_s is None:
            return None
        return cls(strip.time_constant_s, signal.sample_rate_hz)

    def passed(self, force_n: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return a block of force less its slow part, a low-pass of first order.

        The recursion slow[k] = keep·slow[k-1] + (1-keep)·force[k] in closed form; a
        block is far shorter than the time constant, so the powers stay near one.
        """
        powers = self._keep ** np.arange(1, len(force_n) + 1)
        slow = powers * (
            self._slow_n + (1.0 - self._keep) * np.cumsum(force_n / powers)
        )
        self._slow_n = float(slow[-1])
        return force_n - slow


def _origin_m(lane: Lane) -> float:
    """Return the centre of row 0, from which distances count."""
    row = [strip.position_m for strip in lane.strips if strip.row == 0]
    return sum(row) / len(row)
