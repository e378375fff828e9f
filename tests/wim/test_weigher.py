import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from wim import messages
from wim.load_transfer import Transfer, moved_kg
from wim.passage import (
    Parameters,
    Passage,
    VehicleEntered,
    Weigher,
    parameter_hash,
)
from wim.pulses import Detection, PulseDetector
from wim.roads import Ride
from wim.warming import warm_up

SIX = {
    "loads_kg": (7000.0, 19_000.0, 19_000.0, 25_000.0, 25_000.0, 25_000.0),
    "spacings_m": (3.3, 1.35, 7.0, 1.31, 1.31),
}
TWO = {"loads_kg": (2000.0, 3000.0), "spacings_m": (4.5,)}
SIX_M = sum(SIX["spacings_m"])


def missed(axle, rows):
    return frozenset((axle, row, side) for row in rows for side in ("left", "right"))


def at_rest(truck, passage):
    """Return the static loads of a truck whose axles press with these while it drives.

    The road of these tests presses with what it is told; a truck that presses so while
    it gains speed stands otherwise.
    """
    moved = moved_kg(
        truck.loads_kg,
        spacings_m=truck.spacings_m,
        groups=passage.axle_groups,
        vehicle_class=passage.vehicle_class,
        acceleration_mps2=truck.acceleration_mps2,
        transfer=Transfer(),
        ride=Ride(),
    )
    return [load - more for load, more in zip(truck.loads_kg, moved, strict=True)]


@pytest.fixture(scope="module")
def busy(road):
    """Both lanes full: close followers, two lanes at once, an accelerating truck."""
    v = 50 / 3.6
    headway = (SIX_M + 5.0) / v
    trucks = [
        road.Truck(**SIX, speed_kmh=50, at_s=1.0),
        road.Truck(**TWO, speed_kmh=50, at_s=1.0 + headway),
        road.Truck(**SIX, speed_kmh=50, at_s=1.0 + headway + 9.5 / v),
        road.Truck(**SIX, speed_kmh=20, at_s=1.2, lane=2, acceleration_mps2=0.8),
    ]
    counts, inputs = road.drive(road.site, trucks, seconds=8.0)
    return trucks, counts, inputs


def test_close_followers_are_told_apart_by_the_separator(road, busy):
    trucks, counts, inputs = busy
    found = road.passages(road.weigh(road.site, counts, inputs))
    assert sorted((p.lane, len(p.axle_loads_kg)) for p in found) == [
        (1, 2),
        (1, 6),
        (1, 6),
        (2, 6),
    ]
    for passage in found:
        truck = min(
            (t for t in trucks if t.lane == passage.lane),
            key=lambda t: abs(t.at_s - passage.first_axle_s),
        )
        assert passage.gross_mass_kg == pytest.approx(truck.gross_kg, rel=0.003)
        assert passage.axle_loads_kg == pytest.approx(at_rest(truck, passage), rel=0.01)
        assert passage.axle_spacings_m == pytest.approx(truck.spacings_m, abs=0.01)
        assert passage.first_axle_s == pytest.approx(truck.at_s, abs=1e-3)
        assert passage.speed_mps == pytest.approx(truck.speed_kmh / 3.6, rel=0.002)
        assert passage.acceleration_mps2 == pytest.approx(
            truck.acceleration_mps2, abs=0.02
        )
        gains = truck.acceleration_mps2 > 0.5
        assert passage.flags == (("accelerating",) if gains else ())
        assert passage.valid


def test_every_passage_was_announced_when_its_first_axle_crossed_row_0(road, busy):
    _, counts, inputs = busy
    events = road.weigh(road.site, counts, inputs)
    entered = [e for e in events if isinstance(e, VehicleEntered)]
    found = road.passages(events)
    assert len(entered) == len(found)
    for passage in found:
        near = min(
            (e for e in entered if e.lane == passage.lane),
            key=lambda e: abs(e.first_axle_s - passage.first_axle_s),
        )
        assert abs(near.first_axle_s - passage.first_axle_s) < 0.005
        assert events.index(near) < events.index(passage)


