"""The command that learns thresholds, on recordings of two kinds of driving."""

import json

import numpy as np
import pytest

from wim.cli.__main__ import main

TWO = {"loads_kg": (6000.0, 10_000.0), "spacings_m": (5.0,)}


@pytest.fixture(scope="module")
def folders(road, tmp_path_factory):
    """Trucks on their strips, and trucks of which one side is seen by half."""
    text = road.site_text()
    site = road.site_of(text)
    made = {}
    for name, shares in (("normal", (0.5, 0.49, 0.52)), ("edge", (0.35, 0.3, 0.65))):
        trucks = [
            road.Truck(**TWO, speed_kmh=50, at_s=1.0 + 4.0 * k, left_share=share)
            for k, share in enumerate(shares)
        ]
        counts, _ = road.drive(site, trucks, seconds=13.0)
        made[name] = tmp_path_factory.mktemp(name)
        np.savez(made[name] / "recording.npz", counts=counts, sample_rate_hz=4000.0)
        (made[name] / "site.toml").write_text(text, "utf-8")
    return made


def test_a_threshold_is_learned_between_two_kinds_of_driving(folders, capsys):
    arguments = ["learn", "--normal", str(folders["normal"])]
    arguments += ["--run", "edge", str(folders["edge"]), "--json"]
    assert main(arguments) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {line["manoeuvre"] for line in lines} == {"edge"}
    (steer,) = [line for line in lines if line["threshold"] == "steer_imbalance"]
    assert steer["learned"] == pytest.approx(0.5 * (0.04 + 0.3), abs=0.02)
    assert steer["learned_found"] == steer["set_found"] == 1.0
    assert steer["learned_false_alarms"] == steer["set_false_alarms"] == 0.0
    assert (steer["runs"], steer["normal_runs"]) == (3, 3)


def test_what_nobody_can_learn_is_refused_in_one_line(folders, capsys):
    arguments = ["learn", "--normal", str(folders["normal"])]
    assert main([*arguments, "--run", "flying", str(folders["edge"])]) == 2
    assert "flying" in capsys.readouterr().err
    edge = ["--run", "edge", str(folders["edge"])]
    assert main([*arguments, *edge, "--false-alarms", "2"]) == 2
    assert "--false-alarms" in capsys.readouterr().err
