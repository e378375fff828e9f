"""``read`` with weights from files, another runtime, or an engine of others."""

import json

import cv2
import numpy as np
import pytest

from lpr.cli.__main__ import main
from lpr.engines import ENGINES, Answer, EngineRow
from lpr.image import encode_jpeg
from lpr.pipeline import Pipeline
from lpr.second_look import SecondLook, packaged_second_weights
from lpr.sequence import packaged_reader_weights

BOX = np.array([[300, 500], [420, 502], [420, 540], [300, 538]], np.float32)


@pytest.fixture
def picture(tmp_path, new_studio):
    path = tmp_path / "front.jpg"
    frame = new_studio(41).photo("豫A12345", width=220, colour="blue")
    path.write_bytes(encode_jpeg(frame))
    return path


@pytest.fixture
def files(tmp_path):
    (tmp_path / "reader.onnx").write_bytes(packaged_reader_weights())
    (tmp_path / "look.onnx").write_bytes(packaged_second_weights())
    return tmp_path


def printed(capsys, *arguments):
    """The exit status, and what is printed of each plate."""
    status = main([*map(str, arguments), "--json"])
    lines = capsys.readouterr().out.splitlines()
    return status, [json.loads(line) for line in lines]


def test_a_reader_from_a_file_is_helped_by_those_that_ship(
    picture, files, capsys, monkeypatch
):
    looked = []
    look_at = SecondLook.look_at

    def counted(self, patches):
        looked.append(len(patches))
        return look_at(self, patches)

    monkeypatch.setattr(SecondLook, "look_at", counted)
    monkeypatch.setattr("lpr.sequence.is_doubtful", bool)
    monkeypatch.setattr("lpr.sequence.doubtful", lambda texts: (0,) if texts else ())
    assert printed(capsys, "read", picture)[1]
    assert looked, "the shipped chain looks twice"
    looked.clear()
    reader = ["--reader", files / "reader.onnx"]
    assert printed(capsys, "read", picture, *reader)[1]
    assert looked
    looked.clear()
    assert printed(
        capsys, "read", picture, *reader, "--second-look", files / "look.onnx"
    )[1]
    assert looked


def test_other_weights_and_runtimes_replace_the_standard_chain(
    picture, files, capsys, monkeypatch
):
    standard = printed(capsys, "read", picture)[1]

    def refused():
        raise AssertionError

    monkeypatch.setattr(Pipeline, "standard", refused)
    for given in (["--reader", files / "reader.onnx"], ["--runtime", "opencv"]):
        found = printed(capsys, "read", picture, *given)[1]
        assert [one["seen"] for one in found] == [one["seen"] for one in standard]


class Other:
    """Stands by one plate of a frame and has no text for another; doubts a crop."""

    version = "1"

    def read_crop(self, _image):
        return Answer(
            text="京B67890", confidence=0.5, colour=None, corners=None, accepted=False
        )

    def read_frame(self, image):
        if max(image.shape) < 500:
            return ()
        seen = Answer(
            text="豫A12345", confidence=0.75, colour="blue", corners=BOX, accepted=True
        )
        unseen = Answer(
            text=None, confidence=0.0, colour=None, corners=None, accepted=False
        )
        return seen, unseen


@pytest.fixture
def other(monkeypatch):
    row = EngineRow(name="other", needs="nothing", open=Other)
    monkeypatch.setattr("lpr.engines.ENGINES", (*ENGINES, row))
    return ["--engine", "other"]


def test_an_engine_of_others_is_printed_as_it_answers(picture, capsys, other):
    status, lines = printed(capsys, "read", picture, *other)
    assert status == 0
    assert lines[0] == {
        "source": str(picture),
        "engine": "other",
        "text": "豫A12345",
        "accepted": True,
        "confidence": 0.75,
        "colour": "blue",
        "corners_px": BOX.tolist(),
    }
    assert (lines[1]["text"], lines[1]["confidence"]) == (None, None)
    out = picture.with_name("drawn.jpg")
    main(["read", str(picture), *other, "--draw", str(out)])
    told = capsys.readouterr().out.splitlines()
    assert told == ["other: 豫A12345 0.75", "other: unread"]
    before, after = cv2.imread(str(picture)), cv2.imread(str(out))
    assert np.abs(before.astype(int) - after).max() > 100


def test_a_cut_out_plate_that_it_doubts_is_unread_and_a_finding(
    tmp_path, capsys, other
):
    path = tmp_path / "crop.jpg"
    path.write_bytes(encode_jpeg(np.zeros((70, 220, 3), np.uint8)))
    assert main(["read", str(path), *other]) == 1
    assert capsys.readouterr().out == "other: unread (京B67890 0.50)\n"


def refused(capsys, *arguments):
    """The one line on standard error of a call that is refused."""
    assert main([str(argument) for argument in arguments]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    return told


def test_what_does_not_go_together_is_refused_in_one_line(
    picture, files, capsys, other
):
    film = picture.with_name("passage.mp4")
    film.write_bytes(b"film")
    assert "leave --engine out" in refused(capsys, "read", film, *other)
    reader = ["--reader", files / "reader.onnx"]
    told = refused(capsys, "read", picture, *other, *reader)
    assert "go with --engine ours" in told
    told = refused(capsys, "read", picture, "--reader", files / "look.onnx")
    assert "look.onnx: these weights take no input" in told
    assert "choose one of" in refused(capsys, "read", picture, "--engine", "none")
