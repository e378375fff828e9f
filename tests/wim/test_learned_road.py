"""A road learned from reference passages foresees what the next trucks will feel."""

import msgspec
import numpy as np
import pytest

from wim.calibration import Calibration
from wim.kernels.ride import answer_to_slope, expected_excess
from wim.loads import KNOWN_ROAD, Crossings, joint_loads, on_level_road
from wim.passage import Weigher
from wim.road_learning import RoadSample, learn_road
from wim.roads import Ride, Road, answers, excess, roles_of
from wim.statics import Estimation

RIDE = Ride()
ROWS_M = (0.0, 3.0, 6.0, 9.0)
ROW_VARIANCE = 0.008**2 / 2


@pytest.fixture(scope="module")
def slopes():
    rng = np.random.default_rng(5)
    return rng.normal(0.0, np.sqrt(3.16e-6 / 0.1), 560)


def learned(samples):
    return learn_road(
        samples, lane=1, estimation=Estimation(), row_variance=ROW_VARIANCE
    )


def felt(slopes, role, load_kg, speed_mps):
    answer = answers(role, load_kg=load_kg, speed_mps=speed_mps, cell_m=0.1, ride=RIDE)
    return [expected_excess(answer, slopes, -46.0, 0.1, place) for place in ROWS_M]


def samples(slopes, *, passages, seed, noise=0.01, common=0.0):
    rng = np.random.default_rng(seed)
    found = []
    for number in range(passages):
        speed = rng.uniform(6.0, 26.0)
        own = common * rng.standard_normal()
        for axle, role in enumerate(("steer", "drive", "trailer")):
            load = rng.uniform(4000.0, 12000.0)
            for place, more in zip(
                ROWS_M, felt(slopes, role, load, speed), strict=True
            ):
                found.append(
                    RoadSample(
                        passage=number,
                        axle=axle,
                        role=role,
                        load_kg=load,
                        speed_mps=speed,
                        place_m=place,
                        excess=more + own + noise * rng.standard_normal(),
                        common=0.001,
                    )
                )
    return found


def test_a_step_is_forgotten_and_a_level_road_adds_nothing():
    answer = np.zeros(450)
    answer_to_slope(5e3, 1e3, 7e5, 2.5e4, 3.5e6, 15.0, 0.1, answer)
    assert abs(answer[0]) > 100.0 * abs(answer[-1])
    assert expected_excess(answer, np.zeros(500), -45.0, 0.1, 3.0) == 0.0


def test_the_answer_is_that_of_the_equations_of_motion():
    """Held against an independent solution: the matrix exponential, cell by cell."""
    ms, mu, ks, cs, kt = 5e3, 1e3, 7e5, 2.5e4, 3.5e6
    system = np.array(
        [
            [0.0, 1.0, 0.0, 0.0, 0.0],
            [-ks / ms, -cs / ms, ks / ms, cs / ms, 0.0],
            [0.0, 0.0, 0.0, 1.0, 0.0],
            [ks / mu, cs / mu, -(ks + kt) / mu, -cs / mu, kt / mu],
            [0.0, 0.0, 0.0, 0.0, 0.0],
        ]
    )
    values, vectors = np.linalg.eig(system)
    inverse = np.linalg.inv(vectors)

    def after(seconds, state):
        return (vectors * np.exp(values * seconds) @ inverse @ state).real

    answer = np.zeros(60)
    answer_to_slope(ms, mu, ks, cs, kt, 15.0, 0.1, answer)
    steps, dt = 400, 0.1 / 15.0 / 400
    state = np.zeros(5)
    for step in range(steps):
        state[4] = 0.1 * (step + 0.5) / steps
        state = after(dt, state)
    for cell in range(60):
        if cell:
            state[4] = 0.1
            state = after(0.1 / 15.0, state)
        expected = kt * (0.1 - state[2])
        assert answer[cell] == pytest.approx(expected, abs=0.02 * kt * 0.1)


