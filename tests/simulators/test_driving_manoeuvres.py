from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from simulators.convoy import TRAFFICS, plan_convoy
from simulators.driving import STEP_S, Drive
from simulators.fleet import MODELS, draw_vehicle
from simulators.manoeuvres import MANOEUVRES, Place, draw_driving
from simulators.truth import driven_truth
from wim.samples import parse_site
from wim.validity import FLAGS

STATIONS = Path(__file__).parents[2] / "configs" / "stations"
LENGTH_M = 9.0
PLACE = Place(length_m=LENGTH_M, low_mps=3.0 / 3.6, high_mps=110.0 / 3.6, aside=1)
FLAGS_TO_COME = {
    "accelerating", "braking", "tap_braking", "stop_and_go", "rush", "crawl", "jump",
    "s_path", "straddling", "edge", "tailgating", "reverse", "speed_out_of_range",
}  # fmt: skip


def site(name):
    text = (STATIONS / name).read_text(encoding="utf-8")
    return parse_site(text, name=name)


def driven(manoeuvre, number, place=PLACE):
    rng = np.random.default_rng([number, 4])
    vehicle = draw_vehicle(rng, 0.0, 0.2)
    driving = draw_driving(rng, manoeuvre, vehicle, place)
    motion = driving.drive.motion(wheelbase_m=vehicle.wheelbase_m, length_m=LENGTH_M)
    return vehicle, driving, motion


def on_scale(vehicle, motion):
    """The steps at which some axle is between the first row and the last."""
    return (motion.place_m > 0.0) & (motion.place_m < LENGTH_M + vehicle.wheelbase_m)


@pytest.mark.parametrize("manoeuvre", MANOEUVRES)
def test_every_manoeuvre_is_labelled_and_leaves_the_site(manoeuvre):
    for number in range(12):
        vehicle, driving, motion = driven(manoeuvre, number)
        assert driving.manoeuvre == manoeuvre
        assert 0.0 <= driving.severity <= 1.0
        assert set(driving.flags) <= FLAGS_TO_COME
        assert driving.flags
        expected = "straddling" if manoeuvre == "lane_change" else manoeuvre
        assert driving.flags[0] == expected
        speed = np.abs(motion.speed_mps)
        assert speed.max() < 45.0
        # it begins before the site, at a speed that it has held for seconds
        assert np.ptp(motion.speed_mps[:3000]) < 1e-9
        if driving.drive.backwards:
            assert motion.place_m[0] > LENGTH_M + vehicle.wheelbase_m + 1.0
            assert motion.place_m[-1] < 0.0
        else:
            assert motion.place_m[0] < -1.0
            assert motion.place_m[-1] > LENGTH_M + vehicle.wheelbase_m


def test_the_flags_of_manoeuvres_are_of_the_closed_list():
    assert set(FLAGS) <= FLAGS_TO_COME | {
        "axle_missing",
        "strip_damaged",
        "signal_clipped",
        "drifting",
    }


@pytest.mark.parametrize(
    ("manoeuvre", "least", "most"),
    [("accelerating", 0.55, 2.1), ("braking", -3.6, -0.55)],
)
def test_who_accelerates_or_brakes_does_so_over_the_whole_scale(manoeuvre, least, most):
    for number in range(12):
        vehicle, _, motion = driven(manoeuvre, number)
        push = motion.acceleration_mps2[on_scale(vehicle, motion)]
        assert least < push.min() + 1e-9
        assert push.max() - 1e-9 < most


def test_tap_braking_changes_sign_on_the_scale():
    for number in range(12):
        vehicle, _, motion = driven("tap_braking", number)
        push = motion.acceleration_mps2[on_scale(vehicle, motion)]
        assert push.min() < -0.8
        assert push.max() > 0.1


def test_stop_and_go_stands_with_a_wheel_on_the_scale():
    for number in range(12):
        vehicle, _, motion = driven("stop_and_go", number)
        standing = np.abs(motion.speed_mps[on_scale(vehicle, motion)]) < 0.01
        assert standing.sum() * STEP_S > 0.5
        assert motion.speed_mps.min() > -0.01


def test_rush_and_crawl_are_outside_the_range_of_the_lane():
    for number in range(12):
        _, _, fast = driven("rush", number)
        _, _, slow = driven("crawl", number)
        assert fast.speed_mps.min() > PLACE.high_mps
        assert 0.0 < slow.speed_mps.max() < PLACE.low_mps


