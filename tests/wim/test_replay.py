import hashlib
import json
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest

from wim.cli.__main__ import main
from wim.cli.drift_states import DriftStates
from wim.clips import Block, Clip, encoded
from wim.drift import Chart, DriftState

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


def test_a_contribution_to_the_uncertainty_is_replayed_where_the_record_tells_it(
    files, record, capsys
):
    key = "gross_mass_standard_uncertainties_kg"
    lines = [json.loads(line) for line in record.read_text("utf-8").splitlines()]

    def replayed():
        content = "".join(json.dumps(line) + "\n" for line in lines)
        record.write_text(content, encoding="utf-8")
        status = replay(files, record)
        return status, capsys.readouterr().out

    lines[0][key] = dict(sorted(lines[0][key].items()))
    del lines[1][key]  # as in a record of an older version
    assert replayed()[0] == 0
    lines[0][key]["speed"] *= 1.001
    status, told = replayed()
    assert status == 1
    assert f"DIFFERS: {key}: recorded" in told


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


def state_of(path, *, high=40.0):
    """Write the charts of a lane that drifts, and return them."""
    chart = Chart(
        name="balance",
        count=2000,
        mean=1.0,
        squares=0.2,
        high=high,
        high_since_s=1.79e9,
        high_total=10.4,
        high_count=10,
        alarmed=True,
    )
    lanes = (DriftState(lane=1, charts=(chart,)),)
    path.write_bytes(msgspec.json.encode(DriftStates(lanes=lanes)))
    return lanes


@pytest.fixture
def drifting(files, tmp_path, capsys):
    """A state of charts, and the records that were made with it."""
    state, record = tmp_path / "state.json", tmp_path / "drifting.jsonl"
    state_of(state)
    assert main(process(files, "--seal", "--drift", str(state))) == 0
    said = capsys.readouterr().out
    assert all("drifting" in json.loads(line)["flags"] for line in said.splitlines())
    record.write_text(said, encoding="utf-8")
    return state, record


def test_records_of_a_drifting_lane_are_the_same_with_the_charts_of_their_seal(
    files, drifting, capsys
):
    state, record = drifting
    for line in map(json.loads, record.read_text("utf-8").splitlines()):
        digest = hashlib.sha256(state.read_bytes()).hexdigest()
        assert line["seal"]["drift_sha256"] == digest
    assert replay(files, record, "--drift", str(state)) == 0
    assert "2 of 2 records are the same to the bit" in capsys.readouterr().out


def test_records_made_with_charts_ask_for_them(files, drifting, capsys):
    state, record = drifting
    assert replay(files, record) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert hashlib.sha256(state.read_bytes()).hexdigest() in said.err
    assert "give that state as --drift STATE.json" in said.err


def test_other_charts_than_those_of_the_seal_are_refused_before_weighing(
    files, drifting, capsys
):
    state, record = drifting
    state_of(state, high=41.0)
    assert replay(files, record, "--drift", str(state)) == 1
    said = capsys.readouterr().out
    assert "NOT what the record was made from: drift_sha256: recorded" in said
    assert "DIFFERS" not in said


def test_charts_that_no_record_was_made_with_are_wrong_use(
    files, record, drifting, capsys
):
    state, _ = drifting
    assert replay(files, record, "--drift", str(state)) == 2
    assert "made without such a state; leave --drift away" in capsys.readouterr().err


def test_a_seal_from_before_the_charts_were_sealed_goes_with_them_and_without(
    files, record, drifting
):
    state, with_charts = drifting
    for path, more in ((record, ()), (with_charts, ("--drift", str(state)))):
        lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        for line in lines:
            del line["seal"]["drift_sha256"]
        path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
        assert replay(files, path, *more) == 0
    assert replay(files, with_charts) == 1


def test_samples_that_carry_charts_take_no_others(files, drifting, tmp_path, capsys):
    state, record = drifting
    with np.load(files / "samples.npz") as samples:
        counts = samples["counts"]
    clip = Clip(
        counts=counts,
        sample_rate_hz=4000.0,
        start_time_s=None,
        temperature_c=None,
        blocks=(Block(len(counts), 0, 0),),
        runs=(),
        drift=state_of(state),
    )
    path = tmp_path / "clip.npz"
    path.write_bytes(encoded(clip))
    own = ["process", str(path), "--site", str(files / "site.toml"), "--json", "--seal"]
    assert main([*own, "--drift", str(state)]) == 2
    assert "carries the control charts of its own lanes" in capsys.readouterr().err
    assert main(own) == 0
    record.write_text(capsys.readouterr().out, encoding="utf-8")
    again = ["replay", str(path), *own[2:4], "--record", str(record)]
    assert main(again) == 0
    assert main([*again, "--drift", str(state)]) == 2
    assert "leave --drift away" in capsys.readouterr().err


@pytest.mark.timeout(600)  # it compiles everything
def test_another_cpu_gives_the_same_bytes(files, sealed, another_processor):
    other = run(files, "--seal", "--estimators", **another_processor)
    assert other == sealed
    assert sealed.count(b"\n") == 2
