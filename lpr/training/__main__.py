"""Makes the weights that ship: ``python -m lpr.training PART``.

``all`` makes every file. The parts are ``detector``, ``rectifier``, ``reader``,
``second`` and ``glyphs`` (the first reader), and ``frames`` and ``passages``, which
measure. Each is its own command with its own help; the heavy libraries that it needs
are imported only when it is asked for.
"""

import sys
from importlib import import_module
from typing import Final

_PARTS: Final = {
    "all": "lpr.training.everything",
    "reader": "lpr.training.reading",
    "fine": "lpr.training.fine_reading",
    "second": "lpr.training.second_looking",
    "detector": "lpr.training.locating",
    "rectifier": "lpr.training.rectifying",
    "glyphs": "lpr.training.classifying",
    "frames": "lpr.training.frames",
    "passages": "lpr.training.passages",
}


def main(arguments: list[str]) -> int:
    """Run one part; 2 when there is none of that name or it lacks a library."""
    if not arguments or arguments[0] not in _PARTS:
        parts = ", ".join(_PARTS)
        print(f"python -m lpr.training PART ..., one of {parts}", file=sys.stderr)
        return 2
    try:
        part = import_module(_PARTS[arguments[0]])
    except ImportError as error:
        print(
            f"lpr.training {arguments[0]}: {error.name} is not installed; the "
            "training extra brings it",
            file=sys.stderr,
        )
        return 2
    status: int = part.main(arguments[1:])
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
