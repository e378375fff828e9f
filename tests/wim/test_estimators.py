"""The estimators side by side, on rows whose truth is known."""

import msgspec
import numpy as np
import pytest

from wim.axles import Axle, RowLoad
from wim.calibrating import observations_of
from wim.calibration import NO_CALIBRATION, ClassFactor
from wim.estimators import ESTIMATORS, every_estimate
from wim.kernels.sine import fit_sines
from wim.kinematics import Motion
from wim.load_transfer import Transfer, moved_kg
from wim.loads import Known, Loading, crossings_of, joint_loads
from wim.roads import Ride, Road
from wim.row_loads import RowTable
from wim.scatter import scatter_of
from wim.statics import Estimation, static_loads
from wim.uncertainty import UncertaintyFigures

KNOWN = Known(calibration=NO_CALIBRATION, temperature_c=None, vehicle_class=None)


def axle(
    loads_kg, *, speed_mps=16.0, behind_m=0.0, noise_kg=10.0, whole=True, gain_mps2=0.0
):
    rows = tuple(
        RowLoad(
            rank=rank,
            row=rank,
            at_s=(3.0 * rank + behind_m) / speed_mps,
            place_m=3.0 * rank,
            speed_mps=speed_mps,
            speed_sigma_mps=0.01,
            left_kg=0.5 * load if whole else load,
            right_kg=0.5 * load if whole else None,
            load_kg=load,
            sigma_kg=noise_kg,
            whole=whole,
        )
        for rank, load in enumerate(loads_kg)
    )
    return Axle(
        hits=(),
        motion=Motion(0.0, 0.0, speed_mps, gain_mps2),
        crossed_s=behind_m / speed_mps,
        rows=rows,
        load_kg=sum(loads_kg) / len(loads_kg),
        left_kg=None,
        right_kg=None,
        footprint_m=None,
    )


def estimates(road, axles, **changed):
    given = {
        "lane": road.site.lanes[0],
        "spacings_m": (5.0,) * (len(axles) - 1),
        "groups": [[i] for i in range(len(axles))],
        "reverse": False,
        "acceleration_mps2": 0.0,
        "known": KNOWN,
        "estimation": Estimation(),
    }
    return every_estimate(axles, **{**given, **changed})


def test_all_agree_where_nothing_swings(road):
    found = estimates(road, [axle([6000.0] * 4), axle([9000.0] * 4, behind_m=5.0)])
    assert set(found) == set(ESTIMATORS)
    for loads in found.values():
        assert loads == pytest.approx((6000.0, 9000.0), rel=1e-6)


def test_the_robust_mean_leaves_out_a_row_that_is_far_off(road):
    found = estimates(road, [axle([6000.0, 6050.0, 5950.0, 9000.0])])
    assert found["robust_mean"][0] == pytest.approx(6000.0)
    assert found["plain_mean"][0] == pytest.approx(6750.0)


def test_one_sine_finds_the_load_under_a_pure_bounce(road):
    bouncing = [6000.0 + d for d in (300.0, -210.0, 0.0, 210.0)]
    found = estimates(road, [axle(bouncing)])
    assert abs(found["one_sine"][0] - 6000.0) < 300.0


def test_the_two_row_mean_takes_one_speed_for_all_rows(road):
    gaining = axle([6000.0] * 4)
    speeds = (14.0, 15.0, 17.0, 18.0)
    rows = tuple(
        msgspec.structs.replace(row, speed_mps=speed)
        for row, speed in zip(gaining.rows, speeds, strict=True)
    )
    found = estimates(road, [msgspec.structs.replace(gaining, rows=rows)])
    expected = sum(6000.0 * 16.0 / speed for speed in speeds) / 4
    assert found["two_row_mean"][0] == pytest.approx(expected)


def rows_of(axles):
    return RowTable.of([axle.rows for axle in axles])


