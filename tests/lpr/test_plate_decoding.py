"""The decoder: lattices with a known answer, the grammar as a prior, honest doubt."""

from itertools import product

import numpy as np
import pytest

from lpr.alphabet import BLANK, COVERED, GROUNDS, STATES, SYMBOLS
from lpr.decoding import Outputs, Prior, decode
from lpr.plate import kind_of
from lpr.spelling import softmax, spellings


def lattice(text, *, columns=36, sure=0.999, rivals=()):
    """Logits that spell ``text``; ``rivals`` are (place, symbol, chance)."""
    chances = np.full((columns, BLANK + 1), 1e-6)
    chances[:, BLANK] = 1.0
    for place, symbol in enumerate(text):
        column = round((place + 0.7) * columns / (len(text) + 0.4))
        chances[column] = (1 - sure) / BLANK
        chances[column, SYMBOLS.index(symbol)] = sure
        for where, rival, chance in rivals:
            if where == place:
                chances[column, SYMBOLS.index(rival)] = chance
                chances[column, SYMBOLS.index(symbol)] = sure - chance
    chances /= chances.sum(axis=1, keepdims=True)
    return np.log(chances).astype(np.float32)


def outputs(text, *, ground="yellow", ground_sure=12.0, state="whole", **lattice_of):
    grounds = np.zeros(len(GROUNDS), np.float32)
    grounds[GROUNDS.index(ground)] = ground_sure
    states = np.zeros(len(STATES), np.float32)
    states[STATES.index(state)] = 6.0
    return Outputs(lattice(text, **lattice_of), grounds, states)


def test_a_clear_lattice_is_read_as_it_stands():
    found = decode(outputs("豫A12345"))
    assert found.text == found.seen == "豫A12345"
    assert found.probability > 0.97
    assert found.colour == "yellow"
    assert found.conflict is None
    assert found.state == "whole"
    assert not found.seems_covered


@pytest.mark.parametrize("text", ["豫A11223", "京BB8888", "粤Z0000港", "豫AD12345"])
def test_characters_that_repeat_are_kept_apart(text):
    assert decode(outputs(text, ground="blue")).text == text


def every_prefix(chances, *, beam=12, least=2e-4):
    """The beam as it is written down: all prefixes are made, the likeliest kept."""
    kept = {(): (1.0, 0.0)}
    for row in chances.astype(float):
        grown = {}
        for prefix, (ended, open_) in kept.items():
            same = grown.setdefault(prefix, [0.0, 0.0])
            same[0] += (ended + open_) * row[BLANK]
            for symbol in np.flatnonzero(row[:BLANK] > np.float32(least)).tolist():
                fresh = ended + open_
                if prefix[-1:] == (symbol,):
                    same[1] += open_ * row[symbol]
                    fresh = ended
                longer = grown.setdefault((*prefix, symbol), [0.0, 0.0])
                longer[1] += fresh * row[symbol]
        ranked = sorted(grown.items(), key=lambda one: -sum(one[1]))
        kept = {prefix: tuple(pair) for prefix, pair in ranked[:beam]}
    ranked = sorted(kept.items(), key=lambda one: -sum(one[1]))
    return [("".join(SYMBOLS[i] for i in prefix), sum(pair)) for prefix, pair in ranked]


@pytest.mark.parametrize("spread", [1.0, 2.0, 4.0])
def test_prefixes_that_are_never_made_change_nothing(spread):
    """Muddled and clear lattices, symbols that repeat, columns without any."""
    rng = np.random.default_rng(11)
    for _ in range(25):
        logits = rng.normal(0, spread, (14, BLANK + 1)).astype(np.float32)
        logits[:, BLANK] += rng.uniform(0, 9)
        for column in np.flatnonzero(rng.random(14) < 0.5):
            logits[column, rng.integers(0, 4)] += rng.uniform(3, 14)
        chances = softmax(logits)
        told = [(one.text, one.probability) for one in spellings(chances)]
        wanted = [one for one in every_prefix(chances) if one[1] > 0.0]
        assert [text for text, _ in told] == [text for text, _ in wanted][: len(told)]
        for (_, chance), (_, other) in zip(told, wanted, strict=False):
            assert chance == pytest.approx(other, rel=1e-12)


