import re

import numpy as np
import pytest

from simulators.fleet import MODELS, draw_vehicle, heavy_vehicle
from simulators.plates import random_plate, random_trailer_plate
from wim.axles import group_axles
from wim.passage import Parameters

PROVINCE = "[京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川贵云藏陕甘青宁新]"


@pytest.fixture(scope="module")
def fleet():
    rng = np.random.default_rng(5)
    return [draw_vehicle(rng, 0.35, 0.2) for _ in range(600)]


def test_plates_follow_the_grammar():
    rng = np.random.default_rng(1)
    for _ in range(500):
        front, trailer = random_plate(rng), random_trailer_plate(rng)
        assert re.fullmatch(PROVINCE + "[A-HJ-NP-Z][A-HJ-NP-Z0-9]{5}", front.text)
        assert re.fullmatch(PROVINCE + "[A-HJ-NP-Z][A-HJ-NP-Z0-9]{4}挂", trailer.text)
        assert (front.lines, trailer.lines) == (1, 2)


def test_the_fleet_has_every_model_from_two_to_six_axles(fleet):
    assert {vehicle.model for vehicle in fleet} == {model.name for model in MODELS}
    assert {len(vehicle.axle_loads_kg) for vehicle in fleet} == {2, 3, 4, 5, 6}
    assert {vehicle.vehicle_class for vehicle in fleet} == {"rigid", "articulated"}


def test_overloaded_trucks_exceed_every_limit_they_could_have(fleet):
    models = {model.name: model for model in MODELS}
    for vehicle in fleet:
        model = models[vehicle.model]
        if vehicle.load == "overloaded":
            assert vehicle.gross_mass_kg > 1.1 * model.kindest_limit_kg
        else:
            assert vehicle.gross_mass_kg < 0.95 * model.limit_kg
        assert vehicle.gross_mass_kg <= 130_000.0


def test_the_share_of_overloaded_trucks_is_what_was_asked(fleet):
    share = sum(vehicle.load == "overloaded" for vehicle in fleet) / len(fleet)
    assert share == pytest.approx(0.35, abs=0.06)


def test_axle_loads_are_plausible(fleet):
    for vehicle in fleet:
        assert 2_500.0 < vehicle.axle_loads_kg[0] <= 8_200.0
        assert min(vehicle.axle_loads_kg) > 1_800.0
        assert max(vehicle.axle_loads_kg) < 27_000.0


def test_the_heavy_truck_weighs_120_t_on_1_2_3_axles():
    vehicle = heavy_vehicle(np.random.default_rng(9))
    assert vehicle.gross_mass_kg == 120_000.0
    assert vehicle.axle_configuration == "1+2+3"
    assert vehicle.vehicle_class == "articulated"
    assert vehicle.rear_plate.text.endswith("挂")
    assert vehicle.axle_spacings_m[1] == 1.35
    assert 14.0 < vehicle.wheelbase_m < 16.0


def test_the_true_axle_groups_follow_the_rule_by_which_stations_group(fleet):
    longest_m = Parameters().group_spacing_m
    for vehicle in fleet:
        expected = group_axles(vehicle.axle_spacings_m, longest_m=longest_m)
        assert vehicle.axle_groups == expected
    steered_pairs = [each for each in fleet if each.model == "4-axle rigid"]
    assert {each.axle_configuration for each in steered_pairs} == {"1+1+2"}
