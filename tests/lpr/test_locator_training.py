"""The detector's training: its targets decode back, its loss falls, its file is read.

Needs PyTorch, which the test machine need not have.
"""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from lpr.detector import NetworkDetector, sightings  # noqa: E402  after the check
from lpr.training.locating import Recipe  # noqa: E402
from lpr.training.locator import REACH_PX, loss_of, wanted  # noqa: E402
from lpr.training.scenes import PlacedPlate, Scene  # noqa: E402


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


@pytest.mark.filterwarnings("ignore")
def test_steps_lower_the_loss_go_on_from_a_file_and_export(tmp_path):
    rng = np.random.default_rng(1)
    picture = rng.integers(0, 90, (128, 192, 3), dtype=np.uint8)
    placed = plate(50, 50, 90)
    picture[50:79, 50:140] = (20, 170, 240)
    learnt = [Scene(picture=picture, plates=(placed,))] * 2
    recipe = Recipe(steps=60, seed=3)
    costs = [recipe.learn(learnt)["corner"] for _ in range(25)]
    assert min(costs[-3:]) < 0.75 * costs[0]
    recipe.save(tmp_path / "a.state")
    again = Recipe(steps=60, seed=4)
    again.load(tmp_path / "a.state")
    assert again.step == 25
    again.export(tmp_path / "a.onnx")
    NetworkDetector.load((tmp_path / "a.onnx").read_bytes())
