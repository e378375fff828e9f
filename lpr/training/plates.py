"""Draws number plates as they leave the press: size, cells, colours, frame, bolts.

Every number comes from the generator that is given, so a seed gives the same plate.
What weather and cameras do to a plate is not drawn here.
"""

from typing import Final, Literal, TypeAlias

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from lpr.plate import DIGITS, KINDS, SERIAL_LETTERS, PlateColour, PlateKind
from lpr.training.shapes import Shapes, Typeset

__all__ = [
    "PlateText",
    "RenderedPlate",
    "draw_text",
    "render_plate",
]

Pixels: TypeAlias = NDArray[np.uint8]
Floats: TypeAlias = NDArray[np.float32]
Slot: TypeAlias = tuple[float, float, float, float]
"""Left, top, width and height of a character [mm]."""
Lines: TypeAlias = Literal[1, 2]
_ROWS: Final = {kind.name: kind for kind in KINDS}


class PlateText(msgspec.Struct, frozen=True, kw_only=True):
    """What a plate is to show; ``lawful`` is false for a text outside the grammar."""

    text: str
    kind: PlateKind
    colour: PlateColour
    lines: Lines = 1
    lawful: bool = True


class RenderedPlate(msgspec.Struct, frozen=True, kw_only=True):
    """A plate from straight in front.

    ``image`` is BGR, shape (height, width, 3); ``mask`` is 255 where the plate is, its
    corners being round; ``ink`` is 0 to 255 where it is painted; ``boxes`` holds x0,
    y0, x1, y1 of each character [px].
    """

    image: Pixels
    mask: Pixels
    ink: Pixels
    text: str
    kind: PlateKind
    colour: PlateColour
    lines: Lines
    boxes: Floats
    px_per_mm: float

    @property
    def centres(self) -> Floats:
        """The middle of each character [px], shape (characters, 2)."""
        return (self.boxes[:, :2] + self.boxes[:, 2:]) / np.float32(2)


_FREQUENCY: Final[tuple[tuple[float, PlateKind, PlateColour, Lines], ...]] = (
    (0.22, "ordinary", "yellow", 1),
    (0.12, "ordinary", "yellow", 2),
    (0.13, "trailer", "yellow", 2),
    (0.01, "trailer", "yellow", 1),
    (0.25, "ordinary", "blue", 1),
    (0.08, "new_energy_small", "gradient_green", 1),
    (0.06, "new_energy_large", "yellow_green", 1),
    (0.02, "learner", "yellow", 1),
    (0.02, "police", "white", 1),
    (0.015, "hong_kong_macao", "black", 1),
    (0.015, "consulate", "black", 1),
    (0.01, "embassy", "black", 1),
    (0.015, "ordinary", "black", 1),
    (0.01, "over_limit", "yellow", 1),
    (0.01, "government", "blue", 1),
    (0.01, "armed_police", "white", 1),
    (0.01, "civil_aviation", "green", 1),
)
_CHANCES: Final = np.cumsum([row[0] for row in _FREQUENCY])


def draw_text(rng: np.random.Generator, *, unlawful_share: float = 0.04) -> PlateText:
    """A text of a kind as often as a roadside training needs it, provinces evenly.

    Serials are mostly digits, as issued, but every letter comes everywhere; a share
    breaks the grammar, so that a reader learns to look and not to assume.
    """
    place = int(np.searchsorted(_CHANCES, rng.random() * _CHANCES[-1]))
    _, kind, colour, lines = _FREQUENCY[min(place, len(_FREQUENCY) - 1)]
    letters = rng.choice((0.08, 0.25, 0.6))
    text = "".join(
        _pick_from(rng, alphabet, float(letters)) for alphabet in _ROWS[kind].alphabets
    )
    if kind == "hong_kong_macao":
        text = text[:-1] + ("港" if rng.random() < 0.5 else "澳")
    lawful = True
    if rng.random() < unlawful_share and kind != "armed_police":
        at = int(rng.integers(1, len(text)))
        text = text[:at] + _pick(rng, SERIAL_LETTERS + DIGITS) + text[at + 1 :]
        lawful = _ROWS[kind].admits(text)
    return PlateText(text=text, kind=kind, colour=colour, lines=lines, lawful=lawful)


