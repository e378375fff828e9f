"""What a pavement's temperature may have changed: known, unknown, and in the budget."""

import math

import msgspec
import numpy as np
import pytest

from wim.calibration import NO_CALIBRATION, Calibration, Curve
from wim.climate import Climate
from wim.errors import TableError
from wim.loads import JointLoads
from wim.samples import parse_site
from wim.uncertainty import Circumstances, UncertaintyFigures, budget_of
from wim.unseen_bounce import BounceLeft

CLIMATE = Climate()
GROSS_KG = 20_000.0


def temperature_part(calibration, temperature_c, *, per_c=0.0002):
    """Return the budget's line of the temperature, over the gross mass."""
    budget = budget_of(
        JointLoads(axle_loads_kg=(GROSS_KG,), covariance_kg2=((1e4,),)),
        Circumstances(
            speed_mps=12.0,
            speed_sigma=0.001,
            moved_sigmas_kg=(0.0,),
            bounce=BounceLeft(axle_sigmas_kg=(0.0,), gross_sigma_kg=0.0),
            unsteady_mps2=0.0,
            unseen_side=0.0,
            temperature_c=temperature_c,
            temperature_per_c=per_c,
            vehicle_class=None,
            disturbances=0,
        ),
        calibration=calibration,
        figures=UncertaintyFigures(),
    )
    squares = sum(part.gross_mass_kg**2 for part in budget.contributions)
    assert budget.gross_mass_uncertainty_kg == pytest.approx(2.0 * math.sqrt(squares))
    (line,) = (part for part in budget.contributions if part.name == "temperature")
    return line.gross_mass_kg / GROSS_KG


def at(from_c, to_c):
    return Calibration(reference_uncertainty=0.001, temperature_range_c=(from_c, to_c))


@pytest.mark.parametrize("temperature_c", [20.0, 24.0, 31.5])
def test_a_temperature_that_was_driven_at_leaves_a_thousandth_and_no_bit_more(
    temperature_c,
):
    part = temperature_part(at(20.0, 31.5), temperature_c)
    assert part * GROSS_KG == 0.001 * GROSS_KG


def test_a_site_calibrated_in_summer_counts_all_that_winter_may_change():
    part = temperature_part(at(35.0, 35.0), -20.0)
    assert part == pytest.approx(math.hypot(0.001, 55.0 * 0.0002))
    by_cold = [temperature_part(at(30.0, 35.0), c) for c in (30.0, 25.0, 0.0, -20.0)]
    assert by_cold == sorted(set(by_cold))
    by_heat = temperature_part(at(0.0, 5.0), 25.0)
    assert by_heat == pytest.approx(math.hypot(0.001, 20.0 * 0.0002))


def test_a_temperature_that_nobody_knows_counts_the_climate_and_never_nothing():
    known = temperature_part(at(20.0, 20.0), 20.0)
    no_thermometer = temperature_part(at(20.0, 20.0), None)
    no_range = temperature_part(NO_CALIBRATION, 20.0)
    neither = temperature_part(NO_CALIBRATION, None)
    assert known < no_thermometer < neither
    assert known < no_range < neither
    assert neither == pytest.approx(math.hypot(0.001, 0.0002 * 60.0 / math.sqrt(6.0)))
    assert neither < 0.006
    assert temperature_part(NO_CALIBRATION, -20.0) > 0.0002 * 40.0


def test_a_curve_over_the_temperature_leaves_what_it_was_not_sure_of():
    curve = Curve(at=(0.0, 30.0), factor=(0.997, 1.003), uncertainty=(0.0008, 0.0012))
    found = Calibration(
        reference_uncertainty=0.001, temperature=curve, temperature_range_c=(0.0, 30.0)
    )
    assert temperature_part(found, 15.0) == pytest.approx(math.hypot(0.001, 0.001))
    beyond = temperature_part(found, 45.0)
    assert beyond == pytest.approx(math.hypot(0.001, 0.0012 + 0.006 * 0.5))
    whole = temperature_part(found, None)
    assert whole == pytest.approx(math.hypot(0.001, 0.0042))
    flat = msgspec.structs.replace(
        found, temperature=msgspec.structs.replace(curve, factor=(1.0, 1.0))
    )
    # what bends nowhere over its own length is not level for ever
    assert temperature_part(flat, 80.0) == pytest.approx(
        math.hypot(0.001, 50.0 * 0.0002)
    )


@pytest.mark.parametrize("away", [(20.0, 20.0), (-30.0, -20.0), (45.0, 70.0), (0, 5)])
def test_the_mean_over_the_climate_is_that_of_its_definition(away):
    possible_c = np.linspace(CLIMATE.low_c, CLIMATE.high_c, 200_001)
    beyond = np.maximum(np.maximum(away[0] - possible_c, possible_c - away[1]), 0.0)
    expected = math.sqrt(float((beyond**2).mean()))
    assert CLIMATE.away_c(None, away) == pytest.approx(expected, rel=1e-4)
    off = possible_c - away[0]
    assert CLIMATE.away_c(away[0], None) == pytest.approx(
        math.sqrt(float((off**2).mean())), rel=1e-4
    )
    one, other = np.random.default_rng(1).choice(possible_c, (2, 400_000))
    assert CLIMATE.away_c(None, None) == pytest.approx(
        math.sqrt(float(((one - other) ** 2).mean())), rel=0.01
    )


def test_a_climate_is_a_span():
    assert CLIMATE.away_c(None, (-40.0, 60.0)) == 0.0
    with pytest.raises(ValueError, match="climate from 50"):
        Climate(low_c=50.0, high_c=50.0)


def test_the_site_file_may_tell_what_a_degree_changes(road):
    def parts(figure):
        text = road.site_text()
        if figure is not None:
            line = "counts_per_newton = 0.2\n"
            text = text.replace(line, f"{line}temperature_per_c = {figure}\n")
        site = road.site_of(text)
        trucks = [road.Truck((6e3, 9e3), (4.5,), 60.0, at_s=1.0)]
        counts, inputs = road.drive(site, trucks, seconds=3.0)
        (passage,) = road.passages(road.weigh(site, counts, inputs))
        return passage.gross_mass_kg, passage.gross_mass_uncertainty_kg

    plain, none, usual, polymer = map(parts, (None, 0.0, -0.0002, 0.002))
    assert plain == usual
    assert none[0] == usual[0] == polymer[0]
    assert none[1] < usual[1] < polymer[1]
    added = polymer[1] ** 2 - none[1] ** 2
    expected = 2.0 * polymer[0] * 0.002 * 60.0 / math.sqrt(6.0)
    assert added == pytest.approx(expected**2, rel=1e-6)
    line = "counts_per_newton = 0.2\n"
    text = road.site_text().replace(line, f"{line}temperature_per_c = 0.2\n")
    with pytest.raises(TableError, match=r"temperature_per_c.*0\.02 per °C"):
        parse_site(text, name="site.toml")
