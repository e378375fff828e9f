"""Damaged lines of characters, cut into patches with their true answer.

Every number comes from the generator that is given, so a seed gives the same patches.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from lpr.glyphs import ALPHABET, NO_CHARACTER, PATCH_HEIGHT, PATCH_WIDTH
from lpr.plate import DIGITS, HANZI_SUFFIXES, PROVINCES, SERIAL_LETTERS
from lpr.segments import ink_of, patch_of
from lpr.training.typefaces import Bitmap, Typeface

__all__ = ["Case", "batches", "draw_cases"]

_LETTERS: Final = SERIAL_LETTERS + DIGITS
_HANZI: Final = PROVINCES + HANZI_SUFFIXES
_DRAWN_HEIGHT: Final = 64
"""Characters are drawn this tall [px] and then shrunk to what a camera would see."""
_LINE_HEIGHT: Final = 49
"""Characters of a straightened plate are about this tall [px]."""

Box = tuple[float, float, float, float]


class Case(msgspec.Struct, frozen=True):
    """One patch and the index of its character, ``NO_CHARACTER`` for none."""

    patch: NDArray[np.uint8]
    answer: int


def _pick(rng: np.random.Generator, text: str) -> str:
    return text[int(rng.integers(len(text)))]


def _stroke(rng: np.random.Generator, ink: Bitmap) -> Bitmap:
    """Sometimes thinner, sometimes bolder."""
    chance = rng.random()
    if chance < 0.7:
        return ink
    side = int(rng.integers(2, 5))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    change = cv2.erode if chance < 0.82 else cv2.dilate
    return np.asarray(change(ink, kernel), np.uint8)


def _reproportioned(rng: np.random.Generator, shape: Bitmap) -> Bitmap:
    """The character with one part wider or taller than its typeface has it."""
    axis = int(rng.integers(2))
    length = shape.shape[axis]
    cut = round(length * rng.uniform(0.3, 0.7))
    first, second = np.split(shape, [cut], axis=axis)
    grown = max(4, round(first.shape[axis] * rng.uniform(0.78, 1.28)))
    size = (first.shape[1], grown) if axis == 0 else (grown, first.shape[0])
    changed = cv2.resize(first, size, interpolation=cv2.INTER_LINEAR)
    return np.asarray(np.concatenate([changed, second], axis=axis), np.uint8)


def _slash(rng: np.random.Generator, zero: Bitmap) -> None:
    """A zero with a stroke through it or a dot in it, as some typefaces have."""
    height, width = zero.shape
    thick = max(2, round(width * rng.uniform(0.07, 0.16)))
    x, y = round(width * rng.uniform(0.25, 0.32)), round(height * rng.uniform(0.2, 0.3))
    if rng.random() < 0.8:
        cv2.line(zero, (x, height - y), (width - x, y), 255, thick, cv2.LINE_AA)
    else:
        cv2.circle(zero, (width // 2, height // 2), thick, 255, -1, cv2.LINE_AA)


def _drawn_line(
    rng: np.random.Generator, latin: Typeface, hanzi: Typeface
) -> tuple[Bitmap, list[tuple[str, Box]]]:
    """A line of characters, 255 where inked, and the box of each of them."""
    fixed_cells = rng.random() < 0.5
    squeeze = rng.uniform(0.75, 1.15)
    hanzi_squeeze = rng.uniform(0.6, 1.05)
    hanzi_height = rng.uniform(0.9, 1.28)
    gap = rng.uniform(0.04, 0.34)
    canvas = np.zeros((round(_DRAWN_HEIGHT / 0.62), 40 * _DRAWN_HEIGHT // 4), np.uint8)
    middle = canvas.shape[0] / 2 + rng.uniform(-4, 4)
    x = rng.uniform(0.12, 0.6) * _DRAWN_HEIGHT
    placed: list[tuple[str, Box]] = []
    for index in range(7):
        chinese = rng.random() < 0.42
        face, letters = (hanzi, _HANZI) if chinese else (latin, _LETTERS)
        character = _pick(rng, letters)
        shape = face.shapes.get(character)
        if shape is None:
            continue
        height = _DRAWN_HEIGHT * (hanzi_height if chinese else 1.0)
        width = shape.shape[1] / shape.shape[0] * height
        width *= hanzi_squeeze if chinese else squeeze
        if fixed_cells and (character != "1" or rng.random() < 0.3):
            width = _DRAWN_HEIGHT * rng.uniform(0.44, 0.56)
        columns, rows = max(round(width), 4), round(height)
        if rng.random() < 0.4:
            shape = _reproportioned(rng, shape)
        scaled = cv2.resize(shape, (columns, rows), interpolation=cv2.INTER_AREA)
        scaled = _stroke(rng, np.asarray(scaled, np.uint8))
        if character == "0" and rng.random() < 0.3:
            _slash(rng, scaled)
        left, top = round(x), round(middle - height / 2)
        if left + columns + 4 > canvas.shape[1]:
            break
        target = canvas[max(top, 0) : top + rows, left : left + columns]
        np.maximum(target, scaled[max(-top, 0) :][: len(target)], out=target)
        placed.append((character, (left, top, left + columns, top + rows)))
        x += columns + _DRAWN_HEIGHT * gap * rng.uniform(0.7, 1.3)
        if rng.random() < (0.5 if index == 1 else 0.12):
            dot = round(_DRAWN_HEIGHT * rng.uniform(0.04, 0.09))
            cv2.circle(canvas, (round(x) + dot, round(middle)), dot, 255, -1)
            x += 2 * dot + _DRAWN_HEIGHT * gap
    end = round(x + rng.uniform(0.1, 0.5) * _DRAWN_HEIGHT)
    return canvas[:, : min(end, canvas.shape[1])].copy(), placed


def _furniture(rng: np.random.Generator, line: Bitmap) -> None:
    """A frame and bolts, as plates have them."""
    height, width = line.shape
    if rng.random() < 0.5:
        inset = int(rng.integers(0, 5))
        far = (width - 1 - inset, height - 1 - inset)
        cv2.rectangle(line, (inset, inset), far, 255, int(rng.integers(1, 4)))
    if rng.random() < 0.15:  # a rest of the frame beside the first or last character
        inked = np.flatnonzero(line.any(axis=0))
        gap = int(rng.integers(3, 10))
        x = max(0, inked[0] - gap) if rng.random() < 0.5 else inked[-1] + gap
        cv2.line(line, (int(x), 0), (int(x), height), 255, int(rng.integers(1, 4)))
    if rng.random() < 0.3:
        for share in (0.2, 0.8):
            for y in (0.07, 0.93):
                where = (round(share * width), round(y * height))
                cv2.circle(line, where, int(rng.integers(2, 6)), 255, -1)


def _bent(
    rng: np.random.Generator, line: Bitmap, boxes: Sequence[Box]
) -> tuple[Bitmap, list[Box]]:
    """A slight turn, slant and change of size along the line."""
    height, width = line.shape
    slant = rng.normal(0, 0.06)
    turn = rng.normal(0, 0.012)
    far = rng.normal(0, 0.03) / max(width, 1)
    matrix = np.array(
        [
            [1, slant, -slant * height / 2],
            [turn, 1, -turn * width / 2],
            [far * 0.3, 0, 1],
        ],
        dtype=np.float32,
    )
    bent = cv2.warpPerspective(line, matrix, (width, height))
    moved: list[Box] = []
    for x0, y0, x1, y1 in boxes:
        middle_x, middle_y = (x0 + x1) / 2, (y0 + y1) / 2
        ends = np.array(
            [[[x0, middle_y], [x1, middle_y], [middle_x, y0], [middle_x, y1]]],
            dtype=np.float32,
        )
        (left, right, top, bottom) = cv2.perspectiveTransform(ends, matrix)[0]
        lean = abs(slant) * (y1 - y0) / 2 * 0.7
        moved.append((left[0] - lean, top[1], right[0] + lean, bottom[1]))
    return np.asarray(bent, np.uint8), moved


def _photographed(
    rng: np.random.Generator, line: Bitmap, character_height_px: float
) -> Bitmap:
    """What a camera makes of the line when characters are so many pixels tall."""
    scale = character_height_px / _DRAWN_HEIGHT
    size = (max(round(line.shape[1] * scale), 8), max(round(line.shape[0] * scale), 8))
    small = np.asarray(cv2.resize(line, size, interpolation=cv2.INTER_AREA), np.float32)
    if rng.random() < 0.75:
        spread = rng.uniform(0.2, 0.045 * character_height_px + 0.25)
        small = np.asarray(cv2.GaussianBlur(small, (0, 0), spread), np.float32)
    if rng.random() < 0.25:
        length = int(rng.integers(2, max(3, round(0.13 * character_height_px)) + 1))
        kernel = (length, 1) if rng.random() < 0.7 else (1, length)
        small = np.asarray(cv2.blur(small, kernel), np.float32)
    ground, paint = rng.uniform(90, 235), rng.uniform(5, 60)
    light = np.linspace(rng.uniform(0.7, 1), rng.uniform(0.7, 1), size[0])
    picture = (ground + (paint - ground) * small / 255) * light.astype(np.float32)
    if rng.random() < 0.25:  # a soft shadow over a part
        x = int(rng.integers(size[0]))
        picture[:, x:] *= rng.uniform(0.6, 1.0)
    picture += rng.normal(0, rng.uniform(0, 9), picture.shape)
    seen = np.clip(picture, 0, 255).astype(np.uint8)
    if rng.random() < 0.7:
        options = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(35, 96))]
        _, data = cv2.imencode(".jpg", seen, options)
        seen = np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)
    return seen


def _jittered(rng: np.random.Generator, box: Box, height_px: float) -> Box:
    x0, y0, x1, y1 = (value + float(rng.normal(0, 0.028)) * height_px for value in box)
    return x0, y0, max(x1, x0 + 2), max(y1, y0 + 4)


def _wrong_box(rng: np.random.Generator, boxes: Sequence[Box], index: int) -> Box:
    """A box that holds no single character: a part, a pair, a seam or nothing."""
    x0, y0, x1, y1 = boxes[index]
    width, height = x1 - x0, y1 - y0
    chance = rng.random()
    if index + 1 < len(boxes) and chance < 0.35:
        follower = boxes[index + 1]
        if chance < 0.2:
            return x0, min(y0, follower[1]), follower[2], max(y1, follower[3])
        share, other = rng.uniform(0.3, 0.8), rng.uniform(0.25, 0.8)
        return (
            x0 + share * width,
            y0,
            follower[0] + other * (follower[2] - follower[0]),
            y1,
        )
    if chance < 0.85:
        share = rng.uniform(0.3, 0.72)
        if rng.random() < 0.5:
            return x0, y0, x0 + share * width, y1
        return x1 - share * width, y0, x1, y1
    if chance < 0.93:
        share = rng.uniform(0.35, 0.7)
        if rng.random() < 0.5:
            return x0, y0, x1, y0 + share * height
        return x0, y1 - share * height, x1, y1
    return x1, y0, x1 + rng.uniform(0.1, 0.5) * height, y1


def draw_cases(
    rng: np.random.Generator, latin: Sequence[Typeface], hanzi: Sequence[Typeface]
) -> Iterator[Case]:
    """The patches of one line: its characters, and boxes that hold none."""
    line, placed = _drawn_line(
        rng,
        latin[int(rng.integers(len(latin)))],
        hanzi[int(rng.integers(len(hanzi)))],
    )
    if len(placed) < 3:
        return
    _furniture(rng, line)
    covered = -1
    if rng.random() < 0.12:  # dirt, tape or a finger over most of one character
        covered = int(rng.integers(len(placed)))
        x0, y0, x1, y1 = (round(value) for value in placed[covered][1])
        share = rng.uniform(0.35, 0.9)
        value = int(rng.choice([0, 255]))
        if rng.random() < 0.5:
            line[y0 : y0 + round(share * (y1 - y0)), x0 - 2 : x1 + 2] = value
        else:
            line[y0:y1, x1 - round(share * (x1 - x0)) : x1 + 2] = value
    line, boxes = _bent(rng, line, [box for _, box in placed])
    height_px = float(np.exp(rng.uniform(np.log(13), np.log(62))))
    seen = _photographed(rng, line, height_px)
    size = (
        round(line.shape[1] * _LINE_HEIGHT / _DRAWN_HEIGHT),
        round(line.shape[0] * _LINE_HEIGHT / _DRAWN_HEIGHT),
    )
    flat = cv2.cvtColor(
        cv2.resize(seen, size, interpolation=cv2.INTER_LINEAR), cv2.COLOR_GRAY2BGR
    )
    ink = ink_of(np.asarray(flat, np.uint8), light_characters=False)
    ratio = _LINE_HEIGHT / _DRAWN_HEIGHT
    scaled = [
        (x0 * ratio, y0 * ratio, x1 * ratio, y1 * ratio) for x0, y0, x1, y1 in boxes
    ]
    for index, (character, _) in enumerate(placed):
        answer = NO_CHARACTER if index == covered else ALPHABET.index(character)
        yield _case(ink, _jittered(rng, scaled[index], _LINE_HEIGHT), answer)
        if rng.random() < 0.5:
            wrong = _wrong_box(rng, scaled, index)
            yield _case(ink, _jittered(rng, wrong, _LINE_HEIGHT), NO_CHARACTER)


def _case(ink: NDArray[np.float32], box: Box, answer: int) -> Case:
    return Case((patch_of(ink, box) * 255).astype(np.uint8), answer)


def batches(
    rng: np.random.Generator,
    latin: Sequence[Typeface],
    hanzi: Sequence[Typeface],
    *,
    size: int,
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.int64]]]:
    """Endless batches, mixed over many lines so that none is all one typeface."""
    shelf: list[Case] = []
    while True:
        while len(shelf) < 16 * size:
            shelf.extend(draw_cases(rng, latin, hanzi))
        order = rng.permutation(len(shelf))
        chosen = [shelf[int(index)] for index in order[: 8 * size]]
        shelf = [shelf[int(index)] for index in order[8 * size :]]
        for start in range(0, len(chosen), size):
            part = chosen[start : start + size]
            patches = np.stack([case.patch for case in part]).astype(np.float32)
            patches /= np.float32(255)
            yield (
                patches.reshape(-1, PATCH_HEIGHT, PATCH_WIDTH),
                np.array([case.answer for case in part], dtype=np.int64),
            )
