"""``luheng-wim``: recordings in, passages out; one row of a table per command.

It prints for people, with ``--json`` one object a line for machines. Exit status 0 is
all well, 1 a finding, 2 wrong use with one line that says what to do.
"""

import argparse
import contextlib
import sys
from typing import NoReturn

from wim.cli.accuracy import ACCURACY
from wim.cli.bench import BENCH
from wim.cli.calibrate import CALIBRATE
from wim.cli.document import DOCUMENT
from wim.cli.drift import DRIFT
from wim.cli.learn import LEARN
from wim.cli.process import PROCESS
from wim.cli.replay import REPLAY
from wim.cli.wcard import EXPORT, IMPORT
from wim.errors import WimError

__all__ = ["main"]

_COMMANDS = (
    PROCESS,
    REPLAY,
    CALIBRATE,
    LEARN,
    ACCURACY,
    DOCUMENT,
    DRIFT,
    BENCH,
    EXPORT,
    IMPORT,
)


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit status."""
    parser = _Parser(
        prog="luheng-wim", description="Weigh vehicles in motion from strip samples."
    )
    rows = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in _COMMANDS:
        row = rows.add_parser(command.name, help=command.summary)
        command.add_arguments(row)
        row.set_defaults(run=command.run)
    options = parser.parse_args(arguments)
    try:
        status: int = options.run(options)
        sys.stdout.flush()
    except WimError as error:
        print(f"luheng-wim: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # whoever read the output has read enough
        with contextlib.suppress(BrokenPipeError):
            sys.stdout.close()
        return 0
    return status


class _Parser(argparse.ArgumentParser):
    """A parser whose complaint is one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


if __name__ == "__main__":
    sys.exit(main())
