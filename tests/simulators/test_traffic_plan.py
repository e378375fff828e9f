from itertools import pairwise

import pytest

from simulators.traffic import TrafficShape, plan_traffic

LENGTH_M = 9.0


def planned(seed=1, vehicles=40, speed=1.0):
    return plan_traffic(
        TrafficShape(),
        seed=seed,
        vehicles=vehicles,
        lanes=(1, 2),
        station_length_m=LENGTH_M,
        speed=speed,
    )


def test_the_same_seed_gives_the_same_plan_and_another_another():
    assert planned(seed=3) == planned(seed=3)
    assert planned(seed=3) != planned(seed=4)


@pytest.mark.parametrize("seed", range(1, 21))
@pytest.mark.parametrize("vehicles", [1, 3, 4, 20])
def test_the_weighed_truck_of_120_t_is_among_the_first_four(seed, vehicles):
    crossings = planned(seed=seed, vehicles=vehicles).crossings
    assert len(crossings) == vehicles
    heavy = [c for c in crossings[:4] if c.vehicle.gross_mass_kg == 120_000.0]
    assert heavy
    weighing = heavy[0].weighing
    assert weighing is not None
    assert weighing.ends_at_s + 2.9 < heavy[0].arrives_at_s < 25.0


@pytest.mark.parametrize("speed", [1.0, 20.0])
def test_vehicles_of_a_lane_never_share_the_station(speed):
    crossings = planned(vehicles=60, speed=speed).crossings
    for lane in (1, 2):
        own = [c for c in crossings if c.lane == lane]
        assert len(own) > 15
        for before, after in pairwise(own):
            assert after.arrives_at_s - before.arrives_at_s >= 1.5
            vehicle = before.vehicle
            way_m = vehicle.wheelbase_m + vehicle.rear_overhang_m + LENGTH_M
            gone_s = before.arrives_at_s + way_m / before.speed_mps / speed
            front_s = after.vehicle.front_overhang_m / after.speed_mps / speed
            assert gone_s < after.arrives_at_s - front_s


@pytest.mark.parametrize("speed", [1.0, 20.0])
def test_the_scale_weighs_one_loaded_truck_at_a_time_before_it_crosses(speed):
    weighings = planned(vehicles=60, speed=speed).weighings
    assert len(weighings) >= 3
    for crossing in weighings:
        assert crossing.vehicle.loaded
        assert crossing.weighing.ends_at_s < crossing.arrives_at_s
        assert crossing.weighing.standing_s >= 4.0
    for before, after in pairwise(weighings):
        assert before.weighing.ends_at_s < after.weighing.starts_at_s


def test_speeds_stay_within_the_range():
    for crossing in planned(vehicles=200).crossings:
        assert 15.0 <= crossing.speed_mps * 3.6 <= 95.0


def test_a_plan_of_no_vehicles_is_empty():
    assert planned(vehicles=0).crossings == ()


def test_impossible_shares_are_refused():
    with pytest.raises(ValueError, match="more than all"):
        TrafficShape(overloaded_share=0.9, empty_share=0.2)
