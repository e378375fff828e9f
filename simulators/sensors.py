"""All strips of a site as they truly are, not as the site file says they are.

Gains, curves, noise, drift, droop, clocks and damage are drawn once for a site and
injected here; finding them again is the business of others.
"""

import math
from typing import Literal, get_args

import msgspec
import numpy as np
from numpy.typing import NDArray

from simulators.kernels import electronics, press
from simulators.ride import Ride
from wim.samples import Lane, Site, Strip

__all__ = [
    "ERRORS",
    "FAULTS",
    "LANE_WIDTH_M",
    "Electronics",
    "Fault",
    "FaultKind",
    "LaneStrip",
    "SensorField",
]

Season = Literal["spring", "summer", "winter"]
FaultKind = Literal["gain", "dead", "stuck", "noise", "clipping"]
FAULTS: tuple[FaultKind, ...] = get_args(FaultKind)

ERRORS = ("row_distance", "time_constant", "gain", "clock", "noise")
"""Factors by which the truth may differ from the site file."""

LANE_WIDTH_M = 3.75
BLOCK_SAMPLES = 65_536
_MAINS_HZ = 50.0
_KNOT_SAMPLES = 1024
_REFERENCE_C = 20.0
_PER_C = -0.0002  # quartz
_HALF_LANE_M = 1.75
_CURVE = 0.03
_BEND = 0.005
_NOISE = (0.001, 0.003)  # of full scale, as are the next ones
_HUM = 0.0005
_OFFSET = 0.02
_DRIFT_PER_HOUR = (0.01, 0.05)
_FLICKER = (0.0001, 0.0003)
_FLICKER_S = (1.0, 10.0, 100.0)
_CLOCK = 30e-6
_LATE_S = 5e-6
_CURVE_PERIODS = (1, 2, 3, 4)
_NOMINAL_WHEEL_M = 0.97
_FAULT_GAIN = 0.5
_FAULT_NOISE = 30.0
_FAULT_CEILING = 0.12  # of full scale
_STUCK = 0.013
_SEASON = (0.03, 0.05)


class Fault(msgspec.Struct, frozen=True):
    """One damaged strip: its kind, its channel, and since which part of the time."""

    kind: FaultKind
    channel: int
    begins: float = 0.0


class LaneStrip(msgspec.Struct, frozen=True):
    """Where one strip of a lane truly is."""

    row: int
    side: str
    place_m: float
    width_m: float


