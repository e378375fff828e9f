"""The rectifier: votes counted, corners brought to their place, answers of no plate."""

import cv2
import numpy as np
import pytest

from lpr.errors import WeightsError
from lpr.image import map_between, mapped, rim_of
from lpr.onnx import ENGINES, load
from lpr.rectifier import (
    REACH_PX,
    STRIDE,
    VIEW_PX,
    VOTES,
    Rectifier,
    packaged_rectifier_weights,
    view_of,
    voted,
)
from lpr.strips import normalised, widened

ROWS, COLUMNS = VIEW_PX[1] // STRIDE, VIEW_PX[0] // STRIDE


def answer_of(corners, *, trusted=None):
    """What a network would say that sees the corners there from everywhere.

    With ``trusted`` only that cell (row, column) is right, and all others say so.
    """
    answer = np.zeros((1, 4, 3, ROWS, COLUMNS), np.float32)
    x = (np.arange(COLUMNS) + 0.5) * STRIDE
    y = (np.arange(ROWS)[:, None] + 0.5) * STRIDE
    for index, (to_x, to_y) in enumerate(corners):
        answer[0, index, 1] = (to_x - x) / REACH_PX
        answer[0, index, 2] = (to_y - y) / REACH_PX
    if trusted is not None:
        right = answer[..., trusted[0], trusted[1]].copy()
        answer[:, :, 1:] += 3.0
        answer[..., trusted[0], trusted[1]] = right
        answer[:, :, 0, trusted[0], trusted[1]] = 40.0
    return answer.reshape(1, VOTES, ROWS, COLUMNS)


class Seer:
    """A network that sees the corners where they are in every view."""

    engine = "opencv"

    def __init__(self, corners):
        self.corners, self.views = corners, 0

    def run(self, _tensor):
        self.views += 1
        return (answer_of(self.corners),)


def test_all_votes_for_one_place_are_that_place():
    corners = np.float32([[9, 7], [120, 3], [118, 40], [11.5, 44.25]])
    assert np.allclose(voted(answer_of(corners))[0], corners, atol=1e-3)


def test_a_vote_counts_as_much_as_it_says():
    corners = np.float32([[9, 7], [120, 3], [118, 40], [11, 44]])
    found = voted(answer_of(corners, trusted=(2, 5)))[0]
    assert np.allclose(found, corners, atol=1e-2)


def test_the_way_back_leads_to_the_pixels_that_the_view_shows():
    rng = np.random.default_rng(5)
    image = cv2.GaussianBlur(
        rng.integers(0, 255, (90, 200, 3), dtype=np.uint8), (0, 0), 3
    )
    around = np.float32([[40, 20], [150, 30], [145, 66], [36, 58]])
    view, back = view_of(image, around)
    assert view.shape == (VIEW_PX[1], VIEW_PX[0], 3)
    for x, y in ((20, 10), (64, 24), (110, 40)):
        at_x, at_y = mapped(np.float32([[x, y]]), back)[0]
        shown = cv2.getRectSubPix(image, (1, 1), (float(at_x), float(at_y)))[0, 0]
        assert np.abs(view[y, x].astype(int) - shown).max() <= 3


def test_corners_are_those_of_the_image():
    around = np.float32([[40, 20], [150, 30], [145, 66], [36, 58]])
    seen = np.float32([[14, 9], [110, 12], [112, 38], [12, 36]])
    image = np.zeros((90, 200, 3), np.uint8)
    found = Rectifier(network=Seer(seen)).rectified(image, around, passes=1)
    onto = map_between(rim_of(*VIEW_PX), widened(around, 0.08, 0.2))
    assert np.allclose(found, mapped(seen, onto), atol=1e-2)


@pytest.mark.parametrize(("off_px", "views"), [(2.0, 1), (9.0, 3)])
def test_another_pass_follows_where_one_moved_the_corners_far(off_px, views):
    """In a view the given corners are 11 px from the sides and 7 from top and foot."""
    width, height = VIEW_PX
    x, y = width * 0.08 / 1.16, height * 0.2 / 1.4
    given = np.float32(
        [[x, y], [width - x, y], [width - x, height - y], [x, height - y]]
    )
    seer = Seer(given + np.float32([off_px, 0]))
    around = np.float32([[40, 20], [150, 30], [145, 66], [36, 58]])
    Rectifier(network=seer).rectified(np.zeros((90, 200, 3), np.uint8), around)
    assert seer.views == views


