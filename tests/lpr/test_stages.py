"""Trainings in stages; these need the training extra and run with it."""

import pytest

torch = pytest.importorskip("torch", reason="needs the training extra")
pytest.importorskip("onnx", reason="needs the training extra")

from lpr.training import (  # noqa: E402
    fine_reading,
    reading,
    rectifying,
    second_looking,
    stages,
)


@pytest.fixture
def asked(block_shapes, monkeypatch, tmp_path):
    monkeypatch.setattr(stages, "gather_shapes", lambda *_: block_shapes)
    words = ["--glyphs", "g", "--fonts", "f", "--out", str(tmp_path / "made.onnx")]
    return stages.parser_of("none", None).parse_args(words)


def test_each_stage_goes_on_with_the_network_of_the_one_before(
    asked, block_shapes, capsys
):
    taught = []

    def teach(plan, shapes, /, *, checkpoint, begin_with, log):
        assert shapes is block_shapes
        taught.append((plan, checkpoint.name, begin_with))
        log(f"taught {plan}")
        return torch.nn.Linear(2, plan)

    def finish(network, shapes):
        assert shapes is block_shapes
        return bytes(network.out_features), "a card"

    assert stages.carry_out(asked, {"early": 3, "late": 5}, teach, finish) == 0
    (first, name, nothing), (second, other, before) = taught
    assert (first, name, nothing) == (3, "made.early.state", None)
    assert (second, other, before.out_features) == (5, "made.late.state", 3)
    assert asked.out.read_bytes() == bytes(5)
    assert asked.out.with_suffix(".md").read_text("utf-8") == "a card"
    assert "taught 5" in capsys.readouterr().out


def test_a_training_of_no_steps_says_so_and_writes_nothing(asked, capsys):
    assert stages.carry_out(asked, {}, None, None) == 2
    assert "0 steps" in capsys.readouterr().err
    assert not asked.out.exists()


@pytest.mark.parametrize(
    "training", [reading, rectifying, fine_reading, second_looking]
)
def test_a_training_without_plate_characters_is_refused_in_a_line(
    training, tmp_path, capsys
):
    (tmp_path / "empty").mkdir()
    words = ["--glyphs", str(tmp_path / "empty"), "--fonts", str(tmp_path / "empty")]
    assert training.main([*words, "--out", str(tmp_path / "made.onnx")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "empty" in line
    assert not (tmp_path / "made.onnx").exists()


@pytest.mark.parametrize("training", [fine_reading, second_looking])
def test_no_file_that_is_no_reader_is_read_beside(training, tmp_path, capsys):
    wrong = tmp_path / "reader.onnx"
    wrong.write_bytes(b"no network")
    words = ["--glyphs", "g", "--fonts", "f", "--out", str(tmp_path / "made.onnx")]
    assert training.main([*words, "--reader", str(wrong)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "no network" in line