def test_the_beam_gives_every_text_the_chance_of_all_its_paths():
    """Against the sum over all paths, one by one, of a lattice small enough."""
    rng = np.random.default_rng(5)
    symbols = [0, 1]
    logits = np.full((5, BLANK + 1), -np.inf, np.float32)
    logits[:, [*symbols, BLANK]] = rng.normal(0, 1, (5, 3))
    chances = softmax(logits)
    summed = {}
    for path in product([*symbols, BLANK], repeat=5):
        kept = [s for i, s in enumerate(path) if i == 0 or path[i - 1] != s]
        text = "".join(SYMBOLS[s] for s in kept if s != BLANK)
        chance = np.prod([chances[i, s] for i, s in enumerate(path)])
        summed[text] = summed.get(text, 0.0) + float(chance)
    best = sorted(summed, key=summed.get, reverse=True)[:3]
    found = {one.text: one.probability for one in spellings(chances)}
    for text in best:
        assert found[text] == pytest.approx(summed[text], rel=0.03)


def test_a_doubtful_character_is_named_with_what_else_it_may_be():
    found = decode(outputs("豫A12845", rivals=[(4, "B", 0.3)]))
    assert found.weakest == 4
    assert found.places[4].symbol == "8"
    assert found.places[4].probability == pytest.approx(0.7, abs=0.02)
    other = found.places[4].others[0]
    assert (other.text, round(other.probability, 1)) == ("B", 0.3)
    assert found.alternatives[0].text == "豫A12B45"
    assert found.confidence == found.places[4].probability
    assert found.confidence < 0.75, "one doubt is the doubt of the whole"


def test_the_grammar_decides_between_nearly_equal_readings():
    """On a yellow-green plate the last of eight is a letter and the rest are digits."""
    rivals = [(2, "D", 0.52)]
    found = decode(outputs("豫A012345"[:7] + "A", ground="yellow_green", rivals=rivals))
    assert found.seen[2] == "D"
    assert found.text == "豫A01234A"
    assert kind_of(found.text).name == "new_energy_large"


def test_a_picture_that_clearly_breaks_the_grammar_is_read_and_said_to():
    found = decode(outputs("豫挂12345"))
    assert found.text == "豫挂12345"
    assert found.conflict == "text"


def test_a_ground_foreign_to_the_text_is_a_conflict_of_colour():
    found = decode(outputs("豫A1234挂", ground="blue"))
    assert found.text == "豫A1234挂"
    assert found.conflict == "colour"
    assert decode(outputs("豫A1234挂", ground="yellow")).conflict is None


def test_a_grey_picture_is_read_without_a_colour():
    found = decode(outputs("豫A1234挂", ground="grey"))
    assert found.colour is None
    assert found.conflict is None


def test_a_covered_character_is_kept_as_a_pattern():
    found = decode(outputs("豫G?8?98", state="covered"))
    assert found.text == "豫G?8?98"
    assert found.seems_covered
    assert found.conflict is None
    assert found.text.count(COVERED) == 2


def test_a_covered_state_counts_even_where_every_character_was_spelt():
    assert decode(outputs("豫G08198", state="covered")).seems_covered


def test_an_empty_strip_reads_as_nothing():
    columns = np.full((36, BLANK + 1), -20.0, np.float32)
    columns[:, BLANK] = 0.0
    grounds, states = np.zeros(len(GROUNDS)), np.zeros(len(STATES))
    found = decode(Outputs(columns, np.float32(grounds), np.float32(states)))
    assert found.text == ""
    assert found.confidence == 0.0
    assert found.weakest is None


def test_chances_never_exceed_certainty():
    rng = np.random.default_rng(8)
    for _ in range(20):
        logits = rng.normal(0, 3, (36, BLANK + 1)).astype(np.float32)
        found = decode(
            Outputs(
                logits,
                rng.normal(0, 2, len(GROUNDS)).astype(np.float32),
                rng.normal(0, 2, len(STATES)).astype(np.float32),
            )
        )
        told = found.probability + sum(one.probability for one in found.alternatives)
        assert told <= 1.0 + 1e-6
        for place in found.places:
            rest = sum(other.probability for other in place.others)
            assert place.probability + rest <= 1.0 + 1e-6


def test_without_a_prior_the_picture_alone_decides():
    rivals = [(2, "D", 0.52)]
    one = outputs("豫A01234A", ground="yellow_green", rivals=rivals)
    free = decode(one, prior=Prior(unlawful=1.0, foreign_colour=1.0))
    assert free.text == free.seen