def _pick(rng: np.random.Generator, text: str) -> str:
    return text[int(rng.integers(len(text)))]


def _pick_from(rng: np.random.Generator, alphabet: str, letters: float) -> str:
    """One of the alphabet, its letters together as likely as ``letters``."""
    if alphabet == SERIAL_LETTERS + DIGITS:
        return _pick(rng, SERIAL_LETTERS if rng.random() < letters else DIGITS)
    return _pick(rng, alphabet)


# ------------------------------------------------------------------ cells of GA 36


def _row(
    widths: tuple[float, ...], gaps: tuple[float, ...], left: float
) -> list[float]:
    lefts = [left]
    for width, gap in zip(widths, gaps, strict=False):
        lefts.append(lefts[-1] + width + gap)
    return lefts[: len(widths)]


_SINGLE: Final[tuple[Slot, ...]] = tuple(
    (x, 25.0, 45.0, 90.0)
    for x in _row((45.0,) * 7, (12.0, 34.0, 12.0, 12.0, 12.0, 12.0), 15.5)
)
_GREEN: Final[tuple[Slot, ...]] = tuple(
    (x, 25.0, width, 90.0)
    for x, width in zip(
        _row((45.0, *(43.0,) * 7), (9.0, 49.0, 9.0, 9.0, 9.0, 9.0, 9.0), 15.5),
        (45.0, *(43.0,) * 7),
        strict=True,
    )
)
_DOUBLE: Final[tuple[Slot, ...]] = (
    (110.0, 15.0, 80.0, 60.0),
    (250.0, 15.0, 80.0, 60.0),
    *((x, 90.0, 65.0, 110.0) for x in _row((65.0,) * 5, (15.0,) * 4, 27.5)),
)
_ARMED: Final[tuple[Slot, ...]] = tuple(
    (x, 25.0, 41.0, 90.0)
    for x in _row((41.0,) * 8, (8.0, 12.0, 26.0, 9.0, 9.0, 9.0, 9.0), 15.0)
)

_Ground = tuple[float, float, float]
_GROUNDS: Final[dict[PlateColour, _Ground]] = {
    # BGR of a clean plate in even light
    "blue": (168.0, 82.0, 22.0),
    "yellow": (18.0, 172.0, 240.0),
    "black": (32.0, 30.0, 30.0),
    "white": (232.0, 234.0, 234.0),
    "green": (72.0, 130.0, 24.0),
    "yellow_green": (92.0, 190.0, 76.0),
    "gradient_green": (120.0, 205.0, 90.0),
}
_DARK: Final = frozenset({"blue", "black", "green"})


def _slots(wanted: PlateText) -> tuple[Slot, ...]:
    if wanted.lines == 2:
        return _DOUBLE
    if wanted.kind == "armed_police":
        return _ARMED
    return _GREEN if len(wanted.text) == 8 else _SINGLE


def _size_mm(wanted: PlateText) -> tuple[float, float]:
    if wanted.lines == 2:
        return 440.0, 220.0
    green = len(wanted.text) == 8 and wanted.kind != "armed_police"
    return (480.0 if green else 440.0), 140.0


# ------------------------------------------------------------------------- drawing


def render_plate(
    rng: np.random.Generator,
    shapes: Shapes,
    wanted: PlateText | None = None,
    *,
    px_per_mm: float = 1.0,
    typeface_share: float = 0.2,
) -> RenderedPlate:
    """A new plate with its bolts, slightly uneven as presses and painters leave it.

    Args:
        rng: source of all chance.
        shapes: what the characters look like.
        wanted: the text; drawn at random when missing.
        px_per_mm: scale of the picture [px/mm].
        typeface_share: how often an ordinary typeface stands in for plate shapes.
    """
    wanted = draw_text(rng) if wanted is None else wanted
    width_mm, height_mm = _size_mm(wanted)
    size = (round(width_mm * px_per_mm), round(height_mm * px_per_mm))
    boxes = _placed(rng, _slots(wanted)) * np.float32(px_per_mm)
    ink = np.zeros((size[1], size[0]), np.uint8)
    _write(rng, ink, shapes, wanted, boxes, typeface_share)
    ink = _stroked(rng, ink, px_per_mm)
    _dot(rng, ink, wanted, px_per_mm)
    if rng.random() < 0.92:
        _frame(rng, ink, wanted, px_per_mm)
    image = _painted(rng, ink, wanted)
    _bolts(rng, image, wanted, px_per_mm)
    return RenderedPlate(
        image=image,
        mask=_mask(size, round(rng.uniform(5, 12) * px_per_mm)),
        ink=ink,
        text=wanted.text,
        kind=wanted.kind,
        colour=wanted.colour,
        lines=wanted.lines,
        boxes=boxes,
        px_per_mm=px_per_mm,
    )


