"""All strips of a site as they truly are, not as the site file says they are.

Gains, curves, noise, drift, droop, clocks and damage are drawn once for a site and
injected here; finding them again is the business of others.
"""

import msgspec
import numpy as np
from numpy.typing import NDArray

from simulators.driving import Path
from simulators.electronics import (
    Electronics,
    Wander,
    break_strip,
    draw_figures,
    draw_gain_drifts,
)
from simulators.kernels import electronics, press
from simulators.ride import Ride
from wim.samples import Lane, Site, Strip

__all__ = [
    "BLOCK_SAMPLES",
    "LANE_WIDTH_M",
    "LaneStrip",
    "Press",
    "SensorField",
    "TrueStrip",
]

LANE_WIDTH_M = 3.75
BLOCK_SAMPLES = 65_536
_MAINS_HZ = 50.0
_KNOT_SAMPLES = 1024
_HALF_LANE_M = 1.75
_CURVE = 0.03
_CLOCK = 30e-6
_LATE_S = 5e-6
_CURVE_PERIODS = (1, 2, 3, 4)
_NOMINAL_WHEEL_M = 0.97
_SOLVING_STEPS = 4  # each leaves a tenth or less of what the one before left


class LaneStrip(msgspec.Struct, frozen=True):
    """Where one strip of a lane truly is."""

    row: int
    side: str
    place_m: float
    width_m: float


class TrueStrip(msgspec.Struct, frozen=True, kw_only=True):
    """What is true of one strip of a recording.

    ``gain`` is the true sensitivity over that of the site file when the recording
    begins, damage left out; ``gain_drift_per_month`` by what part of itself it changes
    in 30 days.
    """

    channel: int
    lane: int
    row: int
    side: str
    gain: float
    gain_drift_per_month: float
    day: float | None


class Press(msgspec.Struct, frozen=True, kw_only=True):
    """One vehicle on the strips of a site.

    ``gains`` are counts per newton, shape (axles, 2, strips); ``ahead_m`` how far an
    axle's middle is beyond a strip when its left or right wheel is over it, and
    ``pace`` that wheel's speed over the axle's, same shape; ``strip_m`` the strips
    from row 0 of the vehicle's lane, shape (strips,); ``begins_s`` the true time of
    the ride's first step.
    """

    ride: Ride
    gains: NDArray[np.float64]
    ahead_m: NDArray[np.float64]
    pace: NDArray[np.float64]
    strip_m: NDArray[np.float64]
    begins_s: float


