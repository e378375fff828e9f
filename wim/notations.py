"""How an axle configuration (轴型) is written: groups, digits, the raw vector, FHWA.

It only spells what is known. Strips show how many axles a group has and not what tyres
stand on it: where these are not told, the notation that needs them is None, and what it
may be is listed group by group.
"""

import itertools
import math
from collections.abc import Sequence
from typing import Literal, TypeAlias

import msgspec

from wim.messages import VehicleClass
from wim.protocols.wcard import fhwa_class

__all__ = [
    "Notations",
    "Tyres",
    "digit_notation",
    "group_notation",
    "notations_of",
    "possible_digits",
]

Tyres: TypeAlias = Literal["single", "dual"]

_DIGITS: dict[tuple[int, Tyres], str] = {
    (1, "single"): "1",
    (1, "dual"): "2",
    (2, "single"): "3",
    (2, "dual"): "5",
    (3, "single"): "6",
    (3, "dual"): "7",
}
"""Of so many axles on such tyres; no other group has a digit."""


class Notations(msgspec.Struct, frozen=True, kw_only=True):
    """One axle configuration in every notation; in the order in which axles crossed.

    ``groups`` are the axles of each group, ``1+2+3``. ``digits`` is one digit a group
    by its axles and tyres, ``157``; None where the tyres of any are not known or it has
    no digit. ``possible_digits`` are those that each group may have, ``12``, ``35``,
    ``67``; one that has none is empty. ``axle_positions_m`` are metres behind the
    first axle: with the axle loads, the raw axle vector. ``fhwa_class`` is the class of
    the FHWA's thirteen that a W-card names, None where the vehicle's is not known.
    """

    groups: str
    digits: str | None
    possible_digits: tuple[str, ...]
    axle_positions_m: tuple[float, ...]
    fhwa_class: int | None


def notations_of(
    axle_groups: Sequence[Sequence[int]],
    axle_spacings_m: Sequence[float],
    *,
    vehicle_class: VehicleClass | None = None,
    tyres: Sequence[Tyres | None] | None = None,
) -> Notations:
    """Write an axle configuration in every notation.

    Args:
        axle_groups: 0-based indices of the axles of each group.
        axle_spacings_m: between the axles, one fewer.
        vehicle_class: None where it is not known.
        tyres: of each axle, None where they are not known, as on any strip.

    Raises:
        ValueError: groups, spacings and tyres are not those of the same axles.
    """
    axles = sum(map(len, axle_groups))
    _check(axle_groups, axles, tyres)
    if len(axle_spacings_m) != max(axles - 1, 0):
        message = f"{len(axle_spacings_m)} axle spacings of {axles} axles; one fewer"
        raise ValueError(message)
    behind = [math.fsum(axle_spacings_m[:k]) for k in range(axles)]
    return Notations(
        groups=group_notation(axle_groups),
        digits=digit_notation(axle_groups, tyres),
        possible_digits=possible_digits(axle_groups, tyres),
        axle_positions_m=tuple(behind),
        fhwa_class=None if vehicle_class is None else fhwa_class(vehicle_class, axles),
    )


def group_notation(axle_groups: Sequence[Sequence[int]]) -> str:
    """Return the axles of each group, joined by plus.

    >>> group_notation(((0,), (1, 2), (3, 4, 5)))
    '1+2+3'
    """
    return "+".join(str(len(group)) for group in axle_groups)


def digit_notation(
    axle_groups: Sequence[Sequence[int]], tyres: Sequence[Tyres | None] | None = None
) -> str | None:
    """Return one digit a group: 1 and 2 a single axle, 3 and 5 two, 6 and 7 three.

    The first of each pair is for single tyres, the second for dual ones. None where
    the tyres of an axle are not known, or a group has no digit: one of more than three
    axles, or of axles that stand on different tyres.

    Raises:
        ValueError: the tyres are not one an axle.

    >>> six = ((0,), (1, 2), (3, 4, 5))
    >>> digit_notation(six, ("single", "dual", "dual", "dual", "dual", "dual"))
    '157'
    >>> digit_notation(six) is None
    True
    """
    found = possible_digits(axle_groups, tyres)
    if not found or any(len(digits) != 1 for digits in found):
        return None
    return "".join(found)


def possible_digits(
    axle_groups: Sequence[Sequence[int]], tyres: Sequence[Tyres | None] | None = None
) -> tuple[str, ...]:
    """Return the digits that each group may have, by what is known of its tyres.

    Raises:
        ValueError: the tyres are not one an axle.

    >>> possible_digits(((0,), (1, 2), (3, 4, 5)))
    ('12', '35', '67')
    """
    _check(axle_groups, sum(map(len, axle_groups)), tyres)
    found = []
    for group in axle_groups:
        told = {None if tyres is None else tyres[axle] for axle in group} - {None}
        found.append(
            "".join(
                digit
                for (axles, kind), digit in _DIGITS.items()
                if axles == len(group) and told <= {kind}
            )
        )
    return tuple(found)


def _check(
    axle_groups: Sequence[Sequence[int]],
    axles: int,
    tyres: Sequence[Tyres | None] | None,
) -> None:
    """Refuse groups that are not every axle once, and tyres that are not theirs."""
    if list(itertools.chain.from_iterable(axle_groups)) != list(range(axles)):
        message = f"axle groups {axle_groups}; expected every axle once, in order"
        raise ValueError(message)
    if tyres is not None and len(tyres) != axles:
        message = f"tyres of {len(tyres)} axles; expected those of {axles}"
        raise ValueError(message)
