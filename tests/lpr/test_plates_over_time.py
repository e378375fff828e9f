"""Frames of a passage: tracks keep plates apart, and votes outdo the best frame."""

import msgspec
import numpy as np
import pytest

from lpr.decoding import Decoded, Place
from lpr.models import PlateBox
from lpr.spelling import Spelling
from lpr.tracks import Look, Tracker, belonging, enough
from lpr.vote import VehiclePlates, reason_of, vehicle_plates, vote, weight_of

TEXT = "豫A12345"


def decoded(text, chances=None, others=None, conflict=None):
    chances = chances or [0.97] * len(text)
    places = tuple(
        Place(
            symbol, chance, tuple(Spelling(*one) for one in (others or {}).get(i, ()))
        )
        for i, (symbol, chance) in enumerate(zip(text, chances, strict=True))
    )
    return Decoded(
        text=text,
        probability=min(chances, default=0.0),
        seen=text,
        places=places,
        alternatives=(),
        ground="yellow",
        ground_probability=0.9,
        conflict=conflict,
        state="whole",
        state_probabilities=(1.0, 0.0, 0.0),
    )


def look(frame, x, y, width=120.0, *, read=None, sharpness=0.4, skew=0.0):
    tall = width / 3.1
    corners = np.array(
        [[x, y], [x + width, y + skew], [x + width, y + tall + skew], [x, y + tall]],
        np.float32,
    )
    return Look(
        frame=frame,
        at_s=frame / 25,
        box=PlateBox(corners=corners, confidence=0.9),
        place=((x + width / 2) / 1920, (y + tall / 2) / 1080),
        sharpness=sharpness,
        decoded=read or decoded(TEXT),
    )


def followed(frames):
    tracker, over = Tracker(), []
    for looks in frames:
        over += tracker.receive(looks[0].at_s, looks)
    return over + tracker.finish()


def test_crossing_and_standing_plates_stay_apart():
    tracks = followed(
        [
            [
                look(i, 200 + 60 * i, 300 + 25 * i, 100 + 5 * i),
                look(i, 1500, 700, 80, read=decoded("皖B99999")),
                look(i, 900 - 20 * i, 400 + 30 * i, 90 + 4 * i, read=decoded("鲁C1")),
            ]
            for i in range(12)
        ]
    )
    assert sorted(len(track.looks) for track in tracks) == [12, 12, 12]
    assert {len({one.decoded.text for one in track.looks}) for track in tracks} == {1}
    assert sorted(track.moves for track in tracks) == [False, True, True]


def test_a_plate_that_was_hidden_for_a_moment_is_the_same_plate():
    frames = [[look(i, 200 + 40 * i, 300)] for i in range(20) if i not in {7, 8, 9}]
    assert len(followed(frames)) == 1


def test_the_next_vehicle_at_the_same_place_is_another_track():
    first = [[look(i, 200 + 40 * i, 300)] for i in range(8)]
    second = [[look(i, 200 + 40 * (i - 40), 300)] for i in range(40, 48)]
    assert len(followed(first + second)) == 2


def test_a_passage_gets_the_moving_plate_of_its_lane():
    tracks = followed(
        [
            [
                look(i, 200 + 30 * i, 500, 110),
                look(i, 1300 + 30 * i, 500, 160, read=decoded("皖B99999")),
                look(i, 300, 800, 190, read=decoded("川K00000")),
            ]
            for i in range(10)
        ]
    )
    ours = belonging(tracks, at_s=0.2, region=(0.0, 0.0, 0.5, 1.0), window_s=0.3)
    assert ours.looks[0].decoded.text == TEXT
    assert belonging(tracks, at_s=9.0, region=None, window_s=0.3) is None


def test_a_standing_plate_is_taken_where_nothing_moves():
    (track,) = followed([[look(i, 300, 500)] for i in range(5)])
    assert belonging([track], at_s=0.1, region=None, window_s=0.5) is track


def test_lettering_on_the_body_is_not_taken_for_the_plate():
    """Wider than the plate and just as sure, but it spells no plate."""
    lettering = decoded("7383876", conflict="text")
    frames = [
        [
            look(i, 200 + 30 * i, 500, 110),
            look(i, 200 + 30 * i, 300, 240, read=lettering),
        ]
        for i in range(6)
    ]
    tracks = followed(frames)
    ours = belonging(tracks, at_s=0.1, region=None, window_s=0.3)
    assert ours.looks[0].decoded.text == TEXT
    forged = followed([pair[1:] for pair in frames])
    assert belonging(forged, at_s=0.1, region=None, window_s=0.3) is forged[0]


def test_lettering_that_moves_is_not_outdone_by_a_parked_cars_plate():
    """The vehicle's own plate was not seen: better none than the neighbour's."""
    lettering = decoded("7383876", conflict="text")
    tracks = followed(
        [
            [look(i, 200 + 30 * i, 500, 110, read=lettering), look(i, 900, 800, 190)]
            for i in range(6)
        ]
    )
    ours = belonging(tracks, at_s=0.1, region=None, window_s=0.3)
    assert ours.looks[0].decoded.text == "7383876"


