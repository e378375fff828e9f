import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from wim.cli.__main__ import main

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def files(road, tmp_path_factory):
    folder = tmp_path_factory.mktemp("replay")
    text = road.site_text(extra="time_constant_s = 4.0")
    (folder / "site.toml").write_text(text, encoding="utf-8")
    loads, spacings = (7000.0, 19_000.0, 18_000.0, 25_000.0), (3.3, 1.35, 7.0)
    trucks = [
        road.Truck(loads, spacings, 33.0, at_s=1.2, acceleration_mps2=0.4),
        road.Truck((5000.0, 9000.0), (4.5,), 81.0, at_s=6.0, left_share=0.46),
    ]
    counts, _ = road.drive(road.site_of(text), trucks, seconds=8.5, seed=3)
    np.savez(folder / "samples.npz", counts=counts, sample_rate_hz=np.float64(4000.0))
    return folder


def process(files, *more):
    names = [str(files / "samples.npz"), "--site", str(files / "site.toml")]
    return ["process", *names, "--json", *more]


def run(files, *more, **environment):
    """Run ``process`` as a program of its own and return what it prints."""
    settings = [f"{name}={value}" for name, value in environment.items()]
    program = [sys.executable, "-m", "wim.cli", *process(files, *more)]
    done = subprocess.run(
        ["env", *settings, *program], cwd=REPOSITORY, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def sealed(files):
    return run(files, "--seal", "--estimators")


@pytest.fixture
def record(sealed, tmp_path):
    path = tmp_path / "record.jsonl"
    path.write_bytes(sealed)
    return path


def replay(files, record, *more):
    names = [str(files / "samples.npz"), "--site", str(files / "site.toml")]
    return main(["replay", *names, "--record", str(record), *more])


def test_the_same_samples_and_parameters_give_the_same_bits(files, record, capsys):
    assert replay(files, record) == 0
    assert "2 of 2 records are the same to the bit" in capsys.readouterr().out
    assert replay(files, record, "--json") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["same"] for line in lines] == [True, True]


def test_one_bit_of_one_figure_is_a_difference(files, record, capsys):
    lines = record.read_text("utf-8").splitlines()
    changed = json.loads(lines[1])
    changed["gross_mass_kg"] = float(np.nextafter(changed["gross_mass_kg"], 1e9))
    record.write_text(f"{lines[0]}\n{json.dumps(changed)}\n", encoding="utf-8")
    assert replay(files, record) == 1
    text = capsys.readouterr().out
    assert "DIFFERS: gross_mass_kg: recorded" in text
    assert "1 of 2 records" in text


def test_other_samples_or_another_site_are_refused_before_weighing(
    files, record, capsys
):
    whole = np.load(files / "samples.npz")
    counts = whole["counts"].copy()
    counts[-1, 0] += 1
    samples = files / "other.npz"
    np.savez(samples, counts=counts, sample_rate_hz=whole["sample_rate_hz"])
    site = files / "site.toml"
    base = ["replay", str(samples), "--site", str(site), "--record", str(record)]
    assert main(base) == 1
    assert (
        "NOT what the record was made from: samples_sha256" in capsys.readouterr().out
    )
    other = files / "other.toml"
    text = site.read_text("utf-8").replace("= 0.2\n", "= 0.2001\n", 1)
    other.write_text(text, encoding="utf-8")
    base = ["replay", str(files / "samples.npz"), "--site", str(other)]
    assert main([*base, "--record", str(record)]) == 1
    assert "parameter_hash" in capsys.readouterr().out


def test_a_passage_that_the_samples_do_not_hold_is_told(files, record, capsys):
    line = json.loads(record.read_text("utf-8").splitlines()[0])
    line["started_at_s"] += 0.5
    record.write_text(json.dumps(line), encoding="utf-8")
    assert replay(files, record) == 1
    assert "no passage at the recorded time" in capsys.readouterr().out


def test_records_without_a_seal_and_no_records_are_wrong_use(files, record, capsys):
    lines = record.read_text("utf-8").splitlines()
    line = json.loads(lines[1])
    line["seal"] = None
    record.write_text(f"{lines[0]}\n{json.dumps(line)}\n", encoding="utf-8")
    assert replay(files, record) == 2
    complaint = capsys.readouterr().err
    assert f"{record}: record 2 carries no seal" in complaint
    assert complaint.count("\n") == 1
    record.write_text("", encoding="utf-8")
    assert replay(files, record) == 2
    record.write_text("[]\n", encoding="utf-8")
    assert replay(files, record) == 2
    assert capsys.readouterr().err.count("\n") == 2


@pytest.mark.timeout(600)  # it compiles everything
def test_another_cpu_gives_the_same_bytes(files, sealed, another_processor):
    other = run(files, "--seal", "--estimators", **another_processor)
    assert other == sealed
    assert sealed.count(b"\n") == 2
