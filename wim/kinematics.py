"""How axles move: one way for all axles of a body, from the times of their crossings.

Everything looks along the direction of travel: ``s`` [m] is zero at the row that the
vehicle reaches first. A crossing is a row's place and the time at which a wheel's
centre stood over it. Nothing is weighed here, and where no smooth way fits the
crossings that is said instead of a speed being named.

The axles of one body share one way ``x(t)``, a polynomial, and differ by how far each
lies behind: ``s = x(t) - behind``. Two rows are enough for a speed that changes, as
long as there are several axles: each crosses the rows at another time.
"""

import math
from collections.abc import Sequence
from typing import Annotated, NamedTuple

import msgspec

__all__ = [
    "Crossed",
    "Fit",
    "Kinematics",
    "Motion",
    "fit_alone",
    "fit_together",
    "footprint_m",
    "shared_acceleration",
]


class Kinematics(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Figures of the fit of a way.

    ``place_sigma_m`` is what a single crossing leaves unknown of a wheel's place at
    best; the scatter about the way only makes it larger. ``outlier_m`` and
    ``outlier_sigma`` bound how far off a crossing may be that still counts: the
    greater of both. The degree of the way grows while that makes the rest smaller by
    ``improvement`` times what chance would. A way is not believed that leaves more
    than ``rest_m`` or a speed less certain than ``speed_sigma`` (relative).
    """

    place_sigma_m: Annotated[float, msgspec.Meta(gt=0.0)] = 0.002
    outlier_m: Annotated[float, msgspec.Meta(gt=0.0)] = 0.04
    outlier_sigma: Annotated[float, msgspec.Meta(gt=0.0)] = 6.0
    highest_degree: Annotated[int, msgspec.Meta(ge=2, le=6)] = 5
    improvement: Annotated[float, msgspec.Meta(gt=0.0)] = 9.0
    rest_m: Annotated[float, msgspec.Meta(gt=0.0)] = 0.05
    speed_sigma: Annotated[float, msgspec.Meta(gt=0.0)] = 0.05


class Crossed(NamedTuple):
    """When an axle crossed a row, and where that row is."""

    at_s: float
    s_m: float


class Motion(NamedTuple):
    """An axle's way: ``s = s_m + v * dt + a/2 * dt² + …`` with ``dt = t - at_s``.

    ``higher`` are the factors of dt³, dt⁴ and so on. ``variance`` are those of 1, dt,
    dt² and so on in the variance of the speed [m²/s²]; without any it is not known.
    """

    at_s: float
    s_m: float
    speed_mps: float
    acceleration_mps2: float | None
    higher: tuple[float, ...] = ()
    variance: tuple[float, ...] = ()

    def speed_at(self, t: float) -> float:
        """Return the speed [m/s] at a time."""
        dt = t - self.at_s
        speed = 0.0
        for power in range(len(self.higher) + 2, 2, -1):
            speed = (speed + power * self.higher[power - 3]) * dt
        return self.speed_mps + (speed + (self.acceleration_mps2 or 0.0)) * dt

    def place_at(self, t: float) -> float:
        """Return the way [m] from the first row at a time."""
        dt = t - self.at_s
        way = 0.0
        for factor in reversed(self.higher):
            way = (way + factor) * dt
        way = (way + 0.5 * (self.acceleration_mps2 or 0.0)) * dt
        return self.s_m + (way + self.speed_mps) * dt

    def acceleration_at(self, t: float) -> float:
        """Return the acceleration [m/s²] at a time."""
        dt = t - self.at_s
        gain = 0.0
        for power in range(len(self.higher) + 2, 2, -1):
            gain = (gain + power * (power - 1) * self.higher[power - 3]) * dt
        return gain + (self.acceleration_mps2 or 0.0)

    def speed_sigma_at(self, t: float) -> float:
        """Return the standard uncertainty of the speed [m/s]; unknown is infinite."""
        if not self.variance:
            return math.inf
        dt = t - self.at_s
        variance = 0.0
        for factor in reversed(self.variance):
            variance = variance * dt + factor
        return math.sqrt(max(variance, 0.0))

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
    ``smooth`` neither places nor speeds can be relied on.
    """

    motions: tuple[Motion | None, ...]
    degree: int
    rest_m: float
    left_out: tuple[tuple[int, int], ...]
    smooth: bool


class _Point(NamedTuple):
    axle: int
    position: int
    at_s: float
    s_m: float


def fit_alone(crossings: Sequence[Crossed], *, kinematics: Kinematics) -> Motion | None:
    """Fit one axle's way alone; None when it says no forward speed.

    Three rows or more give its acceleration, two do not.
    """
    fit = fit_together([crossings], kinematics=kinematics, highest_degree=2)
    return None if fit is None else fit.motions[0]


def fit_together(
    axles: Sequence[Sequence[Crossed]],
    *,
    kinematics: Kinematics,
    highest_degree: int | None = None,
) -> Fit | None:
    """Fit one way to the crossings of several axles of one body.

    A crossing far from the way is left out, at most a quarter of them, so that one
    bad row does not spoil the speed. The degree is two where the crossings allow it
    and more where they demand it.

    Args:
        axles: the crossings of each axle; those of one row at most once.
        kinematics: figures of the fit.
        highest_degree: no higher than that.

    Returns:
        The fit, or None where no two rows were crossed or the way leads backwards.
    """
    points = [
        _Point(i, k, crossed.at_s, crossed.s_m)
        for i, crossings in enumerate(axles)
        for k, crossed in enumerate(crossings)
    ]
    if len(points) < 2:
        return None
    highest = min(
        kinematics.highest_degree, highest_degree or kinematics.highest_degree
    )
    middle_s = sum(point.at_s for point in points) / len(points)
    half_s = max(abs(point.at_s - middle_s) for point in points)
    if half_s <= 0.0:
        return None
    kept = points
    dropped: list[_Point] = []
    most_dropped = len(points) // 4
    degree_limit = min(2, highest)
    while True:
        solved = _solve(kept, middle_s, half_s, degree_limit, kinematics)
        if solved is None:
            return None
        rests = [_rest(point, solved, middle_s, half_s) for point in kept]
        reach = max(
            kinematics.outlier_m,
            kinematics.outlier_sigma * 1.4826 * _median([abs(rest) for rest in rests]),
        )
        worst = max(range(len(kept)), key=lambda i: abs(rests[i]))
        if abs(rests[worst]) > reach and len(dropped) < most_dropped:
            dropped.append(kept[worst])
            kept = kept[:worst] + kept[worst + 1 :]
        elif degree_limit < highest and (dropped or not _is_close(solved, kinematics)):
            # what a parabola cannot follow may be no outlier for a livelier way
            kept, dropped, degree_limit = points, [], highest
        else:
            break
    return _told(axles, kept, dropped, solved, middle_s, half_s, kinematics)


def shared_acceleration(motions: Sequence[Motion]) -> float | None:
    """Return the slope of the axles' speeds over time, None from a single axle."""
    n = len(motions)
    if n < 2:
        return None
    at_s = sum(motion.at_s for motion in motions) / n
    mean = sum(motion.speed_mps for motion in motions) / n
    t2 = sum((motion.at_s - at_s) * (motion.at_s - at_s) for motion in motions)
    if t2 <= 0.0:
        return None
    return sum((m.at_s - at_s) * (m.speed_mps - mean) for m in motions) / t2


def footprint_m(half_height_m: float, *, width_m: float) -> float:
    """Return the length of the footprint behind a pulse.

    The pressure of a tyre is near a parabola along its length; a strip of width ``L``
    makes of it a pulse that is ``W`` long at half its height, and
    ``F = sqrt(2 W² + L²/3)`` while the strip is narrower than the footprint.

    Args:
        half_height_m: length of the pulse at half its height, times the speed.
        width_m: of the strip.

    >>> round(footprint_m(0.15404, width_m=0.053), 4)
    0.22
    """
    if half_height_m <= width_m:
        return half_height_m
    return math.sqrt(2.0 * half_height_m * half_height_m + width_m * width_m / 3.0)


class _Solved(NamedTuple):
    """Factors of u, u², … with u = (t - middle) / half, and where each axle begins."""

    factors: tuple[float, ...]
    starts: dict[int, float]
    inverse: tuple[tuple[float, ...], ...]
    freedom: int
    squares: float


def _powers(u: float, n: int) -> list[float]:
    powers = [u]
    for _ in range(n - 1):
        powers.append(powers[-1] * u)
    return powers


def _solve(
    points: Sequence[_Point],
    middle_s: float,
    half_s: float,
    highest: int,
    kinematics: Kinematics,
) -> _Solved | None:
    """Solve the least squares for every degree up to one and take the fitting one."""
    n_axles = len({point.axle for point in points})
    freedom = len(points) - n_axles
    highest = min(highest, freedom)
    if highest < 1:
        return None
    sums: dict[int, list[float]] = {}
    rows: list[tuple[int, list[float]]] = []
    for point in points:
        row = _powers((point.at_s - middle_s) / half_s, highest)
        row.append(point.s_m)
        rows.append((point.axle, row))
        total = sums.get(point.axle)
        if total is None:
            sums[point.axle] = [*row, 1.0]
        else:
            for k, value in enumerate(row):
                total[k] += value
            total[-1] += 1.0
    size = highest + 1
    normal = [[0.0] * size for _ in range(size)]
    for axle, row in rows:
        total = sums[axle]
        count = total[-1]
        own = [row[k] - total[k] / count for k in range(size)]
        for j in range(size):
            line, factor = normal[j], own[j]
            for k in range(j, size):
                line[k] += factor * own[k]
    lower = _cholesky(normal, highest)
    usable = len(lower)
    if usable < 1:
        return None
    along = [normal[j][highest] for j in range(highest)]
    reduced: list[float] = []
    for j in range(usable):
        value = along[j] - sum(lower[j][k] * reduced[k] for k in range(j))
        reduced.append(value / lower[j][j])
    squares = [normal[highest][highest]]
    for value in reduced:
        squares.append(max(squares[-1] - value * value, 0.0))
    floor = kinematics.place_sigma_m * kinematics.place_sigma_m
    degree = min(2, usable)
    for k in range(degree + 1, usable + 1):
        if freedom - k < 1:
            break
        left = max(squares[k] / (freedom - k), floor)
        if squares[degree] - squares[k] > kinematics.improvement * left * (k - degree):
            degree = k
    factors = [0.0] * degree
    for j in range(degree - 1, -1, -1):
        value = reduced[j] - sum(lower[k][j] * factors[k] for k in range(j + 1, degree))
        factors[j] = value / lower[j][j]
    starts = {}
    for axle, total in sums.items():
        way = sum(factors[k] * total[k] for k in range(degree))
        starts[axle] = (total[highest] - way) / total[-1]
    return _Solved(
        factors=tuple(factors),
        starts=starts,
        inverse=_inverse(lower, degree),
        freedom=freedom - degree,
        squares=squares[degree],
    )


def _cholesky(normal: Sequence[Sequence[float]], n: int) -> list[list[float]]:
    """Return the lower factor, with fewer rows where the crossings tell no more."""
    lower: list[list[float]] = []
    for j in range(n):
        row: list[float] = []
        for k in range(j):
            value = normal[k][j] - sum(row[i] * lower[k][i] for i in range(k))
            row.append(value / lower[k][k])
        pivot = normal[j][j] - sum(value * value for value in row)
        if pivot <= 1e-9 * normal[j][j] or pivot <= 0.0:
            break
        row.append(math.sqrt(pivot))
        lower.append(row)
    return lower


def _inverse(lower: Sequence[Sequence[float]], n: int) -> tuple[tuple[float, ...], ...]:
    """Return the inverse of the normal matrix of the first n powers."""
    columns = []
    for c in range(n):
        half = [0.0] * n
        for j in range(c, n):
            value = (1.0 if j == c else 0.0) - sum(
                lower[j][k] * half[k] for k in range(c, j)
            )
            half[j] = value / lower[j][j]
        columns.append(half)
    return tuple(
        tuple(sum(columns[a][j] * columns[b][j] for j in range(n)) for b in range(n))
        for a in range(n)
    )


def _is_close(solved: _Solved, kinematics: Kinematics) -> bool:
    """Tell whether the way leaves no more than crossings do by themselves."""
    floor = kinematics.place_sigma_m * kinematics.place_sigma_m
    return solved.squares <= floor * max(solved.freedom, 1)


def _rest(point: _Point, solved: _Solved, middle_s: float, half_s: float) -> float:
    powers = _powers((point.at_s - middle_s) / half_s, len(solved.factors))
    way = sum(f * p for f, p in zip(solved.factors, powers, strict=True))
    return point.s_m - solved.starts[point.axle] - way


def _told(
    axles: Sequence[Sequence[Crossed]],
    kept: Sequence[_Point],
    dropped: Sequence[_Point],
    solved: _Solved,
    middle_s: float,
    half_s: float,
    kinematics: Kinematics,
) -> Fit | None:
    """Turn the solution into motions in SI units, with what is unknown of the speed."""
    degree = len(solved.factors)
    floor = kinematics.place_sigma_m * kinematics.place_sigma_m
    spread = floor
    if solved.freedom > 0:
        spread = max(floor, solved.squares / solved.freedom)
    scales = [1.0]
    for _ in range(2 * degree):
        scales.append(scales[-1] / half_s)
    factors = [solved.factors[k] * scales[k + 1] for k in range(degree)]
    variance = [0.0] * (2 * degree - 1)
    for j in range(degree):
        for k in range(degree):
            share = (j + 1) * (k + 1) * solved.inverse[j][k] * scales[j + k + 2]
            variance[j + k] += spread * share
    motion = Motion(
        at_s=middle_s,
        s_m=0.0,
        speed_mps=factors[0],
        acceleration_mps2=2.0 * factors[1] if degree > 1 else None,
        higher=tuple(factors[2:]),
        variance=tuple(variance),
    )
    speeds = [motion.speed_at(point.at_s) for point in kept]
    forward = sum(speeds) > 0.0
    if not forward:
        return None
    rest_m = math.sqrt(solved.squares / len(kept))
    motions = tuple(
        motion._replace(s_m=solved.starts[i]) if i in solved.starts else None
        for i in range(len(axles))
    )
    smooth = min(speeds) > 0.0 and rest_m <= kinematics.rest_m
    smooth = smooth and all(
        motion.speed_sigma_at(point.at_s)
        <= kinematics.speed_sigma * motion.speed_at(point.at_s)
        for point in kept
    )
    return Fit(
        motions=motions,
        degree=degree,
        rest_m=rest_m,
        left_out=tuple((point.axle, point.position) for point in dropped),
        smooth=smooth,
    )


def _median(values: Sequence[float]) -> float:
    ordered = sorted(values)
    n = len(ordered)
    return 0.5 * (ordered[(n - 1) // 2] + ordered[n // 2])
