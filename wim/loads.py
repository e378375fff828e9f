"""From what each row saw of each axle to the static loads of a vehicle.

A wheel presses with its static load and with what bounce and hop add at that moment;
the rows see it at a few moments only. It looks at all axles together and says how
uncertain each load and their sum are; it judges nothing and moves no vehicle.
"""

import functools
import itertools
import math
from collections.abc import Sequence
from typing import Annotated, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from wim.calibration import Calibration, VehicleClass, interpolated
from wim.kernels.crossings import see_crossings, suppose_swings
from wim.kernels.joint import estimate_jointly
from wim.kernels.row_table import SPEED
from wim.roads import Ride, Road, Role, excess
from wim.row_loads import RowTable
from wim.samples import Lane, Strip

__all__ = [
    "Crossings",
    "JointLoads",
    "Known",
    "Loading",
    "Swing",
    "SwingFigures",
    "crossings_of",
    "joint_loads",
    "on_level_road",
    "swing_figures",
]

Positive = Annotated[float, msgspec.Meta(gt=0.0)]
Share = Annotated[float, msgspec.Meta(ge=0.0, lt=1.0)]
Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
_LAYOUTS = 256
_LEAST_KG = 50.0


class Swing(
    msgspec.Struct,
    frozen=True,
    forbid_unknown_fields=True,
    kw_only=True,
    cache_hash=True,
):
    """How the dynamic loads of trucks are distributed, learned from simulated traffic.

    An axle's load swings with a standard deviation of ``shares`` of its static load at
    ``speeds_mps``, times ``load_factors`` at ``loads_kg`` (both linear between and
    constant beyond), and is ``first`` times as great on the first axle.
    Bounce and hop are damped oscillations (frequency [Hz], damping ratio); ``kin_*``
    is how alike two axles swing at the same place of the road, of one group and of
    several. ``bounces`` are frequencies with their prior probability; ``scales``
    factors of the variance with theirs, for suspensions that are better or worse.

    A load on springs bounces the slower the more it is: ``usual_bounce_hz`` is that of
    an axle of 10 t, half-way between springs at work and locked ones of a usual drive
    axle, and goes with the root of the load. A frequency is the less likely the farther
    it is from that of the vehicle's mean axle, by ``bounce_spread``. Without it, heavy
    vehicles that drive fast are believed to bounce as often along the rows as light
    ones do, and U is too small for them and too large for those.
    """

    speeds_mps: tuple[Positive, ...] = (2.0, 7.0, 12.0, 17.0, 22.0, 28.0)
    shares: tuple[Positive, ...] = (0.0115, 0.018, 0.0425, 0.06, 0.061, 0.072)
    loads_kg: tuple[Positive, ...] = (2e3, 3e3, 4e3, 5e3, 7e3, 1e4, 1.6e4, 2.4e4)
    load_factors: tuple[Positive, ...] = (3.1, 2.5, 1.7, 1.2, 0.91, 0.74, 0.55, 0.43)
    first: Positive = 1.2
    kin_bounce_group: Share = 0.5
    kin_bounce_others: Share = 0.5
    kin_hop_group: Share = 0.82
    kin_hop_others: Share = 0.79
    bounces: tuple[tuple[Positive, Positive], ...] = (
        (1.5, 0.17),
        (1.9, 0.17),
        (2.4, 0.17),
        (3.0, 0.17),
        (3.7, 0.16),
        (4.5, 0.16),
    )
    bounce_damping: Share = 0.31
    usual_bounce_hz: Positive = 1.9
    bounce_spread: Positive = 0.8
    hop_hz: Positive = 15.7
    hop_damping: Share = 0.04
    hop_share: Share = 0.18
    scales: tuple[tuple[Positive, Positive], ...] = (
        (0.35, 0.03),
        (0.8, 0.82),
        (1.8, 0.12),
        (4.0, 0.03),
    )

    def share_at(self, load_kg: float, speed_mps: float, *, first: bool) -> float:
        """Return the standard deviation of an axle's dynamic load over its static."""
        share = interpolated(self.speeds_mps, self.shares, speed_mps)
        share *= interpolated(self.loads_kg, self.load_factors, load_kg)
        return share * self.first if first else share