def statics(road, axles, **changed):
    given = {
        "lane": road.site.lanes[0],
        "spacings_m": (5.0,) * (len(axles) - 1),
        "groups": [[i] for i in range(len(axles))],
        "reverse": False,
        "acceleration_mps2": 0.0,
        "scatter": scatter_of(rows_of(axles))[0],
        "flags": (),
        "known": KNOWN,
        "estimation": Estimation(),
    }
    return static_loads(rows_of(axles), **{**given, **changed})


def test_the_uncertainty_grows_when_the_driving_or_the_signals_get_worse(road):
    axles = [axle([6000.0] * 4), axle([9000.0] * 4, behind_m=5.0)]
    calm = statics(road, axles).budget
    braking = statics(road, axles, acceleration_mps2=-2.0).budget
    damaged = statics(road, axles, flags=("strip_damaged",)).budget
    uneven = [6e3 * (1.0 + part) for part in (0.3, -0.28, 0.27, -0.29)]
    shaken = statics(road, [axle(uneven), axles[1]]).budget
    pair = zip(
        calm.axle_load_uncertainties_kg,
        braking.axle_load_uncertainties_kg,
        strict=True,
    )
    assert all(then > before for before, then in pair)
    assert damaged.gross_mass_uncertainty_kg > 2 * calm.gross_mass_uncertainty_kg
    assert shaken.gross_mass_uncertainty_kg > 1.2 * calm.gross_mass_uncertainty_kg


def test_rows_that_differ_tell_of_a_road_that_is_rough_for_all_of_them(road):
    """What is common to the rows shows in none; it is as much larger as they differ."""
    rough = [
        axle([6e3 * (1.0 + part) for part in (0.16, -0.14, 0.15, -0.17)]),
        axle([9e3 * (1.0 + part) for part in (-0.14, 0.16, -0.15, 0.13)], behind_m=5.0),
    ]
    smooth = [axle([6000.0] * 4), axle([9000.0] * 4, behind_m=5.0)]

    def stated(axles, smooth_scatter):
        estimation = Estimation(loading=Loading(smooth_scatter=smooth_scatter))
        return statics(road, axles, estimation=estimation).budget

    deaf = stated(rough, 1e6).gross_mass_uncertainty_kg
    assert stated(rough, 0.6).gross_mass_uncertainty_kg > 1.3 * deaf
    assert stated(smooth, 0.6) == stated(smooth, 1e6)


def test_each_change_of_speed_makes_the_gross_mass_less_certain(road):
    axles = [axle([6000.0] * 4), axle([9000.0] * 4, behind_m=5.0)]

    def driving_kg(acceleration_mps2):
        budget = statics(road, axles, acceleration_mps2=acceleration_mps2).budget
        (line,) = (each for each in budget.contributions if each.name == "driving")
        return line.gross_mass_kg, budget.gross_mass_uncertainty_kg

    calm, braking = driving_kg(0.0), driving_kg(-2.0)
    assert calm[0] == 0.0
    assert braking[0] == pytest.approx(0.0025 * 2.0 * 15_000.0)
    assert driving_kg(2.0)[0] == pytest.approx(braking[0])
    assert driving_kg(None)[0] > 0.0
    assert braking[1] > calm[1]


def test_the_budget_adds_up_and_leaves_nothing_out(road):
    budget = statics(road, [axle([6e3] * 4), axle([9e3] * 4, behind_m=5.0)]).budget
    squares = sum(part.gross_mass_kg**2 for part in budget.contributions)
    assert budget.gross_mass_uncertainty_kg == pytest.approx(2.0 * squares**0.5)
    assert all(
        part.gross_mass_kg > 0.0
        for part in budget.contributions
        if part.name in {"rows", "speed", "temperature"}
    )


def test_an_axle_seen_by_one_wheel_is_completed_and_less_certain(road):
    both = statics(road, [axle([6000.0] * 4)])
    half = statics(road, [axle([3000.0] * 4, whole=False)])
    assert half.loads.axle_loads_kg[0] == pytest.approx(6000.0)
    assert (
        half.budget.gross_mass_uncertainty_kg
        > 2.5 * both.budget.gross_mass_uncertainty_kg
    )


