"""The two wheel tracks of a site's road, rough after ISO 8608, as tyres feel them.

One site has one road for all its vehicles. Heights are metres over places from row 0;
no vehicle is known here.
"""

from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

__all__ = ["Road", "RoadClass", "filtered_road", "iso_road"]

RoadClass = Literal["A", "B", "C"]

ROUGHNESS_M3: dict[RoadClass, float] = {"A": 16e-6, "B": 64e-6, "C": 256e-6}
"""Spectral density of the heights at 0.1 cycle/m, ISO 8608."""

_REFERENCE_PER_M = 0.1
_LEAST_PER_M = 0.01
_GREATEST_PER_M = 10.0
_STEP_M = 0.05
_FIRST_M = -320.0
_POINTS = 12_800  # 640 m: from the warm-up of the fastest to that of who drives back
_COHERENT_M = 5.0  # waves longer than this rise left and right together
_ENVELOPE_M = (0.20, 0.24)
_LEDGE_M = (0.001, 0.003)
_FLUSH_M = 0.00015  # how exactly a strip is ground level with the road
_GROUT_M = 0.1


class Road(msgspec.Struct, frozen=True):
    """Two tracks, left and right, already smoothed by the tyre's length.

    ``heights_m`` has the shape (2, points); its first column lies at ``first_m``.
    """

    heights_m: NDArray[np.float64]
    first_m: float
    step_m: float


def iso_road(
    rng: np.random.Generator, road_class: RoadClass, rows_m: tuple[float, ...]
) -> Road:
    """Synthesise a road from its spectrum: Gd(n) = Gd(0.1)·(n/0.1)^-2.

    Inverse Fourier transform with random phases from 0.01 to 10 cycles/m. The tracks
    share their long waves and differ in their short ones; their mean, over which the
    middle of an axle drives, has the spectrum of the class. The sensors lie in a slab
    that stands 1 to 3 mm higher or lower than the road before and behind it.

    Args:
        rng: chance of the site.
        road_class: A, B or C.
        rows_m: places of the rows, the first at 0.
    """
    per_m = np.fft.rfftfreq(_POINTS, _STEP_M)
    inside = (per_m >= _LEAST_PER_M) & (per_m <= _GREATEST_PER_M)
    density = np.zeros_like(per_m)
    density[inside] = (
        ROUGHNESS_M3[road_class] * (per_m[inside] / _REFERENCE_PER_M) ** -2.0
    )
    spacing_per_m = 1.0 / (_POINTS * _STEP_M)
    amplitudes = np.sqrt(2.0 * density * spacing_per_m) * _POINTS / 2.0
    envelope_m = rng.uniform(*_ENVELOPE_M)
    amplitudes *= np.sinc(per_m * envelope_m)
    together, apart = (np.exp(2j * np.pi * rng.random(len(per_m))) for _ in range(2))
    coherence = 1.0 / (1.0 + (per_m * _COHERENT_M / 2.0) ** 2)
    # the middle of an axle follows the class; left and right lie apart from it
    common = together
    differing = np.sqrt((1.0 - coherence) / 2.0) * apart
    tracks = np.stack(
        [
            np.fft.irfft(amplitudes * (common + sign * differing), _POINTS)
            for sign in (1.0, -1.0)
        ]
    )
    places = _FIRST_M + _STEP_M * np.arange(_POINTS)
    tracks += _slab(rng, places, rows_m, envelope_m)
    return Road(tracks, _FIRST_M, _STEP_M)


def filtered_road(
    rng: np.random.Generator, road_class: RoadClass, rows_m: tuple[float, ...]
) -> Road:
    """Synthesise a road as white noise through a filter of first order.

    Its density is that of the class at 0.1 cycle/m and flat below 0.005: another
    method, another waviness (1.9 to 2.2), tracks that share a drawn
    part of all waves, and a tyre that smooths by a bell instead of a box.
    """
    ratio = float(rng.uniform(0.5, 0.8))  # of the variance that both tracks share
    white = rng.standard_normal((3, _POINTS))
    mixed = np.stack(
        [
            np.sqrt(ratio) * white[0] + np.sqrt(1.0 - ratio) * white[1 + side]
            for side in range(2)
        ]
    )
    per_m = np.fft.rfftfreq(_POINTS, _STEP_M)
    corner_per_m = 0.005
    waviness = float(rng.uniform(1.9, 2.2))
    level = np.sqrt(ROUGHNESS_M3[road_class] / (2.0 * _STEP_M))
    response = level * (
        np.hypot(_REFERENCE_PER_M, corner_per_m) / np.hypot(per_m, corner_per_m)
    ) ** (waviness / 2.0)
    bell_m = float(rng.uniform(0.06, 0.08))
    response *= np.exp(-2.0 * (np.pi * per_m * bell_m) ** 2)
    response[0] = 0.0
    tracks = np.fft.irfft(np.fft.rfft(mixed, axis=1) * response, _POINTS, axis=1)
    places = _FIRST_M + _STEP_M * np.arange(_POINTS)
    tracks += _slab(rng, places, rows_m, 0.2)
    return Road(tracks, _FIRST_M, _STEP_M)


def _slab(
    rng: np.random.Generator,
    places_m: NDArray[np.floating],
    rows_m: tuple[float, ...],
    envelope_m: float,
) -> NDArray[np.float64]:
    """Return the slab of the sensors and how flush each strip lies, shape (2, n)."""
    begins_m = rows_m[0] - float(rng.uniform(0.5, 2.0))
    ends_m = rows_m[-1] + float(rng.uniform(0.5, 2.0))
    height_m = float(rng.uniform(*_LEDGE_M) * rng.choice([-1.0, 1.0]))
    slab = height_m * (
        _ramp(places_m - begins_m, envelope_m) - _ramp(places_m - ends_m, envelope_m)
    )
    both = np.stack([slab, slab])
    for row_m in rows_m:
        for side in range(2):
            flush_m = float(rng.normal(0.0, _FLUSH_M))
            bump = _ramp(places_m - row_m + _GROUT_M / 2.0, envelope_m)
            bump = bump - _ramp(places_m - row_m - _GROUT_M / 2.0, envelope_m)
            both[side] += flush_m * bump
    return both


def _ramp(places_m: NDArray[np.floating], envelope_m: float) -> NDArray[np.float64]:
    """Return a unit step at 0 as a tyre of some length feels it."""
    ramp: NDArray[np.float64] = np.clip(places_m / envelope_m + 0.5, 0.0, 1.0)
    return ramp
