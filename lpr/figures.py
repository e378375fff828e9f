"""Figures of a reader against the truth: shares with intervals, coverage, calibration.

It counts what it is given and draws no conclusion; no text of a plate is in its
results, only which characters were taken for which.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from difflib import SequenceMatcher
from math import comb
from typing import Final

import msgspec

__all__ = [
    "Agreement",
    "Case",
    "Coverage",
    "Figures",
    "Share",
    "agreement_of",
    "calibration_error",
    "coverage_at",
    "figures_of",
    "paired_p",
    "percent",
    "wilson",
]

_Z_95: Final = 1.959964
_BINS: Final = 10


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One labelled plate and what became of it.

    ``found`` is whether a box lay on it; ``text`` the best reading, believed or not;
    ``confidence`` of its weakest character; ``accepted`` whether the engine stands by
    it, ``in_doubt`` whether it would, were its characters sure. ``colour`` and
    ``layout`` are the label's, empty where it has none; ``told_colour`` and
    ``told_layout`` are the engine's, which may tell none.
    """

    truth: str
    kind: str
    colour: str
    layout: str
    found: bool
    text: str | None
    confidence: float
    accepted: bool
    in_doubt: bool = False
    told_colour: str | None = None
    told_layout: str | None = None

    @property
    def exact(self) -> bool:
        """Every character is right."""
        return self.text == self.truth

    @property
    def exact_without_province(self) -> bool:
        """Every character but the first is right."""
        return self.text is not None and self.text[1:] == self.truth[1:]

    @property
    def right_colour(self) -> bool:
        """The colour of its ground is told, and is that of the label."""
        return self.told_colour is not None and self.told_colour == self.colour

    @property
    def wrong_colour(self) -> bool:
        """Another colour is told than the label's; to tell none is not wrong."""
        return bool(self.colour) and self.told_colour not in {None, self.colour}


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """So many of so many, with the 95 % interval of Wilson."""

    hits: int
    total: int
    share: float | None
    low: float | None
    high: float | None

    @classmethod
    def of(cls, hits: int, total: int) -> "Share":
        """The share; unknown when there is nothing to count."""
        if total == 0:
            return cls(hits=0, total=0, share=None, low=None, high=None)
        low, high = wilson(hits, total)
        return cls(hits=hits, total=total, share=hits / total, low=low, high=high)


def percent(share: Share) -> str:
    """A share for people, with its interval and its counts.

    >>> percent(Share.of(9, 10))
    '90.0 % [59.6-98.2] (9/10)'
    """
    if share.share is None or share.low is None or share.high is None:
        return "nothing to count"
    return (
        f"{100 * share.share:.1f} % [{100 * share.low:.1f}-{100 * share.high:.1f}] "
        f"({share.hits}/{share.total})"
    )


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """How much is answered at a precision, and from which confidence on."""

    precision_asked: float
    coverage: Share
    from_confidence: float | None


class Agreement(msgspec.Struct, frozen=True, kw_only=True):
    """What accepting only where two engines say the same gives."""

    precision: Share
    coverage: Share


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """All figures of one engine on one kind of pictures."""

    found: Share
    exact: Share
    exact_without_province: Share
    accepted_precision: Share
    accepted_coverage: Share
    coverage_at_995: Coverage
    calibration_error: float | None
    colour: Share
    """Right of those with a labelled colour; a colour that is not told is not right."""
    colour_wrong: Share
    """Of the same, those with another colour than the label's."""
    layout: Share
    """Right, one line or two, of those of which the engine tells it."""
    exact_with_colour: Share
    """Every character and the colour, of those with a labelled colour."""
    accepted_precision_with_colour: Share
    """Of the accepted, those with every character right and no wrong colour."""
    by_colour: dict[str, Share]
    by_layout: dict[str, Share]
    confusions: dict[str, int]


def wilson(hits: int, total: int) -> tuple[float, float]:
    """The 95 % interval of a share after Wilson (1927).

    >>> low, high = wilson(95, 100)
    >>> round(low, 3), round(high, 3)
    (0.888, 0.978)
    """
    share, square = hits / total, _Z_95**2
    middle = share + square / (2 * total)
    spread = _Z_95 * (share * (1 - share) / total + square / (4 * total**2)) ** 0.5
    scale = 1 + square / total
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)


def coverage_at(precision: float, cases: Sequence[Case]) -> Coverage:
    """The most that can be answered, surest first, and still be so often right."""
    ranked = sorted(
        (case for case in cases if case.text is not None),
        key=lambda case: -case.confidence,
    )
    best, right = 0, 0
    for count, case in enumerate(ranked, start=1):
        right += case.exact
        ends = count == len(ranked) or ranked[count].confidence < case.confidence
        if ends and right >= precision * count:
            best = count
    return Coverage(
        precision_asked=precision,
        coverage=Share.of(best, len(cases)),
        from_confidence=ranked[best - 1].confidence if best else None,
    )


