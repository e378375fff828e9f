"""The second family of trucks: a sum of modes instead of bodies on springs.

Every mode is an oscillator with a frequency, a damping and a mass of its own, as a
modal test of a real truck would give them; the road moves it through some wheels, and
its force rests on some. No matrix of masses and stiffnesses, no friction and no hinge
as in the planar family; other roads, footprints and ways of shifting load as well.
"""

import itertools
from collections.abc import Iterator

import msgspec
import numpy as np
from numpy.typing import NDArray

from simulators.chassis import GRAVITY_MPS2
from simulators.driving import STEP_S, Motion
from simulators.fleet import Vehicle
from simulators.kernels import modal_truck
from simulators.ride import Ride, first_kept_step
from simulators.roads import Road

__all__ = ["Mode", "draw_modes", "modal_ride"]

_STEEL = ((1.8, 3.2), (0.08, 0.16))  # bounce [Hz], part of critical damping
_AIR = ((1.3, 1.9), (0.15, 0.30))
_STEEL_SHARE = 0.6
_HOP = ((8.5, 14.0), (0.12, 0.25))
_BEAM = ((8.0, 12.0), (0.05, 0.12))
_ROLL = ((0.8, 1.6), (0.08, 0.2))
_CENTRE_HEIGHT_M = (1.1, 2.1)
_SHIFT_LAG_S = 0.12


class Mode(msgspec.Struct, frozen=True, kw_only=True):
    """One way in which a truck swings.

    ``heard`` weighs the heights under left and right wheels, shape (axles, 2), and
    ``pressed`` shares the mode's force among them.
    """

    name: str
    frequency_hz: float
    damping: float
    mass_kg: float
    heaved: float
    heard: NDArray[np.float64]
    pressed: NDArray[np.float64]


def draw_modes(rng: np.random.Generator, vehicle: Vehicle) -> tuple[Mode, ...]:
    """Draw the modes of one truck: bounce, pitch, roll, hop, tramp, walking beams."""
    axles = len(vehicle.axle_loads_kg)
    towed_from = axles if vehicle.hinge_axle is None else vehicle.hinge_axle + 1
    modes: list[Mode] = []
    bodies = [range(towed_from)]
    if towed_from < axles:
        bodies.append(range(towed_from, axles))
    for own in bodies:
        modes += _body_modes(rng, vehicle, own)
    for axle in range(axles):
        modes += _axle_modes(rng, axle, axles, vehicle.axle_loads_kg[axle])
    for group in vehicle.axle_groups:
        for first, second in itertools.pairwise(group):
            heard = np.zeros((axles, 2))
            heard[first], heard[second] = 0.25, -0.25
            modes.append(
                Mode(
                    name="beam",
                    frequency_hz=float(rng.uniform(*_BEAM[0])),
                    damping=float(rng.uniform(*_BEAM[1])),
                    mass_kg=float(rng.uniform(60.0, 150.0)),
                    heaved=0.0,
                    heard=heard,
                    pressed=2.0 * heard,
                )
            )
    return tuple(modes)


def _body_modes(
    rng: np.random.Generator, vehicle: Vehicle, own: range
) -> Iterator[Mode]:
    """Yield how one body swings: up and down, fore and aft, to the sides."""
    axles = len(vehicle.axle_loads_kg)
    loads = np.array(vehicle.axle_loads_kg)
    mass_kg = float(loads[own].sum()) * 0.88
    frequencies, dampings = _STEEL if rng.random() < _STEEL_SHARE else _AIR
    bounce_hz = float(rng.uniform(*frequencies))
    # full springs are slower; a tonne an axle more or less hardly shows
    bounce_hz *= float(np.clip((9_000.0 / loads[own].mean()) ** 0.25, 0.85, 1.25))
    damping = float(rng.uniform(*dampings))
    share = np.zeros((axles, 2))
    share[own] = (loads[own] / loads[own].sum())[:, None] / 2.0
    leak = float(rng.uniform(0.0, 0.12))  # of a body's force on the other's wheels
    spread = (loads / loads.sum())[:, None] / 2.0 * np.ones((1, 2))
    yield Mode(
        name="bounce",
        frequency_hz=bounce_hz,
        damping=damping,
        mass_kg=mass_kg,
        heaved=1.0,
        heard=share,
        pressed=(1.0 - leak) * share + leak * spread,
    )
    place = np.array(vehicle.axle_positions_m)[own]
    tilt = place - (place * loads[own]).sum() / loads[own].sum()
    tilted = np.zeros((axles, 2))
    if len(vehicle.axle_groups) > 1 and np.ptp(place) > 2.0:
        tilted[own] = (tilt / np.abs(tilt).sum())[:, None] / 2.0
        part = float(rng.uniform(0.3, 0.6))
    else:
        tilted[own] = share[own]
        part = float(rng.uniform(0.15, 0.35))
    yield Mode(
        name="pitch",
        frequency_hz=bounce_hz * float(rng.uniform(1.15, 1.6)),
        damping=damping * float(rng.uniform(0.9, 1.4)),
        mass_kg=part * mass_kg,
        heaved=0.0,
        heard=tilted,
        pressed=tilted,
    )
    yield Mode(
        name="roll",
        frequency_hz=float(rng.uniform(*_ROLL[0])),
        damping=float(rng.uniform(*_ROLL[1])),
        mass_kg=0.7 * mass_kg,
        heaved=0.0,
        heard=share * np.array([1.0, -1.0]),
        pressed=share * np.array([1.0, -1.0]),
    )