KNOWN_ROAD = Swing(
    shares=(0.013, 0.0152, 0.017, 0.023, 0.0275, 0.052),
    load_factors=(3.1, 2.5, 1.8, 1.3, 0.9, 0.71, 0.54, 0.43),
    first=0.95,
    kin_bounce_group=0.18,
    kin_bounce_others=0.18,
    kin_hop_group=0.03,
    kin_hop_others=0.03,
    bounce_damping=0.125,
    hop_hz=10.1,
    hop_damping=0.45,
    hop_share=0.34,
    scales=((0.35, 0.02), (0.8, 0.7), (1.8, 0.25), (4.0, 0.03)),
)


class Loading(
    msgspec.Struct,
    frozen=True,
    forbid_unknown_fields=True,
    kw_only=True,
    cache_hash=True,
):
    """Figures of the joint estimator.

    ``open_road`` tells how axles swing on a road of class A that nobody learned,
    ``known_road`` what is left of it on a usual road where the expected part is taken
    off; each learned road tells how much more or less is left of it there. Their shapes
    were fitted to recordings with the seeds 21 to 40 and 400 to 430 of the simulator;
    how the size of ``known_road`` goes with speed and load, to how far true gross
    masses were off on the sites 1 to 8 and 101, of both families, classes A and B, two,
    four and six rows; at 7, 12 and 17 m/s, and ``bounce_spread``, on those that
    docs/accuracy.md names under "By speed".

    A road that nobody learned may be rougher, and what it does to all rows alike shows
    in none of them: ``unlearned`` is how much greater the swing is taken there, at
    ``unlearned_speeds_mps`` (linear between and constant beyond). What it leaves unsure
    grows with how far the rows are from each other over ``smooth_scatter``
    (:func:`wim.scatter.scatter_of`), about the middle one on class A, where they are
    farther: the waves that all rows see alike are as much higher as those in which they
    differ. Set on the sites 11 to 18 of class A and 11 to 16 of class B, calibrated and
    with their roads forgotten.

    ``unknown_gain`` is the relative standard uncertainty of a strip that neither site
    nor parameter set tells; ``along_strip`` is that of the place where the wheels hit
    it. A row that saw one wheel only is completed by the axle's other rows, and then
    as uncertain as ``completed`` (relative), or ``halved`` where none tells the share.
    """

    open_road: Swing = Swing()
    known_road: Swing = KNOWN_ROAD
    unlearned_speeds_mps: tuple[Positive, ...] = (14.0, 20.0, 25.0)
    unlearned: tuple[Positive, ...] = (1.0, 1.5, 1.8)
    smooth_scatter: Positive = 0.6
    unknown_gain: Positive = 0.01
    along_strip: Positive = 0.007
    completed: Positive = 0.04
    halved: Positive = 0.2


class Crossings(NamedTuple):
    """What rows saw of axles, as kernels read it; one place for every axle and row.

    ``axles`` and ``ranks`` say whose crossing of which row it is;
    ``own_variances_kg2`` is what is independent from crossing to crossing, shape (n,)
    each; ``row_variances`` (relative, by rank of the row) is common to all that cross
    it.
    """

    axles: Integers
    ranks: Integers
    places_m: Floats
    speeds_mps: Floats
    loads_kg: Floats
    own_variances_kg2: Floats
    row_variances: Floats

    @staticmethod
    def of(
        *,
        axles: Sequence[int],
        ranks: Sequence[int],
        places_m: Sequence[float],
        speeds_mps: Sequence[float],
        loads_kg: Sequence[float],
        own_variances_kg2: Sequence[float],
        row_variances: Sequence[float],
    ) -> "Crossings":
        """Return the crossings of plain figures."""
        return Crossings(
            np.array(axles, dtype=np.int64),
            np.array(ranks, dtype=np.int64),
            np.array(places_m),
            np.array(speeds_mps),
            np.array(loads_kg),
            np.array(own_variances_kg2),
            np.array(row_variances),
        )

    @property
    def pace_mps(self) -> float:
        """Return the mean speed."""
        return math.fsum(self.speeds_mps.tolist()) / len(self.axles)


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the station and of the vehicle when its loads are estimated."""

    calibration: Calibration
    temperature_c: float | None
    vehicle_class: VehicleClass | None


class JointLoads(msgspec.Struct, frozen=True, kw_only=True):
    """Loads of a vehicle's axles with their covariance matrix, k = 1."""

    axle_loads_kg: tuple[float, ...]
    covariance_kg2: tuple[tuple[float, ...], ...]

    @property
    def gross_mass_kg(self) -> float:
        """Return the sum of the axle loads."""
        return math.fsum(self.axle_loads_kg)

    @property
    def gross_variance_kg2(self) -> float:
        """Return the variance of the sum: of all pairs of axles together."""
        return math.fsum(itertools.chain.from_iterable(self.covariance_kg2))


