"""What a change of speed moves between axles, against moments done by hand."""

import numpy as np
import pytest

from wim.load_transfer import Transfer, moved_kg, transferred
from wim.roads import Ride, roles_of

TRACTOR = {
    "spacings_m": (3.3, 1.35, 7.0, 1.31, 1.31),
    "groups": ((0,), (1, 2), (3, 4, 5)),
}
LOADS_KG = (7000.0, 9000.0, 9000.0, 8000.0, 8000.0, 8000.0)
FLAT = Transfer(heights_m=(1.6, 1.6))


def moved(loads_kg, *, acceleration_mps2, transfer=FLAT, **shape):
    given = {"vehicle_class": "rigid", **shape}
    return moved_kg(
        loads_kg,
        acceleration_mps2=acceleration_mps2,
        transfer=transfer,
        ride=Ride(),
        **given,
    )


@pytest.mark.parametrize("vehicle_class", ["rigid", "articulated", "centre_axle", None])
@pytest.mark.parametrize("acceleration_mps2", [0.7, -0.7])
def test_what_one_axle_loses_others_gain(vehicle_class, acceleration_mps2):
    found = moved(
        LOADS_KG,
        acceleration_mps2=acceleration_mps2,
        vehicle_class=vehicle_class,
        **TRACTOR,
    )
    assert sum(found) == pytest.approx(0.0, abs=1e-6)
    assert (found[0] < 0.0) == (acceleration_mps2 > 0.0)


def test_two_axles_share_the_moment_over_the_wheelbase():
    found = moved(
        (6000.0, 12000.0),
        spacings_m=(4.8,),
        groups=((0,), (1,)),
        acceleration_mps2=-1.5,
    )
    expected = 18000.0 * 1.5 / 9.80665 * 1.6 / 4.8
    assert found == pytest.approx((expected, -expected))


def test_a_pulled_trailer_lifts_the_steer_axle_and_a_braking_one_does_not_push_it():
    gaining, losing = (
        moved(
            LOADS_KG,
            acceleration_mps2=sign * 0.2,
            vehicle_class="articulated",
            **TRACTOR,
        )[0]
        for sign in (1.0, -1.0)
    )
    assert gaining < 0.0 < losing
    assert -gaining > 3.0 * losing
    # 28 t behind the fifth wheel at 1.15 m, the tractor's 7 t at 1.6 m, the rest on it
    on_fifth_wheel_kg = 25000.0 - 7000.0
    pulled_kg = 24000.0 + on_fifth_wheel_kg
    moment = 7000.0 * 1.6 + pulled_kg * 1.15
    to_middle_m = 3.3 + 0.5 * 1.35
    by_hand = -0.2 / 9.80665 * moment / to_middle_m
    assert gaining == pytest.approx(by_hand, rel=0.1)


def test_a_full_trailer_moves_load_between_its_own_axles():
    found = moved(
        (6000.0, 10000.0, 9000.0, 9000.0),
        spacings_m=(5.0, 4.0, 5.0),
        groups=((0,), (1,), (2,), (3,)),
        vehicle_class="full_trailer",
        acceleration_mps2=-1.0,
    )
    assert found[0] == pytest.approx(16000.0 / 9.80665 * 1.6 / 5.0)
    assert found[2] == pytest.approx(18000.0 / 9.80665 * 1.6 / 5.0)
    assert found[0] + found[1] == pytest.approx(0.0, abs=1e-6)


def test_a_laden_body_stands_higher_than_an_empty_one():
    usual = Transfer()
    shape = {"spacings_m": (5.0,), "groups": ((0,), (1,)), "acceleration_mps2": 1.0}
    empty = moved((3000.0, 3000.0), transfer=usual, **shape)[1] / 6000.0
    laden = moved((9000.0, 9000.0), transfer=usual, **shape)[1] / 18000.0
    assert laden / empty == pytest.approx(1.7 / 1.2)


def test_one_axle_alone_moves_nothing():
    assert moved((5000.0,), spacings_m=(), groups=((0,),), acceleration_mps2=3.0) == (
        0.0,
    )


def test_an_unknown_acceleration_is_less_certain_than_any_mild_one():
    def sigma(acceleration_mps2):
        found = transferred(
            np.arange(6),
            np.array(LOADS_KG),
            roles=roles_of(**TRACTOR, ride=Ride()),
            vehicle_class="articulated",
            acceleration_mps2=acceleration_mps2,
            transfer=FLAT,
            ride=Ride(),
            **TRACTOR,
        )
        return found.sigmas_kg[0]

    assert 0.0 < sigma(0.0) < sigma(0.2) < sigma(0.4) < sigma(None)
