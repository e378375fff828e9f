"""The fine reader: which plates it is shown, and what it may change."""

import cv2
import numpy as np
import pytest

from lpr.alphabet import BLANK, GROUNDS, STATES, SYMBOLS
from lpr.decoding import Outputs, decode, is_doubtful, spelt
from lpr.errors import WeightsError
from lpr.fine_reader import FineReader, both, packaged_fine_weights
from lpr.judging import PlateLimits
from lpr.sequence import SequenceReader, packaged_reader_weights
from lpr.spelling import Spelling
from lpr.strips import normalised

TEXT = "豫A12345"


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
                index = BLANK if rival == "" else SYMBOLS.index(rival)
                chances[column, index] = chance
                chances[column, SYMBOLS.index(symbol)] = 1.0 - chance
    chances /= chances.sum(axis=1, keepdims=True)
    return np.log(chances).astype(np.float32)


def outputs(text, *, ground="yellow", state="whole", **kwargs):
    grounds = np.zeros(len(GROUNDS), np.float32)
    grounds[GROUNDS.index(ground)] = 12.0
    states = np.zeros(len(STATES), np.float32)
    states[STATES.index(state)] = 6.0
    return Outputs(lattice(text, **kwargs), grounds, states)


def together(first, second):
    """What both readers' answers say in the end."""
    return decode(*both(first, spelt(first), second))


# ------------------------------------------------------------------------------ doubt


def test_a_plate_is_read_again_where_any_character_is_in_doubt():
    assert not is_doubtful(spelt(outputs(TEXT)))
    assert is_doubtful(spelt(outputs(TEXT, rivals=[(6, "6", 0.02)])))


def test_how_many_characters_there_are_may_be_in_doubt_too():
    assert is_doubtful((Spelling(TEXT, 0.9), Spelling("豫A123455", 0.1)))
    assert is_doubtful((Spelling("", 0.9), Spelling("A", 0.1)))


def test_what_spells_hardly_any_text_is_not_read_again():
    assert is_doubtful((Spelling(TEXT, 0.002), Spelling("B", 0.001)))
    assert not is_doubtful((Spelling(TEXT, 0.0005), Spelling("B", 0.0004)))


# --------------------------------------------------------------------------- together


def test_what_both_are_unsure_of_alike_stays_in_doubt():
    unsure = outputs(TEXT, rivals=[(2, "7", 0.4)])
    found = together(unsure, unsure)
    assert found.text == TEXT
    assert found.confidence < 0.75


def test_who_is_sure_turns_who_is_in_doubt():
    unsure = outputs(TEXT, rivals=[(2, "7", 0.4)])
    assert decode(unsure).text == TEXT
    turned = together(unsure, outputs("豫A72345", columns=54))
    assert turned.text == "豫A72345"
    held = together(unsure, outputs(TEXT, columns=54))
    assert held.text == TEXT
    assert held.confidence > 0.98


def test_two_who_are_sure_of_different_plates_are_sure_of_none_together():
    found = together(outputs(TEXT), outputs("豫A12346", columns=54))
    assert found.confidence < 0.9
    assert {found.text, found.alternatives[0].text} == {TEXT, "豫A12346"}


def test_a_text_that_only_the_fine_reader_sees_can_win():
    unsure = outputs("陕A12345", rivals=[(0, "桂", 0.3), (0, "皖", 0.02)])
    found = together(unsure, outputs("皖A12345", columns=54))
    assert found.text == "皖A12345"


def test_how_many_characters_there_are_is_weighed_by_both():
    unsure = outputs(TEXT, rivals=[(6, "", 0.45)])
    shorter = together(unsure, outputs(TEXT[:-1], columns=54))
    assert shorter.seen == TEXT[:-1]
    longer = together(unsure, outputs(TEXT, columns=54))
    assert longer.text == TEXT
    assert longer.confidence > decode(unsure).confidence


def test_what_neither_knows_stays_as_doubt():
    """A lattice without any clear symbol spells thousands of texts, none likely."""
    rng = np.random.default_rng(8)
    blurred = lattice(TEXT)
    blurred[2:30] = rng.normal(0, 0.3, blurred[2:30].shape)
    vague = outputs(TEXT)
    vague = Outputs(blurred, vague.ground, vague.state)
    assert together(vague, vague).probability < 0.05


def test_ground_and_state_are_those_of_both():
    first = outputs(TEXT, ground="black", state="covered")
    first = Outputs(first.columns, first.ground / 3, first.state / 3)
    found = together(first, outputs(TEXT, ground="blue"))
    assert found.ground == "blue"
    assert found.state == "whole"


def test_the_order_of_the_texts_is_the_same_in_every_process():
    unsure = outputs(TEXT, rivals=[(2, "7", 0.5), (3, "8", 0.5)])
    _, texts = both(unsure, spelt(unsure), unsure)
    ranked = [(-one.probability, one.text) for one in texts]
    assert ranked == sorted(ranked)


# --------------------------------------------------------------------- shipped weights


@pytest.mark.parametrize("engine", ["onnxruntime", "opencv"])
def test_weights_of_another_network_are_refused(engine):
    with pytest.raises(WeightsError, match=r"no fine reader|take no input"):
        FineReader.load(packaged_reader_weights(), engine=engine)


def test_the_fine_reader_is_none_of_coarse_strips():
    with pytest.raises(WeightsError, match=r"another alphabet|take no input"):
        SequenceReader.load(packaged_fine_weights())


def fine_strips(studio, texts):
    faces = [cv2.resize(studio.face(one, colour="blue"), (216, 48)) for one in texts]
    return normalised(np.stack(faces))


def test_the_fine_reader_reads_clear_plates_on_its_own(new_studio):
    texts = (TEXT, "京B67890", "鲁C24681", "粤E3579K", "沪F8M642", "川G90B17")
    found = FineReader.standard().network.run(fine_strips(new_studio(21), texts))
    read = [spelt(Outputs(*one))[0].text for one in zip(*found, strict=True)]
    right = sum(a == b for a, b in zip("".join(read), "".join(texts), strict=False))
    assert sum(a == b for a, b in zip(read, texts, strict=True)) >= 4, read
    assert right >= 34


def test_both_engines_read_alike(new_studio):
    strips = fine_strips(new_studio(22), (TEXT, "京B67890"))
    ours, theirs = (
        FineReader.load(packaged_fine_weights(), engine=engine).network.run(strips)
        for engine in ("onnxruntime", "opencv")
    )
    for one, other in zip(ours, theirs, strict=True):
        assert np.allclose(one, other, atol=2e-3)


def test_both_readers_are_sure_of_more_blurred_plates(new_studio):
    studio = new_studio(23)
    alone = SequenceReader.load(packaged_reader_weights())
    twice = SequenceReader.load(packaged_reader_weights(), fine=packaged_fine_weights())
    sure = PlateLimits().character_confidence
    better = worse = sure_alone = sure_twice = 0
    for number in range(24):
        text = f"{'京津沪鲁豫皖'[number % 6]}A{10_357 * (number + 1) % 100_000:05d}"
        face = studio.face(text, colour="blue")
        tiny = cv2.resize(face, (70, 22), interpolation=cv2.INTER_AREA)
        tiny = cv2.GaussianBlur(tiny, (0, 0), 1.3)
        one, two = alone.read_crop(tiny), twice.read_crop(tiny)
        better += two.text == text and one.text != text
        worse += two.text != text and one.text == text
        sure_alone += one.text == text and one.confidence >= sure
        sure_twice += two.text == text and two.confidence >= sure
        assert two.text == text or two.confidence < sure
    assert better >= worse
    assert sure_twice >= sure_alone + 2
