"""Surfaces and grounds without any photograph: noise, leaves, walls, roads, lettering.

It takes its chance from the generator that it is given and draws nothing that may be
taken for a plate with a text on its own ground unless it is told to.
"""

from typing import Final

import cv2
import numpy as np

from lpr.image import Image
from lpr.plate import DIGITS, PROVINCES, SERIAL_LETTERS

__all__ = [
    "Colour",
    "any_colour",
    "background",
    "body_colour",
    "dull_colour",
    "lettering",
    "noise_field",
    "write",
]

Colour = tuple[int, int, int]
"""Blue, green, red."""

_WORDS: Final = (
    "中国物流运输货车限速限高自重核载危险品爆易燃解放东风重汽陕欧曼乘龙江淮福田"
    "请保持车距实习出租客公司电话服务施工前方慢行出口入口停收费站加油消防安全"
)
_LATIN: Final = SERIAL_LETTERS + "IO" + DIGITS
_SANS: Final = cv2.FontFace("sans")
_SLANTED: Final = cv2.FontFace("italic")
_STROKED: Final = (
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_DUPLEX,
    cv2.FONT_HERSHEY_COMPLEX,
    cv2.FONT_HERSHEY_PLAIN,
)
_BODIES: Final[tuple[Colour, ...]] = (
    (235, 235, 232),
    (200, 202, 204),
    (150, 152, 155),
    (95, 95, 98),
    (38, 36, 35),
    (30, 30, 150),
    (40, 40, 200),
    (140, 70, 25),
    (190, 120, 50),
    (60, 110, 60),
    (40, 170, 220),
    (30, 110, 200),
    (120, 160, 180),
)


def any_colour(rng: np.random.Generator) -> Colour:
    """A colour drawn evenly."""
    blue, green, red = (int(value) for value in rng.integers(0, 256, 3))
    return blue, green, red


def dull_colour(rng: np.random.Generator) -> Colour:
    """A colour near grey, as most of the world is."""
    level, spread = rng.uniform(15, 240), rng.uniform(0, 28)
    tinted = np.clip(rng.normal(level, spread, 3), 0, 255)
    return int(tinted[0]), int(tinted[1]), int(tinted[2])


def body_colour(rng: np.random.Generator) -> Colour:
    """A colour in which vehicles are painted, in some light."""
    paint = np.array(_BODIES[int(rng.integers(len(_BODIES)))], np.float64)
    seen = np.clip(paint * rng.uniform(0.55, 1.1) + rng.normal(0, 6, 3), 0, 255)
    return int(seen[0]), int(seen[1]), int(seen[2])


