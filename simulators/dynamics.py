"""How a moving truck's wheel loads swing about their static values.

Two oscillations per axle, body bounce and axle hop, as functions of time; the truck
is no system of masses and springs here, and nothing is taken from the estimators.
"""

import numpy as np
from numpy.typing import NDArray

from simulators.fleet import Vehicle

__all__ = ["Dynamics", "draw_dynamics"]

_BOUNCE_HZ = (1.5, 4.0)
_HOP_HZ = (8.0, 15.0)
_LOAD_COEFFICIENT = (0.03, 0.05)  # standard deviation over mean, class-A road
_REFERENCE_SPEED_MPS = 60.0 / 3.6


class Dynamics:
    """Relative load of each axle over time, with mean one.

    Args:
        frequencies_hz: bounce and hop per axle, shape (axles, 2).
        amplitudes: relative, shape (axles, 2).
        phases_rad: shape (axles, 2).
    """

    def __init__(
        self,
        frequencies_hz: NDArray[np.float64],
        amplitudes: NDArray[np.float64],
        phases_rad: NDArray[np.float64],
    ) -> None:
        self._omega = 2.0 * np.pi * frequencies_hz
        self._amplitudes = amplitudes
        self._phases = phases_rad

    def factor(self, axle: int, times_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return load over static load of one axle at some times."""
        omega, phase = self._omega[axle], self._phases[axle]
        amplitude = self._amplitudes[axle]
        factor: NDArray[np.float64] = (
            1.0
            + amplitude[0] * np.sin(omega[0] * times_s + phase[0])
            + amplitude[1] * np.sin(omega[1] * times_s + phase[1])
        )
        return factor


def draw_dynamics(
    rng: np.random.Generator, vehicle: Vehicle, speed_mps: float
) -> Dynamics:
    """Draw the swinging of one truck at one speed.

    One body bounces with one frequency; its axles feel it with phases of their own.
    The dynamic load coefficient grows with the square root of the speed.
    """
    axles = len(vehicle.axle_loads_kg)
    bounce_hz = rng.uniform(*_BOUNCE_HZ) * rng.uniform(0.97, 1.03, axles)
    hop_hz = rng.uniform(*_HOP_HZ, axles)
    coefficient = rng.uniform(*_LOAD_COEFFICIENT, axles) * min(
        1.0, np.sqrt(speed_mps / _REFERENCE_SPEED_MPS)
    )
    hop_part = rng.uniform(0.3, 0.5, axles)  # of the variance
    amplitudes = np.sqrt(2.0) * np.stack(
        [coefficient * np.sqrt(1.0 - hop_part), coefficient * np.sqrt(hop_part)],
        axis=1,
    )
    return Dynamics(
        np.stack([bounce_hz, hop_hz], axis=1),
        amplitudes,
        rng.uniform(0.0, 2.0 * np.pi, (axles, 2)),
    )
