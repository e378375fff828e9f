"""How far the pavement may be from the temperatures that strips were calibrated at.

Two known temperatures are held against each other; one that nobody measured may be any
of the climate's, and what that makes on average is counted. It reads no thermometer and
corrects nothing.

Assumed, not measured on any road: over a year the pavement under passing lorries is
from -10 to 50 °C, each as often as any other.
"""

import math
from typing import TypeAlias

import msgspec

__all__ = ["Climate", "TemperatureRange"]

TemperatureRange: TypeAlias = tuple[float, float]
"""From and to [°C]."""


class Climate(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Pavement temperatures of a usual year, evenly spread from end to end [°C]."""

    low_c: float = -10.0
    high_c: float = 50.0

    def __post_init__(self) -> None:
        """Refuse ends that are no span."""
        if not -100.0 <= self.low_c < self.high_c <= 100.0:
            message = (
                f"climate from {self.low_c} to {self.high_c} °C; expected two growing "
                f"figures from -100 to 100"
            )
            raise ValueError(message)

    def away_c(
        self, temperature_c: float | None, calibrated_c: TemperatureRange | None
    ) -> float:
        """Return how far a weighing is from its calibration [°C].

        The root of the mean square over the climate where a temperature is not known.

        Args:
            temperature_c: of the pavement at the weighing, None where not known.
            calibrated_c: lowest and highest at the calibration, None where not known.

        >>> climate = Climate(low_c=-10.0, high_c=50.0)
        >>> climate.away_c(-20.0, (30.0, 35.0)), climate.away_c(33.0, (30.0, 35.0))
        (50.0, 0.0)
        >>> round(climate.away_c(None, (20.0, 20.0)), 1)
        17.3
        >>> round(climate.away_c(20.0, None), 1), round(climate.away_c(-20.0, None), 1)
        (17.3, 43.6)
        >>> round(climate.away_c(None, None), 1)
        24.5
        """
        span_c = self.high_c - self.low_c
        if calibrated_c is None:
            if temperature_c is None:
                return span_c / math.sqrt(6.0)
            off_c = temperature_c - 0.5 * (self.low_c + self.high_c)
            return math.sqrt(off_c * off_c + span_c * span_c / 12.0)
        from_c, to_c = calibrated_c
        if temperature_c is not None:
            return max(from_c - temperature_c, temperature_c - to_c, 0.0)
        below = _cube(from_c - self.low_c) - _cube(from_c - self.high_c)
        above = _cube(self.high_c - to_c) - _cube(self.low_c - to_c)
        return math.sqrt((below + above) / (3.0 * span_c))


def _cube(above_zero: float) -> float:
    """Return the cube of a figure, 0 below zero."""
    x = max(above_zero, 0.0)
    return x * x * x
