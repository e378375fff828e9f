import json
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from wim.cli import bench
from wim.cli.__main__ import main
from wim.cli.lines import PassageLine

SIX = ((7000.0, 19_000.0, 19_000.0, 25_000.0, 25_000.0, 25_000.0),)
SPACINGS = (3.3, 1.35, 7.0, 1.31, 1.31)


@pytest.fixture(scope="module")
def files(road, tmp_path_factory):
    folder = tmp_path_factory.mktemp("recording")
    text = road.site_text()
    (folder / "site.toml").write_text(text, encoding="utf-8")
    trucks = [
        road.Truck(*SIX, SPACINGS, 60.0, at_s=1.0),
        road.Truck((2000.0, 3000.0), (4.5,), 60.0, at_s=4.0),
    ]
    counts, _ = road.drive(road.site_of(text), trucks, seconds=6.0)
    np.savez_compressed(
        folder / "good.npz",
        counts=counts,
        sample_rate_hz=np.float64(4000.0),
        start_time_s=np.float64(1.7e9),
        temperature_c=np.float64(21.0),
    )
    return folder


def process(files, recording, *more, site="site.toml"):
    return main(["process", str(files / recording), "--site", str(files / site), *more])


def test_process_prints_one_object_a_passage(files, capsysbinary):
    assert process(files, "good.npz", "--json") == 0
    lines = [json.loads(line) for line in capsysbinary.readouterr().out.splitlines()]
    assert [set(line) for line in lines] == [set(PassageLine.__struct_fields__)] * 2
    first, second = lines
    assert first["started_at_s"] == pytest.approx(1.0, abs=1e-3)
    assert first["gross_mass_kg"] == pytest.approx(120_000.0, rel=0.003)
    assert first["axle_configuration"] == "1+2+3"
    assert first["axle_groups"] == [[0], [1, 2], [3, 4, 5]]
    assert first["notations"]["groups"] == first["axle_configuration"]
    assert first["notations"]["digits"] is None, "strips do not tell tyres"
    assert first["notations"]["possible_digits"] == ["12", "35", "67"]
    assert first["notations"]["fhwa_class"] == 10
    behind = [0.0, 3.3, 4.65, 11.65, 12.96, 14.27]
    assert first["notations"]["axle_positions_m"] == pytest.approx(behind, abs=0.02)
    assert 100.0 < first["gross_mass_uncertainty_kg"] < 6000.0
    parts = first["gross_mass_standard_uncertainties_kg"]
    assert [*parts] == [
        *("rows", "bounce", "speed", "calibration", "temperature"),
        *("unseen_side", "driving", "disturbance"),
    ]
    squares = sum(part_kg**2 for part_kg in parts.values())
    assert first["gross_mass_uncertainty_kg"] == pytest.approx(2.0 * squares**0.5)
    assert parts["temperature"] > 0.003 * first["gross_mass_kg"]  # no reference trucks
    assert [each["row"] for each in first["row_sums"]] == [0, 1, 2, 3]
    assert first["passed_at_s"] == pytest.approx(1.7e9 + 1.0, abs=1e-3)
    assert first["valid"] is True
    assert second["gross_mass_kg"] == pytest.approx(5000.0, rel=0.01)


def test_process_speaks_to_people_by_default(files, capsys):
    assert process(files, "good.npz") == 0
    text = capsys.readouterr().out
    assert "119.9" in text or "120.0" in text
    assert "2 passages" in text


@pytest.fixture(scope="module")
def odd(road, files):
    """A truck that one row saw, another that all saw, and a channel that jumps."""
    far = frozenset(
        (a, r, s) for a in (0, 1) for r in (1, 2, 3) for s in ("left", "right")
    )
    trucks = [
        road.Truck((4000.0, 6000.0), (4.5,), 50.0, at_s=1.0, unseen=far),
        road.Truck((4000.0, 6000.0), (4.5,), 50.0, at_s=36.0),
    ]
    counts, _ = road.drive(road.site_of(road.site_text()), trucks, seconds=40.0)
    counts[12 * 4000 :, 5] += 5000
    write(files, "beside.npz", counts=counts, sample_rate_hz=np.float64(4000.0))
    return "beside.npz"


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_what_became_no_passage_is_counted_in_one_line_beside_the_output(
    files, odd, capsysbinary, more
):
    assert process(files, odd, *more) == 0
    said = capsysbinary.readouterr()
    error = said.err.decode()
    assert error.count("\n") == 1
    assert error.startswith(f"luheng-wim: {files / odd}: ")
    for count in ("1 unweighed_vehicles", "stray_pulses", "1 offsets_renewed"):
        assert count in error
    assert b"unweighed" not in said.out
    assert process(files, "good.npz", *more) == 0
    assert capsysbinary.readouterr().err == b""


@pytest.mark.parametrize("option", ["--seal", "--estimators"])
def test_what_a_sentence_does_not_hold_needs_json(files, capsys, option):
    assert process(files, "good.npz", option) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert f"{option}: " in said.err
    assert "add --json" in said.err
    assert said.err.count("\n") == 1


