"""Measures the whole chain over rendered passages: one plate in ten frames.

``python -m lpr.training passages --glyphs DIR --fonts DIR`` drives vehicles past a
camera, finds, reads, follows and votes, and prints how often the plate is right in one
frame, over all, and among those that are given out. Damage is moderate: what a
well-kept station sees by day and night.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import cv2
import msgspec
import numpy as np

from lpr.detector import NetworkDetector
from lpr.errors import WeightsError
from lpr.figures import Share, percent
from lpr.image import Image, sharpness_at
from lpr.judging import PlateLimits
from lpr.sequence import SequenceReader
from lpr.tracks import Look, Tracker, belonging
from lpr.training.compression import compressed
from lpr.training.networks import add_network_arguments, chosen_networks
from lpr.training.plates import RenderedPlate, render_plate
from lpr.training.scenes import Face, lay_face
from lpr.training.shapes import Shapes, gather_shapes
from lpr.training.textures import background
from lpr.training.vehicles import BODIES, Easel, plane
from lpr.vote import VotedPlate, vote

__all__ = ["Passage", "draw_passage", "follow", "main"]

_FRAMES: Final = 10
_RATE_HZ: Final = 12.5
_SIZE: Final = (960, 544)
_PLATE_M: Final = 0.44
_VALIDATION_SEED: Final = 100_021


class Passage(msgspec.Struct, frozen=True, kw_only=True):
    """The frames of one vehicle and the plate that it carries."""

    frames: tuple[Image, ...]
    plate: RenderedPlate


def draw_passage(rng: np.random.Generator, shapes: Shapes) -> Passage:
    """A vehicle that comes nearer, each frame with noise of its own."""
    plate = render_plate(rng, shapes, px_per_mm=0.7, typeface_share=0.0)
    width, height = _SIZE
    ground = background(rng, height, width)
    body = BODIES[int(rng.integers(len(BODIES)))]
    body_seed, pose_seed = (int(rng.integers(2**31)) for _ in range(2))
    start_px, end_px = rng.uniform(55, 80), rng.uniform(110, 170)
    x = rng.uniform(0.3, 0.7) * width + np.linspace(0, rng.uniform(-60, 60), _FRAMES)
    y = np.linspace(rng.uniform(0.3, 0.45), rng.uniform(0.7, 0.85), _FRAMES) * height
    light = rng.uniform(0.45, 1.1)
    face = Face(picture=plate.image, double=plate.lines == 2)
    frames = []
    for index, size_px in enumerate(np.geomspace(start_px, end_px, _FRAMES)):
        page = ground.copy()
        matrix = plane(
            np.random.default_rng(pose_seed),
            centre_px=(float(x[index]), float(y[index])),
            px_per_m=float(size_px) / _PLATE_M,
            most_turn_deg=25.0,
        )
        easel = Easel(np.random.default_rng(body_seed), page, matrix)
        body(easel)
        lay_face(np.random.default_rng(pose_seed), easel, face)
        frames.append(_exposed(rng, page, light))
    return Passage(frames=tuple(frames), plate=plate)


def _exposed(rng: np.random.Generator, page: Image, light: float) -> Image:
    """One exposure: light, focus, motion, noise, compression; all moderate."""
    seen = page.astype(np.float32) * np.float32(light * rng.uniform(0.9, 1.1))
    seen = np.asarray(cv2.GaussianBlur(seen, (0, 0), rng.uniform(0.3, 1.1)), np.float32)
    if rng.random() < 0.3:
        length = int(rng.integers(2, 5))
        seen = np.asarray(cv2.blur(seen, (1, length)), np.float32)
    noise = rng.uniform(1, 7)
    seen += rng.standard_normal((*seen.shape[:2], 1), np.float32) * np.float32(noise)
    picture = np.clip(seen, 0, 255).astype(np.uint8)
    return compressed(picture, quality=int(rng.integers(55, 95)))


def follow(
    passage: Passage, detector: NetworkDetector, reader: SequenceReader
) -> tuple[tuple[Look, ...], VotedPlate | None]:
    """All looks at the passage's plate, and what they say together."""
    tracker, tracks = Tracker(), []
    for number, frame in enumerate(passage.frames):
        at_s = number / _RATE_HZ
        looks = [
            Look(
                frame=number,
                at_s=at_s,
                box=box,
                place=(
                    float(box.corners[:, 0].mean()) / frame.shape[1],
                    float(box.corners[:, 1].mean()) / frame.shape[0],
                ),
                sharpness=sharpness_at(frame, box.corners),
                decoded=reader.read(frame, box.corners, lines=box.lines),
            )
            for box in detector.detect(frame, region=None)
        ]
        tracks += tracker.receive(at_s, looks)
    tracks += tracker.finish()
    legible = [
        track
        for track in tracks
        if max(look.decoded.confidence for look in track.looks) > 0.2
    ]
    middle_s = (_FRAMES - 1) / 2 / _RATE_HZ
    own = belonging(legible, at_s=middle_s, region=None, window_s=1.0)
    return ((), None) if own is None else (own.looks, vote(own.looks))


def main(arguments: list[str] | None = None) -> int:
    """Print the figures; 0 when they could be taken."""
    parser = argparse.ArgumentParser(
        prog="python -m lpr.training passages", description=__doc__
    )
    parser.add_argument("--glyphs", type=Path, required=True)
    parser.add_argument("--fonts", type=Path, nargs="+", required=True)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=_VALIDATION_SEED)
    add_network_arguments(parser)
    options = parser.parse_args(arguments)
    try:
        shapes = gather_shapes(options.glyphs, tuple(options.fonts))
        detector, reader = chosen_networks(options)
    except (ValueError, OSError, WeightsError) as error:
        sys.stderr.write(f"lpr.training passages: {error}\n")
        return 2
    rng = np.random.default_rng(options.seed)
    frames: list[bool] = []
    voted: list[bool] = []
    accepted: list[bool] = []
    sure = PlateLimits().character_confidence
    for passage in _drawn(rng, shapes, options.count):
        looks, answer = follow(passage, detector, reader)
        right = sum(look.decoded.text == passage.plate.text for look in looks)
        frames += [True] * right + [False] * (_FRAMES - right)
        voted.append(answer is not None and answer.text == passage.plate.text)
        if answer is not None and answer.is_read(sure):
            accepted.append(voted[-1])
    for name, hits in (
        ("one frame", frames),
        (f"over {_FRAMES} frames", voted),
        ("accepted and right", accepted),
    ):
        sys.stdout.write(f"{name} {percent(Share.of(sum(hits), len(hits)))}\n")
    return 0


def _drawn(rng: np.random.Generator, shapes: Shapes, count: int) -> Iterator[Passage]:
    terminal = sys.stderr.isatty()
    for number in range(count):
        if terminal:
            sys.stderr.write(f"\rpassage {number + 1}/{count}")
            sys.stderr.flush()
        yield draw_passage(rng, shapes)
    if terminal:
        sys.stderr.write("\r\033[K")


if __name__ == "__main__":
    sys.exit(main())
