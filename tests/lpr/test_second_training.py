"""Training of the second look; these need the training extra and run with it."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the training extra")
pytest.importorskip("onnx", reason="needs the training extra")

from lpr.second_look import SecondLook  # noqa: E402  after what may be missing
from lpr.strips import normalised  # noqa: E402
from lpr.training.export import exported_second  # noqa: E402
from lpr.training.reader_samples import Recipe  # noqa: E402
from lpr.training.second_looking import SecondPlan, train_second  # noqa: E402
from lpr.training.second_network import SecondNetwork  # noqa: E402
from lpr.training.second_samples import draw_patches  # noqa: E402

EASY = Recipe(hard=0.0, covered=0.0, nothing=0.0, typefaces=0.0, straight=1.0)


@pytest.mark.filterwarnings("ignore")
def test_steps_tell_more_characters_and_go_on_where_they_stopped(
    block_shapes, stopped_and_gone_on
):
    plan = SecondPlan(steps=200, batch=64, reuse=8, recipe=EASY)
    network = stopped_and_gone_on(train_second, plan, 100)
    held = draw_patches(block_shapes, 60, seed=(9,), recipe=EASY)
    with torch.no_grad():
        logits = network(torch.from_numpy(normalised(held.patches))).numpy()
    right = (logits.argmax(axis=1) == held.answers).mean()
    often = np.bincount(held.answers).max() / len(held.answers)
    assert right > 2 * often, "no better than to say the same of every patch"


@pytest.mark.filterwarnings("ignore")
def test_evidence_is_folded_into_what_a_file_says():
    network = SecondNetwork().eval()
    patches = np.random.default_rng(2).integers(0, 256, (3, 48, 48, 3), np.uint8)
    whole = SecondLook.load(exported_second(network, evidence=1.0)).look_at(patches)
    part = SecondLook.load(exported_second(network, evidence=0.25)).look_at(patches)
    assert np.allclose(part, 0.25 * whole, atol=1e-4)
