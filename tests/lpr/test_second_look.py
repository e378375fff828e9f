"""A second look at doubtful characters: where they stand, what it may change."""

import cv2
import numpy as np
import pytest

from lpr.alignment import middles_of
from lpr.alphabet import BLANK, GROUNDS, STATES, SYMBOLS
from lpr.decoding import (
    Outputs,
    decode,
    doubtful,
    looked_at,
    spelt,
)
from lpr.errors import WeightsError
from lpr.judging import PlateLimits
from lpr.second_look import PATCH_PX, SecondLook, packaged_second_weights, patches_of
from lpr.sequence import SequenceReader, packaged_reader_weights
from lpr.spelling import Spelling

TEXT = "豫A12345"
MIDDLES_PX = np.float32([38, 95, 174, 231, 288, 345, 402]) / 440 * 216
"""Of the characters of a plate of one line (GA 36) across a fine strip."""


def lattice(text, *, rivals=(), columns=36):
    """Logits that spell ``text``; ``rivals`` are (place, symbol, chance)."""
    chances = np.full((columns, BLANK + 1), 1e-9)
    chances[:, BLANK] = 1.0
    for place, symbol in enumerate(text):
        column = 2 + 4 * place
        chances[column] = 1e-9
        chances[column, SYMBOLS.index(symbol)] = 1.0
        for where, rival, chance in rivals:
            if where == place:
                chances[column, SYMBOLS.index(rival)] = chance
                chances[column, SYMBOLS.index(symbol)] = 1.0 - chance
    chances /= chances.sum(axis=1, keepdims=True)
    return np.log(chances).astype(np.float32)


def outputs(*args, **kwargs):
    grounds = np.zeros(len(GROUNDS), np.float32)
    grounds[GROUNDS.index("yellow")] = 12.0
    states = np.zeros(len(STATES), np.float32)
    states[STATES.index("whole")] = 6.0
    return Outputs(lattice(*args, **kwargs), grounds, states)


def speaking_for(symbol, logit, asked):
    """A look that finds ``symbol`` wherever it is asked, and notes what it was."""

    def look(text, places):
        asked.append((text, places))
        logits = np.zeros((len(places), len(SYMBOLS)), np.float32)
        logits[:, SYMBOLS.index(symbol)] = logit
        return logits

    return look


def decoded(seen, look):
    """What the reader makes of one strip once a look was asked about its doubts."""
    texts = spelt(seen)
    places = doubtful(texts)
    if places:
        texts = looked_at(texts, places, look(texts[0].text, places))
    return decode(seen, texts)


# -------------------------------------------------------------------------- alignment


def test_each_symbol_is_found_where_it_stands():
    chances = np.exp(lattice(TEXT))
    symbols = [SYMBOLS.index(one) for one in TEXT]
    wanted = (np.arange(7) * 4 + 2.5) / 36
    assert np.allclose(middles_of(chances, symbols), wanted, atol=1e-3)


def test_a_symbol_over_two_columns_stands_between_them_and_twins_apart():
    chances = columns_of((1, 7), (2, 7), (5, 7), (6, 7))
    assert np.allclose(middles_of(chances, [7, 7]), [2 / 8, 6 / 8], atol=1e-3)


def columns_of(*symbols):
    """A lattice of eight columns, surely blank but for these (column, symbol)."""
    chances = np.full((8, BLANK + 1), 1e-9)
    chances[:, BLANK] = 1.0
    for column, symbol in symbols:
        chances[column, symbol], chances[column, BLANK] = 1.0, 1e-9
    return chances


def test_unlike_neighbours_need_no_blank_between_them():
    found = middles_of(columns_of((2, 3), (3, 5)), [3, 5])
    assert np.allclose(found, [2.5 / 8, 3.5 / 8])


def test_twins_side_by_side_are_never_one_column_apart():
    first, second = middles_of(columns_of((2, 7), (3, 7)), [7, 7])
    assert second - first >= 1.99 / 8


def test_more_symbols_than_columns_are_set_evenly():
    chances = np.full((3, BLANK + 1), 0.1)
    found = middles_of(chances, [1, 1, 1, 1])
    assert np.allclose(found, [0.125, 0.375, 0.625, 0.875])


# --------------------------------------------------------------------------- evidence


def test_only_what_is_doubtful_is_looked_at():
    asked = []
    look = speaking_for("B", 9.0, asked)
    clear = decoded(outputs(TEXT), look)
    assert not asked
    assert clear.text == TEXT
    decoded(outputs(TEXT, rivals=[(2, "7", 0.4), (5, "6", 0.2)]), look)
    assert asked == [(TEXT, (2, 5))]


def test_how_many_characters_there_are_is_no_doubt_of_any_of_them():
    """A text one longer is likely, too; of those as long only one place differs."""
    told = (("豫A12345", 0.5), ("豫A123455", 0.3), ("豫A12845", 0.1))
    assert doubtful(tuple(Spelling(*one) for one in told)) == (4,)
    assert doubtful((Spelling("豫A12345", 0.5), Spelling("豫A123455", 0.4))) == ()


