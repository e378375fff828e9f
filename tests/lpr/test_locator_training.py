"""The detector's training: its targets decode back, its loss falls, its file is read.

Needs PyTorch, which the test machine need not have.
"""

import copy

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from lpr.detector import NetworkDetector, sightings  # noqa: E402  after the check
from lpr.errors import WeightsError  # noqa: E402
from lpr.sequence import packaged_reader_weights  # noqa: E402
from lpr.training.export import (  # noqa: E402
    exported,
    exported_locator,
    mean_of,
    opened,
)
from lpr.training.locator import (  # noqa: E402
    REACH_PX,
    Locator,
    loss_of,
    tensor_of,
    wanted,
)
from lpr.training.locator_train import LocatorPlan, train_locator  # noqa: E402
from lpr.training.reader_network import ReaderNetwork  # noqa: E402
from lpr.training.scenes import PlacedPlate, Scene  # noqa: E402
from lpr.training.unfolding import unfolded  # noqa: E402


def scene(*plates):
    picture = np.zeros((128, 192, 3), np.uint8)
    return Scene(picture=picture, plates=plates)


def plate(x, y, width, *, double=False, countable=True):
    tall = width / (2 if double else 3.1)
    corners = [[x, y], [x + width, y + 4], [x + width, y + tall + 4], [x, y + tall]]
    return PlacedPlate(
        corners=np.array(corners, np.float32), double=double, countable=countable
    )


def perfect_answer(target):
    """What a network would say that learnt everything."""
    heat = target["heat"].numpy().clip(1e-4, 1 - 1e-4)
    answer = np.zeros((1, 10, *heat.shape[1:]), np.float32)
    answer[:, 0] = np.log(heat / (1 - heat))
    answer[:, 1:9] = target["corners"].numpy() / REACH_PX
    answer[:, 9] = 8 * (target["double"].numpy() - 0.5)
    return answer


def test_targets_decode_to_the_plates_that_they_were_made_from():
    plates = [plate(20, 20, 60), plate(110, 70, 50, double=True)]
    answer = perfect_answer(wanted([scene(*plates)]))
    found = sorted(sightings(answer[0], least=0.5), key=lambda one: one.corners[0, 0])
    assert len(found) == 2
    for one, placed in zip(found, plates, strict=True):
        assert np.allclose(one.corners, placed.corners, atol=0.05)
        assert (one.double > 0.5) == placed.double


def test_a_perfect_answer_costs_less_than_a_wrong_one():
    target = wanted([scene(plate(40, 40, 80))])
    right = torch.from_numpy(perfect_answer(target))
    moved = right.clone()
    moved[:, 1:9] += 0.5
    blind = right.clone()
    blind[:, 0] = -9.0
    best = loss_of(right, target)[0]
    assert best < loss_of(moved, target)[0]
    assert best < loss_of(blind, target)[0]


def test_what_is_hardly_visible_is_neither_asked_for_nor_held_against():
    target = wanted([scene(plate(40, 40, 80, countable=False))])
    assert float(target["heat"].max()) == 0.0
    answer = torch.full((1, 10, 16, 24), -9.0)
    shouting = answer.clone()
    shouting[0, 0, 6:8, 8:12] = 5.0
    assert loss_of(answer, target)[0] == pytest.approx(
        float(loss_of(shouting, target)[0]), abs=1e-3
    )


def scenes_with_a_plate(count):
    rng = np.random.default_rng(1)
    made = []
    for _ in range(count):
        picture = rng.integers(0, 90, (128, 192, 3), dtype=np.uint8)
        x, y = rng.integers(8, 80, 2)
        picture[y : y + 29, x : x + 90] = (20, 170, 240)
        made.append(Scene(picture=picture, plates=(plate(float(x), float(y), 90),)))
    return made


@pytest.fixture
def easy_scenes(monkeypatch):
    """Scenes of one size that are drawn in no time."""
    made = scenes_with_a_plate(8)

    def draw(rng, _face, *, width, height):
        scene = made[int(rng.integers(len(made)))]
        assert scene.picture.shape[:2] == (height, width)
        return scene

    training = "lpr.training.locator_train"
    monkeypatch.setattr(f"{training}.draw_scene", draw)
    monkeypatch.setattr(f"{training}._CHUNK", len(made))
    monkeypatch.setattr(f"{training}._SIZES", ((192, 128),))
    monkeypatch.setattr(f"{training}._SHARES", (1.0,))
    return made


@pytest.mark.filterwarnings("ignore")
def test_steps_lower_the_loss_and_go_on_where_they_stopped(easy_scenes, tmp_path):
    plan = LocatorPlan(steps=60, batch=2, seed=3)
    state = tmp_path / "a.state"
    lines = []
    network = train_locator(plan, None, checkpoint=state, log=lines.append)
    target = wanted(easy_scenes)
    pictures = tensor_of([one.picture for one in easy_scenes])
    with torch.no_grad():
        fresh = loss_of(Locator()(pictures), target)[0]
        learnt = loss_of(copy.deepcopy(network).train()(pictures), target)[0]
    assert learnt < 0.9 * fresh
    again = train_locator(plan, None, checkpoint=state, log=lines.append)
    assert "goes on at step 60 of 60" in lines[-1]
    kept = network.state_dict()
    assert all(torch.equal(kept[name], v) for name, v in again.state_dict().items())


@pytest.mark.filterwarnings("ignore")
def test_a_file_gives_what_the_network_gave_and_is_trained_on(easy_scenes):
    network = Locator()
    with torch.no_grad():
        for norm in network.modules():
            if isinstance(norm, torch.nn.BatchNorm2d):
                norm.running_mean.normal_(0, 0.2)
                norm.running_var.uniform_(0.5, 2.0)
    network.eval()
    weights = exported_locator(network)
    NetworkDetector.load(weights)
    pictures = tensor_of([one.picture for one in easy_scenes])
    back = unfolded(weights, pictures)
    with torch.no_grad():
        wished, answered = network(pictures), back.eval()(pictures)
        assert torch.allclose(wished, answered, atol=1e-3)
        trained = back.train()(pictures)
    assert torch.allclose(answered, trained, atol=1e-2), "the norms fit the pictures"
    assert any(isinstance(one, torch.nn.BatchNorm2d) for one in back.modules())


@pytest.mark.filterwarnings("ignore")
def test_halfway_between_two_files_lies_a_file_of_the_mean_weights():
    files = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        files.append(exported_locator(Locator()))
    one, other = (opened(file)[1] for file in files)
    between = opened(mean_of(*files))[1]
    for name, values in between.items():
        middle = 0.5 * (one[name] + other[name])
        assert torch.allclose(values, middle, rtol=2e-3, atol=1e-5), name
    NetworkDetector.load(mean_of(*files))
    with pytest.raises(ValueError, match="two files of different networks"):
        mean_of(files[0], exported(ReaderNetwork()))


def test_bytes_that_are_no_detector_are_not_trained_on(easy_scenes):
    pictures = tensor_of([one.picture for one in easy_scenes[:1]])
    with pytest.raises(WeightsError, match="no ONNX file"):
        unfolded(b"nothing", pictures)
    with pytest.raises(WeightsError, match="another network"):
        unfolded(packaged_reader_weights(), pictures)
