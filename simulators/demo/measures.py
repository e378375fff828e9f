"""How long it took from the last axle to the row and to the page.

It compares times only: which passage belongs to which crossing follows from lane and
time, never from the simulator's truth.
"""

import datetime as dt
import statistics
from typing import NamedTuple

__all__ = ["Crossing", "Measures", "Quantiles"]

_SAME_S = 1.0


class Crossing(NamedTuple):
    """One vehicle that left the strips, as the simulator saw it."""

    lane: int
    first_axle_at: dt.datetime
    last_sample_written_at: dt.datetime


class Arrival(NamedTuple):
    """One passage that reached a signed-in client."""

    lane: int
    passed_at: dt.datetime
    committed_at: dt.datetime | None
    shown_at: dt.datetime


class Quantiles(NamedTuple):
    """Median and 95th percentile in seconds, None when nothing was measured."""

    p50: float | None
    p95: float | None


class Measures:
    """Collects crossings and arrivals and matches them."""

    def __init__(self) -> None:
        self._crossings: list[Crossing] = []
        self._arrivals: dict[str, Arrival] = {}

    def crossed(self, crossing: Crossing) -> None:
        """Note one vehicle that left the strips."""
        self._crossings.append(crossing)

    def arrived(
        self,
        passage_id: str,
        *,
        lane: int,
        passed_at: dt.datetime,
        committed_at: dt.datetime | None,
        shown_at: dt.datetime,
    ) -> None:
        """Note one passage that reached the client; the first time counts."""
        arrival = Arrival(lane, passed_at, committed_at, shown_at)
        self._arrivals.setdefault(passage_id, arrival)

    @property
    def vehicles(self) -> int:
        """How many vehicles crossed."""
        return len(self._crossings)

    @property
    def passages(self) -> int:
        """How many passages arrived."""
        return len(self._arrivals)

    def unmatched(self) -> list[Crossing]:
        """Return the crossings of which no passage arrived."""
        return [crossing for crossing, arrival in self._pairs() if arrival is None]

    def axle_to_row_s(self) -> Quantiles:
        """Return the time from the last axle's last sample to the committed row."""
        return _quantiles(
            [
                (arrival.committed_at - crossing.last_sample_written_at).total_seconds()
                for crossing, arrival in self._pairs()
                if arrival is not None and arrival.committed_at is not None
            ]
        )

    def axle_to_page_s(self) -> Quantiles:
        """Return the time from the last axle's last sample to the signed-in client."""
        return _quantiles(
            [
                (arrival.shown_at - crossing.last_sample_written_at).total_seconds()
                for crossing, arrival in self._pairs()
                if arrival is not None
            ]
        )

    def _pairs(self) -> list[tuple[Crossing, Arrival | None]]:
        free = dict(self._arrivals)
        pairs: list[tuple[Crossing, Arrival | None]] = []
        for crossing in self._crossings:
            near = {
                name: abs((a.passed_at - crossing.first_axle_at).total_seconds())
                for name, a in free.items()
                if a.lane == crossing.lane
            }
            best = min(near, key=near.__getitem__, default=None)
            if best is None or near[best] > _SAME_S:
                pairs.append((crossing, None))
            else:
                pairs.append((crossing, free.pop(best)))
        return pairs


def _quantiles(seconds: list[float]) -> Quantiles:
    if not seconds:
        return Quantiles(None, None)
    if len(seconds) == 1:
        return Quantiles(round(seconds[0], 3), round(seconds[0], 3))
    cuts = statistics.quantiles(seconds, n=20, method="inclusive")
    return Quantiles(round(cuts[9], 3), round(cuts[18], 3))
