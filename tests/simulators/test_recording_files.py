import io
import json

import numpy as np
import pytest

from simulators.__main__ import main
from simulators.progress import ProgressBar
from simulators.recording import Order, Recorder, load_site

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


def recorded(request, folder, *words):
    site = str(request.config.rootpath / "configs" / "stations" / "4row-site.toml")
    assert main(["recording", "--site", site, "--out", str(folder), *words]) == 0
    lines = (folder / "truth.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_forces_tell_every_row_of_every_axle(request, tmp_path):
    truths = recorded(request, tmp_path, "--vehicles", "6", "--seed", "4", "--forces")
    with np.load(tmp_path / "forces.npz") as file:
        forces = dict(file)
    axles = [len(truth["axle_loads_kg"]) for truth in truths]
    assert len(forces["force_n"]) == 4 * sum(axles)
    assert {len(column) for column in forces.values()} == {4 * sum(axles)}
    np.testing.assert_allclose(
        forces["left_n"] + forces["right_n"], forces["force_n"], rtol=1e-12
    )
    for number, truth in enumerate(truths):
        own = forces["vehicle"] == number
        first = own & (forces["axle"] == 0) & (forces["row"] == 0)
        assert forces["time_s"][first] == pytest.approx(truth["started_at_s"], abs=1e-6)
        assert forces["speed_mps"][first] == pytest.approx(truth["speed_mps"], rel=1e-5)
        loads_kg = forces["static_n"][own].reshape(-1, 4)[:, 0] / 9.80665
        np.testing.assert_allclose(loads_kg, truth["axle_loads_kg"])
        swing = forces["force_n"][own] / forces["static_n"][own]
        assert 0.5 < swing.min() < swing.max() < 1.6


def test_one_site_stays_the_same_under_other_traffic(request):
    site, _ = load_site(request.config.rootpath / "configs/stations/4row-site.toml")
    first, second = (
        Recorder(site, Order(vehicles=1, seed=seed, site_seed=5)) for seed in (1, 2)
    )
    np.testing.assert_array_equal(first._road.heights_m, second._road.heights_m)
    np.testing.assert_array_equal(first._field._figures, second._field._figures)


@pytest.mark.parametrize("family", ["planar", "modal"])
def test_both_families_weigh_what_the_truth_says_on_the_mean(request, tmp_path, family):
    words = ("--vehicles", "30", "--seed", "6", "--family", family, "--forces")
    recorded(request, tmp_path, *words, "--rate", "1000")
    with np.load(tmp_path / "forces.npz") as forces:
        ratio = forces["force_n"].sum() / forces["static_n"].sum()
    assert ratio == pytest.approx(1.0, abs=0.06)


def test_the_families_differ(request, tmp_path):
    counts = []
    for family in ("planar", "modal"):
        recorded(request, tmp_path / family, "--vehicles", "2", "--family", family)
        with np.load(tmp_path / family / "recording.npz") as recording:
            counts.append(recording["counts"])
    assert counts[0].shape == counts[1].shape  # the same traffic
    assert (counts[0] != counts[1]).any()


def test_labels_of_manoeuvres_reach_the_truth(request, tmp_path):
    words = ("--vehicles", "4", "--manoeuvre", "braking", "--rate", "1000")
    for truth in recorded(request, tmp_path, *words):
        assert truth["manoeuvre"] == "braking"
        assert truth["flags"] == ["braking"]
        assert truth["valid"] is False
        assert 0.0 <= truth["severity"] <= 1.0
        assert truth["acceleration_mps2"] < -0.5


def test_a_recording_tells_its_day_and_the_true_gains_of_it(request, tmp_path):
    words = ("--vehicles", "1", "--rate", "1000", "--site-seed", "5")
    drifts = []
    for day in (None, "0", "45"):
        folder = tmp_path / str(day)
        recorded(request, folder, *words, *(() if day is None else ("--day", day)))
        lines = (folder / "strips.jsonl").read_text("utf-8").splitlines()
        strips = [json.loads(line) for line in lines]
        assert [strip["channel"] for strip in strips] == list(range(8))
        drifts.append([strip["gain_drift_per_month"] for strip in strips])
        with np.load(folder / "recording.npz") as recording:
            if day is None:
                assert "start_time_s" not in recording
                usual = np.array([strip["gain"] for strip in strips])
            else:
                began_s = float(recording["start_time_s"])
                assert began_s == 1_767_225_600.0 + 86_400.0 * float(day)
    assert drifts[0] == drifts[1] == drifts[2]
    grown = np.array([strip["gain"] for strip in strips]) / usual
    assert grown == pytest.approx(1.0 + 1.5 * np.array(drifts[2]))
    whole = [(tmp_path / day / "recording.npz") for day in ("None", "0")]
    first, second = (np.load(path)["counts"] for path in whole)
    np.testing.assert_array_equal(first, second)


def test_the_same_recording_is_the_same_file(request, tmp_path):
    words = ("--vehicles", "3", "--seed", "8", "--traffic", "manoeuvres", "--forces")
    for name in ("one", "two"):
        recorded(request, tmp_path / name, *words)
    for name in ("recording.npz", "truth.jsonl", "strips.jsonl", "forces.npz"):
        one, two = ((tmp_path / each / name).read_bytes() for each in ("one", "two"))
        assert one == two


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--fault", "dead:77"], "channels 0, 1"),
        (["--rate", "10"], "1000"),
        (["--temperature", "300"], "80"),
        (["--day", "-1"], "day -1: between 0 and 730"),
    ],
)
def test_what_no_site_has_is_told_in_one_line(request, tmp_path, capsys, words, said):
    site = str(request.config.rootpath / "configs" / "stations" / "4row-site.toml")
    assert main(["recording", "--site", site, "--out", str(tmp_path), *words]) == 2
    error = capsys.readouterr().err
    assert len(error.splitlines()) == 1
    assert said in error


