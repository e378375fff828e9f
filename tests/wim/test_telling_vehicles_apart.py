"""Vehicles that the lane can hardly tell apart: none is lost, none is held valid."""

import pytest

from wim.passage import VehicleEntered, Weigher

SIX = {
    "loads_kg": (7000.0, 19_000.0, 19_000.0, 25_000.0, 25_000.0, 25_000.0),
    "spacings_m": (3.3, 1.35, 7.0, 1.31, 1.31),
}
TWO = {"loads_kg": (2000.0, 3000.0), "spacings_m": (4.5,)}
ROW_0 = frozenset((a, 0, side) for a in range(6) for side in ("left", "right"))


def run(weigher, counts, inputs, *, block=80):
    """Feed blocks without a flush: what comes out is what a station would have."""
    events = []
    for at in range(0, len(counts), block):
        events += weigher.receive(
            counts[at : at + block], int(inputs[min(at + block, len(inputs)) - 1])
        )
    return events


def of_lane(found, lane):
    return [passage for passage in found if passage.lane == lane]


def test_a_separator_stuck_active_holds_no_vehicle_and_makes_none_valid(road):
    times = (1.0, 3.5, 6.0)
    trucks = [road.Truck(**SIX, speed_kmh=50, at_s=at_s) for at_s in times]
    counts, inputs = road.drive(road.site, trucks, seconds=14.0)
    inputs[4500 : 9 * 4000] |= 1
    after = road.Truck(**TWO, speed_kmh=50, at_s=11.0)
    counts, bits = road.drive(road.site, [*trucks, after], seconds=14.0)
    inputs |= bits
    weigher = Weigher(road.site, sample_rate_hz=4000.0)
    found = road.passages(run(weigher, counts, inputs))
    assert [len(p.axle_loads_kg) for p in found] == [6, 6, 6, 2]
    assert [p.gross_mass_kg for p in found[:3]] == pytest.approx(
        [trucks[0].gross_kg] * 3, rel=0.003
    )
    assert all("tailgating" in p.flags and not p.valid for p in found[:3])
    assert found[3].valid
    assert weigher.separator_overruns == 1


def test_a_separator_that_reports_an_empty_lane_is_not_believed_for_ever(road):
    truck = road.Truck(**TWO, speed_kmh=50, at_s=36.0)
    counts, inputs = road.drive(road.site, [truck], seconds=40.0)
    inputs[4000:] |= 1
    weigher = Weigher(road.site, sample_rate_hz=4000.0)
    (passage,) = road.passages(run(weigher, counts, inputs))
    assert passage.gross_mass_kg == pytest.approx(5000.0, rel=0.003)
    assert not passage.valid
    assert weigher.separator_overruns == 1


@pytest.mark.parametrize(
    ("first", "second", "behind_m"),
    [
        (TWO, TWO, 16.0),  # a gap that no vehicle has
        (SIX, TWO, 8.0),  # more axles than a vehicle has
        (
            {"loads_kg": (6000.0, 8000.0, 8000.0), "spacings_m": (9.0, 1.35)},
            {"loads_kg": (6000.0, 8000.0), "spacings_m": (7.0,)},
            8.0,  # longer than a vehicle is
        ),
    ],
)
def test_two_vehicles_that_the_separator_took_for_one_are_not_valid(
    road, first, second, behind_m
):
    v = 60 / 3.6
    gap_s = (sum(first["spacings_m"]) + behind_m) / v
    trucks = [
        road.Truck(**first, speed_kmh=60),
        road.Truck(**second, speed_kmh=60, at_s=1.0 + gap_s),
    ]
    counts, inputs = road.drive(road.site, trucks, seconds=6.0)
    inputs[4000 : round((1.0 + gap_s) * 4000)] |= 1
    (passage,) = road.passages(road.weigh(road.site, counts, inputs))
    assert passage.flags == ("tailgating",)
    assert not passage.valid


