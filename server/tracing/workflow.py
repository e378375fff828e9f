"""Which weighings could be the load of a passage: a pure comparison of plates.

It gives leads, never proof: a plate can be copied, a truck can unload on the way. It
weighs nothing against anything; probabilities are not its business.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Literal

from server.enterprises.model import Weighing
from server.passages.model import Passage
from server.tracing.model import Lead

__all__ = ["WINDOW", "compare_plates", "find_leads", "patterns", "plates_of"]

WINDOW = dt.timedelta(hours=24)
"""How long before a passage a weighing may have been."""


def compare_plates(
    one: str, other: str
) -> Literal["same_plate", "one_character"] | None:
    """Tell whether two plates are the same, or one character misread apart.

    >>> compare_plates("浙A12345", "浙A12345"), compare_plates("浙A12345", "浙A1234S")
    ('same_plate', 'one_character')
    >>> compare_plates("浙A12345", "浙A1234") is None
    True
    """
    if one == other:
        return "same_plate"
    if len(one) != len(other):
        return None
    differing = sum(a != b for a, b in zip(one, other, strict=True))
    return "one_character" if differing == 1 else None


def patterns(plates: Iterable[str]) -> tuple[str, ...]:
    """Return SQL LIKE patterns that meet each plate and all one character apart.

    >>> patterns(["AB"])
    ('_B', 'A_')
    """
    return tuple(
        "".join("_" if i == at else _plain(c) for i, c in enumerate(plate))
        for plate in plates
        for at in range(len(plate))
    )


def plates_of(passage: Passage) -> tuple[str, ...]:
    """Return the plates read on a passage, each once, in the order of reading."""
    texts = [note.text for note in passage.plate_readings if note.text]
    return tuple(dict.fromkeys(texts))


def find_leads(
    passage: Passage, plates: Sequence[str], weighings: Iterable[Weighing]
) -> tuple[Lead, ...]:
    """Return the weighings that could be this load, the same plate first, then newest.

    Args:
        passage: the passage on the road.
        plates: the plates read on it.
        weighings: candidates; those outside the 24 hours before are left out.
    """
    passed_at = passage.summary.passed_at
    leads = [
        lead
        for weighing in weighings
        if passed_at - WINDOW <= weighing.weighed_at <= passed_at
        and (lead := _lead(passage, plates, weighing)) is not None
    ]
    leads.sort(key=lambda lead: (lead.match != "same_plate", lead.lead_time_s))
    return tuple(leads)


def _lead(passage: Passage, plates: Sequence[str], weighing: Weighing) -> Lead | None:
    read = [note.text for note in weighing.plate_readings if note.text]
    pairs = [
        (match, ours, theirs)
        for ours in plates
        for theirs in read
        if (match := compare_plates(ours, theirs)) is not None
    ]
    if not pairs:
        return None
    match, ours, theirs = min(pairs, key=lambda pair: pair[0] != "same_plate")
    summary = passage.summary
    return Lead(
        weighing=weighing,
        match=match,
        passage_plate=ours,
        weighing_plate=theirs,
        passage_gross_mass_kg=summary.gross_mass_kg,
        difference_kg=summary.gross_mass_kg - weighing.gross_mass_kg,
        lead_time_s=(summary.passed_at - weighing.weighed_at).total_seconds(),
    )


def _plain(character: str) -> str:
    """Return a character that LIKE takes for itself."""
    return f"\\{character}" if character in "\\%_" else character
