import json
import random

import msgspec
import numpy as np
import pytest

from wim.accuracy.run_length import cusum_run_length, ewma_run_length
from wim.cli.__main__ import main
from wim.cli.drift_states import DriftStates
from wim.drift import (
    DriftRules,
    DriftState,
    Reading,
    RowSum,
    alarms,
    follow,
    readings,
)
from wim.passage import Parameters, Weigher

RULES = DriftRules(learn=300)
LOADS = (7000.0, 9000.0, 9000.0, 8000.0, 8000.0, 8000.0)
GROUPS = ((0,), (1, 2), (3, 4, 5))


# Published run lengths of two-sided CUSUMs (k = 0.5) and EWMAs.
@pytest.mark.parametrize(
    ("decision", "shift", "length"),
    [(4.0, 0.0, 168.0), (4.0, 1.0, 8.38), (5.0, 0.0, 465.0), (5.0, 1.0, 10.4)],
)
def test_run_lengths_of_a_cusum_are_the_published_ones(decision, shift, length):
    found = cusum_run_length(allowance=0.5, decision=decision, shift=shift)
    assert found == pytest.approx(length, rel=0.004)


def test_run_lengths_of_an_ewma_are_the_published_ones():
    at_rest = ewma_run_length(weight=0.1, width=2.814, shift=0.0)
    moved = ewma_run_length(weight=0.1, width=2.814, shift=1.0)
    assert (at_rest, moved) == pytest.approx((500.0, 10.3), rel=0.01)


def test_the_cusum_finds_small_lasting_shifts_sooner_than_an_equal_ewma():
    ours = {"allowance": 0.25, "decision": 22.0}
    other = {"weight": 0.02, "width": 4.4}
    assert cusum_run_length(**ours, shift=0.0) > ewma_run_length(**other, shift=0.0)
    for shift in (0.25, 0.33, 0.5):
        assert cusum_run_length(**ours, shift=shift) < ewma_run_length(
            **other, shift=shift
        )


def run(values, *, rules=RULES, state=None, begin=0):
    state = state or DriftState(lane=1)
    for k, value in enumerate(values, start=begin):
        seen = [Reading(chart="row_0", value=value)]
        state = follow(state, seen, at_s=10.0 * k, rules=rules)
        if alarms(state):
            return state, k
    return state, None


def test_a_lane_at_rest_stays_quiet():
    rng = random.Random(1)
    state, at = run(rng.gauss(1.0, 0.02) for _ in range(6000))
    assert at is None
    (chart,) = state.charts
    assert chart.mean == pytest.approx(1.0, abs=0.004)
    assert chart.scatter(RULES) == pytest.approx(0.02, rel=0.12)


@pytest.mark.parametrize("shift", [0.012, -0.012, 0.02])
def test_a_small_lasting_shift_is_found_with_its_size_and_its_beginning(shift):
    rng = random.Random(4)
    state, at = run(
        rng.gauss(1.0, 0.02) + (shift if k >= 1000 else 0.0) for k in range(3000)
    )
    (alarm,) = alarms(state)
    assert 1000 < at < 1200
    assert alarm.shift == pytest.approx(shift, abs=0.006)
    assert alarm.since_s == pytest.approx(10_000.0, abs=600.0)
    assert (alarm.lane, alarm.chart) == (1, "row_0")


def test_one_wild_vehicle_is_no_drift():
    rng = random.Random(5)
    state, _ = run(rng.gauss(1.0, 0.02) for _ in range(800))
    state, at = run([3.0] * 5 + [0.2] * 5, state=state, begin=800)
    assert at is None


def test_an_alarm_ends_only_when_the_chart_is_back_at_rest():
    rng = random.Random(6)
    state, _ = run(rng.gauss(1.0, 0.01) for _ in range(500))
    state, at = run([1.03] * 200, state=state, begin=500)
    assert at is not None
    back = 0
    while alarms(state):
        back += 1
        seen = [Reading(chart="row_0", value=rng.gauss(1.0, 0.01))]
        state = follow(state, seen, at_s=9e5 + back, rules=RULES)
        assert back < 400
    assert back > 50


