"""Measures the whole chain on rendered frames, and shows where it fails.

``python -m lpr.training frames --glyphs DIR --fonts DIR --sheet OUT.jpg`` draws scenes
that no training saw, finds and reads the plates in them, prints the figures of each
kind and lays the failures side by side. No real vehicle is in them.
"""

import argparse
import sys
from pathlib import Path
from typing import Final

import cv2
import msgspec
import numpy as np

from lpr.errors import WeightsError
from lpr.figures import Case, figures_of, percent
from lpr.image import Image, encode_jpeg, holds, warped
from lpr.models import PlateReading
from lpr.pipeline import Pipeline
from lpr.training.locating import make_faces
from lpr.training.networks import add_network_arguments, chosen_networks
from lpr.training.scenes import FaceMaker, PlacedPlate, draw_scene

__all__ = ["VALIDATION_SEED", "Failure", "main", "read_scenes", "sheet_of"]

_SIZE: Final = (960, 544)
_WIDTHS_PX: Final = (60.0, 300.0)
VALIDATION_SEED: Final = 100_043
_TILE: Final = (220, 150)
_ACROSS: Final = 6


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """A plate that was not read exactly: its surroundings and what was said."""

    view: Image
    truth: str
    told: str


def read_scenes(
    pipeline: Pipeline, face: FaceMaker, *, count: int, seed: int
) -> tuple[list[Case], list[Failure]]:
    """All countable plates of so many scenes, and those that were not read exactly."""
    rng = np.random.default_rng(seed)
    cases: list[Case] = []
    failures: list[Failure] = []
    for number in range(count):
        if sys.stderr.isatty():
            sys.stderr.write(f"\rscene {number + 1}/{count}")
        scene = draw_scene(
            rng, face, width=_SIZE[0], height=_SIZE[1], plate_width_px=_WIDTHS_PX
        )
        readings = pipeline.read_all(scene.picture)
        for plate in scene.plates:
            if not plate.countable:
                continue
            reading = _on(plate, readings)
            case = _case(plate, reading)
            cases.append(case)
            if not case.exact:
                told = case.text or "not found"
                view = _view(scene.picture, plate)
                failures.append(Failure(view=view, truth=plate.text, told=told))
    return cases, failures


def _on(plate: PlacedPlate, readings: tuple[PlateReading, ...]) -> PlateReading | None:
    centre = plate.corners.mean(axis=0)
    place = (float(centre[0]), float(centre[1]))
    for reading in readings:
        if reading.corners is not None and holds(reading.corners, place):
            return reading
    return None


def _case(plate: PlacedPlate, reading: PlateReading | None) -> Case:
    decoded = None if reading is None else reading.decoded
    return Case(
        truth=plate.text,
        kind="frame",
        colour=plate.kind,
        layout="double" if plate.double else "single",
        found=reading is not None,
        text=None if decoded is None else decoded.text or None,
        confidence=0.0 if decoded is None else decoded.confidence,
        accepted=reading is not None and reading.text is not None,
    )


def _view(picture: Image, plate: PlacedPlate) -> Image:
    """The plate and what is around it, upright, at one size."""
    low, high = plate.corners.min(axis=0), plate.corners.max(axis=0)
    scale = 0.8 * min(_TILE[0] / (high - low)[0], 110 / (high - low)[1])
    middle = (low + high) / 2
    onto = np.array(
        [
            [scale, 0, _TILE[0] / 2 - scale * middle[0]],
            [0, scale, 55 - scale * middle[1]],
            [0, 0, 1],
        ]
    )
    return warped(picture, onto, width=_TILE[0], height=110)


def sheet_of(failures: list[Failure], *, most: int = 60) -> Image:
    """Failures side by side, the truth above what was read."""
    shown = failures[:most]
    rows = max(1, -(-len(shown) // _ACROSS))
    sheet = np.full((rows * _TILE[1], _ACROSS * _TILE[0], 3), 255, np.uint8)
    face = cv2.FontFace("sans")
    for index, failure in enumerate(shown):
        x, y = index % _ACROSS * _TILE[0], index // _ACROSS * _TILE[1]
        sheet[y : y + 110, x : x + _TILE[0]] = failure.view
        for line, (text, ink) in enumerate(
            ((failure.truth, (40, 40, 40)), (failure.told, (30, 30, 200)))
        ):
            cv2.putText(sheet, text, (x + 6, y + 127 + 18 * line), ink, face, 15, 500)
    return sheet


def main(arguments: list[str] | None = None) -> int:
    """Print the figures and write the sheet; 0 when both are done."""
    parser = argparse.ArgumentParser(
        prog="python -m lpr.training frames", description=__doc__
    )
    parser.add_argument("--glyphs", type=Path, required=True)
    parser.add_argument("--fonts", type=Path, nargs="+", required=True)
    parser.add_argument("--count", type=int, default=400, help="scenes")
    parser.add_argument("--seed", type=int, default=VALIDATION_SEED)
    parser.add_argument("--sheet", type=Path, metavar="OUT.jpg")
    add_network_arguments(parser)
    options = parser.parse_args(arguments)
    try:
        face = make_faces(
            np.random.default_rng(options.seed + 1),
            options.glyphs,
            tuple(options.fonts),
            count=1000,
        )
        detector, reader = chosen_networks(options)
    except (ValueError, OSError, WeightsError) as error:
        sys.stderr.write(f"lpr.training frames: {error}\n")
        return 2
    pipeline = Pipeline(detector=detector, reader=reader)
    cases, failures = read_scenes(
        pipeline, face, count=options.count, seed=options.seed
    )
    figures = figures_of(cases)
    sys.stdout.write(
        f"found {percent(figures.found)}\nexact {percent(figures.exact)}\n"
    )
    sys.stdout.write(f"accepted and right {percent(figures.accepted_precision)}\n")
    sys.stdout.write(f"accepted of all {percent(figures.accepted_coverage)}\n")
    for name, share in figures.by_colour.items():
        sys.stdout.write(f"exact, {name}: {percent(share)}\n")
    if options.sheet is not None:
        options.sheet.write_bytes(encode_jpeg(sheet_of(failures), quality=80))
    return 0


if __name__ == "__main__":
    sys.exit(main())
