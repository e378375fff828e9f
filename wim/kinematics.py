"""How axles move: one way for all axles of a body, from the times of their crossings.

Everything looks along the direction of travel: ``s`` [m] is zero at the row that the
vehicle reaches first. A crossing is a row's place and the time at which a wheel's
centre stood over it. Nothing is weighed here, and where no smooth way fits the
crossings that is said instead of a speed being named.

The axles of one body share one way ``x(t)`` and differ by how far each lies behind:
``s = x(t) - behind``. Two rows are enough for a speed that changes, as long as there
are several axles: each crosses the rows at another time. The acceleration is a broken
line that bends no more than the crossings ask for.
"""

import math
from array import array
from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, NamedTuple, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from wim.kernels.body import BODY_FIGURES, fit_body
from wim.row_times import RowTimes

__all__ = [
    "Fit",
    "Kinematics",
    "Motion",
    "Way",
    "fit_alone",
    "fit_together",
    "shared_acceleration",
]

_STEPS = 16
Floats: TypeAlias = npt.NDArray[np.float64]
Positive: TypeAlias = Annotated[float, msgspec.Meta(gt=0.0)]


class Kinematics(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Figures of the fit of a way.

    ``place_sigma_m`` is what a single crossing leaves unknown of a wheel's place at
    best; the scatter about the way only makes it larger. ``outlier_m`` and
    ``outlier_sigma`` bound how far off a crossing may be that still counts: the
    greater of both. ``gain_spreads`` are the variances a second of the acceleration
    among which the crossings choose, from one who holds the pedal to one who stamps on
    it; few crossings (``few``) have no choice but the first ones (``few_spreads``).
    A way is not believed that leaves more than ``rest_m`` or a speed less certain than
    ``speed_sigma`` (relative).
    """

    place_sigma_m: Positive = 0.0005
    outlier_m: Positive = 0.04
    outlier_sigma: Positive = 6.0
    gain_spreads: tuple[Positive, ...] = (1e-4, 2e-3, 0.02, 0.2, 2.0, 20.0)
    few: Annotated[int, msgspec.Meta(ge=1)] = 5
    few_spreads: Annotated[int, msgspec.Meta(ge=1)] = 3
    gain_sigma_mps2: Positive = 1.0
    rest_m: Positive = 0.05
    speed_sigma: Positive = 0.05


class Way(NamedTuple):
    """A way over time in equal parts, each with an acceleration that changes evenly.

    ``parts`` are place, speed, acceleration and its change a second where each begins,
    four figures for each, the last where the way ends; before and after, the
    acceleration stays as it is. ``sigmas_mps`` are the standard uncertainties of the
    speed there. Nobody writes into either.
    """

    first_s: float
    step_s: float
    parts: "array[float]"
    sigmas_mps: "array[float]"

    @property
    def table(self) -> Floats:
        """Return the parts as kernels read them, shape (parts, 4)."""
        return np.frombuffer(self.parts).reshape(-1, 4)

    @property
    def speeds_mps(self) -> "array[float]":
        """Return the speeds where the parts begin."""
        return self.parts[1::4]

    def _part(self, t: float) -> tuple[float, tuple[float, float, float, float]]:
        since = t - self.first_s
        parts = self.parts
        if since < 0.0:
            return since, (parts[0], parts[1], parts[2], 0.0)
        k = min(int(since / self.step_s), len(parts) // 4 - 1)
        at = 4 * k
        own = parts[at], parts[at + 1], parts[at + 2], parts[at + 3]
        return since - k * self.step_s, own

    def place_at(self, t: float) -> float:
        """Return how far along the way the body is at a time."""
        dt, (place, speed, gain, change) = self._part(t)
        return place + (speed + (0.5 * gain + change * dt / 6.0) * dt) * dt

    def speed_at(self, t: float) -> float:
        """Return the speed at a time."""
        dt, (_, speed, gain, change) = self._part(t)
        return speed + (gain + 0.5 * change * dt) * dt

    def acceleration_at(self, t: float) -> float:
        """Return the acceleration at a time."""
        dt, (_, _, gain, change) = self._part(t)
        return gain + change * dt

    def sigma_at(self, t: float) -> float:
        """Return the standard uncertainty of the speed at a time."""
        parts = (t - self.first_s) / self.step_s
        k = min(max(int(parts), 0), len(self.sigmas_mps) - 2)
        share = min(max(parts - k, 0.0), 1.0)
        return (1.0 - share) * self.sigmas_mps[k] + share * self.sigmas_mps[k + 1]


class Motion(NamedTuple):
    """How one axle moves: a place and a speed at a time, and the body's way if known.

    Without a way, the acceleration stays as it is; with one, speed and acceleration
    here are those at ``at_s`` and the mean over the crossing.
    """

    at_s: float
    s_m: float
    speed_mps: float
    acceleration_mps2: float | None
    way: Way | None = None

    def speed_at(self, t: float) -> float:
        """Return the speed [m/s] at a time."""
        if self.way is not None:
            return self.way.speed_at(t)
        return self.speed_mps + (self.acceleration_mps2 or 0.0) * (t - self.at_s)

    def place_at(self, t: float) -> float:
        """Return the way [m] from the first row at a time."""
        way = self.way
        if way is not None:
            # a way begins where its first part does
            begins = self.at_s == way.first_s
            from_m = way.parts[0] if begins else way.place_at(self.at_s)
            return self.s_m + way.place_at(t) - from_m
        dt = t - self.at_s
        a = self.acceleration_mps2 or 0.0
        return self.s_m + self.speed_mps * dt + 0.5 * a * dt * dt

    def acceleration_at(self, t: float) -> float:
        """Return the acceleration [m/s²] at a time."""
        if self.way is not None:
            return self.way.acceleration_at(t)
        return self.acceleration_mps2 or 0.0

    def speed_sigma_at(self, t: float) -> float:
        """Return the standard uncertainty of the speed [m/s]; unknown is infinite."""
        return math.inf if self.way is None else self.way.sigma_at(t)

    def time_over(self, s_m: float, *, near_s: float) -> float:
        """Return when the axle is over a place, searched from a time close to it.

        Where the way does not lead there at a forward speed, the speed at ``near_s``
        or, if that is none, the mean speed is taken to last.
        """
        at_s = near_s
        for _ in range(8):
            speed = self.speed_at(at_s)
            if speed <= 0.05 * self.speed_mps:
                break
            step = (s_m - self.place_at(at_s)) / speed
            at_s += step
            if abs(step) < 1e-9:
                return at_s
        if abs(self.place_at(at_s) - s_m) < 1e-4:
            return at_s
        speed = self.speed_at(near_s)
        if speed <= 0.05 * self.speed_mps:
            speed = max(self.speed_mps, 1e-3)
        return near_s + (s_m - self.place_at(near_s)) / speed


class Fit(NamedTuple):
    """One way for several axles.

    ``motions`` has one for each axle, None where an axle gave no crossing that counts;
    ``rest_m`` is the root mean square of what the way leaves at the crossings,
    ``left_out`` are pairs of axle and position in its crossings. Of a way that is not
    ``smooth`` neither places nor speeds can be relied on. ``crossings`` is how many
    count, ``figures`` how many the way and the axles' places used up of them.
    """

    motions: tuple[Motion | None, ...]
    rest_m: float
    left_out: tuple[tuple[int, int], ...]
    smooth: bool
    crossings: int
    figures: float


def fit_alone(times: RowTimes, *, kinematics: Kinematics) -> Motion | None:
    """Fit one axle's way alone; None when it says no forward speed."""
    fit = fit_together(times, kinematics=kinematics)
    return None if fit is None else fit.motions[0]


def fit_together(times: RowTimes, *, kinematics: Kinematics) -> Fit | None:
    """Fit one way to the crossings of several axles of one body.

    A crossing far from the way is left out, at most a quarter of them, so that one
    bad row does not spoil the speed.

    Args:
        times: the crossings of each axle; those of one row at most once.
        kinematics: figures of the fit.

    Returns:
        The fit, or None where no two rows were crossed or the way leads backwards.
    """
    ends = times.ends.tolist()
    counts = [end - begin for begin, end in pairwise([0, *ends])]
    count = len(counts)
    parts = np.empty((_STEPS + 1, 4))
    sigmas = np.empty(_STEPS + 1)
    starts = np.empty(count)
    dropped = np.empty(len(times.at_s), dtype=np.int64)
    figures = np.empty(BODY_FIGURES)
    left_out = fit_body(
        times.at_s,
        times.s_m,
        times.axle,
        count,
        np.array(kinematics.gain_spreads),
        kinematics.few,
        kinematics.few_spreads,
        kinematics.place_sigma_m,
        kinematics.gain_sigma_mps2,
        kinematics.outlier_m,
        kinematics.outlier_sigma,
        kinematics.rest_m,
        kinematics.speed_sigma,
        parts,
        sigmas,
        starts,
        dropped,
        figures,
    )
    if left_out < 0:
        return None
    out: tuple[tuple[int, int], ...] = ()
    if left_out > 0:
        places = [(i, k) for i, own in enumerate(counts) for k in range(own)]
        out = tuple(places[k] for k in dropped[:left_out].tolist())
    for i, _ in out:
        counts[i] -= 1
    first_s, step_s, squares, used, gain, mean_mps, smooth = figures.tolist()
    way = Way(
        first_s, step_s, array("d", parts.tobytes()), array("d", sigmas.tobytes())
    )
    kept = sum(counts)
    return Fit(
        motions=tuple(
            Motion(first_s, start_m, mean_mps, gain, way) if own else None
            for start_m, own in zip(starts.tolist(), counts, strict=True)
        ),
        rest_m=math.sqrt(squares / kept),
        left_out=out,
        smooth=smooth != 0.0,
        crossings=kept,
        figures=used + sum(1 for own in counts if own),
    )


def shared_acceleration(motions: Sequence[Motion]) -> float | None:
    """Return the slope of the axles' speeds over time, None from a single axle."""
    n = len(motions)
    if n < 2:
        return None
    at_s = math.fsum(motion.at_s for motion in motions) / n
    mean = math.fsum(motion.speed_mps for motion in motions) / n
    t2 = math.fsum((motion.at_s - at_s) * (motion.at_s - at_s) for motion in motions)
    if t2 <= 0.0:
        return None
    return math.fsum((m.at_s - at_s) * (m.speed_mps - mean) for m in motions) / t2
