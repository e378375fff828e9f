import pytest

FLEET = {
    "2 axles, empty": ((1700.0, 1900.0), (4.5,)),
    "2 axles, 18 t": ((6000.0, 12_000.0), (5.2,)),
    "3 axles, 30 t": ((7000.0, 11_500.0, 11_500.0), (4.0, 1.35)),
    "4 axles, 50 t": ((9000.0, 9000.0, 16_000.0, 16_000.0), (1.9, 4.0, 1.35)),
    "5 axles, 60 t": (
        (7000.0, 14_000.0, 13_000.0, 13_000.0, 13_000.0),
        (3.4, 6.8, 1.31, 1.31),
    ),
    "6 axles, 15 t": (
        (5200.0, 2300.0, 2300.0, 1750.0, 1750.0, 1700.0),
        (3.3, 1.35, 7.0, 1.31, 1.31),
    ),
    "6 axles, 130 t": (
        (9000.0, 25_000.0, 24_000.0, 24_000.0, 24_000.0, 24_000.0),
        (3.3, 1.35, 7.0, 1.31, 1.31),
    ),
}


@pytest.mark.parametrize(
    ("name", "kmh", "lane"),
    [
        # the lanes are alike: by turns, so that both see each vehicle and each speed
        (name, kmh, 1 + (i + k) % 2)
        for i, name in enumerate(FLEET)
        for k, kmh in enumerate((20.0, 60.0, 100.0))
    ],
)
def test_without_dynamics_gross_mass_is_right_within_one_percent(road, name, kmh, lane):
    loads, spacings = FLEET[name]
    for seed, gain in enumerate((0.0, 0.4, -0.3)):
        truck = road.Truck(
            loads, spacings, kmh, lane=lane, acceleration_mps2=gain, left_share=0.47
        )
        seconds = 3.0 + (sum(spacings) + 12.0) * 3.6 / (0.7 * kmh)
        counts, inputs = road.drive(
            road.site, [truck], seconds=seconds, noise_counts=15.0, seed=seed
        )
        (passage,) = road.passages(road.weigh(road.site, counts, inputs))
        assert passage.lane == lane
        assert len(passage.axle_loads_kg) == len(loads)
        assert passage.gross_mass_kg == pytest.approx(truck.gross_kg, rel=0.01)
        assert passage.axle_spacings_m == pytest.approx(spacings, abs=0.03)
        assert passage.valid


@pytest.mark.parametrize("kmh", [5.0, 15.0, 60.0])
def test_a_drooping_amplifier_costs_less_than_one_percent(road, kmh):
    site = road.site_of(road.site_text(extra="time_constant_s = 1.0"))
    truck = road.Truck(*FLEET["6 axles, 130 t"], kmh, at_s=2.0)
    seconds = 4.0 + 27.0 * 3.6 / kmh
    counts, _ = road.drive(site, [truck], seconds=seconds)
    (passage,) = road.passages(road.weigh(site, counts, separator=False))
    assert passage.gross_mass_kg == pytest.approx(truck.gross_kg, rel=0.01)


@pytest.mark.parametrize("rate_hz", [2000.0, 20_000.0])
def test_other_sample_rates_weigh_the_same(road, rate_hz):
    truck = road.Truck(*FLEET["5 axles, 60 t"], 70.0)
    counts, inputs = road.drive(road.site, [truck], seconds=3.0, rate_hz=rate_hz)
    (passage,) = road.passages(
        road.weigh(
            road.site, counts, inputs, rate_hz=rate_hz, block=round(rate_hz / 50)
        )
    )
    assert passage.gross_mass_kg == pytest.approx(truck.gross_kg, rel=0.01)