@settings(max_examples=12, deadline=None)
@given(cuts=st.lists(st.integers(5, 900), min_size=1, max_size=9))
def test_blocks_of_any_size_give_the_same_bits_with_a_separator(road, busy, cuts):
    _, counts, inputs = busy
    at = np.flatnonzero(np.diff(inputs)) + 1
    changes = sorted({0, *at.tolist(), *(at + 1).tolist(), len(counts)})
    expected = feed(road.site, counts, inputs, changes, [100_000])
    assert feed(road.site, counts, inputs, changes, cuts) == expected
    assert sum(isinstance(e, Passage) for e in expected) == 4


@settings(max_examples=12, deadline=None)
@given(cuts=st.lists(st.integers(1, 5000), min_size=1, max_size=9))
def test_blocks_of_any_size_give_the_same_bits_without_a_separator(road, busy, cuts):
    _, counts, _ = busy
    nothing = np.zeros(len(counts), dtype=np.int64)
    expected = feed(road.site, counts, nothing, [0, len(counts)], [100_000])
    assert feed(road.site, counts, nothing, [0, len(counts)], cuts) == expected
    assert sum(isinstance(e, Passage) for e in expected) >= 2


def feed(site, counts, inputs, changes, cuts):
    """Feed blocks that end with every change of the inputs, where it is first said."""
    weigher = Weigher(site, sample_rate_hz=4000.0)
    events, k = [], 0
    for start, end in itertools.pairwise(changes):
        at = start
        while at < end:
            stop = min(at + cuts[k % len(cuts)], end)
            events += weigher.receive(counts[at:stop], int(inputs[stop - 1]))
            at, k = stop, k + 1
    return events + weigher.flush()


def test_a_passage_comes_out_with_the_end_of_its_last_pulse(road):
    truck = road.Truck(**SIX, speed_kmh=60, at_s=1.0)
    counts, inputs = road.drive(road.site, [truck], seconds=5.0)
    weigher = Weigher(road.site, sample_rate_hz=4000.0)
    for at in range(0, len(counts), 80):
        events = weigher.receive(counts[at : at + 80], int(inputs[at + 79]))
        if road.passages(events):
            (passage,) = road.passages(events)
            assert (at + 80) / 4000.0 - passage.ended_s < 0.03
            break
    else:
        pytest.fail("no passage")


def test_without_a_separator_a_long_gap_ends_a_vehicle(road):
    v = 60 / 3.6
    trucks = [
        road.Truck(**SIX, speed_kmh=60, at_s=1.0),
        road.Truck(**TWO, speed_kmh=60, at_s=1.0 + (SIX_M + 14.0) / v),
    ]
    counts, inputs = road.drive(road.site, trucks, seconds=6.0)
    found = road.passages(road.weigh(road.site, counts, inputs, separator=False))
    assert [len(p.axle_loads_kg) for p in found] == [6, 2]
    for passage, truck in zip(found, trucks, strict=True):
        assert passage.gross_mass_kg == pytest.approx(truck.gross_kg, rel=0.003)


@pytest.mark.parametrize("separator", [True, False])
def test_a_vehicle_backing_over_the_rows_is_weighed_and_flagged(road, separator):
    truck = road.Truck(**SIX, speed_kmh=12, at_s=2.0, reverse=True)
    counts, inputs = road.drive(road.site, [truck], seconds=12.0)
    events = road.weigh(road.site, counts, inputs, separator=separator)
    (passage,) = road.passages(events)
    assert passage.direction == "reverse"
    assert passage.flags == ("reverse",)
    assert not passage.valid
    assert passage.first_axle_s == pytest.approx(2.0, abs=1e-3)
    assert passage.gross_mass_kg == pytest.approx(truck.gross_kg, rel=0.003)
    assert passage.axle_configuration == "1+2+3"


