"""What a crossing does not show is null: neither zero nor a figure of no vehicle."""

import json
from array import array
from pathlib import Path

import msgspec
import numpy as np
import pytest

from simulators.__main__ import main as simulate
from wim.accuracy.joining import Measured
from wim.cli.__main__ import main
from wim.geometry import LEAST_SPACING_M, Geometry, geometry_of
from wim.kinematics import Kinematics
from wim.limits import parse_limit_table
from wim.overload import assess
from wim.passage import Weigher
from wim.validity import findings_of

TWO_LANES = Path(__file__).parents[2] / "configs/stations/2lane-site.toml"
LIMITS = Path(__file__).parents[2] / "configs/limits/cn-2016.toml"
TOGETHER = ("axle_spacings_m", "axle_groups", "axle_configuration")
THREE = {"loads_kg": (6000.0, 9000.0, 9000.0), "spacings_m": (3.6, 1.35)}


def driven_along(road, points, *, seconds, **more):
    times, places = np.array(points).T

    def gone(t):
        around = np.linspace(-0.3, 0.3, 13)
        return sum(np.interp(t + d, times, places) for d in around) / len(around)

    truck = road.Truck(**THREE, speed_kmh=10, gone_m=gone)
    site = road.site_of(road.site_text(**more))
    counts, _ = road.drive(site, [truck], seconds=seconds)
    weigher = Weigher(site, sample_rate_hz=4000.0)
    return road.passages(weigher.receive(counts, 0) + weigher.flush())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stopping")
    words = ["recording", "--site", str(TWO_LANES), "--seed", "91", "--vehicles", "8"]
    words += ["--manoeuvre", "stop_and_go", "--out", str(folder)]
    assert simulate(words) == 0
    return folder


def told(folder, capsys, *words):
    recording, site = folder / "recording.npz", folder / "site.toml"
    assert main(["process", str(recording), "--site", str(site), *words]) == 0
    return capsys.readouterr().out


@pytest.fixture
def records(folder, capsys):
    lines = told(folder, capsys, "--json", "--estimators").splitlines()
    return [json.loads(line) for line in lines]


def test_who_stops_on_the_scale_has_no_speed_of_zero_and_no_spacing_of_none(
    folder, records
):
    lines = (folder / "truth.jsonl").read_text("utf-8").splitlines()
    truths = [json.loads(line) for line in lines]
    assert len(records) >= len(truths)
    for record in records:
        assert not record["valid"]
        speed_mps, spacings_m = record["speed_mps"], record["axle_spacings_m"]
        assert speed_mps is None or speed_mps > 0.0
        assert all(each >= LEAST_SPACING_M for each in spacings_m or ())
        assert len({record[name] is None for name in TOGETHER}) == 1
        assert spacings_m is not None or record["vehicle_class"] is None
        near = [
            truth
            for truth in truths
            if truth["lane"] == record["lane"]
            and abs(truth["started_at_s"] - record["started_at_s"]) < 1.0
        ]
        if near and speed_mps is not None:
            assert speed_mps == pytest.approx(near[0]["speed_mps"], rel=0.25)
        if near and spacings_m is not None:
            assert spacings_m == pytest.approx(near[0]["axle_spacings_m"], rel=0.05)
    assert any(record["speed_mps"] is None for record in records)
    assert any(record["speed_mps"] is not None for record in records)
    assert any(record["axle_spacings_m"] is None for record in records)
    assert any(record["axle_spacings_m"] is not None for record in records)


