"""What the joint estimate reads, against what plain Python makes of the same rows."""

import math

import numpy as np
import pytest

from wim.calibration import STANDARD_GRAVITY_MPS2, interpolated
from wim.kernels.bounce import share_in_mean
from wim.kernels.crossings import see_crossings, suppose_swings
from wim.kernels.row_table import FULL, LEFT, RIGHT, ROW_COLUMNS
from wim.load_transfer import Transfer, transferred
from wim.loads import Crossings, Swing
from wim.roads import Ride, roles_of
from wim.unseen_bounce import UnseenBounce, bounce_left

SEEDS = range(30)
SHAPES = {
    "rigid": ((0,), (1, 2)),
    "articulated": ((0,), (1,), (2, 3, 4)),
    "centre_axle": ((0,), (1,), (2, 3)),
    "full_trailer": ((0,), (1, 2), (3,), (4,)),
}


def rows_of(rng, axles=4, ranks=4):
    """Return rows of which some saw one wheel only, and the site's numbers of them."""
    rows = []
    for axle in range(axles):
        for rank in range(ranks):
            seen = int(rng.choice([LEFT | RIGHT, LEFT | RIGHT, LEFT, RIGHT, FULL]))
            left, right, full = rng.uniform(1e3, 6e3, 3)
            left = left if seen & LEFT else 0.0
            right = right if seen & RIGHT else 0.0
            load = full if seen == FULL else left + right
            row = ranks - 1 - rank
            speed, sigma = rng.uniform(0.05, 20.0), rng.uniform(0.0, 0.5)
            whole = float(seen in {LEFT | RIGHT, FULL} and rng.random() > 0.2)
            place = (axle, rank, row, 0.1 * rank, 3.0 * rank, speed, sigma)
            weight = (left, right, load, rng.uniform(1.0, 90.0), seen, whole, np.nan)
            rows.append((*place, *weight))
    return np.array(rows)


def naive_loads(rows, completed, halved):
    """Return load and uncertainty of each row, completed by the axle's other rows."""
    found = []
    for row in rows:
        left_kg = right_kg = 0.0
        for other in rows[rows[:, 0] == row[0]]:
            both = int(other[11]) & (LEFT | RIGHT) == LEFT | RIGHT
            if other[12] and both:
                left_kg += other[7]
                right_kg += other[8]
        both_kg = left_kg + right_kg
        load, sigma, seen = row[9], row[10], int(row[11])
        if row[12] or seen not in {LEFT, RIGHT}:
            found.append((load, sigma))
            continue
        share = left_kg / both_kg if both_kg > 0.0 else 0.5
        part = max(share if seen == LEFT else 1.0 - share, 0.1)
        unsure = completed if both_kg > 0.0 else halved
        load, noise = load / part, sigma / part
        missed = unsure * unsure * load * load
        found.append((load, math.sqrt(noise * noise + missed)))
    return found


@pytest.mark.parametrize("seed", SEEDS)
def test_crossings_are_what_each_row_says_of_each_axle(seed):
    rng = np.random.default_rng(seed)
    rows = rows_of(rng)
    assert rows.shape[1] == ROW_COLUMNS
    n = len(rows)
    factors, strips = rng.uniform(0.95, 1.05, n), rng.uniform(1e-6, 1e-4, 4)
    axles, ranks = np.empty((2, n), dtype=np.int64)
    places, speeds, loads, variances = np.empty((4, n))
    by_rank = np.zeros(4)
    seen = (axles, ranks, places, speeds, loads, variances, by_rank)
    unsure = see_crossings(rows, factors, strips, 0.04, 0.2, *seen)
    expected = naive_loads(rows, 0.04, 0.2)
    assert axles.tolist() == rows[:, 0].tolist()
    assert ranks.tolist() == rows[:, 1].tolist()
    assert places.tolist() == rows[:, 4].tolist()
    assert speeds.tolist() == [max(speed, 0.1) for speed in rows[:, 5].tolist()]
    assert loads.tolist() == [
        f * load for f, (load, _) in zip(factors, expected, strict=True)
    ]
    assert variances.tolist() == [
        max((f * sigma) * (f * sigma), 1.0)
        for f, (_, sigma) in zip(factors, expected, strict=True)
    ]
    assert by_rank.tolist() == strips[::-1].tolist()
    shares = (rows[:, 6] / speeds).tolist()
    assert unsure == math.fsum(shares) / n


