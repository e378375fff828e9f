"""Known-bad checks: what is wrong with a station shows, and nothing else does.

Recordings are those of the simulator, dynamics, uneven strips, noise and all; each
wrong one is held against the right one of the same traffic, vehicle by vehicle.
"""

import functools
import json
import math
from pathlib import Path

import numpy as np
import pytest

from simulators.electronics import Electronics, Fault
from simulators.recording import Order, Recorder, write_recording
from wim.cli.__main__ import main
from wim.passage import Passage, Weigher
from wim.samples import parse_site
from wim.tails import tails

SITE = Path(__file__).parents[2] / "configs/stations/4row-site.toml"
TEXT = SITE.read_text("utf-8")
RATE_HZ = 4000.0
VEHICLES = 24
BROKEN = 3
"""The channel of the strip that the faults are of: row 1, right."""


@functools.cache
def recorded(vehicles=VEHICLES, text=TEXT, **electronics):
    """Return the counts and the truths of one site under one traffic."""
    recorder = Recorder(
        parse_site(text, name=SITE.name),
        Order(
            vehicles=vehicles,
            seed=1,
            site_seed=1,
            electronics=Electronics(**electronics),
            forces=True,
        ),
    )
    counts = np.concatenate(list(recorder.run()))
    return counts, tuple(recorder.truths), recorder.forces()


def weighed(counts, *, text=TEXT, rate_hz=RATE_HZ):
    site = parse_site(text, name=SITE.name)
    weigher = Weigher(site, sample_rate_hz=rate_hz, temperature_c=20.0)
    events = weigher.receive(counts, 0) + weigher.flush()
    return [event for event in events if isinstance(event, Passage)]


@functools.cache
def right():
    """Return the passages of a station that has nothing wrong."""
    counts, truths, _ = recorded()
    passages = weighed(counts)
    assert len(passages) == len(truths) == VEHICLES
    assert all(passage.valid for passage in passages)
    return passages


def ratios(passages):
    """Return masses over those of the right station, vehicle by vehicle."""
    return np.array(
        [
            wrong.gross_mass_kg / known.gross_mass_kg
            for wrong, known in zip(passages, right(), strict=True)
        ]
    )


def moved(factor):
    """The site file with every row at another place."""
    lines = [
        f"position_m = {factor * float(line.split('=')[1])}"
        if line.startswith("position_m")
        else line
        for line in TEXT.splitlines()
    ]
    return "\n".join(lines)


def of_strip(channel, key, value):
    """The site file with another figure of one strip."""
    parts = TEXT.split("[[lanes.strips]]")
    lines = [
        f"{key} = {value}" if line.startswith(key) else line
        for line in parts[1 + channel].splitlines()
    ]
    parts[1 + channel] = "\n".join([*lines, "\n"])
    return "[[lanes.strips]]".join(parts)


def of_every_strip(figures):
    """The site file with these figures of all strips."""
    lines = [
        line
        for line in TEXT.splitlines()
        if not any(line.startswith(f"{key} =") for key in figures)
    ]
    told = "\n".join(f"{key} = {value}" for key, value in figures.items())
    return "\n".join(lines).replace("[[lanes.strips]]", f"[[lanes.strips]]\n{told}")


# ---------------------------------------------------------------- distance and clock


@pytest.mark.parametrize("factor", [0.98, 1.02])
def test_a_wrong_row_distance_in_the_site_file_is_the_same_error_of_mass(factor):
    counts, _, _ = recorded()
    found = ratios(weighed(counts, text=moved(factor)))
    assert found.mean() == pytest.approx(factor, abs=0.001)
    assert found == pytest.approx(np.full(VEHICLES, factor), abs=0.005)


@pytest.mark.parametrize("factor", [0.98, 1.02])
def test_a_wrong_clock_is_no_error_of_mass_and_one_of_speed(factor):
    counts, _, _ = recorded()
    passages = weighed(counts, rate_hz=factor * RATE_HZ)
    found = ratios(passages)
    assert found.mean() == pytest.approx(1.0, abs=0.001)
    assert found == pytest.approx(np.full(VEHICLES, 1.0), abs=0.005)
    for wrong, known in zip(passages, right(), strict=True):
        assert wrong.speed_mps == pytest.approx(factor * known.speed_mps, rel=0.002)


