"""Which of some times are those of which axle, in order, when some may be missing."""

from collections.abc import Sequence

__all__ = ["align", "gaps_s"]

_LOOK_BACK = 5
_SKIP = 1.0
_SKIP_CANDIDATE = 0.8
_STRETCH = 4.0
_EARLY = 0.3


def align(
    times_s: Sequence[float],
    candidates_s: Sequence[float],
    *,
    shortest_s: float,
    expected_s: Sequence[float | None],
) -> list[int | None]:
    """Find which candidate is each axle's, in order, when some may be missing.

    Both sequences ascend. An axle's shift (its candidate's time less its own) changes
    little from one axle to the next, beyond what is expected and measured by the time
    between the axles; leaving an axle or a candidate out costs more than a small
    change and less than a large one. Candidates after the last match are another
    vehicle's and cost nothing.

    Args:
        times_s: when each axle crossed the first row.
        candidates_s: when something crossed the strip in question.
        shortest_s: least possible shift.
        expected_s: shift of each axle as known from other rows, None where unknown.

    Returns:
        For each axle the index of its candidate, or None.
    """
    n, m = len(times_s), len(candidates_s)
    if n == 0 or m == 0:
        return [None] * n
    gaps = gaps_s(times_s)
    if n == m and _runs_along(times_s, candidates_s, shortest_s, expected_s):
        return list(range(n))
    best: dict[tuple[int, int], tuple[float, tuple[int, int] | None]] = {}
    for i in range(n):
        for k in range(m):
            shift = candidates_s[k] - times_s[i]
            if shift < shortest_s:
                continue
            known = expected_s[i]
            off = 0.0 if known is None else _STRETCH * abs(shift - known) / gaps[i]
            chosen: tuple[float, tuple[int, int] | None] = (
                off + _SKIP * i + _EARLY * k,
                None,
            )
            for j in range(max(0, i - _LOOK_BACK), i):
                for h in range(max(0, k - _LOOK_BACK), k):
                    before = best.get((j, h))
                    if before is None:
                        continue
                    change = shift - (candidates_s[h] - times_s[j])
                    change -= _foreseen(expected_s, j, i)
                    stretch = _STRETCH * abs(change) / (times_s[i] - times_s[j])
                    cost = before[0] + off + stretch
                    cost += _SKIP * (i - j - 1) + _SKIP_CANDIDATE * (k - h - 1)
                    if cost < chosen[0]:
                        chosen = (cost, (j, h))
            best[i, k] = chosen
    result: list[int | None] = [None] * n
    if not best:
        return result
    ends = ((cost + _SKIP * (n - 1 - i), i, k) for (i, k), (cost, _) in best.items())
    total, i, k = min(ends)
    if total > 2.0 * _SKIP * n:
        return result
    at: tuple[int, int] | None = (i, k)
    while at is not None:
        result[at[0]] = at[1]
        at = best[at][1]
    return result


def gaps_s(times_s: Sequence[float]) -> list[float]:
    """Return for each time the distance to its nearest neighbour; alone: one second."""
    gaps = []
    for i, time in enumerate(times_s):
        near = [abs(time - times_s[j]) for j in (i - 1, i + 1) if 0 <= j < len(times_s)]
        gaps.append(max(min(near, default=1.0), 1e-3))
    return gaps


def _foreseen(expected_s: Sequence[float | None], j: int, i: int) -> float:
    """Return how much the shift is known to change from one axle to another."""
    before, after = expected_s[j], expected_s[i]
    return 0.0 if before is None or after is None else after - before


def _runs_along(
    times_s: Sequence[float],
    candidates_s: Sequence[float],
    shortest_s: float,
    expected_s: Sequence[float | None],
) -> bool:
    """Tell whether candidates fit axles one by one, so that no search is needed."""
    shifts = [c - t for t, c in zip(times_s, candidates_s, strict=True)]
    if min(shifts) < shortest_s:
        return False
    for i in range(1, len(shifts)):
        change = shifts[i] - shifts[i - 1] - _foreseen(expected_s, i - 1, i)
        if abs(change) > 0.5 * (times_s[i] - times_s[i - 1]):
            return False
    known = zip(shifts, expected_s, gaps_s(times_s), strict=True)
    return all(e is None or abs(s - e) <= 0.5 * gap for s, e, gap in known)
