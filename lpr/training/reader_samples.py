"""Strips with their true answer, as the sequence reader learns and is judged on.

A sample is a rendered plate, soiled and sometimes covered, seen by a tilted camera and
cut out as a detector would; or something that is no plate. Sample ``n`` of a seed is
the same in every run, whatever was drawn before it.
"""

from typing import Final, TypeAlias

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from lpr.alphabet import COVERED, GROUNDS, STATES, SYMBOLS
from lpr.image import map_between, mapped, rim_of
from lpr.strips import (
    FINE,
    HEIGHT,
    MARGIN,
    WIDTH,
    Lines,
    along_strip,
    strip_of,
    widened,
)
from lpr.training import damage
from lpr.training.compression import compressed
from lpr.training.plates import PlateText, RenderedPlate, draw_text, render_plate
from lpr.training.shapes import Shapes
from lpr.training.weathering import weathered

__all__ = [
    "FIELD",
    "LONGEST",
    "NO_GROUND",
    "WORN",
    "Recipe",
    "Sample",
    "Samples",
    "draw_sample",
    "draw_samples",
    "jittered",
    "too_wide",
]

Pixels: TypeAlias = NDArray[np.uint8]
Floats: TypeAlias = NDArray[np.float32]

LONGEST: Final = 8
NO_GROUND: Final = -1
_PX_PER_MM: Final = 0.5
_MILD: Final = (0.1, 0.7)
_WIDER: Final = (0.3, 0.4)
"""A cut that is far too wide has at most so much too much at each side, and above and
below, as shares of the plate's width and height."""
_BURIED: Final = 0.8
"""Through dirt as thick as this no stroke is seen; what a cover hides is seen less."""
_LEFT_OFF: Final = (0.006, 0.028)
"""How far the rectifier leaves corners off, in shares of width and height."""


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """How often what is drawn; the hard sets are recipes, too.

    ``hard`` is the share with all the damage there is; the rest has less, since nothing
    is learnt from what cannot be read.
    """

    hard: float = 0.2
    loose: float = 1.0
    """How far corners are off, against what is usual."""
    straight: float = 0.0
    """Share of plates whose corners the rectifier has brought to their place."""
    weathered: float = 0.0
    """Share of plates on which shadow, glare, dirt and fading lie at once."""
    wide: float = 0.0
    """Share of plates of one line that are cut out far too wide."""
    covered: float = 0.15
    unseen: float = 0.3
    """A character with more of its ink under a cover than this counts as covered."""
    nothing: float = 0.06
    boxed: float = 0.36
    lean: float = 1.0
    """How far a plate in an upright box leans, for it was seen from the side and from
    above: 1 is what the camera's geometry makes of it, less is gentler to begin with.
    """
    grey: float = 0.1
    smoothed: float = 0.0
    """Share of cameras that take noise away and enlarge the picture."""
    poor: float = 0.0
    """Share of pictures that are hazy, out of focus, coarse in noise or sharpened."""
    typefaces: float = 0.12
    unlawful: float = 0.04
    narrowest_px: float = 52.0
    widest_px: float = 220.0
    tilt_deg: float = 40.0
    kinds: tuple[tuple[str, int], ...] = ()
    """Only plates of these (colour, lines), where not empty."""


FIELD: Final = {"smoothed": 0.35, "wide": 0.12}
"""What a recipe has besides once cameras and detectors are as they are."""
WORN: Final = {"straight": 0.85, "weathered": 0.5}
"""And once plates are laid straight that are shaded, lit up and soiled all at once."""


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One strip; ``columns`` says where the middle of each character of ``text`` is.

    ``spelt`` is false where no text may be asked for: lettering that is no plate, and
    plates with nearly nothing to see.
    """

    picture: Pixels
    around: Floats
    """Corners in the picture of what the strip shows [px]."""
    corners: Floats
    """The plate's own, as they truly lie in the picture [px]; none of no plate."""
    strip: Pixels
    fine: Pixels
    """The same as a second look sees it."""
    text: str
    truth: str
    columns: Floats
    ground: int
    state: int
    spelt: bool
    lines: Lines
    colour: str


