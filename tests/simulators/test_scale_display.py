import numpy as np
import pytest

from simulators.scale import Weighbridge
from simulators.traffic import TrafficShape, plan_traffic
from wim.protocols import xk3190


@pytest.fixture(scope="module")
def plan():
    return plan_traffic(
        TrafficShape(), seed=2, vehicles=12, lanes=(1, 2), station_length_m=9.0
    )


def test_the_display_rises_settles_and_falls_to_zero(plan):
    bridge = Weighbridge(plan)
    heavy = plan.weighings[0]
    weighing = heavy.weighing
    at = bridge.displayed_kg
    assert at(weighing.starts_at_s - 0.1) == 0.0
    rising = [
        at(weighing.starts_at_s + part * weighing.rising_s)
        for part in np.linspace(0.05, 0.95, 8)
    ]
    assert rising == sorted(rising)
    assert rising[0] < rising[-1]
    # at least three seconds stand still, at the true mass to the division
    settled = [
        at(t) for t in np.arange(weighing.leaves_at_s - 3.0, weighing.leaves_at_s, 0.1)
    ]
    assert max(settled) - min(settled) <= 20.0
    assert np.mean(settled) == pytest.approx(heavy.vehicle.gross_mass_kg, abs=20.0)
    assert at(weighing.ends_at_s + 0.01) == 0.0


def test_what_is_displayed_survives_the_protocol(plan):
    bridge = Weighbridge(plan)
    decoder = xk3190.Decoder()
    for time_s in np.arange(0.0, 20.0, 0.2):
        shown_kg = bridge.displayed_kg(time_s)
        (reading,) = decoder.receive(xk3190.encode(shown_kg))
        assert reading == xk3190.ScaleReading(mass_kg=shown_kg)
