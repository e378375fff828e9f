"""Makes all weights that ship, one after the other, and holds them against those there.

``python -m lpr.training all --glyphs DIR --fonts DIR --out DIR`` trains detector,
rectifier, reader and second look, each with its own card, goes on from where it was
stopped, and reads rendered scenes with the new weights and with those that ship. The
sums of another processor differ in their last bits, so that weights never agree bit by
bit: they agree where they read as many plates, within a stated tolerance. Needs PyTorch
and ONNX.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from lpr.detector import NetworkDetector
from lpr.figures import figures_of, percent
from lpr.pipeline import Pipeline
from lpr.sequence import SequenceReader
from lpr.training import (
    fine_reading,
    locating,
    reading,
    rectifying,
    second_looking,
)
from lpr.training.frames import VALIDATION_SEED, read_scenes
from lpr.training.locating import make_faces
from lpr.training.stages import parser_of

__all__ = ["TOLERANCE", "main", "within"]

TOLERANCE: Final = 0.03
"""New weights read at most so much less of the same rendered plates than those that
ship. Trainings of one plan, and one more stage of it, lay up to 0.034 apart on 490
plates, where a share of 0.75 has a standard deviation of 0.02."""
_DETECTOR: Final = "detector.onnx"
_RECTIFIER: Final = "rectifier.onnx"
_READER: Final = "reader.onnx"
_FINE: Final = "fine_reader.onnx"
_SECOND: Final = "second_look.onnx"


class _Part(NamedTuple):
    """One training: its file, its command, and what else that is told."""

    file: str
    run: Callable[[list[str]], int]
    more: tuple[str, ...] = ()


def main(arguments: list[str] | None = None) -> int:
    """Train all parts; 0 when they read as well as those that ship, 1 when not."""
    options = _parser().parse_args(arguments)
    out: Path = options.out
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        sys.stderr.write(f"lpr.training all: {out}: {error.strerror}\n")
        return 2
    parts = (
        _Part(_DETECTOR, locating.main),
        _Part(_RECTIFIER, rectifying.main),
        _Part(_READER, reading.main),
        _Part(_FINE, fine_reading.main, ("--reader", str(out / _READER))),
        _Part(
            _SECOND,
            second_looking.main,
            ("--reader", str(out / _READER), "--fine-reader", str(out / _FINE)),
        ),
    )
    for part in parts:
        file = out / part.file
        if file.exists() and file.with_suffix(".md").exists():
            sys.stdout.write(f"{file} is there: kept\n")
            continue
        sys.stdout.write(f"{file}\n")
        status = part.run([*_told(options), "--out", str(file), *part.more])
        if status != 0:
            return status
    return _compared(options)


def _told(options: argparse.Namespace) -> list[str]:
    """What every part is told."""
    fonts = [str(folder) for folder in options.fonts]
    told = ["--glyphs", str(options.glyphs), "--fonts", *fonts]
    return [*told, "--threads", str(options.threads), "--workers", str(options.workers)]


def _compared(options: argparse.Namespace) -> int:
    """Read the same rendered scenes with both sets of weights."""
    rng = np.random.default_rng(VALIDATION_SEED + 1)
    face = make_faces(rng, options.glyphs, tuple(options.fonts), count=1000)
    shares = []
    for name, pipeline in (
        ("those that ship", Pipeline.standard()),
        (str(options.out), _pipeline_of(options.out)),
    ):
        cases, _ = read_scenes(
            pipeline, face, count=options.scenes, seed=VALIDATION_SEED
        )
        exact = figures_of(cases).exact
        sys.stdout.write(f"exact with {name}: {percent(exact)}\n")
        shares.append(exact.hits / max(exact.total, 1))
    agrees = within(*shares)
    told = "within" if agrees else "beyond"
    sys.stdout.write(f"{told} the tolerance of {TOLERANCE:.0%} of the plates\n")
    return 0 if agrees else 1


def within(shipped: float, made: float) -> bool:
    """Whether new weights read as well as those that ship, by the shares they read.

    >>> within(0.77, 0.75)
    True
    >>> within(0.77, 0.70)
    False
    >>> within(0.77, 0.85)
    True
    """
    return made >= shipped - TOLERANCE


def _pipeline_of(folder: Path) -> Pipeline:
    detector = NetworkDetector.load(
        (folder / _DETECTOR).read_bytes(),
        rectifier=(folder / _RECTIFIER).read_bytes(),
    )
    reader = SequenceReader.load(
        (folder / _READER).read_bytes(),
        fine=(folder / _FINE).read_bytes(),
        second=(folder / _SECOND).read_bytes(),
    )
    return Pipeline(detector=detector, reader=reader)


def _parser() -> argparse.ArgumentParser:
    parser = parser_of("all", __doc__)
    parser.add_argument("--scenes", type=int, default=400, help="to read in the end")
    return parser


if __name__ == "__main__":
    sys.exit(main())
