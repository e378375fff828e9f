import json

import numpy as np
import pytest

from wim.cli.__main__ import main

LOADS = ((6000.0, 11_000.0), (6500.0, 9000.0, 9000.0), (5000.0, 7000.0))
SPACINGS = ((5.0,), (3.6, 1.35), (4.2,))


@pytest.fixture(scope="module")
def files(road, tmp_path_factory):
    """Nine runs over strips of which one is five per cent better than its file."""
    folder = tmp_path_factory.mktemp("calibrate")
    true = road.site_text(rows=3)
    text = true.replace("counts_per_newton = 0.2\n", "counts_per_newton = 0.21\n", 1)
    (folder / "site.toml").write_text(text, encoding="utf-8")
    trucks, lines = [], []
    for run in range(9):
        loads, spacings = LOADS[run % 3], SPACINGS[run % 3]
        kmh, at_s = 30.0 + 8.0 * (run // 3), 1.0 + 4.0 * run
        trucks.append(road.Truck(loads, spacings, kmh, at_s=at_s, left_share=0.51))
        lines.append(
            {
                "lane": 1,
                "started_at_s": at_s,
                "speed_mps": kmh / 3.6,
                "axle_loads_kg": loads,
                "axle_spacings_m": spacings,
                "gross_mass_kg": sum(loads),
            }
        )
    counts, _ = road.drive(road.site_of(true), trucks, seconds=38.0)
    np.savez(folder / "runs.npz", counts=counts, sample_rate_hz=np.float64(4000.0))
    content = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "static.jsonl").write_text(content, encoding="utf-8")
    return folder


def calibrate(files, *more, runs="runs.npz", static="static.jsonl"):
    base = ["calibrate", "--run", str(files / runs), str(files / static)]
    base += ["--site", str(files / "site.toml"), "--id", "a", "--made-by", "somebody"]
    return main([*base, *more])


TIME = ("--made-at", "2026-03-01T08:00+08:00")


def test_runs_become_a_sealed_set_that_process_weighs_with(files, capsys):
    out = files / "set.toml"
    assert calibrate(files, *TIME, "--out", str(out), "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    factors = {
        each["channel"]: each for each in printed["parameters"]["calibration"]["strips"]
    }
    assert factors[0]["factor"] / factors[2]["factor"] == pytest.approx(1.05, abs=0.003)
    assert all(0.0 < each["uncertainty"] < 0.02 for each in factors.values())
    assert abs(printed["found"]["before"]["bias"]) > 0.5
    assert abs(printed["found"]["after"]["bias"]) < 0.1
    assert [each["file"] for each in printed["parameters"]["sources"]] == [
        "runs.npz",
        "static.jsonl",
        "site.toml",
    ]

    def weighed(*more):
        names = [str(files / "runs.npz"), "--site", str(files / "site.toml")]
        assert main(["process", *names, *more]) == 0
        lines = capsys.readouterr().out.splitlines()[:9]
        return [float(line.split(" km/h")[1].split("±")[0]) for line in lines]

    true = [sum(LOADS[run % 3]) / 1000.0 for run in range(9)]
    plain, better = weighed(), weighed("--parameters", str(out))
    assert max(abs(m / t - 1.0) for m, t in zip(plain, true, strict=True)) > 0.005
    assert max(abs(m / t - 1.0) for m, t in zip(better, true, strict=True)) < 0.004


def recorded_at(files, name, temperature_c):
    with np.load(files / "runs.npz") as runs:
        known = dict(runs)
    np.savez(files / name, **known, temperature_c=np.float64(temperature_c))


def test_a_set_made_in_summer_states_more_uncertainty_in_winter(files, capsys):
    out = files / "summer.toml"
    recorded_at(files, "hot.npz", 35.0)
    recorded_at(files, "cold.npz", -20.0)
    assert calibrate(files, *TIME, "--out", str(out), runs="hot.npz") == 0
    assert "made for pavement of 35.0 to 35.0 °C" in capsys.readouterr().out
    assert "temperature_range_c = [\n    35.0,\n    35.0,\n]" in out.read_text("utf-8")

    def stated(runs):
        names = [str(files / runs), "--site", str(files / "site.toml")]
        assert main(["process", *names, "--parameters", str(out), "--json"]) == 0
        first, *_ = map(json.loads, capsys.readouterr().out.splitlines())
        return first["gross_mass_kg"], first["gross_mass_uncertainty_kg"]

    (mass_kg, hot_kg), (same_kg, cold_kg) = stated("hot.npz"), stated("cold.npz")
    assert mass_kg == same_kg
    added = (cold_kg**2 - hot_kg**2) ** 0.5
    assert added == pytest.approx(2.0 * 55.0 * 0.0002 * mass_kg, rel=1e-6)
    assert hot_kg < stated("runs.npz")[1] < cold_kg


def test_a_set_of_runs_without_a_thermometer_says_so(files, capsys):
    assert calibrate(files, *TIME) == 0
    assert "pavement temperature not known of every run" in capsys.readouterr().out


