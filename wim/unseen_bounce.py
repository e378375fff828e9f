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

import math
from collections.abc import Sequence
from typing import Annotated

import msgspec
import numpy as np

from wim.calibration import interpolated
from wim.kernels.bounce import shares_in_means
from wim.loads import Crossings, Swing
from wim.roads import Ride, Role, Suspension

__all__ = ["BounceLeft", "UnseenBounce", "bounce_band_hz", "bounce_left"]

Positive = Annotated[float, msgspec.Meta(gt=0.0)]
Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]

_TWO_PI = 6.283185307179586


class UnseenBounce(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True
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

    def share_at(self, load_kg: float, rest: float) -> float:
        """Return the part that a learned road does not foretell, by its rest."""
        return interpolated(self.loads_kg, self.unforetold, load_kg) * math.sqrt(rest)


class BounceLeft(msgspec.Struct, frozen=True, kw_only=True):
    """What bounces leave in each axle's load and in their sum, k = 1."""

    axle_sigmas_kg: tuple[float, ...]
    gross_sigma_kg: float


def bounce_band_hz(suspension: Suspension, load_kg: float) -> tuple[float, float]:
    """Return between which frequencies an axle bounces: springs at work, and locked.

    >>> from wim.roads import Ride
    >>> [round(hertz, 2) for hertz in bounce_band_hz(Ride().drive, 3200.0)]
    [2.15, 5.26]
    """
    spring, tyre = suspension.spring_npm, suspension.tyre_npm
    working = spring * tyre / (spring + tyre)
    return (
        math.sqrt(working / load_kg) / _TWO_PI,
        math.sqrt(tyre / load_kg) / _TWO_PI,
    )


def bounce_left(
    crossings: Crossings,
    loads_kg: Sequence[float],
    roles: Sequence[Role],
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
    pace_mps = crossings.pace_mps
    suspensions: list[Suspension] = [getattr(ride, role) for role in roles]
    swinging_kg = [
        max(load_kg, suspension.unsprung_kg)
        for load_kg, suspension in zip(loads_kg, suspensions, strict=True)
    ]
    usual = swing.shares_at(swinging_kg, pace_mps)
    if rest is not None:
        usual = [
            share * bounce.share_at(own_kg, rest)
            for share, own_kg in zip(usual, swinging_kg, strict=True)
        ]
    left = np.empty(len(swinging_kg))
    shares_in_means(
        crossings.places_m,
        crossings.axles,
        pace_mps,
        np.array(list(map(bounce_band_hz, suspensions, swinging_kg))),
        left,
    )
    sigmas = [
        share * load_kg * math.sqrt(part)
        for share, load_kg, part in zip(usual, loads_kg, left.tolist(), strict=True)
    ]
    whole_kg = math.fsum(sigmas)
    own_kg2 = math.fsum([each * each for each in sigmas])
    alike = swing.kin_bounce_others if rest is None else 0.0
    gross_kg2 = (1.0 - alike) * own_kg2 + alike * whole_kg * whole_kg
    return BounceLeft(axle_sigmas_kg=tuple(sigmas), gross_sigma_kg=math.sqrt(gross_kg2))
