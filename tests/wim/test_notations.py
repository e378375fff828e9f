"""An axle configuration in every notation, and never a guess at the tyres."""

import pytest
from hypothesis import given, strategies as st

from wim.axles import group_axles
from wim.notations import (
    digit_notation,
    group_notation,
    notations_of,
    possible_digits,
)

SPACINGS = (3.3, 1.35, 7.0, 1.31, 1.31)
SIX = group_axles(SPACINGS, longest_m=1.8)
DUAL = ("single", "dual", "dual", "dual", "dual", "dual")


@pytest.mark.parametrize(
    ("groups", "tyres", "digits"),
    [
        (SIX, DUAL, "157"),
        (SIX, ("single", "dual", "dual", "single", "single", "single"), "156"),
        (((0,), (1,)), ("single", "dual"), "12"),
        (((0,), (1, 2)), ("single",) * 3, "13"),
        (SIX, None, None),
        (SIX, (None, *DUAL[1:]), None),
        (((0,), (1, 2)), ("single", "dual", "single"), None),
        (((0, 1, 2, 3),), ("dual",) * 4, None),
        ((), (), None),
    ],
)
def test_digits_are_told_only_where_every_tyre_is(groups, tyres, digits):
    assert digit_notation(groups, tyres) == digits


def test_what_is_known_of_some_tyres_narrows_what_a_group_may_be():
    known = (None, None, "dual", None, None, None)
    assert possible_digits(SIX, known) == ("12", "5", "67")
    assert digit_notation(SIX, known) is None
    assert possible_digits(((0, 1, 2, 3),)) == ("",), "no digit is for four axles"


def test_one_configuration_is_written_in_every_notation():
    told = notations_of(SIX, SPACINGS, vehicle_class="articulated", tyres=DUAL)
    assert (told.groups, told.digits, told.fhwa_class) == ("1+2+3", "157", 10)
    behind = (0.0, 3.3, 4.65, 11.65, 12.96, 14.27)
    assert told.axle_positions_m == pytest.approx(behind)
    unknown = notations_of(SIX, SPACINGS)
    assert (unknown.digits, unknown.fhwa_class) == (None, None)


@given(st.lists(st.floats(0.5, 9.0), max_size=8))
def test_every_notation_has_as_many_groups_and_axles_as_there_are(spacings):
    groups = group_axles(spacings, longest_m=1.8)
    told = notations_of(groups, spacings)
    assert sum(map(int, told.groups.split("+"))) == len(spacings) + 1
    assert len(told.possible_digits) == len(groups) == len(told.groups.split("+"))
    assert len(told.axle_positions_m) == len(spacings) + 1
    assert group_notation(groups) == told.groups


@pytest.mark.parametrize(
    ("groups", "spacings", "tyres", "says"),
    [
        (((0,), (1,)), (), None, "0 axle spacings of 2 axles"),
        (((0,), (2,)), (4.0,), None, "every axle once"),
        (((0,), (1,)), (4.0,), ("single",), "tyres of 1 axles"),
    ],
)
def test_figures_of_different_axles_are_refused(groups, spacings, tyres, says):
    with pytest.raises(ValueError, match=says):
        notations_of(groups, spacings, tyres=tyres)
