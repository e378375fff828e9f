import numpy as np
import pytest

from simulators.chassis import GRAVITY_MPS2, draw_chassis
from simulators.driving import STEP_S, Motion
from simulators.fleet import MODELS, TRAILER_MODELS, draw_vehicle
from simulators.kernels import planar_truck
from simulators.modal import modal_ride
from simulators.ride import ride_planar
from simulators.roads import Road, filtered_road, iso_road

FAR = (1000.0, 1003.0)  # no slab of sensors anywhere near
FLAT = Road(np.zeros((2, 12_800)), -320.0, 0.05)


def motion(speed_mps, seconds, acceleration_mps2=0.0, from_s=1.0):
    """A drive over the whole road; wheels are kept from its beginning."""
    steps = round(seconds / STEP_S)
    push = np.where(np.arange(steps) * STEP_S >= from_s, acceleration_mps2, 0.0)
    speed = speed_mps + np.cumsum(push) * STEP_S
    place = -250.0 + np.cumsum(speed) * STEP_S
    return Motion(place, speed, push, np.zeros(steps))


def forces_of(chassis, drive, road, *, skip=0):
    axles = len(chassis.axle_m)
    forces = np.empty((axles, 2, len(drive.place_m) - skip))
    planar_truck(
        STEP_S,
        drive.place_m,
        drive.acceleration_mps2,
        drive.heave_mps2,
        road.heights_m,
        road.first_m,
        road.step_m,
        chassis.axle_m,
        chassis.axle_body,
        chassis.axle_figures,
        chassis.body_figures,
        chassis.hinge,
        chassis.left_share,
        skip,
        forces,
    )
    return forces


def trucks(count, models=MODELS, part=(0.8, 1.0)):
    for number in range(count):
        rng = np.random.default_rng([number, 5])
        vehicle = draw_vehicle(rng, 0.0, 0.0, models=models, lawful_part=part)
        yield vehicle, draw_chassis(rng, vehicle)


@pytest.mark.parametrize("model", MODELS + TRAILER_MODELS, ids=lambda m: m.name)
def test_at_rest_every_wheel_presses_with_its_static_load(model):
    vehicle, chassis = next(trucks(1, (model,)))
    forces = forces_of(chassis, motion(20.0, 1.0), FLAT)
    static_n = np.array(vehicle.axle_loads_kg) * GRAVITY_MPS2
    np.testing.assert_allclose(forces.sum(axis=1).T, [static_n] * 1000, rtol=1e-12)
    left_n = static_n * vehicle.left_share
    np.testing.assert_allclose(forces[:, 0].T, [left_n] * 1000, rtol=1e-12)


@pytest.mark.parametrize("model", MODELS + TRAILER_MODELS, ids=lambda m: m.name)
def test_bodies_on_their_hinge_rest_on_the_given_axle_loads(model):
    vehicle, chassis = next(trucks(1, (model,)))
    bodies = chassis.body_figures
    unsprung = chassis.axle_figures[:, 1]
    sprung = np.array(vehicle.axle_loads_kg) - unsprung
    assert bodies[:, 0].sum() == pytest.approx(sprung.sum())
    moment = (bodies[:, 0] * bodies[:, 2]).sum()
    assert moment == pytest.approx((sprung * chassis.axle_m).sum())
    assert bodies[:, 0].min() > 1_000.0
    # a body's centre lies between what carries it
    assert 0.3 < bodies[0, 2] < chassis.axle_m[-1]


def test_over_a_long_rough_road_the_mean_force_is_the_static_load():
    road = iso_road(np.random.default_rng(1), "A", FAR)
    for vehicle, chassis in trucks(6):
        forces = forces_of(chassis, motion(20.0, 25.0), road, skip=3000)
        mean_kg = forces.sum(axis=1).mean(axis=1) / GRAVITY_MPS2
        np.testing.assert_allclose(mean_kg, vehicle.axle_loads_kg, rtol=6e-3)


