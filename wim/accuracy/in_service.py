"""The in-service check of OIML R134-1 and GB/T 21296: every single run must be inside.

Only the total mass is judged here; a class allows the same error whatever the vehicle,
in per cent of its conventional true mass, and half of it when the instrument is new.
The axle classes (A to F) are left out: their tables were not at hand to be checked.
"""

from collections.abc import Sequence
from typing import Literal, TypeAlias

import msgspec

from wim.accuracy.quantiles import clopper_pearson

__all__ = ["CLASSES", "ClassCheck", "InService", "Regime", "check", "regime_of"]

CLASSES = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Accuracy class → maximum permissible error [%] of the total mass in service."""

Regime: TypeAlias = Literal["LS", "MS", "HS", "beyond"]
_KMH = 3.6


class ClassCheck(msgspec.Struct, frozen=True, kw_only=True):
    """One class: how many runs it allows ``limit`` [%], and how many were outside."""

    accuracy_class: float
    limit: float
    outside: int
    share_outside: float
    share_outside_upper: float
    passed: bool


class InService(msgspec.Struct, frozen=True, kw_only=True):
    """All classes over one test; ``reached`` is the narrowest that every run holds.

    ``share_outside_upper`` of a class is the upper end of the 95 % Clopper-Pearson
    interval.
    """

    count: int
    initial_verification: bool
    worst: float | None
    reached: float | None
    classes: tuple[ClassCheck, ...]


def regime_of(speed_mps: float) -> Regime:
    """Return the speed regime: low, medium or high.

    >>> regime_of(2.0), regime_of(8.0), regime_of(20.0), regime_of(30.0)
    ('LS', 'MS', 'HS', 'beyond')
    """
    kmh = speed_mps * _KMH
    if kmh <= 10.0:
        return "LS"
    if kmh <= 40.0:
        return "MS"
    return "HS" if kmh <= 100.0 else "beyond"


def check(errors: Sequence[float], *, initial_verification: bool = False) -> InService:
    """Check relative errors [%] of total masses against every class."""
    share = 0.5 if initial_verification else 1.0
    n = len(errors)
    classes = []
    for accuracy_class in CLASSES:
        limit = share * accuracy_class
        outside = sum(abs(error) > limit for error in errors)
        interval = clopper_pearson(outside, n)
        classes.append(
            ClassCheck(
                accuracy_class=accuracy_class,
                limit=limit,
                outside=outside,
                share_outside=outside / n if n else 0.0,
                share_outside_upper=1.0 if interval is None else interval[1],
                passed=n > 0 and outside == 0,
            )
        )
    held = [each.accuracy_class for each in classes if each.passed]
    return InService(
        count=n,
        initial_verification=initial_verification,
        worst=max(errors, key=abs) if errors else None,
        reached=min(held) if held else None,
        classes=tuple(classes),
    )
