"""Ways to defeat a scale: each is named with its figure, none becomes valid."""

import numpy as np
import pytest

from wim import messages
from wim.manoeuvres import Finding
from wim.passage import Weigher
from wim.validity import bars_evidence, flags_of

SIX = {
    "loads_kg": (7000.0, 11_000.0, 11_000.0, 9000.0, 9000.0, 9000.0),
    "spacings_m": (3.3, 1.35, 7.0, 1.31, 1.31),
}
FOUR = {
    "loads_kg": (6000.0, 6000.0, 9000.0, 9000.0),
    "spacings_m": (1.9, 4.0, 1.35),
}
TWO = {"loads_kg": (6000.0, 10_000.0), "spacings_m": (5.0,)}


@pytest.fixture(scope="module")
def site(road):
    return road.site_of(road.site_text())


def driven(road, site, trucks, *, seconds):
    counts, _ = road.drive(site, trucks, seconds=seconds)
    weigher = Weigher(site, sample_rate_hz=4000.0)
    return road.passages(weigher.receive(counts, 0) + weigher.flush())


def along(*points):
    """A way through (time, place) points, straight lines with rounded corners."""
    times, places = np.array(points).T

    def gone(t):
        around = np.linspace(-0.3, 0.3, 13)
        return sum(np.interp(t + d, times, places) for d in around) / len(around)

    return gone


def finding_of(passage, flag):
    return next(finding for finding in passage.findings if finding.flag == flag)


def test_who_is_held_back_is_told_alike_whatever_the_blocks(road):
    """A slow truck waits for its rest while others pass in the next lane."""
    trucks = [road.Truck(**TWO, speed_kmh=6, at_s=1.0)]
    trucks += [road.Truck(**TWO, speed_kmh=60, at_s=k, lane=2) for k in (15, 56, 62)]
    counts, _ = road.drive(road.site, trucks, seconds=64.0, rate_hz=1000.0)
    told = [
        road.weigh(road.site, counts, rate_hz=1000.0, block=block, separator=False)
        for block in (97, 5000, len(counts))
    ]
    assert told[0] == told[1] == told[2]
    found = road.passages(told[0])
    assert [passage.lane for passage in found] == [2, 1, 2, 2]
    assert all(passage.valid for passage in found)


@pytest.mark.parametrize(
    ("gain", "flag", "valid"),
    [
        (0.2, None, True),
        (0.8, "accelerating", True),
        (-0.8, "braking", True),
        (-3.0, "braking", False),
    ],
)
def test_a_steady_pedal_is_named_and_bars_only_when_it_is_stamped_on(
    road, site, gain, flag, valid
):
    truck = road.Truck(**SIX, speed_kmh=60, acceleration_mps2=gain)
    (passage,) = driven(road, site, [truck], seconds=6.0)
    assert passage.flags == (() if flag is None else (flag,))
    assert passage.valid is valid
    if flag is not None:
        assert finding_of(passage, flag).value == pytest.approx(abs(gain), abs=0.05)
        assert finding_of(passage, flag).severe is not valid


def test_a_tapped_brake_is_told_from_a_steady_one(road, site):
    way = along((-1, -12), (0.4, 4.8), (1.0, 10.8), (1.6, 17.7), (2.2, 23.7), (4, 44))
    truck = road.Truck(**SIX, speed_kmh=40, gone_m=way)
    (passage,) = driven(road, site, [truck], seconds=6.0)
    assert "tap_braking" in passage.flags
    assert not passage.valid


def test_a_light_tap_is_told_by_how_unevenly_it_goes(road, site):
    """The foot is faster than the rows: the swing hides, its bends do not."""
    points = [(-2.0, -14.0), (0.0, 0.0)]
    for lasts_s, speed_mps in [(0.45, 6.5), (0.5, 7.3)] * 4 + [(2.0, 7.0)]:
        at_s, gone_m = points[-1]
        points.append((at_s + lasts_s, gone_m + lasts_s * speed_mps))
    truck = road.Truck(**TWO, speed_kmh=25, gone_m=along(*points))
    (passage,) = driven(road, site, [truck], seconds=8.0)
    (finding,) = passage.findings
    assert (finding.flag, finding.figure) == ("tap_braking", "unevenness_m")
    assert finding.value > finding.threshold
    assert not passage.valid


