"""Training of the fine reader; these need the training extra and run with it."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the training extra")
onnx = pytest.importorskip("onnx", reason="needs the training extra")

from lpr.decoding import Outputs, spelt  # noqa: E402  after what may be missing
from lpr.fine_reader import FineReader  # noqa: E402
from lpr.strips import normalised  # noqa: E402
from lpr.training.export import exported, halved, opened  # noqa: E402
from lpr.training.fine_network import FineNetwork  # noqa: E402
from lpr.training.reader_network import ReaderNetwork  # noqa: E402
from lpr.training.reader_samples import Recipe, draw_samples  # noqa: E402
from lpr.training.reader_train import Plan, train_reader  # noqa: E402

EASY = Recipe(
    hard=0.0,
    covered=0.0,
    nothing=0.0,
    typefaces=0.0,
    straight=1.0,
    boxed=0.0,
    kinds=(("blue", 1),),
)


@pytest.mark.filterwarnings("ignore")
def test_fine_strips_are_learnt_and_training_goes_on_where_it_stopped(
    block_shapes, stopped_and_gone_on
):
    plan = Plan(fine=True, steps=200, batch=8, guided=1.0, reuse=4, recipe=EASY)
    network = stopped_and_gone_on(train_reader, plan, 100)
    assert isinstance(network, FineNetwork)
    held = draw_samples(block_shapes, 40, seed=(9,), recipe=EASY, fine=True)
    assert held.strips.shape == (40, 48, 216, 3)
    with torch.no_grad():
        seen = network(torch.from_numpy(normalised(held.strips)))
        fresh = FineNetwork().eval()(torch.from_numpy(normalised(held.strips)))
    assert blank_share(seen[0]) > 0.5 > blank_share(fresh[0])


def blank_share(columns):
    """How likely columns are blank, in the mean: most of a plate's are."""
    return float(columns.softmax(dim=2)[:, :, -1].mean())


def test_places_of_characters_are_those_of_the_finer_strip(block_shapes):
    plain = draw_samples(block_shapes, 5, seed=(3,), recipe=EASY)
    fine = draw_samples(block_shapes, 5, seed=(3,), recipe=EASY, fine=True)
    assert np.array_equal(plain.answers, fine.answers)
    assert np.allclose(fine.columns, 1.5 * plain.columns, equal_nan=True)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("engine", ["onnxruntime", "opencv"])
def test_a_file_says_what_the_network_says(engine):
    torch.manual_seed(3)
    network = FineNetwork().eval()
    strips = np.random.default_rng(2).integers(0, 256, (2, 48, 216, 3), np.uint8)
    with torch.no_grad():
        wanted = network(torch.from_numpy(normalised(strips)))
    look = FineReader.load(exported(network), engine=engine)
    found = look.network.run(normalised(strips))
    for one, other in zip(found, wanted, strict=True):
        assert np.allclose(one, other.numpy(), atol=5e-3)
    assert spelt(Outputs(*(one[0] for one in found)))


@pytest.mark.filterwarnings("ignore")
def test_weights_are_kept_in_sixteen_bits_and_opened_in_thirty_two():
    weights = exported(ReaderNetwork())
    model, held = opened(weights)
    kinds = {one.data_type for one in model.graph.initializer}
    assert onnx.TensorProto.FLOAT not in kinds
    assert onnx.TensorProto.FLOAT16 in kinds
    assert held["symbols.weight"].dtype == torch.float32
    assert halved(weights) == weights, "what is halved stays as it is"
