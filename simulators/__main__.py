"""The command ``luheng-sim``: one row of a table per subcommand.

It parses arguments, prints events and turns errors into exit codes; what is simulated
is told elsewhere.
"""

import _thread
import argparse
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn, get_args

import msgspec
import structlog

from simulators import campaign
from simulators.clock import steady_s
from simulators.config import StationConfig, parse_config
from simulators.convoy import TRAFFICS
from simulators.demo.bench import bench
from simulators.demo.run import Demo, Options
from simulators.electronics import ERRORS, FAULTS, Electronics, Fault, Season
from simulators.errors import SimulatorError
from simulators.manoeuvres import MANOEUVRES
from simulators.progress import ProgressBar
from simulators.recording import FAMILIES, Order, write_recording
from simulators.roads import RoadClass
from simulators.scales import command as scale
from simulators.station import COMMANDS, Event, Station, StationOrder

__all__ = ["main"]


class Command(msgspec.Struct, frozen=True):
    """One subcommand: its name, its line of help, its arguments and its work."""

    name: str
    summary: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


# ---------------------------------------------------------------- station


def _station_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "commands on standard input, one a line: " + "; ".join(COMMANDS)
    parser.add_argument("config", type=Path, metavar="CONFIG.toml")
    parser.add_argument("--vehicles", type=_count, default=20, metavar="N")
    parser.add_argument("--seed", type=_count, default=1, metavar="S")
    parser.add_argument("--speed", type=float, default=1.0, metavar="X")
    parser.add_argument("--ledger", type=Path, metavar="FILE", help="truth, JSON lines")
    parser.add_argument("--wait", action="store_true", help="until the line 'start'")
    parser.add_argument("--exit", action="store_true", help="when all have crossed")
    parser.add_argument("--json", action="store_true", help="print JSON lines")


def _run_station(arguments: argparse.Namespace) -> int:
    show = _print_json if arguments.json else _print_text

    def announce(event: Event) -> None:
        try:
            show(event)
        except BrokenPipeError:  # who started it is gone; end quietly
            sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - to the end
            station.stop()

    station = Station(
        _load_config(arguments.config),
        StationOrder(
            vehicles=arguments.vehicles,
            seed=arguments.seed,
            speed=arguments.speed,
            ledger=arguments.ledger,
            wait=arguments.wait,
            exit=arguments.exit,
        ),
        announce=announce,
    )

    for number in (signal.SIGTERM, signal.SIGINT):
        # in a thread: the interrupted one may just hold the lock that stopping takes
        signal.signal(number, lambda *_: _thread.start_new_thread(station.stop, ()))
    descriptor = None if sys.stdin is None or sys.stdin.closed else sys.stdin.fileno()
    station.run(descriptor)
    return 0


def _load_config(path: Path) -> StationConfig:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path}: cannot read the configuration: {error}"
        raise SimulatorError(message) from error
    return parse_config(text, path=path.absolute())


def _print_json(event: Event) -> None:
    print(json.dumps(event, ensure_ascii=False), flush=True)


def _print_text(event: Event) -> None:
    fields = (f"{name}={value}" for name, value in event.items() if name != "event")
    print(f"{event['event']}: {' '.join(fields)}", flush=True)


# ---------------------------------------------------------------- recording


def _recording_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--site", type=Path, required=True, metavar="SITE.toml")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--vehicles", type=_some, default=20, metavar="N")
    parser.add_argument("--seed", type=_count, default=1, metavar="S")
    parser.add_argument(
        "--site-seed",
        type=_count,
        metavar="S",
        help="of the road and the strips; the same as --seed if not given",
    )
    parser.add_argument("--road", choices=get_args(RoadClass), default="A")
    parser.add_argument("--family", choices=FAMILIES, default="planar")
    parser.add_argument("--traffic", choices=TRAFFICS, default="normal")
    parser.add_argument("--manoeuvre", choices=MANOEUVRES, help="what everybody does")
    parser.add_argument(
        "--fault",
        type=_fault,
        action="append",
        default=[],
        metavar="NAME:CHANNEL[@PART]",
        help=f"damage a strip, since a part of the time: {', '.join(FAULTS)}",
    )
    parser.add_argument(
        "--error",
        type=_error,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help=f"a true value over the site file's: {', '.join(ERRORS)}",
    )
    parser.add_argument("--temperature", type=float, default=20.0, metavar="C")
    parser.add_argument("--season", choices=get_args(Season), default="spring")
    parser.add_argument(
        "--day",
        type=float,
        metavar="N",
        help="since the strips were calibrated; their gains drift, each on its own",
    )
    parser.add_argument("--rate", type=float, default=4000.0, metavar="HZ")
    parser.add_argument("--bits", type=_count, default=16, metavar="N")
    parser.add_argument("--forces", action="store_true", help="write forces.npz too")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _run_recording(arguments: argparse.Namespace) -> int:
    order = recording_order(arguments)
    bar = ProgressBar(sys.stderr)
    try:
        length_s = write_recording(
            arguments.site, arguments.out, order, progress=bar.show
        )
    except KeyboardInterrupt:
        message = f"{arguments.out}: interrupted, no recording"
        raise SimulatorError(message) from None
    finally:
        bar.close()
    if arguments.json:
        _print_json({"vehicles": arguments.vehicles, "length_s": length_s})
    else:
        files = "recording.npz, site.toml, truth.jsonl, strips.jsonl"
        if order.forces:
            files += ", forces.npz"
        print(
            f"{arguments.out}: {files}; {arguments.vehicles} vehicles, {length_s:g} s"
        )
    return 0


