"""A truck as masses and springs: bodies, axles, tyres, and the hinge between bodies.

The static axle loads are given and hold exactly; how the truck swings on a road is
computed elsewhere.
"""

import msgspec
import numpy as np
from numpy.typing import NDArray

from simulators.fleet import Vehicle

__all__ = ["GRAVITY_MPS2", "Chassis", "draw_chassis"]

GRAVITY_MPS2 = 9.80665

_STEER = (700.0, 400e3, (10e3, 15e3), (1750e3, 1750e3))
_LEAF_DRIVE = (1100.0, 1000e3, (10e3, 20e3), (3500e3, 3500e3))
_AIR_DRIVE = (1000.0, 350e3, (30e3, 40e3), (3500e3, 3500e3))
_LEAF_TRAILER = (750.0, 750e3, (10e3, 15e3), (3500e3, 3500e3))
_AIR_TRAILER = (700.0, 350e3, (30e3, 30e3), (2000e3, 3500e3))
_SPREAD = 0.2
_FRICTION_N = (2e3, 5e3)
_STEER_FRICTION_N = (1e3, 2.5e3)  # few leaves
_FRICTION_WAY_M = (0.5e-3, 3e-3)
_TYRE_DAMPING = (0.0, 1e3)
_LEAF_SHARE = 0.6
_SPRING_TRACK = (0.5, 0.62)  # of the tyres' track
_HINGE_RATE = 2.5e7
_HINGE_DAMPING = 1.2e5
_MOST_UNSPRUNG = 0.45  # of an axle load


class Chassis(msgspec.Struct, frozen=True):
    """The figures of one truck in the order in which the kernel wants them."""

    axle_m: NDArray[np.float64]
    axle_body: NDArray[np.int64]
    axle_figures: NDArray[np.float64]
    body_figures: NDArray[np.float64]
    hinge: NDArray[np.float64]
    left_share: float
    footprints_m: NDArray[np.float64]
    wheel_centres_m: NDArray[np.float64]
    wheel_widths_m: NDArray[np.float64]
    suspensions: tuple[str, ...]


def draw_chassis(rng: np.random.Generator, vehicle: Vehicle) -> Chassis:
    """Draw the springs, masses and tyres of one truck.

    Every figure of a suspension is drawn per axle within 20 % of that of its kind;
    all axles of a group have the same kind, steel leaves or air.
    """
    axle_m = np.array(vehicle.axle_positions_m)
    towed_from = len(axle_m) if vehicle.hinge_axle is None else vehicle.hinge_axle + 1
    kinds = _suspension_kinds(rng, vehicle, towed_from)
    figures = np.array(
        [
            _axle_figures(rng, kind, load_kg)
            for kind, load_kg in zip(kinds, vehicle.axle_loads_kg, strict=True)
        ]
    )
    body = np.array([int(i >= towed_from) for i in range(len(axle_m))])
    bodies, hinge = _bodies(rng, vehicle, figures, body)
    loads_t = np.array(vehicle.axle_loads_kg) / 1000.0
    dual = np.array([not kind.startswith("steer") for kind in kinds])
    per_tyre_t = loads_t / np.where(dual, 4.0, 2.0)
    return Chassis(
        axle_m=axle_m,
        axle_body=body,
        axle_figures=figures,
        body_figures=bodies,
        hinge=hinge,
        left_share=vehicle.left_share,
        footprints_m=np.clip(
            0.18 + 0.018 * per_tyre_t + rng.normal(0.0, 0.008, len(axle_m)),
            0.18,
            0.28,
        ),
        wheel_centres_m=np.where(dual, 0.92, 1.02) + rng.uniform(-0.03, 0.03),
        wheel_widths_m=np.where(dual, 0.55, 0.21) + rng.uniform(-0.01, 0.01),
        suspensions=kinds,
    )


def _suspension_kinds(
    rng: np.random.Generator, vehicle: Vehicle, towed_from: int
) -> tuple[str, ...]:
    """Draw leaves or air for what drives and for what is towed."""
    drive = "leaf" if rng.random() < _LEAF_SHARE else "air"
    towed = "leaf" if rng.random() < _LEAF_SHARE else "air"
    steered = 2 if vehicle.model.startswith("4-axle rigid") else 1
    return tuple(
        "steer"
        if i < steered
        else f"{drive} drive"
        if i < towed_from
        else f"{towed} trailer"
        for i in range(len(vehicle.axle_loads_kg))
    )


def _axle_figures(
    rng: np.random.Generator, kind: str, load_kg: float
) -> tuple[float, ...]:
    unsprung, rate, damping, tyre = {
        "steer": _STEER,
        "leaf drive": _LEAF_DRIVE,
        "air drive": _AIR_DRIVE,
        "leaf trailer": _LEAF_TRAILER,
        "air trailer": _AIR_TRAILER,
    }[kind]
    spread = rng.uniform(1.0 - _SPREAD, 1.0 + _SPREAD, 4)
    most = {"steer": _STEER_FRICTION_N, "leaf": _FRICTION_N}
    friction = rng.uniform(*most.get(kind.split(maxsplit=1)[0], (0.0, 0.0)))
    return (
        load_kg * GRAVITY_MPS2,
        min(unsprung * spread[0], _MOST_UNSPRUNG * load_kg),
        rate * spread[1],
        rng.uniform(*damping) * spread[2],
        rng.uniform(*tyre) * spread[3],
        rng.uniform(*_TYRE_DAMPING),
        friction,
        rng.uniform(*_FRICTION_WAY_M),
        rng.uniform(*_SPRING_TRACK) ** 2,
    )


