"""Pictures without colour are told from dull ones, whatever tint lies over them."""

import time

import numpy as np
import pytest

from lpr.casts import is_colourful, is_grey, without_colour
from lpr.image import decode_picture, encode_jpeg
from lpr.pipeline import Pipeline
from lpr.training.plates import render_plate
from lpr.training.scenes import Face, draw_scene
from lpr.training.textures import lettering, write

CASTS = [
    (0.92, 1.0, 0.94),
    (1.0, 0.92, 0.97),
    (1.0, 0.88, 0.97),
    (0.88, 0.95, 1.0),
    (1.08, 1.0, 0.94),
]
INKS = [(0, 255, 255), (0, 255, 0), (0, 0, 255), (255, 255, 255)]


@pytest.fixture(scope="module")
def scenes(block_shapes):
    """Sixty rendered scenes that have colour, and the same without, uncaptioned."""

    def face(rng):
        plate = render_plate(rng, block_shapes, px_per_mm=0.5)
        return Face(picture=plate.image, double=plate.lines == 2)

    rng, drawn = np.random.default_rng(31), []
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("lpr.training.photographs._caption", lambda *_: None)
        while len(drawn) < 60:
            scene = draw_scene(
                rng, face, width=480, height=272, plate_width_px=(60.0, 160.0)
            )
            if np.ptp(scene.picture, axis=2).any():
                drawn.append(scene.picture)
    return drawn, [without_colour(picture) for picture in drawn]


def tinted(picture, cast, quality=75):
    """A grey picture as a camera with a cast of its own gives it."""
    seen = np.clip(picture * np.array(cast, np.float32), 0, 255).astype(np.uint8)
    return decode_picture(encode_jpeg(seen, quality=quality)).image


def captioned(rng, picture, ink):
    """With two lines of time and place as cameras write them, above or below."""
    page = picture.copy()
    size = page.shape[0] // 22
    for row in (1, 2):
        y = row * (size + 4) if rng.random() < 0.5 else page.shape[0] - 4
        write(rng, page, lettering(rng), at=(20, y), size_px=size, colour=ink)
    return page


def count(pictures):
    return sum(is_grey(picture) for picture in pictures)


@pytest.mark.parametrize("cast", CASTS)
def test_a_tint_over_a_grey_picture_is_no_colour(scenes, cast):
    pictures = [tinted(grey, cast) for grey in scenes[1]]
    assert count(pictures) >= 58
    assert not any(is_colourful(picture) for picture in pictures)


@pytest.mark.parametrize("curve", [0.9, 1.1])
def test_a_tone_curve_of_one_channel_is_a_tint_too(scenes, curve):
    pictures = []
    for grey in scenes[1]:
        bent = grey.astype(np.float32)
        bent[..., 0] = 255 * (bent[..., 0] / 255) ** curve
        pictures.append(tinted(bent, (1, 1, 1)))
    assert count(pictures) >= 58


@pytest.mark.parametrize("ink", INKS)
def test_a_time_written_into_a_grey_picture_is_no_colour(scenes, ink):
    rng = np.random.default_rng(5)
    pictures = [tinted(captioned(rng, grey, ink), (1, 1, 1)) for grey in scenes[1]]
    assert count(pictures) == 60


def test_a_tint_and_a_time_together_are_no_colour(scenes):
    rng, pictures = np.random.default_rng(6), []
    for index, grey in enumerate(scenes[1]):
        page = np.clip(grey * np.array(CASTS[index % 5]), 0, 255).astype(np.uint8)
        page = captioned(rng, page, INKS[index % 4])
        pictures.append(tinted(page, (1, 1, 1), quality=40 + index % 50))
    assert count(pictures) >= 57


def test_rendered_scenes_keep_their_colour(scenes):
    """Night, fog and rain are among them; a few show nothing that has any."""
    assert count(scenes[0]) <= 4
    assert sum(map(is_colourful, scenes[0])) >= 45


def dull(plate):
    """A white lorry on a grey road in fog, with a plate."""
    rng = np.random.default_rng(3)
    page = np.full((1080, 1920, 3), (128, 126, 123), np.float32)
    page[:400] = (176, 172, 170)
    page[300:900, 500:1400] = (205, 207, 206)
    page[850:890, 880:1010] = plate
    page = 0.6 * page + 0.4 * 190 + rng.normal(0, 3, page.shape)
    return np.clip(page, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("plate", [(170, 70, 20), (20, 178, 245), (90, 190, 80)])
@pytest.mark.parametrize("cast", [(1, 1, 1), CASTS[0], CASTS[2]])
def test_a_dull_scene_in_which_the_plate_alone_has_colour_is_not_grey(plate, cast):
    assert not is_grey(tinted(dull(plate), cast))


@pytest.mark.parametrize(
    "colour", [(170, 70, 20), (20, 178, 245), (40, 25, 18), (110, 120, 150)]
)
def test_a_plate_that_fills_its_picture_is_coloured_though_its_hue_is_one(colour):
    """Its channels are functions of one another as well, but no camera's."""
    page = np.full((48, 160, 3), colour, np.uint8)
    ink = (235, 235, 235) if colour[0] > colour[2] else (15, 15, 15)
    for x in range(8, 150, 20):
        page[8:40, x : x + 9] = ink
    assert not is_grey(page)


@pytest.mark.parametrize("shape", [(1, 1, 3), (0, 0, 3), (2, 900, 3), (9, 3, 3)])
@pytest.mark.parametrize("value", [0, 255])
def test_pictures_too_small_or_burnt_out_to_show_a_colour_show_none(shape, value):
    page = np.full(shape, value, np.uint8)
    assert is_grey(page)
    assert not is_colourful(page)


def test_a_picture_without_colour_keeps_its_brightness():
    page = np.dstack([np.arange(256, dtype=np.uint8).reshape(16, 16)] * 3)
    assert np.array_equal(without_colour(page), page)
    assert np.ptp(without_colour(page + np.uint8([0, 9, 3])), axis=2).max() == 0


def test_a_frame_is_judged_in_a_few_milliseconds():
    page = np.random.default_rng(1).integers(0, 200, (1080, 1920, 3), np.uint8)
    spent = []
    for _ in range(15):
        begun = time.thread_time()
        is_grey(page)
        spent.append(time.thread_time() - begun)
    assert min(spent) < 0.005


@pytest.mark.parametrize("cast", CASTS[:3])
def test_a_tinted_infrared_plate_is_read_without_a_colour(new_studio, cast):
    studio = new_studio(46)
    pipeline = Pipeline.standard()
    texts = 0
    for text in ("豫A12345", "京B67890", "川K2468B", "鲁H35791", "粤C80642"):
        frame = without_colour(studio.photo(text, width=220, colour="blue"))
        frame[5:35, 20:420:3] = (0, 230, 230)  # the time
        for reading in pipeline.read_all(tinted(frame, cast, 90)):
            assert reading.colour is None
            assert reading.decoded.ground == "grey"
            assert reading.unread_reason != "grammar"
            texts += reading.text == text
    assert texts >= 3
