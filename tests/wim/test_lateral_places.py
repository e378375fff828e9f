"""Which strips a vehicle pressed tells where it may have been, and nothing narrower."""

from types import SimpleNamespace

from hypothesis import assume, given, strategies as st

from wim.lateral import lateral_ranges_m
from wim.passage import Weigher

TWO = {"loads_kg": (6000.0, 10_000.0), "spacings_m": (5.0,)}
HALVES = ((-1.75, 0.0), (0.0, 1.75))
SHORT = ((-1.2, -0.6), (0.6, 1.2))


def lane_of(road, extents, *, rows=4):
    text = road.site_text(rows=rows)
    for channel in range(2 * rows):
        from_m, to_m = extents[channel % 2]
        text = text.replace(
            f"channel = {channel}\n",
            f"channel = {channel}\nlateral_from_m = {from_m}\nlateral_to_m = {to_m}\n",
        )
    return road.site_of(text)


def driven(road, site, truck, *, stuck=None):
    counts, _ = road.drive(site, [truck], seconds=5.0)
    if stuck is not None:
        counts[:, stuck] = 16_000
    weigher = Weigher(site, sample_rate_hz=4000.0)
    (passage,) = road.passages(weigher.receive(counts, 0) + weigher.flush())
    return passage.lateral_ranges_m


def pressing(lane, *pressed):
    """Stand-ins of axles, each of which pressed some channels."""
    strip_of = {strip.channel: strip for strip in lane.strips}
    return [
        SimpleNamespace(hits=[(SimpleNamespace(strip=strip_of[c]), None) for c in own])
        for own in pressed
    ]


def test_halves_that_meet_in_the_middle_tell_little(road):
    site = lane_of(road, HALVES)
    truck = road.Truck(**TWO, speed_kmh=50)
    assert driven(road, site, truck) == (((-1.5, 1.5),),) * 4


def test_short_strips_tell_more_and_missed_ones_on_which_side(road):
    site = lane_of(road, SHORT)
    truck = road.Truck(**TWO, speed_kmh=50)
    assert driven(road, site, truck) == (((-0.6, 0.6),),) * 4
    missed = frozenset((axle, row, "left") for axle in (0, 1) for row in range(4))
    truck = road.Truck(**TWO, speed_kmh=50, unseen=missed)
    right = driven(road, site, truck)
    assert max(to for _, to in right[0]) > 2.0, "far to the right, its left wheels on"
    assert min(from_m for from_m, _ in right[0]) > -1.0
    assert right[0] == right[3]
    right = driven(road, lane_of(road, HALVES), truck)
    assert not any(from_m <= 0.0 <= to for from_m, to in right[0]), "not in the middle"


def test_what_is_not_known_is_none(road):
    truck = road.Truck(**TWO, speed_kmh=50)
    assert driven(road, road.site_of(road.site_text()), truck) == (None,) * 4
    ranges = driven(road, lane_of(road, HALVES), truck, stuck=4)
    assert [each is None for each in ranges] == [False, False, True, False]
    lane = lane_of(road, HALVES, rows=2).lanes[0]
    ranges = lateral_ranges_m(pressing(lane, {0, 1}), lane)
    assert [each is None for each in ranges] == [False, True], "row 1 saw no axle"


def test_axles_that_no_place_explains_tell_none(road):
    lane = lane_of(road, ((-1.75, -1.6), (1.6, 1.75)), rows=2).lanes[0]
    left_and_right = pressing(lane, {0}, {1})
    assert lateral_ranges_m(left_and_right, lane)[0] is None
    assert lateral_ranges_m(left_and_right[:1], lane)[0] is not None


def test_a_vehicle_between_two_lanes_has_none(road):
    gone = frozenset((a, r, "left") for a in range(2) for r in range(4))
    halves = [
        road.Truck(**TWO, speed_kmh=50, lane=1, left_share=0.0, unseen=gone),
        road.Truck(**TWO, speed_kmh=50, lane=2, left_share=1.0),
    ]
    counts, _ = road.drive(road.site, halves, seconds=5.0)
    (passage,) = road.passages(road.weigh(road.site, counts, separator=False))
    assert passage.flags == ("straddling",)
    assert passage.lateral_ranges_m is None


@given(
    middle_m=st.floats(-2.0, 2.0),
    half_m=st.floats(0.8, 1.5),
    tyres_m=st.floats(0.15, 0.65),
    extents=st.sampled_from([HALVES, SHORT, ((-1.75, -0.6), (0.6, 1.75))]),
)
def test_wherever_a_vehicle_was_is_within_its_ranges(
    road, middle_m, half_m, tyres_m, extents
):
    lane = lane_of(road, extents, rows=2).lanes[0]
    pressed = set()
    for channel, (from_m, to_m) in enumerate(extents):
        on_m = 0.0
        for outer in (middle_m - half_m, middle_m + half_m - tyres_m):
            on_m += max(min(outer + tyres_m, to_m) - max(outer, from_m), 0.0)
        assume(not 0.02 < on_m < 0.08)  # here noise decides
        if on_m >= 0.08:
            pressed.add(channel)
    assume(pressed)
    ranges = lateral_ranges_m(pressing(lane, pressed), lane)[0]
    assert ranges is not None
    assert any(from_m <= middle_m <= to_m for from_m, to_m in ranges)


def test_a_tyre_that_presses_a_decimetre_of_a_strip_may_be_unseen(road):
    """On the right half alone: the narrowest vehicle's left tyre just beside the left.

    Its outer edge is 0.8 m from its middle: without the decimetre that may not show,
    the middle would be at least 0.8 m to the right.
    """
    lane = lane_of(road, HALVES, rows=2).lanes[0]
    right, _ = lateral_ranges_m(pressing(lane, {1}), lane)
    assert right[-1][0] == 0.65, "a step before 0.7 m"
    left, _ = lateral_ranges_m(pressing(lane, {0}), lane)
    assert left[0][1] == -0.65