def _placed(rng: np.random.Generator, slots: tuple[Slot, ...]) -> Floats:
    """Boxes x0, y0, x1, y1 [mm], a little off where the standard has them."""
    boxes = np.array([(x, y, x + w, y + h) for x, y, w, h in slots], np.float32)
    boxes += np.tile(rng.normal(0, 1.2, 2), 2).astype(np.float32)
    boxes[:, 0::2] += rng.normal(0, 0.5, (len(boxes), 1)).astype(np.float32)
    return boxes


def _write(
    rng: np.random.Generator,
    ink: Pixels,
    shapes: Shapes,
    wanted: PlateText,
    boxes: Floats,
    typeface_share: float,
) -> None:
    ordinary = rng.random() < typeface_share
    letters = shapes.letters[int(rng.integers(len(shapes.letters)))]
    hanzi = shapes.hanzi[int(rng.integers(len(shapes.hanzi)))]
    crossed = rng.random() < 0.06
    natural = ordinary and rng.random() < 0.35
    slashed = ordinary and rng.random() < 0.3
    squeeze = rng.uniform(0.72, 0.98) if natural and rng.random() < 0.5 else 1.0
    for index, (character, box) in enumerate(zip(wanted.text, boxes, strict=True)):
        own = _own_typeset(shapes, wanted, index)
        if crossed:  # plates pressed with the shapes of the other series
            own = shapes.green if own is shapes.single else shapes.single
        face = hanzi if character > "\u4e00" else letters
        tight = ordinary or _alike(character) not in own
        typeset = face if tight else own
        if character not in typeset and _alike(character) not in typeset:
            typeset = shapes.hanzi[0]  # the one that has all Chinese characters
        shape = typeset.shapes[character if character in typeset else _alike(character)]
        if slashed and character == "0":
            shape = _slashed(rng, shape)
        _stamp(
            ink,
            shape,
            _fitted(shape, box, tight=tight, natural=natural, squeeze=squeeze),
        )


