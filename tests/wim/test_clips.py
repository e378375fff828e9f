"""A clip of a longer stream gives the same bits wherever it is weighed again."""

import itertools
import json
import math

import msgspec
import numpy as np
import pytest

from wim.calibration import NO_CALIBRATION
from wim.cli.__main__ import main
from wim.clips import Block, Clip, encoded, weighed
from wim.drift import Chart, DriftState
from wim.health import Run

RATE_HZ = 4000.0
TRUCK = (7000.0, 12_000.0, 11_000.0), (3.6, 1.35)


@pytest.fixture(scope="module")
def files(road, tmp_path_factory):
    """A site and the samples of one truck, cut unevenly, with a gap early on."""
    folder = tmp_path_factory.mktemp("clips")
    text = road.site_text()
    (folder / "site.toml").write_text(text, encoding="utf-8")
    truck = road.Truck(*TRUCK, 60.0, at_s=2.5)
    site = road.site_of(text)
    counts, _ = road.drive(site, [truck], seconds=4.5, seed=5)
    return folder, site, counts


def clip_of(files, **changes):
    _, site, counts = files
    first = 1000
    blocks = (Block(first, 0, 0), Block(len(counts) - first, 0, 40))
    strips = sum(len(lane.strips) for lane in site.lanes)
    given = {
        "counts": counts,
        "sample_rate_hz": RATE_HZ,
        "start_time_s": 1.8e9,
        "temperature_c": 31.0,
        "blocks": blocks,
        "runs": (Run(3, 0),) * strips,
    }
    return Clip(**given | changes)


@pytest.fixture
def replay(files, tmp_path, capsys):
    folder, _, _ = files

    def replay(content):
        path = tmp_path / "clip.npz"
        path.write_bytes(content)
        site = str(folder / "site.toml")
        status = main(["process", str(path), "--site", site, "--json"])
        said = capsys.readouterr()
        return status, [json.loads(line) for line in said.out.splitlines()], said.err

    return replay


def test_a_clip_as_a_file_gives_the_passages_of_the_clip(files, replay):
    clip = clip_of(files)
    (passage,) = weighed(clip, files[1], calibration=NO_CALIBRATION)
    status, (line,), _ = replay(encoded(clip))
    assert status == 0
    assert passage.valid
    assert passage.gross_mass_kg == pytest.approx(30_000.0, rel=0.02)
    for name in ("gross_mass_kg", "gross_mass_uncertainty_kg", "speed_mps"):
        assert line[name] == getattr(passage, name)
    assert line["axle_loads_kg"] == list(passage.axle_loads_kg)
    assert line["passed_at_s"] == 1.8e9 + passage.first_axle_s


def test_the_same_clip_gives_the_same_bytes(files):
    assert encoded(clip_of(files)) == encoded(clip_of(files))


def test_what_was_lost_before_a_block_is_lost_again(files, replay):
    counts = files[2]
    late = round(2.6 * RATE_HZ)
    blocks = (Block(late, 0, 0), Block(len(counts) - late, 0, 12))
    _, lines, _ = replay(encoded(clip_of(files, blocks=blocks)))
    assert [line["samples_lost"] for line in lines] == [12]
    assert not lines[0]["valid"]


def test_a_vehicle_that_may_have_begun_before_the_clip_is_not_valid(files):
    counts = files[2][round(2.2 * RATE_HZ) :]
    short = clip_of(files, counts=counts, blocks=(Block(len(counts), 0, 0),))
    (passage,) = weighed(short, files[1], calibration=NO_CALIBRATION)
    assert not passage.valid
    assert "axle_missing" in passage.flags


def test_what_was_remembered_of_a_strip_decides_again(files):
    """A strip known as sound is not called damaged by one vehicle, a new one is."""
    _, site, counts = files
    weak = counts.copy()
    channel = site.lanes[0].strips[0].channel
    weak[:, channel] = 300 + (weak[:, channel] - 300) // 2
    known = clip_of(files, counts=weak)
    unknown = msgspec.structs.replace(known, runs=(Run(0, 0),) * len(known.runs))
    flags = [
        weighed(clip, site, calibration=NO_CALIBRATION)[0].flags
        for clip in (known, unknown)
    ]
    assert "strip_damaged" not in flags[0]
    assert "strip_damaged" in flags[1]


def test_a_lane_that_drifted_before_the_clip_drifts_in_it(files, replay):
    """The flag, and since when, come from the charts that the clip carries."""
    _, site, _ = files
    chart = Chart(
        name="balance",
        count=2000,
        mean=1.0,
        squares=0.2,
        high=40.0,
        high_since_s=1.79e9,
        high_total=10.4,
        high_count=10,
        alarmed=True,
    )
    state = DriftState(lane=site.lanes[0].number, charts=(chart,))
    clip = clip_of(files, drift=(state,))
    (passage,) = weighed(clip, site, calibration=NO_CALIBRATION)
    assert "drifting" in passage.flags
    _, (line,), _ = replay(encoded(clip))
    assert line["flags"] == list(passage.flags)
    assert line["findings"] == json.loads(msgspec.json.encode(passage.findings))


