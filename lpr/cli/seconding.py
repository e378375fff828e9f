"""What a second engine says of the plates that ours has read in a picture."""

import argparse
import sys
from collections.abc import Sequence

import msgspec
import numpy as np

from lpr.cli.errors import WrongUseError
from lpr.crops import seems_cut_out
from lpr.engines import Answer, Engine, nearest_on, open_engine
from lpr.errors import EngineError
from lpr.image import Corners, Image, rim_of
from lpr.judging import PlateLimits
from lpr.models import PlateReading
from lpr.second_opinion import Opinion, is_in_doubt, opinion_on

__all__ = ["Seconded", "add_second_argument", "open_second", "seconded"]


class Seconded(msgspec.Struct, frozen=True, kw_only=True):
    """A reading as it is accepted now, and what the second engine made of the plate.

    ``reading`` is read where either ours or both stand by it.
    """

    reading: PlateReading
    opinion: Opinion
    engine: str
    text: str | None

    @property
    def remark(self) -> str:
        """What is said of it beside the plate."""
        own, other = self.opinion.accepted_by, self.text or "nothing"
        if own == "both":
            return f"accepted by both, {self.engine} reads the same"
        told = f"{self.engine} reads {other}"
        return told if own is None else f"accepted by ours alone, {told}"


def add_second_argument(parser: argparse.ArgumentParser) -> None:
    """The argument by which a second engine is asked for."""
    parser.add_argument(
        "--second",
        metavar="ENGINE",
        help="a plate in doubt is accepted where this engine says the same",
    )


def open_second(options: argparse.Namespace, *, film: bool = False) -> Engine | None:
    """The engine that is to be asked, too; nothing where none is.

    Raises:
        EngineError: it cannot run here.
        WrongUseError: it is the first engine, or what is read takes no second one.
    """
    if options.second is None:
        return None
    if options.engine != "ours" or options.second == "ours":
        raise WrongUseError(
            "--second goes with --engine ours, and names another engine than ours"
        )
    if film:
        message = f"{options.source}: --second is for pictures: leave it out of a video"
        raise WrongUseError(message)
    return open_engine(options.second)


def seconded(
    name: str, engine: Engine, image: Image, readings: Sequence[PlateReading]
) -> tuple[Seconded, ...]:
    """Our readings of a picture with what a second engine says of each.

    An engine that fails on the picture has read nothing in it, which is said on
    standard error.
    """
    try:
        texts = _texts(engine, image, readings)
    except EngineError as error:
        print(f"luheng-lpr: {error}", file=sys.stderr)
        texts = [None] * len(readings)
    return tuple(
        _with_opinion(name, image, one, text)
        for one, text in zip(readings, texts, strict=True)
    )


def _texts(
    engine: Engine, image: Image, readings: Sequence[PlateReading]
) -> list[str | None]:
    """What an engine reads where each plate is.

    A picture that ours reads as one plate is shown to it so, and also one of that size
    and shape in which it finds no plate where ours does.
    """
    if not readings:
        return []
    height, width = image.shape[:2]
    (first, *others) = readings
    if not others and _is_at(first, rim_of(width, height)):
        return [_text(engine.read_crop(image))]
    answers = engine.read_frame(image)
    found = [_answer_on(one, answers) for one in readings]
    if not others and found == [None] and seems_cut_out(image):
        return [_text(engine.read_crop(image))]
    return [_text(one) for one in found]


def _is_at(reading: PlateReading, corners: Corners) -> bool:
    return reading.corners is not None and np.array_equal(reading.corners, corners)


def _answer_on(reading: PlateReading, answers: Sequence[Answer]) -> Answer | None:
    """The answer whose box lies on a plate."""
    if reading.corners is None:
        return None
    x, y = reading.corners.mean(axis=0)
    return nearest_on(answers, (float(x), float(y)))


def _text(answer: Answer | None) -> str | None:
    return None if answer is None else answer.text


def _with_opinion(
    name: str, image: Image, reading: PlateReading, other: str | None
) -> Seconded:
    decoded = reading.decoded
    opinion = opinion_on(
        reading.text if decoded is None else decoded.text or None,
        other,
        accepted=reading.text is not None,
        in_doubt=is_in_doubt(image, reading, PlateLimits()),
    )
    if opinion.accepted_by == "both" and reading.text is None and decoded is not None:
        reading = PlateReading.read(decoded, corners=reading.corners)
    return Seconded(reading=reading, opinion=opinion, engine=name, text=other)
