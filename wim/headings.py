"""How far a vehicle stood askew on the rows, by which of its wheels came first.

Whoever drives across the lane meets a strip that lies square to the road with one
wheel of an axle before the other: by the way between them times the slope of the path.
A way is told to a millimetre, and a site file that puts a strip two centimetres from
where it is adds as much to every vehicle's. It names no manoeuvre and keeps no memory.
Strips across the whole lane show none of it.
"""

from collections.abc import Sequence

from wim.axles import Axle

__all__ = ["skew_of", "skews_m"]


def skews_m(axles: Sequence[Axle]) -> dict[int, float]:
    """Return of each row that shows it how far left wheels were ahead of right ones.

    It is that of the middle axle: all go the same way, and one whose wheels missed
    their strips does not count.
    """
    shown: dict[int, list[float]] = {}
    for axle in axles:
        for row in axle.rows:
            if row.skew_m is not None:
                shown.setdefault(row.row, []).append(row.skew_m)
    return {row: _middle(own) for row, own in shown.items()}


def skew_of(axles: Sequence[Axle]) -> tuple[float | None, tuple[int, ...]]:
    """Return how much the skew of a vehicle goes to and fro, and on which rows.

    It is the greatest less the least of all rows and of straight ahead, so that one
    who is askew everywhere shows it too; None where no row shows a skew.
    """
    skews = skews_m(axles)
    if not skews:
        return None, ()
    most, least = max(skews, key=skews.__getitem__), min(skews, key=skews.__getitem__)
    ends = {most: max(skews[most], 0.0), least: min(skews[least], 0.0)}
    if most == least:
        return abs(skews[most]), (most,)
    swing_m = ends[most] - ends[least]
    return swing_m, tuple(sorted(row for row in ends if ends[row] != 0.0))


def _middle(figures: list[float]) -> float:
    """Return the middle of some figures, the mean of the two middle ones."""
    figures.sort()
    n = len(figures)
    return 0.5 * (figures[(n - 1) // 2] + figures[n // 2])
