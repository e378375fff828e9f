"""What a plate reading says on its way to the centre, and what it may not say."""

import json

import msgspec
import pytest

from wim.messages import PlateNote, encode

COVERED = {
    "camera": "front",
    "view": "front",
    "read_at": "2026-03-01T08:00:00Z",
    "text": None,
    "colour": None,
    "character_confidences": [],
    "unread_reason": "covered",
}


def test_a_reading_without_a_pattern_has_the_bytes_it_always_had():
    note = msgspec.convert(COVERED, PlateNote)
    assert note.pattern is None
    assert json.loads(encode(note)) == COVERED
    told = COVERED | {"pattern": "豫G?8?98"}
    assert json.loads(encode(msgspec.convert(told, PlateNote))) == told


@pytest.mark.parametrize(
    "changes",
    [
        {"pattern": "豫G18198"},
        {"pattern": "???????"},
        {"pattern": ""},
        {"pattern": "豫G?" * 6},
        {"pattern": "豫G?8?98", "unread_reason": "blurred"},
        {
            "pattern": "豫G?8?98",
            "unread_reason": None,
            "text": "豫G18198",
            "character_confidences": [1.0] * 7,
        },
    ],
)
def test_a_pattern_hides_something_and_stands_beside_covered_alone(changes):
    with pytest.raises(msgspec.ValidationError, match=r"pattern|length"):
        msgspec.convert(COVERED | changes, PlateNote)
