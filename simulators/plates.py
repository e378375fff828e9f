"""Valid plates (GA 36) drawn by chance, for vehicles that do not exist.

It draws no pictures and reads none.
"""

from typing import Literal

import msgspec
import numpy as np

__all__ = ["Plate", "random_plate", "random_trailer_plate"]

_PROVINCES = "京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川贵云藏陕甘青宁新"
_NEIGHBOURS = "冀晋鲁豫皖苏"  # the demo station stands in the plain between them
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
_AUTHORITIES = "ABCDEFGHJK"
_DIGITS = "0123456789"
_LETTER_SHARE = 0.12
_NEIGHBOUR_SHARE = 0.7


class Plate(msgspec.Struct, frozen=True):
    """One plate; a double-line plate carries its first two characters on top."""

    text: str
    colour: Literal["yellow"]
    lines: Literal[1, 2]


def random_plate(rng: np.random.Generator) -> Plate:
    """Draw the front plate of a large truck: yellow, single line."""
    return Plate(_authority(rng) + _serial(rng, 5), "yellow", 1)


def random_trailer_plate(rng: np.random.Generator) -> Plate:
    """Draw the plate of a trailer: yellow, double line, ending in 挂."""
    return Plate(_authority(rng) + _serial(rng, 4) + "挂", "yellow", 2)


def _authority(rng: np.random.Generator) -> str:
    near = rng.random() < _NEIGHBOUR_SHARE
    return _pick(rng, _NEIGHBOURS if near else _PROVINCES) + _pick(rng, _AUTHORITIES)


def _serial(rng: np.random.Generator, length: int) -> str:
    """Draw a serial: mostly digits, up to two letters, never I or O."""
    kinds = rng.random(length) < _LETTER_SHARE
    letters = 0
    serial = ""
    for wants_letter in kinds:
        if wants_letter and letters < 2:
            serial += _pick(rng, _LETTERS)
            letters += 1
        else:
            serial += _pick(rng, _DIGITS)
    return serial


def _pick(rng: np.random.Generator, characters: str) -> str:
    return characters[int(rng.integers(len(characters)))]
