"""Rendered plates and samples: their answers are where they say, seeds repeat them."""

import cv2
import msgspec
import numpy as np
import pytest

from lpr.alphabet import COVERED, GROUNDS, STATES, SYMBOLS
from lpr.image import crop_plate
from lpr.plate import PROVINCES, kind_of
from lpr.strips import (
    HEIGHT,
    UPPER_COLUMNS,
    WIDTH,
    along_strip,
    normalised,
    strip_of,
    widened,
)
from lpr.training import damage, reader_samples
from lpr.training.plates import PlateText, draw_text, render_plate
from lpr.training.reader_samples import Recipe, draw_sample, draw_samples
from lpr.training.shapes import Shapes, Typeset, gather_shapes
from lpr.training.weathering import weathered

LETTERS = "ABCDEFGHJKLMNOPQRSTUVWXYZ0123456789"


def drawn(character):
    sheet = np.zeros((300, 320), np.uint8)
    cv2.putText(sheet, character, (60, 220), 255, cv2.FontFace("sans"), 170, 600)
    rows, columns = np.flatnonzero(sheet.any(1)), np.flatnonzero(sheet.any(0))
    tight = sheet[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return cv2.resize(tight, (max(10, 96 * tight.shape[1] // tight.shape[0]), 96))


@pytest.fixture(scope="module")
def shapes():
    letters = {c: drawn(c) for c in LETTERS}
    hanzi = {c: drawn(c) for c in PROVINCES + "挂学警港澳领使超民航"}
    cells = Typeset("cells", False, {**letters, **hanzi})
    return Shapes(
        single=cells,
        upper=cells,
        lower=cells,
        green=cells,
        letters=(Typeset("sans", True, letters),),
        hanzi=(Typeset("sans", True, hanzi),),
        source="the typeface built into OpenCV",
    )


def trailer(text="豫A1234挂"):
    return PlateText(text=text, kind="trailer", colour="yellow", lines=2)


def test_texts_keep_the_grammar_of_their_kind_unless_they_say_otherwise():
    rng = np.random.default_rng(1)
    wanted = [draw_text(rng) for _ in range(3000)]
    for one in wanted:
        kind = kind_of(one.text)
        assert one.lawful == (kind is not None and kind.name == one.kind)
        if one.lawful:
            assert one.colour in kind.colours
    assert {one.text[0] for one in wanted} >= set(PROVINCES)
    assert {c for one in wanted for c in one.text} >= set(SYMBOLS) - {COVERED}
    assert 5 < sum(not one.lawful for one in wanted) < 60


@pytest.mark.parametrize(
    ("wanted", "size"),
    [
        (
            PlateText(text="豫A12345", kind="ordinary", colour="blue"),
            (440, 140),
        ),
        (
            PlateText(text="豫AD12345", kind="new_energy_small", colour="green"),
            (480, 140),
        ),
        (trailer(), (440, 220)),
    ],
)
def test_plates_have_the_size_of_the_standard(shapes, wanted, size):
    plate = render_plate(np.random.default_rng(2), shapes, wanted)
    assert plate.image.shape == (size[1], size[0], 3)
    assert plate.mask.shape == (size[1], size[0])
    large = render_plate(np.random.default_rng(2), shapes, wanted, px_per_mm=2.5)
    assert large.image.shape[1] == round(2.5 * size[0])


def test_every_character_is_painted_inside_its_box_and_not_between(shapes):
    rng = np.random.default_rng(3)
    for _ in range(20):
        plate = render_plate(rng, shapes, typeface_share=0.0)
        for x0, y0, x1, y1 in plate.boxes:
            part = plate.ink[round(y0) : round(y1), max(0, round(x0)) : round(x1)]
            assert part.max() > 150
            assert 0.03 < (part > 128).mean() < 0.9


def test_the_same_seed_draws_the_same_plate_and_sample(shapes):
    first, second = (
        render_plate(np.random.default_rng(7), shapes).image for _ in range(2)
    )
    assert (first == second).all()
    one, two = (draw_samples(shapes, 12, seed=(4, 2), recipe=Recipe()) for _ in "ab")
    assert (one.strips == two.strips).all()
    assert (one.answers == two.answers).all()


def test_the_characters_of_a_sample_stand_in_the_columns_it_tells(shapes):
    """Painting one character's box alone changes the strip around its column."""
    rng = np.random.default_rng(11)
    for wanted in (
        trailer(),
        PlateText(text="豫A12345", kind="ordinary", colour="blue"),
    ):
        plate = render_plate(rng, shapes, wanted, px_per_mm=0.6)
        rows, width = plate.image.shape[:2]
        corners = np.float32([[0, 0], [width, 0], [width, rows], [0, rows]])
        shares = plate.centres / np.float32([width, rows])
        columns = along_strip(shares, wanted.lines)
        clean = strip_of(plate.image, corners, wanted.lines).astype(int)
        for (x0, y0, x1, y1), column in zip(plate.boxes, columns, strict=True):
            marked = plate.image.copy()
            marked[round(y0) : round(y1), round(x0) : round(x1)] = (255, 0, 255)
            changed = np.abs(
                strip_of(marked, corners, wanted.lines).astype(int) - clean
            ).sum(axis=(0, 2))
            middle = np.average(np.arange(WIDTH) + 0.5, weights=changed)
            assert abs(middle - column) < 3.0


def test_two_lines_lie_side_by_side(shapes):
    plate = render_plate(np.random.default_rng(5), shapes, trailer(), px_per_mm=1.0)
    shares = plate.centres / np.float32([440, 220])
    columns = along_strip(shares, 2)
    assert (columns[:2] < UPPER_COLUMNS).all()
    assert (columns[2:] > UPPER_COLUMNS).all()
    assert (np.diff(columns) > 0).all()


def test_widening_keeps_the_plane_of_a_tilted_plate():
    corners = np.float32([[10, 10], [110, 30], [110, 60], [10, 50]])
    wide = widened(corners, 0.1, 0.2)
    assert wide[0][0] < 10
    assert wide[2][0] > 110
    unit = np.float32([[0, 0], [1, 0], [1, 1], [0, 1]])
    back = cv2.getPerspectiveTransform(corners, unit)
    shares = cv2.perspectiveTransform(wide[None], back)[0]
    assert np.allclose(shares, unit * (1.2, 1.4) - (0.1, 0.2), atol=1e-3)
    assert np.allclose(widened(corners, 0.0, 0.0), corners, atol=1e-3)


def test_normalised_strips_do_not_depend_on_light():
    strip = np.random.default_rng(0).integers(60, 120, (1, HEIGHT, WIDTH, 3), np.uint8)
    usual, bright = normalised(strip), normalised((strip * 2).astype(np.uint8))
    assert usual.shape == (1, 3, HEIGHT, WIDTH)
    assert abs(float(usual.mean())) < 1e-3
    assert np.abs(usual - bright).max() < 0.4


def test_covers_hide_what_they_are_said_to_hide(shapes):
    rng = np.random.default_rng(21)
    hidden = 0
    for _ in range(60):
        plate = render_plate(rng, shapes, px_per_mm=0.6)
        page, alpha = damage.cover(rng, plate.image, plate.boxes)
        shares = damage.hidden_share(alpha, plate.ink, plate.boxes)
        assert page.shape == plate.image.shape
        assert ((shares >= 0) & (shares <= 1)).all()
        untouched = alpha < 1e-6
        assert (page[untouched] == plate.image[untouched]).all()
        hidden += int((shares > 0.6).any())
    assert hidden >= 50


def test_samples_cover_all_states_and_grounds_and_spell_what_can_be_seen(shapes):
    rng = np.random.default_rng(31)
    samples = [draw_sample(rng, shapes, Recipe()) for _ in range(400)]
    assert {s.state for s in samples} == set(range(len(STATES)))
    assert {s.ground for s in samples} >= {
        GROUNDS.index(g) for g in ("blue", "yellow", "grey", "gradient_green")
    }
    for one in samples:
        assert one.strip.shape == (HEIGHT, WIDTH, 3)
        assert len(one.text) == len(one.truth) == len(one.columns)
        for shown, true in zip(one.text, one.truth, strict=True):
            assert shown in {true, COVERED}
        assert (STATES[one.state] == "covered") == (COVERED in one.text)
        if STATES[one.state] == "none":
            assert not one.spelt


def test_dirt_is_told_where_it_lies_and_hides_what_is_below_it():
    """Black and white under the same dirt differ by what shines through it."""
    black, white = (np.full((60, 200, 3), level, np.uint8) for level in (0, 255))
    thick = clean = 0
    for seed in range(60):
        below, soil = weathered(np.random.default_rng(seed), black)
        above, same = weathered(np.random.default_rng(seed), white)
        assert (soil == same).all()
        assert soil.min() >= 0
        assert soil.max() <= 0.9
        apart = np.abs(above.astype(int) - below).max(axis=2)
        assert (apart <= 255 * 1.2 * (1 - soil) + 1).all()
        thick += int((soil > 0.8).any())
        clean += int((soil == 0).all() and apart.max() > 100)
    assert thick >= 3
    assert clean >= 20


@pytest.mark.parametrize(("thick", "hidden"), [(0.75, False), (0.85, True)])
def test_a_character_under_thick_dirt_is_not_asked_for(
    shapes, monkeypatch, thick, hidden
):
    def buried(_rng, face):
        soil = np.zeros(face.shape[:2])
        soil[:, : soil.shape[1] // 5] = thick
        return face, soil

    monkeypatch.setattr(reader_samples, "weathered", buried)
    one_line = (("blue", 1), ("yellow", 1))
    bare = Recipe(covered=0.0, nothing=0.0, kinds=one_line)
    rng = np.random.default_rng(3)
    for _ in range(8):
        assert COVERED not in draw_sample(rng, shapes, bare).text
        dirty = msgspec.structs.replace(bare, weathered=1.0)
        sample = draw_sample(rng, shapes, dirty)
        assert (sample.text[0] == COVERED) == hidden
        assert sample.text[3:] == sample.truth[3:]


def test_a_camera_leaves_size_and_type_as_they_were(shapes):
    rng = np.random.default_rng(41)
    plate = render_plate(rng, shapes, px_per_mm=0.5)
    for grey in (False, True):
        seen = damage.photographed(rng, plate.image, 45.0, grey=grey)
        assert seen.shape == plate.image.shape
        assert seen.dtype == np.uint8
    grey = damage.photographed(rng, plate.image, 45.0, grey=True).astype(int)
    assert np.abs(grey[..., 0] - grey[..., 2]).mean() < 12


def test_a_folder_without_a_province_is_refused_by_the_name_of_its_file(tmp_path):
    (tmp_path / "LICENSE").write_text("MIT")
    with pytest.raises(ValueError, match="140_京"):
        gather_shapes(tmp_path, ())


def test_a_strip_of_a_plate_in_a_frame_is_the_strip_of_the_plate(shapes):
    plate = render_plate(np.random.default_rng(6), shapes, px_per_mm=0.5)
    rows, width = plate.image.shape[:2]
    frame = np.zeros((300, 400, 3), np.uint8)
    frame[100 : 100 + rows, 60 : 60 + width] = plate.image
    corners = np.float32([[60, 100], [60 + width, 100]])
    corners = np.concatenate([corners, corners[::-1] + np.float32([0, rows])])
    whole = np.float32([[0, 0], [width, 0], [width, rows], [0, rows]])
    inside = strip_of(frame, corners, plate.lines).astype(int)
    alone = strip_of(plate.image, whole, plate.lines).astype(int)
    assert np.abs(inside - alone)[2:-2, 2:-2].mean() < 6
    assert crop_plate(frame, corners).shape[1] >= width


def test_less_strength_leaves_more_of_the_characters(shapes):
    plate = render_plate(np.random.default_rng(8), shapes, px_per_mm=0.5)
    clean = plate.image.mean(axis=2).ravel()

    def likeness(strength):
        """How alike plate and picture are, over the worst tenth of many pictures."""
        seen = []
        for seed in range(80):
            rng = np.random.default_rng(seed)
            page = damage.soiled(rng, plate.image, plate.ink, strength=strength)
            page = damage.photographed(rng, page, 45.0, grey=False, strength=strength)
            seen.append(np.corrcoef(clean, page.mean(axis=2).ravel())[0, 1])
        return float(np.quantile(seen, 0.1))

    mild, middling, full = (likeness(strength) for strength in (0.1, 0.5, 1.0))
    assert mild > 0.9
    assert mild > middling + 0.03
    assert middling > full + 0.03


def test_a_plate_cut_out_too_wide_fills_less_of_its_strip(shapes):
    one_line = (("blue", 1), ("yellow", 1), ("green", 1))

    def span(wide):
        """Share of the strip that the characters take, over many plates."""
        recipe = Recipe(wide=wide, boxed=0.0, covered=0.0, nothing=0.0, kinds=one_line)
        rng = np.random.default_rng(52)
        taken = [np.ptp(draw_sample(rng, shapes, recipe).columns) for _ in range(60)]
        return np.array(taken) / WIDTH

    usual, wider = span(0.0), span(1.0)
    assert np.median(wider) < np.median(usual) - 0.1
    assert wider.min() > 0.35, "at most three tenths of its width at each side"


def test_a_camera_that_smooths_takes_noise_away(shapes):
    plate = render_plate(np.random.default_rng(8), shapes, px_per_mm=0.5)

    def roughness(smoothed):
        """How much neighbouring pixels of a plain part of the plate differ."""
        found = []
        for seed in range(60):
            rng = np.random.default_rng(seed)
            flat = np.full_like(plate.image, 120)
            seen = damage.photographed(rng, flat, 45.0, grey=False, smoothed=smoothed)
            found.append(float(np.abs(np.diff(seen.astype(int), axis=1)).mean()))
        return float(np.mean(found))

    assert roughness(1.0) < 0.8 * roughness(0.0)
