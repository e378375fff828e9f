"""Fronts and rears of cars and trucks, drawn as flat parts on an inclined plane.

All measures are metres on the vehicle's own plane, x to the right and y downward, zero
where the plate's centre is mounted. It draws the vehicle and never the plate.
"""

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from lpr.image import Image
from lpr.training.textures import (
    Colour,
    any_colour,
    body_colour,
    dull_colour,
    lettering,
    write,
)

__all__ = ["BODIES", "Easel", "plane"]

Point: TypeAlias = tuple[float, float]
_SUBPIXEL_BITS: Final = 3


def plane(
    rng: np.random.Generator,
    *,
    centre_px: Point,
    px_per_m: float,
    most_turn_deg: float = 40.0,
    from_above: bool = False,
    askew_deg: float = 0.0,
) -> NDArray[np.float64]:
    """A pinhole's view of an inclined plane: metres to pixels, shape (3, 3).

    From above, and by a camera that nobody levelled, a turned vehicle's level lines run
    steeply downhill in the picture; by one that is held ``askew_deg``, still more.
    """
    yaw = np.radians(np.clip(rng.normal(0, most_turn_deg / 2), *_within(most_turn_deg)))
    down_deg, spread_deg, rolled_deg = (26.0, 10.0, 14.0) if from_above else (6, 9, 6)
    pitch = np.radians(np.clip(rng.normal(down_deg, spread_deg), *_within(45.0)))
    rolled = np.clip(rng.normal(0, rolled_deg), *_within(30.0))
    roll = np.radians(rolled + askew_deg)
    turned = _turn(roll, 2) @ _turn(pitch, 0) @ _turn(yaw, 1)
    distance_m = rng.uniform(3.0, 25.0)
    focal_px = px_per_m * distance_m
    camera = np.array([[focal_px, 0, 0], [0, focal_px, 0], [0, 0, 1]])
    seen = camera @ np.column_stack([turned[:, 0], turned[:, 1], [0, 0, distance_m]])
    shift = np.array([[1, 0, centre_px[0]], [0, 1, centre_px[1]], [0, 0, 1]])
    return np.asarray(shift @ seen / distance_m, np.float64)


def _within(most: float) -> tuple[float, float]:
    return -most, most


def _turn(angle: float, axis: int) -> NDArray[np.float64]:
    one, other = [index for index in range(3) if index != axis]
    matrix = np.eye(3)
    matrix[one, one] = matrix[other, other] = np.cos(angle)
    matrix[one, other], matrix[other, one] = -np.sin(angle), np.sin(angle)
    return matrix


class Easel:
    """A page and the plane on which parts are drawn onto it."""

    def __init__(
        self, rng: np.random.Generator, page: Image, matrix: NDArray[np.float64]
    ) -> None:
        self.rng = rng
        self.page = page
        self.matrix = matrix

    def pixels(self, points: Sequence[Point]) -> NDArray[np.float64]:
        """Metres to pixels, shape (n, 2)."""
        flat = np.column_stack([np.array(points, np.float64), np.ones(len(points))])
        seen = flat @ self.matrix.T
        depth = np.maximum(seen[:, 2:], 0.05)
        return np.asarray(np.clip(seen[:, :2] / depth, -20000, 20000), np.float64)

    def area(self, points: Sequence[Point], colour: Colour) -> None:
        """A filled polygon."""
        scaled = np.round(self.pixels(points) * 2**_SUBPIXEL_BITS).astype(np.int32)
        cv2.fillPoly(self.page, [scaled], colour, cv2.LINE_AA, _SUBPIXEL_BITS)

    def box(self, x0: float, y0: float, x1: float, y1: float, colour: Colour) -> None:
        """A filled rectangle."""
        self.area([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], colour)

    def line(self, start: Point, end: Point, colour: Colour, width_m: float) -> None:
        """A line of a width."""
        one, other = self.pixels([start, end])
        width = max(1, round(width_m * abs(self.matrix[0, 0])))
        cv2.line(
            self.page,
            (round(one[0]), round(one[1])),
            (round(other[0]), round(other[1])),
            colour,
            min(width, 400),
            cv2.LINE_AA,
        )

    def disc(self, x: float, y: float, radius: float, colour: Colour) -> None:
        """A filled circle, seen as an oval."""
        angles = np.linspace(0, 2 * np.pi, 20, endpoint=False)
        self.area(
            [
                (x + radius * float(np.cos(a)), y + radius * float(np.sin(a)))
                for a in angles
            ],
            colour,
        )

    def words(self, x: float, y: float, height: float, colour: Colour) -> None:
        """Some lettering whose lower left lies at x, y."""
        ((px, py),) = self.pixels([(x, y)])
        size = round(height * abs(self.matrix[1, 1]))
        inside = -size < py < self.page.shape[0] + size and px < self.page.shape[1]
        if 5 <= size <= 160 and inside:
            text = lettering(self.rng)
            write(
                self.rng,
                self.page,
                text,
                at=(round(px), round(py)),
                size_px=size,
                colour=colour,
            )

    def between(self, low: float, high: float) -> float:
        """A figure drawn evenly."""
        return float(self.rng.uniform(low, high))

    def happens(self, chance: float) -> bool:
        """Whether something of this chance happens."""
        return bool(self.rng.random() < chance)


