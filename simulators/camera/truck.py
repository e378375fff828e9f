"""How one truck looks from the front, from the side and from behind.

Each likeness is painted once, in metres, from the truck's own geometry: wheels stand
where its axles are, the load shows as high as it is, the plates are its plates.
"""

import itertools
from collections.abc import Callable
from typing import Literal

import numpy as np

from simulators.camera.canvas import BGR, Canvas, Sprite, shade
from simulators.camera.plate_face import draw_plate
from simulators.fleet import Vehicle

__all__ = ["Look", "paint_truck"]

Look = Literal["front", "side", "rear"]

_PAINT: dict[str, BGR] = {
    "red": (44, 40, 186),
    "blue": (168, 92, 34),
    "green": (88, 118, 34),
    "white": (226, 224, 220),
    "yellow": (52, 170, 232),
    "orange": (36, 104, 226),
}
_CARGO: tuple[BGR, ...] = (
    (46, 44, 44),  # coal
    (104, 148, 178),  # sand
    (140, 142, 146),  # gravel
    (62, 86, 122),  # earth
)
_BOX: tuple[BGR, ...] = (
    (214, 214, 210),
    (170, 150, 120),
    (120, 140, 90),
    (196, 180, 160),
)
_TYRE: BGR = (34, 33, 32)
_GLASS: BGR = (98, 80, 62)
_STEEL: BGR = (92, 90, 88)
_CHASSIS: BGR = (52, 50, 48)
_LAMP: BGR = (232, 240, 246)
_AMBER: BGR = (30, 140, 245)
_RED: BGR = (40, 36, 205)

_PLATE_WIDTH_M = 0.66  # half as wide again as a plate is: the view is a wide one
_WHEEL_RADIUS_M = 0.52
_FLOOR_M = 1.25


class _Style:
    """What chance chose for one truck: colours, heights, heap."""

    def __init__(self, vehicle: Vehicle) -> None:
        self.vehicle = vehicle
        self.rng = np.random.default_rng(vehicle.likeness_seed)
        self.paint = _PAINT[vehicle.colour]
        self.cargo = _CARGO[int(self.rng.integers(len(_CARGO)))]
        self.box = _BOX[int(self.rng.integers(len(_BOX)))]
        self.articulated = vehicle.vehicle_class == "articulated"
        small = len(vehicle.axle_loads_kg) == 2
        self.cab_top_m = 2.75 if small else 3.15
        self.half_width_m = 1.14 if small else 1.22
        heights = {"box": 3.75, "tipper": 2.75, "stake": 2.7, "tank": 3.3}
        self.body_top_m = heights[vehicle.body] - (0.35 if small else 0.0)
        heaps = {"empty": -0.5, "lawful": 0.12, "overloaded": 0.95}
        self.heap_m = heaps[vehicle.load]
        self.open_top = vehicle.body in {"tipper", "stake"}

    def heap(
        self, along: tuple[float, float], step_m: float
    ) -> list[tuple[float, float]]:
        """Return the outline of the heaped load over a stretch."""
        start, end = along
        count = max(6, round((end - start) / step_m))
        x = np.linspace(0.0, 1.0, count)
        ends = np.minimum(1.0, np.minimum(x, 1.0 - x) * (end - start) / 0.55)
        wave = (
            1.0
            + 0.1 * np.sin(x * count * 0.45)
            + 0.05 * self.rng.standard_normal(count)
        )
        rise = self.heap_m * np.sqrt(ends) * wave
        top = self.body_top_m - 0.03 + np.maximum(rise, 0.0)
        outline = list(zip(start + x * (end - start), top, strict=True))
        low = self.body_top_m - 0.4
        return [(start, low), *((float(a), float(b)) for a, b in outline), (end, low)]


