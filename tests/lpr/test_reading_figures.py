"""Figures of a reader: each against a count by hand or a sum."""

import random

import pytest

from lpr.figures import (
    Case,
    Share,
    agreement_of,
    calibration_error,
    coverage_at,
    figures_of,
    paired_p,
    wilson,
)


def case(truth="豫A12345", text="豫A12345", confidence=0.9, **changed):
    values = {
        "kind": "crop",
        "colour": "blue",
        "layout": "single",
        "found": text is not None,
        "accepted": confidence >= 0.9,
    }
    return Case(truth=truth, text=text, confidence=confidence, **(values | changed))


def test_the_interval_covers_the_share_as_often_as_it_says():
    rng = random.Random(5)
    share, total, covered = 0.93, 200, 0
    for _ in range(400):
        low, high = wilson(sum(rng.random() < share for _ in range(total)), total)
        covered += low <= share <= high
    assert 0.92 <= covered / 400 <= 0.98


@pytest.mark.parametrize(("hits", "total"), [(0, 7), (7, 7), (3, 1000)])
def test_the_interval_stays_within_none_and_all(hits, total):
    low, high = wilson(hits, total)
    assert 0.0 <= low <= hits / total <= high <= 1.0


def test_nothing_counted_is_unknown_and_not_zero():
    assert Share.of(0, 0).share is None


def test_coverage_ends_before_the_precision_is_lost():
    cases = [case(confidence=1 - i / 1000) for i in range(300)]
    cases[210] = case(text="豫A12346", confidence=1 - 210 / 1000)
    cases[250] = case(text=None, confidence=0.0)
    found = coverage_at(0.996, cases)
    assert found.coverage.hits == 299
    cases[205] = case(text="豫A12346", confidence=1 - 205 / 1000)
    assert coverage_at(0.996, cases).coverage.hits == 205


def test_equal_confidences_are_accepted_together_or_not_at_all():
    cases = [case(confidence=0.9) for _ in range(99)]
    cases.append(case(text="豫A12346", confidence=0.9))
    assert coverage_at(0.995, cases).coverage.hits == 0
    assert coverage_at(0.99, cases).coverage.hits == 100


def test_calibrated_answers_have_a_small_error_and_boasting_a_large_one():
    rng = random.Random(2)
    honest, boasting = [], []
    for _ in range(4000):
        sure = rng.uniform(0.5, 1.0)
        text = "豫A12345" if rng.random() < sure else "豫A12346"
        honest.append(case(text=text, confidence=sure))
        boasting.append(case(text=text, confidence=0.99))
    assert calibration_error(honest) < 0.02
    assert calibration_error(boasting) > 0.2
    assert calibration_error([case(text=None)]) is None


def test_confusions_name_what_was_taken_lost_and_added():
    figures = figures_of(
        [
            case(),
            case(text="豫A12B45"),
            case(text="豫A1245"),
            case(text="豫A123455"),
            case(text="皖A12345"),
            case(text=None),
        ]
    )
    assert figures.confusions == {"3→B": 1, "3→∅": 1, "∅→5": 1, "豫→皖": 1}
    assert figures.exact.hits == 1
    assert figures.exact_without_province.hits == 2
    assert figures.found.hits == 5


def test_groups_are_counted_apart():
    figures = figures_of(
        [case(), case(colour="yellow", layout="double", text="豫A1"), case()]
    )
    assert figures.by_colour["blue"].hits == figures.by_colour["blue"].total == 2
    assert figures.by_layout["double"].hits == 0


def test_a_colour_is_right_wrong_or_not_told():
    figures = figures_of(
        [
            case(told_colour="blue"),
            case(told_colour="black"),
            case(told_colour=None),
            case(told_colour="blue", text="豫A12346"),
            case(text=None, confidence=0.0),
            case(colour="", told_colour="blue"),
        ]
    )
    assert (figures.colour.hits, figures.colour.total) == (2, 5)
    assert (figures.colour_wrong.hits, figures.colour_wrong.total) == (1, 5)
    assert (figures.exact_with_colour.hits, figures.exact_with_colour.total) == (1, 5)


def test_an_accepted_plate_of_a_wrong_colour_is_not_right_in_a_figure_of_its_own():
    cases = [
        case(told_colour="blue"),
        case(told_colour="black"),
        case(told_colour=None),
        case(told_colour="black", confidence=0.5),
        case(told_colour="blue", text="豫A12346"),
    ]
    figures = figures_of(cases)
    own = figures.accepted_precision_with_colour
    assert (own.hits, own.total) == (2, 4)
    assert (figures.accepted_precision.hits, figures.exact.hits) == (3, 4)


def test_an_engine_that_tells_no_colour_is_not_judged_by_it():
    figures = figures_of([case(), case(text=None)])
    assert figures.colour.share is None
    assert figures.exact_with_colour.share is None
    assert figures.accepted_precision_with_colour == figures.accepted_precision


def test_lines_are_counted_where_the_engine_tells_how_many():
    figures = figures_of(
        [
            case(told_layout="single"),
            case(told_layout="double"),
            case(told_layout=None),
            case(layout="", told_layout="double"),
        ]
    )
    assert (figures.layout.hits, figures.layout.total) == (1, 2)


def test_two_engines_agree_only_where_both_say_the_same():
    ours = [case(), case(text="豫A12346"), case(text=None), case()]
    theirs = [case(), case(text="豫A12346"), case(text=None), case(text="豫A1")]
    agreement = agreement_of(ours, theirs)
    assert (agreement.coverage.hits, agreement.precision.hits) == (2, 1)


def test_paired_p_is_one_without_and_small_with_a_difference():
    right, wrong = case(), case(text="豫A12346")
    assert paired_p([right] * 9, [right] * 9) == 1.0
    assert paired_p([right] * 10, [wrong] * 10) == pytest.approx(2 / 1024)