def test_dynamic_loads_and_their_frequencies_are_those_of_lorries():
    """About 5.5, 4.5 and 3.8 % on a class-A road at 60 km/h; class B twice that."""
    coefficients = {"A": {}, "B": {}}
    bounces, hops = [], []
    for number, (_, chassis) in enumerate(trucks(50)):
        for road_class, found in coefficients.items():
            road = iso_road(np.random.default_rng(number), road_class, FAR)
            forces = forces_of(chassis, motion(60 / 3.6, 13.0), road, skip=3000)
            relative = forces.sum(axis=1).T / chassis.axle_figures[:, 0]
            for kind, one in zip(chassis.suspensions, relative.T, strict=True):
                found.setdefault(kind, []).append(one.std())
            power = np.abs(np.fft.rfft(relative - 1.0, axis=0)) ** 2
            hertz = np.fft.rfftfreq(len(relative), STEP_S)
            for share in power.T:
                bounces.append(_centre(hertz, share, 1.0, 6.0))
                hops.append(_centre(hertz, share, 7.0, 25.0))
    mean = {
        road_class: {kind: np.mean(values) for kind, values in found.items()}
        for road_class, found in coefficients.items()
    }
    assert mean["A"]["leaf drive"] == pytest.approx(0.050, abs=0.010)
    assert mean["A"]["air drive"] == pytest.approx(0.042, abs=0.008)
    assert mean["A"]["steer"] == pytest.approx(0.038, abs=0.008)
    for kind in mean["A"]:
        assert 1.6 < mean["B"][kind] / mean["A"][kind] < 2.4
    assert 1.5 < np.median(bounces) < 4.5
    assert 8.0 < np.median(hops) < 15.0


def _centre(hertz, power, least, most):
    near = (hertz > least) & (hertz < most)
    return (hertz[near] * power[near]).sum() / power[near].sum()


def test_braking_moves_the_load_to_the_front_as_height_over_wheelbase():
    for vehicle, chassis in trucks(4, (MODELS[0],), part=(1.0, 1.0)):
        forces = forces_of(chassis, motion(20.0, 7.0, -1.0), FLAT)
        rest, braked = forces[:, :, 500].sum(axis=1), forces[:, :, -1].sum(axis=1)
        moved_kg = (braked - rest) / GRAVITY_MPS2
        moment = chassis.body_figures[0, 5]
        expected_kg = moment / vehicle.wheelbase_m / GRAVITY_MPS2
        assert moved_kg[0] == pytest.approx(expected_kg, rel=0.12)
        assert moved_kg[1] == pytest.approx(-expected_kg, rel=0.12)
        assert 400.0 < moved_kg[0] < 750.0  # of 18 t, at 1 m/s²


@pytest.mark.parametrize("push_mps2", [-1.0, 1.0])
def test_a_train_keeps_its_mass_and_its_moment_while_its_speed_changes(push_mps2):
    for vehicle, chassis in trucks(3, (MODELS[5],)):
        forces = forces_of(chassis, motion(20.0, 9.0, push_mps2), FLAT)
        moved = forces[:, :, -1].sum(axis=1) - forces[:, :, 500].sum(axis=1)
        assert abs(moved.sum()) < 0.003 * vehicle.gross_mass_kg * GRAVITY_MPS2
        column = 4 if push_mps2 > 0.0 else 5
        expected = push_mps2 * chassis.body_figures[:, column].sum()
        assert (moved * chassis.axle_m).sum() == pytest.approx(expected, rel=0.05)


def test_a_wheel_that_leaves_the_road_presses_with_nothing():
    _, chassis = next(trucks(1))
    heights = np.zeros((2, 12_800))
    heights[:, 1500:] = -0.3  # a kerb to drive off
    forces = forces_of(chassis, motion(20.0, 6.0), Road(heights, -320.0, 0.05))
    assert forces.min() == 0.0
    assert forces[:, :, -1].min() > 0.0


def test_a_truck_without_friction_swings_as_its_equations_of_motion_say():
    """The kernel against a naive twin: matrices and fine Runge-Kutta steps."""
    vehicle, chassis = next(trucks(1, (MODELS[0],)))
    figures = chassis.axle_figures.copy()
    figures[:, 6] = 0.0
    smooth = type(chassis)(
        chassis.axle_m,
        chassis.axle_body,
        figures,
        chassis.body_figures,
        chassis.hinge,
        0.5,
        chassis.footprints_m,
        chassis.wheel_centres_m,
        chassis.wheel_widths_m,
        chassis.suspensions,
    )
    speed = 20.0
    wave = 0.001 * np.sin(2.0 * np.pi * np.arange(12_800) * 0.05 / 8.0)
    wave[:1520] = 0.0  # flat until the truck has begun
    drive = motion(speed, 2.0)
    road = Road(np.stack([wave, wave]), -320.0, 0.05)
    kernel_n = forces_of(smooth, drive, road).sum(axis=1)
    naive_n = _naive(vehicle, smooth, drive, road)
    swing = np.abs(naive_n - naive_n[:, :1]).max(axis=1)
    error = np.abs(kernel_n - naive_n).max(axis=1)
    assert (swing > 500.0).all()
    assert (error < 0.03 * swing).all()


