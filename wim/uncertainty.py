"""How far the loads may be off (扩展不确定度): a budget after the GUM, per vehicle.

Every contribution has a name, under which it stands in the line of ``luheng-wim process
--json`` and in the signed passage message. One whose size is not known is put in at the
size that it can have, never left out. It corrects nothing.

Source: JCGM 100:2008 (GUM), law of propagation of uncertainty, coverage factor 2.
"""

import math
from collections.abc import Iterable
from typing import Annotated, Literal

import msgspec

from wim.calibration import Calibration, VehicleClass
from wim.climate import Climate
from wim.loads import JointLoads
from wim.unseen_bounce import BounceLeft

__all__ = [
    "Budget",
    "Circumstances",
    "Contribution",
    "UncertaintyFigures",
    "budget_of",
    "gross_variance_kg2",
]

NotNegative = Annotated[float, msgspec.Meta(ge=0.0)]
Positive = Annotated[float, msgspec.Meta(gt=0.0)]


class UncertaintyFigures(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True
):
    """Sizes of what no signal tells; relative and k = 1 where nothing else is said.

    ``temperature`` is what the pavement's temperature may change however near to that
    of the calibration; ``temperature_per_c`` what each °C away from it changes the
    strips by that have no figure of their own in the site file (the sensitivity of
    quartz falls by 0.02 % a °C) and ``climate`` which temperatures are possible where
    nobody measured; ``uncalibrated`` what all strips may have in common where
    no reference truck has been over them; ``between_axles`` what friction in the
    springs and the road's shape move. ``disturbed`` is added to the gross mass for each
    flag that says that wheels or signals were not as they should be, ``rough_speed``
    where no speed is sure. ``unsteady_per_mps2`` is what each m/s² of a change of speed
    adds: it shakes the bodies as no steady drive does, at all rows alike (90 simulated
    vehicles that braked or accelerated on one smooth site, seed 31, were off by 0.2 to
    0.3 % more for each). ``coverage_factor`` makes the expanded uncertainty of the
    standard one.
    """

    temperature: NotNegative = 0.001
    temperature_per_c: NotNegative = 0.0002
    climate: Climate = Climate()
    uncalibrated: NotNegative = 0.002
    between_axles: NotNegative = 0.003
    disturbed: NotNegative = 0.05
    rough_speed: NotNegative = 0.25
    unsteady_per_mps2: NotNegative = 0.0025
    coverage_factor: Positive = 2.0


