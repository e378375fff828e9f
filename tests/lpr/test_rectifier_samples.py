"""What the rectifier is taught: corners that enclose the plate, seen from askew."""

import msgspec
import numpy as np
import pytest

from lpr.image import rim_of, straighten
from lpr.rectifier import VIEW_PX, view_of
from lpr.strips import laid_flat, widened
from lpr.training.reader_samples import Recipe, draw_sample
from lpr.training.rectifier_samples import PER_PLATE, draw_views

CLEAN = Recipe(
    hard=0.0,
    covered=0.0,
    nothing=0.0,
    typefaces=0.0,
    grey=0.0,
    narrowest_px=120,
    kinds=(("yellow", 1),),
)


def middle_and_ring(picture, corners):
    """Colours of the plate's ground, and of a ring that lies wholly outside it."""
    wide = laid_flat(picture, widened(corners, 0.2, 0.2), 280, 140).astype(float)
    inside = wide[24:116, 44:236].reshape(-1, 3)
    ring = np.concatenate([wide[:14].reshape(-1, 3), wide[-14:].reshape(-1, 3)])
    ground = np.median(inside, axis=0)
    return [np.median(np.abs(part - ground).sum(axis=1)) for part in (inside, ring)]


@pytest.mark.parametrize("boxed", [0.0, 1.0])
def test_a_plate_lies_between_its_corners(block_shapes, boxed):
    """Also in crops that were kept small; what lies around it has another colour."""
    rng = np.random.default_rng(4)
    recipe = msgspec.structs.replace(CLEAN, boxed=boxed, lean=0.2, tilt_deg=15.0)
    apart = 0
    for _ in range(40):
        sample = draw_sample(rng, block_shapes, recipe)
        inside, ring = middle_and_ring(sample.picture, sample.corners)
        apart += ring > inside
    assert apart >= 34


def test_a_plate_fills_the_crop_that_was_kept_of_it(block_shapes):
    """But for a tenth at each side, and at the sides it may be cut a little."""
    rng = np.random.default_rng(6)
    recipe = msgspec.structs.replace(CLEAN, boxed=1.0)
    kept = 0
    for _ in range(40):
        sample = draw_sample(rng, block_shapes, recipe)
        height, width = sample.picture.shape[:2]
        if not np.array_equal(sample.around, rim_of(width, height)):
            continue
        kept += 1
        (x0, y0), (x1, y1) = sample.corners.min(axis=0), sample.corners.max(axis=0)
        assert -0.06 < x0 / width < 0.1
        assert -0.06 < 1 - x1 / width < 0.1
        assert -0.1 < y0 / height < 0.2
        assert -0.1 < 1 - y1 / height < 0.2
    assert kept > 10


def test_the_corners_of_a_view_are_those_of_the_picture(block_shapes):
    recipe = msgspec.structs.replace(CLEAN, boxed=0.5)
    made = draw_views(block_shapes, 6, seed=(3,), recipe=recipe)
    assert made.views.shape == (6 * PER_PLATE, VIEW_PX[1], VIEW_PX[0], 3)
    rng = np.random.default_rng((3,))
    sample = draw_sample(rng, block_shapes, recipe)
    from_picture = straighten(sample.picture, sample.corners, width=100, height=32)
    for view, corners in zip(made.views[:3], made.corners[:3], strict=True):
        from_view = straighten(view, corners, width=100, height=32)
        seen = np.corrcoef(from_picture.ravel(), from_view.ravel())[0, 1]
        assert seen > 0.9
    view, _ = view_of(sample.picture, sample.around)
    assert np.array_equal(view, made.views[0])


def test_boxes_that_are_too_wide_show_plates_smaller(block_shapes):
    """Only the coarsest view of each plate is widened, and only where it is a box."""

    def shares(wider):
        made = draw_views(block_shapes, 40, seed=(3,), recipe=CLEAN, wider=wider)
        across = made.corners[:, 1, 0] - made.corners[:, 0, 0]
        return across.reshape(-1, PER_PLATE).mean(axis=0) / VIEW_PX[0]

    usual, wide = shares(0.0), shares(0.5)
    assert wide[2] < 0.9 * usual[2]
    assert np.allclose(wide[:2], usual[:2], atol=0.06)


def test_a_straight_cut_is_more_level_than_a_box_around_a_leaning_plate(block_shapes):
    turned = {}
    for share in (0.0, 1.0):
        rng = np.random.default_rng(8)
        recipe = msgspec.structs.replace(CLEAN, boxed=1.0, straight=share)
        turns = []
        for _ in range(30):
            sample = draw_sample(rng, block_shapes, recipe)
            across = sample.corners[1] - sample.corners[0]
            shown = sample.around[1] - sample.around[0]
            turn = np.arctan2(across[1], across[0]) - np.arctan2(shown[1], shown[0])
            turns.append(abs(np.degrees(turn)))
        turned[share] = np.mean(turns)
    assert turned[1.0] < turned[0.0] / 3
