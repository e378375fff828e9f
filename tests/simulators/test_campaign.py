import json
from pathlib import Path

import msgspec
import pytest

from simulators.__main__ import main
from simulators.campaign import STUDIES, Campaign, Study
from simulators.errors import SimulatorError

REPOSITORY = Path(__file__).parents[2]
SITES = REPOSITORY / "configs/stations"
LIMITS = REPOSITORY / "configs/limits/cn-2016.toml"
TINY = Study(
    name="tiny",
    title="a test",
    site="4row-site.toml",
    vehicles=3,
    sites=1,
    reference=8,
)


class Recorded(Campaign):
    """A campaign whose programs write little and note how they were started."""

    def __init__(self, folder, **more):
        super().__init__(folder, sites=SITES, limits=LIMITS, **more)
        self.started = []
        self.breaks_at = None
        self.roadless_begins_s = 0.5
        self.groups_shown = True

    def _start(self, _module, arguments, *, what):
        self.started.append((arguments[0], list(arguments)))
        if self.breaks_at == what:
            message = f"{what}: exit status 2: broken"
            raise SimulatorError(message)
        if arguments[0] == "recording":
            folder = Path(arguments[arguments.index("--out") + 1])
            vehicles = int(arguments[arguments.index("--vehicles") + 1])
            (folder / "truth.jsonl").write_text(
                vehicles * '{"lane": 1, "speed_mps": 1.23456789}\n'
            )
            (folder / "recording.npz").write_bytes(b"large")
        if arguments[0] == "calibrate":
            Path(arguments[arguments.index("--out") + 1]).write_text("a set")
        if arguments[0] == "process":
            plain = "plain" in arguments[arguments.index("--parameters") + 1]
            line = {
                "lane": 1,
                "started_at_s": self.roadless_begins_s if plain else 0.5,
                "axle_loads_kg": [3000.5, 7000.25],
                "row_sums": [1, 2],
                "estimators": None,
            }
            if "--estimators" in arguments and self.groups_shown:
                kind = 2.0 if plain else 1.0
                line["estimators"] = {"plain_mean": kind, "joint": kind}
            return msgspec.json.encode(line) + b"\n"
        if arguments[0] == "accuracy":
            lines = Path(arguments[1]).read_text().splitlines()
            return msgspec.json.encode({"passages": len(lines), "lines": lines})
        return b""

    def counted(self, name):
        return sum(each == name for each, _ in self.started)


STUDY = msgspec.structs.replace(TINY, vehicles=20, sites=2, chunk=4)


def test_every_chunk_is_recorded_weighed_and_forgotten(tmp_path):
    campaign = Recorded(tmp_path)
    report = campaign.run([STUDY])["tiny"]
    assert report["passages"] == 6  # two sites of ten vehicles, four at once
    assert campaign.counted("calibrate") == 4  # with a road and without
    assert campaign.counted("process") == 12
    assert campaign.counted("recording") == 2 + 6
    assert not list(tmp_path.rglob("*.npz"))
    seeds = [
        each[each.index("--seed") + 1]
        for name, each in campaign.started
        if name == "recording"
    ]
    assert len(set(seeds)) == 8
    assert min(map(int, seeds)) >= 100_000
    line = json.loads(report["lines"][0])
    assert set(line) == {
        "lane",
        "started_at_s",
        "axle_loads_kg",
        "estimators",
        "recording",
    }
    shipped = {"gross_mass_kg": 10000.75, "axle_loads_kg": [3000.5, 7000.25]}
    assert line["estimators"] == {"plain_mean": 2.0, "joint": shipped}


def test_who_begins_elsewhere_without_a_road_keeps_all_its_own(tmp_path):
    campaign = Recorded(tmp_path)
    campaign.roadless_begins_s = 0.25
    report = campaign.run([TINY])["tiny"]
    assert json.loads(report["lines"][0])["estimators"]["plain_mean"] == 1.0
    assert campaign.counted("process") == 3


def test_of_whom_no_axle_groups_are_known_no_estimate_stands_beside(tmp_path):
    campaign = Recorded(tmp_path)
    campaign.groups_shown = False
    report = campaign.run([TINY])["tiny"]
    assert json.loads(report["lines"][0])["estimators"] is None


