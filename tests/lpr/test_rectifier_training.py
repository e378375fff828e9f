"""Training of the rectifier; these need the training extra and run with it."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the training extra")
pytest.importorskip("onnx", reason="needs the training extra")

from lpr.onnx import ENGINES  # noqa: E402  after what may be missing
from lpr.rectifier import VIEW_PX, VOTES, Rectifier, voted  # noqa: E402
from lpr.strips import normalised  # noqa: E402
from lpr.training.export import exported_rectifier  # noqa: E402
from lpr.training.reader_samples import Recipe  # noqa: E402
from lpr.training.rectifier_judge import judge_rectifier  # noqa: E402
from lpr.training.rectifier_network import RectifierNetwork, places_of  # noqa: E402
from lpr.training.rectifier_samples import draw_views  # noqa: E402
from lpr.training.rectifying import RectifierPlan, train_rectifier  # noqa: E402

EASY = Recipe(hard=0.0, covered=0.0, nothing=0.0, typefaces=0.0)


def test_training_counts_votes_as_the_rectifier_does():
    rng = np.random.default_rng(1)
    answer = rng.normal(0, 2, (3, VOTES, 6, 16)).astype(np.float32)
    learnt = places_of(torch.from_numpy(answer)).numpy()
    assert np.allclose(learnt, voted(answer), atol=1e-3)


def off(network, held):
    """How far its corners are off on average [px of the view]."""
    with torch.no_grad():
        found = places_of(network(torch.from_numpy(normalised(held.views)))).numpy()
    return float(np.abs(found - held.corners).mean())


@pytest.mark.filterwarnings("ignore")
def test_steps_bring_corners_nearer_and_go_on_where_they_stopped(
    block_shapes, stopped_and_gone_on
):
    plan = RectifierPlan(steps=400, batch=32, reuse=8, recipe=EASY)
    network = stopped_and_gone_on(train_rectifier, plan, 300)
    held = draw_views(block_shapes, 40, seed=(9,), recipe=EASY)
    blind = float(np.abs(held.corners - held.corners.mean(axis=0)).mean())
    assert off(network, held) < blind, "no better than to say the same of every view"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("engine", ENGINES)
def test_a_file_gives_what_the_network_gave(engine):
    network = RectifierNetwork().eval()
    torch.nn.init.normal_(network.votes.weight)
    rectifier = Rectifier.load(exported_rectifier(network), engine=engine)
    width, height = VIEW_PX
    views = np.random.default_rng(2).normal(0, 1, (1, 3, height, width))
    tensor = views.astype(np.float32)
    with torch.no_grad():
        wished = network(torch.from_numpy(tensor)).numpy()
    (found,) = rectifier.network.run(tensor)
    assert np.allclose(found, wished, atol=1e-3)


def test_the_judge_tells_corners_left_alone_from_corners_brought_home(block_shapes):
    """One that changes nothing leaves them as given in every column."""

    class Idle:
        def rectified(self, _image, around, **_passes):
            return around

    figures = judge_rectifier(Idle(), block_shapes, count=12)
    assert len(figures) == 3
    for one in figures:
        assert one.given == one.once == one.twice > 0.0
        assert one.near.hits < one.near.total == 12