def noise_field(
    rng: np.random.Generator, height: int, width: int, *, coarsest: int = 5
) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Noise of several scales together, about -1 to 1, shape (height, width)."""
    total = np.zeros((height, width), np.float32)
    falling = rng.uniform(0.45, 0.85)
    weight = 0.0
    for octave in range(coarsest):
        cells = 2 ** (octave + 1)
        across = max(2, cells * width // max(width, height) + 1)
        coarse = rng.standard_normal((cells + 1, across), np.float32)
        share = falling**octave
        total += np.float32(share) * cv2.resize(
            coarse, (width, height), interpolation=cv2.INTER_CUBIC
        )
        weight += share
    return total / np.float32(weight)


def background(rng: np.random.Generator, height: int, width: int) -> Image:
    """Something behind the vehicles; shape (height, width, 3)."""
    chance = rng.random()
    if chance < 0.35:
        page = _road(rng, height, width)
    elif chance < 0.75:
        page = _leaves(rng, height, width)
    elif chance < 0.9:
        page = _wall(rng, height, width)
    else:
        page = _clouds(rng, height, width)
    return page


def _clouds(rng: np.random.Generator, height: int, width: int) -> Image:
    field = noise_field(rng, height, width)[..., None]
    one, other = np.array(any_colour(rng)), np.array(dull_colour(rng))
    share = np.clip(0.5 + 0.6 * field, 0, 1)
    return np.asarray(one * share + other * (1 - share), np.uint8)


def _shade(rng: np.random.Generator, page: Image, box: tuple[int, ...]) -> None:
    """Give a rectangle a slope of light or a grain, in place."""
    x0, y0, x1, y1 = box
    part = page[y0:y1, x0:x1]
    if part.size == 0:
        return
    if rng.random() < 0.5:
        slope = np.linspace(rng.uniform(0.6, 1.0), rng.uniform(0.8, 1.25), y1 - y0)
        lit = part * slope[:, None, None]
    else:
        grain = rng.normal(0, rng.uniform(2, 30), part.shape[:2])
        lit = part + grain[..., None]
    part[:] = np.clip(lit, 0, 255).astype(np.uint8)


def _leaves(rng: np.random.Generator, height: int, width: int) -> Image:
    """Dead leaves: shapes of all sizes that cover each other, like the world does."""
    page = _clouds(rng, height, width)
    base = np.array(dull_colour(rng))
    spread = rng.uniform(10, 90)
    straight = rng.random() < 0.5
    for _ in range(int(rng.integers(25, 160))):
        size = min(rng.pareto(1.3) * 0.03 + 0.015, 0.6) * max(height, width)
        x, y = int(rng.integers(width)), int(rng.integers(height))
        tint = np.clip(base + rng.normal(0, spread, 3), 0, 255)
        colour = (int(tint[0]), int(tint[1]), int(tint[2]))
        tall = max(1, round(size * rng.uniform(0.2, 1.2)))
        wide = max(1, round(size))
        shape = rng.random()
        if straight or shape < 0.4:
            x1, y1 = min(x + wide, width), min(y + tall, height)
            page[y:y1, x:x1] = colour
            if size > 12 and rng.random() < 0.4:
                _shade(rng, page, (x, y, x1, y1))
        elif shape < 0.7:
            angle = float(rng.uniform(0, 180))
            cv2.ellipse(page, (x, y), (wide, tall), angle, 0, 360, colour, -1)
        else:
            corners = rng.integers(-wide, wide + 1, (int(rng.integers(3, 7)), 2))
            points = (corners + np.array([x, y])).astype(np.int32)
            cv2.fillPoly(page, [points], colour, cv2.LINE_AA)
    return page


def _road(rng: np.random.Generator, height: int, width: int) -> Image:
    page = np.empty((height, width, 3), np.uint8)
    horizon = int(height * rng.uniform(-0.2, 0.6))
    sky, asphalt = np.array(dull_colour(rng)), np.array([rng.uniform(45, 150)] * 3)
    field = noise_field(rng, height, width)[..., None]
    ground = asphalt + rng.normal(0, 6, 3) + field * rng.uniform(3, 22)
    grain = rng.normal(0, rng.uniform(1, 9), (height, width, 1))
    page[:] = np.clip(ground + grain, 0, 255).astype(np.uint8)
    if horizon > 4:
        page[:horizon] = np.clip(
            sky + 12 * field[:horizon] + rng.uniform(0, 60), 0, 255
        ).astype(np.uint8)
        depth = int(height * rng.uniform(0.05, 0.35))
        top = max(0, horizon - depth)
        trees = np.array(
            [rng.uniform(20, 90), rng.uniform(50, 130), rng.uniform(20, 95)]
        )
        rough = rng.normal(0, rng.uniform(5, 35), (horizon - top, width, 1))
        page[top:horizon] = np.clip(
            trees + rough + 40 * field[top:horizon], 0, 255
        ).astype(np.uint8)
    paint: Colour = (235, 238, 238) if rng.random() < 0.7 else (50, 190, 230)
    for _ in range(int(rng.integers(0, 5))):
        x = int(rng.uniform(-0.5, 1.5) * width)
        far = (int(width * rng.uniform(0.3, 0.7)), max(horizon, 0))
        cv2.line(page, (x, height), far, paint, int(rng.integers(1, 8)), cv2.LINE_AA)
    if rng.random() < 0.35:  # a guard rail
        y = int(rng.uniform(0.2, 0.9) * height)
        slope = int(rng.uniform(-0.15, 0.15) * height)
        for step in range(int(rng.integers(1, 4))):
            start, end = (0, y + 5 * step), (width, y + slope + 5 * step)
            cv2.line(page, start, end, dull_colour(rng), int(rng.integers(2, 5)))
    return page


def _wall(rng: np.random.Generator, height: int, width: int) -> Image:
    """Bricks, tiles, shutters or windows in rows."""
    page = np.full((height, width, 3), dull_colour(rng), np.uint8)
    pane = dull_colour(rng)
    across, down = rng.integers(5, 90), rng.integers(4, 70)
    gap = int(rng.integers(1, 6))
    for row, y in enumerate(range(0, height, int(down))):
        shift = (row % 2) * int(across) // 2 if rng.random() < 0.9 else 0
        for x in range(-shift, width, int(across)):
            corner = (x + int(across) - gap, y + int(down) - gap)
            cv2.rectangle(page, (x, y), corner, pane, -1)
    field = noise_field(rng, height, width)[..., None]
    lit = page + field * rng.uniform(4, 40) + rng.normal(0, 3, page.shape)
    return np.clip(lit, 0, 255).astype(np.uint8)


def lettering(rng: np.random.Generator) -> str:
    """What is written on bodies, boards and shop fronts; now and then like a plate."""
    chance = rng.random()
    if chance < 0.35:
        return "".join(rng.choice(list(_WORDS), int(rng.integers(1, 9))))
    if chance < 0.7:
        return "".join(rng.choice(list(_LATIN), int(rng.integers(2, 12))))
    if chance < 0.85:
        return "".join(rng.choice(list(DIGITS + "-: "), int(rng.integers(4, 14))))
    province = PROVINCES[int(rng.integers(len(PROVINCES)))]
    return province + "".join(rng.choice(list(_LATIN), int(rng.integers(5, 7))))


def write(
    rng: np.random.Generator,
    page: Image,
    text: str,
    *,
    at: tuple[int, int],
    size_px: int,
    colour: Colour,
) -> None:
    """Put ``text`` on the page, in place; ``at`` is its lower left."""
    if text.isascii() and rng.random() < 0.4:
        face = _STROKED[int(rng.integers(len(_STROKED)))]
        thick = max(1, round(size_px * rng.uniform(0.06, 0.16)))
        cv2.putText(page, text, at, face, size_px / 24, colour, thick, cv2.LINE_AA)
        return
    drawn = _SANS if rng.random() < 0.8 else _SLANTED
    weight = int(rng.integers(300, 800))
    cv2.putText(page, text, at, colour, drawn, max(6, size_px), weight)