def _slashed(rng: np.random.Generator, shape: Pixels) -> Pixels:
    """A nought with a stroke through it or a dot in it, as some typefaces have."""
    zero = shape.copy()
    height, width = zero.shape
    thick = max(2, round(width * rng.uniform(0.07, 0.16)))
    if rng.random() < 0.8:
        x, y = round(width * 0.28), round(height * rng.uniform(0.2, 0.3))
        cv2.line(zero, (x, height - y), (width - x, y), 255, thick, cv2.LINE_AA)
    else:
        cv2.circle(zero, (width // 2, height // 2), thick, 255, -1, cv2.LINE_AA)
    return zero


def _alike(character: str) -> str:
    """O has no picture of its own: it is pressed as a nought."""
    return "0" if character == "O" else character


def _own_typeset(shapes: Shapes, wanted: PlateText, index: int) -> Typeset:
    if wanted.lines == 2:
        return shapes.upper if index < 2 else shapes.lower
    return shapes.green if len(wanted.text) == 8 else shapes.single


def _fitted(
    shape: Pixels, box: Floats, *, tight: bool, natural: bool, squeeze: float
) -> tuple[int, int, int, int]:
    """Where the shape goes [px]: the whole cell, or no wider than it is by nature."""
    x0, y0, x1, y1 = (float(value) for value in box)
    width, height = x1 - x0, (y1 - y0)
    if tight:
        own = height * shape.shape[1] / shape.shape[0]
        shrunk = height * squeeze
        y0, height = y0 + (height - shrunk) / 2, shrunk
        narrow = min(width, own * squeeze if natural else own)
        if not natural and shape.shape[1] > 0.35 * shape.shape[0]:
            narrow = width
        x0, width = x0 + (width - narrow) / 2, narrow
    return round(x0), round(y0), max(2, round(width)), max(4, round(height))


def _stamp(ink: Pixels, shape: Pixels, place: tuple[int, int, int, int]) -> None:
    x, y, width, height = place
    drawn = cv2.resize(shape, (width, height), interpolation=cv2.INTER_AREA)
    x0, y0 = max(x, 0), max(y, 0)
    x1, y1 = min(x + width, ink.shape[1]), min(y + height, ink.shape[0])
    if x1 > x0 and y1 > y0:
        window = ink[y0:y1, x0:x1]
        np.maximum(window, drawn[y0 - y : y1 - y, x0 - x : x1 - x], out=window)


def _stroked(rng: np.random.Generator, ink: Pixels, px_per_mm: float) -> Pixels:
    """Thinner or bolder by up to a quarter of a stroke, corners rounded."""
    if rng.random() < 0.35:
        return ink
    spread = rng.uniform(0.8, 2.2) * px_per_mm
    level = float(np.clip(rng.normal(0.5, 0.12), 0.25, 0.75))
    soft = cv2.GaussianBlur(ink, (0, 0), max(spread, 0.3))
    steep = rng.uniform(1.5, 4.0)
    table = np.clip(((np.arange(256) / 255 - level) * steep + 0.5) * 255, 0, 255)
    return np.asarray(cv2.LUT(soft, table.astype(np.uint8)), np.uint8)


def _dot(
    rng: np.random.Generator, ink: Pixels, wanted: PlateText, px_per_mm: float
) -> None:
    """The round separator; a new-energy plate has a wider emblem in its place."""
    if wanted.kind == "civil_aviation" or rng.random() < 0.03:
        return
    if wanted.lines == 2:
        x, y, radius = 220.0, 45.0, 5.0
    elif wanted.kind == "embassy":
        x, y, radius = 261.0, 70.0, 5.0
    elif wanted.kind == "armed_police":
        x, y, radius = 158.0, 70.0, 4.0
    elif len(wanted.text) == 8:
        x, y, radius = 137.0, 70.0, rng.uniform(4.0, 6.0)
        if rng.random() < 0.6:  # the emblem's ring
            centre = (round(x * px_per_mm), round(y * px_per_mm))
            ring = round(rng.uniform(9, 14) * px_per_mm)
            cv2.circle(ink, centre, ring, int(rng.integers(60, 200)), 1, cv2.LINE_AA)
            return
    else:
        x, y, radius = 134.5, 70.0, 5.0
    x, y = x + float(rng.normal(0, 1.5)), y + float(rng.normal(0, 2))
    radius *= float(rng.uniform(0.8, 1.15)) * px_per_mm * 8
    centre = (round(x * px_per_mm * 8), round(y * px_per_mm * 8))
    cv2.circle(ink, centre, round(radius), 255, -1, cv2.LINE_AA, shift=3)


def _frame(
    rng: np.random.Generator, ink: Pixels, wanted: PlateText, px_per_mm: float
) -> None:
    """The painted border, its corners cut."""
    height, width = ink.shape
    inset = rng.uniform(2.5, 6.5) * px_per_mm
    thick = max(1, round(rng.uniform(1.5, 3.2) * px_per_mm))
    strength = 255 if wanted.colour in _DARK else int(rng.integers(150, 256))
    low, cut = round(inset), round(rng.uniform(3, 10) * px_per_mm)
    right, bottom = width - 1 - low, height - 1 - low
    corners = np.array(
        [
            (low + cut, low),
            (right - cut, low),
            (right, low + cut),
            (right, bottom - cut),
            (right - cut, bottom),
            (low + cut, bottom),
            (low, bottom - cut),
            (low, low + cut),
        ],
        np.int32,
    )
    cv2.polylines(ink, [corners], True, strength, thick, cv2.LINE_AA)


def _painted(rng: np.random.Generator, ink: Pixels, wanted: PlateText) -> Pixels:
    """Ground and ink in their colours, each plate's paint a little different."""
    height, width = ink.shape
    shade = rng.normal(0, 8, 3) + rng.normal(0, 8)
    dark = wanted.colour in _DARK
    paint = np.full(3, 242.0 if dark else 24.0) + rng.normal(0, 8, 3)
    red = _red_box(wanted)
    if red is None and wanted.colour not in {"gradient_green", "yellow_green"}:
        even = np.asarray(_GROUNDS[wanted.colour]) + shade
        steps = np.linspace(0, 1, 256)[:, None] * (paint - even) + even
        table = np.clip(steps, 0, 255).astype(np.uint8)[None]
        return np.asarray(cv2.LUT(cv2.merge([ink] * 3), table), np.uint8)
    ground = np.empty((height, width, 3), np.float32)
    ground[:] = np.asarray(_GROUNDS[wanted.colour]) + shade
    if wanted.colour == "gradient_green":
        share = np.linspace(0, 1, height, dtype=np.float32) ** rng.uniform(0.6, 1.2)
        share = (share * rng.uniform(0.75, 1.0))[:, None, None]
        ground = (1 - share) * np.float32(236) + share * ground
    if wanted.colour == "yellow_green":
        at = round(width * rng.uniform(0.23, 0.29))
        ground[:, :at] = np.asarray(_GROUNDS["yellow"]) + shade
    share = ink[..., None].astype(np.float32) / np.float32(255)
    image = ground + share * (paint.astype(np.float32) - ground)
    if red is not None and rng.random() < 0.8:
        slots = _slots(wanted)
        for index in red:
            x, _, w, _ = slots[index]
            scale = width / _size_mm(wanted)[0]
            left, right = round((x - 3) * scale), round((x + w + 3) * scale)
            part = share[:, left:right]
            colour = np.array([40, 30, 200], np.float32)
            image[:, left:right] = image[:, left:right] * (1 - part) + colour * part
    return np.clip(image, 0, 255).astype(np.uint8)


def _red_box(wanted: PlateText) -> tuple[int, ...] | None:
    """Characters that the standard paints red."""
    if wanted.kind == "police":
        return (len(wanted.text) - 1,)
    return (0, 1) if wanted.kind == "armed_police" else None


def _bolts(
    rng: np.random.Generator, image: Pixels, wanted: PlateText, px_per_mm: float
) -> None:
    """Two or four bolts, bare, painted or under caps, not always where they belong."""
    if rng.random() < 0.08:
        return
    width_mm, height_mm = _size_mm(wanted)
    spread = rng.uniform(100, 118)
    rows = [rng.uniform(8, 17)]
    if rng.random() < 0.6:
        rows.append(height_mm - rows[0])
    for y in rows:
        for side in (-1, 1):
            x = width_mm / 2 + side * spread + rng.normal(0, 3)
            radius = rng.uniform(3.5, 9.0)
            level = rng.uniform(40, 230)
            colour = np.clip(level + rng.normal(0, 12, 3), 0, 255).tolist()
            centre = (round(x * px_per_mm), round(y * px_per_mm))
            size = max(1, round(radius * px_per_mm))
            cv2.circle(image, centre, size, colour, -1, cv2.LINE_AA)
            if size > 2:
                rim = np.clip(np.asarray(colour) * rng.uniform(0.4, 0.8), 0, 255)
                cv2.circle(image, centre, size, rim.tolist(), 1, cv2.LINE_AA)


def _mask(size: tuple[int, int], radius: int) -> Pixels:
    width, height = size
    mask = np.zeros((height, width), np.uint8)
    cv2.rectangle(mask, (radius, 0), (width - 1 - radius, height - 1), 255, -1)
    cv2.rectangle(mask, (0, radius), (width - 1, height - 1 - radius), 255, -1)
    for x in (radius, width - 1 - radius):
        for y in (radius, height - 1 - radius):
            cv2.circle(mask, (x, y), radius, 255, -1)
    return mask