def test_the_state_is_bounded_and_goes_on_from_where_it_was_kept():
    rng = random.Random(7)
    values = [rng.gauss(1.0, 0.02) for _ in range(2000)]
    whole, _ = run(values)
    half, _ = run(values[:900])
    kept = msgspec.json.encode(half)
    again, _ = run(
        values[900:], state=msgspec.json.decode(kept, type=DriftState), begin=900
    )
    assert again == whole
    assert len(msgspec.json.encode(whole)) < 1000


def sums(*, left=24_000.0, right=25_000.0, rows=4, odd=None, gain=1.0):
    found = []
    for row in range(rows):
        factor = gain if row == odd else 1.0
        one, other = left * factor, right * factor
        found.append(RowSum(row=row, left_kg=one, right_kg=other, load_kg=one + other))
    return tuple(found)


def read(*, loads=LOADS, groups=GROUPS, rows=None, flags=()):
    found = readings(
        axle_loads_kg=loads,
        axle_groups=groups,
        sums=sums() if rows is None else rows,
        rows=4,
        flags=flags,
        rules=RULES,
    )
    return {each.chart: each.value for each in found}


def test_only_fair_passages_of_known_shape_are_read():
    whole = read()
    assert whole["steer_axle"] == 7000.0
    assert whole["row_2"] == 1.0
    assert whole["balance"] == pytest.approx(0.96)
    assert read(flags=("drifting",)) == whole
    assert read(flags=("braking",)) == {}
    assert "steer_axle" not in read(loads=tuple(0.5 * m for m in LOADS))
    assert "steer_axle" not in read(
        loads=LOADS[:2] + LOADS[3:], groups=((0,), (1, 2, 3, 4))
    )
    assert read(loads=(1000.0, 1500.0), groups=((0,), (1,))) == {}
    assert set(read(rows=sums(rows=3))) == {"steer_axle"}


def lines(rng, n, *, gain=1.0):
    for k in range(n):
        gross = rng.gauss(1.0, 0.05)
        own = tuple(
            RowSum(
                row=each.row,
                left_kg=each.left_kg * rng.gauss(1.0, 0.02),
                right_kg=each.right_kg * rng.gauss(1.0, 0.02),
                load_kg=each.load_kg * rng.gauss(1.0, 0.02),
            )
            for each in sums(odd=1, gain=gain)
        )
        yield {
            "lane": 1,
            "started_at_s": 5.0 * k,
            "axle_loads_kg": [load * gross for load in LOADS],
            "axle_groups": GROUPS,
            "flags": [],
            "row_sums": [msgspec.to_builtins(each) for each in own],
        }


def test_the_command_keeps_its_state_and_tells_a_drifting_lane(tmp_path, capsys):
    rng = random.Random(8)
    good, bad = tmp_path / "good.jsonl", tmp_path / "bad.jsonl"
    state = tmp_path / "state.json"
    text = "".join(json.dumps(line) + "\n" for line in lines(rng, 400))
    good.write_text(text, encoding="utf-8")
    text = "".join(json.dumps(line) + "\n" for line in lines(rng, 300, gain=0.97))
    bad.write_text(text, encoding="utf-8")
    learn = ("--learn", "200", "--to-state", str(state))
    assert main(["drift", str(good), *learn]) == 0
    assert "no lane is drifting" in capsys.readouterr().out
    assert main(["drift", str(bad), "--from-state", str(state)]) == 1
    assert "DRIFTING: lane 1, row_1: -" in capsys.readouterr().out
    assert main(["drift", str(bad), "--from-state", str(state), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)["alarms"]
    assert {each["chart"] for each in found} >= {"row_1"}
    state.write_text("{}}", encoding="utf-8")
    assert main(["drift", str(bad), "--from-state", str(state)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"row_sums": 0.0}, "row 0 weighed 0 kg"),
        ({"row_sums": -1.0}, "row 0 weighed -"),
        ({"row_sums": []}, None),
        ({"axle_groups": [[99]]}, "axle_groups: [[99]] for 6 axles"),
    ],
)
def test_a_line_that_no_chart_can_follow_is_named(tmp_path, capsys, changes, says):
    path = tmp_path / "lines.jsonl"
    (line,) = lines(random.Random(8), 1)
    factor = changes.get("row_sums")
    if isinstance(factor, float):
        of_all = ("left_kg", "right_kg", "load_kg")
        own = [
            {k: v * factor if k in of_all else v for k, v in each.items()}
            for each in line["row_sums"]
        ]
        changes = {"row_sums": own}
    path.write_text(json.dumps(line | changes), encoding="utf-8")
    if says is None:
        assert main(["drift", str(path)]) == 0
        return
    assert main(["drift", str(path)]) == 2
    complaint = capsys.readouterr().err
    assert "lines.jsonl: line 1: " in complaint
    assert says in complaint
    assert complaint.count("\n") == 1


