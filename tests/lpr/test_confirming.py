"""A plate that one picture is read as is given out when another says the same."""

import msgspec
import pytest

from lpr.confirming import concluded, is_settled
from lpr.decoding import Decoded, Place
from lpr.models import PlateReading

UNREAD = {"?": "doubtful", "~": "blurred", "-": "no_plate", "<": "off_frame"}


def decoded(text, chance):
    """A distribution whose every character is so likely."""
    return Decoded(
        text=text,
        probability=chance,
        seen=text,
        places=tuple(Place(one, chance, ()) for one in text),
        alternatives=(),
        ground="yellow",
        ground_probability=1.0,
        conflict=None,
        state="whole",
        state_probabilities=(1.0, 0.0, 0.0),
    )


def reading(said):
    """A plate of that letter; in small letters nearly read; or unread for a reason."""
    if said in UNREAD:
        return PlateReading.unread(UNREAD[said], decoded=decoded("豫Z99999", 0.3))
    text = f"豫{said.upper()}12345"
    if said.islower():
        return PlateReading.unread("doubtful", decoded=decoded(text, 0.93))
    return PlateReading(
        text=text,
        colour="yellow",
        character_confidences=(0.999,) * 7,
        corners=None,
        unread_reason=None,
        decoded=decoded(text, 0.999),
    )


def readings(said):
    """One reading a letter."""
    return [reading(one) for one in said]


@pytest.mark.parametrize(
    ("said", "place", "text"),
    [
        ("A", 0, "豫A12345"),
        ("AA", 0, "豫A12345"),
        ("?AA", 1, "豫A12345"),
        ("A~?~A", 0, "豫A12345"),
        ("A--", 0, "豫A12345"),
        ("-A<", 1, "豫A12345"),
        ("aA", 1, "豫A12345"),
        ("A?a", 0, "豫A12345"),
    ],
)
def test_a_plate_is_read_that_two_pictures_or_the_only_one_show(said, place, text):
    assert concluded(readings(said))[0] == place
    assert concluded(readings(said))[1].text == text


@pytest.mark.parametrize(
    "said", ["A?", "?A", "????A", "~A", "AB", "A?B", "A-?", "Ab", "aAb", "bA"]
)
def test_a_plate_that_no_second_picture_shows_is_doubtful(said):
    place, reading = concluded(readings(said))
    assert (reading.text, reading.unread_reason) == (None, "doubtful")
    assert said[place] == "A"


def test_pictures_that_are_only_nearly_read_are_not_read_by_agreeing():
    assert concluded(readings("aaa"))[1].text is None


@pytest.mark.parametrize("reason", ["covered", "grammar", "glare"])
def test_a_picture_of_a_covered_plate_confirms_nothing(reason):
    near = PlateReading.unread(reason, decoded=decoded("豫A12345", 0.95))
    assert concluded([reading("A"), near])[1].text is None


def test_one_text_in_two_colours_is_no_agreement_and_a_grey_picture_has_none():
    yellow = reading("A")
    blue = msgspec.structs.replace(yellow, colour="blue")
    grey = msgspec.structs.replace(yellow, colour=None)
    assert is_settled([blue, yellow])
    assert concluded([blue, yellow])[1].text is None
    assert concluded([yellow, grey])[1] == yellow


def test_where_nothing_is_read_the_first_picture_says_why():
    assert concluded(readings("~?-")) == (0, readings("~")[0])


@pytest.mark.parametrize("said", ["AA", "AB", "?A-A", "aA", "Aa", "aab", "bA"])
def test_two_that_are_read_end_the_search(said):
    assert is_settled(readings(said))
    assert not is_settled(readings(said[:-1]))