class Samples(msgspec.Struct, frozen=True):
    """Many samples as arrays; texts padded with -1, columns with NaN.

    ``strips`` (n, 32, 144, 3) or (n, 48, 216, 3), ``answers`` (n, 8), ``columns``
    (n, 8) [px of the strip], ``grounds``, ``states`` and ``spelt`` (n,).
    """

    strips: Pixels
    answers: NDArray[np.int64]
    columns: Floats
    grounds: NDArray[np.int64]
    states: NDArray[np.int64]
    spelt: NDArray[np.bool_]


def draw_samples(
    shapes: Shapes,
    count: int,
    *,
    seed: tuple[int, ...],
    recipe: Recipe,
    fine: bool = False,
) -> Samples:
    """``count`` samples of this seed, as the reader sees them or the fine one."""
    rng = np.random.default_rng(seed)
    scale = FINE if fine else 1.0
    size = (count, round(HEIGHT * scale), round(WIDTH * scale), 3)
    made = Samples(
        strips=np.empty(size, np.uint8),
        answers=np.full((count, LONGEST), -1, np.int64),
        columns=np.full((count, LONGEST), np.nan, np.float32),
        grounds=np.full(count, NO_GROUND, np.int64),
        states=np.zeros(count, np.int64),
        spelt=np.zeros(count, np.bool_),
    )
    for index in range(count):
        one = draw_sample(rng, shapes, recipe)
        made.strips[index] = one.fine if fine else one.strip
        made.answers[index, : len(one.text)] = [SYMBOLS.index(c) for c in one.text]
        made.columns[index, : len(one.text)] = one.columns * scale
        made.grounds[index] = one.ground
        made.states[index] = one.state
        made.spelt[index] = one.spelt
    return made


def draw_sample(rng: np.random.Generator, shapes: Shapes, recipe: Recipe) -> Sample:
    """One sample."""
    if rng.random() < recipe.nothing:
        return _no_plate(rng, shapes)
    plate = render_plate(
        rng,
        shapes,
        _wanted(rng, recipe),
        px_per_mm=_PX_PER_MM,
        typeface_share=recipe.typefaces,
    )
    strength = 1.0 if rng.random() < recipe.hard else float(rng.uniform(*_MILD))
    page = damage.soiled(rng, plate.image, plate.ink, strength=strength)
    hidden = np.zeros(len(plate.text), np.float32)
    if rng.random() < recipe.covered:
        page, alpha = damage.cover(rng, page, plate.boxes)
        hidden = damage.hidden_share(alpha, plate.ink, plate.boxes)
    if recipe.weathered and rng.random() < recipe.weathered:
        page, dirt = weathered(rng, page)
        buried = np.asarray(dirt, np.float32)
        hidden = np.maximum(
            hidden,
            damage.hidden_share(buried, plate.ink, plate.boxes, opaque=_BURIED),
        )
    if rng.random() < 0.12:
        page = damage.bent(rng, page)
    return _seen(rng, plate, page, hidden, recipe, strength)


def _wanted(rng: np.random.Generator, recipe: Recipe) -> PlateText:
    while True:
        wanted = draw_text(rng, unlawful_share=recipe.unlawful)
        if not recipe.kinds or (wanted.colour, wanted.lines) in recipe.kinds:
            return wanted


