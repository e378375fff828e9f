"""The pulses of one lane that are nobody's yet."""

import math
from collections.abc import Sequence

from wim.axles import Axle
from wim.hits import Hit
from wim.pulses import Pulse
from wim.samples import Lane
from wim.second_wheels import are_close, second_wheels

__all__ = ["PulseStore"]

_NEAR = 1.61
"""Pulses so many times both their lengths apart are not close: a little more than what
axles are apart at least, over twice the usual contact."""


class PulseStore:
    """Pulses by strip, each strip's in the order of time.

    ``taken`` is how many came so far, ``latest_s`` when the latest of them ended,
    ``oldest_s`` when the oldest that is left was over its strip, ``shortest_s`` how
    long the shortest of them was (infinite: none is left);
    ``changes`` counts for each row how often its pulses changed, ``stray_pulses`` those
    that became no axle.
    """

    def __init__(self, lane: Lane) -> None:
        self._row_of = [strip.row for strip in lane.strips]
        self.changes = [0] * (1 + max(self._row_of))
        self.of: list[list[Pulse]] = [[] for _ in lane.strips]
        self._strips_of = [
            [k for k, own in enumerate(self._row_of) if own == row]
            for row in range(len(self.changes))
        ]
        # of each strip of a row that shows the sides, the other; plates are longer
        # than two wheels of an axle may be apart
        self._beside: dict[int, int] = {}
        for own in self._strips_of:
            sides = sorted(lane.strips[k].side for k in own)
            if sides == ["left", "right"] and lane.strips[own[0]].kind == "strip":
                self._beside |= {own[0]: own[1], own[1]: own[0]}
        # strips that saw pulses closer than those of two axles can be
        self._crowded: set[int] = set()
        self.taken = 0
        self.latest_s = -math.inf
        self.oldest_s = math.inf
        self.shortest_s = math.inf
        self.stray_pulses = 0

    def add(self, index: int, pulse: Pulse) -> None:
        """Take a pulse of a strip."""
        own = self.of[index]
        at_s, end_s = pulse.centroid_s, pulse.end_s
        lasts_s = end_s - pulse.start_s
        if not own:
            self.oldest_s = min(self.oldest_s, at_s)
        else:
            early = own[-1]
            near_s = _NEAR * (lasts_s + early.end_s - early.start_s)
            if (
                at_s - early.centroid_s < near_s
                and index in self._beside
                and are_close(early, pulse)
            ):
                self._crowded.add(index)
        own.append(pulse)
        self.changes[self._row_of[index]] += 1
        self.taken += 1
        self.latest_s = max(self.latest_s, end_s)
        self.shortest_s = min(self.shortest_s, lasts_s)

    def since(self, from_s: float, index: int) -> list[Pulse]:
        """Return the pulses of a strip since a time."""
        return [p for p in self.of[index] if p.centroid_s >= from_s]

    def newest(self) -> list[Pulse]:
        """Return the last pulse of each strip that has one."""
        return [pulses[-1] for pulses in self.of if pulses]

    def row_first_hit_s(self, row: int) -> float | None:
        """Return the time of a row's first pulse in the store, None without one."""
        first_s: float | None = None
        for index in self._strips_of[row]:
            pulses = self.of[index]
            if pulses and (first_s is None or pulses[0].centroid_s < first_s):
                first_s = pulses[0].centroid_s
        return first_s

    def consume(self, hits: Sequence[tuple[Hit, ...]], axles: Sequence[Axle]) -> None:
        """Take a vehicle's pulses, and what lies before them, out of the store.

        Args:
            hits: of all its axles.
            axles: those of them that were weighed.
        """
        weighed = {
            (sensor.index, pulse.last_sample)
            for axle in axles
            for sensor, pulse in axle.hits
        }
        self.stray_pulses -= len(weighed)
        taken: list[list[Pulse]] = [[] for _ in self.of]
        for axle in hits:
            for sensor, pulse in axle:
                taken[sensor.index].append(pulse)
        for index, (own, pulses) in enumerate(zip(taken, self.of, strict=True)):
            if own == pulses:
                self.stray_pulses += len(own)
                self.of[index] = []
            elif own:
                own_s = max([pulse.centroid_s for pulse in own])
                done = len([pulse for pulse in pulses if pulse.centroid_s <= own_s])
                self.stray_pulses += done
                self.of[index] = pulses[done:]
        self._look_anew()

    @property
    def is_crowded(self) -> bool:
        """Tell whether a strip saw pulses that may be both wheels of an axle."""
        return bool(self._crowded)

    def drop_second_wheels(self, *, known_s: float = -math.inf) -> None:
        """Drop what wheels pressed on strips of the other side, beside their axle's.

        Args:
            known_s: until when all pulses are known, though none came since.
        """
        dropped = 0
        until_s = max(self.latest_s, known_s)
        for index in sorted(self._crowded):
            own = self.of[index]
            astray = second_wheels(own, self.of[self._beside[index]], until_s=until_s)
            if astray:
                self.of[index] = [p for k, p in enumerate(own) if k not in astray]
                dropped += len(astray)
        if dropped:
            self.stray_pulses += dropped
            self._look_anew()

    def sweep(self, before_s: float) -> None:
        """Drop pulses that no vehicle claimed."""
        if self.oldest_s >= before_s:
            return
        for index, pulses in enumerate(self.of):
            if pulses and pulses[0].centroid_s < before_s:
                kept = [pulse for pulse in pulses if pulse.centroid_s >= before_s]
                self.stray_pulses += len(pulses) - len(kept)
                self.of[index] = kept
        self._look_anew()

    def _look_anew(self) -> None:
        """Take note that pulses have left."""
        self.changes = [count + 1 for count in self.changes]
        self.oldest_s = min(
            [pulses[0].centroid_s for pulses in self.of if pulses], default=math.inf
        )
        self.shortest_s = min(
            [pulse.end_s - pulse.start_s for pulses in self.of for pulse in pulses],
            default=math.inf,
        )
        self._crowded = {index for index in self._crowded if self.of[index]}