def _shaded(colour: Colour, share: float) -> Colour:
    blue, green, red = (min(255, max(0, round(part * share))) for part in colour)
    return blue, green, red


def _dark(easel: Easel) -> Colour:
    level = int(easel.rng.integers(8, 70))
    return level, level, level


def _bright(easel: Easel) -> Colour:
    return (
        int(easel.rng.integers(170, 256)),
        int(easel.rng.integers(180, 256)),
        int(easel.rng.integers(190, 256)),
    )


def _grille(easel: Easel, x0: float, y0: float, x1: float, y1: float) -> None:
    """A field of bars, a mesh or nothing but dark."""
    easel.box(x0, y0, x1, y1, _dark(easel))
    bar = _bright(easel) if easel.happens(0.5) else _shaded(_dark(easel), 1.8)
    if easel.happens(0.7):
        count = int(easel.rng.integers(2, 9))
        for y in np.linspace(y0, y1, count + 2)[1:-1]:
            easel.line((x0, float(y)), (x1, float(y)), bar, easel.between(0.008, 0.03))
    if easel.happens(0.4):
        count = int(easel.rng.integers(4, 26))
        for x in np.linspace(x0, x1, count + 2)[1:-1]:
            easel.line((float(x), y0), (float(x), y1), bar, easel.between(0.005, 0.02))


def _lamp(easel: Easel, x: float, y: float, wide: float, tall: float) -> None:
    rim = easel.between(0.0, 0.03)
    easel.box(
        x - wide / 2 - rim,
        y - tall / 2 - rim,
        x + wide / 2 + rim,
        y + tall / 2 + rim,
        _dark(easel),
    )
    glass = _bright(easel) if easel.happens(0.7) else dull_colour(easel.rng)
    easel.box(x - wide / 2, y - tall / 2, x + wide / 2, y + tall / 2, glass)
    easel.disc(x, y, 0.35 * tall, _shaded(glass, easel.between(0.5, 1.2)))
    if easel.happens(0.5):
        easel.box(x - wide / 2, y, x - wide / 4, y + tall / 2, (20, 130, 245))


def _recess(easel: Easel) -> None:
    """What a plate is mounted in or on: a hollow, a board, a frame, or nothing."""
    if easel.happens(0.35):
        x, y = easel.between(0.23, 0.4), easel.between(0.08, 0.2)
        colour = _dark(easel) if easel.happens(0.7) else dull_colour(easel.rng)
        easel.box(-x, -y, x, y, colour)


