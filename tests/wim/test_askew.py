"""Whoever drives across the lane: joined to the right axles, and told by its skew."""

import re

import msgspec
import numpy as np
import pytest

from wim.headings import skew_of, skews_m
from wim.passage import Weigher
from wim.pulse_store import PulseStore
from wim.pulses import Pulse
from wim.second_wheels import second_wheels

SIX = {
    "loads_kg": (7000.0, 11_000.0, 11_000.0, 9000.0, 9000.0, 9000.0),
    "spacings_m": (3.3, 1.35, 7.0, 1.31, 1.31),
}
TWO = {"loads_kg": (6000.0, 10_000.0), "spacings_m": (5.0,)}
STRAIGHT = (0.0, 0.0, 0.0, 0.0)


def text_of(road, skews, *, stagger_m=0.0):
    """A site whose right strips lie behind the left ones by so much more, by row."""
    parts = re.split(r"(position_m = [\d.]+)", road.site_text(stagger_m=stagger_m))
    for k, place in enumerate(parts[1::2]):
        row, right = divmod(k, 2)
        half_m = (0.5 if right else -0.5) * skews[row]
        parts[2 * k + 1] = f"position_m = {float(place.split()[-1]) + half_m + 1.0}"
    return "".join(parts)


def driven(road, trucks, skews, *, seconds=8.0, stagger_m=0.0):
    """Whom a site sees that is told nothing of the skews, as if the trucks had them."""
    true = road.site_of(text_of(road, skews, stagger_m=stagger_m))
    told = road.site_of(text_of(road, STRAIGHT, stagger_m=stagger_m))
    counts, _ = road.drive(true, trucks, seconds=seconds)
    weigher = Weigher(told, sample_rate_hz=4000.0)
    return road.passages(weigher.receive(counts, 0) + weigher.flush())


def evidence(passage):
    return [each for each in passage.findings if each.figure == "skew_m"]


