"""Where to set the threshold of a figure, from labelled runs; a pure function.

It drives nothing and reads no file: the figures come in with their labels, thresholds
go out. What separates badly is told by the shares, and not hidden by a threshold.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec

__all__ = ["Learned", "learn_threshold"]


class Learned(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A threshold and what it does on the runs that it was learned from.

    ``found`` is the share of the manoeuvre's runs beyond it, ``false_alarms`` that of
    normal ones.
    """

    threshold: float
    found: float
    false_alarms: float
    runs: int
    normal_runs: int


def learn_threshold(
    manoeuvre: Sequence[float | None],
    normal: Sequence[float | None],
    *,
    worse: Literal["above", "below"],
    most_false_alarms: float = 0.005,
) -> Learned:
    """Return the threshold that finds most and calls few normal runs unfair.

    The threshold lies half way between the last normal run that is let through and
    the next figure of either kind beyond it, so that neither is favoured where the
    two do not meet. A run without the figure is never beyond.

    Args:
        manoeuvre: the figure of each run of the manoeuvre, None where it was not seen.
        normal: the figure of each normal run.
        worse: on which side the manoeuvre is.
        most_false_alarms: share of normal runs that may be beyond.

    Raises:
        ValueError: there is no run of one kind that shows the figure.

    >>> learn_threshold((5.0, 6.0), (1.0, 2.0), worse="above").threshold
    3.5
    """
    sign = 1.0 if worse == "above" else -1.0
    bad = sorted(sign * figure for figure in manoeuvre if figure is not None)
    good = sorted(sign * figure for figure in normal if figure is not None)
    if not bad or not good:
        message = (
            f"{len(bad)} runs of the manoeuvre and {len(good)} normal ones show the "
            f"figure; at least one of each is needed"
        )
        raise ValueError(message)
    spared = int(most_false_alarms * len(normal))
    last = good[max(len(good) - 1 - spared, 0)]
    beyond = [figure for figure in (*bad, *good) if figure > last]
    threshold = 0.5 * (last + min(beyond)) if beyond else last
    return Learned(
        threshold=sign * threshold,
        found=sum(figure > threshold for figure in bad) / len(manoeuvre),
        false_alarms=sum(figure > threshold for figure in good) / len(normal),
        runs=len(manoeuvre),
        normal_runs=len(normal),
    )
