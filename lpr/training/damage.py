"""What the road, the weather and the camera do to a plate, and covers put over it.

Every function takes a picture and a generator and gives a new picture of the same
shape; a seed gives the same damage. Strengths are chosen from what cameras and weather
do, never from the pictures that the reader is measured on.
"""

from functools import cache
from typing import Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from lpr.training.compression import compressed
from lpr.training.faults import drawn_faults, out_of_focus

__all__ = [
    "bent",
    "body_texture",
    "cover",
    "hidden_share",
    "photographed",
    "soiled",
]

Pixels: TypeAlias = NDArray[np.uint8]
Floats: TypeAlias = NDArray[np.float32]

_TILE: Final = 512


@cache
def _clouds() -> tuple[Floats, ...]:
    """Noise between 0 and 1 at several grain sizes, the same in every run."""
    rng = np.random.default_rng(20_240_101)
    made = []
    for cells in (4, 6, 9, 14, 22, 40, 80):
        total = np.zeros((_TILE, _TILE), np.float32)
        for octave in range(3):
            side = cells * 2**octave
            small = rng.random((side, side)).astype(np.float32)
            grown = cv2.resize(small, (_TILE, _TILE), interpolation=cv2.INTER_CUBIC)
            total += np.asarray(grown, np.float32) * np.float32(0.5**octave)
        low, high = np.percentile(total, (1, 99))
        made.append(np.clip((total - low) / (high - low), 0, 1).astype(np.float32))
    return tuple(made)


@cache
def _grain() -> Floats:
    """Normal noise to cut pieces from: drawing it anew costs more than all the rest."""
    rng = np.random.default_rng(20_240_102)
    return rng.standard_normal((_TILE, 3 * _TILE)).astype(np.float32)


def _cloud(rng: np.random.Generator, height: int, width: int, grain: int) -> Floats:
    """A piece of cloud of this size; ``grain`` from 0 (coarse) to 6 (fine)."""
    sheet = _clouds()[grain]
    h, w = min(height, _TILE), min(width, _TILE)
    y = int(rng.integers(_TILE - h + 1))
    x = int(rng.integers(_TILE - w + 1))
    piece = sheet[y : y + h, x : x + w]
    if (h, w) != (height, width):
        piece = np.asarray(cv2.resize(piece, (width, height)), np.float32)
    return piece


