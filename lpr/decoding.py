"""From a network's columns to a distribution over plates, weighed by the grammar.

The grammar of GA 36 is a prior and no mask: a picture that clearly shows a text
outside it is read as it stands, and the answer says that the two disagree. Nothing here
looks at pixels, and nothing averages: a text is as sure as the whole of it.
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, Literal, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from lpr.alphabet import COVERED, GROUNDS, STATES, SYMBOLS, Ground, State
from lpr.plate import KINDS, Kind, PlateColour, kind_of
from lpr.spelling import Spelling, softmax, spellings

__all__ = [
    "Conflict",
    "Decoded",
    "Outputs",
    "Place",
    "Prior",
    "conflict_of",
    "decode",
    "doubtful",
    "is_doubtful",
    "looked_at",
    "pattern_of",
    "spelt",
]

Floats: TypeAlias = NDArray[np.float32]
Conflict: TypeAlias = Literal["text", "colour"]
"""What in the picture the grammar contradicts: the characters, or the ground they
stand on."""

_COVERED: Final = 0.5
"""A plate is called covered from this probability on, its spelling apart."""
_SURE: Final = 0.997
"""A character less likely than this among texts of one length is looked at again, where
somebody can."""
_HOPELESS: Final = 0.02
"""Of a reading whose likeliest text is less likely than this nothing is looked at: of
2500 rendered plates none such is read right."""
_LOST: Final = 1e-3
"""And of one less likely than this the plate is not read again: of 32 such finds in 400
rendered scenes (seed 1081) nine are plates, and none is then read right or has three
sure characters."""
_UNSEEN: Final = 1e-4
"""What a symbol that only the second look sees is given of the likeliest text."""
_TOLD: Final = 5
"""So many alternatives are handed on."""


class Prior(msgspec.Struct, frozen=True, kw_only=True):
    """How much less likely than a lawful plate the others are.

    One in some thousand plates seen is forged, foreign or drawn wrong; the shares are
    larger, so that a clear picture of one is not read as something lawful beside it.
    """

    unlawful: float = 0.03
    foreign_colour: float = 0.1


class Outputs(msgspec.Struct, frozen=True):
    """What the network gives for one strip, as logits.

    ``columns`` (columns, symbols and blank), ``ground`` (grounds,) and ``state``
    (states,).
    """

    columns: Floats
    ground: Floats
    state: Floats


class Place(msgspec.Struct, frozen=True):
    """One place of a plate: what stands there and what else it may be.

    ``others`` is the likeliest first; together with ``probability`` it makes at most 1,
    the rest being plates of another length.
    """

    symbol: str
    probability: float
    others: tuple[Spelling, ...]


class Decoded(msgspec.Struct, frozen=True, kw_only=True):
    """A distribution over what stands in a strip.

    ``text`` is the likeliest once the grammar has its say and ``seen`` the likeliest by
    the picture alone; ``conflict`` tells that ``text`` breaks the grammar, or that its
    ground is foreign to it. ``ground`` is ``grey`` where the picture has no colour;
    ``ground_probabilities`` go with ``GROUNDS`` and are empty where nobody told them.
    """

    text: str
    probability: float
    seen: str
    places: tuple[Place, ...]
    alternatives: tuple[Spelling, ...]
    ground: Ground
    ground_probability: float
    conflict: Conflict | None
    state: State
    state_probabilities: tuple[float, ...]
    ground_probabilities: tuple[float, ...] = ()

    @property
    def colour(self) -> PlateColour | None:
        """The ground as a plate's colour; none in a picture without colour."""
        return None if self.ground == "grey" else self.ground

    @property
    def grounds(self) -> dict[Ground, float]:
        """How likely each ground is; empty where nobody told."""
        if not self.ground_probabilities:
            return {}
        return dict(zip(GROUNDS, self.ground_probabilities, strict=True))

    @property
    def covered(self) -> bool:
        """Whether a character is there that cannot be seen."""
        return COVERED in self.text

    @property
    def seems_covered(self) -> bool:
        """Whether the spelling or the whole picture tells of a hidden character."""
        return self.covered or self.probability_of("covered") > _COVERED

    @property
    def weakest(self) -> int | None:
        """Index of the least certain place; none where nothing was read."""
        if not self.places:
            return None
        chances = [place.probability for place in self.places]
        return chances.index(min(chances))

    @property
    def confidence(self) -> float:
        """Probability of the least certain character; 0 where nothing was read."""
        return min((place.probability for place in self.places), default=0.0)

    def pattern(self, sure: float) -> str | None:
        """What can be read of a covered plate, as :func:`pattern_of` says it."""
        return pattern_of([(one.symbol, one.probability) for one in self.places], sure)

    def plausibility(self, prior: Prior) -> float:
        """How much speaks for this reading beside another one of the same plate.

        A probability is a share of what one reading has seen: where it has missed a
        character altogether, it may be sure of what the grammar knows to be none.
        """
        return self.probability * (prior.unlawful if self.conflict == "text" else 1.0)

    def probability_of(self, state: State) -> float:
        """How likely the strip is in this state."""
        return self.state_probabilities[STATES.index(state)]