def weighed(road, **more):
    text = road.site_text()
    truck = road.Truck(LOADS, (3.3, 1.35, 7.0, 1.31, 1.31), 60.0)
    counts, _ = road.drive(road.site_of(text), [truck], seconds=4.0, seed=2)
    weigher = Weigher(road.site_of(text), sample_rate_hz=4000.0, **more)
    events = weigher.receive(counts) + weigher.flush()
    (passage,) = road.passages(events)
    return weigher, passage


def test_a_drifting_lane_bars_its_records_by_itself_and_changes_no_mass(road):
    quiet, fair = weighed(road)
    assert fair.valid
    assert {chart.name for chart in quiet.drift[0].charts} >= {"steer_axle", "row_3"}
    rng = random.Random(9)
    state, _ = run(rng.gauss(1.0, 0.01) for _ in range(RULES.learn + 50))
    state, _ = run([0.97] * 200, state=state, begin=RULES.learn + 50)
    rules = msgspec.structs.replace(Parameters(), drift=RULES)
    weigher, passage = weighed(road, drift=[state], parameters=rules)
    assert passage.flags == ("drifting",)
    assert not passage.valid
    assert passage.axle_loads_kg == fair.axle_loads_kg
    figures = {each.figure: each.value for each in passage.findings}
    assert figures["row_0_shift"] == pytest.approx(0.03, abs=0.002)
    (alarm,) = weigher.drift_alarms
    assert figures["row_0_since_s"] == alarm.since_s


def test_process_takes_the_charts_up_and_says_what_drifts(road, tmp_path, capsys):
    rng = random.Random(9)
    rules = DriftRules()
    state, _ = run((rng.gauss(1.0, 0.01) for _ in range(1050)), rules=rules)
    state, _ = run([0.97] * 200, state=state, begin=1050, rules=rules)
    kept = tmp_path / "state.json"
    kept.write_bytes(msgspec.json.encode(DriftStates(lanes=(state,))))
    text = road.site_text()
    (tmp_path / "site.toml").write_text(text, encoding="utf-8")
    truck = road.Truck((5000.0, 9000.0), (4.5,), 60.0)
    counts, _ = road.drive(road.site_of(text), [truck], seconds=3.0)
    path = tmp_path / "r.npz"
    np.savez(path, counts=counts, sample_rate_hz=np.float64(4000.0))
    base = ["process", str(path), "--site", str(tmp_path / "site.toml")]
    assert main([*base, "--drift", str(kept)]) == 0
    said = capsys.readouterr().out
    assert "not valid  drifting" in said
    assert "DRIFTING: lane 1, row_0: -" in said
    kept.write_bytes(msgspec.json.encode(DriftStates(rules=RULES)))
    assert main([*base, "--drift", str(kept)]) == 2
    assert "key 'rules'" in capsys.readouterr().err
