"""Figures of telling the vehicles of a lane apart."""

import msgspec

__all__ = ["Assembly"]


class Assembly(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Figures of telling vehicles apart.

    Without a separator's word, ``axle_gap_m`` without an axle ends a vehicle.
    ``separator_slack_s`` is how far the separator may be off the first row in time.
    A separator is not believed that reports one vehicle over ``longest_gap_m`` without
    an axle, over ``longest_presence_s`` without one, or with more than ``most_axles``;
    without a separator that many end a vehicle too.
    A vehicle whose last axle has come to the first row and not to the last one yet may
    have stopped, if it was slower than ``stopping_mps``: it is waited for up to
    ``longest_stand_s`` after its latest pulse.
    Pulses that no vehicle claimed are strays after ``stray_after_s``.
    """

    axle_gap_m: float = 12.0
    longest_gap_m: float = 18.0
    longest_presence_s: float = 30.0
    most_axles: int = 16
    separator_slack_s: float = 0.1
    longest_stand_s: float = 12.0
    stopping_mps: float = 6.0
    stray_after_s: float = 30.0