def test_what_the_road_adds_is_foreseen_on_passages_it_was_not_learned_from(slopes):
    road = learned(samples(slopes, passages=60, seed=1))
    before, after = [], []
    for sample in samples(slopes, passages=40, seed=2, noise=0.0):
        (foreseen,) = excess(
            road,
            sample.role,
            load_kg=sample.load_kg,
            speed_mps=sample.speed_mps,
            places_m=[sample.place_m],
            ride=RIDE,
        )
        before.append(sample.excess)
        after.append(sample.excess - foreseen)
    assert np.std(after) < 0.35 * np.std(before)
    assert all(0.0 < rest < 0.8 for rest in road.rest)


def test_trucks_that_the_road_does_not_shake_teach_that_nothing_is_foreseen(slopes):
    rng = np.random.default_rng(3)
    chance = [
        RoadSample(
            passage=sample.passage,
            axle=sample.axle,
            role=sample.role,
            load_kg=sample.load_kg,
            speed_mps=sample.speed_mps,
            place_m=sample.place_m,
            excess=float(0.03 * rng.standard_normal()),
            common=0.001,
        )
        for sample in samples(slopes, passages=60, seed=4)
    ]
    road = learned(chance)
    foreseen = [
        excess(
            road,
            sample.role,
            load_kg=sample.load_kg,
            speed_mps=sample.speed_mps,
            places_m=[sample.place_m],
            ride=RIDE,
        )
        for sample in samples(slopes, passages=5, seed=8)
    ]
    assert np.std(foreseen) < 0.01


def test_a_rest_tells_how_far_gross_masses_are_off_and_not_how_rough_the_road_was(
    slopes,
):
    def rest(common, *, rough=1.0):
        seen = samples(rough * slopes, passages=80, seed=7, noise=0.02, common=common)
        return np.mean(learned(seen).rest)

    usual = rest(0.005)
    assert rest(0.015) > 2.0 * usual
    assert rest(0.005, rough=2.0) == pytest.approx(usual, rel=0.3)


def test_what_a_strip_is_off_for_all_passages_is_no_error_of_theirs(slopes):
    """The factors are found again on the level road and take it in."""
    even = samples(slopes, passages=80, seed=7, noise=0.01, common=0.002)
    strips = dict(zip(ROWS_M, (0.006, 0.009, 0.003, 0.006), strict=True))
    off = [
        msgspec.structs.replace(each, excess=each.excess + strips[each.place_m])
        for each in even
    ]
    usual = np.mean(learned(even).rest)
    assert np.mean(learned(off).rest) < 1.15 * usual


def off_and_stated(road, fresh):
    """Return squared errors of gross masses and their variances, by passage."""
    found = []
    for number in sorted({sample.passage for sample in fresh}):
        own = [sample for sample in fresh if sample.passage == number]
        speed = own[0].speed_mps
        level = on_level_road(
            Crossings.of(
                axles=tuple(sample.axle for sample in own),
                ranks=tuple(ROWS_M.index(sample.place_m) for sample in own),
                places_m=tuple(sample.place_m for sample in own),
                speeds_mps=(speed,) * len(own),
                loads_kg=tuple(
                    sample.load_kg * (1.0 + sample.excess) for sample in own
                ),
                own_variances_kg2=(100.0,) * len(own),
                row_variances=(ROW_VARIANCE,) * len(ROWS_M),
            ),
            road=road,
            roles=("steer", "drive", "trailer"),
            ride=RIDE,
        )
        rest = float(np.interp(speed, road.rest_speeds_mps, road.rest))
        loads = joint_loads(level, [[0], [1], [2]], swing=KNOWN_ROAD, rest=rest)
        true_kg = sum({sample.axle: sample.load_kg for sample in own}.values())
        found.append(((loads.gross_mass_kg - true_kg) ** 2, loads.gross_variance_kg2))
    return np.array(found).T


def test_fresh_passages_are_off_by_as_much_as_the_rest_says(slopes):
    stated = {}
    for worse in (1.0, 2.5):
        bad = {"noise": 0.015 * worse, "common": 0.008 * worse}
        road = learned(samples(slopes, passages=120, seed=11, **bad))
        off, variance = off_and_stated(
            road, samples(slopes, passages=120, seed=12, **bad)
        )
        assert 0.7 < np.mean(off / variance) < 1.4
        stated[worse] = np.sqrt(np.median(variance))
    assert stated[2.5] > 1.8 * stated[1.0]


