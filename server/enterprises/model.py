"""Source enterprises 货运源头单位 and the loads weighed on their scales."""

import datetime as dt

import msgspec

from wim.messages import PlateColour, PlateNote

__all__ = ["Enterprise", "Weighing"]


class Enterprise(msgspec.Struct, frozen=True, kw_only=True):
    """One source enterprise; its id is that of its scale's edge daemon."""

    enterprise_id: str
    name: str


class Weighing(msgspec.Struct, frozen=True, kw_only=True):
    """One loaded vehicle on the static scale of a source enterprise."""

    weighing_id: str
    enterprise_id: str
    enterprise_name: str
    weighed_at: dt.datetime
    clock_error_bound_s: float | None
    gross_mass_kg: float
    gross_mass_uncertainty_kg: float | None
    scale: str
    plate: str | None
    plate_colour: PlateColour | None
    plate_confidence: float | None
    plate_readings: tuple[PlateNote, ...]
    received_at: dt.datetime
