"""The verdict on a mass: limit, deduction, excess (超限量) and overload ratio (超限率).

It decides nothing that a scale cannot see: where the vehicle's class or drive would
decide the limit, the limit that favours the party is taken and said to be uncertain.
"""

import math

import msgspec

from wim.limits import LimitRow, LimitTable, VehicleClass

__all__ = [
    "LEAST_CLASS_PROBABILITY",
    "Assessment",
    "assess",
    "bands_reached",
    "class_to_judge_by",
]

LEAST_CLASS_PROBABILITY = 0.99
"""A class told by the axles alone chooses the limit from this probability on.

Below it more than one vehicle in a hundred would be held to another's, often lower,
limit; the class is then taken as not known, which leaves the limit that favours the
party.
"""


class Assessment(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict with the rule that was applied.

    ``candidates`` are the confirmed rows of the table that may be the vehicle's;
    ``limit_certain`` is false when they differ and nothing measured tells which.
    """

    rule_id: str
    vehicle_class: VehicleClass | None
    gross_mass_kg: float
    limit_kg: float
    limit_certain: bool
    deduction_kg: float
    candidates: tuple[LimitRow, ...]

    @property
    def effective_mass_kg(self) -> float:
        """Return the mass after the deduction (扣除后质量).

        >>> _example().effective_mass_kg
        95000.0
        """
        return self.gross_mass_kg - self.deduction_kg

    @property
    def overloaded(self) -> bool:
        """Tell whether the mass after the deduction is above the limit (超过).

        >>> _example().overloaded
        True
        """
        return self.effective_mass_kg > self.limit_kg

    @property
    def excess_kg(self) -> float:
        """Return whole kilogrammes of the effective mass above the limit.

        >>> _example().excess_kg
        46000.0
        """
        return float(max(0, math.floor(self.effective_mass_kg - self.limit_kg)))

    @property
    def overload_ratio(self) -> float:
        """Return by what share the measured mass is above the limit; below: negative.

        >>> round(_example().overload_ratio, 4)
        1.0408
        """
        return (self.gross_mass_kg - self.limit_kg) / self.limit_kg


def assess(
    *,
    gross_mass_kg: float,
    axle_count: int,
    vehicle_class: VehicleClass | None,
    table: LimitTable,
    axle_configuration: str | None = None,
    gross_mass_uncertainty_kg: float | None = None,
) -> Assessment | None:
    """Hold a mass against a table.

    Args:
        gross_mass_kg: measured mass of vehicle and load [kg].
        axle_count: number of axles.
        vehicle_class: the class if it is known, else None.
        table: the limits in force at the passing time.
        axle_configuration: axles of each group as in ``1+2+3``, None where it is not
            known: then a row that asks for one may be the vehicle's, and of all limits
            the one that favours the party is taken.
        gross_mass_uncertainty_kg: stated with the mass, expanded (k = 2) [kg]; None
            where none is. Only a table that deducts it looks at it.

    Returns:
        The verdict; None when the table knows no limit for so many axles.
    """
    rows = [
        row
        for row in table.rows
        if row.confirmed
        and row.covers(axle_count)
        and (
            axle_configuration is None
            or row.axle_configuration in (None, axle_configuration)
        )
    ]
    if not rows:
        return None
    of_class = [row for row in rows if vehicle_class in row.vehicle_classes]
    candidates = tuple(of_class or rows)
    limits_kg = {row.limit_kg for row in candidates}
    return Assessment(
        rule_id=table.id,
        vehicle_class=vehicle_class,
        gross_mass_kg=gross_mass_kg,
        limit_kg=max(limits_kg),
        limit_certain=len(limits_kg) == 1,
        deduction_kg=table.deduction.of(
            gross_mass_kg, uncertainty_kg=gross_mass_uncertainty_kg
        ),
        candidates=candidates,
    )


def class_to_judge_by(
    vehicle_class: VehicleClass | None, probability: float | None
) -> VehicleClass | None:
    """Return the class that may choose the limit, None where it is not sure enough.

    >>> class_to_judge_by("articulated", 0.995), class_to_judge_by("articulated", 0.98)
    ('articulated', None)
    """
    if probability is None or probability < LEAST_CLASS_PROBABILITY:
        return None
    return vehicle_class


def bands_reached(
    *, gross_mass_kg: float, overload_ratio: float | None, table: LimitTable
) -> tuple[str, ...]:
    """Return the ids of the table's bands that a mass reaches, in its order."""
    return tuple(
        band.id
        for band in table.bands
        if band.reached(gross_mass_kg=gross_mass_kg, overload_ratio=overload_ratio)
    )


def _example() -> Assessment:
    """Return 100 t on six axles, 5 % deducted, for the examples above."""
    return Assessment(
        rule_id="example",
        vehicle_class=None,
        gross_mass_kg=100_000.0,
        limit_kg=49_000.0,
        limit_certain=False,
        deduction_kg=5_000.0,
        candidates=(),
    )
