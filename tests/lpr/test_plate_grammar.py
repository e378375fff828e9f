"""The grammar of plates: the table, its properties, and what it refuses."""

import random
import re
from itertools import combinations
from typing import get_args

import pytest
from hypothesis import given, strategies as st

from lpr.errors import PlateError
from lpr.plate import (
    COLOUR_CODES,
    KINDS,
    PROVINCES,
    SERIAL_LETTERS,
    Plate,
    PlateColour,
    PlateKind,
    alphabets,
    kind_of,
)
from wim.messages import PlateColour as MessageColour

ROWS = {kind.name: kind for kind in KINDS}


@st.composite
def plates(draw):
    row = draw(st.sampled_from(KINDS))
    text = "".join(draw(st.sampled_from(alphabet)) for alphabet in row.alphabets)
    return row, text


@given(plates(), st.integers(0, 4))
def test_a_painted_plate_parses_back_to_itself(drawn, colour_index):
    row, text = drawn
    colours = sorted(row.colours)
    colour = colours[colour_index % len(colours)]
    plate = Plate.parse(text, colour)
    assert (plate.text, plate.kind, plate.colour) == (text, row.name, colour)
    assert Plate.parse(str(plate), colour) == plate
    assert re.fullmatch(row.pattern, text)


@given(plates(), st.integers(0, 7), st.sampled_from("IOio?李。"))
def test_a_foreign_character_is_refused_wherever_it_stands(drawn, place, foreign):
    _, text = drawn
    place %= len(text)
    broken = text[:place] + foreign + text[place + 1 :]
    if kind_of(broken.upper()) is not None:
        assert (place, foreign.upper()) == (1, "O"), (
            "O stands in government plates only"
        )
        return
    with pytest.raises(PlateError, match="grammar"):
        Plate.parse(broken)


@pytest.mark.parametrize("letter", ["I", "O"])
@pytest.mark.parametrize("place", range(2, 7))
def test_i_and_o_stand_in_no_serial(letter, place):
    text = "豫A12345"
    with pytest.raises(PlateError):
        Plate.parse(text[:place] + letter + text[place + 1 :])
    assert letter not in SERIAL_LETTERS


@pytest.mark.parametrize("province", PROVINCES)
def test_every_province_has_plates(province):
    assert Plate.parse(f"{province}B12345", "yellow").kind == "ordinary"
    assert Plate.parse(f"{province}B1234挂", "yellow").kind == "trailer"


def test_there_are_thirty_one_provinces():
    assert len(set(PROVINCES)) == len(PROVINCES) == 31


@pytest.mark.parametrize(
    ("text", "kind", "colour"),
    [
        ("京A12345", "ordinary", "blue"),
        ("豫A8888挂", "trailer", "yellow"),
        ("粤B12345D", "new_energy_large", "yellow_green"),
        ("沪AD12345", "new_energy_small", "gradient_green"),
        ("苏E1234学", "learner", "yellow"),
        ("浙A0001警", "police", "white"),
        ("粤ZF023港", "hong_kong_macao", "black"),
        ("粤ZF023澳", "hong_kong_macao", "black"),
        ("沪A0023领", "consulate", "black"),
        ("使014578", "embassy", "black"),
        ("鲁F1234超", "over_limit", "yellow"),
        ("川O12345", "government", "white"),
        ("WJ京1234X", "armed_police", "white"),
        ("民航A123", None, None),
        ("民航A1234", "civil_aviation", "green"),
        ("豫A1234", None, None),
        ("豫A123456", None, None),
        ("豫112345", None, None),
        ("豫A1挂345", None, None),
        ("粤B1234ZD", None, None),
        ("", None, None),
    ],
)
def test_the_table_admits_real_plates_and_nothing_else(text, kind, colour):
    if kind is None:
        assert kind_of(text) is None
        return
    plate = Plate.parse(text, colour)
    assert plate.kind == kind
    assert plate.colour_code == COLOUR_CODES[colour]


def test_no_text_belongs_to_two_kinds():
    for one, other in combinations(KINDS, 2):
        if len(one.alphabets) != len(other.alphabets):
            continue
        pairs = zip(one.alphabets, other.alphabets, strict=True)
        assert any(not set(a) & set(b) for a, b in pairs), (one.name, other.name)


def test_every_kind_is_in_the_table_once():
    assert sorted(ROWS) == sorted(get_args(PlateKind))
    assert len(KINDS) == len(ROWS)


def test_a_colour_foreign_to_the_kind_is_refused_by_name():
    with pytest.raises(PlateError, match=r"trailer.*'blue'.*yellow"):
        Plate.parse("豫A8888挂", "blue")


def test_colours_are_those_of_the_messages_with_the_codes_of_jt_t_415():
    assert set(get_args(PlateColour)) == set(get_args(MessageColour))
    assert sorted(COLOUR_CODES.values()) == [1, 2, 3, 4, 5, 93, 94]


def test_a_plate_of_another_kind_than_stated_is_refused():
    with pytest.raises(PlateError, match="not trailer"):
        Plate(text="豫A12345", kind="trailer")


def test_alphabets_say_where_each_character_may_stand():
    columns = alphabets(7)
    assert set(PROVINCES) <= set(columns[0])
    assert "挂" in columns[6]
    assert "挂" not in columns[5]
    assert "7" in columns[2]


@given(st.integers(0, 2**32))
def test_drawn_texts_belong_to_their_kind(seed):
    rng = random.Random(seed)
    for kind in KINDS:
        assert kind_of(kind.draw(rng)) is kind
