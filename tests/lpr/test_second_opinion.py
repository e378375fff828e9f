"""A second engine beside ours: what is accepted, by whom, and how it is said."""

import csv
import json
import sys
from types import ModuleType

import numpy as np
import pytest

from lpr.cli.__main__ import main
from lpr.decoding import Decoded, Place
from lpr.engines import ENGINES, Answer, EngineRow
from lpr.errors import EngineError
from lpr.figures import Case
from lpr.image import encode_jpeg, rim_of
from lpr.judging import PlateLimits, judge
from lpr.models import PlateBox
from lpr.pipeline import Pipeline
from lpr.second_opinion import is_in_doubt, opinion_figures, opinion_on

LIMITS = PlateLimits()
SURE = 0.999
PLATE, OTHER = "豫A12345", "豫A12346"
STRIPES = np.repeat(
    (np.arange(400) // 6 % 2 * 150 + 50).astype(np.uint8)[None, :, None], 3, axis=2
)
SHARP = np.repeat(STRIPES, 300, axis=0)
PAINTED = SHARP.copy()
PAINTED[:, :, 0] //= 3
"""The same in colour."""


def reading(chance, *, image=SHARP, x=100.0, width=150.0, corners=None, **told):
    """What the judge of pictures makes of a plate whose last character is so sure."""
    tall = width / 3.1
    at = [[x, 100], [x + width, 100], [x + width, 100 + tall], [x, 100 + tall]]
    corners = np.array(at, np.float32) if corners is None else corners
    text = told.pop("text", PLATE)
    chances = [SURE] * (len(text) - 1) + [chance]
    decoded = Decoded(
        **{
            "text": text,
            "probability": chance,
            "seen": text,
            "places": tuple(
                Place(c, p, ()) for c, p in zip(text, chances, strict=True)
            ),
            "alternatives": (),
            "ground": "blue",
            "ground_probability": 1.0,
            "conflict": None,
            "state": "whole",
            "state_probabilities": (1.0, 0.0, 0.0),
        }
        | told
    )
    box = PlateBox(corners=corners, confidence=0.9)
    return judge(image, box, decoded, LIMITS).reading


@pytest.mark.parametrize(
    ("text", "other", "accepted", "in_doubt", "by", "disagrees"),
    [
        (PLATE, PLATE, True, False, "both", False),
        (PLATE, PLATE, False, True, "both", False),
        (PLATE, PLATE, False, False, None, False),
        (PLATE, OTHER, True, False, "ours", True),
        (PLATE, OTHER, False, True, None, True),
        (PLATE, None, True, False, "ours", False),
        (PLATE, None, False, True, None, False),
        (None, OTHER, False, False, None, False),
        (None, None, False, True, None, False),
    ],
)
def test_who_accepts_a_plate_that_two_engines_were_asked_about(
    text, other, accepted, in_doubt, by, disagrees
):
    opinion = opinion_on(text, other, accepted=accepted, in_doubt=in_doubt)
    assert (opinion.accepted_by, opinion.disagrees) == (by, disagrees)


def test_only_doubt_about_characters_may_be_lifted():
    assert is_in_doubt(SHARP, reading(0.8), LIMITS)
    for other in (
        reading(SURE),
        reading(0.8, text="豫A?2345"),
        reading(0.8, conflict="colour"),
        reading(0.8, width=40.0),
        reading(0.8, state="covered", state_probabilities=(0.1, 0.9, 0.0)),
        reading(0.8, state="none", state_probabilities=(0.1, 0.0, 0.9)),
        reading(0.8, x=-20.0),
    ):
        assert not is_in_doubt(SHARP, other, LIMITS)
    painted = reading(0.8, image=PAINTED, ground="grey")
    assert painted.unread_reason == "doubtful"
    assert not is_in_doubt(PAINTED, painted, LIMITS), "letters on no plate's ground"
    assert is_in_doubt(PAINTED, reading(0.8, image=PAINTED), LIMITS)


def case(truth, text, *, accepted=False, in_doubt=False):
    return Case(
        truth=truth,
        kind="crop",
        colour="blue",
        layout="single",
        found=True,
        text=text,
        confidence=0.9,
        accepted=accepted,
        in_doubt=in_doubt,
    )


def test_the_figures_are_those_of_the_rule_that_reads():
    ours = [
        case(PLATE, PLATE, accepted=True),
        case(PLATE, PLATE, in_doubt=True),
        case(PLATE, OTHER, in_doubt=True),
        case(PLATE, PLATE),
        case(PLATE, PLATE, accepted=True),
        case(PLATE, OTHER, accepted=True),
        case(PLATE, PLATE, in_doubt=True),
    ]
    said = [PLATE, PLATE, OTHER, PLATE, OTHER, None, OTHER]
    figures = opinion_figures(ours, [case(PLATE, one) for one in said])
    counts = {
        name: (share.hits, share.total)
        for name, share in (
            ("precision", figures.precision),
            ("coverage", figures.coverage),
            ("by_both", figures.by_both),
            ("by_ours", figures.by_ours),
            ("disagreeing", figures.disagreeing),
        )
    }
    assert counts == {
        "precision": (3, 5),
        "coverage": (5, 7),
        "by_both": (2, 3),
        "by_ours": (1, 2),
        "disagreeing": (1, 1),
    }


class RapidOcr:
    """Answers as rapidocr_onnxruntime 1.4 does, with the texts that it is given."""

    says = ()
    crop = ""

    def __init__(self, **_settings):
        pass

    def __call__(self, _image, **flags):
        if not flags.get("use_det", True):
            return [[self.crop, 0.9]], [0.1]
        found = [[one.corners.tolist(), text, 0.9] for one, text in self.says]
        return found, [0.1]


class Ours:
    """Reads in every picture what it is given."""

    def __init__(self, *readings):
        self._readings = readings

    def read_picture(self, _image):
        return self._readings


@pytest.fixture
def read(monkeypatch, tmp_path, capsys):
    """``read`` on a picture in which each engine sees what is given."""
    module = ModuleType("rapidocr_onnxruntime")
    module.RapidOCR = RapidOcr
    monkeypatch.setitem(sys.modules, "rapidocr_onnxruntime", module)
    path = tmp_path / "front.jpg"

    def read(pairs, *arguments, image=SHARP, crop=""):
        path.write_bytes(encode_jpeg(image))
        ours = Ours(*(one for one, _ in pairs))
        says = [(one, text) for one, text in pairs if text is not None]
        monkeypatch.setattr(Pipeline, "standard", lambda: ours)
        monkeypatch.setattr(RapidOcr, "says", says)
        monkeypatch.setattr(RapidOcr, "crop", crop)
        status = main(["read", str(path), *arguments])
        return status, capsys.readouterr().out.splitlines()

    return read


PP_OCR = ("--second", "pp-ocrv4")


def test_a_plate_in_doubt_is_accepted_where_the_second_engine_says_the_same(read):
    doubtful = reading(0.8, image=PAINTED)
    assert doubtful.text is None
    status, told = read([(doubtful, PLATE)], *PP_OCR, image=PAINTED)
    assert status == 0
    told_of_ours, _, told_of_both = told[0].partition("; ")
    assert told_of_ours == f"{PLATE} 0.80, weakest '5' 0.80, blue"
    assert told_of_both == "accepted by both, pp-ocrv4 reads the same"
    status, (line,) = read([(doubtful, PLATE)], *PP_OCR, "--json")
    line = json.loads(line)
    assert (line["text"], line["unread_reason"]) == (PLATE, None)
    assert (line["accepted_by"], line["disagrees"]) == ("both", False)
    assert (line["second_engine"], line["second_text"]) == ("pp-ocrv4", PLATE)
    status, told = read([(doubtful, OTHER)], *PP_OCR, image=PAINTED)
    assert status == 1
    assert told == [f"unread: doubtful, weakest '5' 0.80, blue; pp-ocrv4 reads {OTHER}"]


def test_what_ours_is_sure_of_stays_accepted_and_a_disagreement_is_told(read):
    sure = reading(SURE)
    status, told = read([(sure, OTHER)], *PP_OCR)
    assert status == 0
    assert told[0].endswith(f"; accepted by ours alone, pp-ocrv4 reads {OTHER}")
    _, (line,) = read([(sure, OTHER)], *PP_OCR, "--json")
    line = json.loads(line)
    assert (line["text"], line["accepted_by"]) == (PLATE, "ours")
    assert line["disagrees"] is True
    _, told = read([(sure, None)], *PP_OCR)
    assert told[0].endswith("; accepted by ours alone, pp-ocrv4 reads nothing")


def test_each_plate_is_compared_with_what_is_read_where_it_is(read):
    left, right = reading(0.8, x=20.0), reading(0.8, x=220.0, text="京B67890")
    _, lines = read([(left, "京B67890"), (right, PLATE)], *PP_OCR, "--json")
    assert [json.loads(one)["accepted_by"] for one in lines] == [None, None]
    _, lines = read([(left, PLATE), (right, "京B67890")], *PP_OCR, "--json")
    assert [json.loads(one)["accepted_by"] for one in lines] == ["both", "both"]


def test_a_plate_that_fills_its_picture_is_shown_to_the_second_engine_whole(read):
    crop = SHARP[:70, :220]
    within = np.array([[20, 5], [200, 5], [200, 64], [20, 64]], np.float32)
    for corners in (rim_of(220, 70), within):
        doubtful = reading(0.8, image=crop, corners=corners)
        _, (line,) = read([(doubtful, None)], *PP_OCR, "--json", image=crop, crop=PLATE)
        assert json.loads(line)["accepted_by"] == "both"
    _, (line,) = read([(doubtful, PLATE)], *PP_OCR, "--json", image=crop, crop=OTHER)
    assert json.loads(line)["accepted_by"] == "both", "it finds the plate by itself"


def test_without_a_second_engine_a_line_says_nothing_of_one(read):
    _, (line,) = read([(reading(SURE), None)], "--json")
    assert not {"accepted_by", "disagrees", "second_text"} & json.loads(line).keys()


class Failing:
    """Fails on every picture."""

    version = "1"

    def read_crop(self, _image):
        raise AssertionError

    def read_frame(self, _image):
        raise EngineError("engine failing failed on this picture: no height")


def test_a_second_engine_that_fails_has_read_nothing_and_it_is_said(
    read, monkeypatch, tmp_path, capsys
):
    row = EngineRow(name="failing", needs="nothing", open=Failing)
    monkeypatch.setattr("lpr.engines.ENGINES", (*ENGINES, row))
    monkeypatch.setattr(Pipeline, "standard", lambda: Ours(reading(SURE)))
    path = tmp_path / "front.jpg"
    path.write_bytes(encode_jpeg(SHARP))
    assert main(["read", str(path), "--second", "failing"]) == 0
    printed = capsys.readouterr()
    assert "accepted by ours alone, failing reads nothing" in printed.out
    assert printed.err == (
        "luheng-lpr: engine failing failed on this picture: no height\n"
    )


def test_what_takes_no_second_engine_is_refused_in_one_line(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.setitem(sys.modules, "rapidocr_onnxruntime", None)
    path, film = tmp_path / "front.jpg", tmp_path / "passage.mp4"
    path.write_bytes(encode_jpeg(SHARP))
    film.write_bytes(b"film")
    for arguments, told in (
        ([path, "--second", "ours"], "another engine than ours"),
        ([path, "--second", "glyphs", "--engine", "glyphs"], "with --engine ours"),
        ([film, "--second", "glyphs"], "leave it out of a video"),
        ([path, "--second", "none"], "choose one of"),
        ([path, *PP_OCR], "engine pp-ocrv4 is not installed"),
        ([path, *PP_OCR], "pip install rapidocr-onnxruntime"),
    ):
        assert main(["read", *map(str, arguments)]) == 2
        said = capsys.readouterr().err
        assert told in said
        assert said.count("\n") == 1


class Doubting:
    """Doubts what it reads, of the first engine's kind."""

    version = "1"

    def __init__(self, text=PLATE):
        self._text = text

    def read_crop(self, _image):
        return Answer(
            text=self._text,
            confidence=0.8,
            colour=None,
            corners=None,
            accepted=False,
            in_doubt=True,
        )

    def read_frame(self, _image):
        return ()


def test_eval_shows_how_right_the_rule_is_and_how_much_it_covers(
    tmp_path, capsys, monkeypatch
):
    rows = tuple(
        EngineRow(name=name, needs="nothing", open=Doubting)
        for name in ("first", "second")
    )
    monkeypatch.setattr("lpr.engines.ENGINES", (*ENGINES, *rows))
    (tmp_path / "a.jpg").write_bytes(encode_jpeg(SHARP))
    path = tmp_path / "labels.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        header = ["path", "plate", "kind", "colour", "layout", "cx", "cy"]
        row = ["a.jpg", PLATE, "crop", "blue", "single", "", ""]
        csv.writer(file).writerows([header, row])
    asked = ["eval", str(path), "--engine", "first", "--second", "second"]
    assert main([*asked, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["opinion"]["by_both"]["hits"] == 1
    assert report["opinion"]["coverage"]["total"] == 1
    assert report["opinion"]["by_ours"]["total"] == 0
    main(asked)
    told = capsys.readouterr().out
    assert "accepted by both or by ours: right 100.0 %" in told
    assert "of these second reads otherwise nothing to count" in told
