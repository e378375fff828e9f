"""Pictures cut out around a plate: read between its corners, then as they are."""

import cv2
import msgspec
import numpy as np
import pytest

from lpr.alphabet import GROUNDS, STATES
from lpr.crops import read_cut_out, seems_cut_out
from lpr.decoding import Outputs, Prior, decode
from lpr.detector import NetworkDetector
from lpr.image import rim_of
from lpr.judging import PlateLimits
from lpr.models import PlateBox
from lpr.pipeline import Pipeline
from lpr.rectifier import Rectifier, packaged_rectifier_weights
from lpr.sequence import SequenceReader
from lpr.spelling import Spelling

PLATES = ("豫A12345", "京B67890", "川K2468B", "鲁D35792", "粤E80416", "苏H64N27")


@pytest.fixture(scope="module")
def networks():
    rectifier = Rectifier.load(packaged_rectifier_weights())
    return rectifier, SequenceReader.standard()


class Unasked:
    """A rectifier that must not be asked."""

    def rectified(self, _crop, _around, **_passes):
        raise AssertionError("corners were looked for in a handful of pixels")


def leaning(studio, text):
    """A crop as collections keep them: an upright box around a plate that leans."""
    face = cv2.resize(studio.face(text, colour="blue"), (220, 70))
    lean = np.array([[0.9, 0.55, 20], [0.16, 1.0, 14]])
    page = np.full((150, 300, 3), 40, np.uint8)
    drawn = cv2.warpAffine(face, lean, (300, 150))
    inside = cv2.warpAffine(np.full((70, 220), 255, np.uint8), lean, (300, 150))
    page[inside > 127] = drawn[inside > 127]
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    cut = page[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return cv2.resize(cut, (188, 48))


def test_a_sure_reading_between_the_corners_stands(new_studio, networks):
    rectifier, reader = networks
    crop = leaning(new_studio(3), PLATES[2])
    corners = rectifier.rectified(crop, rim_of(188, 48), passes=1)
    straight = reader.read(crop, corners)

    class Straight(SequenceReader):
        def read_crop(self, _crop):
            raise AssertionError("the picture as it is was read without need")

    only = Straight(network=reader.network, second=reader.second)
    assert straight.text == PLATES[2]
    assert read_cut_out(crop, rectifier, only, enough=straight.confidence) == straight
    with pytest.raises(AssertionError, match="without need"):
        read_cut_out(crop, rectifier, only, enough=1.01)


def test_the_likelier_of_two_readings_is_kept(new_studio, networks):
    rectifier, reader = networks
    studio = new_studio(7)
    for text in PLATES:
        crop = leaning(studio, text)
        found = read_cut_out(crop, rectifier, reader, enough=1.01)
        once = rectifier.rectified(crop, rim_of(188, 48), passes=1)
        again = rectifier.rectified(crop, once, passes=2)
        readings = [reader.read(crop, once), reader.read(crop, again)]
        readings.append(reader.read_crop(crop))
        chances = [one.plausibility(reader.prior) for one in readings]
        assert found == readings[int(np.argmax(chances))]


def test_plates_that_lean_are_read_straight(new_studio, networks):
    """An upright box shows them slanted, and as it is not all of them are read."""
    rectifier, reader = networks
    studio = new_studio(7)
    crops = [(text, leaning(studio, text)) for text in PLATES]
    read = [read_cut_out(crop, rectifier, reader).text == text for text, crop in crops]
    as_it_is = [reader.read_crop(crop).text == text for text, crop in crops]
    assert sum(read) >= len(PLATES) - 1
    assert sum(read) > sum(as_it_is)


def told(*texts):
    """What a reading is that holds these texts possible, on a blue ground."""
    ground = np.where(np.array(GROUNDS) == "blue", 12, 0).astype(np.float32)
    state = np.where(np.array(STATES) == "whole", 9, 0).astype(np.float32)
    seen = Outputs(np.empty((0, 0), np.float32), ground, state)
    return decode(seen, tuple(Spelling(*one) for one in texts))


class TwoMinds:
    """A reader that misses the first character unless the plate is laid straight."""

    prior = Prior()

    def __init__(self, straight, whole):
        self.straight, self.whole = straight, whole

    best_of = SequenceReader.best_of

    def read(self, _image, _corners):
        return self.straight

    def read_crop(self, _crop):
        return self.whole


class Idle:
    """A rectifier that leaves corners where they are."""

    def rectified(self, _crop, around, **_passes):
        return around


def test_a_surer_text_that_is_no_plate_does_not_outdo_one_that_is():
    crop = np.full((24, 94, 3), 90, np.uint8)
    plate = told(("皖AJ604M", 0.6), ("陕AJ604M", 0.3))
    beheaded = told(("AJ604M", 0.9))
    assert plate.probability < beheaded.probability
    certain = told(("AJ604M", 0.999))
    assert certain.confidence > PlateLimits().character_confidence
    for straight, whole in ((plate, beheaded), (beheaded, plate), (certain, plate)):
        reader = TwoMinds(straight, whole)
        assert read_cut_out(crop, Idle(), reader).text == "皖AJ604M"


def test_a_crop_of_a_few_pixels_is_not_searched(networks):
    _, reader = networks
    crop = np.full((6, 20, 3), 90, np.uint8)
    assert read_cut_out(crop, Unasked(), reader) == reader.read_crop(crop)


def test_a_picture_of_one_plate_alone_is_read(new_studio):
    pipeline = Pipeline.standard()
    studio = new_studio(11)
    right = 0
    for text in PLATES:
        crop = cv2.resize(studio.face(text, colour="blue"), (150, 46))
        (reading,) = pipeline.read_picture(crop)
        assert reading.text in (None, text)
        right += reading.text == text
    assert right >= 3


class Straying(NetworkDetector):
    """A detector that finds a narrow place in a corner, and is not sure of it."""

    def detect(self, image, *, region):
        del image, region
        corners = [[2, 2], [32, 2], [32, 12], [2, 12]]
        return (PlateBox(corners=np.array(corners, np.float32), confidence=0.4),)


def test_a_place_that_is_no_plate_does_not_stand_in_for_the_picture(new_studio):
    """Nor does a station call what it sees there too small a plate."""
    standard = Pipeline.standard()
    fields = {
        name: getattr(standard.detector, name)
        for name in NetworkDetector.__struct_fields__
    }
    straying = msgspec.structs.replace(standard, detector=Straying(**fields))
    crop = cv2.resize(new_studio(95).face("豫A71P32", colour="blue"), (220, 70))
    crop = cv2.GaussianBlur(crop, (0, 0), 0.8)
    assert straying.read(crop).unread_reason == "no_plate"
    (reading,) = straying.read_picture(crop)
    assert reading.text == "豫A71P32"


def test_a_small_picture_without_a_plate_holds_none():
    rng = np.random.default_rng(2)
    for _ in range(5):
        noise = rng.integers(60, 120, (30, 100, 3)).astype(np.uint8)
        assert all(one.text is None for one in Pipeline.standard().read_picture(noise))


@pytest.mark.parametrize(
    ("size", "is_one"),
    [
        ((94, 24), True),
        ((440, 220), True),
        ((960, 544), False),
        ((400, 40), False),
        ((100, 100), False),
        ((40, 7), False),
    ],
)
def test_what_has_the_shape_of_a_plate_alone(size, is_one):
    width, height = size
    assert seems_cut_out(np.zeros((height, width, 3), np.uint8)) == is_one
