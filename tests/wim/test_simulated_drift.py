"""A month over strips whose gains drift: the charts find what the simulator did."""

import contextlib
import io
import json
from pathlib import Path

import pytest

from simulators.__main__ import main as simulate
from wim.cli.__main__ import main

SITE = Path(__file__).parents[2] / "configs" / "stations" / "4row-site.toml"
SITE_SEED = 5
LEARN = 110


def printed(program, *words):
    """Status and standard output of a command."""
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    with contextlib.redirect_stdout(out):
        status = program([str(word) for word in words])
    out.flush()
    return status, out.buffer.getvalue()


def weighed(folder, *, day, seed, vehicles):
    """The passages of one day as a file, and the true strips of that day."""
    words = ["--site", SITE, "--out", folder, "--vehicles", vehicles, "--seed", seed]
    words += ["--site-seed", SITE_SEED, "--rate", 2000, "--day", day]
    assert printed(simulate, "recording", *words)[0] == 0
    status, lines = printed(
        main, "process", folder / "recording.npz", "--site", SITE, "--json"
    )
    assert status == 0
    (folder / "passages.jsonl").write_bytes(lines)
    true = (folder / "strips.jsonl").read_text("utf-8").splitlines()
    return folder / "passages.jsonl", [json.loads(line) for line in true]


@pytest.fixture(scope="module")
def first_day(tmp_path_factory):
    passages, _ = weighed(tmp_path_factory.mktemp("0"), day=0, seed=1, vehicles=130)
    return passages


def followed(*passages):
    status, said = printed(main, "drift", *passages, "--learn", LEARN, "--json")
    return status, json.loads(said)["alarms"]


def test_a_month_of_drifting_gains_is_found_in_the_row_that_drifts_most(
    first_day, tmp_path
):
    later, strips = weighed(tmp_path / "30", day=30, seed=2, vehicles=200)
    of_rows = [
        sum(s["gain_drift_per_month"] for s in strips if s["row"] == row) / 2.0
        for row in range(4)
    ]
    true = [of_row - sum(of_rows) / 4.0 for of_row in of_rows]
    most = max(range(4), key=lambda row: abs(true[row]))
    status, alarms = followed(first_day, later)
    assert status == 1
    shifts = {alarm["chart"]: alarm["shift"] for alarm in alarms}
    assert shifts[f"row_{most}"] == pytest.approx(true[most], abs=0.006)
    for row in range(4):
        assert shifts.get(f"row_{row}", true[row]) * true[row] > 0.0
    # the recordings tell the day, so that the alarm does
    (began,) = (a["since_s"] for a in alarms if a["chart"] == f"row_{most}")
    assert 0.0 <= began - 1_767_225_600.0 < 31.0 * 86_400.0


def test_the_same_traffic_on_the_first_day_is_no_drift(first_day, tmp_path):
    same_day, _ = weighed(tmp_path / "0", day=0, seed=2, vehicles=200)
    assert followed(first_day, same_day) == (0, [])