def _naive(vehicle, chassis, drive, road):
    mass, inertia, centre = chassis.body_figures[0, :3]
    static, unsprung, rate, damping, tyre, tyre_damping = chassis.axle_figures[:, :6].T
    arm = chassis.axle_m - centre
    places = road.first_m + road.step_m * np.arange(road.heights_m.shape[1])

    def heights(at_s):
        k = at_s / STEP_S
        front = np.interp(k, np.arange(len(drive.place_m)), drive.place_m)
        return np.interp(front - chassis.axle_m, places, road.heights_m[0])

    def pressed(at_s, x):
        before, after = heights(at_s - 5e-4), heights(at_s + 5e-4)
        road_v = (after - before) / 1e-3
        return tyre * (heights(at_s) - x[4:6]) + tyre_damping * (road_v - x[6:8])

    def change(at_s, x):
        body = x[0] - arm * x[1]
        body_v = x[2] - arm * x[3]
        spring = rate * (x[4:6] - body) + damping * (x[6:8] - body_v)
        axle_a = (pressed(at_s, x) - spring) / unsprung
        lift, turn = spring.sum() / mass, -(arm * spring).sum() / inertia
        return np.concatenate([x[2:4], [lift, turn], x[6:8], axle_a])

    x = np.zeros(8)
    forces = np.empty((2, len(drive.place_m)))
    for k in range(len(drive.place_m)):
        at = k * STEP_S
        forces[:, k] = static + pressed(at, x)
        a = change(at, x)
        b = change(at + STEP_S / 2, x + STEP_S / 2 * a)
        c = change(at + STEP_S / 2, x + STEP_S / 2 * b)
        d = change(at + STEP_S, x + STEP_S * c)
        x = x + STEP_S / 6 * (a + 2 * b + 2 * c + d)
    return forces


def test_the_second_family_rests_and_swings_on_its_static_loads_too():
    rough = filtered_road(np.random.default_rng(3), "A", FAR)
    coefficients = []
    for vehicle, _ in trucks(6, MODELS + TRAILER_MODELS):
        static_n = np.array(vehicle.axle_loads_kg) * GRAVITY_MPS2
        drive = motion(60 / 3.6, 22.0)
        still = modal_ride(np.random.default_rng(1), vehicle, drive, FLAT)
        np.testing.assert_allclose(
            still.forces_n.sum(axis=1)[:, -1], static_n, rtol=1e-12
        )
        ride = modal_ride(np.random.default_rng(1), vehicle, drive, rough)
        relative = ride.forces_n.sum(axis=1).T / static_n
        np.testing.assert_allclose(relative.mean(axis=0), 1.0, atol=0.01)
        coefficients.append(relative.std(axis=0).mean())
    assert 0.03 < np.mean(coefficients) < 0.08


def test_the_second_family_moves_load_when_it_brakes():
    vehicle, _ = next(trucks(1, (MODELS[0],), part=(1.0, 1.0)))
    drive = motion(30.0, 12.0, -1.5, from_s=9.0)
    ride = modal_ride(np.random.default_rng(1), vehicle, drive, FLAT)
    moved = ride.forces_n[:, :, -1].sum(axis=1) - ride.forces_n[:, :, 5].sum(axis=1)
    assert moved[0] > 0.0
    assert moved.sum() == pytest.approx(0.0, abs=1.0)


def test_the_same_truck_on_the_same_road_gives_the_same_forces():
    road = iso_road(np.random.default_rng(1), "A", FAR)
    _, chassis = next(trucks(1))
    once = ride_planar(chassis, motion(20.0, 16.0), road)
    again = ride_planar(chassis, motion(20.0, 16.0), road)
    np.testing.assert_array_equal(once.forces_n, again.forces_n)