@pytest.mark.parametrize("separator", [True, False])
@pytest.mark.parametrize("axle", [0, 2, 5])
def test_an_axle_that_one_row_missed_is_still_weighed(road, separator, axle):
    for row in range(4):
        truck = road.Truck(**SIX, speed_kmh=50, unseen=missed(axle, [row]))
        counts, inputs = road.drive(road.site, [truck], seconds=7.0)
        events = road.weigh(road.site, counts, inputs, separator=separator)
        (passage,) = road.passages(events)
        assert passage.axle_loads_kg == pytest.approx(truck.loads_kg, rel=0.01)
        assert passage.valid


@pytest.mark.parametrize("separator", [True, False])
def test_an_axle_seen_on_fewer_than_half_the_rows_is_dropped_and_flagged(
    road, separator
):
    truck = road.Truck(**SIX, speed_kmh=50, unseen=missed(3, [0, 1, 2]))
    counts, inputs = road.drive(road.site, [truck], seconds=7.0)
    (passage,) = road.passages(
        road.weigh(road.site, counts, inputs, separator=separator)
    )
    assert len(passage.axle_loads_kg) == 5
    assert passage.flags == ("axle_missing",)
    assert not passage.valid


def test_wheels_beside_their_strips_are_flagged(road):
    gone = frozenset((a, r, "left") for a in range(6) for r in range(4))
    truck = road.Truck(**SIX, speed_kmh=50, unseen=gone)
    counts, inputs = road.drive(road.site, [truck], seconds=5.0)
    (passage,) = road.passages(road.weigh(road.site, counts, inputs))
    assert passage.flags == ("edge",)
    crooked = road.Truck(**SIX, speed_kmh=50, left_share=0.3)
    counts, inputs = road.drive(road.site, [crooked], seconds=5.0)
    (passage,) = road.passages(road.weigh(road.site, counts, inputs))
    assert passage.flags == ("edge",)


def test_a_dead_strip_is_found_and_costs_no_mass(road):
    gone = frozenset((a, 2, "left") for a in range(6))
    truck = road.Truck(**SIX, speed_kmh=50, unseen=gone)
    counts, inputs = road.drive(road.site, [truck], seconds=5.0)
    (passage,) = road.passages(road.weigh(road.site, counts, inputs))
    assert passage.flags == ("strip_damaged",)
    assert passage.gross_mass_kg == pytest.approx(truck.gross_kg, rel=0.003)


def test_a_clipped_signal_is_flagged(road):
    truck = road.Truck(**SIX, speed_kmh=50)
    counts, inputs = road.drive(road.site, [truck], seconds=5.0)
    site = road.site_of(
        (road.site_text(extra="full_scale_counts = 3000")).replace(
            "[0.5, 120.0]", "[0.5, 120.0]\npresence_input = 0"
        )
    )
    clipped = np.minimum(counts, 3000)
    (passage,) = road.passages(road.weigh(site, clipped, inputs))
    assert passage.flags == ("signal_clipped",)


def test_a_speed_outside_the_lanes_range_is_flagged(road):
    text = road.site_text().replace("[0.5, 120.0]", "[10.0, 50.0]")
    site = road.site_of(text)
    for kmh, flags in (
        (8, ("crawl", "speed_out_of_range")),
        (30, ()),
        (60, ("rush", "speed_out_of_range")),
    ):
        truck = road.Truck(**TWO, speed_kmh=kmh)
        counts, _ = road.drive(site, [truck], seconds=14.0)
        (passage,) = road.passages(road.weigh(site, counts, separator=False))
        assert passage.flags == flags


@pytest.mark.parametrize("rows", [2, 4])
def test_a_lane_whose_range_begins_at_standing_weighs(road, rows):
    text = road.site_text(rows=rows).replace("[0.5, 120.0]", "[0.0, 120.0]")
    site = road.site_of(text)
    truck = road.Truck(**SIX, speed_kmh=30)
    counts, _ = road.drive(site, [truck], seconds=6.0)
    (passage,) = road.passages(road.weigh(site, counts, separator=False))
    assert passage.gross_mass_kg == pytest.approx(truck.gross_kg, rel=0.003)
    assert passage.flags == ()


