"""The static loads of one vehicle with their uncertainties, from its axles' rows.

It puts the parts together: rows, calibration, what a change of speed moved, the lane's
road where one was learned, the joint estimate and the budget. It decides nothing about
the vehicle.
"""

import math
from collections.abc import Collection, Sequence

import msgspec

from wim.calibration import interpolated
from wim.load_transfer import Transfer, transferred
from wim.loads import (
    JointLoads,
    Known,
    Loading,
    crossings_of,
    joint_loads,
    on_level_road,
)
from wim.roads import Ride, roles_of
from wim.row_loads import RowTable
from wim.samples import Lane
from wim.uncertainty import Budget, Circumstances, UncertaintyFigures, budget_of
from wim.unseen_bounce import UnseenBounce, bounce_left
from wim.unseen_sides import UnseenSides, unseen_side_sigma

__all__ = ["Estimation", "Statics", "static_loads"]

_DISTURBING = frozenset(
    {
        "stop_and_go",
        "jump",
        "s_path",
        "straddling",
        "edge",
        "axle_missing",
        "strip_damaged",
        "signal_clipped",
    }
)


class Estimation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Figures of the estimators of load and uncertainty."""

    loading: Loading = Loading()
    ride: Ride = Ride()
    transfer: Transfer = Transfer()
    uncertainty: UncertaintyFigures = UncertaintyFigures()
    unseen_bounce: UnseenBounce = UnseenBounce()
    unseen_sides: UnseenSides = UnseenSides()


class Statics(msgspec.Struct, frozen=True, kw_only=True):
    """Loads and budget of one vehicle; whether a learned road was taken off."""

    loads: JointLoads
    budget: Budget
    road_known: bool


def static_loads(
    rows: RowTable,
    *,
    lane: Lane,
    spacings_m: Sequence[float],
    groups: Sequence[Sequence[int]],
    reverse: bool,
    acceleration_mps2: float | None,
    scatter: float | None,
    flags: Collection[str],
    known: Known,
    estimation: Estimation,
) -> Statics:
    """Estimate the loads of a vehicle's axles.

    Args:
        rows: of the axles in the order in which they crossed, one each at least.
        lane: whose strips they crossed, calibrated.
        spacings_m: between the axles, one fewer.
        groups: axle groups as indices of axles.
        reverse: it drove backwards, so that the learned road says nothing; nor does it
            say anything of what is lighter than any truck.
        acceleration_mps2: over the crossing, None where it is not known; then nothing
            is put back and the axles are the less certain.
        scatter: of the rows (:func:`wim.scatter.scatter_of`), None where none shows.
        flags: of the passage; those that say that wheels or signals were not as they
            should be make the loads less certain.
        known: of station and vehicle.
        estimation: figures of the estimators.
    """
    loading = estimation.loading
    crossings, speed_sigma = crossings_of(rows, lane=lane, known=known, loading=loading)
    transfer, ride = estimation.transfer, estimation.ride
    roles = roles_of(groups, spacings_m, ride=ride)
    # who drives backwards pushes what it tows, and nobody says which axles these are
    moved = transferred(
        crossings.axles,
        crossings.loads_kg,
        spacings_m=spacings_m,
        groups=groups,
        roles=roles,
        vehicle_class=None if reverse else known.vehicle_class,
        acceleration_mps2=acceleration_mps2,
        transfer=transfer,
        ride=ride,
    )
    crossings = crossings._replace(loads_kg=moved.steady_kg)
    pace_mps = crossings.pace_mps
    road = known.calibration.road_of(lane.number)
    if reverse or moved.rough_mass_kg < ride.least_vehicle_kg:
        road = None
    rest: float | None = None
    if road is None:
        loads = joint_loads(
            crossings,
            groups,
            swing=loading.open_road,
            rest=interpolated(
                loading.unlearned_speeds_mps, loading.unlearned, pace_mps
            ),
        )
        loads = _as_rough_as_rows_differ(loads, scatter, loading)
    else:
        rest = interpolated(road.rest_speeds_mps, road.rest, pace_mps)
        level = on_level_road(crossings, road=road, roles=roles, ride=ride)
        loads = joint_loads(
            level,
            groups,
            swing=loading.known_road,
            rest=rest,
        )
    circumstances = Circumstances(
        speed_mps=pace_mps,
        speed_sigma=speed_sigma,
        moved_sigmas_kg=moved.sigmas_kg,
        bounce=bounce_left(
            crossings,
            loads.axle_loads_kg,
            roles,
            swing=loading.open_road,
            ride=ride,
            bounce=estimation.unseen_bounce,
            rest=rest,
        ),
        unsteady_mps2=abs(
            transfer.unknown_acceleration_mps2
            if acceleration_mps2 is None
            else acceleration_mps2
        ),
        unseen_side=unseen_side_sigma(lane, estimation.unseen_sides),
        temperature_c=known.temperature_c,
        temperature_per_c=_temperature_per_c(lane, estimation.uncertainty),
        vehicle_class=known.vehicle_class,
        disturbances=sum(flag in _DISTURBING for flag in flags),
    )
    budget = budget_of(
        loads,
        circumstances,
        calibration=known.calibration,
        figures=estimation.uncertainty,
    )
    return Statics(loads=loads, budget=budget, road_known=road is not None)


def _as_rough_as_rows_differ(
    loads: JointLoads, scatter: float | None, loading: Loading
) -> JointLoads:
    """Return loads that are the less certain the rougher a road is that nobody learned.

    Rows that are farther apart than on a usual road of class A say that this one is
    rougher; rows that are nearer do not say that it is smoother in longer waves.
    """
    rougher = max((scatter or 0.0) / loading.smooth_scatter, 1.0)
    if rougher == 1.0:
        return loads
    grown = rougher * rougher
    return msgspec.structs.replace(
        loads,
        covariance_kg2=tuple(
            [tuple([grown * each for each in row]) for row in loads.covariance_kg2]
        ),
    )


def _temperature_per_c(lane: Lane, figures: UncertaintyFigures) -> float:
    """Return by which part a °C may change what the lane weighs, either way.

    The mean over its strips, as every one has the same part in the gross mass.
    """
    own = [
        figures.temperature_per_c
        if strip.temperature_per_c is None
        else abs(strip.temperature_per_c)
        for strip in lane.strips
    ]
    return math.fsum(own) / len(own)