def test_lettering_that_spells_a_plate_without_being_sure_is_not_the_plate():
    """Wider, moving, and often what a plate may say: in one look of ten surely."""
    guess = decoded("沪TZH45H", [0.4] * 7)
    clear = decoded("沪TZH45H", [0.9995] * 7)
    plate = decoded(TEXT, [0.9995] * 4 + [0.6] * 3)
    frames = [
        [
            look(i, 200 + 30 * i, 500, 110, read=plate),
            look(i, 200 + 30 * i, 300, 240, read=clear if i == 3 else guess),
        ]
        for i in range(10)
    ]
    ours = belonging(followed(frames), at_s=0.2, region=None, window_s=0.3)
    assert ours.is_legible
    assert ours.looks[0].decoded.text == TEXT
    lettering = followed([pair[1:] for pair in frames])
    assert not lettering[0].is_legible
    assert belonging(lettering, at_s=0.2, region=None, window_s=0.3) is lettering[0]


def test_a_plate_that_one_frame_misread_keeps_its_place():
    broken = decoded("豫A1234", conflict="text")
    frames = [
        [
            look(i, 200 + 30 * i, 500, 110, read=broken if i == 2 else None),
            look(i, 200 + 30 * i, 300, 90, read=decoded("皖B99999")),
        ]
        for i in range(6)
    ]
    ours = belonging(followed(frames), at_s=0.1, region=None, window_s=0.3)
    assert ours.looks[0].decoded.text == TEXT


def test_many_doubtful_frames_outvote_one_sure_error_on_a_small_picture():
    doubtful = {6: (("5", 0.35), ("6", 0.1))}
    good = [
        look(i, 10, 10, 160, read=decoded("豫A12345", [0.95] * 6 + [0.6]))
        for i in range(5)
    ]
    bad = look(
        9, 10, 10, 50, sharpness=0.1, read=decoded("豫A12348", [0.95] * 7, doubtful)
    )
    voted = vote([*good, bad])
    assert voted.text == TEXT
    assert (voted.looks, voted.agreeing) == (6, 5)
    assert voted.confidence > 0.6


def test_a_character_doubtful_in_every_frame_stays_doubtful():
    chances = [0.99] * 6 + [0.5]
    others = {6: (("6", 0.45),)}
    looks = [look(i, 10, 10, read=decoded(TEXT, chances, others)) for i in range(10)]
    voted = vote(looks)
    assert voted.places[6].probability < 0.7
    assert voted.places[6].others[0][0] == "6"
    assert voted.confidence == voted.places[6].probability


def test_many_looks_in_doubt_do_not_make_a_plate_that_is_given_out():
    """The same dirt in every frame: three voices would make 0.9 a certainty."""
    doubtful = decoded(TEXT, [0.999] * 6 + [0.97])
    looks = [look(i, 10, 10, read=doubtful) for i in range(9)]
    voted = vote(looks)
    assert voted.confidence > 0.996
    assert not voted.is_read(0.996)
    sure = [look(i, 10, 10, read=decoded(TEXT, [0.999] * 7)) for i in (11, 12, 13)]
    assert vote([*looks[:7], *sure]).is_read(0.996)


def test_of_many_looks_one_that_is_sure_by_chance_is_not_enough():
    """Ten tries at a limit that one picture in 500 passes wrongly."""
    doubtful = decoded(TEXT, [0.9995] * 6 + [0.98])
    sure = decoded(TEXT, [0.9995] * 7)
    for looks in range(2, 13):
        counted = min(looks, 10)
        for alone in range(looks + 1):
            reads = [sure] * alone + [doubtful] * (looks - alone)
            voted = vote([look(i, 10, 10, read=read) for i, read in enumerate(reads)])
            assert voted.counted == counted
            assert voted.is_read(0.996) == (alone >= enough(counted))


def test_a_look_that_is_read_as_another_plate_keeps_it_back():
    """Two plates in one track, or one of them misread: neither is given out."""
    sure = [look(i, 10, 10, read=decoded(TEXT, [0.9995] * 7)) for i in range(6)]
    other = decoded("豫A12346", [0.9995] * 7)
    unsure = decoded("豫A12346", [0.9995] * 6 + [0.9])
    assert vote([*sure, look(9, 10, 10, read=unsure)]).is_read(0.996)
    disputed = vote([*sure, look(9, 10, 10, read=other)])
    assert disputed.text == TEXT
    assert not disputed.is_read(0.996)
    covered = msgspec.structs.replace(other, state_probabilities=(0.1, 0.9, 0.0))
    assert vote([*sure, look(9, 10, 10, read=covered)]).is_read(0.996)