def test_the_command_runs_as_a_program(files):
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "wim.cli",
            "process",
            str(files / "good.npz"),
            "--site",
            str(files / "site.toml"),
            "--json",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 2


def write(files, name, **arrays):
    np.savez(files / name, **arrays)


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"sample_rate_hz": np.float64(4000)}, "missing array 'counts'"),
        ({"counts": np.zeros((9, 8), np.int32)}, "missing array 'sample_rate_hz'"),
        (
            {"counts": np.zeros((9, 8)), "sample_rate_hz": np.float64(4000)},
            "expected int32",
        ),
        (
            {"counts": np.zeros(9, np.int32), "sample_rate_hz": np.float64(4000)},
            "shape (9,)",
        ),
        (
            {"counts": np.zeros((9, 3), np.int32), "sample_rate_hz": np.float64(4000)},
            "has 3 channels",
        ),
        (
            {"counts": np.zeros((9, 8), np.int32), "sample_rate_hz": np.float64(0)},
            "sample_rate_hz",
        ),
        (
            {"counts": np.zeros((9, 8), np.int32), "sample_rate_hz": np.zeros(2)},
            "one number",
        ),
        (
            {
                "counts": np.array([[None] * 8], dtype=object),
                "sample_rate_hz": np.float64(4000),
            },
            "is object",
        ),
    ],
)
def test_a_recording_that_cannot_be_used_gives_one_line(files, capsys, arrays, says):
    write(files, "bad.npz", **arrays)
    assert process(files, "bad.npz") == 2
    complaint = capsys.readouterr().err
    assert says in complaint
    assert "bad.npz" in complaint
    assert complaint.count("\n") == 1


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04 half"])
def test_a_file_that_is_no_recording_gives_one_line(files, capsys, content):
    (files / "odd.npz").write_bytes(content)
    assert process(files, "odd.npz") == 2
    complaint = capsys.readouterr().err
    assert "odd.npz" in complaint
    assert complaint.count("\n") == 1


def test_a_truncated_recording_gives_one_line(files, capsys):
    whole = (files / "good.npz").read_bytes()
    for share in (0.3, 0.99):
        (files / "cut.npz").write_bytes(whole[: int(len(whole) * share)])
        assert process(files, "cut.npz") == 2
        assert capsys.readouterr().err.count("\n") == 1
    spoiled = bytearray(whole)
    spoiled[len(whole) // 2] ^= 0xFF
    (files / "cut.npz").write_bytes(bytes(spoiled))
    assert process(files, "cut.npz") == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_missing_files_and_bad_sites_give_one_line(files, capsys):
    assert process(files, "none.npz") == 2
    assert "none.npz" in capsys.readouterr().err
    assert process(files, "good.npz", site="none.toml") == 2
    assert "none.toml" in capsys.readouterr().err
    text = (files / "site.toml").read_text("utf-8").replace("width_m", "widht_m", 1)
    (files / "typo.toml").write_text(text, encoding="utf-8")
    assert process(files, "good.npz", site="typo.toml") == 2
    complaint = capsys.readouterr().err
    assert "typo.toml: unknown key 'lanes[0].strips[0].widht_m'" in complaint
    assert complaint.count("\n") == 1


def test_wrong_arguments_give_one_line_and_status_2(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["process", "x.npz"])
    assert caught.value.code == 2
    complaint = capsys.readouterr().err
    assert "--site" in complaint
    assert complaint.count("\n") == 1


def test_the_benchmark_weighs_what_it_measures(files, capsys):
    site = str(files / "site.toml")
    assert (
        main(["bench", "--site", site, "--seconds", "6", "--rates", "4000", "--json"])
        == 0
    )
    report = json.loads(capsys.readouterr().out)
    assert report["rates"][0]["sample_rate_hz"] == 4000.0
    assert report["rates"][0]["passages"] == report["latency"]["passages"] == 1
    assert report["twin"]["agrees"] is True
    assert report["twin"]["pulses"] > 10
    assert report["memory"] is None
    assert main(["bench", "--site", site, "--seconds", "1"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_the_time_to_the_first_passage_ends_with_the_passage(monkeypatch, tmp_path):
    """What a process takes down after it is not waited for; a failure is told."""
    ended, seen = tmp_path / "ended", []

    def clock():
        seen.append(ended.exists())
        return 2.5 * len(seen)

    monkeypatch.setattr(bench, "time", SimpleNamespace(perf_counter=clock))
    child = f"""
import pathlib, time
print("5 axles", flush=True)
time.sleep(1.0)
pathlib.Path({str(ended)!r}).touch()
"""
    monkeypatch.setattr(bench, "_FIRST_RESULT", child)
    assert bench._start_s("unused") == 2.5
    assert seen == [False, False]
    assert ended.exists(), "it was left to end by itself"
    monkeypatch.setattr(bench, "_FIRST_RESULT", "raise SystemExit(3)")
    with pytest.raises(subprocess.CalledProcessError):
        bench._start_s("unused")