def _seen(
    rng: np.random.Generator,
    plate: RenderedPlate,
    page: Pixels,
    hidden: Floats,
    recipe: Recipe,
    strength: float,
) -> Sample:
    boxed = rng.random() < recipe.boxed * (1.0 if plate.lines == 1 else 0.5)
    low, high = np.log((recipe.narrowest_px, recipe.widest_px))
    wide = float(np.exp(rng.uniform(low, high)))
    lean = recipe.lean if boxed else None
    quad = _pose(rng, plate, wide, tilt_deg=recipe.tilt_deg, lean=lean)
    frame, quad = _mounted(rng, page, plate.mask, quad)
    grey = bool(rng.random() < recipe.grey)
    tall = float(np.hypot(*(quad[3] - quad[0])))
    seen = damage.photographed(
        rng,
        frame,
        0.55 * tall,
        grey=grey,
        strength=strength,
        smoothed=recipe.smoothed,
        poor=recipe.poor,
    )
    cut = _cut(rng, quad, boxed=boxed, loose=recipe.loose)
    if recipe.wide and plate.lines == 1 and rng.random() < recipe.wide:
        cut = too_wide(rng, cut, _WIDER)
    if boxed:
        cut = _on_pixels(cut, seen)
    if boxed and rng.random() < 0.6:
        crop = _stored(rng, seen, cut)
        tall, wide = crop.shape[:2]
        picture, around = crop, rim_of(wide, tall)
        scale = around[2] / (cut[2] - cut[0])
        corners = np.asarray((quad - cut[0]) * scale, np.float32)
    else:
        picture, around, corners = seen, cut, quad
    if recipe.straight and rng.random() < recipe.straight:
        around = _cut_straight(rng, corners)
    strip, fine = _strips(picture, around, plate.lines)

    rows, width = plate.image.shape[:2]
    onto = map_between(rim_of(width, rows), corners)
    shares = mapped(plate.centres, map_between(around, rim_of(1, 1)) @ onto)
    columns = along_strip(shares, plate.lines)

    shown = "".join(
        COVERED if share > recipe.unseen else character
        for character, share in zip(plate.text, hidden, strict=True)
    )
    covered = shown.count(COVERED)
    return Sample(
        picture=picture,
        around=around,
        corners=corners,
        strip=strip,
        fine=fine,
        text=shown,
        truth=plate.text,
        columns=columns,
        ground=GROUNDS.index("grey" if grey else plate.colour),
        state=STATES.index("covered" if covered else "whole"),
        spelt=covered <= len(shown) - 2,
        lines=plate.lines,
        colour=plate.colour,
    )


def _strips(seen: Pixels, cut: Floats, lines: Lines) -> tuple[Pixels, Pixels]:
    """What the sequence reader sees, and what a second look does."""
    return strip_of(seen, cut, lines), strip_of(seen, cut, lines, scale=FINE)


def _pose(
    rng: np.random.Generator,
    plate: RenderedPlate,
    wide: float,
    *,
    tilt_deg: float,
    lean: float | None,
) -> Floats:
    """Corners of the plate in the picture [px], its middle at the origin.

    The plate is turned about the upright, then the camera looks down on it and hangs
    askew. Turned and looked down on, its lines run downhill while its sides stay
    upright; away from the middle of the picture its sides slant. Corners found in the
    picture undo both, an upright box around the plate does not (``lean``).
    """
    rows, columns = plate.image.shape[:2]
    aspect = rows / columns
    flat = np.array([[-1, -aspect], [1, -aspect], [1, aspect], [-1, aspect]]) / 2
    if lean is not None:
        wide_of = (0.32 + 0.1 * lean, 0.255 + 0.085 * lean)
        yaw, pitch = np.clip(rng.normal(0, wide_of), -0.8, 0.8)
        askew = rng.choice((0.05, 0.14 + 0.06 * lean))
        roll = np.clip(rng.normal(0, askew), -0.45, 0.45)
        slant = lean * np.clip(rng.normal(0, rng.choice((0.04, 0.22))), -0.5, 0.5)
    else:
        lean, slant = 1.0, 0.0
        steep = np.radians(tilt_deg)
        yaw = np.clip(rng.normal(0, 0.5), -1, 1) * steep
        pitch = np.clip(rng.normal(0, 0.5), -1, 1) * steep * 0.7
        roll = rng.normal(0, 0.09)
    cy, sy = np.cos(yaw), np.sin(yaw)
    cp, sp = np.cos(pitch), np.sin(pitch)
    cr, sr = np.cos(roll), np.sin(roll)
    x, y = flat[:, 0], flat[:, 1]
    depth = y * sp - x * sy * cp
    away = rng.uniform(2.2, 9.0)
    near = away / (away + depth)
    x, y = x * cy * near, (y * cp + x * sy * sp * lean) * near
    x = x + y * slant
    turned = np.stack([x * cr - y * sr, x * sr + y * cr], axis=1) * wide
    return np.asarray(turned, np.float32)