@pytest.mark.parametrize("off_m", [0.015, -0.02])
def test_a_row_beside_its_place_is_nobodys_foot(road, site, off_m):
    """The site file is wrong by a centimetre or two: that is so for every axle."""
    text = road.site_text().replace("position_m = 6.0", f"position_m = {6.0 + off_m}")
    told = road.site_of(text)
    trucks = [road.Truck(**SIX, speed_kmh=50), road.Truck(**TWO, speed_kmh=40, at_s=4)]
    counts, _ = road.drive(site, trucks, seconds=9.0)
    weigher = Weigher(told, sample_rate_hz=4000.0)
    found = road.passages(weigher.receive(counts, 0) + weigher.flush())
    assert len(found) == 2
    for passage in found:
        assert "unevenness_m" not in {one.figure for one in passage.findings}


def test_who_stands_between_the_rows_is_one_vehicle_and_not_valid(road, site):
    way = along((-2, -5), (0, 0), (3.2, 8), (9, 8.3), (17, 30), (20, 45))
    truck = road.Truck(**SIX, speed_kmh=9, gone_m=way)
    (passage,) = driven(road, site, [truck], seconds=40.0)
    assert len(passage.axle_loads_kg) == 6
    assert "stop_and_go" in passage.flags
    assert not passage.valid


@pytest.mark.parametrize(
    ("turns", "valid"),
    [
        (((7, 14), (9, 14), (15, 1), (17, 1), (40, 47)), 0),
        (((7.5, 15), (9, 15), (13, 6), (15, 6), (31, 38)), 0),
        (((9, 18), (11, 18), (15, 9), (17, 9), (31, 37)), 0),
        (((9, 18), (12, 30)), 1),
    ],
)
def test_four_axles_that_go_to_and_fro_never_read_as_six(road, site, turns, valid):
    """Who turns is flagged, behind the rows too; who drives on has been weighed.

    A slow vehicle that comes back may be half of one: its first crossing is no evidence
    either.
    """
    way = along((-2, -4), *turns)
    truck = road.Truck(**FOUR, speed_kmh=7, gone_m=way)
    found = driven(road, site, [truck], seconds=50.0)
    assert len(found[0].axle_loads_kg) == 4
    assert found[0].first_axle_s == pytest.approx(1.0, abs=0.3)
    assert all(len(passage.axle_loads_kg) <= 4 for passage in found)
    assert sum(passage.valid for passage in found) == valid
    assert valid or any("reverse" in passage.flags for passage in found)


@pytest.mark.parametrize(
    ("kmh", "flags"),
    [(3.0, ("crawl",)), (130.0, ("rush", "speed_out_of_range")), (30.0, ())],
)
def test_too_slow_and_too_fast_are_named(road, site, kmh, flags):
    truck = road.Truck(**TWO, speed_kmh=kmh, at_s=2.0)
    (passage,) = driven(road, site, [truck], seconds=24.0)
    assert passage.flags == flags


def test_wheels_half_beside_their_strips_are_at_the_edge(road, site):
    truck = road.Truck(**SIX, speed_kmh=50, left_share=0.3)
    (passage,) = driven(road, site, [truck], seconds=5.0)
    assert passage.flags == ("edge",)
    assert finding_of(passage, "edge").value == pytest.approx(0.4, abs=0.01)


def test_a_wheel_that_comes_and_goes_is_an_s_path(road, site):
    gone = frozenset((0, row, "left") for row in (1, 2))
    truck = road.Truck(**SIX, speed_kmh=30, unseen=gone)
    (passage,) = driven(road, site, [truck], seconds=6.0)
    assert "s_path" in passage.flags
    assert not passage.valid