def paint_truck(vehicle: Vehicle, look: Look) -> Sprite:
    """Paint one likeness of a truck.

    The foot of the sprite is on the ground: below the middle of the front or the
    tail, and for the side look below the middle between bumper and tail.
    """
    style = _Style(vehicle)
    canvas = _PAINTERS[look](style)
    canvas.weathered(
        style.rng,
        light=float(style.rng.uniform(0.88, 1.06)),
        noise=2.5,
        blur_px=0.0 if look == "side" else float(style.rng.uniform(0.5, 1.0)),
    )
    return canvas.sprite()


# ---------------------------------------------------------------- front


def _paint_front(style: _Style) -> Canvas:
    canvas = Canvas(width_m=3.5, height_m=5.2, below_m=0.35, pixels_per_m=250.0)
    canvas.shadow((0.0, 0.0), (1.5, 0.16), 0.55)
    half, top = style.half_width_m, style.cab_top_m
    paint, dark, light = style.paint, shade(style.paint, 0.6), shade(style.paint, 1.18)
    _front_body(canvas, style)
    for side in (-1.0, 1.0):
        inner, outer = sorted((side * (half - 0.34), side * (half - 0.02)))
        canvas.box((inner, 0.0), (outer, 1.0), _TYRE, radius=0.05)
    canvas.box((-half + 0.1, 0.5), (half - 0.1, 1.1), _CHASSIS)
    # mirrors on their arms
    for side in (-1.0, 1.0):
        canvas.line((side * half, 2.5), (side * (half + 0.24), 2.55), _TYRE, width=0.05)
        canvas.line((side * half, 1.75), (side * (half + 0.24), 1.8), _TYRE, width=0.05)
        inner, outer = sorted((side * (half + 0.12), side * (half + 0.36)))
        canvas.box((inner, 1.72), (outer, 2.62), (40, 40, 40), radius=0.07)
        canvas.box((inner + 0.03, 1.78), (outer - 0.03, 2.5), (74, 70, 66), radius=0.05)
    # roof with its fairing and marker lamps
    if style.articulated:
        canvas.polygon(
            [
                (-1.0, top - 0.1),
                (-0.86, top + 0.52),
                (0.86, top + 0.52),
                (1.0, top - 0.1),
            ],
            light,
        )
        canvas.polygon(
            [(-0.72, top), (-0.62, top + 0.4), (0.62, top + 0.4), (0.72, top)],
            shade(paint, 0.86),
        )
    canvas.box((-half, 0.95), (half, top), paint, radius=0.16)
    canvas.box((-half + 0.05, top - 0.26), (half - 0.05, top - 0.04), light, radius=0.1)
    for x in (-0.8, -0.4, 0.4, 0.8):
        canvas.box((x - 0.07, top - 0.1), (x + 0.07, top - 0.04), _AMBER, radius=0.02)
    _windscreen(canvas, style)
    _grille(canvas, style, dark)
    # bumper, lamps, step, plate
    canvas.box((-half, 0.36), (half, 0.98), shade(paint, 0.82), radius=0.1)
    canvas.box((-half + 0.02, 0.36), (half - 0.02, 0.5), (46, 45, 44), radius=0.06)
    for side in (-1.0, 1.0):
        inner, outer = sorted((side * (half - 0.52), side * (half - 0.06)))
        canvas.box((inner, 0.66), (outer, 0.92), (58, 56, 54), radius=0.06)
        canvas.box((inner + 0.04, 0.69), (outer - 0.04, 0.89), _LAMP, radius=0.06)
        canvas.disc((side * (half - 0.38), 0.79), 0.075, (205, 214, 220))
        canvas.disc((side * (half - 0.2), 0.79), 0.06, (250, 252, 252))
        canvas.disc((side * (half - 0.3), 0.43), 0.05, (190, 200, 205))
        inner, outer = sorted((side * (half - 0.06), side * half))
        canvas.box((inner, 0.68), (outer, 0.9), _AMBER)
    _plate(canvas, style, middle_m=0.71, front=True)
    return canvas


