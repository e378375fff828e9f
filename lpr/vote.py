"""What several frames of one plate say together, character by character.

Each look speaks with the weight of its sharpness, size and angle. Frames of one passage
resemble each other, so ten do not count as ten independent ones. Looks that saw another
number of characters do not vote. There is no average over characters.
"""

import math
from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np

from lpr.alphabet import COVERED
from lpr.decoding import Conflict, Decoded, Place, conflict_of, pattern_of
from lpr.judging import PlateLimits, may_be_read
from lpr.models import PlateBox, UnreadReason
from lpr.plate import PlateColour, kind_of
from lpr.spelling import Spelling
from lpr.tracks import Look, enough

__all__ = [
    "VehiclePlates",
    "VotedPlace",
    "VotedPlate",
    "reason_of",
    "vehicle_plates",
    "vote",
    "weight_of",
]

_FULL_WIDTH_PX: Final = 160.0
_FULL_SHARPNESS: Final = 0.35
_MOST_VOICES: Final = 3.0
"""So many independent frames all looks of a passage together are worth at most."""
_BEST_LOOKS: Final = 10
_FLOOR: Final = 1e-4
_SYMBOLS: Final = 75
_TOLD: Final = 5
"""So many alternatives are handed on."""


class VotedPlace(msgspec.Struct, frozen=True):
    """One place: its character, how likely it is, and what else was seen."""

    symbol: str
    probability: float
    others: tuple[tuple[str, float], ...]


class VotedPlate(msgspec.Struct, frozen=True, kw_only=True):
    """The plate that the looks make together.

    ``best`` is the look that shows it best, ``agreeing`` how many looks alone gave this
    very text. ``believed`` and ``against`` are the confidences, of the looks that were
    counted, of those that the judge of pictures may read as this text and as another;
    ``counted`` is how many these looks are. ``looks_reason`` is why the looks that were
    not read were not, as :func:`reason_of` says it.
    """

    text: str
    places: tuple[VotedPlace, ...]
    colour: PlateColour | None
    looks: int
    agreeing: int
    counted: int
    believed: tuple[float, ...]
    against: tuple[float, ...]
    looks_reason: UnreadReason
    best: Look

    @property
    def confidence(self) -> float:
        """Probability of the least certain character."""
        return min((place.probability for place in self.places), default=0.0)

    @property
    def weakest(self) -> int:
        """Index of the least certain place."""
        chances = [place.probability for place in self.places]
        return chances.index(min(chances))

    @property
    def alternatives(self) -> tuple[Spelling, ...]:
        """The likeliest texts that differ from this one in one place, at most five."""
        whole = math.prod(place.probability for place in self.places)
        told = [
            Spelling(
                self.text[:index] + symbol + self.text[index + 1 :],
                whole * chance / place.probability,
            )
            for index, place in enumerate(self.places)
            for symbol, chance in place.others
        ]
        return tuple(sorted(told, key=lambda one: -one.probability)[:_TOLD])

    @property
    def conflict(self) -> Conflict | None:
        """What in the looks the grammar contradicts."""
        return conflict_of(self.text, "grey" if self.colour is None else self.colour)

    def is_read(self, sure: float) -> bool:
        """Whether it may be given out as read.

        Dirt stays where it is from frame to frame: looks that are all in doubt stay in
        doubt, however many they are. And of many looks one is easily sure by chance:
        three in ten must each be read alone, and none as another plate.

        Args:
            sure: least probability of the weakest character, of all and of each.
        """
        clear = COVERED not in self.text and self.conflict is None
        alone = sum(chance >= sure for chance in self.believed)
        disputed = any(chance >= sure for chance in self.against)
        agreed = alone >= enough(self.counted) and not disputed
        return clear and agreed and self.confidence >= sure

    def unread_reason(self, sure: float) -> UnreadReason | None:
        """Why it may not be given out as read; nothing where it may.

        A character that they do not show together goes first.

        Args:
            sure: as of :meth:`is_read`.
        """
        if self.is_read(sure):
            return None
        if COVERED in self.text:
            return "covered"
        return self.looks_reason

    def pattern(self, sure: float) -> str | None:
        """What can be read where it is covered, as :func:`pattern_of` says it."""
        told = [(place.symbol, place.probability) for place in self.places]
        return pattern_of(told, sure)


def reason_of(looks: Sequence[Look]) -> UnreadReason:
    """Why some looks were not read alone: what most of their weight says.

    ``doubtful`` where all were: they differ, or together they are less sure.
    """
    weights: dict[UnreadReason, float] = {}
    for look in looks:
        if look.unread_reason is not None:
            before = weights.get(look.unread_reason, 0.0)
            weights[look.unread_reason] = before + weight_of(look)
    return max(weights, key=lambda one: weights[one], default="doubtful")


def weight_of(look: Look) -> float:
    """How much a look counts, 0 to 1: sharpness, width and how squarely it is seen."""
    width = min(look.box.width_px / _FULL_WIDTH_PX, 1.0)
    sharpness = min(look.sharpness / _FULL_SHARPNESS, 1.0)
    return max(1e-3, width * sharpness * _squareness(look.box) ** 2)


