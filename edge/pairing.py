"""Which picture belongs to which passage: by time, lane and view, and to one only.

It reads no pixels and no clock. A picture that could show two vehicles of a lane
belongs to neither: a missing picture is honest, another vehicle's is not.
"""

import threading
from collections import deque
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from edge.config import View
from edge.devices.frame_ring import FrameStamp

__all__ = ["WINDOW_S", "Moment", "Moments", "belonging"]

WINDOW_S = 0.4
"""How far from a vehicle's moment a picture may have been captured."""

_KEPT = 256


class Moment(NamedTuple):
    """When one vehicle stood where one view sees it best, on the monotonic clock."""

    vehicle: int
    view: View
    lane: int
    at_s: float


def belonging(
    at_s: float,
    rivals_s: Iterable[float],
    stamps: Sequence[FrameStamp],
    *,
    window_s: float = WINDOW_S,
) -> list[FrameStamp]:
    """Return the pictures that can only show the vehicle of one moment, nearest first.

    Args:
        at_s: the vehicle's moment.
        rivals_s: the moments of other vehicles in the same lane and view.
        stamps: the pictures there are.
        window_s: how far from a moment a picture may be and still show the vehicle.

    >>> stamps = [FrameStamp(0, 9.9), FrameStamp(1, 10.2), FrameStamp(2, 10.5)]
    >>> [stamp.number for stamp in belonging(10.1, [10.8], stamps)]
    [1, 0]
    """
    rivals = tuple(rivals_s)
    alone = (
        stamp
        for stamp in stamps
        if abs(stamp.captured_s - at_s) <= window_s
        and all(abs(stamp.captured_s - rival) > window_s for rival in rivals)
    )
    return sorted(alone, key=lambda stamp: abs(stamp.captured_s - at_s))


class Moments:
    """The last moments of all vehicles of a station, for telling rivals."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._moments: deque[Moment] = deque(maxlen=_KEPT)

    def note(self, moment: Moment) -> None:
        """Remember one vehicle's moment."""
        with self._lock:
            self._moments.append(moment)

    def rivals(self, moment: Moment) -> list[float]:
        """Return the moments of other vehicles in the same lane and view."""
        with self._lock:
            return [
                other.at_s
                for other in self._moments
                if other.vehicle != moment.vehicle
                and (other.view, other.lane) == (moment.view, moment.lane)
            ]