class SensorField:
    """The strips of a site: press wheels on it, block by block, and read counts."""

    def __init__(
        self, site: Site, electronics: Electronics, *, site_seed: int, seed: int
    ) -> None:
        self.channels = site.channels
        self._electronics = electronics
        self._strips = [(strip, lane) for lane in site.lanes for strip in lane.strips]
        self._lane_m = {lane.number: lane_centre_m(lane.number) for lane in site.lanes}
        far = electronics.row_distance
        self._lane_row_0_m = {lane.number: origin_m(lane) * far for lane in site.lanes}
        self._row_0_m = np.array(
            [self._lane_row_0_m[lane.number] for _, lane in self._strips]
        )
        self.strip_m = np.array(
            [(strip.position_m - origin_m(lane)) * far for strip, lane in self._strips]
        )
        self._width_m = np.array([strip.width_m for strip, _ in self._strips])
        drawn = np.random.default_rng([site_seed, 11])
        self._extents = np.array([_extent(strip, lane) for strip, lane in self._strips])
        self._curves = [
            _Curve.drawn(drawn, extent, lane_centre_m(lane.number))
            for extent, (_, lane) in zip(self._extents, self._strips, strict=True)
        ]
        seasonal = electronics.seasonal_gain(drawn)
        self._figures = np.array(
            [draw_figures(drawn, strip, electronics) for strip, _ in self._strips]
        )
        self._figures[:, 0] *= seasonal
        drifts = draw_gain_drifts(
            np.random.default_rng([site_seed, 14]), len(self._strips), electronics
        )
        self._figures[:, 0] *= 1.0 + drifts * electronics.months
        self.true_strips = tuple(
            TrueStrip(
                channel=strip.channel,
                lane=lane.number,
                row=strip.row,
                side=strip.side,
                gain=float(gain),
                gain_drift_per_month=float(drift),
                day=electronics.day,
            )
            for (strip, lane), gain, drift in zip(
                self._strips, self._figures[:, 0], drifts, strict=True
            )
        )
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
        self._counts_per_newton = np.array(
            [strip.counts_per_newton for strip, _ in self._strips]
        )
        self._state = np.zeros((len(self._strips), 2))
        shape = (len(self._strips), BLOCK_SAMPLES)
        self._pressed, self._noise = np.empty(shape), np.empty(shape, dtype=np.float32)
        self._moments, self._hum = np.arange(BLOCK_SAMPLES), np.empty((2, shape[1]))
        self._seed = seed
        self._wander = Wander(
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

    def press(self, ride: Ride, *, lane: int, path: Path, begins_s: float) -> Press:
        """Put a vehicle that drives in a lane, or partly beside it, on the strips."""
        place_m = self.strip_m + self._row_0_m - self._lane_row_0_m[lane]
        across_m = self._lane_m[lane] + path.lateral_m(place_m)
        ahead_m, pace = _askew(ride, path, place_m)
        return Press(
            ride=ride,
            gains=self.gains(ride, across_m),
            ahead_m=ahead_m,
            pace=pace,
            strip_m=place_m,
            begins_s=begins_s,
        )

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
        half_m = ride.wheel_widths_m / 2.0
        least_m, most_m = (self._extents[:, end, None, None] for end in (0, 1))
        centre_m = lateral_m[:, None, None] + np.multiply.outer(
            np.array([-1.0, 1.0]), ride.wheel_centres_m
        )
        over_m = np.minimum(centre_m + half_m, most_m) - np.maximum(
            centre_m - half_m, least_m
        )
        gains = np.clip(over_m / ride.wheel_widths_m, 0.0, 1.0)
        gains *= self._counts_per_newton[:, None, None]
        if self._electronics.imperfect:
            on_strip_m = np.clip(centre_m, least_m, most_m)
            for s, curve in enumerate(self._curves):
                if gains[s].any():
                    gains[s] *= curve.at(on_strip_m[s])
        return np.ascontiguousarray(gains.transpose(2, 1, 0))

    def block(
        self,
        number: int,
        presses: list[Press],
        *,
        part: float,
    ) -> NDArray[np.int32]:
        """Return one block of counts, shape (BLOCK_SAMPLES, channels).

        Args:
            number: blocks are asked for in order, from 0.
            presses: of each vehicle near this block.
            part: of the recording that lies before this block.
        """
        self._damage(part)
        field = self._pressed
        field.fill(0.0)
        first = number * BLOCK_SAMPLES
        for each in presses:
            _press_ride(
                field,
                first,
                each,
                sample_s=self._sample_s,
                width_m=self._width_m,
                late_s=self._late_s,
            )
        rng = np.random.default_rng([self._seed, 13, number])
        rng.standard_normal(dtype=np.float32, out=self._noise)
        moments = (first + self._moments) * self._sample_s
        angle = 2.0 * np.pi * _MAINS_HZ * moments
        np.sin(angle, out=self._hum[0])
        np.cos(angle, out=self._hum[1])
        knots = BLOCK_SAMPLES // _KNOT_SAMPLES
        slow = self._wander.knots(number * knots, knots + 1)
        for s, stuck_counts in self._stuck_at.items():
            slow[s] = stuck_counts
        counts = np.zeros((BLOCK_SAMPLES, self.channels), dtype=np.int32)
        electronics(
            field,
            self._noise,
            self._hum,
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
            stuck_counts = break_strip(fault.kind, self._figures[s])
            if stuck_counts is not None:
                self._stuck_at[s] = stuck_counts


def _press_ride(
    field: NDArray[np.float64],
    first_sample: int,
    press_of: Press,
    *,
    sample_s: float,
    width_m: NDArray[np.float64],
    late_s: NDArray[np.float64],
) -> None:
    """Add one ride to the counts of ideal strips, shape (strips, samples)."""
    ride, begins_s = press_of.ride, press_of.begins_s
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
        press_of.strip_m,
        width_m,
        late_s,
        press_of.gains,
        press_of.ahead_m,
        press_of.pace,
    )


def _askew(
    ride: Ride, path: Path, strip_m: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return where each axle's middle is when a wheel of it is over a strip.

    An axle stands square to the path: where that goes to the right, the left wheel is
    ahead of the middle and the right one behind it, each by its distance from the
    middle times the slope.

    Returns:
        how far beyond the strip the middle is, and the wheel's speed along the road
        over the middle's, both of shape (axles, 2, strips).
    """
    across_m = np.multiply.outer(ride.wheel_centres_m, np.array([-1.0, 1.0]))
    across_m = across_m[:, :, None]
    ahead_m = np.zeros((*across_m.shape[:2], len(strip_m)))
    for _ in range(_SOLVING_STEPS):
        ahead_m = across_m * path.slope(strip_m + ahead_m)
    return ahead_m, 1.0 - across_m * path.bend_per_m(strip_m + ahead_m)


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