def crossings_of(
    rows: RowTable, *, lane: Lane, known: Known, loading: Loading
) -> tuple[Crossings, float]:
    """Gather what the rows saw, with what is uncertain about each crossing.

    Args:
        rows: of the axles of one vehicle, at least one each.
        lane: whose strips they crossed, calibrated.
        known: what is known of the vehicle and the station.
        loading: figures of the estimator.

    Returns:
        The crossings, and the mean relative uncertainty of their speeds.
    """
    factors = known.calibration.common_factors(
        rows.rows[:, SPEED].tolist(),
        temperature_c=known.temperature_c,
        vehicle_class=known.vehicle_class,
        axles=rows.axles,
    )
    strips = _row_variances(lane, loading)
    axles, ranks = np.empty((2, len(factors)), dtype=np.int64)
    places_m, speeds_mps, loads_kg, own_kg2 = np.empty((4, len(factors)))
    seen = Crossings(
        axles, ranks, places_m, speeds_mps, loads_kg, own_kg2, np.zeros(len(strips))
    )
    unsure = see_crossings(
        rows.rows, np.array(factors), strips, loading.completed, loading.halved, *seen
    )
    return seen, unsure


def on_level_road(
    crossings: Crossings, *, road: Road, roles: Sequence[Role], ride: Ride
) -> Crossings:
    """Take off what the road is expected to have added to each crossing.

    Args:
        crossings: of one vehicle that drove forward.
        road: of the lane.
        roles: of its axles.
        ride: the suspensions that the road was learned with.
    """
    whose = crossings.axles.tolist()
    places_m, speeds_mps = crossings.places_m.tolist(), crossings.speeds_mps.tolist()
    loads_kg = crossings.loads_kg.tolist()
    level = list(loads_kg)
    for axle, role in enumerate(roles):
        own = [k for k, each in enumerate(whose) if each == axle]
        # the plain mean over its crossings, at least a few kilograms
        load_kg = 0.0
        for k in own:
            load_kg += loads_kg[k]
        added = excess(
            road,
            role,
            load_kg=max(load_kg / len(own), _LEAST_KG),
            speed_mps=math.fsum([speeds_mps[k] for k in own]) / len(own),
            places_m=[places_m[k] for k in own],
            ride=ride,
        )
        for k, more in zip(own, added, strict=True):
            level[k] /= 1.0 + min(max(more, -0.5), 0.5)
    return crossings._replace(loads_kg=np.array(level))


