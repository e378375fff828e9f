from pathlib import Path

import msgspec
import pytest
from hypothesis import given, strategies as st

from wim.limits import Deduction, parse_limit_table
from wim.messages import AssessmentFields
from wim.overload import assess, bands_reached, class_to_judge_by

TABLE = parse_limit_table(
    (Path(__file__).parents[2] / "configs/limits/cn-2016.toml").read_text("utf-8"),
    name="cn.toml",
)


def verdict(gross_mass_kg, axle_count, vehicle_class=None, **more):
    return assess(
        gross_mass_kg=gross_mass_kg,
        axle_count=axle_count,
        vehicle_class=vehicle_class,
        table=more.pop("table", TABLE),
        **more,
    )


@pytest.mark.parametrize(
    ("axles", "vehicle_class", "limit_kg", "certain"),
    [
        (2, None, 18_000, True),
        (2, "rigid", 18_000, True),
        (3, "rigid", 25_000, True),
        (3, "articulated", 27_000, True),
        (3, None, 27_000, False),
        (4, "rigid", 31_000, True),
        (4, "full_trailer", 36_000, True),
        (4, None, 36_000, False),
        (5, None, 43_000, True),
        (6, None, 49_000, False),
        (6, "articulated", 49_000, False),
        (9, None, 49_000, False),
    ],
)
def test_the_limit_is_the_one_that_favours_the_party(
    axles, vehicle_class, limit_kg, certain
):
    found = verdict(60_000.0, axles, vehicle_class)
    assert (found.limit_kg, found.limit_certain) == (limit_kg, certain)
    assert found.vehicle_class == vehicle_class


def test_the_worked_example_of_the_rule_comes_out():
    found = verdict(100_000.0, 6)
    assert found.deduction_kg == 5000.0
    assert found.effective_mass_kg == 95_000.0
    assert found.excess_kg == 46_000.0
    assert round(found.overload_ratio, 4) == 1.0408
    assert found.overloaded
    plain = msgspec.structs.replace(TABLE, deduction=Deduction(policy="none"))
    assert verdict(100_000.0, 6, table=plain).excess_kg == 51_000.0


def test_exactly_at_the_limit_is_not_above_it():
    plain = msgspec.structs.replace(TABLE, deduction=Deduction(policy="none"))
    at = verdict(49_000.0, 6, table=plain)
    assert (at.overloaded, at.excess_kg) == (False, 0.0)
    above = verdict(49_000.5, 6, table=plain)
    assert (above.overloaded, above.excess_kg) == (True, 0.0)


def test_a_fixed_deduction_never_exceeds_the_mass():
    fixed = msgspec.structs.replace(
        TABLE, deduction=Deduction(policy="fixed", kg=3000.0)
    )
    assert verdict(1000.0, 2, table=fixed).effective_mass_kg == 0.0
    assert verdict(20_000.0, 2, table=fixed).effective_mass_kg == 17_000.0


@pytest.mark.parametrize(
    ("uncertainty_kg", "deduction_kg"),
    [(900.0, 900.0), (0.0, 0.0), (None, 1500.0), (90_000.0, 30_000.0)],
)
def test_the_stated_uncertainty_is_deducted_and_an_unknown_one_is_never_zero(
    uncertainty_kg, deduction_kg
):
    stated = msgspec.structs.replace(
        TABLE, deduction=Deduction(policy="expanded_uncertainty", percent=5.0)
    )
    found = assess(
        gross_mass_kg=30_000.0,
        axle_count=2,
        vehicle_class=None,
        table=stated,
        gross_mass_uncertainty_kg=uncertainty_kg,
    )
    assert found.deduction_kg == deduction_kg


def test_a_table_of_per_cent_does_not_look_at_the_uncertainty():
    figures = {"gross_mass_kg": 30_000.0, "axle_count": 2, "vehicle_class": None}
    stated = assess(**figures, table=TABLE, gross_mass_uncertainty_kg=10.0)
    assert stated == assess(**figures, table=TABLE)
    assert stated.deduction_kg == 1500.0


@pytest.mark.parametrize(
    ("probability", "expected"), [(None, None), (0.9899, None), (0.99, "rigid")]
)
def test_a_class_that_is_not_sure_is_not_known(probability, expected):
    assert class_to_judge_by("rigid", probability) == expected


def test_an_unconfirmed_row_is_never_applied():
    found = verdict(40_000.0, 4, "centre_axle", axle_configuration="1+2+1")
    assert found.limit_kg == 36_000.0
    assert all(row.confirmed for row in found.candidates)


def test_a_class_that_the_table_does_not_know_counts_as_unknown():
    assert verdict(50_000.0, 5, "rigid").limit_kg == 43_000.0


def test_no_limit_is_known_for_a_single_axle():
    assert verdict(5000.0, 1) is None


@pytest.mark.parametrize(
    ("gross_mass_kg", "ratio", "bands"),
    [
        (80_000.0, 0.63, ()),
        (80_001.0, 0.63, ("over_80_tonnes",)),
        (99_999.9, 0.9, ("over_80_tonnes", "over_90_tonnes")),
        (100_000.0, 0.9, ("over_80_tonnes", "over_90_tonnes", "hundred_tonne")),
        (40_000.0, 1.0, ("double_the_limit",)),
        (40_000.0, None, ()),
    ],
)
def test_bands_begin_where_they_say(gross_mass_kg, ratio, bands):
    found = bands_reached(
        gross_mass_kg=gross_mass_kg, overload_ratio=ratio, table=TABLE
    )
    assert found == bands


@given(
    mass_kg=st.floats(0.0, 200_000.0),
    axles=st.integers(2, 12),
    vehicle_class=st.sampled_from([None, "rigid", "articulated", "full_trailer"]),
)
def test_every_verdict_fits_the_message_and_itself(mass_kg, axles, vehicle_class):
    found = verdict(mass_kg, axles, vehicle_class)
    fields = AssessmentFields(
        **{name: getattr(found, name) for name in AssessmentFields.__struct_fields__}
    )
    msgspec.json.decode(msgspec.json.encode(fields), type=AssessmentFields)
    assert found.limit_kg == max(row.limit_kg for row in found.candidates)
    assert found.overloaded == (found.effective_mass_kg > found.limit_kg)
    assert found.excess_kg <= max(0.0, found.effective_mass_kg - found.limit_kg)
