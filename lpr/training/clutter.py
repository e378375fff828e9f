"""Surfaces full of small things, as most of a photograph is: leaves, facades, signs.

They are drawn once, by a seed of their own, and cut out anew each time: turned,
enlarged, mirrored and tinted. No photograph takes part.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from lpr.image import Image
from lpr.training.textures import any_colour, dull_colour, lettering, write

__all__ = ["clutter", "cluttered", "reflecting"]

_SEED: Final = 5150
_PX: Final = 640
_OF_EACH: Final = 6
_HALF_TURN_DEG: Final = 180.0


def clutter(rng: np.random.Generator, height: int, width: int) -> Image:
    """One surface, seen from somewhere; shape (height, width, 3)."""
    tiles = _tiles()
    tile = tiles[int(rng.integers(len(tiles)))]
    scale = float(np.exp(rng.uniform(np.log(0.5), np.log(2.2))))
    turn_deg = float(
        rng.normal(0, 6) if rng.random() < 0.7 else rng.uniform(0, _HALF_TURN_DEG)
    )
    matrix = cv2.getRotationMatrix2D(
        (float(rng.uniform(0, _PX)), float(rng.uniform(0, _PX))), turn_deg, scale
    )
    if rng.random() < 0.5:
        matrix[:, 0] *= -1
    seen = cv2.warpAffine(
        tile,
        matrix,
        (width, height),
        flags=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT,
    )
    tint = np.clip(rng.normal(1.0, 0.12, 3), 0.5, 1.5) * rng.uniform(0.5, 1.3)
    table = np.arange(256)[:, None] * tint + rng.uniform(-20, 30)
    return np.asarray(
        cv2.LUT(seen, np.clip(table, 0, 255).astype(np.uint8)[None]), np.uint8
    )


def cluttered(rng: np.random.Generator, page: Image) -> None:
    """Put surfaces onto parts of a page, in place."""
    height, width = page.shape[:2]
    for _ in range(int(rng.integers(1, 5))):
        tall = max(8, int(height * rng.uniform(0.1, 0.7)))
        wide = max(8, int(width * rng.uniform(0.1, 0.7)))
        y0 = int(rng.integers(0, max(1, height - tall)))
        x0 = int(rng.integers(0, max(1, width - wide)))
        piece = clutter(rng, tall, wide)
        if rng.random() < 0.5:
            page[y0 : y0 + tall, x0 : x0 + wide] = piece
            continue
        corners = rng.uniform(-0.25, 1.25, (4, 2)) * 0.25 + np.array(
            [[0, 0], [0.75, 0], [0.75, 0.75], [0, 0.75]]
        )
        mask = np.zeros((tall, wide), np.uint8)
        points = np.round(corners * (wide, tall)).astype(np.int32)
        cv2.fillPoly(mask, [points], 255)
        cv2.copyTo(piece, mask, page[y0 : y0 + tall, x0 : x0 + wide])


def reflecting(
    rng: np.random.Generator, page: Image, drawn: NDArray[np.bool_], *, share: float
) -> None:
    """Let what was drawn mirror its surroundings, or be soiled by them, in place.

    Args:
        rng: of all chance.
        page: the picture.
        drawn: where, shape (height, width).
        share: how much of what is seen there is a reflection.
    """
    rows, columns = np.flatnonzero(drawn.any(axis=1)), np.flatnonzero(drawn.any(axis=0))
    if rows.size == 0:
        return
    where = (
        slice(int(rows[0]), int(rows[-1]) + 1),
        slice(int(columns[0]), int(columns[-1]) + 1),
    )
    part = page[where]
    mirrored = clutter(rng, part.shape[0], part.shape[1])
    mixed = cv2.addWeighted(part, 1.0 - share, mirrored, share, 0.0)
    cv2.copyTo(mixed, drawn[where].astype(np.uint8), part)


# --------------------------------------------------------------------------- the tiles


@lru_cache(maxsize=1)
def _tiles() -> tuple[Image, ...]:
    rng = np.random.default_rng(_SEED)
    return tuple(draw(rng) for draw in _DRAWERS for _ in range(_OF_EACH))


def _plain(rng: np.random.Generator) -> Image:
    return np.full((_PX, _PX, 3), dull_colour(rng), np.uint8)


def _shapes(rng: np.random.Generator) -> Image:
    """Things of all sizes down to two pixels that cover each other."""
    page = _plain(rng)
    base, spread = np.array(dull_colour(rng)), rng.uniform(20, 80)
    for _ in range(2500):
        size = min(2.0 + 3.0 * rng.pareto(1.1), 0.4 * _PX)
        tint = np.clip(base + rng.normal(0, spread, 3), 0, 255)
        colour = (int(tint[0]), int(tint[1]), int(tint[2]))
        x, y = (int(place) for place in rng.integers(0, _PX, 2))
        wide, tall = max(1, round(size)), max(1, round(size * rng.uniform(0.15, 1.2)))
        chance = rng.random()
        if chance < 0.4:
            cv2.rectangle(page, (x, y), (x + wide, y + tall), colour, -1)
        elif chance < 0.7:
            turn_deg = float(rng.uniform(0, _HALF_TURN_DEG))
            cv2.ellipse(page, (x, y), (wide, tall), turn_deg, 0, 360, colour, -1)
        else:
            end = (x + int(rng.normal(0, 2 * wide)), y + int(rng.normal(0, 2 * wide)))
            cv2.line(page, (x, y), end, colour, int(rng.integers(1, 4)), cv2.LINE_AA)
    return page


def _foliage(rng: np.random.Generator) -> Image:
    """Leaves and blades, each lit by chance."""
    page = _plain(rng)
    green = np.array([rng.uniform(10, 70), rng.uniform(50, 130), rng.uniform(20, 110)])
    longest = rng.uniform(4, 16)
    for _ in range(4000):
        lit = green * rng.uniform(0.2, 1.9)
        colour = (int(lit[0]), int(min(lit[1], 255)), int(min(lit[2], 255)))
        x, y = (int(place) for place in rng.integers(0, _PX, 2))
        axes = (max(1, int(rng.uniform(0.3, 1) * longest)), int(rng.integers(1, 4)))
        turn_deg = float(rng.uniform(0, _HALF_TURN_DEG))
        cv2.ellipse(page, (x, y), axes, turn_deg, 0, 360, colour, -1)
    return page


def _lattice(rng: np.random.Generator) -> Image:
    """Fences, scaffolds, radiators and shutters: lines that cross at even distances."""
    field = rng.normal(0, 14, (_PX // 8, _PX // 8, 3)).astype(np.float32)
    soft = cv2.resize(field, (_PX, _PX), interpolation=cv2.INTER_CUBIC)
    page: Image = np.clip(_plain(rng) + soft, 0, 255).astype(np.uint8)
    for _ in range(int(rng.integers(2, 5))):
        step, thick = int(rng.integers(5, 40)), int(rng.integers(1, 5))
        colour, slant = dull_colour(rng), float(rng.uniform(-0.5, 0.5))
        upright = rng.random() < 0.5
        for place in range(-_PX, 2 * _PX, step):
            far = place + int(slant * _PX)
            ends = ((place, 0), (far, _PX)) if upright else ((0, place), (_PX, far))
            cv2.line(page, *ends, colour, thick, cv2.LINE_AA)
    return page


def _signs(rng: np.random.Generator) -> Image:
    """Boards and posters one beside the other, all of them written on."""
    page = _shapes(rng)
    for _ in range(int(rng.integers(14, 40))):
        wide, tall = int(rng.uniform(30, 260)), int(rng.uniform(14, 90))
        x, y = (int(place) for place in rng.integers(-30, _PX, 2))
        if rng.random() < 0.7:
            cv2.rectangle(page, (x, y), (x + wide, y + tall), any_colour(rng), -1)
        ink, rows = any_colour(rng), int(rng.integers(1, 4))
        size = max(6, int(0.7 * tall / rows))
        for row in range(rows):
            # cut short, so that no board spells a plate
            text = lettering(rng)[: int(rng.integers(2, 5))]
            foot = y + int((row + 0.8) * tall / rows)
            write(rng, page, text, at=(x + 4, foot), size_px=size, colour=ink)
    return page


def _facade(rng: np.random.Generator) -> Image:
    """Windows in rows, with frames, sills and what they mirror."""
    page = _plain(rng)
    across, down = int(rng.integers(24, 90)), int(rng.integers(24, 110))
    frame, pane = dull_colour(rng), np.array(dull_colour(rng))
    wide, tall = int(across * rng.uniform(0.4, 0.9)), int(down * rng.uniform(0.4, 0.85))
    for y in range(0, _PX, down):
        for x in range(0, _PX, across):
            lit = np.clip(pane * rng.uniform(0.4, 1.6) + rng.normal(0, 12, 3), 0, 255)
            glass = (int(lit[0]), int(lit[1]), int(lit[2]))
            cv2.rectangle(page, (x, y), (x + wide, y + tall), glass, -1)
            cv2.rectangle(page, (x, y), (x + wide, y + tall), frame, 2)
            if rng.random() < 0.6:
                middle = x + wide // 2
                cv2.line(page, (middle, y), (middle, y + tall), frame, 2)
            if rng.random() < 0.3:
                cv2.rectangle(
                    page, (x, y + tall), (x + wide, y + tall + 6), any_colour(rng), -1
                )
    grain = rng.normal(0, rng.uniform(3, 14), (_PX, _PX, 1))
    return np.clip(page + grain, 0, 255).astype(np.uint8)


def _rough(rng: np.random.Generator) -> Image:
    """Noise whose power falls with the frequency, as that of most pictures does."""
    across = np.fft.rfftfreq(_PX)[None]
    down = np.fft.fftfreq(_PX)[:, None]
    falling = np.maximum(np.hypot(across, down), 1.0 / _PX) ** -rng.uniform(0.8, 1.6)
    planes = []
    for _ in range(3):
        white = rng.standard_normal((_PX, _PX))
        field = np.fft.irfft2(np.fft.rfft2(white) * falling, s=(_PX, _PX))
        planes.append(field / field.std())
    grey = planes[0]
    tinted = np.stack([grey + 0.35 * one for one in planes], axis=2)
    return np.clip(
        np.array(dull_colour(rng)) + rng.uniform(25, 60) * tinted, 0, 255
    ).astype(np.uint8)


_DRAWERS: Final[tuple[Callable[[np.random.Generator], Image], ...]] = (
    _shapes,
    _foliage,
    _lattice,
    _signs,
    _facade,
    _rough,
)
