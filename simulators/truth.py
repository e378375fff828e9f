"""What is true of one vehicle of a recording: its passage, and its forces row by row.

It takes everything from the simulation itself and nothing from the samples.
"""

import numpy as np
from numpy.typing import NDArray

from simulators.chassis import GRAVITY_MPS2
from simulators.convoy import Member
from simulators.driving import STEP_S, Motion
from simulators.fleet import group_axles
from simulators.kernels import mean_forces
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
    member: Member,
    motion: Motion,
    *,
    length_m: float,
    recorded: float,
    range_kmh: tuple[float, float] = (0.0, 1000.0),
) -> PassageTruth:
    """Return the truth of one vehicle's passage.

    Args:
        member: the vehicle and its drive.
        motion: the drive, step by step.
        length_m: from row 0 to the last strip.
        recorded: seconds of the recording per true second.
        range_kmh: of the lane; a speed outside it at either end bears a flag.
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
    flags = member.driving.flags
    low, high = (each / 3.6 for each in range_kmh)
    if not low <= min(speed, last_speed) <= max(speed, last_speed) <= high:
        flags = (*flags, *({"speed_out_of_range"} - set(flags)))
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
        flags=flags,
        valid=not flags,
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
    means = np.empty((axles, len(strips), 4))
    mean_forces(
        ride.place_m,
        ride.speed_mps,
        ride.forces_n,
        ride.axle_m,
        ride.footprints_m,
        ride.footprint_shape,
        np.array([strip.place_m for strip in strips]),
        np.array([strip.width_m for strip in strips]),
        means,
    )
    statics = np.array(loads_kg) * GRAVITY_MPS2
    tables = []
    for row in sorted({strip.row for strip in strips}):
        own = [k for k, strip in enumerate(strips) if strip.row == row]
        left = next(k for k in own if strips[k].side in {"left", "full"})
        right = next(k for k in own if strips[k].side in {"right", "full"})
        centre = 0.5 * (means[:, left] + means[:, right])
        table = np.empty((axles, len(FORCE_COLUMNS) - 1))
        table[:, 0] = range(axles)
        table[:, 1] = row
        table[:, 3] = means[:, left, 0]
        table[:, 4] = means[:, right, 1]
        table[:, 2] = table[:, 3] + table[:, 4]
        table[:, 5] = statics
        table[:, 6] = (begins_s + STEP_S * centre[:, 2]) * recorded
        table[:, 7] = centre[:, 3]
        table[:, 8] = 0.5 * (strips[left].place_m + strips[right].place_m)
        tables.append(table)
    # axle by axle, the rows of each in turn
    forces = np.stack(tables, axis=1)
    if backwards:
        forces = forces[::-1].copy()
        forces[:, :, 0] = np.arange(axles)[:, None]
    return forces.reshape(axles * len(tables), -1)