@pytest.mark.parametrize("seed", SEEDS)
def test_swings_and_bounces_are_those_of_the_axles_loads(seed):
    rng = np.random.default_rng(seed)
    swing = Swing()
    axles = np.repeat(np.arange(3), 4)
    loads, speeds = rng.uniform(20.0, 2e4, 12), rng.uniform(1.0, 30.0, 12)
    swings, likely = np.empty(3), np.empty((len(swing.bounces), 3))
    pace_mps = suppose_swings(
        axles,
        speeds,
        loads,
        1.3,
        np.array(swing.speeds_mps),
        np.array(swing.shares),
        np.array(swing.loads_kg),
        np.array(swing.load_factors),
        swing.first,
        np.array(swing.bounces),
        swing.bounce_damping,
        swing.usual_bounce_hz,
        swing.bounce_spread,
        swings,
        likely,
    )
    assert pace_mps == math.fsum(speeds.tolist()) / 12
    rough = [max(sum(loads[k : k + 4].tolist()) / 4, 50.0) for k in (0, 4, 8)]
    shares = [
        swing.share_at(kg, pace_mps, first=axle == 0) for axle, kg in enumerate(rough)
    ]
    pairs = zip(rough, shares, strict=True)
    assert swings.tolist() == [1.3 * kg * share for kg, share in pairs]
    usual_hz = swing.usual_bounce_hz * math.sqrt(1e4 / (math.fsum(rough) / 3))
    for (hertz, prior), found in zip(swing.bounces, likely.tolist(), strict=True):
        relative = hertz / usual_hz
        off = (relative - 1.0 / relative) / swing.bounce_spread
        fall = 1.0 + off * off
        assert found == [hertz, swing.bounce_damping, prior / (fall * fall)]


def naive_moved(loads, places, roles, towed, vehicle_class, gain, transfer):
    """Return what a change of speed moves, by moments about the body's middles."""
    ride = Ride()
    springs = [getattr(ride, role) for role in roles]
    rates = [s.spring_npm * s.tyre_npm / (s.spring_npm + s.tyre_npm) for s in springs]
    own = [k for k in range(len(loads)) if k not in towed]

    def height(kg):
        return interpolated(transfer.axle_loads_kg, transfer.heights_m, kg)

    def middle(axles):
        whole = math.fsum([rates[k] for k in axles])
        return math.fsum([rates[k] * places[k] for k in axles]) / whole

    def turned(axles, about, moment):
        levers = [rates[k] * (places[k] - about) for k in axles]
        arms = [places[k] - about for k in axles]
        stiff = math.fsum(
            [lever * arm for lever, arm in zip(levers, arms, strict=True)]
        )
        return [moment * lever / stiff if stiff > 0.0 else 0.0 for lever in levers]

    own_kg = math.fsum([loads[k] for k in own])
    towed_kg = math.fsum([loads[k] for k in towed])
    coupling = None
    if vehicle_class == "articulated" and towed:
        driven = [k for k in own if roles[k] == "drive"] or own
        coupling = math.fsum([places[k] for k in driven]) / len(driven)
        coupling -= transfer.fifth_wheel_ahead_m
        pressed = max(own_kg - transfer.tractor_kg, 0.25 * own_kg)
        own_kg -= pressed
        heights = min(transfer.heights_m), height(towed_kg / len(towed))
        towed_kg += pressed
    else:
        if vehicle_class == "centre_axle" and towed:
            coupling = places[own[-1]] + transfer.drawbar_behind_m
        heights = height(own_kg / len(own)), height(towed_kg / max(len(towed), 1))
    about = coupling
    if about is None:
        about = middle(towed) if towed else 0.0
    push = gain / STANDARD_GRAVITY_MPS2
    pulled = transfer.coupling_height_m if push > 0.0 else 0.0
    moment = push * (own_kg * heights[0] + towed_kg * pulled)
    behind = turned(towed, about, push * towed_kg * (heights[1] - pulled))
    pressed = 0.0
    for kg in behind:
        pressed -= kg
    if coupling is not None:
        moment += pressed * (coupling - middle(own))
    whole = math.fsum([rates[k] for k in own])
    moved = turned(own, middle(own), moment)
    ahead = [kg + pressed * rates[k] / whole for k, kg in zip(own, moved, strict=True)]
    return ahead + behind


