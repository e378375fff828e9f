"""Rendered road scenes with plates in them, and where each plate's corners lie.

Scenes hold cars, trucks, walls, lettering and boards that are no plates, by day, by
night, in rain and fog. No photograph takes part. Faces of plates are given to it.
"""

from collections.abc import Callable
from typing import Final, TypeAlias

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from lpr.image import Corners, Image
from lpr.training.clutter import clutter, cluttered, reflecting
from lpr.training.lamps import headlamps, lamps_anywhere
from lpr.training.photographs import photographed
from lpr.training.textures import (
    Colour,
    any_colour,
    background,
    dull_colour,
    lettering,
    write,
)
from lpr.training.vehicles import BODIES, Easel, plane
from lpr.training.weathering import weathered

__all__ = ["Face", "FaceMaker", "PlacedPlate", "Scene", "draw_scene", "lay_face"]

_PLATE_M: Final = 0.44
_MOST_TILT_DEG: Final = 42.0
_FAR_ASIDE_DEG: Final = 64.0
_FROM_ABOVE: Final = 0.25
"""Share of vehicles on which a camera looks down steeply: on a gantry, or close by."""
_ASKEW: Final = 0.15
"""Share of pictures taken by a camera that is held askew, as by hand."""
_MOST_ASKEW_DEG: Final = 35.0
_NIGHT: Final = 0.25
_CLUTTER_ALONE: Final = 0.25
_CLUTTER_BESIDE: Final = 0.5
"""Share of the other grounds on which surfaces full of small things lie."""
_REFLECTING: Final = 0.6
"""Share of bodies that mirror their surroundings or are soiled."""
_MOST_HIDDEN: Final = 0.1
"""Of a plate's upright box may be drawn over and it still counts."""
_LETTERED_GROUNDS: Final[tuple[Colour, ...]] = (
    (170, 70, 20),
    (20, 170, 235),
    (90, 170, 60),
    (235, 235, 235),
    (30, 30, 200),
    (20, 20, 20),
    (20, 120, 245),
)


class Face(msgspec.Struct, frozen=True, kw_only=True):
    """A plate seen from straight in front, filling its picture to the edge."""

    picture: Image
    double: bool
    text: str = ""
    kind: str = ""


FaceMaker: TypeAlias = Callable[[np.random.Generator], Face]


class PlacedPlate(msgspec.Struct, frozen=True, kw_only=True):
    """Where a plate stands; ``countable`` is false for hardly visible ones."""

    corners: Corners
    double: bool
    countable: bool
    text: str = ""
    kind: str = ""

    @property
    def width_px(self) -> float:
        """Mean length of the upper and lower edges."""
        sides = self.corners[[1, 2]] - self.corners[[0, 3]]
        return float(np.hypot(sides[:, 0], sides[:, 1]).mean())


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """A picture and all plates in it."""

    picture: Image
    plates: tuple[PlacedPlate, ...]


def draw_scene(
    rng: np.random.Generator,
    face: FaceMaker,
    *,
    width: int,
    height: int,
    plate_width_px: tuple[float, float] = (18.0, 300.0),
) -> Scene:
    """A scene with no plate, one, or some, between these widths."""
    page = _surroundings(rng, height, width)
    for _ in range(int(rng.integers(0, 4))):
        _decoy(rng, page)
    placed: list[_Pasted] = []
    crowd = int(rng.choice([0, 1, 2, 3, 4], p=[0.1, 0.4, 0.25, 0.15, 0.1]))
    smallest, widest = np.log(plate_width_px[0]), np.log(plate_width_px[1])
    sizes = sorted(
        float(np.exp(smallest + (widest - smallest) * rng.random() ** 1.25))
        for _ in range(crowd)
    )
    askew_deg = 0.0
    if rng.random() < _ASKEW:
        askew_deg = float(rng.uniform(-_MOST_ASKEW_DEG, _MOST_ASKEW_DEG))
    for size in sizes:
        placed += _vehicle(rng, page, face, size, askew_deg=askew_deg)
    for _ in range(int(rng.integers(0, 3)) if rng.random() < 0.4 else 0):
        _decoy(rng, page)
    plates = tuple(_judged(pasted, page) for pasted in placed)
    night = bool(rng.random() < _NIGHT)
    lamps = lamps_anywhere(rng, height, width) if rng.random() < 0.3 else []
    for pasted in placed:
        if rng.random() < (0.55 if night else 0.06):
            lamps += headlamps(rng, pasted.plate.corners)
    return Scene(picture=photographed(rng, page, lamps, night=night), plates=plates)