def joint_loads(
    crossings: Crossings,
    groups: Sequence[Sequence[int]],
    *,
    swing: Swing,
    rest: float = 1.0,
) -> JointLoads:
    """Estimate all static loads together by generalised least squares.

    The dynamic load of an axle is a random function of its place on the road; axles
    of one vehicle at the same place and speed resemble each other, since the road
    that shakes them is the same. Suppositions of frequency and size are weighed by
    how well they explain what differs between the rows, so the uncertainty grows with
    the scatter.

    Args:
        crossings: of the vehicle.
        groups: its axle groups as indices of axles.
        swing: how the axles may swing.
        rest: factor of the swing, as on a road that is known better or worse.

    Source:
        Generalised least squares with restricted likelihood: Patterson and Thompson,
        Biometrika 58 (1971) 545. Dynamic loads that repeat along the road: Cole and
        Cebon, Vehicle System Dynamics 25 (1996), "spatial repeatability".
    """
    given = swing_figures(swing)
    kinship = _kinship(tuple(map(len, groups)), swing)
    count = kinship.shape[1]
    swings = np.empty(count)
    bounces = np.empty((len(swing.bounces), 3))
    pace_mps = suppose_swings(
        crossings.axles,
        crossings.speeds_mps,
        crossings.loads_kg,
        rest,
        given.speeds_mps,
        given.shares,
        given.loads_kg,
        given.load_factors,
        swing.first,
        given.bounces,
        swing.bounce_damping,
        swing.usual_bounce_hz,
        swing.bounce_spread,
        swings,
        bounces,
    )
    means = np.empty(count)
    covariance = np.empty((count, count))
    estimate_jointly(
        crossings.places_m,
        pace_mps,
        crossings.axles,
        crossings.ranks,
        crossings.loads_kg,
        crossings.own_variances_kg2,
        crossings.row_variances,
        swings,
        kinship,
        bounces,
        given.hop,
        given.scales,
        means,
        covariance,
        np.empty((len(swing.bounces), len(swing.scales))),
    )
    return JointLoads(
        axle_loads_kg=tuple([max(load, 0.0) for load in means.tolist()]),
        covariance_kg2=tuple(map(tuple, covariance.tolist())),
    )


class SwingFigures(NamedTuple):
    """Figures of a swing as kernels read them; nobody writes there."""

    bounces: Floats
    hop: Floats
    scales: Floats
    speeds_mps: Floats
    shares: Floats
    loads_kg: Floats
    load_factors: Floats


@functools.lru_cache(maxsize=_LAYOUTS)
def swing_figures(swing: Swing) -> SwingFigures:
    """Return the figures of a swing as kernels read them."""
    return SwingFigures(
        bounces=np.array(swing.bounces),
        hop=np.array([swing.hop_hz, swing.hop_damping, swing.hop_share]),
        scales=np.array(swing.scales),
        speeds_mps=np.array(swing.speeds_mps),
        shares=np.array(swing.shares),
        loads_kg=np.array(swing.loads_kg),
        load_factors=np.array(swing.load_factors),
    )


@functools.lru_cache(maxsize=_LAYOUTS)
def _kinship(sizes: tuple[int, ...], swing: Swing) -> Floats:
    """Return how alike axles swing, the same array for axle groups of the same sizes.

    Args:
        sizes: how many axles each group has, in the order of the axles.
        swing: how the axles may swing.
    """
    group_of = [number for number, size in enumerate(sizes) for _ in range(size)]
    count = len(group_of)
    kinship = np.ones((2, count, count))
    for i in range(count):
        for k in range(count):
            if i != k:
                alike = group_of[i] == group_of[k]
                kinship[0, i, k] = (
                    swing.kin_bounce_group if alike else swing.kin_bounce_others
                )
                kinship[1, i, k] = (
                    swing.kin_hop_group if alike else swing.kin_hop_others
                )
    return kinship


@functools.lru_cache(maxsize=_LAYOUTS)
def _row_variances(lane: Lane, loading: Loading) -> Floats:
    """Return what the strips of each row of a lane bring, by the site's number."""
    variances = np.zeros(1 + max(strip.row for strip in lane.strips))
    for row in range(len(variances)):
        own = [strip for strip in lane.strips if strip.row == row]
        if own:
            variances[row] = _row_variance(own, loading)
    return variances


def _row_variance(strips: Sequence[Strip], loading: Loading) -> float:
    """Return the relative variance that a row's strips bring to every axle.

    Left and right are independent, each with half of the load.
    """
    total = 0.0
    for strip in strips:
        gain = strip.gain_uncertainty or loading.unknown_gain
        total += gain * gain + loading.along_strip * loading.along_strip
    return total / (len(strips) * len(strips))