def _windscreen(canvas: Canvas, style: _Style) -> None:
    half, top = style.half_width_m, style.cab_top_m
    low, high = top - 1.28, top - 0.34
    frame = shade(style.paint, 0.45)
    canvas.polygon(
        [
            (-half + 0.06, low - 0.05),
            (-half + 0.12, high + 0.04),
            (half - 0.12, high + 0.04),
            (half - 0.06, low - 0.05),
        ],
        frame,
    )
    glass = [
        (-half + 0.1, low),
        (-half + 0.16, high),
        (half - 0.16, high),
        (half - 0.1, low),
    ]
    canvas.polygon(glass, _GLASS)
    # the driver, a passenger's seat, the sky in the glass, the wipers
    canvas.box((0.34, low), (0.86, low + 0.34), (58, 50, 46), radius=0.12)
    canvas.disc((0.6, low + 0.46), 0.13, (92, 112, 140))
    canvas.box((-0.84, low), (-0.42, low + 0.5), (70, 58, 48), radius=0.1)
    canvas.polygon(
        [(-half + 0.2, high), (-0.15, high), (-0.62, low), (-half + 0.11, low)],
        (132, 112, 90),
    )
    canvas.polygon(
        [(0.1, high), (0.28, high), (-0.2, low), (-0.38, low)], (124, 104, 82)
    )
    canvas.box(
        (-half + 0.12, high - 0.16), (half - 0.12, high), shade(style.paint, 0.5)
    )
    canvas.line((-0.08, low), (-0.7, low + 0.42), (24, 24, 24), width=0.022)
    canvas.line((0.95, low), (0.35, low + 0.4), (24, 24, 24), width=0.022)


def _grille(canvas: Canvas, style: _Style, dark: BGR) -> None:
    top = style.cab_top_m - 1.42
    canvas.box((-0.86, 1.04), (0.86, top), dark, radius=0.06)
    for y in np.linspace(1.1, top - 0.08, 5):
        canvas.box((-0.8, float(y) - 0.018), (0.8, float(y) + 0.03), _STEEL)
    canvas.disc((0.0, (1.04 + top) / 2.0), 0.15, (150, 150, 150))
    canvas.disc((0.0, (1.04 + top) / 2.0), 0.11, shade(style.paint, 0.8))


def _front_body(canvas: Canvas, style: _Style) -> None:
    """Paint what shows of body and load behind the cab."""
    top = style.body_top_m
    match style.vehicle.body:
        case "tank":
            canvas.disc((0.0, 2.2), 1.18, shade(style.box, 0.75))
        case "box":
            canvas.box((-1.26, 0.9), (1.26, top), shade(style.box, 0.82), radius=0.03)
            canvas.box((-1.26, top - 0.1), (1.26, top), shade(style.box, 1.05))
        case "tipper" | "stake":
            if style.heap_m > 0.0:
                canvas.polygon(style.heap((-1.2, 1.2), 0.12), style.cargo)
            canvas.box((-1.26, 0.9), (1.26, top), shade(style.paint, 0.55))
            canvas.box((-1.26, top - 0.12), (1.26, top), shade(style.paint, 0.75))


def _plate(canvas: Canvas, style: _Style, *, middle_m: float, front: bool) -> None:
    """Fix the front or the rear plate, a little crooked."""
    plate = style.vehicle.plate if front else style.vehicle.rear_plate
    face = draw_plate(plate, style.rng)
    half = _PLATE_WIDTH_M / 2.0
    tall = _PLATE_WIDTH_M * face.shape[0] / face.shape[1] / 2.0
    canvas.box(
        (-half - 0.03, middle_m - tall - 0.03),
        (half + 0.03, middle_m + tall + 0.03),
        (40, 38, 36),
        radius=0.02,
    )
    tilt, lean, taper = style.rng.uniform(-0.012, 0.012, 3)
    canvas.inlay(
        face,
        [
            (-half + lean, middle_m + tall - tilt),
            (half + lean, middle_m + tall + tilt),
            (half - lean, middle_m - tall + tilt + taper),
            (-half - lean, middle_m - tall - tilt),
        ],
    )


# ---------------------------------------------------------------- rear