@pytest.mark.parametrize("gone_s", [(1.3, 1.35), (0.95, 1.1), (2.0, 2.2)])
def test_samples_lost_inside_a_passage_make_it_invalid_and_are_counted(road, gone_s):
    truck = road.Truck(**SIX, speed_kmh=50, at_s=1.0)
    later = road.Truck(**SIX, speed_kmh=50, at_s=6.0)
    counts, inputs = road.drive(road.site, [truck, later], seconds=10.0)
    first, last = (round(s * 4000 / 80) * 80 for s in gone_s)
    weigher = Weigher(road.site, sample_rate_hz=4000.0)
    events = []
    for at in range(0, len(counts), 80):
        if at == first:
            events += weigher.lose(last - first)
        if not first <= at < last:
            events += weigher.receive(counts[at : at + 80], int(inputs[at + 79]))
    events += weigher.flush()
    touched, whole = road.passages(events)
    assert touched.samples_lost == last - first
    assert "axle_missing" in touched.flags
    assert not touched.valid
    assert whole.samples_lost == 0
    assert whole.valid
    assert whole.first_axle_s == pytest.approx(6.0, abs=1e-3)
    assert whole.gross_mass_kg == pytest.approx(later.gross_kg, rel=0.003)
    assert weigher.samples_lost == last - first


@pytest.mark.parametrize("separator", [True, False])
@pytest.mark.parametrize("joined_s", [1.15, 1.35, 1.75])
def test_a_vehicle_whose_beginning_was_before_the_samples_is_not_valid(
    road, separator, joined_s
):
    truck = road.Truck(**SIX, speed_kmh=50, at_s=1.0)
    later = road.Truck(**SIX, speed_kmh=50, at_s=6.0)
    counts, inputs = road.drive(road.site, [truck, later], seconds=10.0)
    weigher = Weigher(road.site, sample_rate_hz=4000.0, joins=True)
    events = []
    for at in range(round(joined_s * 4000 / 80) * 80, len(counts), 80):
        seen = int(inputs[at + 79]) if separator else 0
        events += weigher.receive(counts[at : at + 80], seen)
    *parts, whole = road.passages(events + weigher.flush())
    assert not any(part.valid for part in parts)
    assert whole.valid
    assert whole.gross_mass_kg == pytest.approx(later.gross_kg, rel=0.003)


def test_a_vehicle_whose_end_may_be_among_the_lost_samples_is_not_valid(road):
    truck = road.Truck((6e3, 9e3, 9e3), (10.5, 1.35), speed_kmh=50, at_s=1.0)
    counts, _ = road.drive(road.site, [truck], seconds=8.0)
    weigher = Weigher(road.site, sample_rate_hz=4000.0)
    events = []
    lost = range(round(1.7 * 4000 / 80) * 80, round(3.0 * 4000 / 80) * 80, 80)
    for at in range(0, len(counts), 80):
        if at in lost:
            events += weigher.lose(80)
        else:
            events += weigher.receive(counts[at : at + 80], 0)
    assert not any(p.valid for p in road.passages(events + weigher.flush()))


def test_a_vehicle_that_the_separator_missed_is_weighed_all_the_same(road):
    trucks = [road.Truck(**SIX, speed_kmh=50), road.Truck(**TWO, speed_kmh=50, at_s=5)]
    counts, inputs = road.drive(road.site, trucks, seconds=9.0)
    inputs[: 4 * 4000] = 0
    found = road.passages(road.weigh(road.site, counts, inputs))
    assert [len(p.axle_loads_kg) for p in found] == [6, 2]


def test_a_presence_without_axles_holds_nobody_up(road):
    truck = road.Truck(**SIX, speed_kmh=50, at_s=2.0)
    counts, inputs = road.drive(road.site, [truck], seconds=5.0)
    inputs[4000:5000] |= 1
    weigher = Weigher(road.site, sample_rate_hz=4000.0)
    events = []
    for at in range(0, len(counts), 80):
        events += weigher.receive(counts[at : at + 80], int(inputs[at + 79]))
    assert len(road.passages(events)) == 1
    assert weigher.empty_presences == 1


