"""What several readings of one plate in one picture say together, text by text.

A logarithmic opinion pool (Genest & Zidek 1986): of each text the geometric mean of its
chances. A text that only one way of cutting the plate out shows is worth little. It
counts no characters and judges nothing.
"""

import math
from collections.abc import Sequence
from typing import Final

from lpr.spelling import Spelling

__all__ = ["pooled"]

_FLOOR: Final = 1e-4
"""What a reading gives at least to a text that it does not name: of those tried the one
under which the truth of rendered plates is likeliest."""


def pooled(readings: Sequence[tuple[Spelling, ...]]) -> tuple[Spelling, ...]:
    """The texts of all readings, likeliest first.

    What the readings leave open on average stays open.

    Args:
        readings: each the spellings of one reading; at least one.
    """
    if len(readings) == 1:
        return readings[0]
    told = [{one.text: one.probability for one in reading} for reading in readings]
    texts = dict.fromkeys(text for reading in told for text in reading)
    scores = {
        text: math.fsum(math.log(max(one.get(text, 0.0), _FLOOR)) for one in told)
        / len(told)
        for text in texts
    }
    most = max(scores.values())
    weights = {text: math.exp(score - most) for text, score in scores.items()}
    known = math.fsum(chance for one in told for chance in one.values()) / len(told)
    scale = min(1.0, known) / math.fsum(weights.values())
    ranked = [Spelling(text, weight * scale) for text, weight in weights.items()]
    return tuple(sorted(ranked, key=lambda one: -one.probability))