def _paint_rear(style: _Style) -> Canvas:
    canvas = Canvas(width_m=3.5, height_m=5.2, below_m=0.35, pixels_per_m=250.0)
    canvas.shadow((0.0, 0.0), (1.5, 0.16), 0.55)
    for side in (-1.0, 1.0):
        for inner in (0.52, 0.86):
            a, b = sorted((side * inner, side * (inner + 0.31)))
            canvas.box((a, 0.0), (b, 1.02), _TYRE, radius=0.05)
            canvas.box((a + 0.1, 0.0), (b - 0.1, 1.0), shade(_TYRE, 1.3))
    canvas.box((-1.12, 0.62), (1.12, 1.2), _CHASSIS)
    canvas.box((-0.2, 0.4), (0.2, 0.75), shade(_CHASSIS, 0.8), radius=0.1)  # axle
    _rear_body(canvas, style)
    # underrun bar in red and white, lamps
    canvas.box((-1.18, 0.42), (1.18, 0.6), (190, 196, 200))
    for place in range(6):
        x = -1.18 + place * 0.4
        canvas.box((x, 0.42), (min(x + 0.2, 1.18), 0.6), _RED)
    for side in (-1.0, 1.0):
        a, b = sorted((side * 0.62, side * 1.18))
        canvas.box((a, 0.86), (b, 1.1), (44, 42, 40), radius=0.03)
        for place, colour in enumerate((_RED, _AMBER, _RED)):
            x = side * (0.72 + 0.18 * place)
            canvas.disc((x, 0.98), 0.075, colour)
            canvas.disc((x - 0.015, 1.0), 0.03, shade(colour, 1.5))
    _plate(canvas, style, middle_m=0.9, front=False)
    return canvas


def _rear_body(canvas: Canvas, style: _Style) -> None:
    top, floor = style.body_top_m, _FLOOR_M
    match style.vehicle.body:
        case "tank":
            canvas.disc((0.0, 2.2), 1.2, shade(style.box, 0.7))
            canvas.disc((0.0, 2.2), 1.1, style.box)
            canvas.disc((-0.1, 2.35), 0.8, shade(style.box, 1.08))
            for rung in range(5):
                y = 1.4 + 0.38 * rung
                canvas.line((0.5, y), (0.8, y), _STEEL, width=0.04)
            canvas.line((0.5, 1.2), (0.5, 3.1), _STEEL, width=0.04)
            canvas.line((0.8, 1.2), (0.8, 3.1), _STEEL, width=0.04)
        case "box":
            canvas.box(
                (-1.26, floor - 0.1), (1.26, top), shade(style.box, 0.7), radius=0.03
            )
            canvas.box((-1.2, floor), (-0.015, top - 0.08), style.box)
            canvas.box((0.015, floor), (1.2, top - 0.08), style.box)
            for x in (-0.75, -0.3, 0.3, 0.75):
                canvas.line((x, floor), (x, top - 0.1), _STEEL, width=0.035)
                canvas.box((x - 0.07, 2.0), (x + 0.07, 2.1), _STEEL)
        case "tipper" | "stake":
            if style.heap_m > 0.0:
                canvas.polygon(style.heap((-1.2, 1.2), 0.12), style.cargo)
                canvas.polygon(
                    [(x * 0.8, y - 0.14) for x, y in style.heap((-1.2, 1.2), 0.12)],
                    shade(style.cargo, 1.12),
                )
            side = shade(style.paint, 0.82)
            canvas.box((-1.26, floor - 0.08), (1.26, top), side)
            canvas.box((-1.26, top - 0.12), (1.26, top), shade(side, 1.15))
            canvas.box((-1.26, floor - 0.08), (1.26, floor + 0.06), shade(side, 0.7))
            for x in np.linspace(-1.2, 1.2, 7):
                canvas.box(
                    (float(x) - 0.04, floor), (float(x) + 0.04, top), shade(side, 0.72)
                )
    for side_x in (-1.2, 0.98):
        for place in range(4):
            colour = _RED if place % 2 == 0 else (225, 228, 230)
            y = floor + 0.02 + 0.13 * place
            canvas.box((side_x, y), (side_x + 0.22, y + 0.06), colour)


