import random

import msgspec
import pytest

from wim.calibrating import Observation, Rules, calibrate, monotone, ratio
from wim.calibration import Calibration, ChannelFactor, Curve
from wim.errors import CalibrationError

TRUE = Calibration(
    strips=tuple(
        ChannelFactor(channel=k, factor=f, uncertainty=0.0)
        for k, f in enumerate((1.03, 0.98, 1.00, 0.99, 0.97, 1.02))
    ),
    speed=Curve(at=(5.0, 25.0), factor=(0.99, 1.01), uncertainty=(0.0, 0.0)),
)
FLAT = Rules(learn_roads=False)
TRUCKS = ((6000.0, 11_000.0), (6500.0, 9000.0, 9000.0), (7000.0,) * 4, (5000.0, 8000.0))


def runs(*, scatter=0.02, speeds=(6.0, 12.0, 18.0, 24.0), seed=1, trucks=TRUCKS):
    """Observations of a site whose true factors are those above."""
    rng = random.Random(seed)
    found = []
    run = 0
    for truck, loads in enumerate(trucks):
        for speed in speeds:
            for _ in range(4):
                run += 1
                v = speed + rng.uniform(-0.8, 0.8)
                for axle, static in enumerate(loads):
                    left = rng.uniform(0.45, 0.55)
                    for channel in range(6):
                        side = "left" if channel % 2 == 0 else "right"
                        part = left if side == "left" else 1.0 - left
                        gain = TRUE.strip_factor(channel) * TRUE.speed.factor_at(v)
                        force = static * part * (1.0 + rng.gauss(0.0, scatter))
                        found.append(
                            Observation(
                                run=run,
                                truck=truck,
                                axle=axle,
                                lane=1,
                                role="steer" if axle == 0 else "drive",
                                place_m=3.0 * (channel // 2),
                                channel=channel,
                                side=side,
                                measured_kg=force / gain,
                                axle_load_kg=static,
                                speed_mps=v,
                                temperature_c=None,
                                vehicle_class="rigid",
                                axles=len(loads),
                            )
                        )
    return found


def test_the_ratio_is_not_biased_by_the_scatter_of_the_dynamic_values():
    rng = random.Random(2)
    pairs = [(1.0, 1.0 + rng.gauss(0.0, 0.2)) for _ in range(20_000)]
    assert ratio(pairs) == pytest.approx(1.0, abs=0.005)
    squared_below = sum(s * d for s, d in pairs) / sum(d * d for _, d in pairs)
    assert squared_below < 0.97


def test_rows_are_brought_together_and_the_gross_mass_to_the_reference():
    found = calibrate(runs(), static_uncertainty=0.0005, rules=FLAT)
    assert abs(found.after.bias) < 0.1
    assert found.before.sd > 1.3 * found.after.sd
    assert (found.trucks, found.after.runs) == (4, 64)
    factors = {each.channel: each.factor for each in found.calibration.strips}
    for side in ((0, 2, 4), (1, 3, 5)):
        # left and right may differ by what no weighed truck can tell
        offset = factors[side[0]] / TRUE.strip_factor(side[0])
        for channel in side:
            expected = TRUE.strip_factor(channel) * offset
            assert factors[channel] == pytest.approx(expected, abs=0.006)
    curve = found.calibration.speed
    gain = curve.factor_at(24.0) / curve.factor_at(6.0)
    assert gain == pytest.approx(1.009 / 0.991, abs=0.006)
    assert list(curve.factor) == sorted(curve.factor)


def test_the_stated_uncertainty_covers_the_true_factors():
    inside = total = 0
    for seed in range(10):
        found = calibrate(
            runs(seed=seed, scatter=0.05), static_uncertainty=0.0, rules=FLAT
        )
        for one, other in ((0, 2), (2, 4), (1, 3), (3, 5)):
            a, b = found.calibration.strips[one], found.calibration.strips[other]
            true = TRUE.strip_factor(one) / TRUE.strip_factor(other)
            reach = 2.0 * (a.uncertainty**2 + b.uncertainty**2) ** 0.5
            inside += abs(a.factor / b.factor - true) <= reach
            total += 1
    assert inside / total > 0.85


def test_more_scatter_or_a_single_truck_is_less_certain():
    def worst(observations):
        found = calibrate(observations, static_uncertainty=0.0, rules=FLAT)
        return max(each.uncertainty for each in found.calibration.strips)

    good = worst(runs(scatter=0.01))
    assert worst(runs(scatter=0.08)) > 2.0 * good
    assert worst(runs(scatter=0.01, trucks=TRUCKS[:1])) >= 0.01
    scale = calibrate(runs(), static_uncertainty=0.03, rules=FLAT).calibration
    common = scale.common_uncertainty(
        speed_mps=14.0, vehicle_class=None, uncalibrated=0.0
    )
    assert common >= 0.03


def test_no_curve_is_made_of_what_nobody_drove():
    found = calibrate(
        runs(speeds=(14.0,)), static_uncertainty=0.0, rules=FLAT
    ).calibration
    assert found.speed is None
    assert found.temperature is None
    assert found.vehicle_classes == ()


def of_two_classes(*, alike, gain):
    """As many lorries of two axles as given, whose loads the road takes ``gain``
    times, among eleven of four axles and nine articulated ones."""
    short = [(6000.0 + 90.0 * k, 11_000.0 - 150.0 * k) for k in range(alike)]
    long = [(7000.0 + 80.0 * k,) * 4 for k in range(11)]
    towed = [(6000.0 + 70.0 * k,) * 5 for k in range(9)]
    each = runs(trucks=(*short, *long, *towed), speeds=(14.0,))
    replace = msgspec.structs.replace
    return [
        replace(
            one,
            measured_kg=one.measured_kg * (gain if one.axles == 2 else 1.0),
            vehicle_class="articulated" if one.axles == 5 else "rigid",
        )
        for one in each
    ]


def test_lorries_of_two_axles_have_a_factor_of_their_own_where_enough_drove():
    found = calibrate(
        of_two_classes(alike=9, gain=0.97), static_uncertainty=0.0, rules=FLAT
    ).calibration
    named = {(one.vehicle_class, one.axles) for one in found.vehicle_classes}
    assert named == {
        ("rigid", None),
        ("rigid", 2),
        ("rigid", 4),
        ("articulated", None),
    }
    short, long = (found.class_factor("rigid", axles=axles) for axles in (2, 4))
    assert short / long == pytest.approx(1 / 0.97, abs=0.004)
    assert long < found.class_factor("rigid") < short
    assert found.class_factor("rigid", axles=3) == found.class_factor("rigid")
    few = calibrate(
        of_two_classes(alike=7, gain=0.97), static_uncertainty=0.0, rules=FLAT
    ).calibration
    assert ("rigid", 2) not in {
        (one.vehicle_class, one.axles) for one in few.vehicle_classes
    }


def test_what_chance_makes_of_so_many_axles_moves_nothing():
    """Lorries of two axles that weigh as all others have the factor of their class."""
    found = calibrate(
        of_two_classes(alike=9, gain=1.0), static_uncertainty=0.0, rules=FLAT
    ).calibration
    whole = found.class_factor("rigid")
    for axles in (2, 4):
        assert found.class_factor("rigid", axles=axles) == whole


def at_temperatures(places_c, observations):
    """Give each run a temperature, and its strips what quartz loses there."""
    found = []
    for each in observations:
        warm_c = places_c[each.run % len(places_c)]
        loss = 1.0 if warm_c is None else 1.0 - 0.0002 * (warm_c - 20.0)
        found.append(
            msgspec.structs.replace(
                each, measured_kg=each.measured_kg * loss, temperature_c=warm_c
            )
        )
    return found


def test_a_set_keeps_from_and_to_which_temperature_its_runs_were_driven():
    def range_c(*places_c, observations=None):
        driven = at_temperatures(places_c, observations or runs())
        found = calibrate(driven, static_uncertainty=0.0, rules=FLAT).calibration
        return found.temperature_range_c, found.temperature is not None

    assert range_c(None) == (None, False)
    assert range_c(20.0, None) == (None, False)
    assert range_c(20.0) == ((20.0, 20.0), False)
    assert range_c(17.0, 21.0, 18.0) == ((17.0, 21.0), False)
    assert range_c(-5.0, 10.0, 30.0) == ((-5.0, 30.0), True)
    # too few for a curve: the factors are those of the mean
    few = [each for each in runs() if each.run % 16 == 1 or each.run % 32 == 2]
    assert len({each.run for each in few}) == 6
    assert range_c(0.0, 30.0, observations=few) == ((16.0, 24.0), False)


def test_a_curve_stays_monotone_and_within_its_limit():
    rules = Rules(curve_limit=0.002, learn_roads=False)
    found = calibrate(runs(), static_uncertainty=0.0, rules=rules).calibration
    assert max(abs(f - 1.0) for f in found.speed.factor) <= 0.002 + 1e-12
    assert monotone([3.0, 2.0, 2.5, 1.0], [1.0] * 4) == [3.0, 2.25, 2.25, 1.0]


def test_a_strip_beyond_the_limit_is_refused_by_its_channel():
    broken = [
        each
        if each.channel != 4
        else Observation(
            **{
                name: getattr(each, name) * (0.5 if name == "measured_kg" else 1)
                for name in each.__struct_fields__
                if name not in ("temperature_c", "vehicle_class", "side", "role")
            },
            side=each.side,
            role=each.role,
            temperature_c=None,
            vehicle_class=each.vehicle_class,
        )
        for each in runs()
    ]
    with pytest.raises(CalibrationError, match="channel 4 would need the factor"):
        calibrate(broken, static_uncertainty=0.0, rules=FLAT)


def test_too_few_runs_are_refused():
    with pytest.raises(CalibrationError, match="3 usable runs"):
        calibrate(
            [each for each in runs() if each.run <= 3],
            static_uncertainty=0.0,
            rules=FLAT,
        )
