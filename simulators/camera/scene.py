"""One roadside camera's pictures: the empty road, the trucks on it, a line of text.

The background is painted once, every truck's likeness once; a frame is a copy with
the trucks laid in where they are. It serves nobody and reads no clock.
"""

from collections.abc import Sequence
from typing import Literal

import cv2
import msgspec
import numpy as np

from simulators.camera.canvas import BGR, Image, Sprite
from simulators.camera.truck import Look, paint_truck
from simulators.fleet import Vehicle

__all__ = ["HEIGHT_PX", "VIEWS", "WIDTH_PX", "Scene", "Sighting", "View", "in_sight"]

View = Literal["front", "side", "rear", "gate"]

VIEWS: tuple[View, ...] = ("front", "side", "rear", "gate")
WIDTH_PX = 1280
HEIGHT_PX = 720
_JPEG_QUALITY = 85
_KEPT_LIKENESSES = 5

# Straight views: a truck at d metres beyond the mark appears nearer the vanishing point
_HORIZON_PX = 196.0
_MARK_PX = 676.0  # where a truck's foot stands at the mark
_CAMERA_M = 14.0
_MARK_SCALE = 216.0  # pixels per metre at the mark
_SIGHT_M: dict[View, tuple[float, float]] = {
    "front": (-5.0, 60.0),
    "rear": (-4.0, 60.0),
    "gate": (-5.0, 30.0),
    "side": (-21.0, 21.0),
}
_SIDE_SCALE = 32.0
_SIDE_ROAD_PX = 520.0

_LOOKS: dict[View, Look] = {
    "front": "front",
    "gate": "front",
    "side": "side",
    "rear": "rear",
}


class Sighting(msgspec.Struct, frozen=True):
    """One vehicle as one camera has it: how far from the mark, and on which side.

    ``beyond_m`` counts from the camera's mark away from the camera; for the side view
    it is how far mid-vehicle has still to go to the middle of its half.
    """

    vehicle: Vehicle
    place: int
    beyond_m: float


def in_sight(view: View, beyond_m: float) -> bool:
    """Return whether a vehicle shows in a view."""
    near, far = _SIGHT_M[view]
    return near < beyond_m < far


class Scene:
    """The pictures of one camera."""

    def __init__(self, view: View, name: str, *, places: int, seed: int) -> None:
        cv2.setNumThreads(1)  # the cameras share two cores with everything else
        self.view = view
        self.name = name
        self._places = places
        self._likenesses: dict[int, Sprite] = {}
        rng = np.random.default_rng([seed, VIEWS.index(view)])
        self._background = _painted_background(view, rng)

    def prepare(self, vehicle: Vehicle) -> None:
        """Paint a vehicle's likeness before it is needed."""
        self._likeness(vehicle)

    def render(self, sightings: Sequence[Sighting], label: str) -> Image:
        """Return one frame, shape (720, 1280, 3)."""
        frame = self._background.copy()
        for sighting in sorted(sightings, key=_far_first):
            if in_sight(self.view, sighting.beyond_m):
                self._lay(frame, sighting)
        _write(frame, f"{self.name.upper()}  {label}")
        return frame

    def jpeg(self, sightings: Sequence[Sighting], label: str) -> bytes:
        """Return one frame as JPEG."""
        options = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
        _, coded = cv2.imencode(".jpg", self.render(sightings, label), options)
        return coded.tobytes()

    def _lay(self, frame: Image, sighting: Sighting) -> None:
        sprite = self._likeness(sighting.vehicle)
        width = WIDTH_PX / self._places
        middle = width * (sighting.place + 0.5)
        if self.view == "side":
            half = frame[:, round(width * sighting.place) :][:, : round(width)]
            at = (width / 2.0 - sighting.beyond_m * _SIDE_SCALE, _SIDE_ROAD_PX)
            sprite.paste(half, at, _SIDE_SCALE)
            return
        shrink = _CAMERA_M / (_CAMERA_M + sighting.beyond_m)
        foot = (
            WIDTH_PX / 2.0 + (middle - WIDTH_PX / 2.0) * shrink,
            _HORIZON_PX + (_MARK_PX - _HORIZON_PX) * shrink,
        )
        sprite.paste(frame, foot, _MARK_SCALE * shrink)

    def _likeness(self, vehicle: Vehicle) -> Sprite:
        """Return a vehicle's likeness; the oldest is forgotten."""
        key = vehicle.likeness_seed
        if key not in self._likenesses:
            if len(self._likenesses) >= _KEPT_LIKENESSES:
                self._likenesses.pop(next(iter(self._likenesses)))
            self._likenesses[key] = paint_truck(vehicle, _LOOKS[self.view])
        return self._likenesses[key]


