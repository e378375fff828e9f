import itertools

import pytest
from hypothesis import assume, given, settings, strategies as st

from wim.alignment import align
from wim.axles import group_axles
from wim.kinematics import Motion

NOTHING = [None] * 64


def naive(times, candidates, shift):
    """Match everything within a quarter of the least gap of one known shift."""
    gaps = [b - a for a, b in itertools.pairwise(times)]
    reach = 0.25 * min(gaps, default=1.0)
    return [
        next((k for k, c in enumerate(candidates) if abs(c - t - shift) < reach), None)
        for t in times
    ]


@settings(max_examples=150, deadline=None)
@given(
    gaps=st.lists(st.floats(0.1, 1.0), min_size=0, max_size=6),
    shift=st.floats(0.1, 2.0),
    missing=st.sets(st.integers(0, 6), max_size=2),
)
def test_with_the_shift_known_matching_agrees_with_the_naive_way(gaps, shift, missing):
    times = list(itertools.accumulate(gaps, initial=0.0))
    candidates = [t + shift for i, t in enumerate(times) if i not in missing]
    assume(candidates)
    expected = [shift] * len(times)
    found = align(times, candidates, shortest_s=0.05, expected_s=expected)
    assert found == naive(times, candidates, shift)


def test_a_follower_behind_is_left_alone():
    times = [0.0, 0.33, 0.46]
    candidates = [0.3, 0.63, 0.76, 1.3, 1.8]
    assert align(times, candidates, shortest_s=0.05, expected_s=NOTHING) == [0, 1, 2]


def test_a_missing_axle_in_the_middle_is_left_out_and_not_replaced():
    times = [0.0, 0.33, 0.46, 1.16, 1.29, 1.42]
    candidates = [t + 0.3 for k, t in enumerate(times) if k != 2]
    found = align(times, candidates, shortest_s=0.05, expected_s=NOTHING)
    assert found == [0, 1, None, 2, 3, 4]


def test_a_stray_pulse_between_axles_is_left_over():
    times = [0.0, 0.33, 0.46, 1.16]
    candidates = [0.3, 0.63, 0.76, 1.1, 1.46]
    found = align(times, candidates, shortest_s=0.05, expected_s=NOTHING)
    assert found == [0, 1, 2, 4]


def test_no_candidates_match_no_axles():
    assert align([0.0, 1.0], [], shortest_s=0.0, expected_s=NOTHING) == [None, None]
    assert align([], [1.0], shortest_s=0.0, expected_s=[]) == []


def test_a_candidate_earlier_than_any_speed_allows_is_refused():
    assert align([1.0], [1.01], shortest_s=0.04, expected_s=NOTHING) == [None]


@pytest.mark.parametrize(
    ("spacings", "groups"),
    [
        ((), ((0,),)),
        ((4.5,), ((0,), (1,))),
        ((1.8,), ((0, 1),)),
        ((1.81,), ((0,), (1,))),
        ((1.9, 4.0, 1.35), ((0,), (1,), (2, 3))),
    ],
)
def test_axles_up_to_1_8_metres_apart_are_one_group(spacings, groups):
    assert group_axles(spacings, longest_m=1.8) == groups


def test_motion_tells_place_and_speed():
    motion = Motion(at_s=2.0, s_m=4.5, speed_mps=10.0, acceleration_mps2=1.0)
    assert motion.place_at(3.0) == 15.0
    assert motion.speed_at(1.0) == 9.0
    assert motion._replace(acceleration_mps2=None).speed_at(1.0) == 10.0