# ---------------------------------------------------------------- side


def _paint_side(style: _Style) -> Canvas:
    """Paint the side look, driving to the right; x = 0 is mid-vehicle."""
    vehicle = style.vehicle
    length = vehicle.length_m
    canvas = Canvas(width_m=length + 1.0, height_m=4.9, below_m=0.3, pixels_per_m=64.0)
    canvas.shadow((0.0, 0.0), (length / 2.0, 0.12), 0.5)
    front = length / 2.0
    first_axle = front - vehicle.front_overhang_m
    axles = [first_axle - behind for behind in vehicle.axle_positions_m]
    rear = -length / 2.0
    cab = 2.25 if style.articulated else 2.0
    cab_end = front - cab
    _side_chassis(canvas, style, axles, ends=(rear, front))
    _side_body(
        canvas, style, (rear + 0.1, cab_end - (0.5 if style.articulated else 0.2))
    )
    _side_cab(canvas, style, (cab_end, front))
    for place in axles:
        _wheel(canvas, (place, _WHEEL_RADIUS_M))
    return canvas


def _side_chassis(
    canvas: Canvas,
    style: _Style,
    axles: list[float],
    *,
    ends: tuple[float, float],
) -> None:
    rear, front = ends
    hinge = style.vehicle.hinge_axle
    canvas.box((rear, 0.86), (front - 0.4, 1.08), _CHASSIS)
    # underrun guard and tank between the widest two axles
    gaps = [(a - b, a, b) for a, b in itertools.pairwise(axles)]
    _, ahead, behind = max(gaps)
    low, high = behind + _WHEEL_RADIUS_M + 0.25, ahead - _WHEEL_RADIUS_M - 0.25
    canvas.line((low, 0.62), (high, 0.62), (170, 172, 174), width=0.05)
    canvas.line((low, 0.78), (high, 0.78), (170, 172, 174), width=0.05)
    if hinge is not None:
        canvas.box(
            (axles[hinge] - 0.3, 1.02), (axles[0] - 1.0, 1.2), shade(_CHASSIS, 0.7)
        )
        canvas.box((axles[0] - 1.9, 0.45), (axles[0] - 0.85, 0.95), _STEEL, radius=0.12)


def _side_cab(canvas: Canvas, style: _Style, along: tuple[float, float]) -> None:
    end, front = along
    top = style.cab_top_m
    paint = style.paint
    if style.articulated:
        canvas.polygon(
            [(end, top - 0.1), (end, style.cab_top_m + 0.5), (front - 0.9, top - 0.05)],
            shade(paint, 1.1),
        )
    canvas.polygon(
        [
            (end, 0.78),
            (end, top - 0.06),
            (end + 0.1, top),
            (front - 0.32, top),
            (front - 0.16, top - 0.3),
            (front, 1.6),
            (front, 0.45),
            (front - 0.7, 0.45),
            (front - 0.9, 0.78),
        ],
        paint,
    )
    canvas.polygon(
        [
            (front - 1.3, top - 1.2),
            (front - 1.3, top - 0.42),
            (front - 0.42, top - 0.42),
            (front - 0.16, top - 1.2),
        ],
        _GLASS,
    )
    canvas.polygon(
        [
            (front - 1.2, top - 0.46),
            (front - 0.9, top - 0.46),
            (front - 1.0, top - 1.18),
            (front - 1.26, top - 1.18),
        ],
        (132, 112, 90),
    )
    canvas.line(
        (front - 1.36, 0.95), (front - 1.36, top - 0.3), shade(paint, 0.7), width=0.02
    )
    canvas.line(
        (front - 0.12, 0.95), (front - 1.36, 0.95), shade(paint, 0.7), width=0.02
    )
    canvas.box((front - 1.3, 1.52), (front - 1.1, 1.57), (40, 40, 40))
    canvas.box((front - 0.14, 0.66), (front, 0.92), _LAMP, radius=0.04)
    canvas.box((front - 0.2, 1.75), (front - 0.02, 2.4), (40, 40, 40), radius=0.05)
    canvas.box((end, 0.78), (front - 0.9, 0.95), shade(paint, 0.62))
    canvas.box((front - 0.72, 0.36), (front, 0.52), (46, 45, 44), radius=0.04)


