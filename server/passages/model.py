"""Passages 过车记录 as the centre keeps and shows them.

Masses are kg, lengths metres, times UTC; what is not known is ``None``. It judges
nothing: verdicts come from :mod:`server.rules`.
"""

import datetime as dt
from typing import Literal

import msgspec

from wim.messages import (
    AssessmentFields,
    FindingNote,
    Flag,
    PlateColour,
    PlateNote,
    VehicleClass,
)

__all__ = ["Passage", "PassageSummary", "Verdict"]

Verdict = AssessmentFields
"""One verdict: limit, deduction, excess and the rule that was applied."""


class PassageSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the alert wall.

    ``arrival`` numbers the passages in the order in which they were stored and is the
    cursor of lists. ``plate`` is the best reading of the vehicle's own plate (front
    before rear, then by its weakest character), ``trailer_plate`` that of a trailer's
    (挂); None when unread. ``overloaded`` and what follows are the
    second verdict's, None when no table was in force. ``hundred_tonne`` 百吨王 is that
    table's band of the name: a word of campaigns, not a legal class.
    """

    arrival: int
    passage_id: str
    station_id: str
    station_name: str
    lane: int
    passed_at: dt.datetime
    gross_mass_kg: float
    axle_count: int
    axle_configuration: str | None
    speed_mps: float | None
    plate: str | None
    plate_colour: PlateColour | None
    plate_confidence: float | None
    trailer_plate: str | None
    valid: bool
    flags: tuple[Flag, ...]
    overloaded: bool | None
    limit_kg: float | None
    limit_certain: bool | None
    excess_kg: float | None
    overload_ratio: float | None
    hundred_tonne: bool
    record_id: int | None
    received_at: dt.datetime
    committed_at: dt.datetime | None


class Passage(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about one passage, both verdicts and all plate readings included.

    ``station_verdict`` was given at the roadside; ``verdict`` is the centre's, by the
    table in force at the passing time, and is the one that counts.
    ``verdict_problem`` says why there is none. ``vehicle_class`` is what the axles say
    of the class, and how probably; a verdict looks at it only when that is sure enough.
    ``findings`` are the evidence of the flags. Uncertainties are expanded (k = 2).
    Spacings and groups are both None where the crossing did not show them.
    """

    summary: PassageSummary
    sequence: int
    boot_id: str
    direction: Literal["forward", "reverse"]
    acceleration_mps2: float | None
    axle_loads_kg: tuple[float, ...]
    axle_load_uncertainties_kg: tuple[float, ...] | None
    axle_spacings_m: tuple[float, ...] | None
    gross_mass_uncertainty_kg: float | None
    axle_groups: tuple[tuple[int, ...], ...] | None
    vehicle_class: VehicleClass | None
    vehicle_class_probability: float | None
    findings: tuple[FindingNote, ...]
    samples_lost: int
    clock_error_bound_s: float | None
    wim_version: str
    parameter_hash: str
    payload_sha256: str
    station_verdict: Verdict | None
    verdict: Verdict | None
    verdict_problem: str | None
    plate_readings: tuple[PlateNote, ...]
