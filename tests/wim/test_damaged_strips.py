"""A strip that says something else than its neighbours is found and left out."""

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from wim.axles import Axle, Weighed
from wim.health import Health, StripMemory
from wim.hit_tables import HitTable
from wim.kernels.strips import tell_of_strips
from wim.kinematics import Motion
from wim.passage import Weigher
from wim.row_loads import RowLoad, RowTable

SIX = {
    "loads_kg": (7000.0, 11_000.0, 11_000.0, 9000.0, 9000.0, 9000.0),
    "spacings_m": (3.3, 1.35, 7.0, 1.31, 1.31),
}
TWO = {"loads_kg": (6000.0, 10_000.0), "spacings_m": (5.0,)}


def weakened(counts, channel, gain, *, from_s=0.0, rate_hz=4000.0):
    """The signal of one channel above its offset, times a gain."""
    out = counts.astype(np.float64)
    at = round(from_s * rate_hz)
    out[at:, channel] = 120.0 + gain * (out[at:, channel] - 120.0)
    return np.rint(out).astype(np.int32)


def channels_of(passage, flag):
    found = [f for f in passage.findings if f.flag == flag]
    return sorted({channel for f in found for channel in f.strips})


@pytest.mark.parametrize("channel", [0, 5])
@pytest.mark.parametrize("gain", [0.5, 0.6, 1.7])
def test_a_wrong_gain_is_found_by_the_first_vehicle(road, channel, gain):
    for vehicle in (SIX, TWO):
        truck = road.Truck(**vehicle, speed_kmh=50)
        counts, inputs = road.drive(road.site, [truck], seconds=5.0)
        (passage,) = road.passages(
            road.weigh(road.site, weakened(counts, channel, gain), inputs)
        )
        assert channels_of(passage, "strip_damaged") == [channel]
        assert not passage.valid
        assert passage.gross_mass_kg == pytest.approx(truck.gross_kg, rel=0.01)


def test_two_rows_are_enough_where_there_are_two_sides(road):
    site = road.site_of(road.site_text(rows=2))
    truck = road.Truck(**SIX, speed_kmh=50)
    counts, _ = road.drive(site, [truck], seconds=5.0)
    (passage,) = road.passages(
        road.weigh(site, weakened(counts, 2, 0.5), separator=False)
    )
    assert channels_of(passage, "strip_damaged") == [2]
    assert passage.gross_mass_kg == pytest.approx(truck.gross_kg, rel=0.01)


@pytest.mark.parametrize(
    ("left_share", "flags"),
    [
        (0.45, ()),
        (0.42, ("edge",)),  # so crooked under a steered axle, too, is no load
    ],
)
def test_a_crooked_load_is_no_damage(road, left_share, flags):
    truck = road.Truck(**SIX, speed_kmh=50, left_share=left_share)
    counts, inputs = road.drive(road.site, [truck], seconds=5.0)
    (passage,) = road.passages(road.weigh(road.site, counts, inputs))
    assert passage.flags == flags


def test_a_strip_that_was_sound_is_damaged_when_several_say_so(road):
    trucks = [road.Truck(**TWO, speed_kmh=60, at_s=1.0 + 2.0 * k) for k in range(8)]
    counts, _ = road.drive(road.site, trucks, seconds=19.0)
    counts = weakened(counts, 4, 0.5, from_s=8.5)
    weigher = Weigher(road.site, sample_rate_hz=4000.0)
    found = road.passages(weigher.receive(counts, 0) + weigher.flush())
    assert len(found) == 8
    assert all(passage.valid for passage in found[:4])
    assert [channels_of(p, "strip_damaged") for p in found[6:]] == [[4], [4]]


def test_a_noisy_strip_is_left_out(road):
    truck = road.Truck(**SIX, speed_kmh=50)
    counts, inputs = road.drive(road.site, [truck], seconds=6.0)
    rng = np.random.default_rng(5)
    counts[:, 3] += np.rint(rng.normal(0.0, 150.0, len(counts))).astype(np.int32)
    (passage,) = road.passages(road.weigh(road.site, counts, inputs))
    assert channels_of(passage, "strip_damaged") == [3]


