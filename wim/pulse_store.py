"""The pulses of one lane that are nobody's yet."""

import math
from collections.abc import Sequence

from wim.axles import Axle
from wim.hits import Hit, rough_speed_mps
from wim.pulses import Pulse
from wim.samples import Lane
from wim.views import View

__all__ = ["PulseStore"]

_RECENT = 8


class PulseStore:
    """Pulses by strip, each strip's in the order of time.

    ``taken`` is how many came so far, ``latest_s`` when the latest of them ended;
    ``stray_pulses`` became no axle.
    """

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self.of: list[list[Pulse]] = [[] for _ in lane.strips]
        self.taken = 0
        self.latest_s = -math.inf
        self.stray_pulses = 0

    def add(self, index: int, pulse: Pulse) -> None:
        """Take a pulse of a strip."""
        self.of[index].append(pulse)
        self.taken += 1
        self.latest_s = max(self.latest_s, pulse.end_s)

    def since(self, from_s: float, index: int) -> list[Pulse]:
        """Return the pulses of a strip since a time."""
        return [p for p in self.of[index] if p.centroid_s >= from_s]

    def newest(self) -> list[Pulse]:
        """Return the last pulse of each strip that has one."""
        return [pulses[-1] for pulses in self.of if pulses]

    def rows_first_hit_s(self) -> dict[int, float]:
        """Return the time of the first pulse in the store of each row that has one."""
        first_s: dict[int, float] = {}
        for strip, pulses in zip(self._lane.strips, self.of, strict=True):
            if pulses:
                known_s = first_s.get(strip.row, math.inf)
                first_s[strip.row] = min(known_s, pulses[0].centroid_s)
        return first_s

    def pace_mps(self, view: View) -> float | None:
        """Return how fast the latest axle went between the first two rows.

        Which two pulses are that axle's is judged by their length: contact over
        duration is a rough speed that needs no partner.
        """
        for row in view.by_rank[1:]:
            found: list[tuple[float, float]] = []
            for second in row:
                if not self.of[second.index]:
                    continue
                late = self.of[second.index][-1]
                for first in view.row(0):
                    if {first.side, second.side} == {"left", "right"}:
                        continue
                    for early in self.of[first.index][-_RECENT:]:
                        taken_s = late.centroid_s - early.centroid_s
                        if taken_s > 0.0:
                            pace_mps = (second.s_m - first.s_m) / taken_s
                            ratio = pace_mps / rough_speed_mps(early, late)
                            found.append((max(ratio, 1.0 / ratio), pace_mps))
            if found:
                return min(found)[1]
        return None

    def consume(self, hits: Sequence[tuple[Hit, ...]], axles: Sequence[Axle]) -> None:
        """Take a vehicle's pulses, and what lies before them, out of the store."""
        weighed = {
            (hit.sensor.index, hit.pulse.last_sample)
            for axle in axles
            for hit in axle.hits
        }
        through_s = [-math.inf] * len(self.of)
        for axle in hits:
            for hit in axle:
                index = hit.sensor.index
                through_s[index] = max(through_s[index], hit.pulse.centroid_s)
        for index, pulses in enumerate(self.of):
            done = [p for p in pulses if p.centroid_s <= through_s[index]]
            self.stray_pulses += sum(
                (index, pulse.last_sample) not in weighed for pulse in done
            )
            self.of[index] = pulses[len(done) :]

    def sweep(self, before_s: float) -> None:
        """Drop pulses that no vehicle claimed."""
        for index, pulses in enumerate(self.of):
            if pulses and pulses[0].centroid_s < before_s:
                kept = [pulse for pulse in pulses if pulse.centroid_s >= before_s]
                self.stray_pulses += len(pulses) - len(kept)
                self.of[index] = kept
