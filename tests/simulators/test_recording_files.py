import json

import numpy as np
import pytest

from simulators.__main__ import main

SITE = "configs/stations/demo-site.toml"

KEYS = {
    "lane", "started_at_s", "direction", "speed_mps", "acceleration_mps2",
    "axle_loads_kg", "axle_load_uncertainties_kg", "axle_spacings_m", "gross_mass_kg",
    "gross_mass_uncertainty_kg", "axle_groups", "axle_configuration", "flags", "valid",
    "vehicle_class", "manoeuvre", "severity",
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory, request):
    folder = tmp_path_factory.mktemp("recording")
    site = str(request.config.rootpath / SITE)
    words = ["recording", "--site", site, "--seed", "3", "--vehicles", "5"]
    assert main([*words, "--out", str(folder), "--json"]) == 0
    return folder


def test_a_recording_has_counts_rate_site_and_truth(folder, request):
    with np.load(folder / "recording.npz") as recording:
        assert set(recording.files) == {"counts", "sample_rate_hz", "temperature_c"}
        counts = recording["counts"]
        assert counts.dtype == np.int32
        assert counts.shape[1] == 16
        assert recording["sample_rate_hz"] == np.float64(4000.0)
        assert recording["sample_rate_hz"].shape == ()
    text = (request.config.rootpath / SITE).read_text(encoding="utf-8")
    assert (folder / "site.toml").read_text(encoding="utf-8") == text


def test_the_truth_has_every_key_and_adds_up(folder):
    lines = (folder / "truth.jsonl").read_text(encoding="utf-8").splitlines()
    truths = [json.loads(line) for line in lines]
    assert len(truths) == 5
    for truth in truths:
        assert set(truth) == KEYS
        assert sum(truth["axle_loads_kg"]) == pytest.approx(truth["gross_mass_kg"])
        assert len(truth["axle_spacings_m"]) == len(truth["axle_loads_kg"]) - 1
        assert truth["axle_load_uncertainties_kg"] is None


def test_pulses_stand_where_the_truth_says(folder):
    lines = (folder / "truth.jsonl").read_text(encoding="utf-8").splitlines()
    with np.load(folder / "recording.npz") as recording:
        counts = recording["counts"]
    for line in lines:
        truth = json.loads(line)
        channel = 0 if truth["lane"] == 1 else 8
        around = round(truth["started_at_s"] * 4000.0)
        signal = counts[:, channel] - np.median(counts[:, channel])
        reach = round(0.3 / truth["speed_mps"] * 4000.0)
        window = signal[around - reach : around + reach].astype(float)
        centre = (np.arange(len(window)) * window).sum() / window.sum() - reach
        assert abs(centre) / 4000.0 * truth["speed_mps"] < 0.02


def test_the_same_seed_gives_the_same_recording(folder, tmp_path, request):
    site = str(request.config.rootpath / SITE)
    words = ["recording", "--site", site, "--seed", "3", "--vehicles", "5"]
    assert main([*words, "--out", str(tmp_path)]) == 0
    for name in ("truth.jsonl", "site.toml"):
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()
    with (
        np.load(tmp_path / "recording.npz") as again,
        np.load(folder / "recording.npz") as first,
    ):
        np.testing.assert_array_equal(again["counts"], first["counts"])


def test_a_missing_site_is_said_in_one_line(tmp_path, capsys):
    words = ["recording", "--site", str(tmp_path / "no.toml"), "--out", str(tmp_path)]
    assert main(words) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