@pytest.mark.parametrize(
    "outline",
    [
        [[110, 9], [14, 9], [12, 36], [112, 38]],  # the wrong way round
        [[14, 9], [110, 12], [60, 20], [12, 36]],  # a corner inside
        [[14, 9], [110, 12], [12, 36], [112, 38]],  # crossed
        [[14, 9], [14, 9], [14, 9], [14, 9]],  # nothing
        [[60, 20], [72, 20], [72, 30], [60, 30]],  # a speck
        [[14, 9], [400, 12], [402, 38], [12, 36]],  # far outside the view
    ],
)
def test_an_answer_that_is_no_outline_leaves_the_corners_where_they_were(outline):
    around = np.float32([[40, 20], [150, 30], [145, 66], [36, 58]])
    image = np.zeros((90, 200, 3), np.uint8)
    found = Rectifier(network=Seer(outline)).rectified(image, around)
    assert np.array_equal(found, around)


# ------------------------------------------------------------------- shipped weights


def leaning(studio, text, *, colour="blue", double=False):
    """A plate seen from the side and above, and its corners."""
    face = studio.face(text, colour=colour, double=double)
    tall, wide = face.shape[:2]
    corners = np.float32([[52, 38], [226, 66], [238, 124 + 30 * double], [60, 92]])
    if double:
        corners[3] += (4, 26)
    onto = map_between(rim_of(wide, tall), corners)
    page = studio.scene()[360:540, 500:800].copy()
    small = (page.shape[1], page.shape[0])
    drawn = cv2.warpPerspective(face, onto, small, flags=cv2.INTER_AREA)
    inside = cv2.warpPerspective(np.full((tall, wide), 255, np.uint8), onto, small)
    page[inside > 127] = drawn[inside > 127]
    return cv2.GaussianBlur(page, (0, 0), 0.8), corners


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("text", "colour", "double"),
    [
        ("豫A12345", "blue", False),
        ("豫A1234挂", "yellow", True),
        ("粤B12345D", "yellow_green", False),
    ],
)
def test_corners_of_a_leaning_plate_come_to_their_place(
    engine, new_studio, text, colour, double
):
    """From an upright box around it, and from corners that are off."""
    page, corners = leaning(new_studio(5), text, colour=colour, double=double)
    rectifier = Rectifier.load(packaged_rectifier_weights(), engine=engine)
    (x0, y0), (x1, y1) = corners.min(axis=0), corners.max(axis=0)
    box = np.float32([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])
    off = np.float32([[-9, 5], [7, 4], [8, -5], [-6, -6]])
    for given in (box, corners + off):
        found = rectifier.rectified(page, given)
        tall = np.hypot(*(corners[3] - corners[0]))
        before = np.hypot(*(given - corners).T).mean() / tall
        after = np.hypot(*(found - corners).T).mean() / tall
        assert after < 0.12
        assert after < before / 1.5


def test_both_engines_say_the_same(new_studio):
    page, corners = leaning(new_studio(5), "豫A12345")
    view, _ = view_of(page, corners)
    blob = normalised(view[None])
    answers = [
        load(packaged_rectifier_weights(), engine=engine).run(blob)[0]
        for engine in ENGINES
    ]
    assert answers[0].shape == (1, VOTES, ROWS, COLUMNS)
    assert np.abs(answers[0] - answers[1]).max() < 1e-3 * np.abs(answers[0]).max()


def test_a_network_with_other_answers_is_refused(monkeypatch):
    class Other:
        engine = "opencv"

        def run(self, tensor):
            return (np.zeros((1, 4), np.float32), tensor)

    monkeypatch.setattr("lpr.rectifier.load", lambda *_, **__: Other())
    with pytest.raises(WeightsError, match="no rectifier"):
        Rectifier.load(b"")