def test_diagonal_strips_are_one_row(road):
    site = road.site_of(road.site_text(stagger_m=0.6))
    truck = road.Truck(**SIX, speed_kmh=60)
    counts, _ = road.drive(site, [truck], seconds=5.0)
    (passage,) = road.passages(road.weigh(site, counts, separator=False))
    assert passage.gross_mass_kg == pytest.approx(truck.gross_kg, rel=0.003)
    assert passage.axle_configuration == "1+2+3"
    assert passage.first_axle_s == pytest.approx(1.0 + 0.0, abs=1e-3)


def test_two_rows_give_each_axle_its_speed_and_all_one_acceleration(road):
    site = road.site_of(road.site_text(rows=2))
    truck = road.Truck(**SIX, speed_kmh=25, acceleration_mps2=0.6)
    counts, _ = road.drive(site, [truck], seconds=8.0)
    (passage,) = road.passages(road.weigh(site, counts, separator=False))
    assert passage.acceleration_mps2 == pytest.approx(0.6, abs=0.05)
    assert passage.gross_mass_kg == pytest.approx(truck.gross_kg, rel=0.003)


@pytest.mark.parametrize("vehicle", [SIX, TWO])
def test_a_truck_that_pulls_away_from_walking_pace_is_weighed_right(road, vehicle):
    truck = road.Truck(**vehicle, speed_kmh=5, acceleration_mps2=0.8)
    counts, inputs = road.drive(road.site, [truck], seconds=10.0)
    (passage,) = road.passages(road.weigh(road.site, counts, inputs))
    assert passage.flags == ("accelerating",)
    assert passage.valid
    assert passage.gross_mass_kg == pytest.approx(truck.gross_kg, rel=0.003)
    assert passage.axle_loads_kg == pytest.approx(at_rest(truck, passage), rel=0.01)
    assert passage.acceleration_mps2 == pytest.approx(0.8, abs=0.01)


def test_a_short_vehicle_is_not_closed_before_it_has_left_the_rows(road):
    truck = road.Truck((9e3, 9e3, 16e3, 16e3), (1.9, 4.0, 1.35), speed_kmh=20)
    counts, inputs = road.drive(road.site, [truck], seconds=6.0)
    (passage,) = road.passages(road.weigh(road.site, counts, inputs))
    assert passage.axle_loads_kg == pytest.approx(truck.loads_kg, rel=0.01)


def test_a_later_sampled_channel_is_put_right_by_its_time_offset(road):
    truck = road.Truck(**SIX, speed_kmh=60)
    text = road.site_text()
    counts, _ = road.drive(road.site_of(text), [truck], seconds=5.0)
    late = counts.copy()
    late[:-8, 6:] = counts[8:, 6:]
    head, _, tail = text.partition("channel = 6")
    tail = "channel = 6" + tail
    right = road.site_of(
        head + tail.replace("width_m", "time_offset_s = 0.002\nwidth_m")
    )
    (told,) = road.passages(road.weigh(right, late, separator=False))
    (untold,) = road.passages(road.weigh(road.site_of(text), late, separator=False))
    assert told.speed_mps == pytest.approx(60 / 3.6, rel=1e-3)
    assert abs(untold.acceleration_mps2) > 10 * abs(told.acceleration_mps2)


def test_a_wrong_row_distance_shows_as_the_same_error_of_mass(road):
    truck = road.Truck(**SIX, speed_kmh=60)
    counts, _ = road.drive(road.site_of(road.site_text()), [truck], seconds=5.0)
    wrong = road.site_of(road.site_text(spacing_m=3.06))
    (passage,) = road.passages(road.weigh(wrong, counts, separator=False))
    assert passage.gross_mass_kg == pytest.approx(1.02 * truck.gross_kg, rel=0.002)