def test_a_campaign_goes_on_where_it_was_stopped(tmp_path):
    broken = Recorded(tmp_path)
    broken.breaks_at = "tiny-100001-001"
    with pytest.raises(SimulatorError, match="broken"):
        broken.run([STUDY])
    again = Recorded(tmp_path)
    assert again.run([STUDY])["tiny"]["passages"] == 6
    assert 2 <= again.counted("process") < 12
    assert again.counted("calibrate") <= 2
    third = Recorded(tmp_path)
    third.run([STUDY])
    assert [name for name, _ in third.started] == ["accuracy"]


def test_a_folder_takes_one_campaign_at_a_time(tmp_path):
    class Nested(Recorded):
        def _start(self, module, arguments, *, what):
            with pytest.raises(SimulatorError, match="another campaign is under way"):
                Recorded(tmp_path).run([STUDY])
            return super()._start(module, arguments, what=what)

    assert Nested(tmp_path).run([STUDY])["tiny"]["passages"] == 6
    assert Recorded(tmp_path).run([STUDY])["tiny"]["passages"] == 6
    (tmp_path / "a file").touch()
    with pytest.raises(SimulatorError, match=r"--out .*a file: cannot be held"):
        Recorded(tmp_path / "a file").run([STUDY])


def test_a_part_of_a_study_is_a_study(tmp_path):
    campaign = Recorded(tmp_path, scale=0.5)
    assert campaign.run([STUDY])["tiny"]["passages"] == 3


def test_a_part_of_a_study_may_keep_many_sites(tmp_path):
    study = msgspec.structs.replace(STUDY, vehicles=2000, sites=20, chunk=400)
    for site_vehicles, sites in ((None, 1), (40, 2), (8, 12), (1, 20)):
        part = msgspec.structs.replace(study, site_vehicles=site_vehicles)
        campaign = Recorded(tmp_path / str(site_vehicles), scale=0.05)
        chunks = list(campaign._chunks(part))
        assert len({chunk.site_seed for chunk in chunks}) == sites
        assert sum(chunk.vehicles for chunk in chunks) == 100


def test_chunks_of_another_scale_are_not_taken_for_whole(tmp_path):
    Recorded(tmp_path).run([msgspec.structs.replace(STUDY, vehicles=14)])
    again = Recorded(tmp_path)
    again.run([STUDY])
    assert again.counted("recording") == 4  # three and two vehicles became four and two
    assert again.counted("calibrate") == 0


def test_the_studies_ask_what_has_to_be_shown():
    studies = {study.name: study for study in STUDIES}
    assert len(studies) == len(STUDIES)
    for name in ("four_rows", "two_rows", "second_family"):
        assert studies[name].vehicles >= 10_000
    assert studies["lawful"].vehicles >= 300_000
    assert studies["second_family"].family == "modal"
    for study in STUDIES:
        assert (SITES / study.site).is_file()
        assert study.vehicles / study.sites / study.chunk < 1000


def test_the_real_programs_understand_each_other(tmp_path):
    campaign = Campaign(tmp_path, sites=SITES, limits=LIMITS, workers=1)
    report = campaign.run([TINY])["tiny"]
    assert report["vehicles"] == 3
    assert report["captured"]["count"] == 3
    assert not list((tmp_path / "under-way").iterdir())
    assert report["gross"]["count"] >= 1
    assert {"shipped", "plain_mean"} <= {e["name"] for e in report["estimators"]}
    assert (tmp_path / "tiny/picture.svg").read_text("utf-8").startswith("<svg")


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--scale", "0"], "--scale 0"),
        (["--workers", "0"], "--workers 0"),
        (["--sites", "nowhere"], "no such file"),
        (["--limits", "nowhere.toml"], "nowhere.toml: no such file"),
    ],
)
def test_wrong_arguments_give_one_line(tmp_path, capsys, more, says):
    base = ["--sites", str(SITES), "--limits", str(LIMITS), "--out", str(tmp_path)]
    assert main(["campaign", *base, *more]) == 2
    complaint = capsys.readouterr().err
    assert says in complaint
    assert complaint.count("\n") == 1