def _mounted(
    rng: np.random.Generator, page: Pixels, mask: Pixels, quad: Floats
) -> tuple[Pixels, Floats]:
    """The plate in front of bodywork, and its corners there."""
    low, high = quad.min(axis=0), quad.max(axis=0)
    spare = 0.16 * (high - low) + 4
    quad = quad - low + spare
    width, height = (int(value) for value in np.ceil(high - low + 2 * spare))
    wide = float(np.hypot(*(quad[1] - quad[0])))
    shrink = page.shape[1] / max(wide, 1.0)
    if shrink > 1.5:
        size = (
            round(page.shape[1] * 1.4 / shrink),
            round(page.shape[0] * 1.4 / shrink),
        )
        page = np.asarray(cv2.resize(page, size, interpolation=cv2.INTER_AREA))
        mask = np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_AREA))
    rows, columns = mask.shape
    matrix = map_between(rim_of(columns, rows), quad)
    drawn = cv2.warpPerspective(
        page, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE
    )
    share = cv2.warpPerspective(mask, matrix, (width, height))
    share = share[..., None].astype(np.float32) / np.float32(255)
    behind = damage.body_texture(rng, height, width).astype(np.float32)
    frame = behind + share * (drawn.astype(np.float32) - behind)
    return frame.astype(np.uint8), quad


def _cut(
    rng: np.random.Generator, quad: Floats, *, boxed: bool, loose: float
) -> Floats:
    """What a detector takes for the plate: its corners, or an upright box."""
    if boxed:
        x0, y0 = quad.min(axis=0)
        x1, y1 = quad.max(axis=0)
        w, h = x1 - x0, y1 - y0
        left, right = rng.uniform(-0.015, 0.07, 2) * w
        top, bottom = rng.uniform(-0.03, 0.16, 2) * h
        box = [
            [x0 - left, y0 - top],
            [x1 + right, y0 - top],
            [x1 + right, y1 + bottom],
            [x0 - left, y1 + bottom],
        ]
        return np.asarray(box, np.float32)
    across, along = rng.uniform(-0.005, 0.06), rng.uniform(-0.01, 0.14)
    cut = widened(quad, across, along)
    size = (
        float(np.hypot(*(quad[1] - quad[0]))),
        float(np.hypot(*(quad[3] - quad[0]))),
    )
    error = (
        loose
        * rng.choice((0.3, 1.0, 1.7))
        * rng.normal(0, 1, (4, 2))
        * (
            0.016 * size[0],
            0.05 * size[1],
        )
    )
    return np.asarray(cut + error, np.float32)


def _cut_straight(rng: np.random.Generator, corners: Floats) -> Floats:
    """What is cut out once the rectifier was asked: with its errors, all sides shown.

    Its corners are off by some hundredths of the plate's height, mostly together.
    """
    spread = float(rng.choice((0.4, 1.0, 2.2)))
    return widened(jittered(rng, corners, _LEFT_OFF, spread), *MARGIN)


def jittered(
    rng: np.random.Generator,
    corners: Floats,
    off: tuple[float, float],
    spread: float,
) -> Floats:
    """Corners off by ``spread`` times these shares of width and height."""
    wide = float(np.hypot(*(corners[1] - corners[0])))
    tall = float(np.hypot(*(corners[3] - corners[0])))
    error = rng.normal(0, 1, (4, 2)) + rng.normal(0, 0.7, (1, 2))
    moved = corners + spread * error * (off[0] * wide, off[1] * tall)
    return np.asarray(moved, np.float32)