@pytest.mark.parametrize(("gap_m", "close"), [(5.5, True), (7.5, True), (8.4, False)])
def test_followers_are_two_and_flagged_when_they_are_too_close(
    road, site, gap_m, close
):
    v = 40 / 3.6
    gap_s = (sum(SIX["spacings_m"]) + gap_m) / v
    trucks = [
        road.Truck(**SIX, speed_kmh=40),
        road.Truck(**TWO, speed_kmh=40, at_s=1.0 + gap_s),
    ]
    found = driven(road, site, trucks, seconds=9.0)
    assert [len(passage.axle_loads_kg) for passage in found] == [6, 2]
    for passage, truck in zip(found, trucks, strict=True):
        assert passage.gross_mass_kg == pytest.approx(truck.gross_kg, rel=0.01)
        assert passage.flags == (("tailgating",) if close else ())
        assert passage.valid is not close


@pytest.mark.parametrize("close", [2, 3])
def test_followers_are_flagged_where_a_long_column_was_cut(road, site, close):
    """Nobody leaves twelve metres; one of five is too close to the one before."""
    v = 40 / 3.6
    trucks, at_s = [], 1.0
    for number in range(5):
        trucks.append(road.Truck(**FOUR, speed_kmh=40, at_s=at_s))
        gap_m = 6.0 if number == close else 9.5
        at_s += (sum(FOUR["spacings_m"]) + gap_m) / v
    found = driven(road, site, trucks, seconds=16.0)
    assert [len(passage.axle_loads_kg) for passage in found] == [4] * 5
    flagged = ["tailgating" in passage.flags for passage in found]
    assert flagged == [number in {close, close + 1} for number in range(5)]


def test_a_vehicle_between_two_lanes_is_one_passage_of_its_whole_mass(road):
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
    (passage,) = driven(road, road.site, halves, seconds=6.0)
    assert passage.flags == ("straddling",)
    assert not passage.valid
    assert passage.gross_mass_kg == pytest.approx(sum(SIX["loads_kg"]), rel=0.01)


@pytest.mark.parametrize("rows", [(1, 2, 3), (2, 3)])
def test_who_changes_lanes_straddles_on_however_few_rows(road, rows):
    """All wheels are on the first rows, one side of them beside the lane later."""
    axles = range(len(SIX["loads_kg"]))
    before = [row for row in range(4) if row not in rows]
    left = {(a, r, "left") for a in axles for r in rows}
    gone = {(a, r, side) for a in axles for r in before for side in ("left", "right")}
    right = {(a, r, "right") for a in axles for r in rows}
    halves = [
        road.Truck(**SIX, speed_kmh=50, lane=1, unseen=frozenset(left)),
        road.Truck(**SIX, speed_kmh=50, lane=2, unseen=frozenset(gone | right)),
    ]
    follower = road.Truck(**TWO, speed_kmh=50, at_s=4.0)
    found = driven(road, road.site, [*halves, follower], seconds=8.0)
    changer, other = sorted(found, key=lambda passage: passage.first_axle_s)
    assert "straddling" in changer.flags
    assert not changer.valid
    assert changer.gross_mass_kg == pytest.approx(sum(SIX["loads_kg"]), rel=0.02)
    assert other.flags == ()


def test_an_edge_that_is_driven_on_beside_nobody_does_not_straddle(road):
    left = frozenset((a, r, "left") for a in range(6) for r in (1, 2, 3))
    truck = road.Truck(**SIX, speed_kmh=50, lane=1, unseen=left)
    (passage,) = driven(road, road.site, [truck], seconds=6.0)
    assert "straddling" not in passage.flags
    assert "edge" in passage.flags


def test_two_trucks_side_by_side_stay_two(road):
    trucks = [road.Truck(**SIX, speed_kmh=50, lane=lane) for lane in (1, 2)]
    found = driven(road, road.site, trucks, seconds=6.0)
    assert sorted(passage.lane for passage in found) == [1, 2]
    assert all(passage.valid for passage in found)