@pytest.mark.parametrize(
    "words",
    [
        ["--fault", "melted:1"],
        ["--fault", "dead:one"],
        ["--fault", "dead:1@2"],
        ["--error", "gravity=2"],
        ["--error", "gain=nan"],
        ["--road", "Z"],
        ["--manoeuvre", "fly"],
        ["--vehicles", "0"],
    ],
)
def test_words_that_nobody_knows_are_told_in_one_line(request, tmp_path, capsys, words):
    site = str(request.config.rootpath / "configs" / "stations" / "4row-site.toml")
    with pytest.raises(SystemExit) as ended:
        main(["recording", "--site", site, "--out", str(tmp_path), *words])
    assert ended.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_site_that_forgets_nothing_cannot_forget_faster(request, tmp_path, capsys):
    words = ["--site", str(request.config.rootpath / SITE), "--out", str(tmp_path)]
    assert main(["recording", *words, "--error", "time_constant=0.5"]) == 2
    assert "time_constant_s" in capsys.readouterr().err


def test_a_bar_is_drawn_on_a_terminal_only():
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    for stream, shown in ((Terminal(), True), (io.StringIO(), False)):
        bar = ProgressBar(stream)
        for part in (0.0, 0.5, 0.501, 1.0):
            bar.show(part)
        bar.close()
        assert bool(stream.getvalue()) is shown
    assert stream.getvalue() == ""


def test_a_bar_with_a_clock_tells_how_long_the_rest_takes():
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    stream, moments = Terminal(), iter([10.0, 70.0, 130.0, 190.0])
    bar = ProgressBar(stream, now_s=lambda: next(moments))
    for part in (0.5, 0.51, 0.52, 1.0):
        bar.show(part)
    lines = stream.getvalue().split("\r")[1:]
    assert lines[0].endswith("]  50 %")  # half was done before: nobody knows how fast
    assert lines[1].endswith("]  51 %, 49 min left")
    assert lines[2].endswith("]  52 %, 48 min left")
    assert lines[3].rstrip().endswith("] 100 %")
    assert len(lines[3]) == len(lines[2])  # nothing of it stays on the terminal
    bar = ProgressBar(stream, now_s=iter([0.0, 60.0]).__next__)
    bar.show(0.0)
    bar.show(0.01)
    assert stream.getvalue().endswith("]   1 %, 1 h 39 min left")


def test_who_interrupts_a_recording_has_none(request, tmp_path, capsys, monkeypatch):
    def interrupt(self, part):
        raise KeyboardInterrupt

    monkeypatch.setattr(ProgressBar, "show", interrupt)
    words = ["--site", str(request.config.rootpath / SITE), "--out", str(tmp_path)]
    assert main(["recording", *words, "--vehicles", "1"]) == 2
    assert "interrupted" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_missing_site_is_said_in_one_line(tmp_path, capsys):
    words = ["recording", "--site", str(tmp_path / "no.toml"), "--out", str(tmp_path)]
    assert main(words) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
