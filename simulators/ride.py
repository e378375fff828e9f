"""One vehicle's way over a site: its wheels' forces at every millisecond.

The planar family of models: rigid bodies with heave and pitch, unsprung axles, tyres,
leaf friction and a hinge. It knows no strips and no counts.
"""

import msgspec
import numpy as np
from numpy.typing import NDArray

from simulators.chassis import Chassis, draw_chassis
from simulators.driving import STEP_S, Motion
from simulators.fleet import Vehicle
from simulators.kernels import planar_truck
from simulators.roads import Road

__all__ = ["Ride", "planar_ride", "ride_planar"]

_KEPT_BEFORE_M = 0.7


class Ride(msgspec.Struct, frozen=True, kw_only=True):
    """What the strips of a site can feel of one vehicle.

    ``place_m`` is the first axle's place at each step, shape (steps,), and
    ``forces_n`` the force under left and right wheels, shape (axles, 2, steps).
    ``first_step`` numbers the first of them in the whole motion.
    """

    first_step: int
    place_m: NDArray[np.float64]
    speed_mps: NDArray[np.float64]
    forces_n: NDArray[np.float64]
    axle_m: NDArray[np.float64]
    footprints_m: NDArray[np.float64]
    footprint_shape: float
    wheel_centres_m: NDArray[np.float64]
    wheel_widths_m: NDArray[np.float64]
    step_s: float = STEP_S


def planar_ride(
    rng: np.random.Generator, vehicle: Vehicle, motion: Motion, road: Road
) -> Ride:
    """Draw a truck's springs and drive it; the generator belongs to the truck."""
    return ride_planar(draw_chassis(rng, vehicle), motion, road)


def ride_planar(chassis: Chassis, motion: Motion, road: Road) -> Ride:
    """Drive a truck with known springs."""
    first_kept = first_kept_step(motion)
    axles = len(chassis.axle_m)
    forces = np.empty((axles, 2, len(motion.place_m) - first_kept))
    planar_truck(
        STEP_S,
        motion.place_m,
        motion.acceleration_mps2,
        motion.heave_mps2,
        road.heights_m,
        road.first_m,
        road.step_m,
        chassis.axle_m,
        chassis.axle_body,
        chassis.axle_figures,
        chassis.body_figures,
        chassis.hinge,
        chassis.left_share,
        first_kept,
        forces,
    )
    return Ride(
        first_step=first_kept,
        place_m=motion.place_m[first_kept:],
        speed_mps=motion.speed_mps[first_kept:],
        forces_n=forces,
        axle_m=chassis.axle_m,
        footprints_m=chassis.footprints_m,
        footprint_shape=1.0,
        wheel_centres_m=chassis.wheel_centres_m,
        wheel_widths_m=chassis.wheel_widths_m,
    )


def first_kept_step(motion: Motion) -> int:
    """Return the first step at which a wheel may be near a strip."""
    place = motion.place_m
    if motion.speed_mps[0] < 0.0:
        return 0
    near = place > -_KEPT_BEFORE_M
    return max(int(np.argmax(near)) - 1, 0)