def test_every_barring_flag_bars_and_a_mild_one_does_not():
    for flag in messages.FLAGS:
        finding = Finding(flag, "figure", 2.0, 1.0)
        assert bars_evidence([finding]) is (flag in messages.BARRING_FLAGS)
        assert flags_of([finding, finding]) == (flag,)
    assert bars_evidence([Finding("braking", "figure", 2.0, 1.0, severe=True)])
    assert not bars_evidence([])


@pytest.mark.parametrize(
    "turns",
    [
        # the second axle stands on the last row, between forward and back
        ((7, 10.9), (8.5, 10.9), (14, 3), (15.5, 3), (35, 42)),
        # it only touches the last row, and turns
        ((7, 10.79), (8.5, 10.79), (14, 3), (15.5, 3), (35, 42)),
        # what came back over the last row looks like its last axle
        ((9, 15.6), (11, 15.6), (15, 9.6), (16.5, 9.6), (34, 42)),
        # it has rolled back nearly to where it came from
        ((9, 12.5), (10, 12.5), (17, 1), (18, 1), (38, 42)),
    ],
)
def test_who_rolls_back_is_one_vehicle_with_its_axles(road, site, turns):
    truck = road.Truck(**FOUR, speed_kmh=7, gone_m=along((-2, -4), *turns))
    (passage,) = driven(road, site, [truck], seconds=60.0)
    assert len(passage.axle_loads_kg) == 4
    assert "reverse" in passage.flags
    assert not passage.valid


def test_who_turns_with_a_wheel_on_a_strip_is_one_vehicle(road, site):
    """The other wheel that comes back over the last row is none of a lorry that left.

    What it crossed backwards is left out, and no strip is called dead for that.
    """
    turns = ((7, 11), (9, 11), (15, -0.3), (16.5, -0.3), (24.5, 16), (36, 39))
    way = along((-2, -4), *turns)
    trucks = [road.Truck(**TWO, speed_kmh=7, gone_m=way)]
    trucks += [road.Truck(**TWO, speed_kmh=50, at_s=at_s) for at_s in (46.0, 52.0)]
    turned, *normal = driven(road, site, trucks, seconds=58.0)
    assert "went_to_and_fro" in [finding.figure for finding in turned.findings]
    assert not turned.valid
    assert len(turned.axle_loads_kg) == 2
    assert "strip_damaged" not in turned.flags
    assert [passage.valid for passage in normal] == [True, True]


def test_rows_over_which_it_went_back_are_left_out_of_a_turned_vehicle(road, site):
    """Its first axle rolled back over two rows: it is weighed by the other two.

    There the wheels went forward once, and what two rows show of the way is enough.
    """
    turns = ((6, 4.4), (7.5, 4.4), (13, -1.2), (14.5, -1.2), (34.5, 30.8))
    truck = road.Truck(**TWO, speed_kmh=7, gone_m=along((-2, -8), *turns))
    (turned,) = driven(road, site, [truck], seconds=36.0)
    assert "reverse" in turned.flags
    assert [[row.row for row in axle.rows] for axle in turned.axles] == [[2, 3]] * 2
    assert turned.gross_mass_kg == pytest.approx(truck.gross_kg, rel=0.03)
    assert "strip_damaged" not in turned.flags


def test_who_stands_with_its_last_axles_between_two_rows_has_not_turned(road, site):
    """Five wheels on the first row and three on the others look like one that did."""
    points = ((4, 12.2), (5.5, 13.95), (13, 14.0), (15.5, 18), (19.5, 32))
    truck = road.Truck(**SIX, speed_kmh=11, gone_m=along((-2, -6), *points))
    (passage,) = driven(road, site, [truck], seconds=30.0)
    assert len(passage.axle_loads_kg) == 6
    assert "stop_and_go" in passage.flags
    assert "reverse" not in passage.flags