def test_the_same_runs_give_the_same_set_to_the_bit(files, capsys):
    first, second = files / "first.toml", files / "second.toml"
    assert calibrate(files, *TIME, "--out", str(first)) == 0
    assert calibrate(files, *TIME, "--out", str(second)) == 0
    assert first.read_bytes() == second.read_bytes()
    text = capsys.readouterr().out
    assert "9 runs of 3 reference trucks" in text
    assert "no curve over °C" in text


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (("--made-at", "2026-03-01T08:00"), "needs a time zone"),
        (("--made-at", "yesterday"), "--made-at yesterday"),
        ((*TIME, "--version", "0"), "version"),
        ((*TIME, "--static-uncertainty", "50"), "--static-uncertainty 50"),
    ],
)
def test_wrong_arguments_give_one_line(files, capsys, more, says):
    assert calibrate(files, *more) == 2
    complaint = capsys.readouterr().err
    assert says in complaint
    assert complaint.count("\n") == 1


def test_a_version_is_never_overwritten(files, capsys):
    out = files / "kept.toml"
    out.write_text("kept", encoding="utf-8")
    assert calibrate(files, *TIME, "--out", str(out)) == 2
    assert "is there already" in capsys.readouterr().err
    assert out.read_text("utf-8") == "kept"


def test_runs_that_do_not_fit_are_told_in_one_line(files, capsys):
    few = files / "few.jsonl"
    lines = (files / "static.jsonl").read_text("utf-8").splitlines()
    few.write_text("\n".join(lines[:3]), encoding="utf-8")
    assert calibrate(files, *TIME, static="few.jsonl") == 2
    assert capsys.readouterr().err.endswith(
        "3 usable runs of reference trucks; expected at least 4\n"
    )
    few.write_text("", encoding="utf-8")
    assert calibrate(files, *TIME, static="few.jsonl") == 2
    assert "the static masses name no truck" in capsys.readouterr().err
    few.write_text('{"lane": 1}', encoding="utf-8")
    assert calibrate(files, *TIME, static="few.jsonl") == 2
    complaint = capsys.readouterr().err
    assert "few.jsonl: line 1" in complaint
    assert complaint.count("\n") == 1


def changed(files, changes):
    """The static masses with other figures in some lines, as a file of its own."""
    lines = (files / "static.jsonl").read_text("utf-8").splitlines()
    for number, change in changes.items():
        lines[number] = json.dumps(json.loads(lines[number]) | change)
    (files / "changed.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return "changed.jsonl"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"lane": 9}, "in a lane that the site does not have"),
        ({"started_at_s": 1.7e9}, "without a passage within 1 s in their lane"),
        ({"manoeuvre": "braking"}, "with a manoeuvre"),
        (
            {
                "axle_loads_kg": [5e3] * 4,
                "axle_spacings_m": [3.0] * 3,
                "gross_mass_kg": 2e4,
            },
            "weighed with another number of axles",
        ),
    ],
)
def test_why_runs_were_dropped_is_counted(files, capsys, change, says):
    name = changed(files, dict.fromkeys(range(9), change))
    assert calibrate(files, *TIME, static=name) == 2
    complaint = capsys.readouterr().err
    assert "0 usable runs" in complaint
    assert f"9 of 9 dropped: 9 {says}" in complaint
    assert complaint.count("\n") == 1


def test_a_set_that_left_runs_out_says_how_many_and_why(files, capsys):
    name = changed(files, {0: {"lane": 9}, 4: {"started_at_s": 500.0}})
    assert calibrate(files, *TIME, static=name) == 0
    said = capsys.readouterr().out
    assert "2 of 9 dropped: 1 in a lane that the site does not have; 1 without" in said
    assert calibrate(files, *TIME, "--json", static=name) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["dropped"] == {"no_such_lane": 1, "none_in_time": 1}


def test_a_mass_that_is_no_number_is_named_with_file_line_and_key(files, capsys):
    name = changed(files, {2: {"axle_loads_kg": [float("nan"), 9e3, 9e3]}})
    assert calibrate(files, *TIME, static=name) == 2
    complaint = capsys.readouterr().err
    assert "changed.jsonl: line 3: key `axle_loads_kg[0]`: NaN is no figure" in (
        complaint
    )
    assert complaint.count("\n") == 1


def test_a_set_of_another_station_is_refused(files, capsys):
    out = files / "other.toml"
    assert calibrate(files, *TIME, "--out", str(out)) == 0
    site = files / "elsewhere.toml"
    text = (files / "site.toml").read_text("utf-8")
    site.write_text(text.replace("TEST-001", "TEST-002"), encoding="utf-8")
    capsys.readouterr()
    names = [str(files / "runs.npz"), "--site", str(site), "--parameters", str(out)]
    assert main(["process", *names]) == 2
    complaint = capsys.readouterr().err
    assert "key 'station': TEST-001, but the site is TEST-002" in complaint
    assert complaint.count("\n") == 1
