"""How far the rows are apart: a jump stands out of what a road makes of an axle."""

import math

import numpy as np
import pytest

from wim import scatter
from wim.axles import Axle
from wim.kinematics import Motion
from wim.passage import Weigher
from wim.row_loads import RowLoad, RowTable
from wim.scatter import UsualScatter

LOADED = {
    "loads_kg": (7000.0, 11_000.0, 11_000.0, 9000.0, 9000.0, 9000.0),
    "spacings_m": (3.3, 1.35, 7.0, 1.31, 1.31),
}
EMPTY = {"loads_kg": (3000.0, 2500.0), "spacings_m": (5.0,)}
SWAYING = (1.0, 1.15, 1.0, 0.85)
SWAY_HZ = 2.2
SPEED_KMH = 30.0


def axle(loads_kg, *, speed_mps=8.0, whole=True):
    rows = tuple(
        RowLoad(
            rank=number,
            row=number,
            at_s=3.0 * number / speed_mps,
            place_m=3.0 * number,
            speed_mps=speed_mps,
            speed_sigma_mps=0.01,
            left_kg=0.5 * load,
            right_kg=0.5 * load,
            load_kg=load,
            sigma_kg=10.0,
            whole=whole,
        )
        for number, load in enumerate(loads_kg)
    )
    return Axle(
        hits=(),
        motion=Motion(0.0, 0.0, speed_mps, None),
        crossed_s=0.0,
        rows=rows,
        load_kg=sum(loads_kg) / len(loads_kg),
        left_kg=None,
        right_kg=None,
        footprint_m=None,
    )


def scatter_of(axles):
    return scatter.scatter_of(RowTable.of([axle.rows for axle in axles]))


def swaying(mean_kg, **more):
    return axle([mean_kg * part for part in SWAYING], **more)


def test_the_same_sway_says_more_of_a_loaded_axle_than_of_an_empty_one():
    loaded, _ = scatter_of([swaying(12_000.0)])
    empty, _ = scatter_of([swaying(2500.0)])
    assert loaded > 2.4 * empty


def test_the_same_sway_says_more_of_a_slow_axle_than_of_a_fast_one():
    slow, _ = scatter_of([swaying(8000.0, speed_mps=7.0)])
    fast, _ = scatter_of([swaying(8000.0, speed_mps=22.0)])
    assert slow > 1.8 * fast


def test_the_row_that_is_furthest_is_named():
    still = axle([9000.0] * 4)
    told, row = scatter_of([still, axle([9000.0, 9100.0, 6000.0, 9000.0])])
    assert row == 2
    assert told > 3.0
    assert scatter_of([still]) == (0.0, 0)


def test_wheels_beside_their_strips_say_nothing_of_the_scatter():
    assert scatter_of([swaying(9000.0, whole=False)]) == (None, None)
    alone, _ = scatter_of([axle([9000.0] * 4)])
    beside, _ = scatter_of([axle([9000.0] * 4), swaying(9000.0, whole=False)])
    assert beside == alone


def test_what_all_axles_show_at_one_row_is_the_roads():
    rows = [9000.0 * part for part in SWAYING]
    together, _ = scatter_of([axle(rows), axle(rows), axle(rows)])
    apart, _ = scatter_of(
        [axle(rows), axle([*rows[1:], rows[0]]), axle([*rows[2:], *rows[:2]])]
    )
    alone, _ = scatter_of([axle(rows)])
    assert together < 0.75 * alone
    assert apart > 1.2 * alone


def at_one_time(place_m, row):
    """How far a body is up that sways in time, whatever stands below it."""
    at_s = (place_m + 3.0 * row) / (SPEED_KMH / 3.6)
    return 0.12 * math.sin(2.0 * math.pi * SWAY_HZ * at_s)


def at_one_place(place_m, row):
    """The same sway where the road throws up each axle at the same row."""
    return at_one_time(0.0, row)


@pytest.mark.parametrize(
    ("vehicle", "sway", "jumps"),
    [
        (LOADED, at_one_time, True),
        (LOADED, at_one_place, False),
        (EMPTY, at_one_time, False),
    ],
)
def test_what_is_a_jump_of_a_loaded_lorry_is_a_bounce_of_an_empty_one(
    road, vehicle, sway, jumps
):
    site = road.site_of(road.site_text())
    count = len(vehicle["loads_kg"])
    places_m = [math.fsum(vehicle["spacings_m"][:k]) for k in range(count)]
    parts = [
        road.Truck(
            tuple(
                (1.0 + sway(place_m, own)) * load
                for place_m, load in zip(places_m, vehicle["loads_kg"], strict=True)
            ),
            vehicle["spacings_m"],
            speed_kmh=SPEED_KMH,
            unseen=frozenset(
                (a, r, side)
                for a in range(count)
                for r in range(4)
                for side in ("left", "right")
                if r != own
            ),
        )
        for own in range(4)
    ]
    counts, _ = road.drive(site, parts, seconds=6.0)
    weigher = Weigher(site, sample_rate_hz=4000.0)
    (passage,) = road.passages(weigher.receive(counts, 0) + weigher.flush())
    assert passage.flags == (("jump",) if jumps else ())
    assert passage.valid is not jumps


def test_a_rough_road_is_not_taken_for_drivers_who_jump():
    smooth, rough = UsualScatter(), UsualScatter()
    for _ in range(200):
        smooth.follow(0.5)
        rough.follow(1.5)
    assert smooth.figure < 0.55
    assert rough.figure > 1.4
    rough.follow(None)
    rough.follow(50.0)
    assert rough.figure < 1.6
    for figure in np.full(200, 50.0):
        smooth.follow(float(figure))
    assert smooth.figure < 0.55