def recording_order(arguments: argparse.Namespace) -> Order:
    """Return what the command line asks to record."""
    given = arguments.site_seed
    try:
        electronics = Electronics(
            sample_rate_hz=arguments.rate,
            bit_depth=arguments.bits,
            temperature_c=arguments.temperature,
            season=arguments.season,
            day=arguments.day,
            faults=tuple(arguments.fault),
            **dict(arguments.error),
        )
    except ValueError as error:
        raise SimulatorError(str(error)) from error
    return Order(
        vehicles=arguments.vehicles,
        seed=arguments.seed,
        site_seed=arguments.seed if given is None else given,
        road=arguments.road,
        family=arguments.family,
        traffic=arguments.traffic,
        manoeuvre=arguments.manoeuvre,
        electronics=electronics,
        forces=arguments.forces,
    )


def _fault(text: str) -> Fault:
    """Read ``NAME:CHANNEL`` or ``NAME:CHANNEL@PART``."""
    name, _, place = text.partition(":")
    channel, _, begins = place.partition("@")
    try:
        part = float(begins or 0.0)
    except ValueError:
        part = -1.0
    if name not in FAULTS or not channel.isdecimal() or not 0.0 <= part < 1.0:
        message = (
            f"'{text}': give NAME:CHANNEL or NAME:CHANNEL@PART, NAME one of "
            f"{', '.join(FAULTS)}, PART of the time from 0 to 1"
        )
        raise argparse.ArgumentTypeError(message)
    return Fault(name, int(channel), part)


def _error(text: str) -> tuple[str, float]:
    """Read ``NAME=VALUE``."""
    name, _, value = text.partition("=")
    try:
        factor = float(value)
    except ValueError:
        factor = 0.0
    if name not in ERRORS or not 0.01 <= factor <= 100.0:
        message = (
            f"'{text}': give NAME=FACTOR, NAME one of {', '.join(ERRORS)}, FACTOR "
            f"between 0.01 and 100"
        )
        raise argparse.ArgumentTypeError(message)
    return name, factor


# ---------------------------------------------------------------- scale


def _run_campaign(arguments: argparse.Namespace) -> int:
    bar = ProgressBar(sys.stderr, now_s=steady_s)
    try:
        said = campaign.run(arguments, progress=bar.show)
    finally:
        bar.close()
    print(said)
    return 0


def _run_scale(arguments: argparse.Namespace) -> int:
    return scale.run(arguments, _print_json if arguments.json else _print_text)


# ---------------------------------------------------------------- demo, bench


def _demo_arguments(parser: argparse.ArgumentParser) -> None:
    _common_arguments(parser, vehicles=None)
    parser.add_argument("--speed", type=float, default=1.0, metavar="X")
    parser.add_argument("--exit", action="store_true", help="when all is done")


def _run_demo(arguments: argparse.Namespace) -> int:
    options = Options(
        arguments.data_dir,
        vehicles=arguments.vehicles,
        speed=arguments.speed,
        seed=arguments.seed,
        leave=arguments.exit,
        machine=arguments.json,
    )
    return Demo(options).run()


def _bench_arguments(parser: argparse.ArgumentParser) -> None:
    _common_arguments(parser, vehicles=30)


def _run_bench(arguments: argparse.Namespace) -> int:
    return bench(
        arguments.data_dir,
        vehicles=arguments.vehicles,
        seed=arguments.seed,
        machine=arguments.json,
    )


def _common_arguments(parser: argparse.ArgumentParser, *, vehicles: int | None) -> None:
    parser.add_argument(
        "--data-dir", type=Path, default=Path("demo-data"), metavar="FOLDER"
    )
    parser.add_argument("--vehicles", type=_count, default=vehicles, metavar="N")
    parser.add_argument("--seed", type=_count, default=1, metavar="S")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


# ---------------------------------------------------------------- the table

_COMMANDS = (
    Command(
        "station",
        "simulate a station, its cameras and a source enterprise's scale",
        _station_arguments,
        _run_station,
    ),
    Command(
        "recording",
        "write raw samples of a site with their truth",
        _recording_arguments,
        _run_recording,
    ),
    Command("campaign", campaign.SUMMARY, campaign.add_arguments, _run_campaign),
    Command("scale", scale.SUMMARY, scale.add_arguments, _run_scale),
    Command(
        "demo",
        "run station, source enterprise, edge daemons, server and officers together",
        _demo_arguments,
        _run_demo,
    ),
    Command(
        "bench",
        "measure latency, start-up and memory of the whole way in real time",
        _bench_arguments,
        _run_bench,
    ),
)


def main(arguments: list[str] | None = None) -> int:
    """Run one subcommand and return its exit code."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    parser = _Parser(prog="luheng-sim", description="Simulated hardware for Luheng.")
    rows = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in _COMMANDS:
        row = rows.add_parser(command.name, help=command.summary)
        command.add_arguments(row)
        row.set_defaults(run=command.run)
    chosen = parser.parse_args(arguments)
    try:
        code: int = chosen.run(chosen)
    except SimulatorError as error:
        print(f"luheng-sim: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    return code


class _Parser(argparse.ArgumentParser):
    """A parser that complains in one line."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and where help is, and exit 2."""
        print(f"{self.prog}: {message}; see {self.prog} --help", file=sys.stderr)
        sys.exit(2)


def _some(text: str) -> int:
    """Read a whole number that is above zero."""
    number = _count(text)
    if number == 0:
        message = f"'{text}': give a whole number, 1 or more"
        raise argparse.ArgumentTypeError(message)
    return number


def _count(text: str) -> int:
    """Read a whole number that is not below zero."""
    if not text.isdecimal():
        message = f"'{text}': give a whole number, 0 or more"
        raise argparse.ArgumentTypeError(message)
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
