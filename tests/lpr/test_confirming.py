"""A plate that several pictures show is given out when two of them say the same."""

import pytest

from lpr.confirming import concluded, is_settled
from lpr.models import PlateReading

UNREAD = {"?": "doubtful", "~": "blurred", "-": "no_plate", "<": "off_frame"}


def readings(said):
    """One reading a letter: a plate of that name, or unread for a reason."""
    return [
        PlateReading.unread(UNREAD[one])
        if one in UNREAD
        else PlateReading(
            text=f"豫{one}12345",
            colour="yellow",
            character_confidences=(0.999,) * 7,
            corners=None,
            unread_reason=None,
        )
        for one in said
    ]


@pytest.mark.parametrize(
    ("said", "place", "text"),
    [
        ("A", 0, "豫A12345"),
        ("AA", 0, "豫A12345"),
        ("?AA", 1, "豫A12345"),
        ("A~?~A", 0, "豫A12345"),
        ("A--", 0, "豫A12345"),
        ("-A<", 1, "豫A12345"),
    ],
)
def test_a_plate_is_read_that_two_pictures_or_the_only_one_show(said, place, text):
    assert concluded(readings(said))[0] == place
    assert concluded(readings(said))[1].text == text


@pytest.mark.parametrize("said", ["A?", "?A", "????A", "~A", "AB", "A?B", "A-?"])
def test_a_plate_that_no_second_picture_shows_is_doubtful(said):
    place, reading = concluded(readings(said))
    assert (reading.text, reading.unread_reason) == (None, "doubtful")
    assert said[place] == "A"


def test_where_nothing_is_read_the_first_picture_says_why():
    assert concluded(readings("~?-")) == (0, readings("~")[0])


@pytest.mark.parametrize("said", ["AA", "AB", "?A-A"])
def test_two_that_are_read_end_the_search(said):
    assert is_settled(readings(said))
    assert not is_settled(readings(said[:-1]))