def _far_first(sighting: Sighting) -> float:
    return -sighting.beyond_m


def _write(frame: Image, text: str) -> None:
    """Write one line into the lower left corner."""
    window = frame[HEIGHT_PX - 30 :]
    cv2.convertScaleAbs(window, dst=window, alpha=0.45)
    at = (14, HEIGHT_PX - 9)
    cv2.putText(frame, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.6, (235, 240, 240), 1)


# ---------------------------------------------------------------- backgrounds

_ASPHALT: BGR = (98, 94, 92)
_PAINT: BGR = (214, 220, 222)


def _painted_background(view: View, rng: np.random.Generator) -> Image:
    if view == "side":
        picture = _roadside(rng)
    elif view == "gate":
        picture = _yard(rng)
    else:
        picture = _road(rng, gantry=view == "front")
    grain = 3.0 * rng.standard_normal(picture.shape, dtype=np.float32)
    soft = cv2.GaussianBlur(grain, (0, 0), 0.7)
    grainy: Image = np.clip(picture + soft, 0, 255).astype(np.uint8)
    return grainy


def _sky(rng: np.random.Generator, horizon: int) -> Image:
    """Paint a sky that pales towards the horizon, with thin clouds and far hills."""
    picture = np.zeros((HEIGHT_PX, WIDTH_PX, 3), np.float32)
    fade = np.linspace(0.0, 1.0, horizon, dtype=np.float32)[:, None, None]
    above, below = (
        np.array([208, 164, 122], np.float32),
        np.array([236, 226, 214], np.float32),
    )
    picture[:horizon] = above * (1.0 - fade) + below * fade
    cloud = np.zeros((horizon, WIDTH_PX), np.float32)
    for columns, rows, weight in ((5, 4, 0.5), (11, 9, 0.3), (24, 22, 0.2)):
        coarse = rng.uniform(0.0, weight, (rows, columns)).astype(np.float32)
        size = (WIDTH_PX, horizon)
        cloud += cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC)
    part = np.clip(cloud - 0.5, 0.0, 0.3)[:, :, None] * 1.6
    picture[:horizon] = picture[:horizon] * (1.0 - part) + 244.0 * part
    sheet = picture.astype(np.uint8)
    for distance, colour in ((46, (196, 186, 168)), (26, (162, 158, 136))):
        x = np.arange(0, WIDTH_PX + 1, 16)
        wave = sum(
            np.sin(x / rng.uniform(60, 240) + rng.uniform(0, 6)) for _ in range(4)
        )
        y = horizon - distance - wave * distance * 0.22
        hill = np.stack([x, y], axis=1).astype(np.int32)
        corners = np.array([[WIDTH_PX, horizon], [0, horizon]], np.int32)
        cv2.fillPoly(sheet, [np.vstack([hill, corners])], colour, cv2.LINE_AA)
    return sheet


def _ground(sheet: Image, rng: np.random.Generator, top: int, colour: BGR) -> None:
    """Paint ground that darkens towards the viewer, with soft patches."""
    rows = HEIGHT_PX - top
    fade = np.linspace(1.12, 0.86, rows, dtype=np.float32)[:, None, None]
    coarse = rng.uniform(0.9, 1.1, (10, 16)).astype(np.float32)
    patch = cv2.resize(coarse, (WIDTH_PX, rows), interpolation=cv2.INTER_CUBIC)
    painted = np.array(colour, np.float32) * fade * patch[:, :, None]
    sheet[top:] = np.clip(painted, 0, 255).astype(np.uint8)


def _trees(
    sheet: Image, rng: np.random.Generator, *, y: int, size: int, step: int
) -> None:
    for x in range(-20, WIDTH_PX + 40, step):
        middle = (
            x + int(rng.integers(-6, 7)),
            y - size // 2 + int(rng.integers(-5, 6)),
        )
        green = int(rng.integers(86, 124))
        radius = size // 2 + int(rng.integers(-4, 7))
        cv2.ellipse(
            sheet,
            middle,
            (int(radius * 0.8), radius),
            0,
            0,
            360,
            (58, green, 72),
            -1,
            cv2.LINE_AA,
        )


def _between(x: float, beyond_m: float) -> tuple[int, int]:
    """Return the pixel of a point of the road; x in pixels at the mark."""
    shrink = _CAMERA_M / (_CAMERA_M + beyond_m)
    return (
        round(WIDTH_PX / 2.0 + (x - WIDTH_PX / 2.0) * shrink),
        round(_HORIZON_PX + (_MARK_PX - _HORIZON_PX) * shrink),
    )