def too_wide(
    rng: np.random.Generator, cut: Floats, most: tuple[float, float]
) -> Floats:
    """What a detector takes for the plate that saw its holder or shadow as its rim.

    Args:
        rng: source of all chance.
        cut: corners of the plate.
        most: how much too much there is at each side, and above and below, at most, as
            shares of its width and height.
    """
    left, right = rng.uniform(0, most[0], 2)
    top, bottom = rng.uniform(0, most[1], 2)
    across, along = (cut[1] + cut[2] - cut[0] - cut[3]) / 2, (cut[3] - cut[0])
    moves = ((-left, -top), (right, -top), (right, bottom), (-left, bottom))
    wider = [
        corner + x * across + y * along
        for corner, (x, y) in zip(cut, moves, strict=True)
    ]
    return np.asarray(wider, np.float32)


def _on_pixels(cut: Floats, seen: Pixels) -> Floats:
    """An upright box at whole pixels inside the picture."""
    height, width = seen.shape[:2]
    limits = np.array([width, height], np.float32)
    return np.asarray(np.clip(np.round(cut), 0, limits), np.float32)


def _stored(rng: np.random.Generator, seen: Pixels, cut: Floats) -> Pixels:
    """A box cut out and kept small, as collections of crops keep them.

    Most of them were shrunk without a care, and pressed as JPEG once more.
    """
    x0, y0 = (int(value) for value in cut[0])
    x1, y1 = (int(value) for value in cut[2])
    part = seen[y0:y1, x0:x1]
    wide = int(rng.integers(86, 170))
    size = (wide, max(20, round(wide * rng.uniform(0.22, 0.36))))
    way = rng.choice((cv2.INTER_NEAREST, *(cv2.INTER_LINEAR,) * 3, cv2.INTER_AREA))
    small = np.asarray(cv2.resize(part, size, interpolation=int(way)), np.uint8)
    if rng.random() < 0.6:
        small = compressed(small, quality=int(rng.integers(60, 98)))
    return small


def _no_plate(rng: np.random.Generator, shapes: Shapes) -> Sample:
    """Bodywork, lamps and lettering that a detector may take for a plate."""
    height, width = int(rng.integers(24, 90)), int(rng.integers(90, 280))
    page = damage.body_texture(rng, height, width)
    if rng.random() < 0.65:
        _letter(rng, page, shapes)
    grey = bool(rng.random() < 0.1)
    seen = damage.photographed(rng, page, 0.6 * height, grey=grey)
    corners = rim_of(width, height)
    lines: Lines = 2 if rng.random() < 0.3 else 1
    strip, fine = _strips(seen, corners, lines)
    return Sample(
        picture=seen,
        around=corners,
        corners=np.empty((0, 2), np.float32),
        strip=strip,
        fine=fine,
        text="",
        truth="",
        columns=np.empty(0, np.float32),
        ground=NO_GROUND,
        state=STATES.index("none"),
        spelt=False,
        lines=lines,
        colour="",
    )


def _letter(rng: np.random.Generator, page: Pixels, shapes: Shapes) -> None:
    """A few characters in a typeface across the picture: names, numbers, advice."""
    height, width = page.shape[:2]
    face = shapes.hanzi if rng.random() < 0.5 else shapes.letters
    typeset = face[int(rng.integers(len(face)))]
    letters = sorted(typeset.shapes)
    tall = max(8, round(height * rng.uniform(0.3, 1.0)))
    paint = float(rng.uniform(0, 255))
    x = float(rng.uniform(-0.1, 0.4)) * width
    y = int(rng.integers(0, max(1, height - tall + 1)))
    gap = rng.uniform(0.05, 0.6) * tall
    for _ in range(int(rng.integers(1, 9))):
        shape = typeset.shapes[letters[int(rng.integers(len(letters)))]]
        wide = max(3, round(tall * shape.shape[1] / shape.shape[0]))
        left = round(x)
        if left >= 0 and left + wide < width:
            drawn = cv2.resize(shape, (wide, tall), interpolation=cv2.INTER_AREA)
            window = page[y : y + tall, left : left + wide]
            part = drawn[: len(window), :, None].astype(np.float32) / 255
            window[:] = (window * (1 - part) + paint * part).astype(np.uint8)
        x += wide + gap
