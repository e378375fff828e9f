"""Loads of all axles together: held against plain linear algebra and drawn samples."""

import msgspec
import numpy as np
import pytest

from wim.kernels.joint import estimate_jointly
from wim.loads import KNOWN_ROAD, Crossings, Swing, joint_loads


def test_one_supposition_is_plain_generalised_least_squares():
    rng = np.random.default_rng(1)
    axles = np.repeat(np.arange(3), 4)
    rows = np.tile(np.arange(4), 3)
    places = 3.0 * rows
    loads = np.array([6e3, 9e3, 1.1e4])[axles] * (1 + 0.03 * rng.standard_normal(12))
    own = np.full(12, 40.0**2)
    gains = np.full(4, 0.006**2)
    swings = np.array([250.0, 300.0, 350.0])
    kinship = np.full((2, 3, 3), 0.5)
    kinship[:, range(3), range(3)] = 1.0
    hop = np.array([11.0, 0.15, 0.3])
    means, covariance, weights = np.zeros(3), np.zeros((3, 3)), np.zeros((1, 1))
    estimate_jointly(
        places,
        16.0,
        axles,
        rows,
        loads,
        own,
        gains,
        swings,
        kinship,
        np.array([[2.5, 0.2, 1.0]]),
        hop,
        np.array([[0.7, 1.0]]),
        means,
        covariance,
        weights,
    )

    lag = np.abs(places[:, None] - places) / 16.0

    def wave(frequency, damping):
        omega = 2 * np.pi * frequency
        swing = omega * np.sqrt(1 - damping**2)
        falls = np.exp(-damping * omega * lag)
        turns = np.cos(swing * lag) - damping * omega / swing * np.sin(swing * lag)
        return falls * turns

    pair = np.outer(swings[axles], swings[axles]) * kinship[0][np.ix_(axles, axles)]
    total = 0.7 * pair * (0.7 * wave(2.5, 0.2) + 0.3 * wave(11.0, 0.15))
    total += (rows[:, None] == rows) * gains[0] * np.outer(loads, loads) + np.diag(own)
    member = (axles[:, None] == np.arange(3)).astype(float)
    inverse = np.linalg.inv(total)
    expected = np.linalg.inv(member.T @ inverse @ member)
    assert covariance == pytest.approx(expected, rel=1e-6)
    assert means == pytest.approx(expected @ member.T @ inverse @ loads, rel=1e-9)
    assert weights[0, 0] == 1.0


def crossings(loads_kg, *, rows=4, speed_mps=16.0, own_kg=30.0):
    axles = len(loads_kg)
    return Crossings.of(
        axles=tuple(i for i in range(axles) for _ in range(rows)),
        ranks=tuple(r for _ in range(axles) for r in range(rows)),
        places_m=tuple(3.0 * r for _ in range(axles) for r in range(rows)),
        speeds_mps=(speed_mps,) * (axles * rows),
        loads_kg=tuple(load for axle in loads_kg for load in axle),
        own_variances_kg2=(own_kg**2,) * (axles * rows),
        row_variances=(0.005**2,) * rows,
    )


def test_the_uncertainty_grows_with_the_scatter_between_the_rows():
    calm = [[6000.0 + d for d in (5, -5, 8, -8)], [9000.0 + d for d in (9, 2, -9, 1)]]
    wild = [[6000.0 + 60 * d for d in (5, -5, 8, -8)], [9e3, 9.6e3, 8.4e3, 9.1e3]]
    quiet = joint_loads(crossings(calm), [[0], [1]], swing=Swing())
    rough = joint_loads(crossings(wild), [[0], [1]], swing=Swing())
    assert rough.gross_variance_kg2 > 1.5 * quiet.gross_variance_kg2


def test_fewer_rows_are_never_more_certain():
    four = joint_loads(crossings([[7000.0] * 4]), [[0]], swing=Swing())
    two = joint_loads(crossings([[7000.0] * 2], rows=2), [[0]], swing=Swing())
    assert two.gross_variance_kg2 > four.gross_variance_kg2


