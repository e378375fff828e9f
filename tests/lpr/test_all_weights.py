"""One command for all weights; needs the training extra and runs with it."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the training extra")
pytest.importorskip("onnx", reason="needs the training extra")

import lpr
from lpr.training import everything, fine_reading, locating
from lpr.training.shapes import described

SHIPPED = Path(lpr.__file__).parent / "weights"
FILES = (
    "detector.onnx",
    "rectifier.onnx",
    "reader.onnx",
    "fine_reader.onnx",
    "second_look.onnx",
)


@pytest.fixture
def asked(block_shapes, monkeypatch, tmp_path):
    """The words of the command, with trainings that write what ships at once."""
    made = []

    def trained(words):
        out = Path(words[words.index("--out") + 1])
        shutil.copy(SHIPPED / out.name, out)
        out.with_suffix(".md").write_text("card", "utf-8")
        made.append((out.name, words))
        return 0

    for part in ("locating", "rectifying", "reading", "fine_reading", "second_looking"):
        monkeypatch.setattr(getattr(everything, part), "main", trained)
    monkeypatch.setattr(locating, "gather_shapes", lambda *_: block_shapes)
    words = ["--glyphs", "g", "--fonts", "f", "--out", str(tmp_path / "new")]
    return [*words, "--scenes", "6"], made


def test_all_parts_are_made_in_turn_and_held_against_those_that_ship(asked, capsys):
    words, made = asked
    assert everything.main(words) == 0
    assert tuple(name for name, _ in made) == FILES
    assert made[-2][1][-1].endswith("new/reader.onnx")
    assert made[-1][1][-1].endswith("new/fine_reader.onnx")
    assert made[-1][1][-3].endswith("new/reader.onnx")
    told = capsys.readouterr().out
    first, second = (line for line in told.splitlines() if "exact with" in line)
    assert first.partition(": ")[2] == second.partition(": ")[2]
    assert "within the tolerance" in told


def test_what_is_there_is_kept_and_what_fails_ends_it(asked, monkeypatch, capsys):
    words, made = asked
    monkeypatch.setattr(everything.rectifying, "main", lambda _: 2)
    assert everything.main(words) == 2
    assert [name for name, _ in made] == ["detector.onnx"]
    assert everything.main(words) == 2
    assert [name for name, _ in made] == ["detector.onnx"]
    assert "detector.onnx is there: kept" in capsys.readouterr().out


def test_weights_that_read_less_are_told_from_those_that_read_as_well():
    assert everything.within(0.770, 0.741)
    assert not everything.within(0.770, 0.739)
    assert everything.within(0.770, 0.9)


def test_a_detector_is_trained_in_stages_or_goes_on_from_a_file():
    words = ["--glyphs", "g", "--fonts", "f", "--out", "d.onnx"]
    stages = locating._plans(locating._parser().parse_args(words))
    assert list(stages) == ["first", "second", "third", "long", "last"]
    *falling, long, last = stages.values()
    rates = [plan.rate for plan in falling]
    assert rates == sorted(rates, reverse=True)
    assert long.steps > sum(plan.steps for plan in falling)
    assert last.rate < long.rate
    assert [plan.averaged for plan in stages.values()] == [False] * 4 + [True]
    assert len({plan.seed for plan in stages.values()}) == 5
    on = locating._plans(
        locating._parser().parse_args(
            [*words, "--begin-with", "old.onnx", "--steps", "7"]
        )
    )
    assert [(plan.steps, plan.averaged) for plan in on.values()] == [(7, False)]


def test_weights_that_go_on_from_none_are_no_mean(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(locating, "make_faces", lambda *_, **__: None)
    words = ["--glyphs", "g", "--fonts", "f", "--out", str(tmp_path / "d.onnx")]
    assert locating.main([*words, "--averaged"]) == 2
    assert capsys.readouterr().err == (
        "lpr.training detector: --averaged needs --begin-with\n"
    )
    assert not list(tmp_path.iterdir())


def test_a_fine_reader_learns_everything_and_more_of_what_is_in_doubt_when_asked():
    words = ["--glyphs", "g", "--fonts", "f", "--out", "r.onnx"]
    parser = fine_reading._parser()
    assert list(fine_reading._plans(parser.parse_args(words))) == ["whole"]
    stages = fine_reading._plans(parser.parse_args([*words, "--on-steps", "6"]))
    whole, on = stages.values()
    assert on.steps == 6
    assert on.rate < whole.rate
    assert on.seed != whole.seed
    for share in ("hard", "weathered", "poor"):
        assert getattr(on.recipe, share) > getattr(whole.recipe, share)


def test_a_card_names_the_pictures_their_licence_and_who_holds_the_rights(tmp_path):
    for name in ("140_A.jpg", "140_B.png"):
        cv2.imwrite(str(tmp_path / name), np.zeros((4, 4), np.uint8))
    assert described(tmp_path) == f"{tmp_path.name} (2 pictures)"
    (tmp_path / "LICENSE").write_text("MIT License\n\nCopyright (c) 2020 somebody\n")
    told = described(tmp_path)
    assert told.endswith("(2 pictures, MIT License, Copyright (c) 2020 somebody)")
