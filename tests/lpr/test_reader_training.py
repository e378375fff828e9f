"""Training of the sequence reader; these need the training extra and run with it."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the training extra")
pytest.importorskip("onnx", reason="needs the training extra")

import msgspec  # noqa: E402  after what may be missing

from lpr.errors import WeightsError  # noqa: E402
from lpr.sequence import SequenceReader  # noqa: E402
from lpr.strips import HEIGHT, WIDTH  # noqa: E402
from lpr.training.export import exported, network_of, with_temperatures  # noqa: E402
from lpr.training.finetuning import (  # noqa: E402
    LEAST_PLATES,
    Confirmed,
    finetune,
)
from lpr.training.reader_network import ReaderNetwork  # noqa: E402
from lpr.training.reader_samples import Recipe  # noqa: E402
from lpr.training.reader_train import Plan, train_reader  # noqa: E402


def plan(steps):
    return Plan(
        steps=steps, batch=32, reuse=8, seed=3, recipe=Recipe(covered=0.0, nothing=0.0)
    )


def test_training_goes_on_where_it_stopped(block_shapes, tmp_path):
    said = []
    for _ in range(2):
        network = train_reader(
            plan(3), block_shapes, checkpoint=tmp_path / "a.state", log=said.append
        )
    assert any("goes on at step 3" in line for line in said)
    assert isinstance(network, ReaderNetwork)


def test_a_training_may_teach_no_columns_and_begin_with_a_network(
    block_shapes, tmp_path
):
    begun = ReaderNetwork()
    before = begun.symbols.weight.detach().clone()
    trained = train_reader(
        msgspec.structs.replace(plan(2), guided=0.0),
        block_shapes,
        checkpoint=tmp_path / "b.state",
        begin_with=begun,
        log=lambda _: None,
    )
    moved = float((trained.symbols.weight.detach() - before).abs().max())
    assert 0.0 < moved < 0.05


def test_a_file_gives_what_the_network_gave_and_comes_back_as_it_was():
    network = ReaderNetwork().eval()
    with torch.no_grad():
        for layer in network.modules():
            if isinstance(layer, torch.nn.BatchNorm2d):
                layer.running_mean.normal_(0, 0.2)
                layer.running_var.uniform_(0.5, 2.0)
    weights = exported(network)
    strips = np.random.default_rng(1).normal(size=(2, 3, HEIGHT, WIDTH))
    strips = strips.astype(np.float32)
    with torch.no_grad():
        wanted = network(torch.from_numpy(strips))
        again = network_of(weights)(torch.from_numpy(strips))
    for engine in ("onnxruntime", "opencv"):
        found = SequenceReader.load(weights, engine=engine).network.run(strips[:1])
        for one, other in zip(found, wanted, strict=True):
            assert np.abs(one - other[:1].numpy()).max() < 1e-3
    for one, other in zip(again, wanted, strict=True):
        assert float((one - other).abs().max()) < 1e-3


def test_temperatures_change_no_answer_but_how_sure_it_is():
    network = ReaderNetwork().eval()
    strips = torch.randn(2, 3, HEIGHT, WIDTH)
    cooled = with_temperatures(network, symbols=2.0, ground=4.0, state=0.5)
    with torch.no_grad():
        for one, other, t in zip(
            network(strips), cooled(strips), (2, 4, 0.5), strict=True
        ):
            assert torch.allclose(one / t, other, atol=1e-4)


def test_bytes_that_are_no_file_of_this_reader_are_refused():
    with pytest.raises(WeightsError):
        network_of(b"no network")


def test_too_few_plates_are_refused_with_their_number(block_shapes):
    one = Confirmed(
        name="1.jpg",
        image=np.zeros((40, 130, 3), np.uint8),
        corners=np.float32([[0, 0], [130, 0], [130, 40], [0, 40]]),
        lines=1,
        text="豫A12345",
        colour="blue",
    )
    with pytest.raises(ValueError, match=f"{LEAST_PLATES} are needed"):
        finetune(
            None, [one] * 100, block_shapes, steps=1, seed=1, progress=lambda *_: None
        )