def over_true_forces(**electronics):
    """Return the mean of masses over the true forces on the rows [kg/kg].

    So what the road does to the wheels over rows that lie elsewhere is left out.
    """
    counts, truths, forces = recorded(**electronics)
    found = []
    for number, (passage, truth) in enumerate(
        zip(weighed(counts), truths, strict=True)
    ):
        own = forces["vehicle"] == number
        seen_n = sum(
            forces["force_n"][own & (forces["axle"] == axle)].mean()
            for axle in range(len(truth.axle_loads_kg))
        )
        found.append(passage.gross_mass_kg * 9.80665 / seen_n)
    return float(np.mean(found))


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"row_distance": 0.98}, 1.0 / 0.98),
        ({"row_distance": 1.02}, 1.0 / 1.02),
        ({"clock": 0.98}, 1.0),
        ({"clock": 1.02}, 1.0),
        ({"gain": 0.98}, 0.98),
    ],
)
def test_a_station_that_is_not_as_its_site_file_says_weighs_wrong_by_it(
    wrong, expected
):
    found = over_true_forces(**wrong) / over_true_forces()
    assert found == pytest.approx(expected, abs=0.003)


# ---------------------------------------------------------------- damaged strips


def named(passage, flag="strip_damaged"):
    """Return the channels that are told as damaged."""
    found = (f.strips for f in passage.findings if f.flag == flag)
    return {channel for strips in found for channel in strips}


@pytest.mark.parametrize("kind", ["dead", "stuck", "gain", "noise"])
def test_a_damaged_strip_is_named_and_left_out_without_an_error_of_mass(kind):
    counts, _, _ = recorded(faults=(Fault(kind, BROKEN),))
    passages = weighed(counts)
    assert [named(passage) for passage in passages] == [{BROKEN}] * VEHICLES
    assert not any(passage.valid for passage in passages)
    found = ratios(passages)
    assert found.mean() == pytest.approx(1.0, abs=0.006)
    assert found == pytest.approx(np.full(VEHICLES, 1.0), abs=0.04)


def test_a_clipping_strip_is_named_where_the_site_file_knows_its_end():
    counts, _, _ = recorded(faults=(Fault("clipping", BROKEN),))
    end = int(counts[:, BROKEN].max())
    assert (counts[:, BROKEN] == end).sum() > 1000
    passages = weighed(counts, text=of_strip(BROKEN, "full_scale_counts", end))
    told = [passage for passage in passages if "signal_clipped" in passage.flags]
    assert [named(p, "signal_clipped") for p in told] == [{BROKEN}] * len(told)
    assert not any(passage.valid for passage in told)
    assert len(told) > VEHICLES // 2
    assert ratios(passages) == pytest.approx(np.full(VEHICLES, 1.0), abs=0.02)


def test_a_clipping_strip_is_named_whatever_end_the_site_file_tells():
    counts, _, _ = recorded(faults=(Fault("clipping", BROKEN),))
    whole, _, _ = recorded()
    assert (counts != whole).sum() > 1000
    passages = weighed(counts)
    told = [passage for passage in passages if "signal_clipped" in passage.flags]
    assert [named(p, "signal_clipped") for p in told] == [{BROKEN}] * len(told)
    assert len(told) > VEHICLES // 2
    for passage, ratio in zip(passages, ratios(passages), strict=True):
        assert ratio == pytest.approx(1.0, abs=0.005 if passage.valid else 0.04)


@pytest.mark.parametrize("kind", ["strip", "plate"])
def test_who_comes_after_a_clipped_lorry_is_neither_lost_nor_weighed_wrong(kind):
    """What was cut off discharged the strip, too; that is no new offset."""
    figures = {"time_constant_s": 1.0, "full_scale_counts": 4000}
    if kind == "plate":
        figures = {"time_constant_s": 1.0, "full_scale_counts": 16000}
        figures |= {"width_m": 0.5, "kind": '"plate"'}
    text = of_every_strip(figures)
    counts, truths, _ = recorded(text=text)
    passages = weighed(counts, text=text)
    assert len(passages) == len(truths)
    clipped = ["signal_clipped" in passage.flags for passage in passages]
    assert sum(clipped) > VEHICLES // 5
    assert any(passage.valid for passage in passages[clipped.index(True) :])
    for passage, truth in zip(passages, truths, strict=True):
        assert len(passage.axle_loads_kg) == len(truth.axle_loads_kg)
        if passage.valid:
            off_kg = abs(passage.gross_mass_kg - truth.gross_mass_kg)
            assert off_kg < 1.5 * passage.gross_mass_uncertainty_kg


@pytest.mark.parametrize("bits", [10, 12, 24])
def test_counts_of_few_steps_are_not_taken_for_clipped_ones(bits):
    counts, _, _ = recorded(bit_depth=bits)
    passages = weighed(counts)
    assert all(passage.flags == () for passage in passages)
    assert ratios(passages) == pytest.approx(np.full(VEHICLES, 1.0), abs=0.02)


