"""``luheng-lpr finetune``: from confirmed readings to a file that reads."""

import csv
import json

import cv2
import numpy as np
import pytest

from lpr.cli.__main__ import main
from lpr.cli.errors import WrongUseError
from lpr.cli.out_file import written_whole
from lpr.image import encode_jpeg
from lpr.second_look import packaged_second_weights
from lpr.sequence import packaged_reader_weights

HEADER = ["path", "plate", "kind", "colour", "layout", "cx", "cy"]


def test_a_file_is_there_when_it_is_whole_and_not_before(tmp_path):
    path = tmp_path / "out.onnx"
    with written_whole(path) as write:
        assert not path.exists()
        write(b"whole")
    assert path.read_bytes() == b"whole"

    def fail():
        with written_whole(path):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert path.read_bytes() == b"whole"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_cannot_be_written_is_refused_before_the_work(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    for path, told in (
        (tmp_path, "is a folder"),
        (tmp_path / "none" / "a.onnx", "No such file"),
        (tmp_path / "file" / "a.onnx", "Not a directory"),
    ):
        with pytest.raises(WrongUseError, match=told) as refusal:
            written_whole(path).__enter__()
        assert str(refusal.value).startswith(f"{path}: ")


torch = pytest.importorskip("torch", reason="needs the training extra")
pytest.importorskip("onnx", reason="needs the training extra")

from lpr.training import finetuning  # noqa: E402  after what may be missing
from lpr.training.finetuning import (  # noqa: E402
    LEAST_PLATES,
    Measured,
    Outcome,
    Tally,
    is_held_back,
)


@pytest.fixture(scope="module")
def labels(tmp_path_factory, new_studio):
    """Each plate in two pictures, one row a picture."""
    folder = tmp_path_factory.mktemp("confirmed")
    studio = new_studio(5)
    rows = []
    for number in range(LEAST_PLATES):
        text = f"豫A{10007 + 1237 * number}"
        crop = cv2.resize(studio.face(text, colour="blue"), (220, 70))
        for turn in range(2):
            name = f"{number}-{turn}.jpg"
            seen = np.clip(crop * (0.8 + 0.2 * turn), 0, 255).astype(np.uint8)
            (folder / name).write_bytes(encode_jpeg(seen))
            rows.append([name, text, "crop", "blue", "single", "", ""])
    with (folder / "labels.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([HEADER, *rows])
    return folder / "labels.csv"


@pytest.fixture
def command(labels, tmp_path, monkeypatch, block_shapes):
    """The command on these labels, rendering with blocks; the rest as given."""
    monkeypatch.setattr("lpr.training.shapes.gather_shapes", lambda *_: block_shapes)
    monkeypatch.setattr(finetuning, "_RENDERED", 10)
    folders = ["--glyphs", tmp_path, "--fonts", tmp_path]

    def command(*arguments, out=tmp_path / "tuned.onnx", steps=1, of=labels):
        given = [of, *folders, "--out", out, "--steps", steps, *arguments]
        return main(["finetune", *map(str, given)])

    return command


def test_confirmed_readings_become_a_file_that_reads(
    command, labels, tmp_path, capsys, monkeypatch
):
    status = command("--json")
    report = json.loads(capsys.readouterr().out)
    assert status == (0 if report["better"] else 1)
    held_back = {
        text
        for text in labels.read_text("utf-8").split(",")
        if text.startswith("豫") and is_held_back(text)
    }
    assert 0 < len(held_back) < LEAST_PLATES
    assert report["after"]["total"] == 2 * len(held_back)
    assert report["learnt_from"] == 2 * (LEAST_PLATES - len(held_back))
    assert report["rendered_after"]["total"] == 10
    assert report["before"] == report["shipped"]
    tuned = tmp_path / "tuned.onnx"
    assert report["weights"] == str(tuned)
    assert tuned.read_bytes() != packaged_reader_weights()

    picture = labels.parent / "0-1.jpg"
    main(["read", str(picture), "--reader", str(tuned), "--json"])
    (line,) = capsys.readouterr().out.splitlines()
    assert len(json.loads(line)["seen"]) >= 6


def test_what_is_compared_is_what_reads_now_and_what_will(command, tmp_path, capsys):
    """Each reader with the second look that ships."""
    readers = []
    measured = finetuning._measured

    def noted(reader, *rest):
        readers.append(reader)
        return measured(reader, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(finetuning, "_measured", noted)
        command()
        assert [reader.second is not None for reader in readers] == [True, True]
        readers.clear()
        weights = tmp_path / "tuned.onnx"
        command("--weights", weights, out=tmp_path / "again.onnx")
        looks = [reader.second is not None for reader in readers]
    assert looks == [True, True, True]
    told = capsys.readouterr().out
    assert "shipped" in told
    assert "accepted and right" in told


def tally(exact, accepted=0, right=0, plates=100):
    return Tally(plates=plates, exact=exact, accepted=accepted, accepted_right=right)


@pytest.mark.parametrize(
    ("after", "is_better"),
    [
        ((tally(91), tally(90)), True),
        ((tally(90), tally(95)), False),
        ((tally(91), tally(89)), True),
        ((tally(91), tally(88)), False),
        ((tally(91, 80, 79), tally(90)), False),
        ((tally(91), tally(90, 50, 49)), False),
    ],
)
def test_better_is_more_of_the_station_and_nothing_wrong_for_it(after, is_better):
    before = Measured(held_back=tally(90), rendered=tally(90))
    made = Measured(held_back=after[0], rendered=after[1])
    assert made.is_better_than(before) == is_better


def test_a_tuned_reader_has_to_be_better_than_what_ships_too():
    weak = Measured(held_back=tally(50), rendered=tally(90))
    strong = Measured(held_back=tally(90), rendered=tally(90))
    after = Measured(held_back=tally(70), rendered=tally(90))
    outcome = Outcome(learnt_from=1, shipped=strong, before=weak, after=after)
    assert not outcome.is_better


def test_each_thing_that_is_wrong_is_refused_in_its_own_words(
    command, labels, tmp_path, capsys, monkeypatch
):
    """And before the training: none of these calls gets there."""
    look = tmp_path / "look.onnx"
    look.write_bytes(packaged_second_weights())
    few = labels.with_name("few.csv")
    rows = labels.read_text("utf-8").splitlines()[: LEAST_PLATES - 1]
    few.write_text("\n".join(rows), "utf-8")

    def never(*_):
        raise AssertionError

    monkeypatch.setattr(finetuning, "_loss", never)
    nowhere = tmp_path / "none"
    for given, told in (
        ({"out": nowhere / "a.onnx"}, f"{nowhere / 'a.onnx'}: cannot be written"),
        ({"steps": 0}, "--steps 0"),
        ({"of": few}, "few.csv: 19 different plates are too few"),
    ):
        assert command(**given) == 2
        assert told in capsys.readouterr().err
    for arguments, told in (
        (["--weights", look], "look.onnx: "),
        (["--glyphs", nowhere], f"{nowhere}: there is no such folder"),
        (["--fonts", nowhere], f"{nowhere}: there is no such folder"),
    ):
        assert command(*arguments) == 2
        said = capsys.readouterr().err
        assert told in said
        assert said.count("\n") == 1
        assert "labels.csv" not in said
    monkeypatch.undo()
    folders = ["--glyphs", str(tmp_path), "--fonts", str(tmp_path)]
    out = ["--out", str(tmp_path / "b.onnx")]
    assert main(["finetune", str(labels), *folders, *out]) == 2
    assert f"--glyphs, --fonts: {tmp_path} has no picture" in capsys.readouterr().err
    assert not list(tmp_path.glob("*.part"))