def pattern_of(places: Sequence[tuple[str, float]], sure: float) -> str | None:
    """What can be read of a plate that hides characters, with ``?`` for all others.

    Args:
        places: the symbol of each and how likely it is.
        sure: a symbol less likely is no better than one that cannot be seen.

    Returns:
        The pattern; nothing where no character is hidden, or none can be read.

    >>> pattern_of([("豫", 1.0), ("G", 0.7), ("?", 0.9), ("8", 1.0)], 0.99)
    '豫??8'
    >>> pattern_of([("豫", 1.0), ("G", 0.7)], 0.99) is None
    True
    """
    if COVERED not in {symbol for symbol, _ in places}:
        return None
    told = "".join(symbol if chance >= sure else COVERED for symbol, chance in places)
    return told if told.strip(COVERED) else None


def decode(
    outputs: Outputs,
    texts: tuple[Spelling, ...] | None = None,
    prior: Prior | None = None,
) -> Decoded:
    """The distribution that the network's answer and the grammar make together.

    Args:
        outputs: of the sequence reader.
        texts: what :func:`spelt` gives for them, or :func:`looked_at`.
        prior: how much the grammar weighs.
    """
    prior = Prior() if prior is None else prior
    found = spelt(outputs) if texts is None else texts
    grounds, states = softmax(outputs.ground), softmax(outputs.state)
    chances = dict(zip(GROUNDS, grounds.tolist(), strict=True))
    weighed = [
        Spelling(one.text, one.probability * _weight(one.text, chances, prior))
        for one in found
    ]
    total = sum(one.probability for one in weighed)
    # what no candidate of the beam holds stays as doubt, whatever the grammar says
    known = min(1.0, sum(one.probability for one in found))
    scale = known / total if total > 0 else 0.0
    ranked = sorted(
        (Spelling(one.text, one.probability * scale) for one in weighed),
        key=lambda one: -one.probability,
    )
    best = ranked[0]
    place = int(grounds.argmax())
    ground = GROUNDS[place]
    return Decoded(
        text=best.text,
        probability=best.probability,
        seen=found[0].text,
        places=_places(best.text, ranked),
        alternatives=tuple(ranked[1 : 1 + _TOLD]),
        ground=ground,
        ground_probability=float(grounds[place]),
        conflict=conflict_of(best.text, ground),
        state=STATES[int(states.argmax())],
        state_probabilities=tuple(float(value) for value in states),
        ground_probabilities=tuple(chances.values()),
    )


def spelt(outputs: Outputs) -> tuple[Spelling, ...]:
    """The texts of one reading by the picture alone, likeliest first."""
    return spellings(softmax(outputs.columns))


# ---------------------------------------------------------------------- another look


def is_doubtful(found: tuple[Spelling, ...]) -> bool:
    """Whether a reading, likeliest text first, is worth another one.

    What spells hardly any text is not: no reading makes a plate of it.
    """
    if found[0].probability < _LOST:
        return False
    places = _places(found[0].text, found)
    return not places or any(place.probability < _SURE for place in places)


