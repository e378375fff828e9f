"""The weighbridge of the source enterprise and its indicator's display over time.

It answers one question, what the display shows at a moment of the plan; it writes to
no line.
"""

import numpy as np

from simulators.traffic import Crossing, Plan

__all__ = ["READINGS_PER_S", "Weighbridge"]

READINGS_PER_S = 12.0
_DIVISION_KG = 20.0
_RINGING_HZ = 1.4
_RINGING_DECAY_S = 0.25


class Weighbridge:
    """A scale that trucks of a plan drive onto, stand on, and leave."""

    def __init__(self, plan: Plan) -> None:
        self._weighings = plan.weighings

    def displayed_kg(self, time_s: float) -> float:
        """Return what the indicator shows, in whole divisions of 20 kg."""
        mass_kg = sum(_on_platform_kg(crossing, time_s) for crossing in self._weighings)
        return _DIVISION_KG * round(mass_kg / _DIVISION_KG)


def _on_platform_kg(crossing: Crossing, time_s: float) -> float:
    """Return the force of one truck on the platform as a mass.

    Axle after axle rolls on and off; braking rings out while the truck stands.
    """
    weighing = crossing.weighing
    if weighing is None or not weighing.starts_at_s <= time_s < weighing.ends_at_s:
        return 0.0
    vehicle = crossing.vehicle
    loads = np.array(vehicle.axle_loads_kg)
    places = np.array(vehicle.axle_positions_m) / vehicle.wheelbase_m
    if time_s < weighing.stands_at_s:
        part = (time_s - weighing.starts_at_s) / weighing.rising_s
        return float(loads[places <= part * 1.02].sum())
    if time_s < weighing.leaves_at_s:
        stood_s = time_s - weighing.stands_at_s
        ringing = 0.006 * np.exp(-stood_s / _RINGING_DECAY_S)
        ringing *= np.cos(2.0 * np.pi * _RINGING_HZ * stood_s)
        return float(loads.sum() * (1.0 + ringing))
    part = (time_s - weighing.leaves_at_s) / weighing.falling_s
    return float(loads[places > part * 1.02].sum())
