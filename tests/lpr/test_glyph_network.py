"""The network that classifies characters: its bytes, and its twin that learns."""

import random

import numpy as np
import pytest

from lpr.errors import WeightsError
from lpr.glyphs import ALPHABET, LAYERS, NO_CHARACTER, GlyphClassifier
from lpr.pipeline import Pipeline, packaged_weights
from lpr.segments import cut_line, patch_of
from lpr.training.lines import batches
from lpr.training.network import Adam, fresh_parameters, gradients, loss_and_slope
from lpr.training.typefaces import Typeface


@pytest.fixture(scope="module")
def small():
    return fresh_parameters(np.random.default_rng(1))


def faces():
    """Typefaces of bars and boxes: as good as any for a loop that must turn."""
    rng = random.Random(4)
    shapes = {}
    for character in ALPHABET:
        shape = np.zeros((60, 32), np.uint8)
        for _ in range(4):
            x, y = rng.randint(0, 24), rng.randint(0, 48)
            shape[y : y + 12, x : x + 8] = 255
        shape[0], shape[:, 0] = 255, 255
        shapes[character] = shape
    return [Typeface("bars", "bars", shapes)]


def test_packaged_weights_are_small_and_load():
    weights = packaged_weights()
    assert len(weights) < 1_000_000
    assert GlyphClassifier.load(weights).networks


def test_networks_survive_being_written_and_read(small):
    written = GlyphClassifier((small, small), 1.7).dump()
    again = GlyphClassifier.load(written)
    assert again.temperature == 1.7
    assert len(again.networks) == 2
    for name, values in small.items():
        assert np.allclose(again.networks[1][name], values, atol=2e-3)
    assert again.dump() == written


@pytest.mark.parametrize(
    "spoil",
    [
        lambda _: b"",
        lambda _: b"weights",
        lambda data: data[: len(data) // 2],
        lambda data: data[:-400] + bytes(400),
    ],
)
def test_damaged_weights_are_refused(small, spoil):
    whole = GlyphClassifier((small,), 1.0).dump()
    with pytest.raises(WeightsError):
        Pipeline.with_weights(spoil(whole))


def test_weights_of_another_shape_are_refused(small):
    other = dict(small)
    other["conv2.weight"] = np.zeros((9, 9), np.float32)
    with pytest.raises(WeightsError, match="conv2"):
        GlyphClassifier.load(GlyphClassifier((other,), 1.0).dump())


def test_probabilities_are_probabilities(small):
    patches = np.random.default_rng(2).random((5, 40, 32), dtype=np.float32)
    chances = GlyphClassifier((small, small), 0.8).classify(patches)
    assert chances.shape == (5, NO_CHARACTER + 1)
    assert np.allclose(chances.sum(axis=1), 1.0, atol=1e-5)
    assert GlyphClassifier((small,), 1.0).classify(patches[:0]).shape[0] == 0


def test_convolution_equals_its_naive_twin(small):
    rng = np.random.default_rng(3)
    patch = rng.random((1, 40, 32), dtype=np.float32)
    weight, bias = small["conv1.weight"], small["conv1.bias"]
    kernel = weight.reshape(5, 5, 1, -1)
    padded = np.pad(patch[0], 2)
    y, x = 7, 11
    naive = (padded[2 * y : 2 * y + 5, 2 * x : 2 * x + 5, None, None] * kernel).sum(
        axis=(0, 1, 2)
    ) + bias
    from lpr.glyphs import columns_of_windows  # noqa: PLC0415  only this test needs it

    windows = columns_of_windows(patch[..., None], side=5, stride=2)
    assert np.allclose(windows[0, y, x] @ weight + bias, naive, atol=1e-4)


@pytest.mark.parametrize("layer", list(LAYERS))
def test_gradients_agree_with_finite_differences(small, layer):
    rng = np.random.default_rng(5)
    patches = rng.random((3, 40, 32), dtype=np.float32)
    answers = np.array([1, 2, NO_CHARACTER])
    classifier = GlyphClassifier((small,), 1.0)

    class NoDropout:
        def random(self, shape):
            return np.full(shape, 0.999)

    _, slopes = gradients(small, patches, answers, NoDropout())
    kept = 1 / 0.75  # dropout's scale with everything kept

    def loss(network):
        scaled = dict(network)
        scaled["output.weight"] = network["output.weight"] * np.float32(kept)
        return loss_and_slope(classifier.logits(patches, scaled), answers)[0]

    name = f"{layer}.weight"
    place = np.unravel_index(np.abs(slopes[name]).argmax(), slopes[name].shape)
    step = 2e-3
    losses = []
    for sign in (1, -1):
        moved = {key: value.copy() for key, value in small.items()}
        moved[name][place] += sign * step
        losses.append(loss(moved))
    numeric = (losses[0] - losses[1]) / (2 * step)
    assert numeric == pytest.approx(slopes[name][place], rel=0.06, abs=1e-4)


def test_training_is_the_same_from_the_same_seed_and_learns():
    def run(seed):
        rng = np.random.default_rng(seed)
        network = fresh_parameters(rng)
        adam, losses = Adam(network), []
        supply = batches(rng, faces(), faces(), size=32)
        for _ in range(40):
            patches, answers = next(supply)
            loss, slopes = gradients(network, patches, answers, rng)
            adam.step(network, slopes, rate=2e-3)
            losses.append(loss)
        return losses

    first, again = run(6), run(6)
    assert first == again
    assert np.mean(first[-8:]) < np.mean(first[:4])


def test_every_span_of_a_line_lies_in_its_ink():
    ink = np.zeros((76, 240), np.float32)
    for x in range(20, 220, 30):
        ink[15:60, x : x + 18] = 1.0
    line = cut_line(ink, 15, 60)
    assert line is not None
    assert len(line.pieces) == 7
    for span in line.spans:
        x0, y0, x1, y1 = span.box
        assert 0 <= x0 < x1 <= 240
        assert 0 <= y0 < y1 <= 76
        assert patch_of(line.ink, span.box).shape == (40, 32)