def _noise(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    sheet = _grain().reshape(-1)
    size = int(np.prod(shape))
    if size >= len(sheet):
        return rng.standard_normal(shape).astype(np.float32)
    start = int(rng.integers(len(sheet) - size))
    return sheet[start : start + size].reshape(shape)


# --------------------------------------------------------------------- on the plate


def soiled(
    rng: np.random.Generator, image: Pixels, ink: Pixels, *, strength: float = 1.0
) -> Pixels:
    """Dust, splashes and worn paint that leave every character legible.

    ``strength`` from 0 (as new) to 1 says how thick they may lie.
    """
    height, width = image.shape[:2]
    page = image.astype(np.float32)
    chance = rng.random()
    if chance < 0.3:  # a film of dust, thicker below
        thick = _cloud(rng, height, width, int(rng.integers(0, 4)))
        ramp = np.linspace(rng.uniform(0, 1), 1, height, dtype=np.float32)[:, None]
        share = (thick * ramp * np.float32(strength * rng.uniform(0.15, 0.75)))[
            ..., None
        ]
        page += share * (_dirt(rng) - page)
    if chance > 0.75:  # splashes
        grain = int(rng.integers(3, 7))
        level = rng.uniform(0.72, 0.92)
        spots = np.clip((_cloud(rng, height, width, grain) - level) * 12, 0, 1)
        opaque = np.float32(strength * rng.uniform(0.4, 1.0))
        page += (spots * opaque)[..., None] * (_dirt(rng) - page)
    if 0.3 <= chance < 0.42:  # paint worn off the raised characters
        level = rng.uniform(0.05, 0.35)
        worn = np.clip((level - _cloud(rng, height, width, 4)) * 10, 0, 1)
        bare = np.asarray(image[2:6].reshape(-1, 3).mean(axis=0), np.float32)
        share = (
            worn
            * (ink.astype(np.float32) / 255)
            * np.float32(strength * rng.uniform(0.3, 0.9))
        )
        page += share[..., None] * (bare - page)
    return np.clip(page, 0, 255).astype(np.uint8)


def _dirt(rng: np.random.Generator) -> Floats:
    level = rng.uniform(40, 190)
    warm = rng.uniform(0.55, 1.0)
    return np.array([level * warm, level * (0.5 + warm / 2), level], np.float32)


def bent(rng: np.random.Generator, image: Pixels) -> Pixels:
    """A plate buckled by up to a tenth of its height."""
    height, width = image.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    waves = rng.uniform(0.3, 1.3)
    phase = rng.uniform(0, 2 * np.pi)
    rise = rng.uniform(0.01, 0.07) * height
    lean = rng.uniform(-0.03, 0.03) * height
    shift_y = rise * np.sin(2 * np.pi * waves * x / width + phase)
    shift_x = lean * np.sin(np.pi * y / height + phase)
    return np.asarray(
        cv2.remap(
            image,
            x + shift_x.astype(np.float32),
            y + shift_y.astype(np.float32),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        ),
        np.uint8,
    )


def cover(
    rng: np.random.Generator, image: Pixels, boxes: Floats
) -> tuple[Pixels, Floats]:
    """Something laid over one to all of the characters so that they cannot be read.

    Returns:
        The picture and how opaque the cover is at each pixel, 0 to 1.
    """
    height, width = image.shape[:2]
    count = len(boxes)
    span = int(rng.choice((1, 1, 1, 2, 2, 3, 4, count)))
    first = int(rng.integers(0, count - span + 1))
    part = boxes[first : first + span]
    if count > 2 and part[0, 1] < part[-1, 1] - 5 and span < count:
        part = part[-1:]  # not across two lines
    x0, y0 = part[:, :2].min(axis=0)
    x1, y1 = part[:, 2:].max(axis=0)
    alpha = np.zeros((height, width), np.float32)
    shape = rng.random()
    slack_x, slack_y = 0.1 * (boxes[0, 2] - boxes[0, 0]), 0.08 * (y1 - y0)
    if shape < 0.45:  # paper, tape, cloth, a board: a quadrilateral
        jitter = rng.normal(0, 1, (4, 2)) * (slack_x * 1.3, slack_y * 1.5)
        quad = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]]) + jitter
        quad += np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * (slack_x, slack_y)
        cv2.fillConvexPoly(alpha, quad.astype(np.int32), 1.0, cv2.LINE_AA)
    elif shape < 0.75:  # mud or snow: a blob with a ragged edge
        y, x = np.mgrid[0:height, 0:width].astype(np.float32)
        rx, ry = 0.62 * (x1 - x0) + slack_x, 0.75 * (y1 - y0) + slack_y
        away = ((x - (x0 + x1) / 2) / rx) ** 2 + ((y - (y0 + y1) / 2) / ry) ** 2
        rough = _cloud(rng, height, width, int(rng.integers(2, 6))) - 0.5
        alpha = np.clip((1.15 - away + rough * 0.8) * 6, 0, 1).astype(np.float32)
    elif shape < 0.9:  # from an edge: a flap, a bumper, a fold
        alpha = _from_edge(rng, alpha, (x0, y0, x1, y1))
    else:  # glare that leaves nothing
        y, x = np.mgrid[0:height, 0:width].astype(np.float32)
        rx, ry = 0.7 * (x1 - x0) + slack_x, 0.8 * (y1 - y0) + slack_y
        away = ((x - (x0 + x1) / 2) / rx) ** 2 + ((y - (y0 + y1) / 2) / ry) ** 2
        alpha = np.clip(1.9 - away, 0, 1).astype(np.float32) ** np.float32(0.6)
        page = image.astype(np.float32)
        page += alpha[..., None] * (np.float32(255) - page)
        return np.clip(page, 0, 255).astype(np.uint8), alpha
    cloth = _cover_texture(rng, image)
    page = image.astype(np.float32)
    page += alpha[..., None] * (cloth - page)
    return np.clip(page, 0, 255).astype(np.uint8), alpha


