"""What a scale's indicator shows over time while vehicles come, stand and go.

It writes to no line. Everything follows from the seed.
"""

import msgspec
import numpy as np

__all__ = ["DIVISION_KG", "Display", "Stays"]

DIVISION_KG = 20.0

_PAUSE_S = 3.0
_ROLLING_S = 2.0
_STANDING_S = 6.0
_STAY_S = _PAUSE_S + 2.0 * _ROLLING_S + _STANDING_S
_RINGING_S = 0.8
_RINGING_KG = 60.0
_AXLES = 4
_LIGHTEST_KG, _HEAVIEST_KG = 9_000.0, 70_000.0


class Display(msgspec.Struct, frozen=True, kw_only=True):
    """What an indicator knows at a moment."""

    mass_kg: float = 0.0
    moving: bool = False
    out_of_range: bool = False
    power_up: bool = False


class Stays:
    """Vehicles that stand on a scale one after another.

    Each rolls on axle by axle, rings out, stands and rolls off; a mass above
    ``capacity_kg`` is out of range.
    """

    def __init__(self, *, seed: int, vehicles: int, capacity_kg: float) -> None:
        rng = np.random.default_rng([seed, 3])
        drawn = rng.uniform(_LIGHTEST_KG, _HEAVIEST_KG, vehicles)
        self.masses_kg = tuple(DIVISION_KG * float(np.round(m)) for m in drawn / 20.0)
        self._capacity_kg = capacity_kg

    @property
    def length_s(self) -> float:
        """Return when the last has gone."""
        return _STAY_S * len(self.masses_kg) + _PAUSE_S

    def standing(self, time_s: float) -> int | None:
        """Return which vehicle has come to rest, counted from 0; None if none has."""
        number, since_s = divmod(time_s, _STAY_S)
        stands_s = since_s - _PAUSE_S - _ROLLING_S
        if 0.0 <= number < len(self.masses_kg) and _RINGING_S < stands_s < _STANDING_S:
            return int(number)
        return None

    def at(self, time_s: float) -> Display:
        """Return what is shown at a time since the beginning."""
        number, since_s = divmod(time_s, _STAY_S)
        if not 0.0 <= number < len(self.masses_kg):
            return Display()
        mass_kg = self.masses_kg[int(number)]
        on_s = since_s - _PAUSE_S
        if on_s < 0.0:
            return Display()
        stands_s = on_s - _ROLLING_S
        off_s = stands_s - _STANDING_S
        moving = stands_s < _RINGING_S or off_s >= 0.0
        if stands_s < 0.0:
            mass_kg *= np.ceil(_AXLES * on_s / _ROLLING_S) / _AXLES
        elif stands_s < _RINGING_S:
            mass_kg += _RINGING_KG * np.cos(9.0 * stands_s) * (1.0 - stands_s)
        elif off_s >= 0.0:
            mass_kg *= 1.0 - np.ceil(_AXLES * off_s / _ROLLING_S) / _AXLES
        shown_kg = DIVISION_KG * float(np.round(mass_kg / DIVISION_KG))
        return self.show(shown_kg, moving=moving)

    def show(self, mass_kg: float, *, moving: bool = False) -> Display:
        """Return the display of a mass on this scale."""
        over = mass_kg > self._capacity_kg + 9.0 * DIVISION_KG
        return Display(mass_kg=mass_kg, moving=moving, out_of_range=over)