@pytest.mark.parametrize(
    ("changed", "width", "colourful", "given_out"),
    [
        ({}, 120.0, True, True),
        ({"state_probabilities": (0.1, 0.9, 0.0)}, 120.0, True, False),
        ({"state_probabilities": (0.1, 0.0, 0.9)}, 120.0, True, False),
        ({"ground": "grey"}, 120.0, True, False),
        ({"ground": "grey"}, 120.0, False, True),
        ({}, 47.0, True, False),
    ],
)
def test_what_a_pictures_judge_leaves_unread_no_vote_gives_out(
    changed, width, colourful, given_out
):
    """Covered, no plate, letters on no plate's ground, or too small, in every frame."""
    read = msgspec.structs.replace(decoded(TEXT, [0.9995] * 7), **changed)
    looks = [
        msgspec.structs.replace(look(i, 10, 10, width, read=read), colourful=colourful)
        for i in range(8)
    ]
    assert vote(looks).is_read(0.996) == given_out


@pytest.mark.parametrize("text", ["豫A1?345", "7383876", "豫A1234"])
def test_a_covered_or_unlawful_text_is_never_given_out(text):
    sure = [look(i, 10, 10, read=decoded(text, [0.9995] * len(text))) for i in range(5)]
    assert vote(sure).confidence > 0.996
    assert not vote(sure).is_read(0.996)


def test_a_ground_foreign_to_the_text_keeps_it_back():
    trailer = decoded("豫A1234挂", [0.9995] * 7)
    looks = [look(i, 10, 10, read=trailer) for i in range(5)]
    assert vote(looks).is_read(0.996)
    blue = msgspec.structs.replace(trailer, ground="blue")
    assert vote([look(i, 1, 1, read=blue) for i in range(5)]).conflict == "colour"


def judged(reasons, text=TEXT, chances=None, **changed):
    """Looks of one plate, each with what the judge of pictures says of it."""
    read = msgspec.structs.replace(decoded(text, chances), **changed)
    return [
        msgspec.structs.replace(look(i, 10, 10, read=read), unread_reason=one)
        for i, one in enumerate(reasons)
    ]


def test_an_unread_passage_has_the_reason_that_most_of_its_looks_have():
    clear = [0.9995] * 7
    assert vote(judged([None] * 4, chances=clear)).unread_reason(0.996) is None
    most = vote(judged(["blurred", "doubtful", "blurred", None]))
    assert most.unread_reason(0.996) == "blurred"
    near = judged(["off_frame", "too_small", "doubtful"])
    near[0] = msgspec.structs.replace(near[0], sharpness=0.01)
    near[1] = msgspec.structs.replace(near[1], sharpness=0.01)
    assert vote(near).unread_reason(0.996) == "doubtful"


def test_a_character_that_the_looks_together_do_not_show_is_covered():
    hidden = vote(judged(["blurred"] * 4, "豫A1?345"))
    assert hidden.unread_reason(0.996) == "covered"


def test_looks_that_are_each_read_but_as_two_plates_are_in_doubt():
    read = judged([None] * 4, chances=[0.9995] * 7)
    read += judged([None], "豫A12346", [0.9995] * 7)
    assert vote(read).unread_reason(0.996) == "doubtful"
    assert reason_of([]) == "doubtful"


def test_a_vote_names_what_else_may_stand_in_its_weakest_place():
    others = {6: (("6", 0.3), ("8", 0.1))}
    looks = [look(i, 1, 1, read=decoded(TEXT, None, others)) for i in range(3)]
    voted = vote(looks)
    assert voted.weakest == 6
    assert [one.text for one in voted.alternatives] == ["豫A12346", "豫A12348"]
    assert 0 < voted.alternatives[1].probability < voted.alternatives[0].probability < 1


def test_frames_that_saw_another_number_of_characters_do_not_vote():
    looks = [look(i, 10, 10) for i in range(3)]
    looks += [look(i, 10, 10, 60, read=decoded("豫A1234", [0.6] * 6)) for i in (4, 5)]
    assert vote(looks).text == TEXT


def test_nothing_read_is_no_vote():
    assert vote([look(0, 1, 1, read=decoded("", []))]) is None
    assert vote([]) is None


@pytest.mark.parametrize("worse", [{"width": 60.0}, {"sharpness": 0.1}, {"skew": 90.0}])
def test_small_blurred_and_turned_looks_weigh_less(worse):
    assert weight_of(look(0, 10, 10, **worse)) < weight_of(look(0, 10, 10))


@pytest.mark.parametrize(
    ("front", "rear", "tractor", "trailer"),
    [
        (TEXT, "豫B6789挂", TEXT, "豫B6789挂"),
        (TEXT, TEXT, TEXT, None),
        (None, TEXT, TEXT, None),
        ("豫B6789挂", None, None, None),
        ("放大号", "12345", None, None),
    ],
)
def test_tractor_and_trailer_are_two_fields(front, rear, tractor, trailer):
    assert vehicle_plates(front, rear) == VehiclePlates(
        tractor=tractor, trailer=trailer
    )