def _from_edge(
    rng: np.random.Generator, alpha: Floats, box: tuple[float, float, float, float]
) -> Floats:
    height, width = alpha.shape
    x0, y0, x1, y1 = box
    lean = rng.normal(0, 0.08) * width
    side = int(rng.integers(3))
    if side == 0:
        at = x1 + rng.uniform(0, 3)
        quad = [
            (-9, -9),
            (at + lean / 2, -9),
            (at - lean / 2, height + 9),
            (-9, height + 9),
        ]
    elif side == 1:
        at = x0 - rng.uniform(0, 3)
        far = width + 9
        quad = [
            (at + lean / 2, -9),
            (far, -9),
            (far, height + 9),
            (at - lean / 2, height + 9),
        ]
    else:
        at = y0 + rng.uniform(-0.1, 0.25) * (y1 - y0)
        tilt = rng.normal(0, 0.05) * height
        quad = [
            (-9, at - tilt),
            (width + 9, at + tilt),
            (width + 9, height + 9),
            (-9, height + 9),
        ]
    cv2.fillConvexPoly(alpha, np.array(quad).astype(np.int32), 1.0, cv2.LINE_AA)
    return alpha


def _cover_texture(rng: np.random.Generator, image: Pixels) -> Floats:
    height, width = image.shape[:2]
    kind = rng.random()
    if kind < 0.25:  # in the plate's own colour: the hardest to notice
        base = np.asarray(image[3:7, width // 3 : width // 2], np.float32)
        colour = np.median(base.reshape(-1, 3), axis=0) + rng.normal(0, 10, 3)
    elif kind < 0.55:
        colour = _dirt(rng).astype(np.float64)
    else:
        colour = np.clip(rng.uniform(10, 245) + rng.normal(0, 30, 3), 0, 255)
    rough = _cloud(rng, height, width, int(rng.integers(0, 7))) - np.float32(0.5)
    depth = np.float32(rng.choice((4.0, 15.0, 50.0)))
    return np.asarray(colour, np.float32) + (rough * depth)[..., None]


def hidden_share(
    alpha: Floats, ink: Pixels, boxes: Floats, *, opaque: float = 0.7
) -> Floats:
    """How much of each character's ink lies under a cover, 0 to 1.

    Args:
        alpha: how much of what lies below each pixel of the cover hides, 0 to 1.
        ink: of the characters, 0 to 255.
        boxes: of each character x0, y0, x1 and y1 [px].
        opaque: from so much on nothing is seen through it.
    """
    shares = np.zeros(len(boxes), np.float32)
    height, width = ink.shape
    for index, box in enumerate(boxes):
        x0, y0 = max(round(float(box[0])), 0), max(round(float(box[1])), 0)
        x1, y1 = min(round(float(box[2])), width), min(round(float(box[3])), height)
        painted = ink[y0:y1, x0:x1].astype(np.float32)
        total = float(painted.sum())
        if total > 0:
            under = float((painted * (alpha[y0:y1, x0:x1] > opaque)).sum())
            shares[index] = under / total
    return shares


# ------------------------------------------------------------------ around the plate


def body_texture(rng: np.random.Generator, height: int, width: int) -> Pixels:
    """Bodywork, bumpers, shadow or road, as stands around a plate."""
    level = rng.uniform(5, 235)
    colour = np.clip(level + rng.normal(0, rng.choice((4, 40)), 3), 0, 255)
    page = np.empty((height, width, 3), np.float32)
    page[:] = colour
    if rng.random() < 0.6:
        rough = _cloud(rng, height, width, int(rng.integers(0, 5))) - np.float32(0.5)
        page += (rough * np.float32(rng.uniform(10, 110)))[..., None]
    for _ in range(int(rng.integers(0, 4))):  # edges of bumper, holder, shadow
        shade = float(rng.uniform(0, 255))
        if rng.random() < 0.7:
            y = int(rng.integers(height))
            thick = int(rng.integers(1, max(2, height // 6)))
            end = int(rng.integers(-height // 8, height // 8 + 1))
            cv2.line(page, (0, y), (width, y + end), (shade,) * 3, thick)
        else:
            x = int(rng.integers(width))
            thick = int(rng.integers(1, max(2, width // 10)))
            cv2.line(page, (x, 0), (x, height), (shade,) * 3, thick)
    return np.clip(page, 0, 255).astype(np.uint8)


# -------------------------------------------------------------------- in the camera


def photographed(
    rng: np.random.Generator,
    image: Pixels,
    character_px: float,
    *,
    grey: bool,
    strength: float = 1.0,
    smoothed: float = 0.0,
    poor: float = 0.0,
) -> Pixels:
    """Light, lens, motion, sensor and compression.

    Args:
        rng: source of all chance.
        image: what would be seen, BGR.
        character_px: height of a character in it [px]: blur is in proportion.
        grey: an infrared or night picture without colour.
        strength: from 0 (a good camera by day) to 1: the most that light, blur, noise
            and compression may spoil. At 1 about one picture in ten is beyond reading.
        smoothed: share of cameras that take noise away and enlarge the picture.
        poor: share of pictures that are hazy, out of focus, coarse in noise or
            sharpened hard, one of these or more.
    """
    faults = drawn_faults(rng, poor, strength)
    seen = _lit(rng, image, grey=grey, strength=strength)
    seen = _blurred(rng, seen, character_px, strength)
    if faults.defocus:
        seen = out_of_focus(seen, faults.defocus * character_px)
    if faults.haze:
        veil = np.float32(rng.uniform(90, 225))
        seen += np.float32(faults.haze) * (veil - seen)
    seen = _weathered(rng, seen, strength)
    noise = rng.uniform(0, 6) if rng.random() < 0.75 else rng.uniform(6, 18)
    noise *= strength
    if grey:
        seen = cv2.cvtColor(
            cv2.cvtColor(seen, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR
        ).astype(np.float32)
        seen += _noise(rng, seen.shape[:2])[..., None] * np.float32(noise)
    else:
        seen += _noise(rng, seen.shape) * np.float32(noise)
    if faults.noise:
        seen += _coarse_noise(rng, seen.shape, faults.noise, grey=grey)
    if smoothed and rng.random() < smoothed:
        seen = _smoothed(rng, seen, strength)
    if rng.random() < 0.2:  # the sharpening of cheap cameras
        soft = cv2.GaussianBlur(seen, (0, 0), 1.2)
        seen += np.float32(rng.uniform(0.3, 1.6)) * (seen - soft)
    if faults.sharpening:
        soft = cv2.GaussianBlur(seen, (0, 0), max(0.8, faults.radius * character_px))
        seen += np.float32(faults.sharpening) * (seen - soft)
    out = np.clip(seen, 0, 255).astype(np.uint8)
    for _ in range(int(rng.choice((0, 1, 1, 1, 2)))):
        quality = round(97 - strength * int(rng.integers(1, 80)))
        out = compressed(out, quality=quality)
    return out


def _coarse_noise(
    rng: np.random.Generator, shape: tuple[int, ...], level: float, *, grey: bool
) -> Floats:
    """Noise in spots of some pixels, as a sensor coarser than its picture gives it."""
    height, width = shape[:2]
    spot = rng.uniform(1.3, 3.5)
    small = (max(4, round(height / spot)), max(4, round(width / spot)))
    grains = _noise(rng, small if grey else (*small, 3))
    grown = cv2.resize(grains, (width, height), interpolation=cv2.INTER_LINEAR)
    spread = np.asarray(grown, np.float32).reshape(height, width, -1)
    return spread * np.float32(level * 1.5)


def _smoothed(rng: np.random.Generator, seen: Floats, strength: float) -> Floats:
    """What a camera makes of its own noise, and of a sensor coarser than its picture.

    Noise reduction keeps the edges and washes out thin strokes between them.
    """
    if rng.random() < 0.7:
        alike = strength * rng.uniform(10, 60)
        seen = np.asarray(cv2.bilateralFilter(seen, 5, alike, 2.0), np.float32)
    if rng.random() < 0.5:
        height, width = seen.shape[:2]
        share = 1 - strength * rng.uniform(0.1, 0.5)
        coarse = (max(8, round(width * share)), max(8, round(height * share)))
        small = cv2.resize(seen, coarse, interpolation=cv2.INTER_AREA)
        way = cv2.INTER_LINEAR if rng.random() < 0.5 else cv2.INTER_CUBIC
        seen = np.asarray(
            cv2.resize(small, (width, height), interpolation=way), np.float32
        )
    return seen


def _lit(
    rng: np.random.Generator, image: Pixels, *, grey: bool, strength: float
) -> Floats:
    height, width = image.shape[:2]
    seen = image.astype(np.float32)
    if not grey and rng.random() < 0.75:  # the colour of the light, and of the camera
        cast = np.exp(rng.normal(0, rng.choice((0.06, 0.2)), 3))
        seen *= cast.astype(np.float32)
        if rng.random() < 0.5:  # more or less colour than there was
            mean = seen.mean(axis=2, keepdims=True)
            seen = mean + (seen - mean) * np.float32(rng.uniform(0.35, 1.4))
    chance = rng.random()
    if chance < 0.22:  # a shadow with an edge
        angle = rng.uniform(0, np.pi)
        y, x = np.mgrid[0:height, 0:width].astype(np.float32)
        side = (x - rng.uniform(0, width)) * np.cos(angle)
        side += (y - rng.uniform(0, height)) * np.sin(angle)
        edge = np.clip(side / rng.uniform(1, 0.2 * height + 2) + 0.5, 0, 1)
        seen *= (1 - edge * strength * rng.uniform(0.2, 0.75)).astype(np.float32)[
            ..., None
        ]
    elif chance < 0.5:  # uneven light
        ends = rng.uniform(0.5, 1.15, 4)
        ramp = cv2.resize(ends.reshape(2, 2).astype(np.float32), (width, height))
        seen *= np.asarray(ramp, np.float32)[..., None]
    elif chance < 0.6:  # glare, not so strong that it hides
        y, x = np.mgrid[0:height, 0:width].astype(np.float32)
        r = rng.uniform(0.3, 1.5) * height
        away = (x - rng.uniform(0, width)) ** 2 + (y - rng.uniform(0, height)) ** 2
        glow = np.exp(-away / (r * r)) * strength * rng.uniform(20, 130)
        seen += glow.astype(np.float32)[..., None]
    exposure = rng.random()
    if exposure < 0.25:  # dusk and night
        seen *= np.float32(1 - strength * rng.uniform(0.4, 0.84))
    elif exposure < 0.42:  # overexposed, contrast lost
        seen = seen * np.float32(rng.uniform(0.6, 1.1)) + np.float32(
            strength * rng.uniform(20, 95)
        )
    else:
        seen *= np.float32(rng.uniform(0.55, 1.3))
    if rng.random() < 0.3:
        np.clip(seen, 0, 255, out=seen)
        gamma = np.float32(np.exp(rng.normal(0, 0.35)))
        seen = np.float32(255) * (seen / np.float32(255)) ** gamma
    return seen


def _blurred(
    rng: np.random.Generator, seen: Floats, character_px: float, strength: float
) -> Floats:
    if rng.random() < 0.7:
        sigma = abs(rng.normal(0, 0.045 * strength)) * character_px
        sigma += rng.uniform(0, 0.5)
        if sigma > 0.2:
            seen = np.asarray(cv2.GaussianBlur(seen, (0, 0), sigma), np.float32)
    if rng.random() < 0.3:
        length = strength * rng.uniform(0.05, 0.28) * character_px
        angle = rng.choice((0.0, np.pi / 2, rng.uniform(0, np.pi)))
        seen = np.asarray(cv2.filter2D(seen, -1, _streak(length, angle)), np.float32)
    return seen


def _streak(length: float, angle: float) -> Floats:
    """The kernel of a motion over so many pixels."""
    half = int(np.ceil(length / 2)) + 1
    kernel = np.zeros((2 * half + 1, 2 * half + 1), np.float32)
    steps = np.linspace(-length / 2, length / 2, 16)
    for step in steps:
        x, y = half + step * np.cos(angle), half + step * np.sin(angle)
        i, j = int(np.floor(y)), int(np.floor(x))
        fy, fx = y - i, x - j
        kernel[i, j] += (1 - fy) * (1 - fx)
        kernel[i + 1, j] += fy * (1 - fx)
        kernel[i, j + 1] += (1 - fy) * fx
        kernel[i + 1, j + 1] += fy * fx
    return np.asarray(kernel / kernel.sum(), np.float32)


def _weathered(rng: np.random.Generator, seen: Floats, strength: float) -> Floats:
    chance = rng.random()
    height, width = seen.shape[:2]
    if chance < 0.05:  # fog
        thick = np.float32(strength * rng.uniform(0.2, 0.7))
        haze = _cloud(rng, height, width, 0) * thick
        seen += haze[..., None] * (np.float32(rng.uniform(140, 230)) - seen)
    elif chance < 0.11:  # rain or snow across the picture
        drops = np.zeros((height, width), np.float32)
        lean = rng.normal(0, 0.25)
        for _ in range(int(rng.integers(4, 28))):
            x, y = rng.uniform(0, width), rng.uniform(0, height)
            long = rng.uniform(0.02, 0.35) * height
            end = (round(x + lean * long), round(y + long))
            cv2.line(drops, (round(x), round(y)), end, float(rng.uniform(0.2, 0.7)), 1)
        drops = np.asarray(cv2.GaussianBlur(drops, (0, 0), 0.6), np.float32)
        seen += drops[..., None] * (np.float32(rng.uniform(150, 255)) - seen)
    return seen
