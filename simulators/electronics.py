"""What the electronics of a site do to an ideal count, and by how much a file errs.

Everything is drawn once for a site or a recording; which wheel presses where is told
elsewhere, and finding any of it again is the business of others.
"""

import math
from typing import Literal, get_args

import msgspec
import numpy as np
from numpy.typing import NDArray

from simulators.kernels import wander
from wim.samples import Strip

__all__ = [
    "ERRORS",
    "FAULTS",
    "Electronics",
    "Fault",
    "FaultKind",
    "Season",
    "Wander",
    "break_strip",
    "draw_figures",
    "draw_gain_drifts",
]

Season = Literal["spring", "summer", "winter"]
FaultKind = Literal["gain", "dead", "stuck", "noise", "clipping"]
FAULTS: tuple[FaultKind, ...] = get_args(FaultKind)

ERRORS = ("row_distance", "time_constant", "gain", "clock", "noise")
"""Factors by which the truth may differ from the site file."""

_REFERENCE_C = 20.0
_PER_C = -0.0002  # quartz
_SEASON = (0.03, 0.05)
_GAIN_PER_MONTH = (0.005, 0.01)
_MONTH_DAYS = 30.0
_LAST_DAY = 730.0
_BEND = 0.005
_NOISE = (0.001, 0.003)  # of full scale, as are the next ones
_HUM = 0.0005
_OFFSET = 0.02
_DRIFT_PER_HOUR = (0.01, 0.05)
_FLICKER = (0.0001, 0.0003)
_FAULT_CEILING = 0.12
_STUCK = 0.013
_FAULT_GAIN = 0.5
_FAULT_NOISE = 30.0
_FLICKER_S = (1.0, 10.0, 100.0)


class Fault(msgspec.Struct, frozen=True):
    """One damaged strip: its kind, its channel, and since which part of the time."""

    kind: FaultKind
    channel: int
    begins: float = 0.0


class Electronics(msgspec.Struct, frozen=True, kw_only=True):
    """What the electronics are and by how much the site file is wrong.

    The factors are known-bad checks: 1 is a site file that tells the truth.
    In summer the road is soft and gives its strips 3 to 5 % more than in spring, when
    they were calibrated, in winter as much less.
    ``day`` counts from that calibration; since then the gain of each strip drifts on
    its own. None is a recording that names no day, with the gains of day 0.
    ``bit_depth`` says in how many steps a strip's full scale is counted.
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
    day: float | None = None
    imperfect: bool = True
    faults: tuple[Fault, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what no station has."""
        if not 1_000.0 <= self.sample_rate_hz <= 20_000.0:
            message = f"sample rate {self.sample_rate_hz:g} Hz: between 1000 and 20000"
            raise ValueError(message)
        if not 8 <= self.bit_depth <= 32:
            message = f"bit depth {self.bit_depth}: between 8 and 32"
            raise ValueError(message)
        if not -60.0 <= self.temperature_c <= 80.0:
            message = f"temperature {self.temperature_c:g} °C: between -60 and 80"
            raise ValueError(message)
        if self.day is not None and not 0.0 <= self.day <= _LAST_DAY:
            message = f"day {self.day:g}: between 0 and {_LAST_DAY:g}"
            raise ValueError(message)

    @property
    def months(self) -> float:
        """Months of 30 days since the strips were calibrated."""
        return (self.day or 0.0) / _MONTH_DAYS

    def seasonal_gain(self, rng: np.random.Generator) -> float:
        """Draw how much the road's softness changes every gain."""
        change = float(rng.uniform(*_SEASON))
        return (
            1.0 + change * {"spring": 0.0, "summer": 1.0, "winter": -1.0}[self.season]
        )


def draw_figures(
    rng: np.random.Generator, strip: Strip, electronics: Electronics
) -> tuple[float, ...]:
    """Draw what the kernel wants to know of one strip, in its order."""
    steps = float(2 ** (electronics.bit_depth - 1))
    scale = float(strip.full_scale_counts or steps - 1.0)
    quantum = max(1.0, scale / steps)
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
    return (gain, bend, scale, keep, change, noise, sine, cosine, quantum, scale)


def draw_gain_drifts(
    rng: np.random.Generator, strips: int, electronics: Electronics
) -> NDArray[np.float64]:
    """Draw by what part of itself the gain of each strip changes in a month."""
    drifts = rng.uniform(*_GAIN_PER_MONTH, strips) * rng.choice([-1.0, 1.0], strips)
    return drifts if electronics.imperfect else np.zeros(strips)


def break_strip(kind: FaultKind, figures: NDArray[np.float64]) -> float | None:
    """Damage a strip's figures in place; return where it is stuck, if it is."""
    match kind:
        case "gain":
            figures[0] *= _FAULT_GAIN
        case "dead":
            figures[0] = 0.0
        case "stuck":
            figures[[0, 3, 5, 6, 7]] = 0.0
            return _STUCK * float(figures[2])
        case "noise":
            figures[5] *= _FAULT_NOISE
        case "clipping":
            figures[9] = _FAULT_CEILING * figures[2]
    return None


class Wander:
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
        wander(
            self._now,
            self._rng.standard_normal((count - 1, *self._now.shape)),
            self._keep,
            self._offset,
            self._drift,
            self._flicker,
            first,
            knots,
        )
        return knots