@pytest.mark.parametrize("speed_kmh", [9.0, 30.0])
@pytest.mark.parametrize(
    "skews",
    [(0.27, 0.1, -0.1, -0.27), (0.6, 0.3, -0.3, -0.6), (0.25, 0.25, 0.25, 0.25)],
)
def test_an_s_has_the_axles_that_it_has_and_is_told_by_its_skew(road, speed_kmh, skews):
    truck = road.Truck(**SIX, speed_kmh=speed_kmh)
    (passage,) = driven(road, [truck], skews, seconds=14.0)
    assert passage.axle_spacings_m == pytest.approx(SIX["spacings_m"], abs=0.02)
    assert passage.gross_mass_kg == pytest.approx(truck.gross_kg, rel=0.01)
    assert passage.skews_m == pytest.approx(skews, abs=0.005)
    (finding,) = evidence(passage)
    assert finding.flag == "s_path"
    swing_m = max(*skews, 0.0) - min(*skews, 0.0)
    assert finding.value == pytest.approx(swing_m, abs=0.005)
    assert not passage.valid
    rows = {channel // 2 for channel in finding.strips}
    assert rows == ({0, 3} if min(skews) < 0.0 else rows)
    assert len(rows) == (2 if min(skews) < 0.0 else 1)


def test_one_who_follows_askew_to_the_other_side_has_its_own_axles(road):
    """What joins left and right wheels must not be one shift for all on the scale."""
    text = text_of(road, STRAIGHT)
    site = road.site_of(text)
    first = road.Truck(**SIX, speed_kmh=20, at_s=1.0)
    then = road.Truck(**SIX, speed_kmh=20, at_s=6.0)
    counts = np.zeros((48_000, 8))
    for truck, skew_m in ((first, 0.5), (then, -0.5)):
        own = road.site_of(text_of(road, (skew_m,) * 4))
        counts += road.drive(own, [truck], seconds=12.0)[0]
    weigher = Weigher(site, sample_rate_hz=4000.0)
    found = weigher.receive(np.rint(counts).astype(np.int32), 0) + weigher.flush()
    passages = road.passages(found)
    assert [len(passage.axle_loads_kg) for passage in passages] == [6, 6]
    for passage, skew_m in zip(passages, (0.5, -0.5), strict=True):
        assert passage.skews_m == pytest.approx((skew_m,) * 4, abs=0.005)


@pytest.mark.parametrize("stagger_m", [0.0, 0.4])
def test_normal_wander_and_strips_a_little_off_their_places_are_no_s(road, stagger_m):
    skews = (0.03, -0.02, 0.02, -0.03)
    truck = road.Truck(**SIX, speed_kmh=40)
    (passage,) = driven(road, [truck], skews, stagger_m=stagger_m)
    assert passage.skews_m == pytest.approx(skews, abs=0.005)
    assert passage.flags == ()


def test_strips_across_the_whole_lane_show_no_skew(road):
    text = text_of(road, STRAIGHT).replace('side = "left"', 'side = "full"')
    site = road.site_of(re.sub(r'\[\[lanes\.strips\]\]\n[^\[]*"right"[^\[]*', "", text))
    counts, _ = road.drive(site, [road.Truck(**TWO, speed_kmh=30)], seconds=5.0)
    weigher = Weigher(site, sample_rate_hz=4000.0)
    (passage,) = road.passages(weigher.receive(counts, 0) + weigher.flush())
    assert passage.skews_m == (None,) * 4
    assert passage.figures.skew_m is None
    assert skew_of(passage.axles) == (None, ())


def test_who_stands_on_the_scale_has_no_skew_since_no_speed_is_known(road):
    truck = road.Truck(
        **TWO,
        speed_kmh=0,
        gone_m=lambda t: (
            np.clip(4.0 * t, -4.0, 2.0) + np.clip(4.0 * (t - 3.0), 0.0, 30.0)
        ),
    )
    (passage,) = driven(road, [truck], (0.3, 0.0, 0.0, 0.0), seconds=12.0)
    assert not passage.figures.smooth
    assert skews_m(passage.axles) == {}
    assert evidence(passage) == []


# ------------------------------------------------- both wheels on the strips of a side


def pulse(at_s, strip=0):
    return Pulse(
        strip=strip,
        start_s=at_s - 0.025,
        end_s=at_s + 0.025,
        rise_s=at_s - 0.015,
        fall_s=at_s + 0.015,
        centroid_s=at_s,
        centre_s=at_s,
        area_counts_s=1.0,
        area_sigma_counts_s=0.1,
        peak_counts=1.0,
        plateau_counts=None,
        noise_counts=1.0,
        closure_counts=0.0,
        clipped=False,
        last_sample=round(1e4 * at_s),
    )


@pytest.mark.parametrize(
    ("times_s", "lengths_s"),
    [
        ((1.0, 1.6), (0.4, 0.4)),  # so slow that it may have turned back
        ((1.0, 1.02), (0.012, 0.012)),  # so fast that nobody turns so far
        ((1.0, 1.05), (0.05, 0.01)),  # a pulse of noise
    ],
)
def test_what_may_be_no_second_wheel_is_left_alone(times_s, lengths_s):
    pulses = [
        msgspec.structs.replace(pulse(at_s), start_s=at_s - half_s, end_s=at_s + half_s)
        for at_s, half_s in zip(times_s, np.array(lengths_s) / 2.0, strict=True)
    ]
    assert second_wheels(pulses, []) == []


@pytest.mark.parametrize(
    ("own", "beside", "astray"),
    [
        # 5 m/s: 0.1 s is half a metre. The left wheel stands on both strips
        ((1.0, 1.1, 1.3, 1.4), (1.0, 1.3), [0, 2]),
        ((1.0, 1.1, 1.3, 1.4), (1.1, 1.4), [1, 3]),
        # both wheels stand on one strip
        ((1.0, 1.1, 1.3, 1.4), (), [1, 3]),
        # a group of axles, 1.3 m apart
        ((1.0, 1.26, 1.52), (), []),
        # to and fro: both strips saw it
        ((1.0, 1.1), (1.0, 1.1), []),
    ],
)
def test_two_wheels_closer_than_axles_can_be_are_one_axles(own, beside, astray):
    own, beside = ([pulse(at_s) for at_s in each] for each in (own, beside))
    assert second_wheels(own, beside) == astray


def test_the_store_drops_second_wheels_and_counts_them_as_strays(road):
    store = PulseStore(road.site_of(road.site_text()).lanes[0])
    for index, at_s in ((0, 1.0), (1, 1.0), (1, 1.1), (0, 2.0), (1, 2.0), (1, 2.1)):
        store.add(index, pulse(at_s, index))
    store.add(2, pulse(2.12, 2))
    store.drop_second_wheels()  # what is beside 2.1 may still come
    assert [each.centroid_s for each in store.of[1]] == [1.1, 2.0, 2.1]
    store.add(2, pulse(2.5, 2))
    store.drop_second_wheels()
    assert [[each.centroid_s for each in own] for own in store.of[:2]] == [
        [1.0, 2.0],
        [1.1, 2.1],
    ]
    assert store.stray_pulses == 2
    store.drop_second_wheels()
    assert store.stray_pulses == 2


def test_plates_are_longer_than_wheels_are_apart_and_drop_none(road):
    text = road.site_text(extra='kind = "plate"\n')
    store = PulseStore(road.site_of(text).lanes[0])
    for index, at_s in ((0, 1.0), (1, 1.0), (1, 1.1)):
        store.add(index, pulse(at_s, index))
    store.drop_second_wheels()
    assert len(store.of[1]) == 2