def doubtful(found: tuple[Spelling, ...]) -> tuple[int, ...]:
    """Places of the likeliest text that a second look is asked about.

    How many characters there are is not its to say, so that only texts as long as the
    first count.
    """
    text = found[0].text
    if found[0].probability < _HOPELESS:
        return ()
    alike = sum(one.probability for one in found if len(one.text) == len(text))
    places = _places(text, found)
    return tuple(
        index for index, place in enumerate(places) if place.probability < _SURE * alike
    )


def looked_at(
    found: tuple[Spelling, ...], places: tuple[int, ...], logits: Floats
) -> tuple[Spelling, ...]:
    """The spellings, those as long as the first weighed by what a second look says.

    How likely they are together stays as it was: a look at single characters knows
    nothing of how many there are.

    Args:
        found: the texts of one reading, likeliest first.
        places: of the first of them that were looked at.
        logits: what was seen there, shape (places, symbols).
    """
    text = found[0].text
    alike = {one.text: one.probability for one in found if len(one.text) == len(text)}
    before = sum(alike.values())
    for row, index in enumerate(places):
        symbol = SYMBOLS[int(logits[row].argmax())]
        other = text[:index] + symbol + text[index + 1 :]
        alike.setdefault(other, _UNSEEN * found[0].probability)
    spoken = [dict(zip(SYMBOLS, row, strict=True)) for row in logits.tolist()]
    evidence = {
        one: sum(row[one[index]] for row, index in zip(spoken, places, strict=True))
        for one in alike
    }
    most = max(evidence.values())
    weighed = {
        one: chance * math.exp(evidence[one] - most) for one, chance in alike.items()
    }
    scale = before / max(sum(weighed.values()), 1e-300)
    told = [Spelling(one, chance * scale) for one, chance in weighed.items()]
    told += [one for one in found if len(one.text) != len(text)]
    return tuple(sorted(told, key=lambda one: -one.probability))


def _places(text: str, ranked: Sequence[Spelling]) -> tuple[Place, ...]:
    """For each place the chance of each symbol over all texts of this length."""
    same = [one for one in ranked if len(one.text) == len(text)]
    places = []
    for index, symbol in enumerate(text):
        chances: dict[str, float] = {}
        for one in same:
            other = one.text[index]
            chances[other] = chances.get(other, 0.0) + one.probability
        own = chances.pop(symbol)
        others = sorted(chances.items(), key=lambda pair: -pair[1])[:_TOLD]
        places.append(
            Place(
                symbol,
                min(1.0, own),
                tuple(Spelling(other, chance) for other, chance in others),
            )
        )
    return tuple(places)


# ---------------------------------------------------------------------------- grammar


@lru_cache(maxsize=4096)
def _kinds(text: str) -> tuple[Kind, ...]:
    """The kinds that admit a text; a covered place may hold anything."""
    if COVERED not in text:
        kind = kind_of(text)
        return () if kind is None else (kind,)
    return tuple(
        kind
        for kind in KINDS
        if len(kind.alphabets) == len(text)
        and all(
            symbol == COVERED or symbol in alphabet
            for symbol, alphabet in zip(text, kind.alphabets, strict=True)
        )
    )


def _weight(text: str, chances: dict[Ground, float], prior: Prior) -> float:
    lawful = _grounds(text)
    if lawful is None:
        return prior.unlawful
    own = sum(chance for ground, chance in chances.items() if ground in lawful)
    return own + (1.0 - own) * prior.foreign_colour


@lru_cache(maxsize=4096)
def _grounds(text: str) -> frozenset[Ground] | None:
    """The grounds that a text may stand on, none for a text that is no plate's."""
    kinds = _kinds(text)
    if not kinds:
        return None
    return frozenset[Ground]({"grey"}).union(*(kind.colours for kind in kinds))


def conflict_of(text: str, ground: Ground) -> Conflict | None:
    """What in a picture of a text on a ground the grammar contradicts."""
    lawful = _grounds(text)
    if lawful is None:
        return "text"
    return None if ground in lawful else "colour"