def test_rows_three_metres_apart_say_least_of_loads_that_bounce_from_row_to_row():
    """Light axles do at 12 m/s, four times a second; heavy ones bounce slower."""
    alike = msgspec.structs.replace(KNOWN_ROAD, load_factors=(1.0,) * 8)

    def light_over_heavy(swing, speed_mps):
        sigmas = []
        for load_kg in (3.5e3, 14e3):
            seen = crossings([[load_kg] * 4], speed_mps=speed_mps, own_kg=1.0)
            found = joint_loads(seen, [[0]], swing=swing)
            sigmas.append(np.sqrt(found.gross_variance_kg2) / load_kg)
        return sigmas[0] / sigmas[1]

    assert light_over_heavy(alike, 12.0) > 1.2
    assert light_over_heavy(alike, 25.0) < 0.97
    deaf = msgspec.structs.replace(alike, bounce_spread=1e6)
    assert light_over_heavy(deaf, 12.0) == pytest.approx(1.0, abs=0.02)


def test_a_row_that_is_known_badly_counts_little():
    good = crossings([[7000.0, 7000.0, 7000.0, 9000.0]])
    own = np.array((900.0, 900.0, 900.0, 4e6))
    weighed = good._replace(own_variances_kg2=own)
    found = joint_loads(weighed, [[0]], swing=Swing())
    assert found.axle_loads_kg[0] == pytest.approx(7000.0, rel=0.01)


def test_the_true_sum_lies_within_twice_its_uncertainty_as_often_as_it_says():
    """Draw loads from the model itself: coverage must be 95 % within chance."""
    rng = np.random.default_rng(7)
    swing_law = Swing()
    lag = np.abs(np.subtract.outer(np.arange(4), np.arange(4))) * 3.0 / 16.0
    inside = 0
    for _ in range(400):
        hertz = rng.choice([f for f, _ in swing_law.bounces])
        omega = 2 * np.pi * hertz
        falls = np.exp(-swing_law.bounce_damping * omega * lag)
        swing = omega * np.sqrt(1 - swing_law.bounce_damping**2)
        ratio = swing_law.bounce_damping * omega / swing
        shape = falls * (np.cos(swing * lag) - ratio * np.sin(swing * lag))
        root = np.linalg.cholesky(shape + 1e-9 * np.eye(4))
        common = root @ rng.standard_normal(4)
        truth = np.array([6000.0, 8000.0, 8000.0])
        part = swing_law.kin_bounce_others
        rows = [
            load
            * (
                1.0
                + swing_law.share_at(load, 16.0, first=False)
                * (
                    np.sqrt(part) * common
                    + np.sqrt(1 - part) * root @ rng.standard_normal(4)
                )
            )
            for load in truth
        ]
        found = joint_loads(
            crossings([list(row) for row in rows]), [[0], [1, 2]], swing=swing_law
        )
        off = found.gross_mass_kg - truth.sum()
        inside += abs(off) <= 2.0 * np.sqrt(found.gross_variance_kg2)
    assert 0.90 <= inside / 400 <= 0.995


@pytest.mark.parametrize("seed", range(40))
def test_whatever_is_taken_for_one_vehicle_gets_finite_loads(seed):
    """Axles of two vehicles with speeds of their own must not break the algebra."""
    rng = np.random.default_rng(seed)
    axles, rows = int(rng.integers(1, 17)), int(rng.integers(2, 9))
    loads = [list(rng.uniform(1.0, 4e4, rows)) for _ in range(axles)]
    speeds = rng.uniform(0.1, 40.0, axles * rows)
    seen = crossings(loads, rows=rows, own_kg=float(rng.uniform(1.0, 500.0)))
    found = joint_loads(
        seen._replace(speeds_mps=speeds),
        [[i] for i in range(axles)],
        swing=Swing(),
    )
    assert np.isfinite(found.axle_loads_kg).all()
    assert np.isfinite(found.covariance_kg2).all()
    assert found.gross_variance_kg2 > 0.0
