"""What ``luheng-wim process`` prints of one passage: an object or a sentence.

The keys of the object are fixed by the interface; all are on every line, and what is
not known is ``null`` and never zero.
"""

from typing import Literal

import msgspec

from wim.drift import RowSum, row_sums
from wim.lateral import Ranges
from wim.manoeuvres import Finding
from wim.messages import Flag, VehicleClass
from wim.notations import Notations, notations_of
from wim.passage import Passage
from wim.row_loads import RowTable

__all__ = ["Estimate", "PassageLine", "Seal", "line_of", "sentence_of"]


class Seal(msgspec.Struct, frozen=True, kw_only=True):
    """What decides the figures of a passage, to the bit: hashes are SHA-256.

    ``drift_sha256`` is that of the state that ``--drift`` named, None where the charts
    began anew or came with the samples. Seals made before it was kept do not say.
    """

    wim_version: str
    samples_sha256: str
    parameter_hash: str
    drift_sha256: str | msgspec.UnsetType | None = msgspec.UNSET


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """What one estimator makes of a passage."""

    gross_mass_kg: float
    axle_loads_kg: tuple[float, ...]


class PassageLine(msgspec.Struct, frozen=True, kw_only=True):
    """One passage for machines; ``null`` is not known.

    Beyond the keys of the interface: ``passed_at_s`` is the Unix time of
    ``started_at_s`` where the recording tells its own; ``row_sums`` what each row
    weighed of the whole vehicle, which the drift watch follows; ``vehicle_class`` is
    told by the geometry alone; ``findings`` are the evidence of each flag.
    ``gross_mass_standard_uncertainties_kg`` are what ``gross_mass_uncertainty_kg`` is
    put together from, by name and k = 1: twice the root of the sum of their squares.
    ``seal`` says what the figures came from, so that they can be replayed.
    ``speed_mps`` is ``null`` where the crossing shows none; so are ``axle_spacings_m``,
    ``axle_groups`` and ``axle_configuration`` together, and with them ``notations``,
    which is the axle configuration (轴型) as others write it. ``footprints_m`` is the
    length of the tyres' contact of each axle, ``lateral_ranges_m`` where across the
    lane the middle of the vehicle may have been on each row and ``skews_m`` how far its
    left wheels came there before its right ones; a line of an older version has none of
    these four.
    """

    lane: int
    started_at_s: float
    direction: Literal["forward", "reverse"]
    speed_mps: float | None
    acceleration_mps2: float | None
    axle_loads_kg: tuple[float, ...]
    axle_load_uncertainties_kg: tuple[float, ...] | None
    axle_spacings_m: tuple[float, ...] | None
    gross_mass_kg: float
    gross_mass_uncertainty_kg: float | None
    gross_mass_standard_uncertainties_kg: dict[str, float] | None = None
    axle_groups: tuple[tuple[int, ...], ...] | None
    axle_configuration: str | None
    vehicle_class: VehicleClass | None
    vehicle_class_probability: float | None
    flags: tuple[Flag, ...]
    findings: tuple[Finding, ...]
    valid: bool
    samples_lost: int
    passed_at_s: float | None
    row_sums: tuple[RowSum, ...]
    seal: Seal | None
    estimators: dict[str, Estimate] | None
    notations: Notations | None = None
    footprints_m: tuple[float | None, ...] | None = None
    lateral_ranges_m: tuple[Ranges | None, ...] | None = None
    skews_m: tuple[float | None, ...] | None = None


def line_of(
    passage: Passage,
    *,
    start_time_s: float | None,
    seal: Seal | None = None,
    estimators: dict[str, Estimate] | None = None,
) -> PassageLine:
    """Return a passage as it is printed for machines.

    Args:
        passage: what was weighed.
        start_time_s: Unix time of the recording's first sample, None if not known.
        seal: what it came from, None where nobody asked.
        estimators: what every estimator makes of it, None where nobody asked.
    """
    started_at_s = passage.first_axle_s
    return PassageLine(
        lane=passage.lane,
        started_at_s=started_at_s,
        direction=passage.direction,
        speed_mps=passage.speed_mps,
        acceleration_mps2=passage.acceleration_mps2,
        axle_loads_kg=passage.axle_loads_kg,
        axle_load_uncertainties_kg=passage.axle_load_uncertainties_kg,
        axle_spacings_m=passage.axle_spacings_m,
        gross_mass_kg=passage.gross_mass_kg,
        gross_mass_uncertainty_kg=passage.gross_mass_uncertainty_kg,
        gross_mass_standard_uncertainties_kg=(
            passage.gross_mass_standard_uncertainties_kg
        ),
        axle_groups=passage.axle_groups,
        axle_configuration=passage.axle_configuration,
        vehicle_class=passage.vehicle_class,
        vehicle_class_probability=passage.vehicle_class_probability,
        flags=passage.flags,
        findings=passage.findings,
        valid=passage.valid,
        samples_lost=passage.samples_lost,
        passed_at_s=None if start_time_s is None else start_time_s + started_at_s,
        row_sums=row_sums(RowTable.of([axle.rows for axle in passage.axles])),
        seal=seal,
        estimators=estimators,
        notations=_notations_of(passage),
        footprints_m=tuple(axle.footprint_m for axle in passage.axles),
        lateral_ranges_m=passage.lateral_ranges_m,
        skews_m=passage.skews_m,
    )


def _notations_of(passage: Passage) -> Notations | None:
    """Return the configuration in every notation, None where it is not known."""
    if passage.axle_groups is None or passage.axle_spacings_m is None:
        return None
    return notations_of(
        passage.axle_groups,
        passage.axle_spacings_m,
        vehicle_class=passage.vehicle_class,
    )


def sentence_of(passage: Passage) -> str:
    """Return a passage as one line for people: seconds, km/h and tonnes."""
    loads = " ".join(f"{load / 1000.0:.2f}" for load in passage.axle_loads_kg)
    flags = f"  {' '.join(passage.flags)}" if passage.flags else ""
    gross = f"{passage.gross_mass_kg / 1000.0:7.2f}"
    if passage.gross_mass_uncertainty_kg is not None:
        gross += f" ± {passage.gross_mass_uncertainty_kg / 1000.0:.2f}"
    speed = " unknown"
    if passage.speed_mps is not None:
        speed = f"{passage.speed_mps * 3.6:6.1f} km/h"
    return (
        f"{passage.first_axle_s:10.3f} s  lane {passage.lane}  {passage.direction:7}"
        f"  {speed:11}"
        f"  {gross} t  {passage.axle_configuration or 'unknown'}"
        f" ({loads} t)  {'valid' if passage.valid else 'not valid'}{flags}"
    )
