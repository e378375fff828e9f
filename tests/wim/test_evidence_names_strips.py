"""The evidence of a manoeuvre names the channels that showed it."""

import numpy as np
import pytest

from wim.passage import Weigher
from wim.sides import shortest_reach

SIX = {
    "loads_kg": (7000.0, 11_000.0, 11_000.0, 9000.0, 9000.0, 9000.0),
    "spacings_m": (3.3, 1.35, 7.0, 1.31, 1.31),
}
TWO = {"loads_kg": (6000.0, 10_000.0), "spacings_m": (5.0,)}


@pytest.fixture(scope="module")
def site(road):
    """One lane; row r has the channels 2 r (left) and 2 r + 1 (right)."""
    return road.site_of(road.site_text())


def driven(road, site, trucks, *, seconds):
    counts, _ = road.drive(site, trucks, seconds=seconds)
    weigher = Weigher(site, sample_rate_hz=4000.0)
    (passage,) = road.passages(weigher.receive(counts, 0) + weigher.flush())
    return passage


def along(*points):
    """A way through (time, place) points, straight lines with rounded corners."""
    times, places = np.array(points).T

    def gone(t):
        around = np.linspace(-0.3, 0.3, 13)
        return sum(np.interp(t + d, times, places) for d in around) / len(around)

    return gone


def strips_of(passage, flag, figure):
    (finding,) = [
        each for each in passage.findings if (each.flag, each.figure) == (flag, figure)
    ]
    return finding.strips


@pytest.mark.parametrize("row", [0, 2, 3])
def test_an_s_path_names_the_rows_of_the_greatest_and_the_least_left_share(
    road, site, row
):
    truck = road.Truck(**SIX, speed_kmh=30, unseen=frozenset({(0, row, "left")}))
    strips = strips_of(driven(road, site, [truck], seconds=6.0), "s_path", "side_swing")
    rows = {channel // 2 for channel in strips}
    assert row in rows
    assert len(rows) == 2
    assert len(strips) == 4


@pytest.mark.parametrize(
    ("left_share", "strips"), [(0.3, (0, 2, 4, 6)), (0.7, (1, 3, 5, 7))]
)
def test_an_edge_names_the_strips_of_the_light_side(road, site, left_share, strips):
    truck = road.Truck(**SIX, speed_kmh=50, left_share=left_share)
    passage = driven(road, site, [truck], seconds=5.0)
    assert strips_of(passage, "edge", "imbalance") == strips


def test_an_edge_on_a_damaged_row_does_not_name_it(road, site):
    truck = road.Truck(**TWO, speed_kmh=50, left_share=0.3)
    counts, _ = road.drive(site, [truck], seconds=5.0)
    counts[:, 4] = 16_000  # stuck
    weigher = Weigher(site, sample_rate_hz=4000.0)
    (passage,) = road.passages(weigher.receive(counts, 0) + weigher.flush())
    assert "strip_damaged" in passage.flags
    assert strips_of(passage, "edge", "imbalance") == (0, 2, 6)


def test_strips_that_are_too_short_for_a_lorry_are_named(road):
    text = road.site_text()
    halves = [(-1.75, 0.0), (0.0, 1.75)] * 4
    halves[5] = (0.0, 0.5)
    for channel, (from_m, to_m) in enumerate(halves):
        text = text.replace(
            f"channel = {channel}\n",
            f"channel = {channel}\nlateral_from_m = {from_m}\nlateral_to_m = {to_m}\n",
        )
    short = road.site_of(text)
    assert shortest_reach(short.lanes[0]) == (2.25, (2,))
    truck = road.Truck(**TWO, speed_kmh=50)
    passage = driven(road, short, [truck], seconds=5.0)
    assert strips_of(passage, "edge", "reach_m") == (4, 5)


def test_a_vehicle_between_two_lanes_names_the_strips_of_both(road):
    halves = [
        road.Truck(
            tuple(0.5 * load for load in SIX["loads_kg"]),
            SIX["spacings_m"],
            speed_kmh=50,
            lane=lane,
            left_share=share,
            unseen=frozenset((a, r, side) for a in range(6) for r in range(4)),
        )
        for lane, share, side in ((1, 0.0, "left"), (2, 1.0, "right"))
    ]
    passage = driven(road, road.site, halves, seconds=6.0)
    pressed = {(1, "right"), (2, "left")}
    channels = [
        strip.channel
        for lane in road.site.lanes
        for strip in lane.strips
        if (lane.number, strip.side) in pressed
    ]
    assert strips_of(passage, "straddling", "halves") == tuple(sorted(channels))


def test_a_stop_names_the_rows_between_which_it_was(road, site):
    """The first axle stands at 8 m, the second at 3 m: it has just crossed row 1."""
    way = along((-2, -5), (0, 0), (3.2, 8), (9, 8.3), (17, 30), (20, 45))
    truck = road.Truck(**TWO, speed_kmh=9, gone_m=way)
    passage = driven(road, site, [truck], seconds=22.0)
    assert strips_of(passage, "stop_and_go", "slowest_between_mps") == (2, 3, 6, 7)
    stalled = strips_of(passage, "stop_and_go", "stall")
    assert len(stalled) == 2
    assert {channel // 2 for channel in stalled} in ({2, 3}, {1, 2})
    assert len({channel % 2 for channel in stalled}) == 1, "of one side"


def test_a_tapped_brake_names_the_rows_next_to_its_hardest_moments(road, site):
    way = along((-1, -12), (0.4, 4.8), (1.0, 10.8), (1.6, 17.7), (2.2, 23.7), (4, 44))
    truck = road.Truck(**SIX, speed_kmh=40, gone_m=way)
    passage = driven(road, site, [truck], seconds=6.0)
    crossed = sorted((row.at_s, row.row) for axle in passage.axles for row in axle.rows)
    moments = np.linspace(crossed[0][0], crossed[-1][0], 25)
    motion = passage.axles[0].motion
    gains = [motion.acceleration_at(at_s) for at_s in moments]
    rows = set()
    for at_s in (moments[np.argmax(gains)], moments[np.argmin(gains)]):
        before = [row for crossed_s, row in crossed if crossed_s <= at_s + 1e-9]
        after = [row for crossed_s, row in crossed if crossed_s > at_s + 1e-9]
        rows |= {*before[-1:], *after[:1]}
    strips = strips_of(passage, "tap_braking", "acceleration_swing_mps2")
    assert {channel // 2 for channel in strips} == rows
    assert len(strips) == 2 * len(rows)