def swaying(road, site, sway):
    """Return samples in which each axle gains and loses a share from row to row."""
    loads, spacings = TRUCK
    axles, rows = range(len(loads)), range(4)
    parts = [
        road.Truck(
            tuple(
                load * (1.0 + sway * (-1) ** (a + own)) for a, load in enumerate(loads)
            ),
            spacings,
            60.0,
            at_s=2.5,
            unseen=frozenset(
                (a, r, side)
                for a, r, side in itertools.product(axles, rows, ("left", "right"))
                if r != own
            ),
        )
        for own in rows
    ]
    counts, _ = road.drive(site, parts, seconds=4.5, seed=5)
    return counts


def test_what_was_usual_on_a_lane_decides_again(road, files, replay):
    """What is a jump on a smooth road is none on a rough one, as a file too."""
    _, site, _ = files
    counts = swaying(road, site, 0.1)
    flags = {}
    for usual in ((), (0.65,), (1.3,)):
        clip = clip_of(
            files,
            counts=counts,
            blocks=(Block(len(counts), 0, 0),),
            usual_scatters=usual,
        )
        (passage,) = weighed(clip, site, calibration=NO_CALIBRATION)
        _, (line,), _ = replay(encoded(clip))
        assert line["flags"] == list(passage.flags)
        assert line["findings"] == json.loads(msgspec.json.encode(passage.findings))
        flags[usual] = passage.flags
    assert flags == {(): ("jump",), (0.65,): ("jump",), (1.3,): ()}


def test_a_clip_made_before_the_usual_scatter_was_kept_is_still_weighed(
    files, replay, tmp_path
):
    (tmp_path / "whole.npz").write_bytes(encoded(clip_of(files)))
    with np.load(tmp_path / "whole.npz") as whole:
        arrays = {name: whole[name] for name in whole if name != "usual_scatters"}
    np.savez(tmp_path / "old.npz", **arrays)
    _, (line,), _ = replay((tmp_path / "old.npz").read_bytes())
    (passage,) = weighed(clip_of(files), files[1], calibration=NO_CALIBRATION)
    assert line["gross_mass_kg"] == passage.gross_mass_kg


@pytest.mark.parametrize("usual", [(0.65, 0.65), (0.1,), (math.nan,)])
def test_usual_scatters_that_no_lane_can_have_are_refused(files, usual):
    clip = clip_of(files, usual_scatters=usual)
    with pytest.raises(ValueError, match="usual scatter"):
        weighed(clip, files[1], calibration=NO_CALIBRATION)


def test_blocks_that_are_not_of_the_samples_are_refused(files):
    with pytest.raises(ValueError, match="blocks of 5 samples"):
        clip_of(files, blocks=(Block(5, 0, 0),))


@pytest.mark.parametrize(
    ("name", "array", "says"),
    [
        ("blocks", np.array([[7, 0, 0]]), "array 'blocks' is of 7 samples"),
        ("blocks", np.array([[7, 0]]), "expected int64 of shape (some, 3)"),
        ("blocks", np.array([[-7, 0, 0]]), "holds -7; expected whole numbers"),
        ("strip_runs", np.array([[1, 0]]), "array 'strip_runs'"),
        ("strip_runs", np.array([[1.0, 0.0]]), "float64"),
        ("usual_scatters", np.array([0.65, 0.65]), "array 'usual_scatters'"),
        ("usual_scatters", np.array([np.nan]), "holds nan; expected numbers from 0.4"),
        ("usual_scatters", np.array([[0.65]]), "expected float64 of shape (some,)"),
        ("usual_scatters", np.array([1]), "'usual_scatters' is int64"),
        ("drift", np.array([1.0]), "expected uint8"),
        ("drift", np.frombuffer(b"[{}]", np.uint8), "holds no control charts"),
    ],
)
def test_a_clip_that_contradicts_itself_gives_one_line(
    files, replay, tmp_path, name, array, says
):
    (tmp_path / "whole.npz").write_bytes(encoded(clip_of(files)))
    with np.load(tmp_path / "whole.npz") as whole:
        arrays = dict(whole) | {name: array}
    np.savez(tmp_path / "spoiled.npz", **arrays)
    status, lines, said = replay((tmp_path / "spoiled.npz").read_bytes())
    assert (status, lines) == (2, [])
    assert said.count("\n") == 1
    assert says in said
