"""Why a plate is unread: each reason from a picture or a distribution that has it."""

import msgspec
import numpy as np
import pytest

from lpr.decoding import Decoded, Place
from lpr.drawing import caption_of
from lpr.engines import own_engine
from lpr.judging import PlateLimits, judge
from lpr.models import PlateBox

LIMITS = PlateLimits()
SURE = (1.0 + LIMITS.character_confidence) / 2
STRIPES = np.repeat(
    (np.arange(400) // 6 % 2 * 150 + 50).astype(np.uint8)[None, :, None], 3, axis=2
)


def picture(*, value=None, smooth=False):
    """Stripes as sharp as a character's edges, or an even ground."""
    page = np.repeat(STRIPES, 300, axis=0)
    if smooth:
        ramp = np.linspace(40, 200, 400).astype(np.uint8)[None, :, None]
        page = np.broadcast_to(ramp, (300, 400, 3)).copy()
    if value is not None:
        page[:] = value
    return page


def box(x=100.0, y=100.0, width=150.0):
    tall = width / 3.1
    corners = [[x, y], [x + width, y], [x + width, y + tall], [x, y + tall]]
    return PlateBox(corners=np.array(corners, np.float32), confidence=0.9)


def decoded(text="豫A12345", chances=None, state="whole", conflict=None):
    chances = chances or [SURE] * len(text)
    places = tuple(Place(c, p, ()) for c, p in zip(text, chances, strict=True))
    states = {"whole": (1, 0, 0), "covered": (0.1, 0.9, 0), "none": (0.1, 0, 0.9)}
    return Decoded(
        text=text,
        probability=min(chances),
        seen=text,
        places=places,
        alternatives=(),
        ground="yellow",
        ground_probability=1.0,
        conflict=conflict,
        state=state,
        state_probabilities=tuple(float(one) for one in states[state]),
    )


def reason(image, at, read):
    judged = judge(image, at, read, LIMITS)
    assert judged.reading.decoded is read
    return judged.reading.unread_reason


def test_a_sure_lawful_whole_plate_is_read_with_every_confidence():
    judged = judge(picture(), box(), decoded(), LIMITS)
    assert judged.is_plate
    assert judged.reading.text == "豫A12345"
    assert judged.reading.character_confidences == (SURE,) * 7


@pytest.mark.parametrize("place", range(7))
def test_one_doubtful_character_is_enough(place):
    chances = [SURE] * 7
    chances[place] = LIMITS.character_confidence - 0.01
    assert reason(picture(), box(), decoded(chances=chances)) == "doubtful"


def test_each_reason_has_its_cause():
    weak = [0.5] * 7
    assert reason(picture(), box(width=40.0), decoded()) == "too_small"
    assert reason(picture(), box(x=-20.0), decoded(chances=weak)) == "off_frame"
    assert reason(picture(value=254), box(), decoded(chances=weak)) == "glare"
    assert reason(picture(smooth=True), box(), decoded(chances=weak)) == "blurred"
    assert reason(picture(), box(), decoded("豫G?8?98")) == "covered"
    assert reason(picture(), box(), decoded(state="covered")) == "covered"
    assert reason(picture(), box(), decoded(state="none", chances=weak)) == "no_plate"
    assert reason(picture(), box(), decoded(conflict="colour")) == "grammar"


def test_a_covered_plate_keeps_the_part_that_can_be_read():
    judged = judge(picture(), box(), decoded("豫G?8?98"), LIMITS)
    assert judged.is_plate
    assert judged.reading.text is None
    assert judged.reading.pattern == "豫G?8?98"
    assert caption_of(judged.reading) == "unread: covered (豫G?8?98)"


def test_a_pattern_holds_no_character_that_a_read_plate_may_not():
    chances = [SURE, LIMITS.character_confidence - 0.01, 0.5, SURE, 0.9, SURE, SURE]
    judged = judge(picture(), box(), decoded("豫G?8?98", chances), LIMITS)
    assert judged.reading.pattern == "豫??8?98"


@pytest.mark.parametrize("text", ["???????", "豫A12345"])
def test_a_plate_of_which_nothing_or_no_hidden_place_is_known_has_no_pattern(text):
    judged = judge(picture(), box(), decoded(text, state="covered"), LIMITS)
    assert judged.reading.unread_reason == "covered"
    assert judged.reading.pattern is None


def test_a_smooth_cover_is_no_blur_and_glare_is_no_cover():
    """A driver may be asked about a cover, but not about the sun."""
    assert reason(picture(smooth=True), box(), decoded("豫G?8?98")) == "covered"
    judged = judge(picture(value=254), box(), decoded("豫G?8?98"), LIMITS)
    assert judged.reading.unread_reason == "glare"
    assert judged.reading.pattern is None


def test_an_unlikely_box_without_sure_characters_is_no_plate_whatever_covers_it():
    weak = decoded("黑JX?EE?", [0.2] * 7, state="covered")
    assert reason(picture(), box(), weak) == "covered"
    unlikely = PlateBox(corners=box().corners, confidence=0.5)
    assert reason(picture(), unlikely, weak) == "no_plate"


def test_only_what_is_a_plate_is_too_small():
    """A narrow place without evidence is no plate, as a wide one is."""
    small, weak = box(width=40.0), decoded("宁0007", [0.5] * 5)
    judged = judge(picture(), small, decoded(chances=[0.95] * 3 + [0.5] * 4), LIMITS)
    assert judged.reading.unread_reason == "too_small"
    assert judged.is_plate
    unlikely = PlateBox(corners=small.corners, confidence=0.5)
    assert reason(picture(), unlikely, weak) == "no_plate"
    assert reason(picture(), small, weak) == "too_small"
    nothing = decoded(state="none", chances=[0.5] * 7)
    assert reason(picture(), small, nothing) == "no_plate"


@pytest.mark.parametrize(("chance", "said"), [(0.81, "doubtful"), (0.79, "no_plate")])
def test_three_characters_that_are_seen_show_a_plate(chance, said):
    """None is sure enough to be read, and the detector was in doubt."""
    unlikely = PlateBox(corners=box().corners, confidence=0.5)
    told = decoded(chances=[chance] * 3 + [0.5] * 4)
    judged = judge(picture(), unlikely, told, LIMITS)
    assert judged.is_plate == (said == "doubtful")
    assert judged.reading.unread_reason == said


def test_lettering_with_few_sure_characters_is_no_plate():
    judged = judge(
        picture(), box(), decoded("限速8", [0.95, 0.6, 0.4], state="none"), LIMITS
    )
    assert not judged.is_plate
    assert judged.reading.unread_reason == "no_plate"


def test_letters_without_a_ground_are_no_plate_where_the_picture_has_colour():
    """A number painted on a body; in an infrared picture no plate shows a ground."""
    painted = msgspec.structs.replace(decoded(), ground="grey")
    assert reason(picture(), box(), painted) is None
    coloured = picture()
    coloured[250:] = (30, 90, 200)
    assert reason(coloured, box(), painted) == "grammar"
    assert reason(coloured, box(), decoded()) is None


def test_a_coloured_time_in_an_infrared_picture_leaves_it_without_colour():
    painted = msgspec.structs.replace(decoded(), ground="grey")
    stamped = picture()
    stamped[280:295, 10:150] = (40, 220, 240)
    assert reason(stamped, box(), painted) is None


class Standing:
    """All parts of an engine, saying of any picture what they are told."""

    network = type("Runtime", (), {"engine": "none"})

    def __init__(self, found, read):
        self._found, self._read = found, read

    def detect(self, _image, *, region):
        assert region is None
        return (self._found,)

    @property
    def rectifier(self):
        return self

    def rectified(self, _crop, around, **_passes):
        return around

    def read(self, _image, _corners, *, lines=None):
        del lines
        return self._read

    def in_grey(self):
        return self

    def read_crop(self, _crop):
        return self._read

    def best_of(self, readings):
        return readings[0]


def accepted(monkeypatch, image, found, read):
    """Whether our engine accepts a frame, and a picture of the plate alone."""
    standing = Standing(found, read)
    loader = type("Loader", (), {"load": staticmethod(lambda *_, **__: standing)})
    for name in ("NetworkDetector", "SequenceReader"):
        monkeypatch.setattr(f"lpr.engines.{name}", loader)
    engine = own_engine()
    (framed,) = engine.read_frame(image)
    alone = engine.read_crop(image)
    for answer in (framed, alone):
        assert answer.text == read.text
        assert answer.confidence == read.confidence
    assert alone.corners is None
    return framed.accepted, alone.accepted


def test_what_is_measured_accepts_a_plate_as_its_judge_does(monkeypatch):
    coloured = picture()
    coloured[250:] = (30, 90, 200)
    grey_ground = msgspec.structs.replace(decoded(), ground="grey")
    small = box(width=40.0)
    assert accepted(monkeypatch, coloured, box(), decoded()) == (True, True)
    assert accepted(monkeypatch, coloured, small, decoded()) == (False, True)
    for read in (grey_ground, decoded(state="covered"), decoded(state="none")):
        assert accepted(monkeypatch, coloured, box(), read) == (False, False)
    assert accepted(monkeypatch, picture(), box(), grey_ground) == (True, True)
