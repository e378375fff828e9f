import math

import pytest

from wim.accuracy import cost323, in_service, quantiles

# Published tables: Student's t, chi-square-free beta values, exact binomial limits.
STUDENT = [
    (0.975, 1, 12.7062),
    (0.975, 4, 2.7764),
    (0.975, 14, 2.1448),
    (0.975, 29, 2.0452),
    (0.975, 120, 1.9799),
    (0.95, 10, 1.8125),
    (0.995, 30, 2.7500),
    (0.90, 2, 1.8856),
]


@pytest.mark.parametrize(("share", "degrees", "value"), STUDENT)
def test_students_quantiles_are_those_of_the_published_table(share, degrees, value):
    assert quantiles.student_quantile(share, degrees) == pytest.approx(value, abs=6e-5)
    assert quantiles.student_quantile(1.0 - share, degrees) == pytest.approx(
        -value, abs=6e-5
    )
    assert quantiles.student_sf(value, degrees) == pytest.approx(1 - share, rel=1e-4)


def test_the_normal_distribution_is_that_of_the_published_table():
    assert quantiles.normal_cdf(1.959964) == pytest.approx(0.975, abs=1e-7)
    assert quantiles.normal_cdf(-3.0) == pytest.approx(0.0013499, abs=1e-7)
    assert quantiles.normal_quantile(0.95) == pytest.approx(1.644854, abs=1e-6)


def test_the_incomplete_beta_function_agrees_with_sums_of_the_binomial():
    for n, p in ((1, 0.3), (7, 0.5), (40, 0.02), (400, 0.95)):
        total = 0.0
        for k in range(n):
            total += math.comb(n, k) * p**k * (1.0 - p) ** (n - k)
            assert quantiles.binomial_cdf(k, n, p) == pytest.approx(total, abs=1e-11)


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [
        (0, 10, 0.0, 0.3085),
        (1, 10, 0.0025, 0.4450),
        (5, 10, 0.1871, 0.8129),
        (10, 10, 0.6915, 1.0),
        (8, 100, 0.0352, 0.1516),
    ],
)
def test_clopper_pearson_gives_the_exact_limits_of_the_published_table(k, n, low, high):
    found = quantiles.clopper_pearson(k, n)
    assert found == pytest.approx((low, high), abs=6e-5)


def test_none_of_many_is_bounded_by_the_rule_of_three_and_a_bit():
    n = 300_000
    _, high = quantiles.clopper_pearson(0, n, confidence=0.90)
    assert high == pytest.approx(3.0 / n, rel=0.002)
    assert quantiles.clopper_pearson(0, 0) is None


def test_order_statistics_bound_a_quantile_as_in_the_published_table():
    # 95 % limits of a median: n = 10 the 2nd and 9th, n = 20 the 6th and 15th.
    assert quantiles.quantile_interval(range(1, 11), 0.5) == (2, 9)
    assert quantiles.quantile_interval(range(1, 21), 0.5) == (6, 15)
    # 59 values are the fewest whose largest is above the 95th percentile at 95 %.
    assert quantiles.quantile_interval(range(58), 0.95, confidence=0.90)[1] is None
    assert quantiles.quantile_interval(range(59), 0.95, confidence=0.90)[1] == 58
    assert quantiles.quantile(range(1, 101), 0.95) == 95


# Of weighing.md section 4: criterion, n, m, s, required, least delta, class number.
GOLDEN = [
    ("gross", 15, 1.38168, 3.42844, 85.188, 7.53, 7.53),
    ("group", 15, 2.27353, 3.97702, 85.188, 9.14, 6.40),
    ("single", 30, 0.60035, 7.46231, 89.618, 15.36, 10.36),
    ("axle_of_group", 45, 2.73113, 5.83041, 91.079, 12.89, 6.44),
]


@pytest.mark.parametrize(("criterion", "n", "m", "s", "required", "least", "k"), GOLDEN)
def test_cost_323_reproduces_the_published_test(criterion, n, m, s, required, least, k):
    found = cost323.assess_criterion(criterion, count=n, mean=m, deviation=s)
    assert found.required == pytest.approx(required, abs=6e-4)
    assert found.least_delta == pytest.approx(least, abs=6e-3)
    assert found.class_number == pytest.approx(k, abs=6e-3)


def test_the_system_is_as_good_as_its_worst_criterion():
    found = [
        cost323.assess_criterion(criterion, count=n, mean=m, deviation=s)
        for criterion, n, m, s, *_ in GOLDEN
    ]
    assert [each.name for each in found] == ["B(10)", "B+(7)", "C(15)", "B+(7)"]
    assert cost323.class_name(max(each.class_number for each in found)) == "C(15)"


TOLERANCES = {
    "gross": (5, 7, 10, 15, 20, 25),
    "group": (7, 10, 13, 18, 23, 28),
    "single": (8, 11, 15, 20, 25, 30),
    "axle_of_group": (10, 14, 20, 25, 30, 35),
}


@pytest.mark.parametrize("criterion", TOLERANCES)
def test_the_tolerances_are_those_of_the_specification_and_can_be_undone(criterion):
    for k, delta in zip((5, 7, 10, 15, 20, 25), TOLERANCES[criterion], strict=True):
        found = cost323.tolerance(criterion, k)
        assert round(found) == delta
        assert cost323.class_number(criterion, found) == pytest.approx(k, abs=0.05)


def test_data_that_made_the_calibration_have_to_be_better_by_a_fifth():
    plain = cost323.assess_criterion("gross", count=40, mean=0.0, deviation=2.0)
    own = cost323.assess_criterion(
        "gross", count=40, mean=0.0, deviation=2.0, own_calibration_data=True
    )
    assert own.least_delta == pytest.approx(plain.least_delta / 0.8)


def test_judging_takes_mean_and_deviation_of_the_errors_and_needs_ten():
    errors = {"gross": [-3.0, 1.0, 2.0, 4.0] * 4, "single": [50.0, -50.0]}
    found = cost323.judge(errors)
    gross = found.criteria[0]
    assert (gross.count, gross.mean) == (16, 1.0)
    assert gross.deviation == pytest.approx(math.sqrt(4 * 26.0 / 15.0))
    assert len(found.criteria) == 2
    assert found.name == gross.name
    assert cost323.judge({"gross": [1.0]}).name is None


def test_narrower_conditions_require_more_confidence():
    kinds = [
        cost323.required_confidence(50, repeatability=kind)
        for kind in ("R2", "R1", "r2", "r1")
    ]
    assert kinds == sorted(kinds)
    seasons = [
        cost323.required_confidence(50, environment=season)
        for season in ("III", "II", "I")
    ]
    assert seasons == sorted(seasons)


def test_in_service_one_run_outside_is_one_too_many():
    errors = [1.0, -1.9, 0.3] * 100
    found = in_service.check(errors)
    assert (found.reached, found.worst, found.count) == (2.0, -1.9, 300)
    worse = in_service.check([*errors, 5.01])
    assert worse.reached == 10.0
    five = next(each for each in worse.classes if each.accuracy_class == 5.0)
    assert (five.outside, five.passed) == (1, False)
    assert five.share_outside_upper == pytest.approx(0.0184, abs=1e-4)
    new = in_service.check(errors, initial_verification=True)
    assert new.reached == 5.0
    assert in_service.check([]).reached is None
