"""How well a detector finds plates in rendered scenes that no training drew.

Sizes are those in a full-HD frame, which the network sees at half its sides. A plate
counts as found when a box's corners lie within a quarter of its height of its own.
"""

from itertools import pairwise
from typing import Final

import msgspec
import numpy as np

from lpr.detector import NetworkDetector
from lpr.figures import Share, percent
from lpr.models import PlateBox
from lpr.training.scenes import FaceMaker, PlacedPlate, draw_scene

__all__ = ["FoundFigures", "card_of", "judge_detector"]

_WIDTHS_PX: Final = (60, 90, 150, 300, 600)
_NEAR: Final = 0.25
_VALIDATION_SEED: Final = 100_007


class FoundFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a set of scenes; widths are those of a full-HD frame [px]."""

    scenes: int
    found: Share
    by_width: dict[str, Share]
    lines_right: Share
    corner_error: float
    """Median distance of a corner from its place, as a share of the plate's height."""
    false_boxes: Share
    """Boxes on no plate, against all boxes."""


def judge_detector(
    detector: NetworkDetector,
    face: FaceMaker,
    *,
    count: int,
    seed: int = _VALIDATION_SEED,
) -> FoundFigures:
    """Figures over ``count`` scenes of 960 by 544 pixels."""
    rng = np.random.default_rng(seed)
    hits: dict[str, list[bool]] = {name: [] for name in _names()}
    lines: list[bool] = []
    errors: list[float] = []
    boxes = false = 0
    for _ in range(count):
        scene = draw_scene(
            rng, face, width=960, height=544, plate_width_px=(30.0, 300.0)
        )
        found = list(detector.detect(scene.picture, region=None))
        boxes += len(found)
        for plate in scene.plates:
            index, error = _nearest(found, plate)
            near = index is not None and error <= _NEAR
            if index is not None and error <= 1.0:
                box = found.pop(index)
                if plate.countable and near:
                    errors.append(error)
                    lines.append(box.lines == (2 if plate.double else 1))
            if plate.countable:
                hits[_name_of(plate)].append(near)
        false += len(found)
    together = [hit for group in hits.values() for hit in group]
    return FoundFigures(
        scenes=count,
        found=Share.of(sum(together), len(together)),
        by_width={
            name: Share.of(sum(group), len(group)) for name, group in hits.items()
        },
        lines_right=Share.of(sum(lines), len(lines)),
        corner_error=float(np.median(errors)) if errors else float("inf"),
        false_boxes=Share.of(false, boxes),
    )


def _nearest(found: list[PlateBox], plate: PlacedPlate) -> tuple[int | None, float]:
    """The nearest box and its mean corner error as a share of the plate's height."""
    sides = plate.corners[[3, 2]] - plate.corners[[0, 1]]
    tall = max(float(np.hypot(sides[:, 0], sides[:, 1]).mean()), 1.0)
    best, error = None, float("inf")
    for index, box in enumerate(found):
        apart = box.corners - plate.corners
        mean = float(np.hypot(apart[:, 0], apart[:, 1]).mean()) / tall
        if mean < error:
            best, error = index, mean
    return best, error


def _names() -> list[str]:
    return [f"{low}-{high} px" for low, high in pairwise(_WIDTHS_PX)]


def _name_of(plate: PlacedPlate) -> str:
    width = 2 * plate.width_px
    place = sum(width >= edge for edge in _WIDTHS_PX[1:-1])
    return _names()[place]


def card_of(figures: FoundFigures, *, described: str, weights: int, digest: str) -> str:
    """The model card that goes with the weights."""
    rows = "\n".join(
        f"| {name} | {percent(share)} |" for name, share in figures.by_width.items()
    )
    return f"""# Plate detector: model card

- What: a BGR frame in, for every eighth pixel a plate's centre, its four corners and
  whether it has two lines out. Any size in steps of 32 pixels.
- File: `detector.onnx`, {weights} bytes, SHA-256 `{digest}`.
- Data: {described}

Figures on {figures.scenes} rendered scenes of their own seed, full-HD pixels, 95 %
intervals after Wilson; found is with all corners within a quarter of the plate's height
on average:

| width of the plate | found |
|---|---|
{rows}
| all | {percent(figures.found)} |

Lines told right {percent(figures.lines_right)}; median corner error
{100 * figures.corner_error:.1f} % of the plate's height; boxes on no plate
{percent(figures.false_boxes)} of all boxes.

Limits: scenes are rendered, none is a photograph. Plates under 60 px in a full-HD frame
were hardly taught. What is found need not be a plate: the reader judges that.
"""