def _car_front(easel: Easel) -> None:
    paint = body_colour(easel.rng)
    low, half = easel.between(0.15, 0.4), easel.between(0.82, 0.98)
    waist, roof = easel.between(-0.75, -0.4), easel.between(-1.25, -0.9)
    easel.area(
        [
            (-half * 1.02, low + 0.2),
            (half * 1.02, low + 0.2),
            (half, low + 0.35),
            (-half, low + 0.35),
        ],
        (25, 25, 25),
    )
    easel.area(
        [(-half, waist), (half, waist), (half * 1.02, low), (-half * 1.02, low)], paint
    )
    easel.area(
        [
            (-half * 0.72, roof),
            (half * 0.72, roof),
            (half * 0.95, waist),
            (-half * 0.95, waist),
        ],
        _shaded(paint, 0.9),
    )
    easel.area(
        [
            (-half * 0.66, roof + 0.08),
            (half * 0.66, roof + 0.08),
            (half * 0.86, waist - 0.04),
            (-half * 0.86, waist - 0.04),
        ],
        _shaded(dull_colour(easel.rng), 0.5),
    )
    if easel.happens(0.7):
        top = waist + easel.between(0.1, 0.3)
        x = easel.between(0.3, 0.6)
        _grille(easel, -x, top, x, min(-0.1, top + easel.between(0.1, 0.3)))
    for side in (-1, 1):
        _lamp(
            easel,
            side * half * 0.78,
            waist + easel.between(0.15, 0.35),
            easel.between(0.2, 0.4),
            easel.between(0.1, 0.22),
        )
        if easel.happens(0.5):
            _lamp(easel, side * half * 0.75, low - 0.12, 0.14, 0.1)
    if easel.happens(0.6):
        easel.disc(
            0.0,
            waist + easel.between(0.08, 0.3),
            easel.between(0.03, 0.09),
            _bright(easel),
        )
    if easel.happens(0.6):
        x = easel.between(0.4, 0.75)
        _grille(easel, -x, easel.between(-0.07, 0.1), x, low - 0.03)
    for y in (easel.between(-0.3, -0.1), easel.between(0.05, 0.25)):
        easel.line(
            (-half, y), (half, y), _shaded(paint, easel.between(0.5, 1.3)), 0.015
        )


def _car_rear(easel: Easel) -> None:
    paint = body_colour(easel.rng)
    low, half = easel.between(0.2, 0.6), easel.between(0.82, 0.98)
    waist, roof = easel.between(-0.6, -0.25), easel.between(-1.1, -0.7)
    easel.area([(-half, waist), (half, waist), (half, low), (-half, low)], paint)
    easel.area(
        [
            (-half * 0.75, roof),
            (half * 0.75, roof),
            (half * 0.97, waist),
            (-half * 0.97, waist),
        ],
        _shaded(paint, 0.92),
    )
    easel.area(
        [
            (-half * 0.68, roof + 0.07),
            (half * 0.68, roof + 0.07),
            (half * 0.85, waist - 0.05),
            (-half * 0.85, waist - 0.05),
        ],
        _shaded(dull_colour(easel.rng), 0.5),
    )
    red = (
        int(easel.rng.integers(10, 70)),
        int(easel.rng.integers(10, 70)),
        int(easel.rng.integers(120, 255)),
    )
    wide, tall = easel.between(0.15, 0.45), easel.between(0.12, 0.35)
    for side in (-1, 1):
        x = side * (half - wide / 2)
        easel.box(x - wide / 2, waist + 0.05, x + wide / 2, waist + 0.05 + tall, red)
        if easel.happens(0.6):
            easel.box(
                x - wide / 4,
                waist + 0.09,
                x + wide / 4,
                waist + 0.03 + tall / 2,
                _bright(easel),
            )
    if easel.happens(0.5):
        easel.box(
            -0.4,
            -0.13,
            0.4,
            -0.09,
            _bright(easel) if easel.happens(0.5) else _shaded(paint, 0.6),
        )
    if easel.happens(0.5):
        easel.words(
            easel.between(-0.75, 0.3),
            waist + easel.between(0.1, 0.25),
            easel.between(0.04, 0.09),
            _bright(easel),
        )
    if easel.happens(0.6):
        easel.disc(
            0.0,
            waist + easel.between(0.0, 0.15),
            easel.between(0.03, 0.07),
            _bright(easel),
        )
    easel.line((-half, low - 0.2), (half, low - 0.2), _shaded(paint, 0.5), 0.02)