def calibration_error(cases: Sequence[Case]) -> float | None:
    """Expected calibration error: how far confidence and share of right ones lie apart.

    Ten bins of equal width, weighted by how many fall into each; unknown without an
    answer.
    """
    bins: list[list[Case]] = [[] for _ in range(_BINS)]
    for case in cases:
        if case.text is not None:
            bins[min(int(case.confidence * _BINS), _BINS - 1)].append(case)
    total = sum(map(len, bins))
    if total == 0:
        return None
    apart = 0.0
    for held in bins:
        confidence = sum(case.confidence for case in held)
        apart += abs(confidence - sum(case.exact for case in held))
    return apart / total


def figures_of(cases: Sequence[Case]) -> Figures:
    """All figures of these cases."""
    accepted = [case for case in cases if case.accepted]
    coloured = _judged_by_colour(cases)
    lined = [case for case in cases if case.layout and case.told_layout is not None]
    return Figures(
        found=Share.of(sum(case.found for case in cases), len(cases)),
        exact=_exact(cases),
        exact_without_province=Share.of(
            sum(case.exact_without_province for case in cases), len(cases)
        ),
        accepted_precision=_exact(accepted),
        accepted_coverage=Share.of(len(accepted), len(cases)),
        coverage_at_995=coverage_at(0.995, cases),
        calibration_error=calibration_error(cases),
        colour=_share(coloured, lambda case: case.right_colour),
        colour_wrong=_share(coloured, lambda case: case.wrong_colour),
        layout=_share(lined, lambda case: case.told_layout == case.layout),
        exact_with_colour=_share(
            coloured, lambda case: case.exact and case.right_colour
        ),
        accepted_precision_with_colour=_share(
            accepted, lambda case: case.exact and not case.wrong_colour
        ),
        by_colour=_by(cases, lambda case: case.colour),
        by_layout=_by(cases, lambda case: case.layout),
        confusions=_confusions(cases),
    )


def agreement_of(cases: Sequence[Case], others: Sequence[Case]) -> Agreement:
    """Two engines on the same plates: how often the same answer is right."""
    same = [
        case
        for case, other in zip(cases, others, strict=True)
        if case.text is not None and case.text == other.text
    ]
    return Agreement(precision=_exact(same), coverage=Share.of(len(same), len(cases)))


def paired_p(cases: Sequence[Case], others: Sequence[Case]) -> float:
    """Two-sided p of McNemar's exact test: are two engines equally often right?"""
    pairs = list(zip(cases, others, strict=True))
    ahead = sum(one.exact and not other.exact for one, other in pairs)
    behind = sum(other.exact and not one.exact for one, other in pairs)
    count, fewer = ahead + behind, min(ahead, behind)
    tail = sum(comb(count, index) for index in range(fewer + 1))
    return min(1.0, tail / float(1 << count) * 2.0)


def _judged_by_colour(cases: Sequence[Case]) -> list[Case]:
    """Those with a labelled colour; none where the engine never tells one."""
    tells = any(case.told_colour is not None for case in cases)
    return [case for case in cases if case.colour] if tells else []


def _exact(cases: Sequence[Case]) -> Share:
    return _share(cases, lambda case: case.exact)


def _share(cases: Sequence[Case], holds: Callable[[Case], bool]) -> Share:
    return Share.of(sum(holds(case) for case in cases), len(cases))


def _by(cases: Sequence[Case], key: Callable[[Case], str]) -> dict[str, Share]:
    groups: dict[str, list[Case]] = {}
    for case in cases:
        groups.setdefault(key(case), []).append(case)
    return {name: _exact(group) for name, group in sorted(groups.items())}


def _confusions(cases: Sequence[Case]) -> dict[str, int]:
    """Which characters were taken for which, ``∅`` for none, the most often first."""
    pairs: Counter[str] = Counter()
    for case in cases:
        if case.text is None or case.exact:
            continue
        matcher = SequenceMatcher(None, case.truth, case.text, autojunk=False)
        for change, i0, i1, j0, j1 in matcher.get_opcodes():
            if change == "equal":
                continue
            was, said = case.truth[i0:i1], case.text[j0:j1]
            for index in range(max(len(was), len(said))):
                pairs[
                    f"{was[index : index + 1] or '∅'}→{said[index : index + 1] or '∅'}"
                ] += 1
    return dict(pairs.most_common())