def test_every_figure_of_a_passage_fits_the_message(road, busy):
    _, counts, inputs = busy
    for passage in road.passages(road.weigh(road.site, counts, inputs)):
        assert passage.gross_mass_uncertainty_kg > 0.0
        assert min(passage.axle_load_uncertainties_kg) > 0.0
        assert sum(passage.axle_loads_kg) == pytest.approx(passage.gross_mass_kg)
        axles = len(passage.axle_loads_kg)
        if passage.axle_groups is not None:
            assert [i for g in passage.axle_groups for i in g] == list(range(axles))
        spacings = passage.axle_spacings_m
        assert (spacings is None) == (passage.axle_groups is None)
        assert not passage.valid or (spacings is not None and passage.speed_mps)
        assert passage.speed_mps is None or passage.speed_mps > 0.0
        figures = (*passage.axle_loads_kg, *(spacings or ()))
        assert all(math.isfinite(f) and f >= 0.0 for f in figures)


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    bumps=st.lists(
        st.tuples(
            st.integers(0, 15),
            st.integers(0, 15_000),
            st.integers(5, 3000),
            st.integers(-5000, 30_000),
        ),
        max_size=25,
    ),
    bits=st.lists(st.integers(0, 3), min_size=1, max_size=8),
    lost=st.integers(0, 3000),
)
def test_no_signal_at_all_makes_the_weigher_raise(road, seed, bumps, bits, lost):
    rng = np.random.default_rng(seed)
    counts = rng.normal(0, 10, (16_000, 16))
    for channel, at, length, height in bumps:
        counts[at : at + length, channel] += height
    counts = np.rint(counts).astype(np.int32)
    weigher = Weigher(road.site, sample_rate_hz=4000.0)
    events = []
    for k, at in enumerate(range(0, len(counts), 500)):
        events += weigher.receive(counts[at : at + 500], bits[k % len(bits)])
        if k == 16:
            events += weigher.lose(lost)
    events += weigher.flush()
    for passage in road.passages(events):
        assert math.isfinite(passage.gross_mass_kg)
        assert passage.speed_mps is None or passage.speed_mps > 0.0
        known = None not in (passage.speed_mps, passage.axle_spacings_m)
        assert known or not passage.valid
        barred = messages.BARRING_FLAGS.intersection(passage.flags)
        assert passage.valid == (
            not barred and not any(finding.severe for finding in passage.findings)
        )
        assert {finding.flag for finding in passage.findings} == set(passage.flags)


def test_the_parameter_hash_changes_with_every_figure_and_with_nothing_else(road):
    mine = parameter_hash(road.site, Parameters())
    assert mine == parameter_hash(road.site, Parameters())
    assert len(mine) == 64
    assert mine != parameter_hash(road.site, Parameters(group_spacing_m=1.7))
    other = road.site_of(road.site_text())
    assert mine != parameter_hash(other, Parameters())


def test_blocks_of_another_shape_are_refused(road):
    weigher = Weigher(road.site, sample_rate_hz=4000.0)
    with pytest.raises(ValueError, match="16 or more"):
        weigher.receive(np.zeros((10, 15), dtype=np.int32))
    with pytest.raises(ValueError, match="int32"):
        weigher.receive(np.zeros((10, 16)))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="negative"):
        weigher.lose(-1)
    with pytest.raises(ValueError, match="positive"):
        Weigher(road.site, sample_rate_hz=0.0)


def test_pulses_found_by_somebody_else_give_the_same_bits(road, busy):
    _, counts, _ = busy
    straight = Weigher(road.site, sample_rate_hz=4000.0)
    expected = straight.receive(counts)
    detector = PulseDetector(
        tuple(strip for lane in road.site.lanes for strip in lane.strips),
        sample_rate_hz=4000.0,
        detection=Detection(),
    )
    detector.begin(counts[:2000])
    weigher = Weigher(road.site, sample_rate_hz=4000.0)
    found = weigher.weigh(detector.receive(counts, 0), samples=len(counts))
    assert found == expected
    assert sum(isinstance(event, Passage) for event in found) > 0


def test_warming_up_needs_no_site():
    warm_up()
