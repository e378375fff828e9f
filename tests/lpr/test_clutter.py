"""Surfaces full of small things: the same by a seed, finer than plain grounds."""

import cv2
import numpy as np

from lpr.training.clutter import clutter, cluttered, reflecting
from lpr.training.textures import background


def edges(picture):
    """Which share of the pixels lies on an edge, once a sensor's grain is gone."""
    grey = cv2.GaussianBlur(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), (0, 0), 1.2)
    return float((cv2.Canny(grey, 50, 120) > 0).mean())


def test_a_seed_gives_the_same_surface_and_another_gives_others():
    one, same, other = (
        clutter(np.random.default_rng(seed), 90, 160) for seed in (5, 5, 6)
    )
    assert one.shape == (90, 160, 3)
    assert one.dtype == np.uint8
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_surfaces_have_more_small_things_than_plain_grounds():
    rng = np.random.default_rng(7)
    small = [edges(clutter(rng, 176, 256)) for _ in range(60)]
    plain = [edges(background(rng, 176, 256)) for _ in range(60)]
    assert np.median(small) > 1.4 * np.median(plain)
    assert np.quantile(small, 0.75) > 2 * np.quantile(plain, 0.75)


def test_parts_of_a_page_are_covered_and_the_rest_stays():
    rng = np.random.default_rng(8)
    changed = []
    for _ in range(40):
        page = np.full((120, 160, 3), 77, np.uint8)
        cluttered(rng, page)
        changed.append(float((page != 77).any(axis=2).mean()))
    assert min(changed) > 0
    assert 0.1 < np.median(changed) < 0.9
    assert sum(share < 1 for share in changed) >= 38


def test_what_was_drawn_mirrors_its_surroundings_and_nothing_else_does():
    drawn = np.zeros((100, 140), bool)
    drawn[20:70, 30:110] = True
    drawn[40:50, 60:80] = False
    page = np.full((100, 140, 3), 120, np.uint8)
    reflecting(np.random.default_rng(9), page, drawn, share=0.3)
    assert (page[~drawn] == 120).all()
    assert np.mean((page[drawn] != 120).any(axis=1)) > 0.9
    assert np.abs(page[drawn].astype(int) - 120).max() <= round(0.3 * 135) + 1
    untouched = page.copy()
    reflecting(np.random.default_rng(9), page, np.zeros((100, 140), bool), share=0.3)
    assert np.array_equal(page, untouched)
