"""One command of ``luheng-lpr``: a name, a line of help, its arguments and its work."""

import argparse
from collections.abc import Callable

import msgspec

__all__ = ["Command"]


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the table of commands; ``run`` returns the exit status."""

    name: str
    summary: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]
