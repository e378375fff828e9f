"""Trains the glyph classifier: fonts and pictures in, one file of weights out.

``python -m lpr.training glyphs --latin DIR --hanzi DIR --pictures DIR --out FILE``
learns from every font file of the folders; typefaces of some families are held out,
never learnt from, and give the temperature and the figures it prints.
"""

import argparse
import json
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from lpr.glyphs import ALPHABET, NO_CHARACTER, GlyphClassifier, Parameters
from lpr.plate import HANZI_SUFFIXES, PROVINCES
from lpr.training.lines import batches
from lpr.training.network import Adam, fresh_parameters, gradients
from lpr.training.typefaces import (
    Typeface,
    typefaces_of_font,
    typefaces_of_pictures,
)

_FONT_SUFFIXES: Final = {".ttf", ".otf", ".ttc"}
_HANZI: Final = PROVINCES + HANZI_SUFFIXES
_LETTERS: Final = "".join(sorted(set(ALPHABET) - set(_HANZI)))
_PICTURE_WEIGHT: Final = 6
"""Plate shapes from pictures are drawn as often as this many typefaces each."""
_PICTURE_HANZI_WEIGHT: Final = 2
_PEAK_RATE: Final = 2e-3


def _load(folder: Path, characters: str) -> list[Typeface]:
    return [
        face
        for path in sorted(folder.iterdir())
        if path.suffix.lower() in _FONT_SUFFIXES
        for face in typefaces_of_font(path, characters)
        if len(face.shapes) >= 0.9 * len(characters)
    ]


def _split(
    faces: list[Typeface], held_out: frozenset[str]
) -> tuple[list[Typeface], list[Typeface]]:
    learnt = [face for face in faces if face.family not in held_out]
    return learnt, [face for face in faces if face.family in held_out]


def _train(
    seed: int,
    *,
    latin: list[Typeface],
    hanzi: list[Typeface],
    steps: int,
    batch: int,
) -> Parameters:
    rng = np.random.default_rng(seed)
    network = fresh_parameters(rng)
    adam = Adam(network)
    average = 0.0
    supply = batches(rng, latin, hanzi, size=batch)
    for step in range(steps):
        patches, answers = next(supply)
        loss, slopes = gradients(network, patches, answers, rng)
        warm = min(1.0, (step + 1) / 200)
        rate = _PEAK_RATE * warm * 0.5 * (1 + np.cos(np.pi * step / steps))
        adam.step(network, slopes, rate=float(rate))
        average = loss if step == 0 else 0.99 * average + 0.01 * loss
        if step % 200 == 0:
            sys.stdout.write(
                f"seed {seed} step {step}/{steps} loss {average:.3f}" + "\n"
            )
    return network


def _fit_temperature(
    networks: tuple[Parameters, ...],
    patches: NDArray[np.float32],
    answers: NDArray[np.int64],
) -> float:
    """The temperature under which the held-out answers are likeliest."""
    best, best_loss = 1.0, np.inf
    for temperature in np.geomspace(0.4, 4.0, 25):
        classifier = GlyphClassifier(networks, float(temperature))
        chances = classifier.classify(patches)[np.arange(len(answers)), answers]
        loss = -float(np.log(chances + 1e-9).mean())
        if loss < best_loss:
            best, best_loss = float(temperature), loss
    return best


def main(arguments: list[str] | None = None) -> int:
    """Run the training; 0 when the weights are written."""
    parser = argparse.ArgumentParser(
        prog="python -m lpr.training glyphs", description=__doc__
    )
    parser.add_argument("--latin", type=Path, required=True)
    parser.add_argument("--hanzi", type=Path, required=True)
    parser.add_argument("--pictures", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--hold-out", nargs="*", default=[], metavar="FAMILY")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--networks", type=int, default=2)
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--batch", type=int, default=128)
    options = parser.parse_args(arguments)

    latin, hanzi = _load(options.latin, _LETTERS), _load(options.hanzi, _HANZI)
    held_out = frozenset(options.hold_out)
    latin, unseen_latin = _split(latin, held_out)
    hanzi, unseen_hanzi = _split(hanzi, held_out)
    if options.pictures is not None:
        pictures = typefaces_of_pictures(options.pictures)
        latin += [f for f in pictures if "A" in f.shapes] * _PICTURE_WEIGHT
        hanzi += [f for f in pictures if "京" in f.shapes] * _PICTURE_HANZI_WEIGHT
    if not latin or not hanzi:
        sys.stderr.write("no typefaces found: --latin and --hanzi need fonts\n")
        return 2
    sys.stdout.write(f"{len(latin)} latin and {len(hanzi)} hanzi typefaces, held out: ")
    sys.stdout.write(f"{len(unseen_latin)} and {len(unseen_hanzi)}" + "\n")

    learn = partial(
        _train, latin=latin, hanzi=hanzi, steps=options.steps, batch=options.batch
    )
    with ProcessPoolExecutor(options.networks) as pool:
        seeds = range(options.seed, options.seed + options.networks)
        networks = tuple(pool.map(learn, seeds))
    rng = np.random.default_rng(options.seed + 1000)
    supply = batches(rng, unseen_latin or latin, unseen_hanzi or hanzi, size=1000)
    drawn = [next(supply) for _ in range(8)]
    patches = np.concatenate([part for part, _ in drawn])
    answers = np.concatenate([part for _, part in drawn])
    temperature = _fit_temperature(networks, patches, answers)
    classifier = GlyphClassifier(networks, temperature)
    options.out.write_bytes(classifier.dump())

    chances = classifier.classify(patches)
    best, sure = chances.argmax(axis=1), chances.max(axis=1)
    right = best == answers
    real = answers != NO_CHARACTER
    report = {
        "temperature": round(temperature, 3),
        "held_out_patches": len(answers),
        "accuracy": round(float(right.mean()), 4),
        "accuracy_characters": round(float(right[real].mean()), 4),
        "wrong_above_0.9": round(float((~right & (sure > 0.9)).mean()), 5),
        "bytes": options.out.stat().st_size,
    }
    sys.stdout.write(json.dumps(report) + "\n")
    return 0