def test_who_reads_the_lines_takes_a_null(records, folder, capsys, tmp_path):
    for record in records:
        found = msgspec.convert(record, Measured)
        assert (found.axle_groups is None) == (record["estimators"] is None)
    path = tmp_path / "passages.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    truth = str(folder / "truth.jsonl")
    assert main(["accuracy", str(path), truth, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["judged"] == 0
    assert main(["drift", str(path)]) == 0
    cards = ["--out", str(tmp_path / "w.card"), "--lanes", "2", "--state", "06"]
    cards += ["--station", "000001", "--direction", "1", "--json"]
    start = ["--start", "2026-08-01T07:00:00-08:00"]
    assert main(["export-wcard", str(path), *start, *cards]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["cards"] == 0


def test_people_are_told_that_a_figure_is_unknown(folder, capsys):
    lines = told(folder, capsys).splitlines()
    assert any("unknown" in line for line in lines)
    assert not any(" 0.0 km/h" in line or "None" in line for line in lines)


def test_a_wait_between_two_axles_leaves_their_spacing_unknown(road):
    way = [(-1, -4), (1, 2), (2, 3.2), (9, 3.2), (10, 4.4), (16, 25)]
    (passage,) = driven_along(road, way, seconds=16.0)
    assert not passage.valid
    assert "stop_and_go" in passage.flags
    assert passage.axle_spacings_m is None
    assert passage.axle_groups is None
    assert passage.axle_configuration is None
    assert passage.vehicle_class is None
    assert len(passage.axle_loads_kg) == 3


def test_who_keeps_his_speed_has_all_his_figures(road):
    (passage,) = driven_along(road, [(-1, -10), (9, 90)], seconds=6.0)
    assert passage.valid
    assert passage.speed_mps == pytest.approx(10.0, rel=0.01)
    assert passage.axle_spacings_m == pytest.approx((3.6, 1.35), abs=0.02)
    assert passage.axle_configuration == "1+2"


@pytest.fixture
def crossing(road, monkeypatch):
    """A smooth crossing with what the weigher would find on it."""
    seen = []
    weighed = Weigher._passage

    def passage(self, lane, crossing):
        seen.append(crossing)
        return weighed(self, lane, crossing)

    monkeypatch.setattr(Weigher, "_passage", passage)
    driven_along(road, [(-1, -10), (9, 90)], seconds=6.0)
    (found,) = seen
    return found


def moved(crossing, k, *, ahead_m):
    """The crossing with one axle's way put elsewhere."""
    axles = list(crossing.axles)
    motion = axles[k].motion
    motion = motion._replace(s_m=motion.s_m - ahead_m)
    axles[k] = msgspec.structs.replace(axles[k], motion=motion)
    return msgspec.structs.replace(crossing, axles=tuple(axles))


def slowed(crossing, share):
    """The crossing with a slower way of the first axle."""
    first = crossing.axles[0]
    way = first.motion.way
    parts = way.parts[:]
    parts[1::4] = array("d", [share * speed_mps for speed_mps in way.speeds_mps])
    slow = first.motion._replace(way=way._replace(parts=parts))
    axles = (msgspec.structs.replace(first, motion=slow), *crossing.axles[1:])
    return msgspec.structs.replace(crossing, axles=axles)


def test_a_spacing_is_shown_only_where_both_ways_tell_it(crossing):
    kinematics = Kinematics()
    found = geometry_of(crossing, kinematics=kinematics)
    assert found.all_spacings_m == pytest.approx((3.6, 1.35), abs=0.02)
    apart = geometry_of(moved(crossing, 2, ahead_m=0.2), kinematics=kinematics)
    assert apart.spacings_m[0] is not None
    assert apart.spacings_m[1] is None
    assert apart.all_spacings_m is None


def test_a_spacing_that_leaves_no_room_for_wheels_is_no_spacing(crossing):
    twice = msgspec.structs.replace(crossing, axles=(crossing.axles[0],) * 2)
    found = geometry_of(twice, kinematics=Kinematics())
    assert found.spacings_m == (None,)


def test_a_speed_that_the_pulses_contradict_is_not_shown(crossing):
    rough = msgspec.structs.replace(crossing, smooth=False)
    kinematics = Kinematics()
    shown = geometry_of(rough, kinematics=kinematics).speed_mps
    assert shown == geometry_of(crossing, kinematics=kinematics).speed_mps
    slow = slowed(rough, 0.5)
    assert geometry_of(slow, kinematics=kinematics).speed_mps is None
    standing = slowed(crossing, 0.04)
    assert geometry_of(standing, kinematics=kinematics).speed_mps is None


@pytest.mark.parametrize(
    ("geometry", "found"),
    [
        (Geometry(speed_mps=10.0, spacings_m=(3.6, 1.35)), []),
        (Geometry(speed_mps=None, spacings_m=(3.6, 1.35)), ["not_shown"]),
        (Geometry(speed_mps=10.0, spacings_m=(3.6, None)), ["not_shown"]),
    ],
)
def test_what_lacks_a_figure_is_no_evidence(road, crossing, geometry, found):
    site = road.site_of(road.site_text())
    weigher = Weigher(site, sample_rate_hz=4000.0)
    passages = driven_along(road, [(-1, -10), (9, 90)], seconds=6.0)
    findings = findings_of(
        crossing,
        passages[0].figures,
        lane=site.lanes[0],
        fairness=weigher.parameters.fairness,
        thresholds=weigher.parameters.manoeuvres,
        geometry=geometry,
        incomplete=False,
        usual_scatter=1.0,
    )
    assert [finding.figure for finding in findings] == found


def test_an_unknown_configuration_is_not_held_against_the_party():
    text = LIMITS.read_text("utf-8")
    row = (
        '[[rows]]\naxles = 4\nvehicle_classes = ["rigid"]\nlimit_kg = 40000\n'
        'axle_configuration = "2+2"\n\n[[bands]]'
    )
    table = parse_limit_table(text.replace("[[bands]]", row, 1), name="cn")
    figures = {"gross_mass_kg": 39_000.0, "axle_count": 4, "vehicle_class": "rigid"}
    known = assess(**figures, table=table, axle_configuration="1+1+2")
    other = assess(**figures, table=table, axle_configuration="2+2")
    unknown = assess(**figures, table=table, axle_configuration=None)
    assert known.overloaded
    assert not other.overloaded
    assert (unknown.limit_kg, unknown.limit_certain) == (40_000.0, False)
    assert not unknown.overloaded