def _side_body(canvas: Canvas, style: _Style, along: tuple[float, float]) -> None:
    rear, end = along
    top, floor = style.body_top_m, _FLOOR_M - 0.1
    match style.vehicle.body:
        case "tank":
            canvas.box((rear, floor), (end, top), style.box, radius=0.9)
            canvas.box(
                (rear + 0.35, 2.4),
                (end - 0.35, 2.75),
                shade(style.box, 1.12),
                radius=0.15,
            )
            canvas.box(
                (rear + 0.4, floor + 0.1),
                (end - 0.4, 1.6),
                shade(style.box, 0.75),
                radius=0.2,
            )
            for x in np.linspace(rear + 1.2, end - 1.2, 3):
                canvas.box(
                    (float(x) - 0.25, top), (float(x) + 0.25, top + 0.12), _STEEL
                )
        case "box":
            canvas.box((rear, floor), (end, top), style.box, radius=0.03)
            canvas.box((rear, top - 0.12), (end, top), shade(style.box, 0.8))
            for x in np.arange(rear + 0.6, end, 0.6):
                canvas.line(
                    (float(x), floor),
                    (float(x), top - 0.12),
                    shade(style.box, 0.9),
                    width=0.02,
                )
        case "tipper" | "stake":
            if style.heap_m > 0.0:
                canvas.polygon(style.heap((rear + 0.15, end - 0.15), 0.45), style.cargo)
                outline = style.heap((rear + 0.4, end - 0.6), 0.5)
                canvas.polygon(
                    [(x, y - 0.16) for x, y in outline], shade(style.cargo, 1.13)
                )
            side = shade(style.paint, 0.84)
            canvas.box((rear, floor), (end, top), side)
            canvas.box((rear, top - 0.14), (end, top), shade(side, 1.15))
            canvas.box((rear, floor), (end, floor + 0.14), shade(side, 0.7))
            step = 0.75 if style.vehicle.body == "tipper" else 0.5
            for x in np.arange(rear + 0.05, end, step):
                canvas.box((float(x), floor), (float(x) + 0.1, top), shade(side, 0.72))
            if style.vehicle.body == "stake":
                for y in np.linspace(floor + 0.45, top - 0.4, 3):
                    canvas.box(
                        (rear, float(y)), (end, float(y) + 0.07), shade(side, 0.9)
                    )
    for place, x in enumerate(np.arange(rear + 0.1, end - 0.3, 0.55)):
        colour = _RED if place % 2 == 0 else (225, 228, 230)
        canvas.box((float(x), floor + 0.02), (float(x) + 0.3, floor + 0.1), colour)


def _wheel(canvas: Canvas, hub: tuple[float, float]) -> None:
    canvas.disc(hub, _WHEEL_RADIUS_M, _TYRE)
    canvas.disc(hub, 0.44, shade(_TYRE, 1.25))
    canvas.disc(hub, 0.3, (150, 150, 148))
    canvas.disc(hub, 0.2, (104, 104, 102))
    canvas.disc(hub, 0.09, (170, 170, 168))
    for angle in np.arange(0.0, 2.0 * np.pi, np.pi / 4.0):
        bolt = (
            hub[0] + 0.24 * float(np.cos(angle)),
            hub[1] + 0.24 * float(np.sin(angle)),
        )
        canvas.disc(bolt, 0.025, (60, 60, 60))


_PAINTERS: dict[Look, Callable[[_Style], Canvas]] = {
    "front": _paint_front,
    "side": _paint_side,
    "rear": _paint_rear,
}