@pytest.mark.parametrize("kind", ["dead", "stuck", "gain", "noise"])
def test_a_strip_that_breaks_on_the_way_bars_every_record_that_it_spoils(kind):
    counts, _, _ = recorded(faults=(Fault(kind, BROKEN, 0.5),))
    whole, _, _ = recorded()
    broke_s = np.flatnonzero((counts != whole)[:, BROKEN])[0] / RATE_HZ
    passages = weighed(counts)
    before = [p for p in passages if p.ended_s < broke_s]
    after = [p for p in passages if p.first_axle_s > broke_s]
    assert len(before) > 5
    assert all(passage.valid and not named(passage) for passage in before)
    assert len(after) > 5
    # what was sound is not called damaged before three vehicles in a row say so
    assert [named(passage) for passage in after[2:]] == [{BROKEN}] * len(after[2:])
    found = ratios(passages)
    for passage, ratio in zip(passages, found, strict=True):
        assert not passage.valid or ratio == pytest.approx(1.0, abs=0.01)


# ---------------------------------------------------------------- time constants


def tails_of(**electronics):
    counts, _, _ = recorded(**electronics)
    return tails([axle for passage in weighed(counts) for axle in passage.axles])


def test_the_tails_of_the_pulses_tell_the_time_constant_of_the_site_file():
    told = tails_of()
    assert [tail.channel for tail in told] == [*range(8)]
    for tail in told:
        assert not tail.contradicts
        assert tail.time_constant_s == pytest.approx(5.0, rel=0.1)


@pytest.mark.parametrize(("factor", "least"), [(0.5, 8), (0.7, 7), (2.0, 4)])
def test_a_wrong_time_constant_is_seen_in_the_tails_and_named_with_its_size(
    factor, least
):
    told = tails_of(time_constant=factor)
    assert sum(tail.contradicts for tail in told) >= least
    seen_s = np.median([tail.time_constant_s for tail in told])
    assert seen_s == pytest.approx(5.0 * factor, rel=0.15)


def test_an_amplifier_that_forgets_and_is_said_not_to_is_named():
    counts, _, _ = recorded()
    silent = TEXT.replace("time_constant_s = 5.0\n", "")
    found = weighed(counts, text=silent)
    told = tails([axle for passage in found for axle in passage.axles])
    assert [tail.stated_s for tail in told] == [None] * 8
    assert sum(tail.contradicts for tail in told) >= 7
    seen_s = np.median([tail.time_constant_s for tail in told])
    assert seen_s == pytest.approx(5.0, rel=0.15)


def test_an_amplifier_that_forgets_nothing_shows_no_end_of_its_memory(road):
    site = road.site_of(road.site_text())
    trucks = [
        road.Truck((6000.0, 9000.0), (4.5,), 60.0, at_s=1.0 + 2.0 * k)
        for k in range(12)
    ]
    counts, _ = road.drive(site, trucks, seconds=26.0)
    found = road.passages(road.weigh(site, counts, separator=False))
    told = tails([axle for passage in found for axle in passage.axles])
    assert len(told) == 8
    assert not any(tail.contradicts for tail in told)
    assert math.isfinite(max(tail.rate_per_s for tail in told))
    few = tails([axle for passage in found[:9] for axle in passage.axles])
    assert few == ()


@pytest.mark.parametrize(("factor", "status"), [(1.0, 0), (0.5, 1)])
def test_calibrating_tells_a_wrong_time_constant_as_a_finding(
    tmp_path, capsys, factor, status
):
    order = Order(
        vehicles=VEHICLES,
        seed=1,
        site_seed=1,
        electronics=Electronics(time_constant=factor),
    )
    write_recording(SITE, tmp_path, order)
    words = ["calibrate", "--site", str(SITE), "--id", "a", "--made-by", "somebody"]
    words += ["--made-at", "2026-03-01T08:00+08:00", "--no-road", "--run"]
    words += [str(tmp_path / "recording.npz"), str(tmp_path / "truth.jsonl")]
    assert main(words) == status
    lines = capsys.readouterr().out.splitlines()
    told = [line for line in lines if line.startswith("TIME CONSTANT of channel")]
    assert len(told) == 8 * status
    assert main([*words, "--json"]) == status
    printed = json.loads(capsys.readouterr().out)
    assert [tail["contradicts"] for tail in printed["tails"]] == [bool(status)] * 8