def _axle_modes(
    rng: np.random.Generator, axle: int, axles: int, load_kg: float
) -> Iterator[Mode]:
    """Yield how one axle swings between its tyres and its springs."""
    mass_kg = min(float(rng.uniform(180.0, 450.0)), 0.1 * load_kg)
    hop_hz = float(rng.uniform(*_HOP[0]))
    damping = float(rng.uniform(*_HOP[1]))
    both = np.zeros((axles, 2))
    both[axle] = 0.5
    yield Mode(
        name="hop",
        frequency_hz=hop_hz,
        damping=damping,
        mass_kg=mass_kg,
        heaved=0.0,
        heard=both,
        pressed=both,
    )
    yield Mode(
        name="tramp",
        frequency_hz=hop_hz * float(rng.uniform(1.05, 1.3)),
        damping=damping,
        mass_kg=0.5 * mass_kg,
        heaved=0.0,
        heard=both * np.array([1.0, -1.0]),
        pressed=both * np.array([1.0, -1.0]),
    )


def modal_ride(
    rng: np.random.Generator, vehicle: Vehicle, motion: Motion, road: Road
) -> Ride:
    """Draw a truck's modes and drive it; the generator belongs to the truck."""
    modes = draw_modes(rng, vehicle)
    axle_m = np.array(vehicle.axle_positions_m)
    loads_kg = np.array(vehicle.axle_loads_kg)
    height_m = float(rng.uniform(*_CENTRE_HEIGHT_M))
    # one rigid frame on equal springs: the farther from the middle, the more
    lever_m = axle_m - axle_m.mean()
    shift = loads_kg.sum() * height_m * lever_m / (lever_m**2).sum()
    left = vehicle.left_share
    first_kept = first_kept_step(motion)
    forces = np.empty((len(axle_m), 2, len(motion.place_m) - first_kept))
    modal_truck(
        STEP_S,
        motion.place_m,
        motion.acceleration_mps2,
        motion.heave_mps2,
        road.heights_m,
        road.first_m,
        road.step_m,
        axle_m,
        np.outer(loads_kg * GRAVITY_MPS2, [left, 1.0 - left]),
        np.array(
            [
                [2.0 * np.pi * m.frequency_hz, m.damping, m.mass_kg, m.heaved]
                for m in modes
            ]
        ),
        np.array([mode.heard for mode in modes]),
        np.array([mode.pressed for mode in modes]),
        shift,
        _SHIFT_LAG_S,
        first_kept,
        forces,
    )
    axles = len(axle_m)
    return Ride(
        first_step=first_kept,
        place_m=motion.place_m[first_kept:],
        speed_mps=motion.speed_mps[first_kept:],
        forces_n=forces,
        axle_m=axle_m,
        footprints_m=np.clip(
            0.20 + 2.5e-6 * loads_kg + rng.normal(0.0, 0.012, axles), 0.18, 0.28
        ),
        footprint_shape=float(rng.uniform(0.1, 0.5)),
        wheel_centres_m=np.full(axles, rng.uniform(0.9, 1.05)),
        wheel_widths_m=np.where(np.arange(axles) == 0, 0.22, 0.5),
    )
