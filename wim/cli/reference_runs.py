"""Which passages are runs of reference trucks, and why the other runs are none.

A run that cannot be used is counted under its reason and never dropped in silence.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Literal, TypeAlias

import msgspec

from wim.accuracy.joining import Truth
from wim.passage import Passage
from wim.samples import Site

__all__ = ["Drop", "ReferenceRuns", "dropped_sentence", "reference_runs"]

_TOLERANCE_S = 1.0

Drop: TypeAlias = Literal[
    "no_such_lane",
    "not_normal",
    "none_in_time",
    "several_in_time",
    "reverse",
    "axle_count_differs",
    "not_valid",
    "no_whole_row",
]
"""Why a weighed truck calibrates nothing; the first that applies counts."""

_WORDS: dict[Drop, str] = {
    "no_such_lane": "in a lane that the site does not have",
    "not_normal": "with a manoeuvre",
    "none_in_time": f"without a passage within {_TOLERANCE_S:g} s in their lane",
    "several_in_time": f"with several passages within {_TOLERANCE_S:g} s",
    "reverse": "in reverse",
    "axle_count_differs": "weighed with another number of axles",
    "not_valid": "whose passage is not valid",
    "no_whole_row": "that no row saw whole",
}


class ReferenceRuns(msgspec.Struct, frozen=True, kw_only=True):
    """Passages with the trucks that were weighed, and why others have none."""

    runs: tuple[tuple[Passage, Truth], ...]
    dropped: tuple[Drop, ...]


def reference_runs(
    passages: Sequence[Passage], truths: Sequence[Truth], *, site: Site
) -> ReferenceRuns:
    """Pair passages with the trucks that were weighed; only fair ones calibrate."""
    lanes = {lane.number for lane in site.lanes}
    runs, dropped = [], []
    for truth in truths:
        found = _run_of(truth, passages, lanes=lanes)
        if isinstance(found, Passage):
            runs.append((found, truth))
        else:
            dropped.append(found)
    return ReferenceRuns(runs=tuple(runs), dropped=tuple(dropped))


def dropped_sentence(dropped: Counter[Drop], *, of: int) -> str:
    """Return how many of so many weighed trucks were dropped, and why.

    >>> dropped_sentence(Counter({"not_valid": 2, "no_such_lane": 1}), of=9)
    '3 of 9 dropped: 1 in a lane that the site does not have; 2 whose passage is not \
valid'
    """
    reasons = [f"{dropped[why]} {said}" for why, said in _WORDS.items() if dropped[why]]
    return f"{dropped.total()} of {of} dropped: {'; '.join(reasons)}"


def _run_of(
    truth: Truth, passages: Sequence[Passage], *, lanes: set[int]
) -> Passage | Drop:
    if truth.lane not in lanes:
        return "no_such_lane"
    if not truth.is_normal:
        return "not_normal"
    near = [
        passage
        for passage in passages
        if passage.lane == truth.lane
        and abs(passage.first_axle_s - truth.started_at_s) <= _TOLERANCE_S
    ]
    if not near:
        return "none_in_time"
    forward = [passage for passage in near if passage.direction == "forward"]
    if not forward:
        return "reverse"
    if len(forward) > 1:
        return "several_in_time"
    (passage,) = forward
    if len(passage.axles) != len(truth.axle_loads_kg):
        return "axle_count_differs"
    return passage if passage.valid else "not_valid"
