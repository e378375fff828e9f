"""Third-party engines behind our door: stand-ins that answer as their wheels do."""

import sys
from hashlib import sha256
from types import ModuleType

import numpy as np
import pytest

from lpr.detector import NetworkDetector, packaged_detector_weights
from lpr.engines import ENGINES, open_engine, own_engine
from lpr.errors import EngineError
from lpr.sequence import packaged_reader_weights
from lpr.weight_set import WeightSet

FRAME = np.full((120, 200, 3), 90, np.uint8)
BOX = [[10, 20], [90, 22], [90, 50], [10, 48]]


def stand_in(monkeypatch, name, **members):
    module = ModuleType(name)
    for member, value in members.items():
        setattr(module, member, value)
    monkeypatch.setitem(sys.modules, name, module)


class RapidOcr:
    """Answers as rapidocr_onnxruntime 1.4 does."""

    def __init__(self, **settings):
        assert settings["intra_op_num_threads"] == 1

    def __call__(self, image, **flags):
        if not image.any():
            return None, None
        if flags.get("use_det", True):
            return [[BOX, "豫A·l2345 限速", 0.93]], [0.1]
        return [["豫A·12345", 0.97]], [0.1]


def test_pp_ocr_keeps_plate_characters_only(monkeypatch):
    stand_in(monkeypatch, "rapidocr_onnxruntime", RapidOCR=RapidOcr)
    engine = open_engine("pp-ocrv4")
    assert engine.read_crop(FRAME).text == "豫A12345"
    (answer,) = engine.read_frame(FRAME)
    assert answer.text == "豫AL2345"
    assert answer.confidence == pytest.approx(0.93)
    assert np.array_equal(answer.corners, np.array(BOX, np.float32))
    assert engine.read_crop(np.zeros_like(FRAME)) is None
    assert engine.read_frame(np.zeros_like(FRAME)) == ()


class HyperLpr:
    """Answers as hyperlpr2 does."""

    def segmentation_free_recognition(self, crop):
        assert crop.shape == (36, 136, 3)
        return "皖B99999", 0.8

    def plate_recognition(self, _image, _smallest, _deskew):
        return [["皖B99999", 0.8, [10, 20, 90, 50]]]


def test_hyperlpr2_gives_upright_boxes_where_opencv_reads_its_files(monkeypatch):
    stand_in(monkeypatch, "hyperlpr2", PR=HyperLpr())
    monkeypatch.setattr("lpr.engines.OPENCV_VERSION", "4.12.0")
    engine = open_engine("hyperlpr2")
    assert "OpenCV 4.12.0" in engine.version
    assert engine.read_crop(FRAME).text == "皖B99999"
    (answer,) = engine.read_frame(FRAME)
    assert answer.corners.tolist() == [[10, 20], [90, 20], [90, 50], [10, 50]]


def test_hyperlpr2_is_refused_under_opencv_5(monkeypatch):
    stand_in(monkeypatch, "hyperlpr2", PR=HyperLpr())
    monkeypatch.setattr("lpr.engines.OPENCV_VERSION", "5.0.0")
    with pytest.raises(EngineError, match="needs OpenCV 4"):
        open_engine("hyperlpr2")


class Clpr:
    """Answers as agentclpr does."""

    def ocr(self, _image, *, det, cls):
        assert not det
        assert not cls
        return [["京Q12345", 0.9]]

    def det_ocr(self, _image):
        return [[BOX, ["", 0.0]], [BOX, ["京Q12345", np.float64(0.9)]]]


def test_agentclpr_with_an_empty_text_is_unread(monkeypatch):
    stand_in(monkeypatch, "agentclpr", CLPSystem=Clpr)
    engine = open_engine("agentclpr")
    assert engine.read_crop(FRAME).text == "京Q12345"
    empty, read = engine.read_frame(FRAME)
    assert (empty.text, empty.accepted) == (None, False)
    assert (read.text, read.accepted) == ("京Q12345", True)


class BrokenClpr(Clpr):
    """Fails as agentclpr does on a box without height, in OpenCV's words."""

    def det_ocr(self, _image):
        raise RuntimeError("(-215:Assertion failed)\n !ssize.empty() in 'resize'")


def test_another_engine_that_fails_is_one_line_that_names_it(monkeypatch):
    stand_in(monkeypatch, "agentclpr", CLPSystem=BrokenClpr)
    with pytest.raises(EngineError, match=r"agentclpr failed .* !ssize") as refusal:
        open_engine("agentclpr").read_frame(FRAME)
    assert "\n" not in str(refusal.value)


def test_an_engine_that_is_missing_is_one_line_with_its_name_and_what_to_do(
    monkeypatch,
):
    for name in ("rapidocr_onnxruntime", "agentclpr"):
        monkeypatch.setitem(sys.modules, name, None)
    for name, install in (
        ("pp-ocrv4", "rapidocr-onnxruntime"),
        ("agentclpr", "agentclpr"),
    ):
        with pytest.raises(EngineError, match=f"pip install {install}$") as refusal:
            open_engine(name)
        said = str(refusal.value)
        assert said.startswith(f"engine {name} is not installed ")
        assert "\n" not in said


def test_every_row_says_what_it_needs():
    assert len({row.name for row in ENGINES}) == len(ENGINES)
    assert all(row.needs for row in ENGINES)


def test_our_engine_names_its_weights_by_their_hash():
    version = open_engine("ours").version
    for weights in (packaged_detector_weights(), packaged_reader_weights()):
        assert sha256(weights).hexdigest()[:8] in version


def test_our_engine_looks_with_the_rectifier_that_it_is_given(monkeypatch):
    given = []
    real = NetworkDetector.load(packaged_detector_weights())

    def load(_weights, *, rectifier, engine):
        given.append((rectifier, engine))
        return real

    monkeypatch.setattr("lpr.engines.NetworkDetector.load", load)
    version = own_engine(WeightSet.of(rectifier=b"another")).version
    assert given == [(b"another", None)]
    assert sha256(b"another").hexdigest()[:8] in version
