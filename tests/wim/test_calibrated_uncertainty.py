"""The stated uncertainty is as large as the errors are, and grows with the road.

Two simulated sites of one seed, a road of class A and one of class B, each calibrated
with other lorries than those that are judged, through the whole chain from counts.
"""

import functools
import math
from pathlib import Path

import msgspec
import numpy as np
import pytest

from simulators.recording import Order, Recorder, load_site
from wim.calibrating import calibrate, observations_of
from wim.calibration import NO_CALIBRATION
from wim.passage import Passage, Weigher

SITE = Path("configs/stations/4row-site.toml")
RATE_HZ = 4000.0
SITE_SEED = 3
REFERENCES, JUDGED = 80, 80


def weighed(road, *, seed, vehicles, calibration=NO_CALIBRATION):
    """Return valid passages with what is true of them."""
    site, _ = load_site(SITE)
    order = Order(vehicles=vehicles, seed=seed, site_seed=SITE_SEED, road=road)
    recorder = Recorder(site, order)
    weigher = Weigher(
        site, sample_rate_hz=RATE_HZ, calibration=calibration, temperature_c=20.0
    )
    events = []
    for counts in recorder.run():
        events += weigher.receive(np.ascontiguousarray(counts))
    events += weigher.flush()
    passages = [event for event in events if isinstance(event, Passage)]
    return site.lanes[0], [
        (passage, truth)
        for truth in recorder.truths
        for passage in passages
        if abs(passage.first_axle_s - truth.started_at_s) < 1.0
        and len(passage.axles) == len(truth.axle_loads_kg)
        and passage.valid
    ]


@functools.cache
def calibrated_on(road):
    """Return the calibration of a site by reference vehicles, its road with it."""
    lane, runs = weighed(road, seed=50_000_003, vehicles=REFERENCES)
    observations = [
        each
        for number, (passage, truth) in enumerate(runs)
        for each in observations_of(
            passage.axles,
            truth.axle_loads_kg,
            axle_groups=passage.axle_groups,
            axle_spacings_m=passage.axle_spacings_m,
            lane=lane,
            run=number,
            truck=number,
            temperature_c=20.0,
            vehicle_class=truth.vehicle_class,
        )
    ]
    found = calibrate(observations, static_uncertainty=0.001).calibration
    assert found.roads
    return found


@functools.cache
def judged_on(road, *, learned=True):
    """Return errors and standard uncertainties, relative: gross and of every axle."""
    found = calibrated_on(road)
    if not learned:
        found = msgspec.structs.replace(found, roads=())
    _, pairs = weighed(road, seed=3000, vehicles=JUDGED, calibration=found)
    gross = [
        (p.gross_mass_kg / t.gross_mass_kg - 1.0, p.gross_mass_uncertainty_kg)
        for p, t in pairs
    ]
    masses = np.array([t.gross_mass_kg for _, t in pairs])
    axles = [
        (load / true - 1.0, 0.5 * unsure / true)
        for p, t in pairs
        for load, unsure, true in zip(
            p.axle_loads_kg,
            p.axle_load_uncertainties_kg,
            t.axle_loads_kg,
            strict=True,
        )
    ]
    errors, expanded = np.array(gross).T
    return (errors, 0.5 * expanded / masses, *np.array(axles).T)


def rms(values):
    return math.sqrt(np.mean(np.square(values)))


@pytest.mark.parametrize("road", ["A", "B"])
def test_gross_masses_are_off_by_as_much_as_is_stated(road):
    errors, sigmas, _, _ = judged_on(road)
    assert len(errors) > 0.9 * JUDGED
    assert 0.75 < rms(errors / sigmas) < 1.25
    assert 0.9 <= np.mean(np.abs(errors) <= 2.0 * sigmas) < 1.0


@pytest.mark.parametrize("road", ["A", "B"])
def test_axle_loads_are_off_by_as_much_as_is_stated(road):
    _, _, errors, sigmas = judged_on(road)
    assert 0.7 < rms(errors / sigmas) < 1.25
    assert 0.9 <= np.mean(np.abs(errors) <= 2.0 * sigmas) < 1.0


def test_a_road_twice_as_rough_makes_the_uncertainty_larger():
    _, smooth, _, smooth_axles = judged_on("A")
    _, rough, _, rough_axles = judged_on("B")
    assert np.median(rough) > 1.3 * np.median(smooth)
    assert np.median(rough_axles) > 1.3 * np.median(smooth_axles)


def test_a_rough_road_that_nobody_learned_has_an_uncertainty_of_its_size():
    """No rougher one was supposed: what the rows show of it makes U large enough."""
    errors, sigmas, _, _ = judged_on("B", learned=False)
    assert np.mean(np.abs(errors) <= 2.0 * sigmas) > 0.9
    _, smooth, _, _ = judged_on("A", learned=False)
    assert np.median(sigmas) > 1.25 * np.median(smooth)
