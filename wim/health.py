"""Which strips of a lane are damaged: by their pulses, this vehicle's before all.

A strip that lost half its gain says of every axle half of what its neighbours say, and
the other side of its row, crossed at the same moment, says that it was no bounce. It
mends nothing: a damaged strip is left out of the loads and named.
"""

from collections.abc import Collection, Sequence
from typing import Annotated, Literal, NamedTuple, TypeAlias

import msgspec
import numpy as np

from wim.axles import Axle, Weighed
from wim.kernels.strips import STRIP_FIGURES, tell_of_strips
from wim.samples import Lane, Side

__all__ = ["Damage", "Health", "Illness", "Run", "StripMemory"]

Illness: TypeAlias = Literal["dead", "gain", "noisy", "clipped"]
_Place: TypeAlias = tuple[int, Side]
_LONGEST_RUN = 8
_SURELY = 1.0 - 1e-9


class Health(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Figures of damage.

    ``gain_ratio`` is how many times more or less than its neighbours a strip must
    say of most axles, compared with the other side of its row; ``alone_ratio`` where
    its row has no other side. ``alike_share`` of the axles must say about the same
    (within ``alike_ratio``). ``noise_ratio`` is noise over that of the middle strip;
    less than ``least_noise_n`` harms no weighing, however quiet the others are.
    A strip that was sound for ``sound_run`` vehicles is not called damaged before
    ``ill_run`` vehicles in a row say so: until then it was the driver.
    """

    gain_ratio: Annotated[float, msgspec.Meta(gt=1.0)] = 1.4
    alone_ratio: Annotated[float, msgspec.Meta(gt=1.0)] = 1.6
    alike_ratio: Annotated[float, msgspec.Meta(gt=1.0)] = 1.3
    alike_share: Annotated[float, msgspec.Meta(gt=0.0, le=1.0)] = 0.75
    noise_ratio: Annotated[float, msgspec.Meta(gt=1.0)] = 8.0
    least_noise_n: Annotated[float, msgspec.Meta(ge=0.0)] = 25.0
    sound_run: Annotated[int, msgspec.Meta(ge=1, le=_LONGEST_RUN)] = 3
    ill_run: Annotated[int, msgspec.Meta(ge=1, le=_LONGEST_RUN)] = 3


class Damage(NamedTuple):
    """What is wrong with one strip: its index, the figure and what it may be.

    Of a gain the figure is what the strip says over what it should say, of noise that
    over the middle strip's, of a dead strip how many axles it missed, of a clipped one
    how many pulses reached the end of the scale.
    """

    strip: int
    illness: Illness
    figure: float
    threshold: float


class Run(NamedTuple):
    """For how many vehicles in a row a strip seemed sound, and ill, at most eight."""

    sound: int
    ill: int


class StripMemory:
    """How the strips of one lane were over the last vehicles; a few figures each.

    Args:
        lane: the strips.
        health: figures of damage.
        runs: as ``runs`` of another memory told them; none where nothing is known.
    """

    def __init__(self, lane: Lane, *, health: Health, runs: Sequence[Run] = ()) -> None:
        self._lane = lane
        self._health = health
        self._index = {(s.row, s.side): k for k, s in enumerate(lane.strips)}
        self._counts_per_newton = [strip.counts_per_newton for strip in lane.strips]
        known = list(runs) or [Run(0, 0)] * len(lane.strips)
        self._sound = [run.sound for run in known]
        self._ill = [run.ill for run in known]

    @property
    def runs(self) -> tuple[Run, ...]:
        """Return all that is remembered, in the order of the strips."""
        return tuple(map(Run, self._sound, self._ill))

    def judge(
        self, weighed: Weighed, *, rows: Collection[int] | None = None
    ) -> tuple[Damage, ...]:
        """Find the damaged strips by one vehicle's axles, and remember.

        Args:
            weighed: the axles, weighed with every strip of the rows.
            rows: whose strips may have missed axles, None for all.

        Returns:
            Damages in the order of the strips, one a strip at most.
        """
        axles = weighed.axles
        figures = np.empty((len(self._lane.strips), STRIP_FIGURES))
        # where the most and the least that a side says of an axle are closer than half
        # way to the ratio of a damage, so is each of them to the middle of the others
        near = min(self._health.gain_ratio, self._health.alone_ratio)
        near = _SURELY * 0.5 * (1.0 + near)
        agree = tell_of_strips(weighed.hits.hits, *weighed.rows, near, figures)
        seen, clipped, noises = figures.T.tolist()
        found = {damage.strip: damage for damage in self._noisy(seen, noises)}
        found |= {
            k: Damage(k, "clipped", count, 0.0)
            for k, count in enumerate(clipped)
            if count
        }
        suspects = {d.strip: d for d in self._silent(seen, len(axles), rows)}
        if not agree:
            suspects |= {d.strip: d for d in self._weak(axles, {*found, *suspects})}
        for k, pulses in enumerate(seen):
            if k in suspects:
                self._ill[k] = min(self._ill[k] + 1, _LONGEST_RUN)
                known_sound = self._sound[k] >= self._health.sound_run
                if not known_sound or self._ill[k] >= self._health.ill_run:
                    found[k] = suspects[k]
                    self._sound[k] = 0
            elif pulses:
                self._ill[k] = 0
                if self._sound[k] < _LONGEST_RUN:
                    self._sound[k] += 1
        return tuple(found[k] for k in sorted(found))

    def _silent(
        self, seen: Sequence[float], axles: int, rows: Collection[int] | None
    ) -> list[Damage]:
        """Return strips that missed every axle while their neighbours saw most."""
        if axles < 2 or all(seen):
            return []
        dead = []
        for k, strip in enumerate(self._lane.strips):
            if seen[k] or (rows is not None and strip.row not in rows):
                continue
            others = [
                2 * seen[j] > axles
                for j, other in enumerate(self._lane.strips)
                if j != k and other.side == strip.side
            ]
            if 2 * sum(others) > len(others) or (others and all(others)):
                dead.append(Damage(k, "dead", float(axles), 0.0))
        return dead

    def _noisy(self, seen: Sequence[float], noises: Sequence[float]) -> list[Damage]:
        """Return strips that are louder than the middle one, by the most of each."""
        noise_n = [
            (k, noise / counts_per_newton)
            for k, (counts_per_newton, noise) in enumerate(
                zip(self._counts_per_newton, noises, strict=True)
            )
            if seen[k]
        ]
        if len(noise_n) < 3:
            return []
        usual_n = _median([each for _, each in noise_n])
        if usual_n <= 0.0:
            return []
        most = self._health.noise_ratio
        loud_n = max(most * usual_n, self._health.least_noise_n)
        return [
            Damage(k, "noisy", each / usual_n, most)
            for k, each in noise_n
            if each > loud_n
        ]

    def _weak(self, axles: Sequence[Axle], known: set[int]) -> list[Damage]:
        """Return strips with another gain than their neighbours, the worst first."""
        wheels = [_wheels(axle) for axle in axles]
        out = {place for place, k in self._index.items() if k in known}
        weak: list[Damage] = []
        while 2 * len(out) < len(self._index):
            worst: tuple[float, _Place, float, float] | None = None
            over = [
                {place: _over_neighbours(place, masses, out) for place in self._index}
                for masses in wheels
            ]
            for place in self._index:
                if place not in out:
                    told = self._gain(place, over, out)
                    if told is not None and (worst is None or told[0] > worst[0]):
                        worst = (told[0], place, told[1], told[2])
            if worst is None:
                break
            _, place, gain, most = worst
            out.add(place)
            weak.append(Damage(self._index[place], "gain", gain, most))
        return weak

    def _gain(
        self,
        place: _Place,
        over: Sequence[dict[_Place, float | None]],
        out: set[_Place],
    ) -> tuple[float, float, float] | None:
        """Return how bad a strip's gain is, the gain, and the ratio it went beyond.

        A gain too low counts a little more than one too high: with two rows, a weak
        strip makes the other row's look strong, and strips do not grow stronger.

        Args:
            place: of the strip.
            over: of each axle, what each strip says of it over its neighbours.
            out: strips that count no more.
        """
        row, side = place
        other_side: Side = "right" if side == "left" else "left"
        beside = (row, other_side)
        alone = side == "full"
        gains = []
        own_gains = []
        for ratios in over:
            own = ratios[place]
            if own is None:
                continue
            other = None
            if not alone and beside not in out:
                other = ratios.get(beside)
            own_gains.append(own)
            gains.append(own if other is None else own / other)
        if len(gains) < 2:
            return None
        most = self._health.alone_ratio if alone else self._health.gain_ratio
        gain, own_gain = _median(gains), _median(own_gains)
        off = max(gain, 1.0 / gain)
        half_way = 0.5 * (1.0 + most)
        if off < most or max(own_gain, 1.0 / own_gain) < half_way:
            return None
        if (gain < 1.0) != (own_gain < 1.0):
            return None
        near = self._health.alike_ratio
        alike = sum(gain / near <= each <= gain * near for each in gains)
        if alike < self._health.alike_share * len(over):
            return None
        return (off * (1.01 if gain < 1.0 else 1.0), own_gain, most)


def _wheels(axle: Axle) -> dict[_Place, float]:
    """Return what each strip says of an axle, by row and side."""
    masses: dict[_Place, float] = {}
    for row in axle.rows:
        if row.left_kg is not None:
            masses[row.row, "left"] = row.left_kg
        if row.right_kg is not None:
            masses[row.row, "right"] = row.right_kg
        if row.left_kg is None and row.right_kg is None:
            masses[row.row, "full"] = row.load_kg
    return masses


def _over_neighbours(
    place: _Place, masses: dict[_Place, float], out: set[_Place]
) -> float | None:
    """Return what a strip says over what its side says on the other rows."""
    own = masses.get(place)
    row, side = place
    others = [
        kg
        for (other_row, other_side), kg in masses.items()
        if other_side == side and other_row != row and (other_row, side) not in out
    ]
    usual = _median(others) if others else 0.0
    if own is None or own <= 0.0 or usual <= 0.0:
        return None
    return own / usual


def _median(values: Sequence[float]) -> float:
    ordered = sorted(values)
    n = len(ordered)
    return 0.5 * (ordered[(n - 1) // 2] + ordered[n // 2])