@pytest.mark.parametrize("vehicle_class", SHAPES)
@pytest.mark.parametrize("seed", range(8))
def test_moved_loads_are_those_of_moments_about_the_bodies_middles(seed, vehicle_class):
    rng = np.random.default_rng(seed)
    groups, transfer = SHAPES[vehicle_class], Transfer()
    axles = groups[-1][-1] + 1
    loads = rng.uniform(1e3, 2e4, axles)
    spacings = rng.uniform(1.2, 7.0, axles - 1).tolist()
    roles = roles_of(groups, spacings, ride=Ride())
    gain = float(rng.choice([-1.0, 1.0])) * float(rng.uniform(0.1, 2.0))
    found = transferred(
        np.arange(axles),
        loads,
        spacings_m=spacings,
        groups=groups,
        roles=roles,
        vehicle_class=vehicle_class,
        acceleration_mps2=gain,
        transfer=transfer,
        ride=Ride(),
    )
    places = [0.0]
    for spacing in spacings:
        places.append(places[-1] + spacing)
    behind = {"articulated": 1, "centre_axle": 1, "full_trailer": 2}
    towed = [
        k
        for group in groups[len(groups) - behind.get(vehicle_class, 0) :]
        for k in group
    ]
    given = (loads.tolist(), places, roles, towed, vehicle_class)
    moved = naive_moved(*given, gain, transfer)
    more = naive_moved(*given, transfer.acceleration_sigma_mps2, transfer)
    assert list(found.moved_kg) == moved
    assert found.rough_mass_kg == math.fsum(loads.tolist())
    assert list(found.sigmas_kg) == [
        math.sqrt(own * own + transfer.doubt * transfer.doubt * kg * kg)
        for own, kg in zip(more, moved, strict=True)
    ]
    assert found.steady_kg.tolist() == [
        max(load - kg, 0.5 * load)
        for load, kg in zip(loads.tolist(), moved, strict=True)
    ]


def naive_bounces(places_m, pace_mps, loads, roles, rest):
    """Return what a bounce leaves in each axle, and how far that is all axles' own."""
    swing, ride, bounce = Swing(), Ride(), UnseenBounce()
    sigmas = []
    for axle, (kg, role) in enumerate(zip(loads, roles, strict=True)):
        own = getattr(ride, role)
        swinging = max(kg, own.unsprung_kg)
        share = swing.share_at(swinging, pace_mps, first=axle == 0)
        if rest is not None:
            known = interpolated(bounce.loads_kg, bounce.unforetold, swinging)
            share *= known * math.sqrt(rest)
        working = own.spring_npm * own.tyre_npm / (own.spring_npm + own.tyre_npm)
        turn = 6.283185307179586
        band = [math.sqrt(rate / swinging) / turn for rate in (working, own.tyre_npm)]
        part = share_in_mean(np.array(places_m), pace_mps, *band)
        sigmas.append(share * kg * math.sqrt(part))
    return sigmas, swing.kin_bounce_others if rest is None else 0.0


@pytest.mark.parametrize("rest", [None, 0.8])
@pytest.mark.parametrize("seed", range(10))
def test_bounces_leave_what_each_axle_s_band_and_swing_do(seed, rest):
    rng = np.random.default_rng(seed)
    loads, roles = rng.uniform(300.0, 1.2e4, 3).tolist(), ("steer", "drive", "trailer")
    speeds, places = rng.uniform(2.0, 25.0, 12), (0.0, 3.0, 6.5, 9.0)
    crossings = Crossings.of(
        axles=[axle for axle in range(3) for _ in places],
        ranks=list(range(4)) * 3,
        places_m=places * 3,
        speeds_mps=speeds.tolist(),
        loads_kg=(1e3,) * 12,
        own_variances_kg2=(1.0,) * 12,
        row_variances=(1e-6,) * 4,
    )
    found = bounce_left(
        crossings,
        loads,
        roles,
        swing=Swing(),
        ride=Ride(),
        bounce=UnseenBounce(),
        rest=rest,
    )
    sigmas, alike = naive_bounces(
        places, math.fsum(speeds.tolist()) / 12, loads, roles, rest
    )
    assert list(found.axle_sigmas_kg) == sigmas
    whole_kg, own_kg2 = math.fsum(sigmas), math.fsum([each * each for each in sigmas])
    gross_kg2 = (1.0 - alike) * own_kg2 + alike * whole_kg * whole_kg
    assert found.gross_sigma_kg == math.sqrt(gross_kg2)
