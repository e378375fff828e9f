"""``luheng-lpr read``: the plates of a picture, or of the passages in a video."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from lpr.cli.answers import (
    PlateLine,
    no_passage_line,
    no_plate_line,
    passage_line,
    passage_sentence,
    plate_line,
    plate_sentence,
)
from lpr.cli.choice import add_engine_arguments, chosen_pipeline
from lpr.cli.command import Command
from lpr.cli.drawings import check_drawing, write_drawing
from lpr.cli.errors import WrongUseError
from lpr.cli.film import frames_of
from lpr.cli.others import read_with_other, refuse_films_of_others
from lpr.cli.seconding import Seconded, add_second_argument, open_second, seconded
from lpr.cli.sources import is_address, names_a_film, open_picture
from lpr.drawing import drawn
from lpr.image import (
    Image,
    is_colourful,
    sharpness_at,
)
from lpr.models import PlateBox, PlateReading
from lpr.second_opinion import AcceptedBy
from lpr.tracks import Look, Track, Tracker

__all__ = ["READ"]

_FEWEST_LOOKS: Final = 2
"""A box seen once in a video is not called a passage's plate."""


class SecondedLine(PlateLine, frozen=True, kw_only=True):
    """What ``read --second ENGINE --json`` prints of one plate, beside the above.

    ``text`` is given where ours or both accept it; ``second_text`` is what the second
    engine reads there, and ``disagrees`` tells that it is another text than ``seen``.
    """

    accepted_by: AcceptedBy | None
    disagrees: bool
    second_engine: str
    second_text: str | None

    @classmethod
    def of(cls, line: PlateLine, asked: Seconded) -> "SecondedLine":
        """A plate's line with what the second engine made of it."""
        return cls(
            **msgspec.structs.asdict(line),
            accepted_by=asked.opinion.accepted_by,
            disagrees=asked.opinion.disagrees,
            second_engine=asked.engine,
            second_text=asked.text,
        )


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", metavar="IMAGE|VIDEO|URL")
    add_engine_arguments(parser)
    add_second_argument(parser)
    parser.add_argument(
        "--draw", type=Path, metavar="OUT.jpg", help="a picture of the result"
    )
    parser.add_argument(
        "--every", type=int, default=1, metavar="N", help="of a video, each Nth frame"
    )
    parser.add_argument("--json", action="store_true", help="one object a plate")


def _run(options: argparse.Namespace) -> int:
    if options.every < 1:
        message = f"--every {options.every}: expected 1 or more"
        raise WrongUseError(message)
    source: str = options.source
    if options.draw is not None:
        check_drawing(options.draw, source)
    film = names_a_film(source)
    second = open_second(options, film=film)
    if film:
        return _video(options)
    picture = open_picture(source)
    if options.engine != "ours":
        return read_with_other(options, picture)
    readings = chosen_pipeline(options).read_picture(picture.image)
    asked: tuple[Seconded, ...] = ()
    if second is not None:
        asked = seconded(options.second, second, picture.image, readings)
        readings = tuple(one.reading for one in asked)
    for place, reading in enumerate(readings):
        if options.json:
            line = plate_line(source, reading, grey=picture.grey)
            line = SecondedLine.of(line, asked[place]) if asked else line
            print(msgspec.json.encode(line).decode())
        else:
            told = plate_sentence(reading, grey=picture.grey)
            print(f"{told}; {asked[place].remark}" if asked else told)
    if not readings and options.json:
        nothing = no_plate_line(source, grey=picture.grey)
        print(msgspec.json.encode(nothing).decode())
    elif not readings:
        print(f"{source}: no plate found")
    if options.draw is not None:
        write_drawing(options.draw, drawn(picture.image, readings))
    return 0 if any(reading.text is not None for reading in readings) else 1


# ----------------------------------------------------------------------------- video


def _video(options: argparse.Namespace) -> int:
    source: str = options.source
    if not is_address(source) and not Path(source).is_file():
        message = f"{source}: there is no such file"
        raise WrongUseError(message)
    refuse_films_of_others(options)
    pipeline, tracker = chosen_pipeline(options), Tracker()
    tracks: list[Track] = []
    best: tuple[float, Image, Sequence[PlateReading]] | None = None
    for number, (at_s, image) in enumerate(frames_of(source, every=options.every)):
        readings = pipeline.read_all(image)
        colourful = bool(readings) and is_colourful(image)
        found = [
            _look(number, at_s, image, reading, colourful=colourful)
            for reading in readings
        ]
        looks = [look for look in found if look is not None]
        tracks += tracker.receive(at_s, looks)
        widest = max((look.box.width_px for look in looks), default=0.0)
        if options.draw is not None and (best is None or widest > best[0]):
            best = (widest, image, readings)
    tracks += tracker.finish()
    sure = pipeline.plate_limits.character_confidence
    lines = [
        passage_line(source, track, sure=sure)
        for track in sorted(tracks, key=lambda one: one.began_s)
        if len(track.looks) >= _FEWEST_LOOKS
    ]
    for line in lines or [no_passage_line(source)]:
        if options.json:
            print(msgspec.json.encode(line).decode())
        else:
            print(passage_sentence(line))
    if best is not None:
        write_drawing(options.draw, drawn(best[1], best[2]))
    return 0 if any(line.accepted for line in lines) else 1


def _look(
    number: int, at_s: float, image: Image, reading: PlateReading, *, colourful: bool
) -> Look | None:
    if reading.decoded is None or reading.corners is None:
        return None
    height, width = image.shape[:2]
    x, y = reading.corners.mean(axis=0)
    return Look(
        frame=number,
        at_s=at_s,
        box=PlateBox(corners=reading.corners, confidence=1.0),
        place=(float(x) / width, float(y) / height),
        sharpness=sharpness_at(image, reading.corners),
        decoded=reading.decoded,
        colourful=colourful,
        unread_reason=reading.unread_reason,
    )


READ: Final = Command(
    name="read",
    summary="read the plates of a picture or a video",
    add_arguments=_add_arguments,
    run=_run,
)