def test_half_an_axle_is_never_weighed_instead_of_a_clipped_one(road):
    truck = road.Truck(**SIX, speed_kmh=50)
    counts, _ = road.drive(road.site, [truck], seconds=5.0)
    site = road.site_of(road.site_text(extra="full_scale_counts = 3000"))
    (passage,) = road.passages(
        road.weigh(site, np.minimum(counts, 3000), separator=False)
    )
    assert "signal_clipped" in passage.flags
    assert not passage.valid
    assert passage.gross_mass_kg > 0.7 * truck.gross_kg


def axle_of(left_kg, right_kg):
    """An axle of which nothing is known but what its wheels weighed on each row."""
    rows = tuple(
        RowLoad(
            rank=rank,
            row=rank,
            at_s=0.2 * rank,
            place_m=3.0 * rank,
            speed_mps=15.0,
            speed_sigma_mps=0.01,
            left_kg=left,
            right_kg=right,
            load_kg=left + right,
            sigma_kg=10.0,
            whole=True,
        )
        for rank, (left, right) in enumerate(zip(left_kg, right_kg, strict=True))
    )
    return Axle(
        hits=(),
        motion=Motion(0.0, 0.0, 15.0, None),
        crossed_s=0.0,
        rows=rows,
        load_kg=sum(left_kg + right_kg) / len(rows),
        left_kg=None,
        right_kg=None,
        footprint_m=None,
    )


def weighed_of(axles):
    return Weighed(
        axles=tuple(axles),
        hits=HitTable.of([axle.hits for axle in axles]),
        rows=RowTable.of([axle.rows for axle in axles]),
        rest_m=0.0,
        smooth=True,
    )


def doubting(*given):
    """Tell what the kernel tells, but never that the sides agree."""
    tell_of_strips(*given)
    return False


@settings(max_examples=200, deadline=None)
@given(
    gains=st.lists(st.floats(0.6, 1.7), min_size=8, max_size=8),
    bounces=st.lists(
        st.lists(st.floats(0.96, 1.04), min_size=8, max_size=8), min_size=2, max_size=4
    ),
    even=st.booleans(),
)
def test_no_strip_is_weak_where_the_sides_are_seen_to_agree(road, gains, bounces, even):
    """The cheap look never hides what the long one would have found."""
    lane = road.site_of(road.site_text()).lanes[0]
    memory = StripMemory(lane, health=Health())
    if even:
        gains = [gain**0.3 for gain in gains]
    axles = []
    for bounce in bounces:
        kg = [5000.0 * gain * up for gain, up in zip(gains, bounce, strict=True)]
        axles.append(axle_of(kg[:4], kg[4:]))
    found = memory.judge(weighed_of(axles))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("wim.health.tell_of_strips", doubting)
        assert StripMemory(lane, health=Health()).judge(weighed_of(axles)) == found


def test_a_row_that_is_not_looked_at_has_missed_nothing(road):
    """Who went to and fro over a row is weighed without it."""
    truck = road.Truck((6000.0, 9000.0, 9000.0), (3.6, 1.35), speed_kmh=40)
    counts, _ = road.drive(road.site, [truck], seconds=5.0)
    (passage,) = road.passages(road.weigh(road.site, counts, separator=False))
    axles = [
        msgspec.structs.replace(
            axle, hits=tuple(hit for hit in axle.hits if hit.sensor.strip.row != 1)
        )
        for axle in passage.axles
    ]
    lane = road.site.lanes[0]
    told = weighed_of(axles)
    damages = StripMemory(lane, health=Health()).judge(told)
    assert {lane.strips[damage.strip].row for damage in damages} == {1}
    assert {damage.illness for damage in damages} == {"dead"}
    rows = {strip.row for strip in lane.strips} - {1}
    assert StripMemory(lane, health=Health()).judge(told, rows=rows) == ()
