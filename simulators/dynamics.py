"""The forces of a truck that crosses a live station, by the place of its first axle.

It drives the planar truck of the recordings once, when somebody first asks for a force,
and remembers the result along the way; nothing is taken from the estimators.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from simulators.chassis import draw_chassis
from simulators.driving import Drive
from simulators.fleet import Vehicle, heavy_vehicle
from simulators.ride import Ride, ride_planar
from simulators.roads import Road, iso_road

__all__ = ["Dynamics", "Side", "compile_now", "station_road"]

_LENGTH_M = 30.0  # from row 0 to the farthest strip that a station may have
_STEP_M = 0.05
_SLAB_M = (0.0, 12.0)

Side = Literal["left", "right", "full"]


class Dynamics:
    """The forces under one truck's wheels at one speed over one road.

    Before and behind the station, where nobody asks, they are those at its ends.

    Args:
        vehicle: the truck.
        speed_mps: which it keeps.
        road: of the station.
        springs: names its springs and tyres.
    """

    def __init__(
        self, vehicle: Vehicle, speed_mps: float, road: Road, *, springs: int
    ) -> None:
        self._vehicle = vehicle
        self._speed_mps = speed_mps
        self._road = road
        self._springs = springs
        self._forces: tuple[NDArray[np.float64], NDArray[np.float32]] | None = None

    def force_n(
        self, axle: int, side: Side, first_axle_m: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the force under one axle's wheels of one side."""
        if self._forces is None:
            self._forces = self._driven()
        places, forces = self._forces
        chosen = {"left": [0], "right": [1], "full": [0, 1]}[side]
        force = np.zeros(len(first_axle_m))
        for wheels in chosen:
            force += np.interp(first_axle_m, places, forces[axle, wheels])
        return force

    def _driven(self) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """Return places of the first axle, and forces there, (axles, 2, places)."""
        chassis = draw_chassis(np.random.default_rng(self._springs), self._vehicle)
        motion = Drive(start_mps=self._speed_mps).motion(
            wheelbase_m=self._vehicle.wheelbase_m, length_m=_LENGTH_M
        )
        ride: Ride = ride_planar(chassis, motion, self._road)
        stride = max(int(_STEP_M / (self._speed_mps * ride.step_s)), 1)
        forces = ride.forces_n[:, :, ::stride].astype(np.float32)
        return ride.place_m[::stride], forces


def compile_now() -> None:
    """Compile or load what drives trucks, so that no vehicle has to wait for it."""
    vehicle = heavy_vehicle(np.random.default_rng(1))
    dynamics = Dynamics(vehicle, 30.0, station_road(1), springs=1)
    dynamics.force_n(0, "full", np.zeros(1))


def station_road(seed: int) -> Road:
    """Return the class-A road of a live station; one seed has one road."""
    return iso_road(np.random.default_rng([seed, 10]), "A", _SLAB_M)
