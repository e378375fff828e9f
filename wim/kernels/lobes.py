"""Where the moving average of a run stands above its thresholds.

All averages come from running sums: ``work[i]`` is the sum of the first ``i`` samples.
"""

import numpy as np

from wim._jit import helper, inlined
from wim.kernels.layout import Floats, Integers

__all__ = ["crossing", "find_lobes", "highest", "join_lobes"]


@helper
def crossing(work: Floats, half: int, begin: int, end: int, level: float) -> float:
    """Return where the average first rises through a level on the way to ``end``.

    Walks backwards when ``end`` lies before ``begin``. The average at ``i`` is over
    ``i - half .. i + half``; between samples it is a straight line. Returns ``end``
    when it stays below.
    """
    step = 1 if end >= begin else -1
    wanted = level * (2 * half + 1)
    before = 0.0
    i = begin
    while i != end:
        total = work[i + half + 1] - work[i - half]
        if total >= wanted:
            if i == begin:
                return float(i)
            return float(i - step * (total - wanted) / (total - before))
        before = total
        i += step
    return float(end)


@inlined
def highest(work: Floats, half: int, begin: int, end: int) -> float:
    """Return the highest average in a stretch, at least 0."""
    best = 0.0
    for i in range(begin, end):
        total = work[i + half + 1] - work[i - half]
        best = total if total > best else best
    return best / (2 * half + 1)


@helper
def find_lobes(
    length: int,
    begin: int,
    half: int,
    state: int,
    high: float,
    low: float,
    dip: float,
    work: Floats,
    lobes: Integers,
) -> int:
    """Write down where the average stays above its thresholds; return how often.

    ``state`` is 0 when it was quiet before, else -1: then what is above them at the
    first sample is left out, as what is at the last, for nobody knows how much of it
    is missing. Below the share ``dip`` of the highest so far a lobe ends too, and what
    rises well out of that is the next: one wheel leaves a plate, another comes.
    """
    found = 0
    best = least = 0.0
    high *= 2 * half + 1
    low *= 2 * half + 1
    # without a sign: the compiler sees that no index counts from the end
    before = np.uint64(half)
    behind = np.uint64(half + 1)
    for i in range(np.uint64(begin + half), np.uint64(length - half)):
        total = work[i + behind] - work[i - before]
        if state == 1:
            best = total if total > best else best
            if total < low or total < dip * best:
                state = 0 if total < low else 2
                least = total
                lobes[found, 1] = i
                found += 1
                if found == lobes.shape[0]:
                    return found
        elif total < low:
            state = 0
        elif state == 2:
            least = total if total < least else least
            if total > high and total > 2.0 * least and total > dip * best:
                state = 1
                best = total
                lobes[found, 0] = i
        elif state == 0 and total > high:
            state = 1
            best = total
            lobes[found, 0] = i
    return found


@helper
def join_lobes(found: int, least: int, dip: float, lobes: Integers) -> int:
    """Join lobes too close together to be two axles; return how many are left.

    Two axles have at least three times their own length between them, chatter at the
    threshold next to nothing. Over a plate the second may come with hardly a gap, but
    stays about as long as the first.
    """
    kept = 0
    for k in range(1, found):
        gap = lobes[k, 0] - lobes[kept, 1]
        ours = lobes[kept, 1] - lobes[kept, 0]
        theirs = lobes[k, 1] - lobes[k, 0]
        chatter = dip == 0.0 or 4 * min(ours, theirs) < max(ours, theirs)
        if chatter and gap < least + min(ours, theirs) // 4:
            lobes[kept, 1] = lobes[k, 1]
        else:
            kept += 1
            lobes[kept, 0] = lobes[k, 0]
            lobes[kept, 1] = lobes[k, 1]
    return kept + 1
