"""What ``read`` answers of a plate: an object for machines, a line for people.

A text stands in ``text`` and in the line only where it is read; what may stand on an
unread plate is named ``seen`` and goes to machines alone.
"""

import msgspec

from lpr.decoding import Decoded
from lpr.drawing import caption_of, offence
from lpr.models import PlateReading
from lpr.plate import PlateColour
from lpr.tracks import Track
from lpr.vote import reason_of, vote

__all__ = [
    "PassageLine",
    "PlateLine",
    "no_passage_line",
    "no_plate_line",
    "passage_line",
    "passage_sentence",
    "plate_line",
    "plate_sentence",
]


class PlateLine(msgspec.Struct, frozen=True, kw_only=True):
    """What ``read --json`` prints of one plate; ``null`` is not known.

    ``seen`` is the likeliest text once the grammar has its say, ``seen_by_picture``
    before; ``conflict`` is what the grammar contradicts in ``seen`` and its ground.
    ``colours`` are all grounds with their probabilities, ``grey`` being none.
    """

    source: str
    text: str | None
    unread_reason: str | None
    pattern: str | None
    seen: str | None
    seen_by_picture: str | None
    conflict: str | None
    colour: str | None
    colours: dict[str, float] | None
    grey_picture: bool
    character_confidences: tuple[float, ...]
    weakest: int | None
    alternatives: tuple[tuple[str, float], ...]
    corners_px: tuple[tuple[float, float], ...] | None


class PassageLine(msgspec.Struct, frozen=True, kw_only=True):
    """What ``read --json`` prints of one plate of a video; ``null`` is not known.

    ``seen`` is what the looks spell together, read or not, with ``?`` for a character
    that cannot be seen; the confidences, ``weakest`` and ``alternatives`` are its own.
    """

    source: str
    track: int | None
    began_s: float | None
    ended_s: float | None
    looks: int
    agreeing: int
    moves: bool
    text: str | None
    unread_reason: str | None
    pattern: str | None
    seen: str | None
    conflict: str | None
    colour: PlateColour | None
    character_confidences: tuple[float, ...]
    weakest: int | None
    alternatives: tuple[tuple[str, float], ...]
    accepted: bool


def plate_line(source: str, reading: PlateReading, *, grey: bool) -> PlateLine:
    """The object of one plate in a picture, that has colour or not."""
    decoded = reading.decoded
    corners = reading.corners
    return PlateLine(
        source=source,
        text=reading.text,
        unread_reason=reading.unread_reason,
        pattern=reading.pattern,
        seen=None if decoded is None else decoded.text,
        seen_by_picture=None if decoded is None else decoded.seen,
        conflict=None if decoded is None else decoded.conflict,
        colour=None if grey else reading.colour,
        colours=None
        if grey or decoded is None
        else {str(ground): chance for ground, chance in decoded.grounds.items()},
        grey_picture=grey,
        character_confidences=reading.character_confidences
        if decoded is None
        else tuple(place.probability for place in decoded.places),
        weakest=None if decoded is None else decoded.weakest,
        alternatives=()
        if decoded is None
        else tuple((one.text, one.probability) for one in decoded.alternatives),
        corners_px=None
        if corners is None
        else tuple((float(x), float(y)) for x, y in corners),
    )


def no_plate_line(source: str, *, grey: bool) -> PlateLine:
    """The object of a picture without a plate, that has colour or not."""
    return plate_line(source, PlateReading.unread("no_plate"), grey=grey)


def plate_sentence(reading: PlateReading, *, grey: bool) -> str:
    """The line of one plate in a picture, that has colour or not."""
    colour = "colour unknown (grey picture)" if grey else reading.colour or "no colour"
    return f"{caption_of(reading)}{_weakest(reading.decoded)}, {colour}"


def _weakest(decoded: Decoded | None) -> str:
    if decoded is None or decoded.weakest is None:
        return ""
    place = decoded.places[decoded.weakest]
    return f", weakest {place.symbol!r} {place.probability:.2f}"


def passage_line(source: str, track: Track, *, sure: float) -> PassageLine:
    """The object of one track.

    Args:
        source: the film.
        track: one plate through it.
        sure: least probability of the weakest character of a plate that is read.
    """
    voted = vote(track.looks)
    reason = reason_of(track.looks) if voted is None else voted.unread_reason(sure)
    return PassageLine(
        source=source,
        track=track.number,
        began_s=track.began_s,
        ended_s=track.ended_s,
        looks=len(track.looks),
        agreeing=0 if voted is None else voted.agreeing,
        moves=track.moves,
        text=None if voted is None or reason is not None else voted.text,
        unread_reason=reason,
        pattern=None if voted is None or reason != "covered" else voted.pattern(sure),
        seen=None if voted is None else voted.text,
        conflict=None if voted is None else voted.conflict,
        colour=None if voted is None else voted.colour,
        character_confidences=()
        if voted is None
        else tuple(place.probability for place in voted.places),
        weakest=None if voted is None else voted.weakest,
        alternatives=()
        if voted is None
        else tuple((one.text, one.probability) for one in voted.alternatives),
        accepted=reason is None,
    )


def no_passage_line(source: str) -> PassageLine:
    """The object of a film without a plate."""
    return PassageLine(
        source=source,
        track=None,
        began_s=None,
        ended_s=None,
        looks=0,
        agreeing=0,
        moves=False,
        text=None,
        unread_reason="no_plate",
        pattern=None,
        seen=None,
        conflict=None,
        colour=None,
        character_confidences=(),
        weakest=None,
        alternatives=(),
        accepted=False,
    )


def _beside(line: PassageLine) -> str:
    """What is behind the reason; of looks that offend apart, not together, nothing."""
    offends = line.conflict is not None or line.colour is None
    if line.unread_reason == "grammar" and line.seen is not None and offends:
        return f" ({offence(line.seen, line.colour)})"
    return "" if line.pattern is None else f" ({line.pattern})"


def passage_sentence(line: PassageLine) -> str:
    """The line of one track, or of a film without a plate."""
    if line.began_s is None or line.ended_s is None:
        return f"{line.source}: no plate found"
    told = line.text
    if told is None:
        told = f"unread: {line.unread_reason}{_beside(line)}"
    if line.text is None and line.seen is not None and line.weakest is not None:
        chance = line.character_confidences[line.weakest]
        told += f", weakest {line.seen[line.weakest]!r} {chance:.2f}"
    still = "" if line.moves else ", standing still"
    return (
        f"{line.began_s:8.2f}-{line.ended_s:.2f} s  {told}  "
        f"{line.agreeing} of {line.looks} looks agree{still}"
    )