def _road(rng: np.random.Generator, *, gantry: bool) -> Image:
    """Paint a two-lane carriageway that runs to the vanishing point."""
    horizon = int(_HORIZON_PX)
    sheet = _sky(rng, horizon)
    _trees(sheet, rng, y=horizon + 2, size=26, step=22)
    _ground(sheet, rng, horizon, (88, 132, 116))
    near, far = -3.0, 900.0
    edges = [
        _between(-90, near),
        _between(-90, far),
        _between(1370, far),
        _between(1370, near),
    ]
    cover = np.zeros((HEIGHT_PX, WIDTH_PX), np.uint8)
    cv2.fillPoly(cover, [np.array(edges, np.int32)], 255, cv2.LINE_AA)
    asphalt = sheet.copy()
    _ground(asphalt, rng, horizon, _ASPHALT)
    part = cover[:, :, None].astype(np.float32) / 255.0
    sheet = (asphalt * part + sheet * (1.0 - part)).astype(np.uint8)
    for x in (0.0, 1280.0):
        _mark(sheet, x, (near, far), width=16)
    for start in range(-3, 240, 9):
        _mark(sheet, 640.0, (float(start), start + 4.5), width=14)
    # wheel tracks, and the strips across the lanes
    for x in (170.0, 470.0, 810.0, 1110.0):
        _mark(sheet, x, (near, 200.0), width=74, colour=(88, 84, 82))
    for row in range(4):
        place = float(3 * row) if not gantry else -0.5 * row
        if row == 0 or not gantry:
            left, right = _between(20, place), _between(1260, place)
            thick = max(2, round(9 * _CAMERA_M / (_CAMERA_M + place)))
            cv2.line(sheet, left, right, (66, 64, 62), thick, cv2.LINE_AA)
            cv2.line(
                sheet, left, right, (120, 120, 116), max(1, thick // 3), cv2.LINE_AA
            )
    for x in (-90.0, 1370.0):
        _rail(sheet, x)
    if gantry:
        _gantry(sheet, 58.0)
    return sheet


def _mark(
    sheet: Image,
    x: float,
    stretch: tuple[float, float],
    *,
    width: float,
    colour: BGR = _PAINT,
) -> None:
    near, far = stretch
    half = width / 2.0
    corners = [
        _between(x - half, near),
        _between(x - half, far),
        _between(x + half, far),
        _between(x + half, near),
    ]
    cv2.fillPoly(sheet, [np.array(corners, np.int32)], colour, cv2.LINE_AA)


def _rail(sheet: Image, x: float) -> None:
    """Paint the guard rail along one side, posts included."""
    for place in np.geomspace(0.5, 300.0, 26) - 2.5:
        foot = _between(x, float(place))
        tall = 0.75 * _MARK_SCALE * _CAMERA_M / (_CAMERA_M + float(place))
        wide = max(1, round(tall * 0.14))
        top = (foot[0], round(foot[1] - tall))
        cv2.line(sheet, foot, top, (140, 142, 142), wide, cv2.LINE_AA)
    for low, high, colour in (
        (0.42, 0.78, (176, 180, 180)),
        (0.56, 0.62, (136, 140, 140)),
    ):
        corners = []
        for place, part in ((-3.0, low), (600.0, low), (600.0, high), (-3.0, high)):
            foot = _between(x, place)
            tall = part * _MARK_SCALE * _CAMERA_M / (_CAMERA_M + place)
            corners.append((foot[0], round(foot[1] - tall)))
        cv2.fillPoly(sheet, [np.array(corners, np.int32)], colour, cv2.LINE_AA)


def _gantry(sheet: Image, place: float) -> None:
    """Paint the gantry over the road with its sign and cameras."""
    scale = _MARK_SCALE * _CAMERA_M / (_CAMERA_M + place)
    left, right = _between(-120.0, place), _between(1400.0, place)
    top = round(left[1] - 6.3 * scale)
    for foot in (left, right):
        cv2.line(sheet, foot, (foot[0], top), (150, 152, 150), 6, cv2.LINE_AA)
    for lift in (0, round(0.6 * scale)):
        cv2.line(
            sheet,
            (left[0], top + lift),
            (right[0], top + lift),
            (150, 152, 150),
            4,
            cv2.LINE_AA,
        )
    middle = (left[0] + right[0]) // 2
    sign = (round(2.6 * scale), round(1.1 * scale))
    cv2.rectangle(
        sheet,
        (middle - sign[0], top - sign[1] // 3),
        (middle + sign[0], top + sign[1]),
        (120, 92, 34),
        -1,
        cv2.LINE_AA,
    )
    font = cv2.FontFace("sans")
    size = max(10, round(0.75 * scale))
    at = (middle - 2 * size, top + sign[1] - round(0.25 * scale))
    cv2.putText(sheet, "动态称重", at, (236, 240, 240), font, size, 600)


def _roadside(rng: np.random.Generator) -> Image:
    """Paint two halves, each one lane seen from its side."""
    road = int(_SIDE_ROAD_PX)
    sheet = _sky(rng, road - 150)
    _ground(sheet, rng, road - 150, (92, 146, 126))
    _trees(sheet, rng, y=road - 128, size=54, step=34)
    _ground(sheet, rng, road - 92, (102, 140, 124))
    # rail behind the road, then the lane, then the near verge
    for x in range(12, WIDTH_PX, 64):
        cv2.rectangle(sheet, (x, road - 96), (x + 5, road - 62), (140, 142, 142), -1)
    cv2.rectangle(sheet, (0, road - 98), (WIDTH_PX, road - 82), (182, 186, 186), -1)
    cv2.line(sheet, (0, road - 90), (WIDTH_PX, road - 90), (140, 144, 144), 2)
    _ground(sheet, rng, road - 62, _ASPHALT)
    cv2.rectangle(sheet, (0, road - 52), (WIDTH_PX, road - 47), _PAINT, -1)
    cv2.rectangle(sheet, (0, road + 62), (WIDTH_PX, road + 70), _PAINT, -1)
    _ground(sheet, rng, road + 112, (96, 138, 120))
    for half in range(2):
        middle = WIDTH_PX * (2 * half + 1) // 4
        for row in range(4):
            x = round(middle + (3.0 * row - 4.5) * _SIDE_SCALE)
            corners = [
                (x, road - 46),
                (x + 5, road - 46),
                (x - 20, road + 60),
                (x - 27, road + 60),
            ]
            cv2.fillPoly(
                sheet, [np.array(corners, np.int32)], (66, 64, 62), cv2.LINE_AA
            )
    cv2.rectangle(
        sheet, (WIDTH_PX // 2 - 3, 0), (WIDTH_PX // 2 + 3, HEIGHT_PX), (24, 24, 24), -1
    )
    return sheet


def _yard(rng: np.random.Generator) -> Image:
    """Paint the yard of a source enterprise: heaps, a shed, the weighbridge."""
    horizon = int(_HORIZON_PX)
    sheet = _sky(rng, horizon)
    for x, size, colour in (
        (170, 150, (96, 138, 166)),
        (1090, 120, (74, 72, 72)),
        (330, 90, (128, 130, 134)),
    ):
        heap = [
            (x - 2 * size, horizon + 20),
            (x - size // 3, horizon - size // 2),
            (x + size // 4, horizon - size // 2 + 8),
            (x + 2 * size, horizon + 20),
        ]
        cv2.fillPoly(sheet, [np.array(heap, np.int32)], colour, cv2.LINE_AA)
    cv2.rectangle(sheet, (560, horizon - 70), (820, horizon + 12), (168, 160, 148), -1)
    roof = [(545, horizon - 66), (690, horizon - 108), (835, horizon - 66)]
    cv2.fillPoly(
        sheet,
        [np.array(roof, np.int32)],
        (72, 84, 150),
        cv2.LINE_AA,
    )
    cv2.rectangle(sheet, (650, horizon - 44), (730, horizon + 12), (92, 86, 80), -1)
    _ground(sheet, rng, horizon, (138, 150, 156))
    # weighbridge: a steel platform with its curbs
    for width, colour in ((760.0, (112, 112, 110)), (700.0, (134, 134, 130))):
        _mark(sheet, 640.0, (-2.6, 26.0), width=width, colour=colour)
    for curb in (270.0, 1010.0):
        _mark(sheet, curb, (-2.6, 26.0), width=26, colour=(30, 178, 236))
    for place in (1.0, 7.0, 13.0, 19.0, 25.0):
        cv2.line(
            sheet,
            _between(290, place),
            _between(990, place),
            (98, 98, 96),
            2,
            cv2.LINE_AA,
        )
    _booth(sheet)
    return sheet


def _booth(sheet: Image) -> None:
    """Paint the weighing booth with window and display."""
    left, right, top, foot = 20, 236, 210, 560
    cv2.rectangle(sheet, (left, top), (right, foot), (206, 210, 212), -1)
    cv2.rectangle(
        sheet, (left - 12, top - 22), (right + 14, top + 4), (150, 92, 40), -1
    )
    cv2.rectangle(
        sheet, (left + 24, top + 70), (right - 24, top + 180), (112, 92, 74), -1
    )
    cv2.line(sheet, (128, top + 70), (128, top + 180), (206, 210, 212), 5)
    cv2.rectangle(sheet, (left, foot - 34), (right, foot), (160, 164, 166), -1)
    font = cv2.FontFace("sans")
    cv2.putText(sheet, "地磅", (left + 66, top + 52), (150, 92, 40), font, 42, 600)