class Electronics(msgspec.Struct, frozen=True, kw_only=True):
    """What the electronics are and by how much the site file is wrong.

    The factors are known-bad checks: 1 is a site file that tells the truth.
    In summer the road is soft and gives its strips 3 to 5 % more than in spring, when
    they were calibrated, in winter as much less.
    ``imperfect`` false leaves out everything that is drawn, for tests of the rest.
    """

    sample_rate_hz: float = 4000.0
    bit_depth: int = 16
    temperature_c: float = _REFERENCE_C
    row_distance: float = 1.0
    time_constant: float = 1.0
    gain: float = 1.0
    clock: float = 1.0
    noise: float = 1.0
    season: Season = "spring"
    imperfect: bool = True
    faults: tuple[Fault, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what no station has."""
        if not 1_000.0 <= self.sample_rate_hz <= 20_000.0:
            message = f"sample rate {self.sample_rate_hz:g} Hz: between 1000 and 20000"
            raise ValueError(message)
        if not -60.0 <= self.temperature_c <= 80.0:
            message = f"temperature {self.temperature_c:g} °C: between -60 and 80"
            raise ValueError(message)


class SensorField:
    """The strips of a site: press wheels on it, block by block, and read counts."""

    def __init__(
        self, site: Site, electronics: Electronics, *, site_seed: int, seed: int
    ) -> None:
        self.channels = site.channels
        self._electronics = electronics
        self._strips = [(strip, lane) for lane in site.lanes for strip in lane.strips]
        self._lane_m = {lane.number: lane_centre_m(lane.number) for lane in site.lanes}
        self.strip_m = np.array(
            [
                (strip.position_m - origin_m(lane)) * electronics.row_distance
                for strip, lane in self._strips
            ]
        )
        self._width_m = np.array([strip.width_m for strip, _ in self._strips])
        drawn = np.random.default_rng([site_seed, 11])
        self._extents = np.array([_extent(strip, lane) for strip, lane in self._strips])
        self._curves = [
            _Curve.drawn(drawn, extent, lane_centre_m(lane.number))
            for extent, (_, lane) in zip(self._extents, self._strips, strict=True)
        ]
        seasonal = drawn.uniform(*_SEASON)
        seasonal *= {"spring": 0.0, "summer": 1.0, "winter": -1.0}[electronics.season]
        self._figures = np.array(
            [_figures(drawn, strip, electronics) for strip, _ in self._strips]
        )
        self._figures[:, 0] *= 1.0 + seasonal
        late = drawn.uniform(-_LATE_S, _LATE_S, len(self._strips))
        clock = electronics.clock
        if electronics.imperfect:
            clock *= 1.0 + drawn.uniform(-_CLOCK, _CLOCK)
        else:
            late[:] = 0.0
        # a clock that runs fast counts more samples to a true second
        self._sample_s = 1.0 / (electronics.sample_rate_hz * clock)
        nominal = [strip.time_offset_s or 0.0 for strip, _ in self._strips]
        self._late_s = late + np.array(nominal)
        self._channel = np.array([strip.channel for strip, _ in self._strips])
        self._state = np.zeros((len(self._strips), 2))
        self._seed = seed
        self._wander = _Wander(
            np.random.default_rng([seed, 12]),
            self._figures[:, 2],
            knot_s=_KNOT_SAMPLES * self._sample_s,
            imperfect=electronics.imperfect,
        )
        self._whole = list(electronics.faults)
        self._stuck_at: dict[int, float] = {}

    @property
    def sample_s(self) -> float:
        """True time between two samples."""
        return self._sample_s

    def lateral_m(self, lane: int) -> float:
        """Return where the middle of a lane is, across the road."""
        return self._lane_m[lane]

    def strips_of(self, lane: int) -> tuple[LaneStrip, ...]:
        """Return the strips of one lane."""
        return tuple(
            LaneStrip(strip.row, strip.side, float(place), strip.width_m)
            for (strip, own), place in zip(self._strips, self.strip_m, strict=True)
            if own.number == lane
        )

    def gains(self, ride: Ride, lateral_m: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return counts per newton of each wheel on each strip.

        Args:
            ride: one vehicle's.
            lateral_m: of the vehicle's middle over each strip, across the road.

        Returns:
            shape (axles, 2, strips); the part of a wheel beside a strip is lost.
        """
        axles = len(ride.axle_m)
        gains = np.zeros((axles, 2, len(self._strips)))
        for s, (strip, _) in enumerate(self._strips):
            least, most = self._extents[s]
            for side, sign in enumerate((-1.0, 1.0)):
                centre = lateral_m[s] + sign * ride.wheel_centres_m
                half = ride.wheel_widths_m / 2.0
                over = np.minimum(centre + half, most) - np.maximum(
                    centre - half, least
                )
                cover = np.clip(over / ride.wheel_widths_m, 0.0, 1.0)
                if cover.any():
                    sensitive = self._curves[s].at(np.clip(centre, least, most))
                    if not self._electronics.imperfect:
                        sensitive = np.ones_like(centre)
                    gains[:, side, s] = strip.counts_per_newton * cover * sensitive
        return gains

    def block(
        self,
        number: int,
        presses: list[tuple[Ride, NDArray[np.float64], float]],
        *,
        part: float,
    ) -> NDArray[np.int32]:
        """Return one block of counts, shape (BLOCK_SAMPLES, channels).

        Args:
            number: blocks are asked for in order, from 0.
            presses: ride, gains and true time of the ride's first kept step of each
                vehicle near this block.
            part: of the recording that lies before this block.
        """
        self._damage(part)
        strips = len(self._strips)
        field = np.zeros((strips, BLOCK_SAMPLES))
        first = number * BLOCK_SAMPLES
        for ride, gains, begins_s in presses:
            press_ride(
                field,
                first,
                ride,
                gains,
                begins_s,
                sample_s=self._sample_s,
                strip_m=self.strip_m,
                width_m=self._width_m,
                late_s=self._late_s,
            )
        rng = np.random.default_rng([self._seed, 13, number])
        noise = rng.standard_normal(field.shape, dtype=np.float32)
        moments = (first + np.arange(BLOCK_SAMPLES)) * self._sample_s
        angle = 2.0 * np.pi * _MAINS_HZ * moments
        hum = np.stack([np.sin(angle), np.cos(angle)])
        knots = BLOCK_SAMPLES // _KNOT_SAMPLES
        slow = self._wander.knots(number * knots, knots + 1)
        for s, stuck_counts in self._stuck_at.items():
            slow[s] = stuck_counts
        counts = np.zeros((BLOCK_SAMPLES, self.channels), dtype=np.int32)
        electronics(
            field,
            noise,
            hum,
            self._state,
            self._figures,
            slow,
            _KNOT_SAMPLES,
            self._channel,
            counts,
        )
        return counts

    def _damage(self, part: float) -> None:
        """Break the strips whose time has come."""
        due = [fault for fault in self._whole if fault.begins <= part]
        self._whole = [fault for fault in self._whole if fault.begins > part]
        for fault in due:
            s = int(np.flatnonzero(self._channel == fault.channel)[0])
            figures = self._figures[s]
            match fault.kind:
                case "gain":
                    figures[0] *= _FAULT_GAIN
                case "dead":
                    figures[0] = 0.0
                case "stuck":
                    figures[[0, 3, 5, 6, 7]] = 0.0
                    self._stuck_at[s] = _STUCK * float(figures[2])
                case "noise":
                    figures[5] *= _FAULT_NOISE
                case "clipping":
                    figures[9] = _FAULT_CEILING * figures[2]


def press_ride(
    field: NDArray[np.float64],
    first_sample: int,
    ride: Ride,
    gains: NDArray[np.float64],
    begins_s: float,
    *,
    sample_s: float,
    strip_m: NDArray[np.float64],
    width_m: NDArray[np.float64],
    late_s: NDArray[np.float64],
) -> None:
    """Add one ride to the counts of ideal strips, shape (strips, samples)."""
    duration = field.shape[1] * sample_s
    since = first_sample * sample_s - begins_s
    step_s = ride.step_s
    low = max(int(since / step_s) - 3, 0)
    high = min(int((since + duration) / step_s) + 4, len(ride.place_m))
    if high - low < 2:
        return
    press(
        field,
        first_sample,
        sample_s,
        begins_s + low * step_s,
        step_s,
        ride.place_m[low:high],
        ride.axle_m,
        ride.footprints_m,
        ride.footprint_shape,
        ride.forces_n[:, :, low:high],
        float(np.abs(ride.speed_mps).max()) + 0.1,
        strip_m,
        width_m,
        late_s,
        gains,
    )


def lane_centre_m(number: int) -> float:
    """Return where the middle of a lane is across the road; lane 1 at 0."""
    return (number - 1) * LANE_WIDTH_M


def origin_m(lane: Lane) -> float:
    """Return the centre of row 0, from which places count."""
    row = [strip.position_m for strip in lane.strips if strip.row == 0]
    return sum(row) / len(row)


def _extent(strip: Strip, lane: Lane) -> tuple[float, float]:
    """Return from where to where a strip lies across the road."""
    least = {"left": -_HALF_LANE_M, "right": 0.0, "full": -_HALF_LANE_M}[strip.side]
    most = {"left": 0.0, "right": _HALF_LANE_M, "full": _HALF_LANE_M}[strip.side]
    if strip.lateral_from_m is not None:
        least = strip.lateral_from_m
    if strip.lateral_to_m is not None:
        most = strip.lateral_to_m
    centre = lane_centre_m(lane.number)
    return centre + least, centre + most


class _Curve(msgspec.Struct, frozen=True):
    """How the sensitivity of a strip changes along its length, 1 at the usual path."""

    least_m: float
    length_m: float
    amplitudes: NDArray[np.float64]
    phases: NDArray[np.float64]
    usual: float

    @classmethod
    def drawn(
        cls, rng: np.random.Generator, extent: NDArray[np.float64], lane_m: float
    ) -> "_Curve":
        """Draw a smooth curve within three percent."""
        least, most = float(extent[0]), float(extent[1])
        amplitudes = rng.normal(0.0, 1.0, len(_CURVE_PERIODS)) / _CURVE_PERIODS
        phases = rng.uniform(0.0, 2.0 * np.pi, len(_CURVE_PERIODS))
        raw = cls(least, most - least, amplitudes, phases, 0.0)
        places = np.linspace(least, most, 201)
        scale = _CURVE / max(float(np.abs(raw.at(places) - 1.0).max()), 1e-9)
        amplitudes = amplitudes * scale * rng.uniform(0.5, 1.0)
        raw = cls(least, most - least, amplitudes, phases, 0.0)
        usual = [
            raw.at(lane_m + sign * _NOMINAL_WHEEL_M + np.linspace(-0.25, 0.25, 21))
            for sign in (-1.0, 1.0)
            if least < lane_m + sign * _NOMINAL_WHEEL_M < most
        ]
        mean = float(np.mean(usual)) - 1.0 if usual else 0.0
        return cls(least, most - least, amplitudes, phases, mean)

    def at(self, across_m: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the relative sensitivity at some places across the road."""
        turn = np.pi * (np.asarray(across_m) - self.least_m) / self.length_m
        waves = np.cos(np.multiply.outer(turn, _CURVE_PERIODS) + self.phases)
        curve: NDArray[np.float64] = 1.0 - self.usual + waves @ self.amplitudes
        return curve


def _figures(
    rng: np.random.Generator, strip: Strip, electronics: Electronics
) -> tuple[float, ...]:
    """Draw what the kernel wants to know of one strip, in its order."""
    depth = float(2 ** (electronics.bit_depth - 1) - 1)
    scale = min(float(strip.full_scale_counts or depth), depth)
    residual = 1.0 + rng.normal(0.0, 1.0) * (strip.gain_uncertainty or 0.0)
    bend = rng.uniform(-_BEND, _BEND)
    noise = rng.uniform(*_NOISE) * scale * electronics.noise
    phase = rng.uniform(0.0, 2.0 * np.pi)
    hum = _HUM * scale * rng.uniform(0.5, 1.5)
    keep, change = 1.0, 1.0
    if strip.time_constant_s is not None:
        constant = strip.time_constant_s * electronics.time_constant
        ratio = 1.0 / (constant * electronics.sample_rate_hz)
        keep = math.exp(-ratio)
        change = (1.0 - keep) / ratio
    if not electronics.imperfect:
        residual, bend, noise, hum = 1.0, 0.0, 0.0, 0.0
    warm = 1.0 + _PER_C * (electronics.temperature_c - _REFERENCE_C)
    gain = residual * warm * electronics.gain
    sine, cosine = hum * math.cos(phase), hum * math.sin(phase)
    return (gain, bend, scale, keep, change, noise, sine, cosine, 1.0, scale)


class _Wander:
    """Offset, drift and flicker of every strip, at knots a quarter second apart."""

    def __init__(
        self,
        rng: np.random.Generator,
        scales: NDArray[np.float64],
        *,
        knot_s: float,
        imperfect: bool,
    ) -> None:
        strips = len(scales)
        self._rng = rng
        part = scales if imperfect else np.zeros(strips)
        self._offset = rng.uniform(-_OFFSET, _OFFSET, strips) * part
        per_s = rng.uniform(*_DRIFT_PER_HOUR, strips) / 3600.0
        self._drift = per_s * rng.choice([-1.0, 1.0], strips) * part * knot_s
        self._flicker = rng.uniform(*_FLICKER, strips) * part
        self._keep = np.exp(-knot_s / np.array(_FLICKER_S))
        self._now = rng.standard_normal((len(_FLICKER_S), strips))

    def knots(self, first: int, count: int) -> NDArray[np.float64]:
        """Return the values at some knots; the last is the next call's first."""
        knots = np.empty((len(self._offset), count))
        for k in range(count):
            if k > 0:
                fresh = self._rng.standard_normal(self._now.shape)
                self._now = (
                    self._keep[:, None] * self._now
                    + np.sqrt(1.0 - self._keep**2)[:, None] * fresh
                )
            knots[:, k] = (
                self._offset
                + self._drift * (first + k)
                + self._flicker * self._now.sum(axis=0)
            )
        return knots