def _truck_front(easel: Easel) -> None:
    paint = body_colour(easel.rng)
    half, low = easel.between(1.1, 1.28), easel.between(0.15, 0.5)
    roof = easel.between(-2.9, -2.0)
    sill = roof + easel.between(1.0, 1.4)
    easel.area(
        [(-half * 0.96, roof), (half * 0.96, roof), (half, low), (-half, low)], paint
    )
    easel.box(
        -half * 0.88,
        roof + 0.25,
        half * 0.88,
        sill,
        _shaded(dull_colour(easel.rng), 0.45),
    )
    if easel.happens(0.6):
        easel.box(
            -half * 0.9, roof + 0.1, half * 0.9, roof + 0.3, any_colour(easel.rng)
        )
        easel.words(easel.between(-0.9, -0.2), roof + 0.28, 0.17, any_colour(easel.rng))
    x, bottom = easel.between(0.6, 1.05), easel.between(-0.6, -0.2)
    _grille(easel, -x, min(sill + easel.between(0.05, 0.3), bottom - 0.15), x, bottom)
    if easel.happens(0.7):
        easel.words(
            easel.between(-0.6, -0.1),
            sill + 0.22,
            easel.between(0.1, 0.22),
            _bright(easel),
        )
    bumper = (
        _shaded(paint, easel.between(0.5, 1.1)) if easel.happens(0.5) else _dark(easel)
    )
    easel.box(-half * 1.02, easel.between(-0.5, -0.15), half * 1.02, low, bumper)
    for side in (-1, 1):
        y = easel.between(-0.4, 0.1)
        _lamp(
            easel,
            side * half * 0.8,
            y,
            easel.between(0.25, 0.5),
            easel.between(0.15, 0.3),
        )
        easel.box(
            side * half * 1.15 - 0.08,
            roof + 0.4,
            side * half * 1.15 + 0.08,
            roof + 1.0,
            (20, 20, 20),
        )
    if easel.happens(0.4):
        easel.words(
            easel.between(-1.0, -0.5),
            easel.between(-0.4, 0.3),
            easel.between(0.06, 0.15),
            any_colour(easel.rng),
        )


def _truck_rear(easel: Easel) -> None:
    paint = body_colour(easel.rng)
    half = easel.between(1.15, 1.28)
    beside, floor = easel.between(-0.9, 0.9), easel.between(-0.7, -0.12)
    left, right, roof = -half - beside, half - beside, floor - easel.between(0.8, 2.6)
    easel.box(left, roof, right, floor, paint)
    pattern = easel.rng.integers(4)
    steps = np.linspace(left, right, int(easel.rng.integers(3, 12)))
    for x in steps:
        if pattern in {0, 1}:
            easel.line(
                (float(x), roof),
                (float(x), floor),
                _shaded(paint, easel.between(0.5, 1.3)),
                0.04,
            )
    if pattern in {1, 2}:
        for y in np.linspace(roof, floor, int(easel.rng.integers(3, 8))):
            easel.line(
                (left, float(y)),
                (right, float(y)),
                _shaded(paint, easel.between(0.5, 1.3)),
                0.04,
            )
    ink = any_colour(easel.rng) if easel.happens(0.5) else _bright(easel)
    for _ in range(int(easel.rng.integers(0, 4))):
        easel.words(
            easel.between(left, left + 1.2),
            easel.between(roof + 0.3, floor),
            easel.between(0.12, 0.45),
            ink,
        )
    easel.box(
        left + 0.1,
        floor,
        right - 0.1,
        floor + easel.between(0.3, 0.8),
        _shaded(_dark(easel), 0.9),
    )
    bar = easel.between(0.12, 0.4)
    easel.box(left, bar, right, bar + easel.between(0.08, 0.2), dull_colour(easel.rng))
    if easel.happens(0.8):  # retroreflecting marks
        y, tall = floor - easel.between(0.0, 0.2), 0.05
        for index, x in enumerate(np.arange(left, right, 0.3)):
            tint: Colour = (235, 240, 240) if index % 2 else (30, 30, 210)
            easel.box(float(x), y, min(float(x) + 0.3, right), y + tall, tint)
    for side in (left + 0.25, right - 0.25):
        for step in range(int(easel.rng.integers(1, 4))):
            tint = ((30, 30, 190), (20, 120, 240), (220, 220, 225))[step]
            easel.disc(
                side + 0.13 * step * (1 if side < 0 else -1), floor + 0.15, 0.06, tint
            )
    if easel.happens(0.35):  # a board of a load
        x, y = easel.between(left, right - 0.5), easel.between(roof, floor - 0.3)
        tint = ((20, 140, 250), (30, 200, 245), (160, 80, 20))[
            int(easel.rng.integers(3))
        ]
        easel.box(x, y, x + 0.5, y + easel.between(0.15, 0.35), tint)
        easel.words(x + 0.03, y + 0.15, easel.between(0.07, 0.13), (10, 10, 10))
    if easel.happens(0.5):
        for side in (left, right - 0.6):
            easel.box(side, floor + 0.4, side + 0.6, floor + 1.1, (28, 28, 30))


