"""``luheng-wim export-wcard`` and ``import-wcard``: FHWA W-cards to and from passages.

Cards know no more than the hour of a passage, no speed and no uncertainty: what an
import does not know is not there. Lines that are no card are a finding, and are told
one by one. A file is exported whole or not at all.
"""

import argparse
import contextlib
import datetime as dt
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Literal

import msgspec

from wim.cli.command import Command
from wim.cli.errors import WrongUseError, reason
from wim.cli.files import lines_of
from wim.cli.json_lines import decoded
from wim.cli.progress import Progress
from wim.protocols.wcard import (
    CardFault,
    Decoder,
    WCard,
    check_place,
    encode,
    fhwa_class,
    fhwa_lane,
)

__all__ = ["EXPORT", "IMPORT"]

_BLOCK = 1 << 16


class _Passage(msgspec.Struct, frozen=True):
    """What a card takes of a passage as ``process --json`` prints it."""

    lane: Annotated[int, msgspec.Meta(ge=1)]
    started_at_s: float
    direction: Literal["forward", "reverse"]
    axle_loads_kg: tuple[float, ...]
    axle_spacings_m: tuple[float, ...] | None
    gross_mass_kg: float
    valid: bool
    vehicle_class: (
        Literal["rigid", "articulated", "centre_axle", "full_trailer"] | None
    ) = None


_DECODER = msgspec.json.Decoder(_Passage)


class _Exported(msgspec.Struct, frozen=True, kw_only=True):
    """What ``export-wcard --json`` prints."""

    cards: int
    left_out: int


# ---------------------------------------------------------------- export


def _export_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "passages", type=Path, metavar="PASSAGES.jsonl", help="of process --json"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    parser.add_argument(
        "--start",
        required=True,
        metavar="TIME",
        help="when the recording began: 2026-08-01T07:00:00-08:00; its offset is the "
        "local time of the cards",
    )
    parser.add_argument(
        "--lanes", type=int, required=True, metavar="N", help="of the road"
    )
    parser.add_argument("--state", required=True, metavar="NN", help="FIPS code")
    parser.add_argument("--station", required=True, metavar="NNNNNN")
    parser.add_argument(
        "--direction",
        type=int,
        required=True,
        metavar="D",
        help="1 north, 3 east, 5 south, 7 west",
    )
    parser.add_argument("--json", action="store_true", help="print one object")


def _export(options: argparse.Namespace) -> int:
    start = _start(options.start)
    try:
        check_place(
            state=options.state, station=options.station, direction=options.direction
        )
    except ValueError as error:
        raise WrongUseError(reason(error)) from error
    cards = left_out = 0
    with _written(options.out) as file:
        for number, line in _lines(options.passages):
            where = f"{options.passages}:{number}"
            passage = _passage(line, where=where)
            if not passage.valid or passage.direction == "reverse":
                left_out += 1
                continue
            file.write(encode(_card(passage, options, start, where=where)))
            cards += 1
    if options.json:
        exported = _Exported(cards=cards, left_out=left_out)
        print(msgspec.json.encode(exported).decode())
    else:
        print(
            f"{options.out}: {cards} cards; {left_out} passages left out, not valid or "
            f"against the direction"
        )
    return 0


@contextlib.contextmanager
def _written(path: Path) -> Iterator[BinaryIO]:
    """Yield a file that stands under its name only once it is whole.

    Raises:
        WrongUseError: it cannot be written.
    """
    part = path.parent / f"{path.name}.part"
    try:
        try:
            with part.open("wb") as file:
                yield file
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        message = f"{path}: cannot be written: {reason(error)}"
        raise WrongUseError(message) from error


def _start(text: str) -> dt.datetime:
    try:
        start = dt.datetime.fromisoformat(text)
    except ValueError as error:
        message = f"--start '{text}': expected a time like 2026-08-01T07:00:00-08:00"
        raise WrongUseError(message) from error
    if start.tzinfo is None:
        message = f"--start '{text}': has no offset; add the local one, such as -08:00"
        raise WrongUseError(message)
    return start


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield the lines of a file that hold anything, numbered from 1.

    Raises:
        WrongUseError: it cannot be read.
    """
    with _opened(path) as file, Progress("exporting", total=_size(path)) as progress:
        done = 0
        for number, line in enumerate(lines_of(file, path=path), 1):
            done += len(line)
            progress.to(done)
            if line.strip():
                yield number, line


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        message = f"{path}: cannot be read: {reason(error)}"
        raise WrongUseError(message) from error


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _passage(line: bytes, *, where: str) -> _Passage:
    return decoded(_DECODER, line, where=f"{where}: not a passage of process --json")


def _card(
    passage: _Passage, options: argparse.Namespace, start: dt.datetime, *, where: str
) -> WCard:
    if passage.axle_spacings_m is None:
        message = f"{where}: key 'axle_spacings_m': null, but the passage is valid"
        raise WrongUseError(message)
    try:
        passed_at = start + dt.timedelta(seconds=passage.started_at_s)
        return WCard(
            state=options.state,
            station=options.station,
            direction=options.direction,
            lane=fhwa_lane(passage.lane, lanes=options.lanes),
            date=passed_at.date(),
            hour=passed_at.hour,
            fhwa_class=fhwa_class(passage.vehicle_class, len(passage.axle_loads_kg)),
            gross_mass_kg=passage.gross_mass_kg,
            axle_loads_kg=passage.axle_loads_kg,
            axle_spacings_m=passage.axle_spacings_m,
        )
    except (ValueError, OverflowError) as error:
        message = f"{where}: does not fit a card: {reason(error)}"
        raise WrongUseError(message) from error


EXPORT = Command(
    name="export-wcard",
    summary="write valid passages as FHWA W-cards",
    add_arguments=_export_arguments,
    run=_export,
)


# ---------------------------------------------------------------- import


def _import_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("cards", type=Path, metavar="FILE")
    parser.add_argument("--json", action="store_true", help="one object a line")


def _import(options: argparse.Namespace) -> int:
    decoder = Decoder()
    with (
        _opened(options.cards) as file,
        Progress("importing", total=_size(options.cards)) as progress,
    ):
        while block := file.read(_BLOCK):
            for event in decoder.receive(block):
                _show(event, options)
            progress.to(file.tell())
    for event in decoder.finish():
        _show(event, options)
    if not options.json:
        print(f"{decoder.cards} cards, {decoder.faults} lines that are none")
    return 1 if decoder.faults else 0


def _show(event: WCard | CardFault, options: argparse.Namespace) -> None:
    if options.json:
        kind = "card" if isinstance(event, WCard) else "fault"
        fields: dict[str, Any] = msgspec.structs.asdict(event)
        sys.stdout.buffer.write(msgspec.json.encode({"event": kind, **fields}) + b"\n")
    elif isinstance(event, WCard):
        print(_sentence(event))
    else:
        where = f"{options.cards}:{event.line}: column {event.column}"
        print(f"luheng-wim: {where}: {event.what}", file=sys.stderr)


def _sentence(card: WCard) -> str:
    loads = " ".join(f"{load / 1000.0:.2f}" for load in card.axle_loads_kg)
    return (
        f"{card.date} {card.hour:02d} h  station {card.station}  direction "
        f"{card.direction}  lane {card.lane}  class {card.fhwa_class:2d}"
        f"  {card.gross_mass_kg / 1000.0:7.2f} t ({loads} t)"
    )


IMPORT = Command(
    name="import-wcard",
    summary="read FHWA W-cards",
    add_arguments=_import_arguments,
    run=_import,
)
