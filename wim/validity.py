"""Whether a passage may be evidence (有效性): flags on fairness and signals.

It never speaks of overload, and it raises only what this version can tell; flags that
need the recognition of manoeuvres are not guessed.
"""

from collections.abc import Iterable, Sequence
from typing import Annotated, Literal, TypeAlias, get_args

import msgspec

from wim.axles import Axle
from wim.samples import Lane

__all__ = ["FLAGS", "Fairness", "Flag", "bars_evidence", "flags_of"]

Flag: TypeAlias = Literal[
    "edge",
    "tailgating",
    "reverse",
    "axle_missing",
    "strip_damaged",
    "signal_clipped",
    "speed_out_of_range",
]
FLAGS: tuple[Flag, ...] = get_args(Flag)
"""The flags that this version raises; a part of the closed list of the messages."""

_KMH = 3.6


class Fairness(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Figures of the flags.

    ``edge_imbalance`` is the difference of left and right over their sum beyond which
    half of the axles, two at least, mean wheels partly beside their strips. No tyre
    gives ``most_acceleration_mps2``: an axle that seems to was joined from pulses of
    several.

    Beyond ``longest_spacing_m`` between two axles, ``longest_wheelbase_m`` over all or
    ``most_axles`` nothing weighed is one vehicle that drives without a permit; it may
    be two that the separator took for one (跟车). Somebody has to look at it.
    """

    longest_spacing_m: Annotated[float, msgspec.Meta(gt=0.0)] = 12.0
    longest_wheelbase_m: Annotated[float, msgspec.Meta(gt=0.0)] = 20.0
    most_axles: Annotated[int, msgspec.Meta(ge=2)] = 6
    edge_imbalance: Annotated[float, msgspec.Meta(gt=0.0)] = 0.3
    most_acceleration_mps2: Annotated[float, msgspec.Meta(gt=0.0)] = 10.0


def flags_of(
    axles: Sequence[Axle],
    *,
    lane: Lane,
    fairness: Fairness,
    spacings_m: Sequence[float],
    reverse: bool,
    incomplete: bool,
    told_apart: bool,
) -> tuple[Flag, ...]:
    """Return the flags of one vehicle, in the order of the list.

    Args:
        axles: its axles, at least one.
        lane: where it drove.
        fairness: figures of the flags.
        spacings_m: between its axles, one fewer.
        reverse: it drove backwards.
        incomplete: an axle was dropped, samples are missing, or its end.
        told_apart: something said that the axles are those of one vehicle.
    """
    dead = _silent_strips(axles, lane)
    low_kmh, high_kmh = lane.speed_range_kmh
    speeds_kmh = [speed * _KMH for axle in axles for speed in axle.local_speeds_mps]
    raised: dict[Flag, bool] = {
        "edge": _rides_the_edge(axles, lane, dead, fairness),
        "tailgating": not told_apart
        or len(axles) > fairness.most_axles
        or max(spacings_m, default=0.0) > fairness.longest_spacing_m
        or sum(spacings_m) > fairness.longest_wheelbase_m,
        "reverse": reverse,
        "axle_missing": incomplete
        or any(
            abs(axle.motion.acceleration_mps2 or 0.0) > fairness.most_acceleration_mps2
            for axle in axles
        ),
        "strip_damaged": bool(dead),
        "signal_clipped": any(hit.pulse.clipped for a in axles for hit in a.hits),
        "speed_out_of_range": not low_kmh
        <= min(speeds_kmh)
        <= max(speeds_kmh)
        <= high_kmh,
    }
    return tuple(flag for flag in FLAGS if raised[flag])


def bars_evidence(flags: Iterable[Flag]) -> bool:
    """Tell whether any of the flags bars evidence; of these, every one does.

    >>> bars_evidence(()), bars_evidence(("reverse",))
    (False, True)
    """
    return any(flag in FLAGS for flag in flags)


def _silent_strips(axles: Sequence[Axle], lane: Lane) -> set[int]:
    """Return strips that missed every axle while others of their side saw most."""
    if len(axles) < 2:
        return set()
    hits = [0] * len(lane.strips)
    for axle in axles:
        for hit in axle.hits:
            hits[hit.sensor.index] += 1
    return {
        i
        for i, strip in enumerate(lane.strips)
        if hits[i] == 0
        and all(
            2 * hits[k] > len(axles)
            for k, other in enumerate(lane.strips)
            if k != i and other.side == strip.side
        )
    }


def _rides_the_edge(
    axles: Sequence[Axle], lane: Lane, dead: set[int], fairness: Fairness
) -> bool:
    """Tell whether wheels passed beside their strips, wholly or in part."""
    crooked = 0
    for axle in axles:
        seen = {hit.sensor.index for hit in axle.hits}
        rows = {hit.sensor.strip.row for hit in axle.hits}
        if any(
            strip.row in rows and i not in seen and i not in dead
            for i, strip in enumerate(lane.strips)
        ):
            return True
        if axle.left_kg is not None and axle.right_kg is not None:
            both = axle.left_kg + axle.right_kg
            apart = abs(axle.left_kg - axle.right_kg)
            crooked += apart > fairness.edge_imbalance * both
    return crooked >= 2 and 2 * crooked >= len(axles)