def test_a_learned_road_is_not_used_for_who_drives_backwards(road):
    slopes = tuple(0.004 if 400 <= cell < 405 else 0.0 for cell in range(560))
    lane = road.site.lanes[0].number
    known_road = Road(
        lane=lane,
        from_m=-46.0,
        cell_m=0.1,
        slopes=slopes,
        rest_speeds_mps=(16.0,),
        rest=(0.6,),
    )
    calibration = msgspec.structs.replace(NO_CALIBRATION, roads=(known_road,))
    known = msgspec.structs.replace(KNOWN, calibration=calibration)
    axles = [axle([6000.0] * 4), axle([9000.0] * 4, behind_m=5.0)]
    forward = statics(road, axles, known=known)
    backward = statics(road, axles, known=known, reverse=True)
    assert forward.road_known
    assert not backward.road_known
    assert backward.loads.axle_loads_kg == pytest.approx((6000.0, 9000.0))
    assert forward.loads.gross_mass_kg != pytest.approx(15_000.0, rel=1e-4)


PAIR = (axle([6000.0, 6100.0, 5900.0, 6050.0]), axle([9000.0] * 4, behind_m=5.0))


def on_a_level_road(road, *, rest):
    """Return the loads where a learned road adds nothing and leaves this rest."""
    lane = road.site.lanes[0].number
    level = Road(
        lane=lane,
        from_m=-46.0,
        cell_m=0.1,
        slopes=(0.0,) * 560,
        rest_speeds_mps=(16.0,),
        rest=(rest,),
    )
    calibration = msgspec.structs.replace(NO_CALIBRATION, roads=(level,))
    known = msgspec.structs.replace(KNOWN, calibration=calibration)
    return statics(road, PAIR, known=known).loads


def test_a_road_that_foresees_less_leaves_more_uncertainty(road):
    well = on_a_level_road(road, rest=0.4)
    badly = on_a_level_road(road, rest=1.2)
    assert badly.gross_variance_kg2 > 2.0 * well.gross_variance_kg2


def test_a_rest_of_one_leaves_the_usual_swing(road):
    loading = Loading()
    lane = road.site.lanes[0]
    seen, _ = crossings_of(rows_of(PAIR), lane=lane, known=KNOWN, loading=loading)
    usual = joint_loads(seen, [[0], [1]], swing=loading.known_road)
    found = on_a_level_road(road, rest=1.0)
    assert found.gross_variance_kg2 == pytest.approx(usual.gross_variance_kg2)


def test_what_moves_between_axles_makes_them_less_certain_and_not_their_sum(road):
    def budget(share):
        figures = UncertaintyFigures(between_axles=share)
        return statics(road, PAIR, estimation=Estimation(uncertainty=figures))

    still, moving = budget(0.0), budget(0.05)
    pairs = zip(
        still.loads.axle_loads_kg,
        still.budget.axle_load_uncertainties_kg,
        moving.budget.axle_load_uncertainties_kg,
        strict=True,
    )
    for load, before, then in pairs:
        assert then**2 - before**2 == pytest.approx((2.0 * 0.05 * load) ** 2)
    gross = still.budget.gross_mass_uncertainty_kg
    assert moving.budget.gross_mass_uncertainty_kg == gross


def test_the_factor_of_a_vehicle_class_reaches_its_loads(road):
    entry = ClassFactor(vehicle_class="rigid", factor=1.1, uncertainty=0.001)
    calibration = msgspec.structs.replace(NO_CALIBRATION, vehicle_classes=(entry,))
    known = Known(calibration=calibration, temperature_c=None, vehicle_class="rigid")
    plain = estimates(road, PAIR)["plain_mean"]
    found = estimates(road, PAIR, known=known)["plain_mean"]
    assert found == pytest.approx([1.1 * load for load in plain])


def two_axles_moved(acceleration_mps2):
    return moved_kg(
        (6000.0, 9000.0),
        spacings_m=(5.0,),
        groups=((0,), (1,)),
        vehicle_class="rigid",
        acceleration_mps2=acceleration_mps2,
        transfer=Transfer(),
        ride=Ride(),
    )