def _squareness(box: PlateBox) -> float:
    """1 for a plate seen from straight in front, less the more it is turned."""
    corners = box.corners.astype(np.float64)
    across = corners[1] - corners[0] + corners[2] - corners[3]
    down = corners[3] - corners[0] + corners[2] - corners[1]
    lengths = float(np.hypot(*across) * np.hypot(*down))
    if lengths <= 0.0:
        return 0.0
    return abs(float(across[0] * down[1] - across[1] * down[0])) / lengths


def vote(looks: Sequence[Look]) -> VotedPlate | None:
    """What the looks say together; nothing when none of them saw a character."""
    able = [look for look in looks if look.decoded.places]
    if not able:
        return None
    weights = {id(look): weight_of(look) for look in able}
    able.sort(key=lambda look: -weights[id(look)])
    able = able[:_BEST_LOOKS]
    lengths: dict[int, float] = {}
    for look in able:
        said = weights[id(look)] * look.decoded.confidence
        length = len(look.decoded.places)
        lengths[length] = lengths.get(length, 0.0) + max(said, 1e-6)
    length = max(lengths, key=lambda one: lengths[one])
    voting = [look for look in able if len(look.decoded.places) == length]
    total = sum(weights[id(look)] for look in voting)
    scale = min(_MOST_VOICES, len(voting)) / total
    voices = [weights[id(look)] * scale for look in voting]
    places = tuple(
        _place([look.decoded.places[index] for look in voting], voices)
        for index in range(length)
    )
    text = "".join(place.symbol for place in places)
    alike = [look for look in voting if look.decoded.text == text]
    return VotedPlate(
        text=text,
        places=places,
        colour=_colour([look.decoded for look in voting], voices),
        looks=len(looks),
        agreeing=len(alike),
        counted=len(able),
        believed=tuple(look.decoded.confidence for look in alike if _may_be_read(look)),
        against=tuple(
            look.decoded.confidence
            for look in able
            if look.decoded.text != text and _may_be_read(look)
        ),
        looks_reason=reason_of(able),
        best=(alike or voting)[0],
    )


def _may_be_read(look: Look) -> bool:
    return may_be_read(
        look.decoded,
        PlateLimits(),
        width_px=look.box.width_px,
        colourful=look.colourful,
    )


def _place(places: Sequence[Place], voices: Sequence[float]) -> VotedPlace:
    """Sum of the logarithms of what each look thinks of each symbol."""
    symbols = {place.symbol for place in places}
    symbols |= {other.text for place in places for other in place.others}
    sums = dict.fromkeys(sorted(symbols), 0.0)
    nothing = 0.0
    for place, voice in zip(places, voices, strict=True):
        told = {other.text: other.probability for other in place.others}
        told[place.symbol] = place.probability
        rest = max(1.0 - sum(told.values()), 0.0) / _SYMBOLS
        for symbol in sums:
            sums[symbol] += voice * float(np.log(told.get(symbol, 0.0) + rest + _FLOOR))
        nothing += voice * float(np.log(rest + _FLOOR))
    highest = max(sums.values())
    odds = {symbol: float(np.exp(value - highest)) for symbol, value in sums.items()}
    total = sum(odds.values()) + _SYMBOLS * float(np.exp(nothing - highest))
    ranked = sorted(odds.items(), key=lambda pair: -pair[1])
    best, chance = ranked[0]
    others = tuple((symbol, value / total) for symbol, value in ranked[1:5])
    return VotedPlace(best, chance / total, others)


def _colour(read: Sequence[Decoded], voices: Sequence[float]) -> PlateColour | None:
    """The ground that most of the weight saw; none where the pictures are grey."""
    sums: dict[PlateColour | None, float] = {}
    for decoded, voice in zip(read, voices, strict=True):
        said = voice * decoded.ground_probability
        sums[decoded.colour] = sums.get(decoded.colour, 0.0) + said
    return max(sums, key=lambda colour: sums[colour])


class VehiclePlates(msgspec.Struct, frozen=True, kw_only=True):
    """The plates of one vehicle: the tractor's and, behind it, the trailer's."""

    tractor: str | None
    trailer: str | None


def vehicle_plates(front: str | None, rear: str | None) -> VehiclePlates:
    """Sort what was read in front and behind into tractor and trailer.

    A trailer's plate never names the tractor, and a rear plate that is no trailer's is
    the vehicle's own.

    >>> vehicle_plates("豫A12345", "豫B678挂")
    VehiclePlates(tractor='豫A12345', trailer=None)
    >>> vehicle_plates(None, "豫B6789挂")
    VehiclePlates(tractor=None, trailer='豫B6789挂')
    >>> vehicle_plates(None, "豫A12345")
    VehiclePlates(tractor='豫A12345', trailer=None)
    """
    trailer = rear if _is_trailer(rear) else None
    own = [text for text in (front, rear) if text is not None and _is_lawful(text)]
    tractor = next((text for text in own if not _is_trailer(text)), None)
    return VehiclePlates(tractor=tractor, trailer=trailer)


def _is_lawful(text: str) -> bool:
    return kind_of(text) is not None


def _is_trailer(text: str | None) -> bool:
    kind = None if text is None else kind_of(text)
    return kind is not None and kind.name == "trailer"
