"""What a static scale says, whatever its protocol: a mass, or that it has none.

It decides nothing about vehicles and knows no frame.
"""

from typing import Literal, TypeAlias

import msgspec

__all__ = ["KG_PER_UNIT", "FaultReason", "MassUnit", "ScaleFault", "ScaleReading"]

MassUnit: TypeAlias = Literal["kg", "t", "g", "lb"]

KG_PER_UNIT: dict[MassUnit, float] = {"kg": 1.0, "t": 1000.0, "g": 0.001}
KG_PER_UNIT["lb"] = 0.45359237
"""Unit → kilogrammes; the pound is the international one of 1959."""

FaultReason: TypeAlias = Literal[
    "out_of_range",  # above its capacity or below its zero
    "power_up",  # not yet zeroed since it was switched on
    "device",  # load cell, converter or configuration at fault
    "refused",  # it answered a question with an error
    "unit",  # a unit or a magnification that cannot be turned into a mass
    "unreadable",  # a whole frame that shows something else than a figure
]


class ScaleReading(msgspec.Struct, frozen=True, kw_only=True):
    """One reading of what rests on the scale, a tare included where the frame has it.

    ``stable`` is what the device says of motion; None where its frame does not.
    """

    mass_kg: float
    stable: bool | None = None


class ScaleFault(msgspec.Struct, frozen=True, kw_only=True):
    """A whole frame by which the scale says that it has no mass to give.

    ``code`` is the device's own number of the reason, where it has one.
    """

    reason: FaultReason
    code: int | None = None