def test_what_braking_moved_is_put_back_and_the_sum_stays(road):
    moved = two_axles_moved(-0.8)
    axles = [
        axle([6000.0 + moved[0]] * 4),
        axle([9000.0 + moved[1]] * 4, behind_m=5.0),
    ]
    found = statics(road, axles, acceleration_mps2=-0.8).loads
    assert moved[0] > 150.0
    assert found.axle_loads_kg == pytest.approx((6000.0, 9000.0), abs=5.0)
    assert found.gross_mass_kg == pytest.approx(15_000.0, abs=1.0)
    side_by_side = estimates(road, axles, acceleration_mps2=-0.8)
    assert side_by_side["joint"] == found.axle_loads_kg
    assert side_by_side["joint_open_road"] == found.axle_loads_kg
    assert side_by_side["plain_mean"][0] == pytest.approx(6000.0 + moved[0])
    unknown = statics(road, axles, acceleration_mps2=None)
    assert unknown.loads.axle_loads_kg[0] == pytest.approx(6000.0 + moved[0], abs=1.0)
    steady = statics(road, axles, acceleration_mps2=0.0)
    pairs = zip(
        unknown.budget.axle_load_uncertainties_kg,
        steady.budget.axle_load_uncertainties_kg,
        strict=True,
    )
    assert all(without > known for without, known in pairs)


def test_reference_trucks_that_gain_speed_teach_what_the_strips_should_say(road):
    gaining = [
        axle([6000.0] * 4, gain_mps2=0.5),
        axle([9000.0] * 4, behind_m=5.0, gain_mps2=0.5),
    ]
    seen = observations_of(
        gaining,
        (6000.0, 9000.0),
        axle_groups=((0,), (1,)),
        axle_spacings_m=(5.0,),
        lane=road.site.lanes[0],
        run=1,
        truck=1,
        temperature_c=None,
        vehicle_class="rigid",
    )
    moved = two_axles_moved(0.5)
    assert moved[0] < -50.0
    for each in seen:
        static = (6000.0, 9000.0)[each.axle]
        assert each.axle_load_kg == pytest.approx(static + moved[each.axle])


def one_sine(rows, hertz):
    """Return constant and rest of one axle's fit, with NumPy's solver."""
    loads_kg, after_s = np.array(rows).T
    angle = 2.0 * np.pi * hertz * after_s
    waves = np.stack([np.ones(len(rows)), np.cos(angle), np.sin(angle)], axis=1)
    normal = waves.T @ waves + 0.05 * len(rows) * np.diag([0.0, 1.0, 1.0])
    found = np.linalg.solve(normal, waves.T @ loads_kg)
    return found[0], ((loads_kg - waves @ found) ** 2).sum()


def test_sines_are_fitted_axle_by_axle_and_frequency_by_frequency():
    rng = np.random.default_rng(3)
    counts, hertz = [4, 6, 5], np.array([1.5, 2.7, 4.5])
    axles = [
        list(zip(rng.uniform(4e3, 9e3, n), rng.uniform(0.0, 2.0, n), strict=True))
        for n in counts
    ]
    loads_kg, after_s = np.array([row for own in axles for row in own]).T.copy()
    fits = np.empty((len(hertz), len(axles), 2))
    fit_sines(loads_kg, after_s, np.cumsum(counts), hertz, fits)
    for f, frequency in enumerate(hertz):
        for k, own in enumerate(axles):
            np.testing.assert_allclose(fits[f, k], one_sine(own, frequency), rtol=1e-7)


def test_one_sine_is_the_mean_where_three_rows_saw_the_axle(road):
    seen = [6000.0, 6300.0, 5900.0]
    bouncing = [6000.0 + d for d in (300.0, -210.0, 0.0, 210.0)]
    short, whole = estimates(road, [axle(seen), axle(bouncing, behind_m=5.0)])[
        "one_sine"
    ]
    assert short == pytest.approx(sum(seen) / 3.0)
    (alone,) = estimates(road, [axle(bouncing)])["one_sine"]
    assert whole == alone  # the short one has no say in the frequency
    assert whole != pytest.approx(sum(bouncing) / 4.0)
