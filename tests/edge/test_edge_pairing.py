from hypothesis import given, strategies as st

from edge.devices.frame_ring import FrameStamp
from edge.pairing import WINDOW_S, Moment, Moments, belonging

times = st.floats(0.0, 20.0)
moments = st.lists(times, min_size=1, max_size=6)
frames = st.lists(times, max_size=40).map(
    lambda at: [FrameStamp(number, time) for number, time in enumerate(sorted(at))]
)


def shares(at, stamps):
    """What each vehicle of a lane gets, by its place in the list."""
    return [
        belonging(moment, at[:i] + at[i + 1 :], stamps) for i, moment in enumerate(at)
    ]


@given(moments, frames)
def test_no_picture_belongs_to_two_vehicles(at, stamps):
    given_out = [stamp.number for share in shares(at, stamps) for stamp in share]
    assert len(given_out) == len(set(given_out))


@given(moments, frames)
def test_a_picture_in_two_windows_belongs_to_nobody(at, stamps):
    for share in shares(at, stamps):
        for stamp in share:
            near = [m for m in at if abs(m - stamp.captured_s) <= WINDOW_S]
            assert len(near) == 1


@given(moments, frames)
def test_every_picture_in_one_window_only_is_offered_nearest_first(at, stamps):
    for moment, share in zip(at, shares(at, stamps), strict=True):
        alone = {
            stamp.number
            for stamp in stamps
            if [m for m in at if abs(m - stamp.captured_s) <= WINDOW_S] == [moment]
        }
        assert {stamp.number for stamp in share} == alone
        apart = [abs(stamp.captured_s - moment) for stamp in share]
        assert apart == sorted(apart)


def test_rivals_are_others_of_the_same_lane_and_view():
    known = Moments()
    own = Moment(1, "front", 1, 10.0)
    for moment in (
        own,
        Moment(2, "front", 1, 10.3),
        Moment(3, "front", 2, 10.3),
        Moment(4, "rear", 1, 10.3),
    ):
        known.note(moment)
    assert known.rivals(own) == [10.3]
