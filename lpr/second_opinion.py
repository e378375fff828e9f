"""Whether a plate is accepted when a second engine was asked, and how good that is.

Ours is accepted where it is sure. Where it is in doubt about characters, and about
nothing else, it is accepted if the other engine says the very same: another engine
knows nothing of what covers a plate, of its ground or of the grammar. What ours is sure
of stays accepted where the other reads it otherwise, and says so. It reads nothing.
"""

from collections.abc import Sequence
from typing import Final, Literal, TypeAlias

import msgspec

from lpr.figures import Case, Share
from lpr.image import Image, is_colourful
from lpr.judging import PlateLimits, may_be_read
from lpr.models import PlateBox, PlateReading, UnreadReason

__all__ = [
    "AcceptedBy",
    "Opinion",
    "OpinionFigures",
    "is_in_doubt",
    "opinion_figures",
    "opinion_on",
]

AcceptedBy: TypeAlias = Literal["ours", "both"]

_IN_DOUBT: Final[frozenset[UnreadReason]] = frozenset({"doubtful", "blurred"})


class Opinion(msgspec.Struct, frozen=True, kw_only=True):
    """Who stands by a plate, and whether the other engine reads it otherwise."""

    accepted_by: AcceptedBy | None
    disagrees: bool


class OpinionFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What the rule accepts on labelled plates, and how much of it is right.

    ``coverage`` is of all plates; ``by_both``, ``by_ours`` and ``disagreeing`` are the
    right ones of those that both say, that ours alone accepts, and of these where the
    other reads another text.
    """

    precision: Share
    coverage: Share
    by_both: Share
    by_ours: Share
    disagreeing: Share


def opinion_on(
    text: str | None, other: str | None, *, accepted: bool, in_doubt: bool
) -> Opinion:
    """What comes of a plate that two engines were asked about.

    Args:
        text: as the first engine reads it, believed or not.
        other: as the second engine reads it; nothing where it reads none.
        accepted: whether the first engine stands by its text.
        in_doubt: whether it would, were its characters sure.

    >>> opinion_on("豫A12345", "豫A12345", accepted=False, in_doubt=True).accepted_by
    'both'
    >>> opinion_on("豫A12345", "豫A12346", accepted=True, in_doubt=False)
    Opinion(accepted_by='ours', disagrees=True)
    """
    same = text is not None and text == other
    if same and (accepted or in_doubt):
        return Opinion(accepted_by="both", disagrees=False)
    return Opinion(
        accepted_by="ours" if accepted else None,
        disagrees=None not in (text, other) and not same,
    )


def is_in_doubt(image: Image, reading: PlateReading, limits: PlateLimits) -> bool:
    """Whether a plate is unread for doubt about its characters and nothing else."""
    decoded, corners = reading.decoded, reading.corners
    if decoded is None or corners is None or reading.unread_reason not in _IN_DOUBT:
        return False
    return may_be_read(
        decoded,
        limits,
        width_px=PlateBox(corners=corners, confidence=1.0).width_px,
        colourful=is_colourful(image),
    )


def opinion_figures(cases: Sequence[Case], others: Sequence[Case]) -> OpinionFigures:
    """The rule on the same labelled plates, read by the first engine and another."""
    told = [
        (
            case,
            opinion_on(
                case.text, other.text, accepted=case.accepted, in_doubt=case.in_doubt
            ),
        )
        for case, other in zip(cases, others, strict=True)
    ]
    accepted = [case for case, opinion in told if opinion.accepted_by is not None]
    alone = [(c, opinion) for c, opinion in told if opinion.accepted_by == "ours"]
    return OpinionFigures(
        precision=_right(accepted),
        coverage=Share.of(len(accepted), len(told)),
        by_both=_right([c for c, opinion in told if opinion.accepted_by == "both"]),
        by_ours=_right([case for case, _ in alone]),
        disagreeing=_right([case for case, opinion in alone if opinion.disagrees]),
    )


def _right(cases: Sequence[Case]) -> Share:
    return Share.of(sum(case.exact for case in cases), len(cases))
