"""``luheng-sim scale``: one indicator of a static scale on a pseudo-terminal.

It announces what happens and obeys commands on its standard input; what the indicator
says is told elsewhere.
"""

import _thread
import argparse
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np

from simulators.clock import Pace
from simulators.errors import SimulatorError
from simulators.pseudo_terminal import PseudoTerminal
from simulators.scales.display import Display, Stays
from simulators.scales.indicators import INDICATORS
from simulators.scales.line import MOODS, ScaleLine

__all__ = ["COMMANDS", "SUMMARY", "Event", "add_arguments", "run"]

SUMMARY = "simulate the indicator of a static scale on a serial line"
COMMANDS = (
    "load KG",
    "go on",
    "unplug",
    "plug",
    "garbage N",
    *MOODS,
)
"""What it understands on its standard input, one a line."""

Event = dict[str, object]

_TICK_S = 0.05
_MOST_GARBAGE = 1_000_000
_MOST_KG = 999_999.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``luheng-sim scale``."""
    parser.epilog = "commands on standard input, one a line: " + "; ".join(COMMANDS)
    parser.add_argument(
        "link", type=Path, metavar="LINK", help="name of the line, made while it runs"
    )
    parser.add_argument(
        "--protocol",
        choices=sorted(INDICATORS),
        default="xk3190",
        help="what the indicator speaks, as in configs/edge/source*.toml",
    )
    parser.add_argument("--vehicles", type=_count, default=20, metavar="N")
    parser.add_argument("--seed", type=_count, default=1, metavar="S")
    parser.add_argument("--capacity-kg", type=_mass, default=120_000.0, metavar="KG")
    parser.add_argument("--exit", action="store_true", help="when the last has gone")
    parser.add_argument("--json", action="store_true", help="print JSON lines")


def run(arguments: argparse.Namespace, announce: Callable[[Event], None]) -> int:
    """Simulate one scale until told to stop; return the exit code.

    Raises:
        SimulatorError: the line cannot be placed.
    """
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        # in a thread: the interrupted one may just hold the lock of the event
        signal.signal(number, lambda *_: _thread.start_new_thread(stop.set, ()))
    stays = Stays(
        seed=arguments.seed,
        vehicles=arguments.vehicles,
        capacity_kg=arguments.capacity_kg,
    )
    scale = _Scale(stays, arguments.link, arguments.protocol, seed=arguments.seed)
    with scale.line:
        talk = threading.Thread(target=scale.talk.run, args=(stop,), daemon=True)
        talk.start()
        announce({"event": "ready", "link": str(arguments.link)})
        threading.Thread(target=_listen, args=(scale, announce), daemon=True).start()
        _tell(scale, stop, announce, leave=arguments.exit)
        stop.set()
        talk.join(2.0)
    return 0


class _Scale:
    """The line, what it shows, and how it is told otherwise."""

    def __init__(self, stays: Stays, link: Path, protocol: str, *, seed: int) -> None:
        self.stays = stays
        self.pace = Pace(1.0)
        self.line = PseudoTerminal(link, patience_s=0.2)
        self.talk = ScaleLine(
            self.line,
            INDICATORS[protocol](),
            self._display,
            pace=self.pace,
            rng=np.random.default_rng([seed, 5]),
        )
        self._noise = np.random.default_rng([seed, 4])
        self._told: Display | None = None

    def _display(self, time_s: float) -> Display:
        return self._told or self.stays.at(time_s)

    def obey(self, text: str) -> None:
        """Carry out one command.

        Raises:
            SimulatorError: it cannot be done; the text says what can.
        """
        match text.split():
            case ["load", figure]:
                self._told = self.stays.show(_given_mass(figure))
            case ["go", "on"]:
                self._told = None
            case ["unplug"]:
                self.line.unplug()
            case ["plug"]:
                self.line.plug()
            case ["garbage", n] if n.isdecimal() and 0 < int(n) <= _MOST_GARBAGE:
                self.line.write(self._noise.bytes(int(n)))
            case ["well" | "silent" | "wrong" as mood]:
                self.talk.mood = mood
            case _:
                message = f"unknown command; there are {'; '.join(COMMANDS)}"
                raise SimulatorError(message)


def _tell(
    scale: _Scale,
    stop: threading.Event,
    announce: Callable[[Event], None],
    *,
    leave: bool,
) -> None:
    """Say of every vehicle that it stands, until the end if there is one."""
    said = -1
    while not stop.wait(_TICK_S):
        time_s = scale.pace.elapsed_s()
        number = scale.stays.standing(time_s)
        if number is not None and number > said:
            said = number
            mass_kg = scale.stays.masses_kg[number]
            announce(
                {"event": "stands", "vehicle": number + 1, "gross_mass_kg": mass_kg}
            )
        if leave and time_s >= scale.stays.length_s:
            announce({"event": "finished", "vehicles": len(scale.stays.masses_kg)})
            return


def _listen(scale: _Scale, announce: Callable[[Event], None]) -> None:
    """Obey commands until the input ends."""
    for line in sys.stdin or ():
        if not (text := line.strip()):
            continue
        try:
            scale.obey(text)
        except SimulatorError as error:
            announce({"event": "refused", "command": text, "reason": str(error)})
        else:
            announce({"event": "done", "command": text})


def _given_mass(text: str) -> float:
    """Read a mass that the indicators can show.

    Raises:
        SimulatorError: it is none.
    """
    try:
        mass_kg = float(text)
    except ValueError:
        mass_kg = -1.0
    if not 0.0 <= mass_kg <= _MOST_KG:
        message = f"'{text}': give a mass from 0 to {_MOST_KG:g} kg"
        raise SimulatorError(message)
    return mass_kg


def _mass(text: str) -> float:
    try:
        return _given_mass(text)
    except SimulatorError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _count(text: str) -> int:
    """Read a whole number that is not below zero."""
    if not text.isdecimal() or len(text) > 9:
        message = f"'{text}': give a whole number, 0 to 999999999"
        raise argparse.ArgumentTypeError(message)
    return int(text)
