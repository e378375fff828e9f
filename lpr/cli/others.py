"""What ``read`` prints of an engine of others: what it says itself, and no more.

It gives no reason why a plate is unread, no alternatives and no character's confidence
that the engine does not give.
"""

import argparse
from pathlib import Path

import msgspec

from lpr.cli.choice import chosen_engine
from lpr.cli.drawings import write_drawing
from lpr.cli.errors import WrongUseError
from lpr.crops import seems_cut_out
from lpr.drawing import Mark, marked
from lpr.engines import Answer, Engine
from lpr.image import Image, Picture

__all__ = ["AnswerLine", "answers_of", "read_with_other", "refuse_films_of_others"]


class AnswerLine(msgspec.Struct, frozen=True, kw_only=True):
    """What ``read --engine NAME --json`` prints of one plate.

    ``accepted`` is the engine's own word; ``confidence`` is one for the whole text, as
    it states it, and ``null`` without a text.
    """

    source: str
    engine: str
    text: str | None
    accepted: bool
    confidence: float | None
    colour: str | None
    corners_px: tuple[tuple[float, float], ...] | None


def refuse_films_of_others(options: argparse.Namespace) -> None:
    """Films are voted over by our own reader alone.

    Raises:
        WrongUseError: another engine is asked for.
    """
    if options.engine != "ours":
        message = (
            f"{options.source}: --engine {options.engine} reads pictures only: leave "
            f"--engine out for a video"
        )
        raise WrongUseError(message)


def read_with_other(options: argparse.Namespace, picture: Picture) -> int:
    """Read a picture with the engine that is asked for; 1 where it accepts no plate.

    Raises:
        EngineError: it cannot run here, or fails on this picture.
        WrongUseError: weights of ours go with it, or the drawing cannot be written.
    """
    name, engine = chosen_engine(options)
    answers = answers_of(engine, picture.image)
    for answer in answers:
        line = _line(options.source, name, answer, grey=picture.grey)
        print(msgspec.json.encode(line).decode() if options.json else _said(line))
    if not answers and not options.json:
        print(f"{options.source}: no plate found")
    if options.draw is not None:
        _draw(options.draw, picture.image, answers)
    return 0 if any(answer.accepted for answer in answers) else 1


def answers_of(engine: Engine, image: Image) -> tuple[Answer, ...]:
    """All plates that an engine sees in a picture, be it a frame or one cut out.

    Raises:
        EngineError: the engine fails on it.
    """
    answers = engine.read_frame(image)
    if answers or not seems_cut_out(image):
        return answers
    answer = engine.read_crop(image)
    return () if answer is None else (answer,)


def _line(source: str, name: str, answer: Answer, *, grey: bool) -> AnswerLine:
    corners = answer.corners
    return AnswerLine(
        source=source,
        engine=name,
        text=answer.text,
        accepted=answer.accepted,
        confidence=None if answer.text is None else answer.confidence,
        colour=None if grey else answer.colour,
        corners_px=None
        if corners is None
        else tuple((float(x), float(y)) for x, y in corners),
    )


def _said(line: AnswerLine) -> str:
    if line.text is None or line.confidence is None:
        return f"{line.engine}: unread"
    told = f"{line.text} {line.confidence:.2f}"
    return f"{line.engine}: {told if line.accepted else f'unread ({told})'}"


def _draw(path: Path, image: Image, answers: tuple[Answer, ...]) -> None:
    marks = [
        Mark(
            corners=answer.corners,
            caption=answer.text or "unread",
            is_read=answer.accepted,
        )
        for answer in answers
        if answer.corners is not None
    ]
    write_drawing(path, marked(image, marks))