def _bodies(
    rng: np.random.Generator,
    vehicle: Vehicle,
    figures: NDArray[np.float64],
    body: NDArray[np.int64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the bodies that rest on given axle loads, and their hinge.

    Where two bodies share a hinge, its load is free within reason: the truck's own
    body gets what a tractor weighs, or a trailer's drawbar a little of its load.
    """
    axle_m = np.array(vehicle.axle_positions_m)
    sprung_kg = figures[:, 0] / GRAVITY_MPS2 - figures[:, 1]
    first, second = body == 0, body == 1
    hinge = np.zeros(3)
    masses = [float(sprung_kg[first].sum())]
    centres = [float((sprung_kg * axle_m)[first].sum() / masses[0])]
    if second.any():
        towed_kg = float(sprung_kg[second].sum())
        towed_at_m = float((sprung_kg * axle_m)[second].sum() / towed_kg)
        hinge_kg, hinge_m = _hinge(rng, vehicle, sprung_kg, body)
        masses = [masses[0] - hinge_kg, towed_kg + hinge_kg]
        centres = [
            ((sprung_kg * axle_m)[first].sum() - hinge_kg * hinge_m) / masses[0],
            (towed_kg * towed_at_m + hinge_kg * hinge_m) / masses[1],
        ]
        if vehicle.vehicle_class != "full_trailer":
            hinge[:] = (hinge_m, _HINGE_RATE, _HINGE_DAMPING)
    heights = _heights(rng, vehicle, masses)
    rows = []
    for b, (mass, centre) in enumerate(zip(masses, centres, strict=True)):
        own = axle_m[body == b]
        span_m = own[-1] - own[0]
        if b == 1 and hinge[1] > 0.0:
            span_m = max(span_m, own.mean() - hinge[0])
        radius_m = rng.uniform(0.42, 0.52) * max(float(span_m), 3.0)
        rows.append([mass, mass * radius_m**2, centre, 0.9 * mass, 0.0, 0.0])
    bodies = np.array(rows)
    _set_moments(bodies, figures, body, heights, towed=bool(second.any()))
    return bodies, hinge


def _hinge(
    rng: np.random.Generator,
    vehicle: Vehicle,
    sprung_kg: NDArray[np.float64],
    body: NDArray[np.int64],
) -> tuple[float, float]:
    """Return the load on the hinge [kg] and its place behind the first axle [m]."""
    axle_m = np.array(vehicle.axle_positions_m)
    own, own_m = sprung_kg[body == 0], axle_m[body == 0]
    if vehicle.vehicle_class == "full_trailer":
        return 0.0, float(own_m[-1])
    if vehicle.vehicle_class == "centre_axle":
        towed_kg = float(sprung_kg[body == 1].sum())
        return float(rng.uniform(0.02, 0.06)) * towed_kg, float(own_m[-1] + 1.4)
    own_kg = float(own.sum())
    tractor_kg = min(rng.uniform(4_800.0, 5_800.0), 0.75 * own_kg)
    hinge_kg = own_kg - tractor_kg
    centre_m = rng.uniform(1.1, 1.4)
    hinge_m = ((own * own_m).sum() - tractor_kg * centre_m) / hinge_kg
    drive_m = float(own_m[1:].mean())
    return hinge_kg, float(np.clip(hinge_m, drive_m - 1.2, drive_m + 0.3))


def _heights(
    rng: np.random.Generator, vehicle: Vehicle, masses: list[float]
) -> list[float]:
    """Return the heights of the bodies' centres: the fuller, the higher."""
    heights = []
    for b, mass in enumerate(masses):
        is_tractor = b == 0 and vehicle.vehicle_class == "articulated"
        fill = 0.0 if is_tractor else min(mass / 40_000.0, 1.0)
        heights.append(float(rng.uniform(1.1, 1.3) + fill * rng.uniform(0.3, 0.8)))
    return heights


def _set_moments(
    bodies: NDArray[np.float64],
    figures: NDArray[np.float64],
    body: NDArray[np.int64],
    heights_m: list[float],
    *,
    towed: bool,
) -> None:
    """Write down the pitching moment per acceleration.

    Every mass pushes at its own height against forces at the road, so that one
    acceleration moves m·a·h/L from axle to axle. What is towed brakes itself and is
    pulled at the height of the hinge.
    """
    hinge_height_m = 1.15
    wheel_height_m = 0.5
    moments = []
    for b, height_m in enumerate(heights_m):
        unsprung = float(figures[body == b, 1].sum())
        moments.append(bodies[b, 0] * height_m + unsprung * wheel_height_m)
    bodies[:, 4] = moments
    bodies[:, 5] = moments
    if towed:
        pulled_kg = bodies[1, 0] + float(figures[body == 1, 1].sum())
        bodies[0, 4] += pulled_kg * hinge_height_m
        bodies[1, 4] -= pulled_kg * hinge_height_m
