"""Dated tables of mass limits (限值): which limit was in force where and when.

It holds no figure of the law itself: every figure comes from a table under
``configs/limits`` with its source. A figure that is not confirmed is kept, marked and
never applied. It opens no file and reads no clock.
"""

import datetime as dt
from collections.abc import Iterable
from typing import Annotated, Literal, TypeAlias

import msgspec

from wim.errors import TableError
from wim.tables import parse_table

__all__ = [
    "Band",
    "Deduction",
    "LimitRow",
    "LimitTable",
    "VehicleClass",
    "parse_limit_table",
    "table_in_force",
]

VehicleClass: TypeAlias = Literal["rigid", "articulated", "centre_axle", "full_trailer"]
Mass: TypeAlias = Annotated[float, msgspec.Meta(gt=0.0)]
Axles: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=64)]
Instant: TypeAlias = Annotated[dt.datetime, msgspec.Meta(tz=True)]

_NEEDED = {
    "measured_pct": "percent",
    "fixed": "kg",
    "expanded_uncertainty": "percent",
}
"""Policy → the key without which it says nothing."""


class LimitRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One limit: for so many axles (``or_more`` when set) and these classes.

    ``when`` says in words what else must hold (a single drive axle, air suspension)
    and nobody can weigh; such a row is a candidate beside the others.
    ``axle_configuration`` narrows the row to one arrangement of axles.
    """

    axles: Axles
    or_more: bool = False
    vehicle_classes: Annotated[tuple[VehicleClass, ...], msgspec.Meta(min_length=1)]
    limit_kg: Mass
    axle_configuration: str | None = None
    when: str | None = None
    citation: str | None = None
    confirmed: bool = True

    def covers(self, axle_count: int) -> bool:
        """Tell whether the row speaks of vehicles with so many axles."""
        return axle_count == self.axles or (self.or_more and axle_count > self.axles)


class Deduction(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How much of the measured mass is given to the party (误差扣除).

    ``measured_pct`` takes ``percent`` of the measured mass, ``fixed`` takes ``kg``,
    ``none`` takes nothing. ``expanded_uncertainty`` takes the expanded uncertainty
    (k = 2) that is stated with the mass; where none is stated, ``percent`` of the
    mass, so that an unknown uncertainty is never one of zero.
    """

    policy: Literal["measured_pct", "fixed", "none", "expanded_uncertainty"]
    percent: Annotated[float, msgspec.Meta(ge=0.0, le=100.0)] | None = None
    kg: Annotated[float, msgspec.Meta(ge=0.0)] | None = None
    citation: str | None = None
    confirmed: bool = True

    def of(self, gross_mass_kg: float, *, uncertainty_kg: float | None = None) -> float:
        """Return the deduction from a measured mass [kg], never more than the mass.

        Args:
            gross_mass_kg: measured.
            uncertainty_kg: stated with it, expanded (k = 2); None where none is.

        >>> Deduction(policy="measured_pct", percent=5.0).of(100_000.0)
        5000.0
        >>> stated = Deduction(policy="expanded_uncertainty", percent=5.0)
        >>> stated.of(100_000.0, uncertainty_kg=1_800.0)
        1800.0
        >>> stated.of(100_000.0)
        5000.0
        """
        share_kg = gross_mass_kg * (self.percent or 0.0) / 100.0
        match self.policy:
            case "measured_pct":
                return share_kg
            case "fixed":
                return min(self.kg or 0.0, gross_mass_kg)
            case "expanded_uncertainty":
                stated_kg = share_kg if uncertainty_kg is None else uncertainty_kg
                return min(stated_kg, gross_mass_kg)
            case "none":
                return 0.0


class Band(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A class of gross overload that campaigns speak of; no legal class.

    Reached when the measured mass is at least ``from_kg``, above ``above_kg``, or the
    overload ratio at least ``from_ratio``: exactly one of them is given.
    """

    id: Annotated[str, msgspec.Meta(pattern="^[a-z][a-z0-9_]*$")]
    from_kg: Mass | None = None
    above_kg: Mass | None = None
    from_ratio: Annotated[float, msgspec.Meta(gt=0.0)] | None = None
    citation: str | None = None
    confirmed: bool = True

    def reached(self, *, gross_mass_kg: float, overload_ratio: float | None) -> bool:
        """Tell whether a passage belongs to the band.

        >>> band = Band(id="hundred_tonne", from_kg=100_000.0)
        >>> band.reached(gross_mass_kg=100_000.0, overload_ratio=None)
        True
        """
        if self.from_kg is not None:
            return gross_mass_kg >= self.from_kg
        if self.above_kg is not None:
            return gross_mass_kg > self.above_kg
        return (
            self.from_ratio is not None
            and overload_ratio is not None
            and overload_ratio >= self.from_ratio
        )


class LimitTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The limits of one region over one span of time, ``valid_to`` not included."""

    id: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    region: Annotated[str, msgspec.Meta(pattern="^[A-Z]{2}(-[A-Z0-9]+)*$")]
    valid_from: Instant
    valid_to: Instant | None = None
    citation: Annotated[str, msgspec.Meta(min_length=1)]
    dates_confirmed: bool = True
    deduction: Deduction
    rows: Annotated[tuple[LimitRow, ...], msgspec.Meta(min_length=1)]
    bands: tuple[Band, ...] = ()

    def in_force(self, at: dt.datetime) -> bool:
        """Tell whether the table was in force at an instant."""
        return self.valid_from <= at and (self.valid_to is None or at < self.valid_to)


def parse_limit_table(text: str, *, name: str) -> LimitTable:
    """Parse and check one table of ``configs/limits``.

    Raises:
        TableError: a key is unknown, missing or wrong, or the figures contradict
            each other; the message names document, key and what is allowed.
    """
    table = parse_table(text, LimitTable, name=name)
    if table.valid_to is not None and table.valid_to <= table.valid_from:
        message = f"{name}: key 'valid_to': {table.valid_to} must be after valid_from"
        raise TableError(message)
    needed = _NEEDED.get(table.deduction.policy)
    if needed and getattr(table.deduction, needed) is None:
        message = (
            f"{name}: missing key 'deduction.{needed}'; policy "
            f"'{table.deduction.policy}' needs it"
        )
        raise TableError(message)
    for i, band in enumerate(table.bands):
        bounds = (band.from_kg, band.above_kg, band.from_ratio)
        if sum(bound is not None for bound in bounds) != 1:
            message = (
                f"{name}: key 'bands[{i}]': give exactly one of from_kg, above_kg, "
                f"from_ratio"
            )
            raise TableError(message)
    if len({band.id for band in table.bands}) < len(table.bands):
        message = f"{name}: key 'bands': ids must differ"
        raise TableError(message)
    return table


def table_in_force(
    tables: Iterable[LimitTable], at: dt.datetime, region: str
) -> LimitTable:
    """Return the one table of a region that was in force at an instant.

    Raises:
        TableError: there is none, or more than one.
        ValueError: ``at`` says no time zone.
    """
    if at.tzinfo is None:
        message = f"instant {at} needs a time zone"
        raise ValueError(message)
    known = list(tables)
    found = [t for t in known if t.region == region and t.in_force(at)]
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(table.id for table in found)
        message = (
            f"limits of region '{region}' at {at.isoformat()} are ambiguous: {ids}; "
            f"end one with valid_to"
        )
        raise TableError(message)
    regions = ", ".join(sorted({table.region for table in known})) or "none"
    message = (
        f"no limits of region '{region}' in force at {at.isoformat()}; regions with "
        f"tables: {regions}"
    )
    raise TableError(message)
