"""Whether a passage may be evidence (有效性): flags on fairness and signals.

It never speaks of overload, and it raises only what this version can tell; flags that
need the recognition of manoeuvres are not guessed.
"""

from collections.abc import Iterable
from typing import Literal, TypeAlias, get_args

__all__ = ["FLAGS", "Flag", "bars_evidence", "in_order"]

Flag: TypeAlias = Literal[
    "edge",
    "reverse",
    "axle_missing",
    "strip_damaged",
    "signal_clipped",
    "speed_out_of_range",
]
FLAGS: tuple[Flag, ...] = get_args(Flag)
"""The flags that this version raises; a part of the closed list of the messages."""


def in_order(flags: Iterable[Flag]) -> tuple[Flag, ...]:
    """Return flags once each, in the order of the list."""
    raised = set(flags)
    return tuple(flag for flag in FLAGS if flag in raised)


def bars_evidence(flags: Iterable[Flag]) -> bool:
    """Tell whether any of the flags bars evidence; of these, every one does.

    >>> bars_evidence(()), bars_evidence(("reverse",))
    (False, True)
    """
    return any(True for _ in flags)