def test_a_rest_is_bounded_by_no_usual_road(slopes):
    smooth = learned(samples(slopes, passages=60, seed=13, noise=0.001))
    rough = learned(samples(slopes, passages=60, seed=14, noise=0.2, common=0.15))
    assert max(smooth.rest) < 0.3
    assert min(rough.rest) > 5.0


def test_a_rest_has_speeds_that_grow():
    level = {"lane": 1, "from_m": 0.0, "cell_m": 0.1, "slopes": (0.0, 0.0)}
    with pytest.raises(ValueError, match="rest_speeds_mps"):
        Road(rest_speeds_mps=(15.0, 10.0), rest=(1.0, 1.2), **level)
    with pytest.raises(ValueError, match="rest"):
        Road(rest_speeds_mps=(10.0, 15.0), rest=(1.0,), **level)


def test_a_few_passages_teach_no_road(slopes):
    assert learned(samples(slopes, passages=9, seed=6)) is None


def test_a_known_road_is_taken_off_the_rows(slopes):
    road = Road(
        lane=1,
        from_m=-46.0,
        cell_m=0.1,
        slopes=tuple(slopes.tolist()),
        rest_speeds_mps=(15.0,),
        rest=(0.5,),
    )
    more = felt(slopes, "steer", 7000.0, 15.0)
    crossings = Crossings.of(
        axles=(0,) * 4,
        ranks=(0, 1, 2, 3),
        places_m=ROWS_M,
        speeds_mps=(15.0,) * 4,
        loads_kg=tuple(7000.0 * (1.0 + add) for add in more),
        own_variances_kg2=(100.0,) * 4,
        row_variances=(1e-5,) * 4,
    )
    level = on_level_road(crossings, road=road, roles=("steer",), ride=RIDE)
    assert level.loads_kg == pytest.approx([7000.0] * 4, rel=0.002)
    assert np.ptp(crossings.loads_kg) > 20.0 * np.ptp(level.loads_kg)


def test_geometry_tells_what_an_axle_does():
    assert roles_of([[0], [1]], [5.0], ride=RIDE) == ("steer", "drive")
    four = roles_of([[0], [1], [2, 3]], [1.9, 4.0, 1.35], ride=RIDE)
    assert four == ("steer", "steer", "drive", "drive")


def test_one_lane_has_one_road():
    road = Road(
        lane=1,
        from_m=0.0,
        cell_m=0.1,
        slopes=(0.0, 0.0),
        rest_speeds_mps=(15.0,),
        rest=(1.0,),
    )
    with pytest.raises(ValueError, match="roads: lanes"):
        Calibration(roads=(road, road))


def test_a_road_says_nothing_of_what_is_lighter_than_any_truck(road):
    """A car stands on springs of a tenth: it was weighed up to a half too heavy."""
    rng = np.random.default_rng(8)
    rough = Road(
        lane=1,
        from_m=-46.0,
        cell_m=0.1,
        slopes=tuple(rng.normal(0.0, 0.006, 560).tolist()),
        rest_speeds_mps=(15.0,),
        rest=(0.5,),
    )

    def weighed(loads_kg, calibration):
        site = road.site_of(road.site_text())
        truck = road.Truck(loads_kg, (2.7,), 80.0)
        counts, _ = road.drive(site, [truck], seconds=3.0)
        weigher = Weigher(site, sample_rate_hz=4000.0, calibration=calibration)
        (passage,) = road.passages(weigher.receive(counts, 0) + weigher.flush())
        return passage

    learned_road, no_road = Calibration(roads=(rough,)), Calibration()
    car = (750.0, 600.0)
    assert weighed(car, learned_road) == weighed(car, no_road)
    lorry = (3000.0, 2600.0)
    assert (
        weighed(lorry, learned_road).axle_loads_kg
        != weighed(lorry, no_road).axle_loads_kg
    )
