"""The detector: its answers decoded, its two looks, its weights on either engine."""

import numpy as np
import pytest

from lpr.detector import (
    NetworkDetector,
    network_size,
    packaged_detector_weights,
    sightings,
)
from lpr.errors import WeightsError
from lpr.image import as_blob, warped
from lpr.onnx import ENGINES, load


def answer_with(*plates, rows=40, columns=60):
    """What a network would say that saw these plates: corners, confidence, lines."""
    answer = np.zeros((10, rows, columns), np.float32)
    answer[0] = -9.0
    y, x = np.mgrid[:rows, :columns] + 0.5
    for outline, confidence, double in plates:
        corners = np.asarray(outline, np.float32)
        column, row = (corners.mean(axis=0) / 8).astype(int)
        near = np.s_[row - 1 : row + 2, column - 1 : column + 2]
        peak = np.log(confidence / (1 - confidence))
        answer[0][near] = peak - 0.4
        answer[0, row, column] = peak
        places = np.stack([x, y]) * 8
        offsets = (corners[:, :, None, None] - places[None]) / 16
        answer[1:9][(slice(None), *near)] = offsets.reshape(8, rows, columns)[
            (slice(None), *near)
        ]
        answer[9][near] = {True: 4.0, False: -4.0}.get(double, double)
    return answer


def quad(x, y, width, tilt=0.0):
    tall = width / 3.1
    return [(x, y), (x + width, y + tilt), (x + width, y + tall + tilt), (x, y + tall)]


def test_every_peak_comes_back_with_its_corners_and_lines():
    plates = [(quad(40, 60, 90, 12), 0.9, False), (quad(250, 180, 140, -9), 0.7, True)]
    found = sightings(answer_with(*plates), least=0.3)
    assert len(found) == 2
    for one, (corners, confidence, double) in zip(found, plates, strict=True):
        assert np.allclose(one.corners, corners, atol=1e-3)
        assert one.confidence == pytest.approx(confidence, abs=1e-4)
        assert (one.double > 0.5) == double


def test_two_peaks_on_one_plate_are_one():
    one, other = quad(100, 100, 200), quad(116, 100, 200)
    found = sightings(answer_with((one, 0.9, False), (other, 0.6, False)), least=0.3)
    assert len(found) == 1


@pytest.mark.parametrize("seed", range(4))
def test_a_peak_is_as_likely_as_each_of_its_neighbours(seed):
    """Against one place after another, ties and the rim of the answer included."""
    answer = np.zeros((10, 8, 11), np.float32)
    answer[0] = np.random.default_rng(seed).integers(-3, 4, (8, 11))
    chance = 1 / (1 + np.exp(-answer[0]))
    wanted = sorted(
        float(chance[row, column])
        for row in range(8)
        for column in range(11)
        if chance[row, column] >= 0.7
        and chance[row, column]
        >= chance[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2].max()
    )
    found = sightings(answer, least=0.7)
    assert len(wanted) > 5
    assert sorted(one.confidence for one in found) == wanted


def test_what_is_unlikely_is_not_told():
    assert not sightings(answer_with((quad(40, 60, 90), 0.2, False)), least=0.3)


@pytest.mark.parametrize("size", [(1920, 1080), (3840, 2160), (311, 519), (20, 10)])
def test_the_network_sees_steps_of_32_and_never_less_than_half(size):
    width, height = network_size(*size)
    assert width % 32 == height % 32 == 0
    assert width > 0.45 * size[0]
    assert width <= max(size[0] + 32, 32)