def test_who_reverses_goes_backwards_over_the_scale():
    turned = 0
    for number in range(12):
        vehicle, driving, motion = driven("reverse", number)
        backwards = motion.speed_mps[on_scale(vehicle, motion)] < -0.1
        assert backwards.sum() * STEP_S > 0.5
        turned += not driving.drive.backwards
    assert 0 < turned < 12


def test_an_s_path_leaves_the_strips_and_the_edge_lies_beyond_the_lane():
    places = np.linspace(0.0, LENGTH_M, 50)
    for number in range(12):
        _, wavy, _ = driven("s_path", number)
        assert np.ptp(wavy.drive.path.lateral_m(places)) > 0.4
        _, beside, _ = driven("edge", number)
        offset = beside.drive.path.lateral_m(places)
        assert (offset < -0.7).all()  # away from the lane at the right
        _, between, _ = driven("straddling", number)
        assert (between.drive.path.lateral_m(places) > 1.1).all()
        _, changing, _ = driven("lane_change", number)
        whole = changing.drive.path.lateral_m(np.array([-60.0, 60.0]))
        assert np.ptp(whole) == pytest.approx(3.75, abs=0.4)


def test_with_no_lane_beside_half_a_vehicle_is_off_the_edge():
    alone = Place(length_m=9.0, low_mps=1.0, high_mps=30.0, aside=0)
    for name in ("straddling", "lane_change"):
        assert driven(name, 1, alone)[1].flags == ("edge",)


def test_normal_driving_is_gentle_and_within_5_to_100_kmh():
    speeds = []
    for number in range(150):
        vehicle, driving, motion = driven(None, number)
        assert driving.flags == ()
        assert driving.manoeuvre is None
        inside = on_scale(vehicle, motion)
        speeds += [motion.speed_mps[inside].min(), motion.speed_mps[inside].max()]
        assert np.abs(motion.acceleration_mps2).max() < 0.31
        lateral = driving.drive.path.lateral_m(np.linspace(0.0, 9.0, 10))
        assert np.abs(lateral).max() < 0.45
    assert 4.5 / 3.6 < min(speeds) < 10.0 / 3.6
    assert 90.0 / 3.6 < max(speeds) < 102.0 / 3.6


@pytest.mark.parametrize("traffic", TRAFFICS)
@pytest.mark.parametrize("name", ["4row-site.toml", "2lane-site.toml"])
def test_nobody_drives_through_anybody(traffic, name):
    members = plan_convoy(
        site(name),
        seed=3,
        vehicles=30,
        traffic=traffic,
        manoeuvre=None,
        length_m=LENGTH_M,
    )
    assert len(members) == 30
    motions = [
        m.driving.drive.motion(wheelbase_m=m.vehicle.wheelbase_m, length_m=LENGTH_M)
        for m in members
    ]
    for lane in {member.lane for member in members}:
        own = [(m, x) for m, x in zip(members, motions, strict=True) if m.lane == lane]
        for (before, gone), (after, coming) in pairwise(own):
            times = np.arange(after.begins_s, before.ends_s, 0.02)
            if len(times) == 0:
                continue
            tail = _at(gone, times - before.begins_s) - before.vehicle.wheelbase_m
            tail -= before.vehicle.rear_overhang_m
            front = _at(coming, times - after.begins_s)
            front += after.vehicle.front_overhang_m
            on_site = (front > -20.0) & (tail < LENGTH_M)
            if not before.driving.drive.backwards and not after.driving.drive.backwards:
                assert (tail - front)[on_site].min(initial=9.0) > 0.3


def _at(motion, since_s):
    return np.interp(since_s / STEP_S, np.arange(len(motion.place_m)), motion.place_m)


def test_a_tailgater_follows_within_a_few_metres():
    members = plan_convoy(
        site("4row-site.toml"),
        seed=5,
        vehicles=12,
        traffic="normal",
        manoeuvre="tailgating",
        length_m=LENGTH_M,
    )
    for leader, follower in zip(members[::2], members[1::2], strict=True):
        assert leader.driving == follower.driving
        speed = leader.driving.drive.start_mps
        way_m = speed * (follower.begins_s - leader.begins_s)
        body_m = leader.vehicle.wheelbase_m + leader.vehicle.rear_overhang_m
        assert 0.3 < way_m - body_m - follower.vehicle.front_overhang_m < 5.0