class Circumstances(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a crossing besides the loads.

    ``speed_sigma`` is relative and common to all axles, infinite where no smooth way
    was found; ``moved_sigmas_kg`` is what is unsure of each axle's load because the
    speed changed, and leaves the sum as it is; ``bounce`` is what a bounce that no row
    betrays leaves; ``unsteady_mps2`` is by how much the speed changed or may have
    changed, either way; ``unseen_side`` (relative) is what may have
    stood beside strips that show no sides; ``temperature_per_c`` (relative) is what a
    °C may change the lane's strips by; ``disturbances`` counts the flags that put the
    loads in doubt.
    """

    speed_mps: float
    speed_sigma: float
    moved_sigmas_kg: tuple[float, ...]
    bounce: BounceLeft
    unsteady_mps2: float
    unseen_side: float
    temperature_c: float | None
    temperature_per_c: NotNegative
    vehicle_class: VehicleClass | None
    disturbances: int


class Contribution(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the budget: standard uncertainty of the gross mass, k = 1.

    ``bounce`` is by how much (root of the difference of the squares) a bounce that the
    rows cannot see exceeds what they leave open.
    """

    name: Literal[
        "rows",
        "bounce",
        "speed",
        "calibration",
        "temperature",
        "unseen_side",
        "driving",
        "disturbance",
    ]
    gross_mass_kg: float


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """Expanded uncertainties (k = 2) and where that of the gross mass comes from."""

    axle_load_uncertainties_kg: tuple[float, ...]
    gross_mass_uncertainty_kg: float
    contributions: tuple[Contribution, ...]


def budget_of(
    loads: JointLoads,
    circumstances: Circumstances,
    *,
    calibration: Calibration,
    figures: UncertaintyFigures,
) -> Budget:
    """Return the uncertainties of one vehicle's loads.

    Args:
        loads: with the covariance that rows, noise and strips leave.
        circumstances: of the crossing.
        calibration: of the station.
        figures: sizes of what no signal tells.
    """
    gross_kg = loads.gross_mass_kg
    common = {
        "speed": min(circumstances.speed_sigma, figures.rough_speed),
        "calibration": calibration.common_uncertainty(
            speed_mps=circumstances.speed_mps,
            vehicle_class=circumstances.vehicle_class,
            axles=len(loads.axle_loads_kg),
            uncalibrated=figures.uncalibrated,
        ),
        "temperature": _temperature(circumstances, calibration, figures),
        "unseen_side": circumstances.unseen_side,
        "driving": figures.unsteady_per_mps2 * circumstances.unsteady_mps2,
        "disturbance": figures.disturbed * circumstances.disturbances,
    }
    relative = _sum_of_squares(common.values())
    between = figures.between_axles * figures.between_axles
    factor = figures.coverage_factor
    rows_kg2 = max(loads.gross_variance_kg2, 0.0)
    bounce_kg = circumstances.bounce.gross_sigma_kg
    bounce_kg2 = max(bounce_kg * bounce_kg - rows_kg2, 0.0)
    variance_kg2 = gross_variance_kg2(
        rows_kg2=rows_kg2,
        bounce_kg2=bounce_kg * bounce_kg,
        relative=math.sqrt(relative),
        gross_kg=gross_kg,
    )
    axle_uncertainties = tuple(
        factor
        * math.sqrt(
            max(loads.covariance_kg2[i][i], own_kg * own_kg)
            + (relative + between) * load * load
            + moved_kg * moved_kg
        )
        for i, (load, moved_kg, own_kg) in enumerate(
            zip(
                loads.axle_loads_kg,
                circumstances.moved_sigmas_kg,
                circumstances.bounce.axle_sigmas_kg,
                strict=True,
            )
        )
    )
    return Budget(
        axle_load_uncertainties_kg=axle_uncertainties,
        gross_mass_uncertainty_kg=factor * math.sqrt(variance_kg2),
        contributions=(
            Contribution(name="rows", gross_mass_kg=math.sqrt(rows_kg2)),
            Contribution(name="bounce", gross_mass_kg=math.sqrt(bounce_kg2)),
            Contribution(name="speed", gross_mass_kg=common["speed"] * gross_kg),
            Contribution(
                name="calibration", gross_mass_kg=common["calibration"] * gross_kg
            ),
            Contribution(
                name="temperature", gross_mass_kg=common["temperature"] * gross_kg
            ),
            Contribution(
                name="unseen_side", gross_mass_kg=common["unseen_side"] * gross_kg
            ),
            Contribution(name="driving", gross_mass_kg=common["driving"] * gross_kg),
            Contribution(
                name="disturbance", gross_mass_kg=common["disturbance"] * gross_kg
            ),
        ),
    )


def gross_variance_kg2(
    *, rows_kg2: float, bounce_kg2: float, relative: float, gross_kg: float
) -> float:
    """Return the variance of a gross mass, k = 1.

    A bounce that the rows cannot see counts only where it exceeds what they leave
    open: what they do see is the same bounce.

    Args:
        rows_kg2: what the rows leave open.
        bounce_kg2: what a bounce may leave that no row betrays.
        relative: what all rows have in common.
        gross_kg: the mass.

    >>> gross_variance_kg2(rows_kg2=9.0, bounce_kg2=4.0, relative=0.04, gross_kg=100.0)
    25.0
    """
    common_kg = relative * gross_kg
    return max(rows_kg2, bounce_kg2) + common_kg * common_kg


def _temperature(
    circumstances: Circumstances, calibration: Calibration, figures: UncertaintyFigures
) -> float:
    """Return what the pavement's temperature may have changed, relative, k = 1.

    What a curve leaves, or what the strips may change by between the calibration and
    the weighing if that is more: nothing corrects it, so all of it is counted.
    """
    temperature_c = circumstances.temperature_c
    away_c = figures.climate.away_c(temperature_c, calibration.calibrated_c)
    left = max(
        circumstances.temperature_per_c * away_c,
        calibration.temperature_uncertainty(temperature_c),
    )
    return math.sqrt(figures.temperature * figures.temperature + left * left)


def _sum_of_squares(values: Iterable[float]) -> float:
    total = 0.0
    for value in values:
        total += value * value
    return total
