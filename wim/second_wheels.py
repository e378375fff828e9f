"""Which pulses of a strip are an axle's second wheel, that belongs on the other strip.

Who swerves far enough has both wheels of an axle on the strips of one side; standing
askew they meet it one after the other, and each axle looks like two. No two axles are
as close as that. Who is so slow that a wheel may have gone to and fro, or shows it
on both sides of a row, is left alone. It weighs nothing.
"""

import math
from collections.abc import Sequence

from wim.hits import rough_speed_mps
from wim.pulses import Pulse

__all__ = ["are_close", "second_wheels"]

_CLOSEST_AXLES_M = 0.8
_BESIDE_M = 0.4
_PACES_MPS = (1.2, 15.0)
"""Who turns back within half a metre of a strip was slower over it; who swerves so far
is no faster, or would tip over."""
_ALIKE = 0.33
"""Two wheels of one axle are about as long on a strip; noise is not."""


def are_close(early: Pulse, late: Pulse) -> bool:
    """Tell whether wheels that drive on were closer than those of two axles can be."""
    pace_mps = rough_speed_mps(early, late)
    apart_m = (late.centroid_s - early.centroid_s) * pace_mps
    if apart_m >= _CLOSEST_AXLES_M:
        return False
    short_s, long_s = sorted((early.end_s - early.start_s, late.end_s - late.start_s))
    return _PACES_MPS[0] <= pace_mps <= _PACES_MPS[1] and short_s >= _ALIKE * long_s


def second_wheels(
    own: Sequence[Pulse],
    beside: Sequence[Pulse],
    *,
    until_s: float = math.inf,
) -> list[int]:
    """Return which pulses of a strip are those of a wheel of the other side.

    Of two that are closer than axles can be, it is the one that came with a wheel on
    the other strip, since that stood on both, and the later one where none did.

    Args:
        own: of one strip, in the order of time.
        beside: of the other strip of its row, likewise.
        until_s: until when all pulses are known; what may come to the other strip is
            waited for, since long tyres look like slow ones, and a group like one axle.
    """
    found: list[int] = []
    for k in range(1, len(own)):
        early, late = own[k - 1], own[k]
        if not are_close(early, late) or (found and found[-1] == k - 1):
            continue
        slack_s = _BESIDE_M / rough_speed_mps(early, late)
        if late.end_s + slack_s > until_s:
            continue
        near = [
            pulse.centroid_s
            for pulse in beside
            if early.centroid_s - slack_s <= pulse.centroid_s
            and pulse.centroid_s <= late.centroid_s + slack_s
        ]
        if len(near) > 1:
            continue
        with_early = near and abs(near[0] - early.centroid_s) < abs(
            near[0] - late.centroid_s
        )
        found.append(k - 1 if with_early else k)
    return found