def test_a_reading_that_is_hopeless_is_not_looked_at():
    texts = [f"豫A1{one}345" for one in "23456789"]
    for chance, asked in ((0.001, ()), (0.1, (3,))):
        assert doubtful(tuple(Spelling(text, chance) for text in texts)) == asked


def test_clear_evidence_turns_a_doubtful_character():
    unsure = outputs(TEXT, rivals=[(2, "7", 0.4)])
    assert decode(unsure).text == TEXT
    turned = decoded(unsure, speaking_for("7", 6.0, []))
    assert turned.text == "豫A72345"
    assert turned.places[2].probability > 0.98
    held = decoded(unsure, speaking_for("1", 6.0, []))
    assert held.text == TEXT
    assert held.confidence > 0.98


def test_a_symbol_that_the_reader_never_thought_of_needs_much_evidence():
    unsure = outputs("陕A12345", rivals=[(0, "桂", 0.3)])
    assert decoded(unsure, speaking_for("皖", 6.0, [])).text == "陕A12345"
    found = decoded(unsure, speaking_for("皖", 16.0, []))
    assert found.text == "皖A12345"
    assert found.places[0].others[0].text == "陕"


def test_a_second_look_leaves_the_doubt_of_how_many_characters_there_are():
    chances = np.exp(lattice(TEXT, rivals=[(2, "7", 0.4)]))
    chances[2 + 4 * 6] = 1e-9
    chances[2 + 4 * 6, [SYMBOLS.index("5"), BLANK]] = 0.7, 0.3
    unsure = outputs(TEXT)
    unsure = Outputs(np.log(chances).astype(np.float32), unsure.ground, unsure.state)
    before, after = decode(unsure), decoded(unsure, speaking_for("7", 9.0, []))
    shorter = sum(one.probability for one in before.alternatives if len(one.text) == 6)
    still = sum(one.probability for one in after.alternatives if len(one.text) == 6)
    assert shorter > 0.01
    assert still == pytest.approx(shorter, rel=0.2)


# ---------------------------------------------------------------------------- patches


def test_patches_have_the_character_in_their_middle_and_a_repeated_rim():
    fine = np.zeros((PATCH_PX, 216, 3), np.uint8)
    fine[:, 100] = 255
    fine[:, -1] = 77
    middle, right = patches_of(fine, np.float32([100.2, 214.0]))
    assert middle.shape == (PATCH_PX, PATCH_PX, 3)
    assert (middle[:, PATCH_PX // 2] == 255).all()
    assert (right[:, -1] == 77).all()


@pytest.mark.parametrize("engine", ["onnxruntime", "opencv"])
def test_weights_of_another_network_are_refused(engine):
    with pytest.raises(WeightsError, match=r"no second look|take no input"):
        SecondLook.load(packaged_reader_weights(), engine=engine)


# --------------------------------------------------------------------- shipped weights


def test_a_second_look_reads_what_stands_in_a_clear_patch(new_studio):
    studio = new_studio(21)
    right = total = 0
    for text in (TEXT, "京B67890", "鲁C24681"):
        face = cv2.resize(studio.face(text, colour="blue"), (216, 48))
        logits = SecondLook.standard().look_at(patches_of(face, MIDDLES_PX))
        total += len(text)
        right += sum(
            SYMBOLS[int(row.argmax())] == symbol
            for row, symbol in zip(logits, text, strict=True)
        )
    assert total == 21
    assert right >= 12


def test_both_engines_look_alike(new_studio):
    face = cv2.resize(new_studio(22).face(TEXT, colour="blue"), (216, 48))
    columns = np.float32([30, 60, 120])
    weights = packaged_second_weights()
    ours, theirs = (
        SecondLook.load(weights, engine=engine).look_at(patches_of(face, columns))
        for engine in ("onnxruntime", "opencv")
    )
    assert np.allclose(ours, theirs, atol=2e-3)


def test_a_second_look_makes_more_blurred_plates_sure(new_studio):
    studio = new_studio(23)
    alone = SequenceReader.load(packaged_reader_weights())
    both = SequenceReader.standard()
    sure = PlateLimits().character_confidence
    better = worse = sure_alone = sure_both = 0
    for number in range(24):
        text = f"{'京津沪鲁豫皖'[number % 6]}A{10_357 * (number + 1) % 100_000:05d}"
        face = studio.face(text, colour="blue")
        tiny = cv2.resize(face, (70, 22), interpolation=cv2.INTER_AREA)
        tiny = cv2.GaussianBlur(tiny, (0, 0), 1.3)
        one, two = alone.read_crop(tiny), both.read_crop(tiny)
        better += two.text == text and one.text != text
        worse += two.text != text and one.text == text
        sure_alone += one.text == text and one.confidence >= sure
        sure_both += two.text == text and two.confidence >= sure
        assert two.text == text or two.confidence < sure
    assert better >= worse
    assert sure_both >= sure_alone + 2