def _surroundings(rng: np.random.Generator, height: int, width: int) -> Image:
    """Grounds, with small things on them or all over them more often than not."""
    if rng.random() < _CLUTTER_ALONE:
        return clutter(rng, height, width)
    page = background(rng, height, width)
    if rng.random() < _CLUTTER_BESIDE:
        cluttered(rng, page)
    return page


class _Pasted(msgspec.Struct, frozen=True):
    """A plate and what its surroundings looked like when it was laid down."""

    plate: PlacedPlate
    window: tuple[slice, slice]
    fresh: Image


def _judged(pasted: _Pasted, page: Image) -> PlacedPlate:
    """The plate; not countable where a part lies off the frame or was drawn over."""
    height, width = page.shape[:2]
    plate = pasted.plate
    inside = ((plate.corners > -2) & (plate.corners < (width + 2, height + 2))).all()
    changed = (page[pasted.window] != pasted.fresh).any(axis=2)
    whole = changed.size > 0 and float(changed.mean()) < _MOST_HIDDEN
    return PlacedPlate(
        corners=plate.corners,
        double=plate.double,
        countable=bool(inside and whole),
        text=plate.text,
        kind=plate.kind,
    )


def _vehicle(
    rng: np.random.Generator,
    page: Image,
    face: FaceMaker,
    width_px: float,
    *,
    askew_deg: float,
) -> list[_Pasted]:
    """Draw a vehicle and its plate."""
    height, width = page.shape[:2]
    edge = min(0.6 * width_px, 0.45 * width)
    x, y = rng.uniform(edge, width - edge), rng.uniform(0.08, 0.97) * height
    above = bool(rng.random() < _FROM_ABOVE)
    chance = rng.random()
    most_turn_deg = 22.0
    if chance < 0.06:
        most_turn_deg = _FAR_ASIDE_DEG
    elif chance < (0.6 if above else 0.35):
        most_turn_deg = _MOST_TILT_DEG
    matrix = plane(
        rng,
        centre_px=(x, y),
        px_per_m=width_px / _PLATE_M,
        most_turn_deg=most_turn_deg,
        from_above=above,
        askew_deg=askew_deg,
    )
    easel = Easel(rng, page, matrix)
    lone = rng.random() < 0.15
    if not lone:
        _body(rng, easel)
    look = face(rng)
    laid = lay_face(rng, easel, look)
    if laid is None:
        return []
    corners, window = laid
    shown = PlacedPlate(
        corners=corners.astype(np.float32),
        double=look.double,
        countable=True,
        text=look.text,
        kind=look.kind,
    )
    return [_Pasted(shown, window, page[window].copy())]


def _body(rng: np.random.Generator, easel: Easel) -> None:
    """Draw a vehicle; most mirror what is around them, or are not clean."""
    before = easel.page.copy()
    BODIES[int(rng.integers(len(BODIES)))](easel)
    if rng.random() < _REFLECTING:
        drawn = (easel.page != before).any(axis=2)
        share = float(rng.uniform(0.03, 0.35))
        reflecting(rng, easel.page, drawn, share=share)


def lay_face(
    rng: np.random.Generator, easel: Easel, look: Face
) -> tuple[NDArray[np.float64], tuple[slice, slice]] | None:
    """Mount a plate at the easel's origin: its corners [px] and where it was laid.

    Nothing where it lies off the page.
    """
    shape = look.picture.shape
    wide = _PLATE_M * (1.09 if shape[1] > 3.3 * shape[0] else 1.0)
    tall = wide * shape[0] / shape[1]
    corners = _mounted(rng, easel, wide, tall)
    if rng.random() < 0.4:
        _holder(rng, easel, wide, tall)
    window = _paste(rng, easel.page, look, corners)
    return None if window is None else (corners, window)


def _mounted(
    rng: np.random.Generator, easel: Easel, wide: float, tall: float
) -> NDArray[np.float64]:
    """Corners [px] of a plate mounted nearly in the vehicle's plane."""
    turn = rng.normal(0, 0.02)
    rest = np.array([[-wide, -tall], [wide, -tall], [wide, tall], [-wide, tall]]) / 2
    rest += np.array([-turn, turn])[None] * rest[:, ::-1]
    corners = easel.pixels([(float(x), float(y)) for x, y in rest])
    size = np.hypot(*(corners[1] - corners[0]))
    return corners + rng.normal(0, 0.008 * size, corners.shape)