@pytest.mark.parametrize("separator", [True, False])
def test_a_dead_first_row_costs_validity_and_no_vehicle(road, separator):
    trucks = [
        road.Truck(**SIX, speed_kmh=50, at_s=1.0, unseen=ROW_0),
        road.Truck(**TWO, speed_kmh=50, at_s=4.5, unseen=ROW_0),
        road.Truck(**SIX, speed_kmh=40, at_s=7.0, unseen=ROW_0),
    ]
    counts, inputs = road.drive(road.site, trucks, seconds=14.0)
    if not separator:
        inputs[:] = 0
    weigher = Weigher(road.site, sample_rate_hz=4000.0)
    found = road.passages(run(weigher, counts, inputs))
    assert [p.gross_mass_kg for p in found] == pytest.approx(
        [truck.gross_kg for truck in trucks], rel=0.003
    )
    assert [p.first_axle_s for p in found] == pytest.approx([1.0, 4.5, 7.0], abs=0.005)
    for passage in found:
        assert passage.flags == ("axle_missing", "strip_damaged")
        assert passage.direction == "forward"
        assert not passage.valid


def test_a_vehicle_seen_by_one_row_only_is_counted_and_not_weighed(road):
    far = frozenset(
        (a, r, s) for a in (0, 1) for r in (1, 2, 3) for s in ("left", "right")
    )
    truck = road.Truck(**TWO, speed_kmh=50, unseen=far)
    counts, inputs = road.drive(road.site, [truck], seconds=40.0)
    weigher = Weigher(road.site, sample_rate_hz=4000.0)
    assert road.passages(run(weigher, counts, inputs)) == []
    assert weigher.unweighed_vehicles == 1


@pytest.mark.parametrize("separator", [True, False])
@pytest.mark.parametrize("rows", [(2, 3), (3,), (1, 2, 3)])
def test_a_lane_changers_wheels_leave_the_next_vehicle_as_it_is(road, rows, separator):
    """One axle of it touched the last rows only; then comes a truck."""
    unseen = frozenset(
        (a, r, s)
        for a in (0, 1)
        for r in range(4)
        for s in ("left", "right")
        if a == 1 or r not in rows
    )
    changer = road.Truck(**TWO, speed_kmh=60, at_s=1.0, unseen=unseen)
    truck = road.Truck(**SIX, speed_kmh=60, at_s=4.0)
    counts, _ = road.drive(road.site, [changer, truck], seconds=9.0)
    _, inputs = road.drive(road.site, [truck], seconds=9.0)
    if not separator:
        inputs[:] = 0
    weigher = Weigher(road.site, sample_rate_hz=4000.0)
    found = road.passages(run(weigher, counts, inputs))
    assert found[-1].gross_mass_kg == pytest.approx(truck.gross_kg, rel=0.003)
    assert found[-1].direction == "forward"
    assert found[-1].valid
    assert not any(passage.valid for passage in found[:-1])


@pytest.mark.parametrize("separator", [True, False])
def test_a_vehicle_that_the_line_cut_off_is_not_valid(road, separator):
    """The tractor has crossed, the trailer has not: three axles are no vehicle."""
    truck = road.Truck(**SIX, speed_kmh=20, at_s=1.0)
    counts, inputs = road.drive(road.site, [truck], seconds=6.0)
    until = round(2.9 * 4000)
    if not separator:
        inputs[:] = 0
    weigher = Weigher(road.site, sample_rate_hz=4000.0)
    events = run(weigher, counts[:until], inputs[:until])
    assert road.passages(events) == []
    (passage,) = road.passages(weigher.flush(interrupted=True))
    assert len(passage.axle_loads_kg) == 3
    assert "axle_missing" in passage.flags
    assert not passage.valid


def test_a_queue_without_an_end_is_cut_and_not_kept(road):
    site = road.site_of(road.site_text())
    axles = 40
    queue = road.Truck(
        loads_kg=(5000.0,) * axles, spacings_m=(3.7,) * (axles - 1), speed_kmh=60
    )
    counts, inputs = road.drive(site, [queue], seconds=12.0)
    weigher = Weigher(site, sample_rate_hz=4000.0)
    events = run(weigher, counts, inputs)
    found = road.passages(events)
    assert sum(len(p.axle_loads_kg) for p in found) == axles
    assert max(len(p.axle_loads_kg) for p in found) <= 16
    assert not any(p.valid for p in found)
    assert len([e for e in events if isinstance(e, VehicleEntered)]) == len(found)
