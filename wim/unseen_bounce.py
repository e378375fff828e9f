"""A bounce that the rows may all see at the same phase, from what is known of bounces.

Rows at equal distances agree where a whole number of bounces goes by from one to the
next: nothing in them betrays it, however far they are off. What such a bounce may do
to the mean over the rows is therefore told from the band in which axles bounce and
from how much they usually do. It looks at no scatter and corrects nothing.

Source: friction blocks leaf springs for part of an oscillation, body and wheels then
swing together on the stiff and poorly damped tyres (euromotor.org, commercial vehicles,
"Influence of frictional forces in springs"); a two-axle trailer bounced at about 3 Hz,
with 5 to 20 % of its static load (TRL research report 171).
"""

import functools
from collections.abc import Sequence
from typing import Annotated, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from wim.kernels.bounce import leave_bounces
from wim.loads import Crossings, Swing, swing_figures
from wim.roads import Ride, Role, springs_of

__all__ = ["BounceLeft", "UnseenBounce", "bounce_left"]

Floats = npt.NDArray[np.float64]

Positive = Annotated[float, msgspec.Meta(gt=0.0)]
Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]

_KEPT = 16


class UnseenBounce(
    msgspec.Struct,
    frozen=True,
    forbid_unknown_fields=True,
    kw_only=True,
    cache_hash=True,
):
    """How much of the usual swing of an axle a learned road does not foretell.

    ``unforetold`` is a part of the standard deviation, at ``loads_kg`` (linear between
    and constant beyond): a road is learned with springs that work, and axles that
    carry little have locked ones. Set by simulated sites of the seeds 1 to 8 and 101,
    mixed traffic of both families. How much a site's road leaves of the dynamic
    loads is told by mixed lorries, few of them empty: it counts for half, as the root
    of that figure.
    """

    loads_kg: tuple[Positive, ...] = (4e3, 8e3)
    unforetold: tuple[Share, ...] = (0.8, 0.4)


class BounceLeft(msgspec.Struct, frozen=True, kw_only=True):
    """What bounces leave in each axle's load and in their sum, k = 1."""

    axle_sigmas_kg: tuple[float, ...]
    gross_sigma_kg: float


def bounce_left(
    crossings: Crossings,
    loads_kg: Sequence[float],
    roles: tuple[Role, ...],
    *,
    swing: Swing,
    ride: Ride,
    bounce: UnseenBounce,
    rest: float | None,
) -> BounceLeft:
    """Return what a lightly damped bounce leaves in the loads of a vehicle.

    Where no road was learned, the same road shakes all axles at a row alike, and their
    errors add up as far as axles of a vehicle are akin. What a learned road does not
    foretell is each axle's own.

    Args:
        crossings: of the vehicle.
        loads_kg: of its axles.
        roles: of its axles.
        swing: how axles swing on a road that nobody learned.
        ride: usual suspensions.
        bounce: what a learned road leaves of it.
        rest: of the learned road at that speed, over that of a usual one; None where
            none was learned, and all of the swing is left.
    """
    given = swing_figures(swing)
    springs = springs_of(roles, ride)
    foretold = _figures(bounce)
    sigmas = np.empty(len(loads_kg))
    gross_kg = leave_bounces(
        crossings.axles,
        crossings.places_m,
        crossings.speeds_mps,
        np.array(loads_kg),
        springs.unsprung_kg,
        springs.working,
        springs.locked,
        given.speeds_mps,
        given.shares,
        given.loads_kg,
        given.load_factors,
        swing.first,
        foretold.loads_kg,
        foretold.unforetold,
        -1.0 if rest is None else rest,
        swing.kin_bounce_others if rest is None else 0.0,
        sigmas,
    )
    return BounceLeft(axle_sigmas_kg=tuple(sigmas.tolist()), gross_sigma_kg=gross_kg)


class _Figures(NamedTuple):
    """What a learned road does not foretell, as the kernel reads it."""

    loads_kg: Floats
    unforetold: Floats


@functools.lru_cache(maxsize=_KEPT)
def _figures(bounce: UnseenBounce) -> _Figures:
    return _Figures(np.array(bounce.loads_kg), np.array(bounce.unforetold))
