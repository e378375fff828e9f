"""How likely a text is in a lattice, held against every path that spells it."""

from itertools import groupby, product

import numpy as np
import pytest

from lpr.alphabet import BLANK, SYMBOLS
from lpr.lattice import chances_of

A, B = SYMBOLS.index("A"), SYMBOLS.index("B")


def spelt_by(path):
    """What a path of symbols and blanks spells."""
    return "".join(SYMBOLS[one] for one, _ in groupby(path) if one != BLANK)


@pytest.fixture
def chances():
    rng = np.random.default_rng(4)
    told = np.zeros((5, BLANK + 1), np.float32)
    told[:, [A, B, BLANK]] = rng.dirichlet((1, 1, 1), 5)
    return told


@pytest.mark.parametrize("text", ["", "A", "B", "AB", "AA", "ABA", "AAB", "BAAB"])
def test_a_text_has_the_sum_of_all_paths_that_spell_it(chances, text):
    wanted = sum(
        np.prod([chances[column, one] for column, one in enumerate(path)])
        for path in product((A, B, BLANK), repeat=5)
        if spelt_by(path) == text
    )
    assert chances_of([text], chances)[0] == pytest.approx(wanted, rel=1e-5, abs=1e-12)


def test_texts_of_any_length_are_weighed_at_once(chances):
    texts = ["ABA", "", "B", "AAB"]
    alone = [chances_of([text], chances)[0] for text in texts]
    assert np.allclose(chances_of(texts, chances), alone, rtol=1e-12)


def test_twins_need_a_blank_between_them_and_so_more_columns(chances):
    assert chances_of(["AAA"], chances)[0] > 0.0
    assert chances_of(["AAAA"], chances)[0] == 0.0


def test_all_texts_together_are_certain(chances):
    texts = {spelt_by(path) for path in product((A, B, BLANK), repeat=5)}
    assert chances_of(sorted(texts), chances).sum() == pytest.approx(1.0, abs=1e-5)
