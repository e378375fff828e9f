"""What is true of one vehicle of a recording: its passage, and its forces row by row.

It takes everything from the simulation itself and nothing from the samples.
"""

import numpy as np
from numpy.typing import NDArray

from simulators.chassis import GRAVITY_MPS2
from simulators.convoy import Member
from simulators.driving import STEP_S, Motion
from simulators.fleet import group_axles
from simulators.ledger import PassageTruth
from simulators.ride import Ride
from simulators.sensors import LaneStrip

__all__ = ["FORCE_COLUMNS", "driven_truth", "row_forces"]

FORCE_COLUMNS = (
    "vehicle",
    "axle",
    "row",
    "force_n",
    "left_n",
    "right_n",
    "static_n",
    "time_s",
    "speed_mps",
    "place_m",
)


def driven_truth(
    member: Member, motion: Motion, *, length_m: float, recorded: float
) -> PassageTruth:
    """Return the truth of one vehicle's passage.

    Args:
        member: the vehicle and its drive.
        motion: the drive, step by step.
        length_m: from row 0 to the last strip.
        recorded: seconds of the recording per true second.
    """
    vehicle = member.vehicle
    backwards = member.driving.drive.backwards
    loads, spacings = vehicle.axle_loads_kg, vehicle.axle_spacings_m
    if backwards:
        loads, spacings = loads[::-1], spacings[::-1]
        begins = motion.step_at(length_m + vehicle.wheelbase_m)
        ends = motion.step_at(0.0)
    else:
        begins = motion.step_at(0.0)
        ends = motion.step_at(length_m + vehicle.wheelbase_m)
    steps = np.arange(len(motion.speed_mps))
    speed, last_speed = np.abs(
        np.interp([begins, ends], steps, motion.speed_mps)
    ).tolist()
    groups = group_axles(spacings)
    return PassageTruth(
        lane=member.lane,
        started_at_s=(member.begins_s + STEP_S * begins) * recorded,
        direction="reverse" if backwards else "forward",
        speed_mps=speed,
        acceleration_mps2=(last_speed - speed) / (STEP_S * (ends - begins)),
        axle_loads_kg=loads,
        axle_spacings_m=spacings,
        gross_mass_kg=vehicle.gross_mass_kg,
        axle_groups=groups,
        axle_configuration="+".join(str(len(group)) for group in groups),
        flags=member.driving.flags,
        valid=not member.driving.flags,
        vehicle_class=vehicle.vehicle_class,
        manoeuvre=member.driving.manoeuvre,
        severity=member.driving.severity,
    )


def row_forces(
    ride: Ride,
    strips: tuple[LaneStrip, ...],
    *,
    loads_kg: tuple[float, ...],
    begins_s: float,
    recorded: float,
    backwards: bool,
) -> NDArray[np.float64]:
    """Return the forces of one vehicle on every row of its lane.

    Args:
        ride: the vehicle's.
        strips: of its lane.
        loads_kg: static, from the first axle.
        begins_s: true time of the ride's first step.
        recorded: seconds of the recording per true second.
        backwards: whether the last axle comes first.

    Returns:
        shape (axles * rows, 9): the columns of FORCE_COLUMNS but the first.
    """
    axles = len(loads_kg)
    lines = []
    for i in range(axles):
        axle = axles - 1 - i if backwards else i
        for row in sorted({strip.row for strip in strips}):
            left_right = np.zeros(2)
            at_s, speed, place = [], [], []
            for strip in strips:
                if strip.row != row:
                    continue
                forces, step = _over(ride, i, strip)
                for side, name in enumerate(("left", "right")):
                    if strip.side in {name, "full"}:
                        left_right[side] = forces[side]
                at_s.append(begins_s + STEP_S * step)
                k = min(int(step), len(ride.speed_mps) - 1)
                speed.append(float(ride.speed_mps[k]))
                place.append(strip.place_m)
            lines.append(
                [
                    axle,
                    row,
                    left_right.sum(),
                    *left_right,
                    loads_kg[i] * GRAVITY_MPS2,
                    np.mean(at_s) * recorded,
                    np.mean(speed),
                    np.mean(place),
                ]
            )
    return np.array(lines)


def _over(ride: Ride, axle: int, strip: LaneStrip) -> tuple[NDArray[np.float64], float]:
    """Return a wheel pair's mean force over a strip, and the step over its centre.

    The mean is taken over the way, weighted with the part of the footprint that
    rests on the strip: what the area of the pulse holds.
    """
    way = ride.place_m - ride.axle_m[axle] - strip.place_m
    ahead = way >= 0.0 if way[0] < 0.0 else way <= 0.0
    k = max(int(np.argmax(ahead)), 1)
    step = k - 1 + float(way[k - 1] / (way[k - 1] - way[k]))
    reach = 0.5 * (ride.footprints_m[axle] + strip.width_m)
    first, last = k, k
    while first > 0 and abs(way[first - 1]) < reach:
        first -= 1
    while last < len(way) - 1 and abs(way[last]) < reach:
        last += 1
    near = slice(first, last + 1)
    weight = np.clip(1.0 - (way[near] / reach) ** 2, 0.0, None)
    weight *= np.abs(ride.speed_mps[near])
    forces = ride.forces_n[axle, :, near] @ weight / weight.sum()
    return forces, step