def _holder(rng: np.random.Generator, easel: Easel, wide: float, tall: float) -> None:
    """A frame around the plate: dark, chromed or of any colour."""
    rim = rng.uniform(0.004, 0.035)
    foot = rim + (rng.uniform(0.02, 0.07) if rng.random() < 0.4 else 0.0)
    level = int(rng.choice([20, 60, 200, 240]))
    colour = (level, level, level) if rng.random() < 0.85 else any_colour(rng)
    x, y = wide / 2, tall / 2
    easel.box(-x - rim, -y - rim, x + rim, y + foot, colour)
    if foot > rim + 0.02:
        easel.words(-0.8 * x, y + foot - 0.008, foot - rim, any_colour(rng))


def _paste(
    rng: np.random.Generator,
    page: Image,
    look: Face,
    corners: NDArray[np.float64],
) -> tuple[slice, slice] | None:
    """Lay a face into a quadrilateral of the page; where, as rows and columns."""
    low = np.floor(corners.min(axis=0)).astype(int) - 1
    high = np.ceil(corners.max(axis=0)).astype(int) + 2
    low, high = np.maximum(low, 0), np.minimum(high, page.shape[1::-1])
    if (high - low < 2).any():
        return None
    face, _ = weathered(rng, look.picture)
    lengths = np.hypot(*(corners[[1, 2]] - corners[[0, 3]]).T)
    shrink = face.shape[1] / max(float(lengths.max()), 8.0)
    if shrink > 1.3:
        size = (
            max(8, round(face.shape[1] / shrink * 1.1)),
            max(4, round(face.shape[0] / shrink * 1.1)),
        )
        face = np.asarray(
            cv2.resize(face, size, interpolation=cv2.INTER_AREA), np.uint8
        )
    tall, wide = face.shape[:2]
    source = np.array([[0, 0], [wide, 0], [wide, tall], [0, tall]], np.float32)
    target = (corners - low).astype(np.float32)
    matrix = cv2.getPerspectiveTransform(source - 0.5, target - 0.5)
    size = (int(high[0] - low[0]), int(high[1] - low[1]))
    drawn = cv2.warpPerspective(
        face, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    mask = np.zeros((size[1], size[0]), np.uint8)
    scaled = np.round((target - 0.5) * 8).astype(np.int32)
    cv2.fillConvexPoly(mask, scaled, 255, cv2.LINE_AA, 3)
    share = mask[..., None].astype(np.float32) / 255
    where = slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0]))
    page[where] = (page[where] * (1 - share) + drawn * share).astype(np.uint8)
    return where


def _decoy(rng: np.random.Generator, page: Image) -> None:
    """Something that looks a little like a plate and is none."""
    height, width = page.shape[:2]
    wide = int(np.exp(rng.uniform(np.log(14), np.log(0.6 * width))))
    tall = max(5, int(wide / rng.uniform(1.5, 7)))
    x, y = int(rng.integers(-wide // 3, width)), int(rng.integers(0, height))
    choice = rng.random()
    if choice < 0.4:  # lettering without a ground
        size = min(tall, 70)
        write(
            rng, page, lettering(rng), at=(x, y), size_px=size, colour=any_colour(rng)
        )
        return
    ground = (
        _LETTERED_GROUNDS[int(rng.integers(len(_LETTERED_GROUNDS)))]
        if rng.random() < 0.6
        else any_colour(rng)
    )
    cv2.rectangle(page, (x, y), (x + wide, y + tall), ground, -1)
    if choice < 0.7 and wide < 400:  # a board; not the shape of a plate's text
        ink = any_colour(rng)
        rows = int(rng.integers(2, 5)) if tall > 24 else 1
        size = max(5, int(tall / rows * 0.7))
        for row in range(rows):
            text = lettering(rng)[: 3 if rows == 1 else 12]
            place = (x + int(rng.integers(1, 8)), y + int((row + 0.8) * tall / rows))
            write(rng, page, text, at=place, size_px=size, colour=ink)
    elif choice < 0.85:  # bars
        for left in range(x, x + wide, max(3, wide // int(rng.integers(4, 16)))):
            stroke = max(1, wide // 40)
            cv2.line(page, (left, y), (left, y + tall), dull_colour(rng), stroke)