def test_the_last_of_tailgaters_with_nobody_to_follow_drives_normally():
    members = plan_convoy(
        site("4row-site.toml"),
        seed=5,
        vehicles=3,
        traffic="normal",
        manoeuvre="tailgating",
        length_m=LENGTH_M,
    )
    assert [m.driving.manoeuvre for m in members] == ["tailgating", "tailgating", None]


def test_a_vehicle_does_not_depend_on_how_many_come_after_it():
    def plan(vehicles):
        return plan_convoy(
            site("4row-site.toml"),
            seed=9,
            vehicles=vehicles,
            traffic="manoeuvres",
            manoeuvre="s_path",
            length_m=LENGTH_M,
        )

    assert plan(20)[:8] == plan(8)


def test_lawful_traffic_stays_within_its_limits_and_comes_close_to_them():
    limits = {model.name: model.limit_kg for model in MODELS}
    members = plan_convoy(
        site("4row-site.toml"),
        seed=1,
        vehicles=300,
        traffic="lawful",
        manoeuvre=None,
        length_m=LENGTH_M,
    )
    used = [
        m.vehicle.gross_mass_kg / limits[m.vehicle.model]
        for m in members
        if m.vehicle.model in limits
    ]
    assert max(used) <= 1.0
    assert max(used) > 0.99


def test_reference_trucks_come_again_and_again_at_several_speeds():
    members = plan_convoy(
        site("4row-site.toml"),
        seed=1,
        vehicles=54,
        traffic="reference",
        manoeuvre=None,
        length_m=LENGTH_M,
    )
    trucks = {}
    for member in members:
        trucks.setdefault(member.truck, []).append(member)
    assert len(trucks) == 6
    for visits in trucks.values():
        assert len({visit.vehicle for visit in visits}) == 1
        speeds = [3.6 * visit.driving.drive.start_mps for visit in visits]
        assert min(speeds) < 20.0
        assert max(speeds) > 80.0


def test_the_truth_of_driving_backwards_names_the_last_axle_first():
    for number in range(20):
        vehicle, driving, motion = driven("reverse", number)
        member = _member(vehicle, driving)
        truth = driven_truth(member, motion, length_m=LENGTH_M, recorded=1.0)
        if driving.drive.backwards:
            assert truth.direction == "reverse"
            assert truth.axle_loads_kg == vehicle.axle_loads_kg[::-1]
            assert truth.axle_spacings_m == vehicle.axle_spacings_m[::-1]
        else:
            assert truth.direction == "forward"
            assert truth.axle_loads_kg == vehicle.axle_loads_kg
        assert truth.speed_mps > 0.0
        assert not truth.valid


def test_the_truth_tells_speed_and_acceleration_of_the_crossing():
    vehicle = draw_vehicle(np.random.default_rng(1), 0.0, 0.0, models=MODELS[:1])
    drive = Drive(start_mps=10.0, pushes=((20.0, 0.5),), pushes_from_m=-10.0)
    motion = drive.motion(wheelbase_m=vehicle.wheelbase_m, length_m=LENGTH_M)
    rng = np.random.default_rng(1)
    driving = draw_driving(rng, None, vehicle, PLACE)
    member = _member(vehicle, type(driving)(drive=drive))
    truth = driven_truth(member, motion, length_m=LENGTH_M, recorded=1.0)
    assert truth.speed_mps == pytest.approx(np.sqrt(10.0**2 + 2 * 0.5 * 10.0), abs=0.07)
    assert truth.acceleration_mps2 == pytest.approx(0.5, abs=1e-3)
    assert truth.valid
    narrow = driven_truth(
        member, motion, length_m=LENGTH_M, recorded=1.0, range_kmh=(5.0, 38.0)
    )
    assert narrow.flags == ("speed_out_of_range",)
    assert not narrow.valid
    at_row_0 = member.begins_s + STEP_S * motion.step_at(0.0)
    assert truth.started_at_s == pytest.approx(at_row_0)


def _member(vehicle, driving):
    members = plan_convoy(
        site("4row-site.toml"),
        seed=1,
        vehicles=1,
        traffic="normal",
        manoeuvre=None,
        length_m=LENGTH_M,
    )
    return type(members[0])(
        number=0,
        truck=0,
        lane=1,
        vehicle=vehicle,
        driving=driving,
        begins_s=5.0,
        ends_s=50.0,
    )
