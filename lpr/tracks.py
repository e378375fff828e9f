"""Follows each plate through the frames of a passage.

Boxes of successive frames belong together when they lie where the plate was heading and
are about as large. It says which tracks move as traffic does; a parked car's plate and
lettering stand still, a neighbour's lies in another region. It reads nothing.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from lpr.decoding import Decoded
from lpr.image import Region
from lpr.judging import PlateLimits
from lpr.models import PlateBox, UnreadReason

__all__ = ["Look", "Track", "Tracker", "belonging", "enough"]

_LIMITS: Final = PlateLimits()
_LEAST_MOVE: Final = 0.35
"""A plate that moved less than this share of its own width stands still."""


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """One plate in one frame.

    ``place`` is its centre as shares of the frame; ``sharpness`` as
    :func:`lpr.image.sharpness_at` measures it [1/px]; ``colourful`` as
    :func:`lpr.image.is_colourful` says it of the frame. ``unread_reason`` is what the
    judge of pictures says of this one alone; nothing where it is read or not judged.
    """

    frame: int
    at_s: float
    box: PlateBox
    place: tuple[float, float]
    sharpness: float
    decoded: Decoded
    colourful: bool = True
    unread_reason: UnreadReason | None = None


def enough(looks: int) -> int:
    """So many of some looks must show what a passage is to be believed: three of ten.

    Of ten looks the surest is surer than any one look is: a limit that lets one picture
    in 500 through wrong lets several of 500 passages through where one look will do.

    >>> [enough(looks) for looks in (1, 3, 4, 6, 7, 10)]
    [1, 1, 2, 2, 3, 3]
    """
    return -(-3 * looks // 10)


class Track(msgspec.Struct, frozen=True, kw_only=True):
    """One plate through several frames, in order of time."""

    number: int
    looks: tuple[Look, ...]

    @property
    def began_s(self) -> float:
        """When it was first seen."""
        return self.looks[0].at_s

    @property
    def ended_s(self) -> float:
        """When it was last seen."""
        return self.looks[-1].at_s

    @property
    def moves(self) -> bool:
        """Whether it moved or grew by more than a standing plate's box trembles."""
        centres = np.array([_centre(look.box) for look in self.looks])
        widths = np.array([look.box.width_px for look in self.looks])
        width = float(np.median(widths))
        way = float(np.hypot(*np.ptp(centres, axis=0)))
        return way > _LEAST_MOVE * width or float(np.ptp(widths)) > _LEAST_MOVE * width

    @property
    def keeps_grammar(self) -> bool:
        """Whether it looks like a plate: most looks with characters spell one.

        Lettering on a lorry is as large and moves as well, but keeps to no grammar.
        """
        spelt = [look.decoded for look in self.looks if look.decoded.places]
        lawful = sum(one.conflict != "text" for one in spelt)
        return 2 * lawful >= len(spelt)

    @property
    def is_legible(self) -> bool:
        """Whether enough looks have as many sure characters as a plate's picture.

        Lettering may spell what a plate may say, but seldom surely.
        """
        plates = sum(
            sum(
                place.probability >= _LIMITS.character_confidence
                for place in look.decoded.places
            )
            >= _LIMITS.sure_characters
            for look in self.looks
        )
        return plates >= enough(len(self.looks))

    def nearest(self, at_s: float) -> Look:
        """The look nearest to a time."""
        return min(self.looks, key=lambda look: abs(look.at_s - at_s))


class Tracker:
    """Sorts looks into tracks, frame by frame."""

    def __init__(
        self, *, gap_s: float = 0.6, reach: float = 1.5, growth: float = 1.6
    ) -> None:
        """Start with no track.

        Args:
            gap_s: unseen for longer, a track is over [s].
            reach: how far from where it was heading a plate may appear, in widths.
            growth: by how much its width may change from one look to the next.
        """
        self._gap_s = gap_s
        self._reach = reach
        self._growth = growth
        self._open: dict[int, list[Look]] = {}
        self._count = 0

    def receive(self, at_s: float, looks: Sequence[Look]) -> list[Track]:
        """Take all looks of one frame; the tracks that are over by then."""
        over = self._ended(at_s)
        pairs = sorted(
            (
                (apart, number, index)
                for number, track in self._open.items()
                for index, look in enumerate(looks)
                if (apart := self._apart(track, look)) is not None
            ),
            key=lambda pair: pair[0],
        )
        used: set[int] = set()
        grown: set[int] = set()
        for _, number, index in pairs:
            if number not in grown and index not in used:
                self._open[number].append(looks[index])
                grown.add(number)
                used.add(index)
        for index, look in enumerate(looks):
            if index not in used:
                self._count += 1
                self._open[self._count] = [look]
        return over

    def finish(self) -> list[Track]:
        """End all tracks."""
        over = [_track(number, looks) for number, looks in self._open.items()]
        self._open.clear()
        return over

    def _ended(self, at_s: float) -> list[Track]:
        over = [
            number
            for number, looks in self._open.items()
            if at_s - looks[-1].at_s > self._gap_s
        ]
        return [_track(number, self._open.pop(number)) for number in over]

    def _apart(self, track: Sequence[Look], look: Look) -> float | None:
        """How far a look lies from where a track was heading, in plate widths."""
        last = track[-1]
        if look.at_s <= last.at_s:
            return None
        ratio = look.box.width_px / max(last.box.width_px, 1.0)
        if not 1 / self._growth <= ratio <= self._growth:
            return None
        ahead = _centre(last.box)
        if len(track) > 1:
            before = track[-2]
            steps = (look.at_s - last.at_s) / max(last.at_s - before.at_s, 1e-6)
            ahead = ahead + (ahead - _centre(before.box)) * min(steps, 3.0)
        width = max(look.box.width_px, last.box.width_px)
        apart = float(np.hypot(*(_centre(look.box) - ahead))) / width
        reach = self._reach if len(track) > 1 else 2 * self._reach
        return apart if apart <= reach else None


def _track(number: int, looks: Iterable[Look]) -> Track:
    return Track(number=number, looks=tuple(looks))


def _centre(box: PlateBox) -> NDArray[np.float64]:
    return np.asarray(box.corners.mean(axis=0), np.float64)


def belonging(
    tracks: Iterable[Track], *, at_s: float, region: Region | None, window_s: float
) -> Track | None:
    """The track of the vehicle that was in a lane's region at a time.

    Args:
        tracks: all that were seen.
        at_s: when the vehicle was there, by the clock of the looks [s].
        region: of its lane, as shares of the frame; the whole frame when missing.
        window_s: seen at least so near to that time [s].

    Returns:
        Of the tracks within the region the widest that moves, keeps the grammar of
        plates and is legible; one that is not, or spells no plate, only where no other
        moves, a standing one only where nothing moves. Nothing where none was seen in
        time.
    """
    x0, y0, x1, y1 = (0.0, 0.0, 1.0, 1.0) if region is None else region
    here: list[tuple[bool, bool, bool, float, Track]] = []
    for track in tracks:
        look = track.nearest(at_s)
        x, y = look.place
        if abs(look.at_s - at_s) <= window_s and x0 <= x <= x1 and y0 <= y <= y1:
            here.append(
                (
                    track.moves,
                    track.keeps_grammar,
                    track.is_legible,
                    look.box.width_px,
                    track,
                )
            )
    if not here:
        return None
    return max(here, key=lambda one: one[:4])[4]