class Plate:
    """A network that sees one plate where a frame is bright."""

    engine = "opencv"

    def __init__(self, *, blind_close_up=False, double=False):
        self.blind_close_up = blind_close_up
        self.double = double
        self.shapes = []

    def run(self, tensor):
        self.shapes.append(tensor.shape[2:])
        if self.blind_close_up and len(self.shapes) > 1:
            return (answer_with(rows=tensor.shape[2] // 8, columns=32)[None],)
        bright = np.argwhere(tensor[0, 1] > 0.5)
        (top, left), (bottom, right) = bright.min(axis=0), bright.max(axis=0) + 1
        corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
        rows, columns = (length // 8 for length in tensor.shape[2:])
        answer = answer_with((corners, 0.8, self.double), rows=rows, columns=columns)
        return (answer[None],)


class Idle:
    """A rectifier that leaves corners where they are."""

    def rectified(self, _image, around):
        return around


def detector_with(network):
    return NetworkDetector(network=network, rectifier=Idle())


def bright_frame():
    frame = np.zeros((720, 1280, 3), np.uint8)
    frame[400:440, 700:830] = 255
    return frame


def test_corners_are_those_of_the_whole_frame_whatever_the_region():
    frame = bright_frame()
    for region in (None, (0.5, 0.5, 1.0, 1.0)):
        (box,) = detector_with(Plate()).detect(frame, region=region)
        wanted = [[700, 400], [830, 400], [830, 440], [700, 440]]
        assert np.allclose(box.corners, wanted, atol=2.5)
        assert box.lines == 1


@pytest.mark.parametrize(
    ("double", "lines"),
    [(True, 2), (False, 1), (1.2, None), (-1.2, None), (2.2, 2), (-2.2, 1)],
)
def test_lines_are_told_only_where_the_network_is_sure_of_them(double, lines):
    network = Plate(double=double)
    (box,) = detector_with(network).detect(bright_frame(), region=None)
    assert box.lines == lines


def test_a_find_that_a_closer_look_does_not_confirm_counts_half():
    network = Plate(blind_close_up=True)
    (box,) = detector_with(network).detect(bright_frame(), region=None)
    assert box.confidence == pytest.approx(0.4, abs=1e-3)
    assert network.shapes[1] == (96, 224)


def test_the_rectifier_has_the_last_word_on_corners():
    class Mover:
        def rectified(self, _image, around):
            return around + np.float32(3)

    (box,) = detector_with(Plate()).detect(bright_frame(), region=None)
    found = NetworkDetector(network=Plate(), rectifier=Mover())
    (moved,) = found.detect(bright_frame(), region=None)
    assert np.allclose(moved.corners, box.corners + 3)


def test_two_finds_that_come_to_lie_on_each_other_are_one():
    """Each is half beside the plate; the rectifier brings both to it."""
    plate = np.float32([[700, 400], [830, 400], [830, 440], [700, 440]])

    class Twice:
        """Sees it twice, beside itself, and whatever it looks at closely as a plate."""

        engine, looks = "opencv", 0

        def run(self, tensor):
            rows, columns = (length // 8 for length in tensor.shape[2:])
            finds = [(quad(32, 22, 160), 0.8, False)]
            if not self.looks:
                scale = np.float32([columns * 8 / 1280, rows * 8 / 720])
                moves = np.float32([[60, 20], [-60, -20]])
                finds = [((plate + move) * scale, 0.8, False) for move in moves]
            self.looks += 1
            return (answer_with(*finds, rows=rows, columns=columns)[None],)

    class Nowhere:
        def rectified(self, _image, _around):
            return plate

    apart = detector_with(Twice()).detect(bright_frame(), region=None)
    found = NetworkDetector(network=Twice(), rectifier=Nowhere())
    (box,) = found.detect(bright_frame(), region=None)
    assert len(apart) == 2
    assert np.array_equal(box.corners, plate)


def test_corners_of_what_is_hardly_a_plate_stay_as_they_were_found():
    class Unasked:
        def rectified(self, _image, _around):
            raise AssertionError("corners of a find at 0.4 were looked for")

    network = Plate(blind_close_up=True)
    found = NetworkDetector(network=network, rectifier=Unasked())
    (box,) = found.detect(bright_frame(), region=None)
    assert box.confidence < 0.5


def test_a_region_too_small_for_a_plate_holds_none():
    detector = detector_with(Plate())
    assert detector.detect(bright_frame(), region=(0.5, 0.5, 0.505, 0.505)) == ()


def test_a_view_is_the_image_under_the_map():
    rng = np.random.default_rng(3)
    image = rng.integers(0, 255, (60, 80, 3), dtype=np.uint8)
    assert np.array_equal(warped(image, np.eye(3), width=80, height=60), image)
    halved = warped(
        np.full_like(image, 77), np.diag([0.2, 0.2, 1]), width=16, height=12
    )
    assert (halved == 77).all()


# ------------------------------------------------------------------- shipped weights


@pytest.fixture(scope="module", params=ENGINES)
def detector(request):
    return NetworkDetector.load(packaged_detector_weights(), engine=request.param)


def test_shipped_weights_are_small():
    assert len(packaged_detector_weights()) <= 3_000_000


def test_both_engines_say_the_same(new_studio):
    studio = new_studio(11)
    frame = studio.photo("豫A12345", width=200)
    blob = as_blob(frame, width=640, height=352)
    answers = [
        load(packaged_detector_weights(), engine=engine).run(blob)[0]
        for engine in ENGINES
    ]
    assert answers[0].shape == answers[1].shape == (1, 10, 44, 80)
    assert np.abs(answers[0] - answers[1]).max() < 1e-3 * np.abs(answers[0]).max()


@pytest.mark.parametrize(
    ("text", "colour", "double"),
    [
        ("豫A12345", "blue", False),
        ("豫A1234挂", "yellow", True),
        ("粤B12345D", "yellow_green", False),
    ],
)
def test_a_plate_of_the_studio_is_found_on_either_engine(
    detector, new_studio, text, colour, double
):
    studio = new_studio(23)
    face = studio.face(text, colour=colour, double=double)
    frame = studio.photographed(studio.mounted(face, width=190, at=(330, 560)))
    best = detector.detect(frame, region=None)[0]
    assert np.hypot(*(best.corners.mean(axis=0) - (330, 560))) < 25
    assert 150 < best.width_px < 230
    assert best.lines == (2 if double else 1)


def test_bytes_that_are_no_network_are_refused():
    for engine in ENGINES:
        with pytest.raises(WeightsError, match="no network"):
            load(b"weights", engine=engine)


def test_a_network_with_other_answers_is_refused(monkeypatch):
    class Other:
        engine = "opencv"

        def run(self, tensor):
            return (np.zeros((1, 4), np.float32), tensor)

    monkeypatch.setattr("lpr.detector.load", lambda *_, **__: Other())
    with pytest.raises(WeightsError, match="no plate detector"):
        NetworkDetector.load(b"")
