"""Whether a decoded plate is read, and if not, why not.

A plate is read only when every single character is sure, none is covered and the whole
keeps the grammar of its colour. Everything else is unread with the reason that an
officer can see in the picture; the distribution goes along and is never a guess.
"""

from typing import Final, NamedTuple

import msgspec
import numpy as np

from lpr.decoding import Decoded
from lpr.image import Image, glare_at, is_colourful, sharpness_at
from lpr.models import PlateBox, PlateReading, UnreadReason
from lpr.sequence import SequenceReader

__all__ = ["Judged", "PlateLimits", "judge", "may_be_read", "read_and_judge"]

_OFF_PX: Final = 2.0


class PlateLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Below these a plate is unread; they were chosen on rendered plates alone.

    The cards of the readers tell from which ``character_confidence`` on 99.8 % are
    right of plates with the worst damage; with half a character under mud, and on
    plates with all kinds of damage, more is guessed, so it is stricter.
    """

    character_confidence: float = 0.994
    plate_width_px: float = 48.0
    sharpness_per_px: float = 0.12
    glare_share: float = 0.2
    state_probability: float = 0.5
    sure_characters: int = 3
    seen_confidence: float = 0.8
    """So sure a character need be to show that a box holds a plate: when this was set,
    of 335 boxes on rendered plates 314 had three such characters or were sure finds
    (313 at 0.9, 310 at 0.994), of 61 beside them 4 (4, 3)."""
    plate_probability: float = 0.75
    """With fewer sure characters a box is taken for a plate only where the detector is
    as sure as this: lettering, grilles and signs end there."""


class Judged(NamedTuple):
    """A box, what came of it, and whether it surely is a plate."""

    box: PlateBox
    reading: PlateReading
    is_plate: bool


def read_and_judge(
    image: Image, box: PlateBox, reader: SequenceReader, limits: PlateLimits
) -> Judged:
    """What comes of a box that a detector found."""
    decoded = reader.read(image, box.corners, lines=box.lines)
    return judge(image, box, decoded, limits)


def judge(image: Image, box: PlateBox, decoded: Decoded, limits: PlateLimits) -> Judged:
    """The reading of a box of which the reader gave a distribution."""
    seen = sum(place.probability >= limits.seen_confidence for place in decoded.places)
    is_plate = seen >= limits.sure_characters
    clear = _is_clear(decoded, limits)
    # asked of few: it looks at the whole picture
    colourful = clear and decoded.ground == "grey" and is_colourful(image)
    if clear and may_be_read(
        decoded, limits, width_px=box.width_px, colourful=colourful
    ):
        reading = PlateReading.read(decoded, corners=box.corners)
        return Judged(box, reading, is_plate=True)
    reason = _reason(image, box, decoded, limits, is_plate=is_plate)
    reading = PlateReading.unread(
        reason,
        corners=box.corners,
        colour=decoded.colour,
        decoded=decoded,
        pattern=decoded.pattern(limits.character_confidence)
        if reason == "covered"
        else None,
    )
    return Judged(box, reading, is_plate=is_plate)


def may_be_read(
    decoded: Decoded, limits: PlateLimits, *, width_px: float, colourful: bool
) -> bool:
    """Whether :func:`judge` would read a plate, were its characters sure enough.

    Args:
        decoded: what the reader gave.
        limits: below which a plate is unread.
        width_px: of the box [px].
        colourful: whether the picture surely has colour.
    """
    return (
        width_px >= limits.plate_width_px
        and (decoded.ground != "grey" or not colourful)
        and decoded.conflict is None
        and not _is_covered(decoded, limits)
        and decoded.probability_of("none") < limits.state_probability
    )


def _has_ground(image: Image, decoded: Decoded) -> bool:
    """Whether the text stands on a plate's ground, or the picture could not show one.

    Letters painted on a body spell what a plate may say, on no colour of any plate.
    """
    return decoded.ground != "grey" or not is_colourful(image)


def _is_clear(decoded: Decoded, limits: PlateLimits) -> bool:
    return decoded.confidence >= limits.character_confidence


def _is_covered(decoded: Decoded, limits: PlateLimits) -> bool:
    likely = decoded.probability_of("covered") >= limits.state_probability
    return decoded.covered or likely


def _reason(
    image: Image,
    box: PlateBox,
    decoded: Decoded,
    limits: PlateLimits,
    *,
    is_plate: bool,
) -> UnreadReason:
    """Why a plate is unread: whether it is one, what lies outside it, what on it.

    Glare goes before ``covered``: the reader cannot tell what hides a character, and a
    driver may be asked about a cover, but not about the sun. ``covered`` goes before
    ``blurred``: a smooth cover leaves few edges. Of 1800 rendered plates under cloth,
    mud or a flap 54 were called blurred the other way round, and of 2009 whole ones one
    more is called covered (9).
    """
    if not is_plate and not _is_likely(box, decoded, limits):
        return "no_plate"
    if box.width_px < limits.plate_width_px:
        return "too_small"
    if _is_off(image, box):
        return "off_frame"
    if glare_at(image, box.corners) >= limits.glare_share:
        return "glare"
    if _is_covered(decoded, limits):
        return "covered"
    if sharpness_at(image, box.corners) < limits.sharpness_per_px:
        return "blurred"
    lawful = decoded.conflict is None and _has_ground(image, decoded)
    return "grammar" if _is_clear(decoded, limits) and not lawful else "doubtful"


def _is_likely(box: PlateBox, decoded: Decoded, limits: PlateLimits) -> bool:
    """Whether detector and reader both hold a box without sure characters for one."""
    nothing = decoded.probability_of("none") >= limits.state_probability
    return not nothing and box.confidence >= limits.plate_probability


def _is_off(image: Image, box: PlateBox) -> bool:
    height, width = image.shape[:2]
    beyond = box.corners - np.array([width, height], np.float32)
    return bool((box.corners < -_OFF_PX).any() or (beyond > _OFF_PX).any())