def _van(easel: Easel) -> None:
    paint = body_colour(easel.rng)
    half, roof, low = (
        easel.between(0.85, 1.2),
        easel.between(-1.7, -1.2),
        easel.between(0.2, 0.5),
    )
    easel.area(
        [(-half * 0.9, roof), (half * 0.9, roof), (half, low), (-half, low)], paint
    )
    easel.area(
        [
            (-half * 0.78, roof + 0.15),
            (half * 0.78, roof + 0.15),
            (half * 0.84, roof + 0.75),
            (-half * 0.84, roof + 0.75),
        ],
        _shaded(dull_colour(easel.rng), 0.5),
    )
    lamp = (40, 40, 200) if easel.happens(0.5) else _bright(easel)
    for side in (-1, 1):
        y = easel.between(-0.5, -0.1)
        easel.box(
            side * half * 0.95 - 0.1,
            y,
            side * half * 0.95 + 0.1,
            y + easel.between(0.15, 0.5),
            lamp,
        )
    easel.words(
        easel.between(-half, 0),
        easel.between(-0.5, -0.2),
        easel.between(0.08, 0.2),
        any_colour(easel.rng),
    )
    easel.box(
        -half,
        easel.between(0.0, 0.15),
        half,
        low,
        _shaded(paint, easel.between(0.4, 1.0)),
    )


def _any_parts(easel: Easel) -> None:
    """Parts without an order: whatever the other bodies leave out."""
    for _ in range(int(easel.rng.integers(2, 14))):
        x, y = easel.between(-1.2, 1.0), easel.between(-1.2, 0.6)
        wide, tall = easel.between(0.05, 1.2), easel.between(0.03, 0.5)
        choice = easel.rng.integers(5)
        if choice == 0:
            _grille(easel, x, y, x + wide, y + tall)
        elif choice == 1:
            _lamp(easel, x, y, wide / 2, tall / 2)
        elif choice == 2:
            easel.words(x, y, easel.between(0.04, 0.3), any_colour(easel.rng))
        elif choice == 3:
            easel.box(x, y, x + wide, y + tall, dull_colour(easel.rng))
        else:
            easel.line(
                (x, y),
                (x + wide, y + easel.between(-0.2, 0.2)),
                dull_colour(easel.rng),
                0.03,
            )


def _with_recess(body: Callable[[Easel], None]) -> Callable[[Easel], None]:
    def draw(easel: Easel) -> None:
        body(easel)
        if easel.happens(0.3):
            _any_parts(easel)
        _recess(easel)

    return draw


BODIES: Final = tuple(
    _with_recess(body)
    for body in (
        _car_front,
        _car_rear,
        _truck_front,
        _truck_rear,
        _van,
        _any_parts,
    )
)
"""Every kind of body, with what its plate is mounted in."""