def test_the_next_vehicle_is_weighed_behind_one_that_rolled_back(road, site):
    turns = ((7, 14), (9, 14), (15, 4), (16.5, 4), (24.5, 20), (36, 43))
    truck = road.Truck(**FOUR, speed_kmh=7, gone_m=along((-2, -4), *turns))
    behind = road.Truck(**TWO, speed_kmh=30, at_s=30.0)
    first, second = driven(road, site, [truck, behind], seconds=50.0)
    assert len(first.axle_loads_kg) == 4
    assert "reverse" in first.flags
    assert second.flags == ()
    assert second.gross_mass_kg == pytest.approx(16_000.0, rel=0.005)


def test_the_next_vehicle_is_weighed_behind_one_that_nothing_explains(road, site):
    """Who went to and fro twice has left the rows when the next one comes to them."""
    turns = ((7, 14), (8.5, 14), (13, 7), (14, 7), (18, 12), (19, 12), (24, 5), (25, 5))
    way = along((-2, -4), *turns, (33, 22), (36, 34))
    truck = road.Truck(**FOUR, speed_kmh=7, gone_m=way)
    behind = road.Truck(**TWO, speed_kmh=40, at_s=37.0)
    *tangled, last = driven(road, site, [truck, behind], seconds=42.0)
    assert tangled
    assert not any(passage.valid for passage in tangled)
    assert last.flags == ()
    assert last.gross_mass_kg == pytest.approx(16_000.0, rel=0.005)


def test_who_follows_closely_behind_one_that_rolled_back_is_another(road, site):
    turns = ((7, 14), (9, 14), (15, 4), (16.5, 4), (24.5, 20), (36, 43))
    truck = road.Truck(**FOUR, speed_kmh=7, gone_m=along((-2, -4), *turns))
    back_m = sum(FOUR["spacings_m"]) + 5.0
    waits = along((-2, -20), (18.4, -20), (24.5, 20 - back_m), (36, 43 - back_m))
    behind = road.Truck(**TWO, speed_kmh=7, gone_m=waits)
    first, second = driven(road, site, [truck, behind], seconds=42.0)
    assert [len(each.axle_loads_kg) for each in (first, second)] == [4, 2]
    assert "reverse" in first.flags
    assert "reverse" not in second.flags
    assert not first.valid
    assert not second.valid


def test_a_truck_and_its_trailer_that_roll_back_are_one_vehicle(road, site):
    """Its front axles were there long before it turned, and its trailer only after."""
    turns = ((8.7, 13.3), (10.2, 13.3), (14.6, 7.6), (16.1, 7.6), (29.3, 40.5))
    truck = road.Truck(
        loads_kg=(6500.0, 9000.0, 9000.0, 8000.0, 7000.0, 7000.0),
        spacings_m=(4.2, 1.35, 4.1, 4.5, 1.31),
        speed_kmh=7,
        gone_m=along((-2, -4), *turns),
    )
    (passage,) = driven(road, site, [truck], seconds=29.0)
    assert len(passage.axle_loads_kg) == 6
    assert "reverse" in passage.flags


@pytest.mark.parametrize(
    "truck",
    [
        {"loads_kg": (9000.0, 9000.0, 9000.0, 6000.0), "spacings_m": (1.31, 6.3, 3.6)},
        {
            "loads_kg": (9000.0, 9000.0, 9000.0, 9000.0, 6000.0),
            "spacings_m": (1.31, 1.31, 6.3, 3.6),
        },
    ],
)
def test_a_semitrailer_that_comes_tail_first_is_one_vehicle(road, site, truck):
    """Seen from behind, its tractor looks like another vehicle that follows."""
    backing = road.Truck(**truck, speed_kmh=7, at_s=2.0, reverse=True)
    (passage,) = driven(road, site, [backing], seconds=20.0)
    assert passage.direction == "reverse"
    assert passage.flags == ("reverse",)
    assert passage.gross_mass_kg == pytest.approx(backing.gross_kg, rel=0.005)
