import json
import random
import xml.etree.ElementTree as ET

import msgspec
import pytest

from wim.accuracy.figures import error_figures, rms_gain, share_of
from wim.accuracy.joining import Estimate, Measured, Truth, join
from wim.accuracy.picture import draw
from wim.accuracy.report import report
from wim.accuracy.wording import as_markdown, as_text, tables
from wim.cli.__main__ import main
from wim.limits import parse_limit_table

LIMITS = """
id = "TEST"
region = "CN"
valid_from = 2020-01-01T00:00:00Z
citation = "a test"
deduction = {policy = "measured_pct", percent = 5.0}
rows = [{axles = 2, vehicle_classes = ["rigid"], limit_kg = 18000}]
"""


def truth(at_s, gross_kg=18_000.0, *, kmh=60.0, manoeuvre=None, lane=1, **more):
    return Truth(
        lane=lane,
        started_at_s=at_s,
        speed_mps=kmh / 3.6,
        axle_loads_kg=(gross_kg / 3.0, 2.0 * gross_kg / 3.0),
        axle_spacings_m=(5.0,),
        gross_mass_kg=gross_kg,
        vehicle_class="rigid",
        manoeuvre=manoeuvre,
        **more,
    )


def measured(of, error_pct=0.0, *, flags=(), plain_pct=None, u_pct=2.0, **more):
    scale = 1.0 + error_pct / 100.0
    gross = of.gross_mass_kg * scale
    loads = tuple(load * scale for load in of.axle_loads_kg)
    estimators = None
    if plain_pct is not None:
        plain = 1.0 + plain_pct / 100.0
        estimators = {
            "plain_mean": Estimate(
                gross_mass_kg=of.gross_mass_kg * plain,
                axle_loads_kg=tuple(load * plain for load in of.axle_loads_kg),
            )
        }
    fields = {
        "lane": of.lane,
        "started_at_s": of.started_at_s + 0.01,
        "speed_mps": of.speed_mps * 1.001,
        "axle_loads_kg": loads,
        "axle_load_uncertainties_kg": tuple(load * u_pct / 100.0 for load in loads),
        "axle_spacings_m": (5.01,),
        "gross_mass_kg": gross,
        "gross_mass_uncertainty_kg": gross * u_pct / 100.0,
        "axle_groups": ((0,), (1,)),
        "flags": flags,
        "valid": not flags,
        "estimators": estimators,
        "recording": of.recording,
    }
    return Measured(**(fields | more))


def test_vehicles_and_passages_are_joined_once_each_the_nearest_first():
    truths = [truth(1.0), truth(1.6), truth(9.0), truth(1.0, lane=2)]
    passages = [measured(truths[1]), measured(truths[0]), measured(truth(5.0))]
    found = join(passages, truths)
    assert [pair.truth.started_at_s for pair in found.pairs] == [1.0, 1.6]
    for pair in found.pairs:
        assert abs(pair.measured.started_at_s - pair.truth.started_at_s) < 0.1
    assert [(t.started_at_s, t.lane) for t in found.missed] == [(9.0, 1), (1.0, 2)]
    assert [m.started_at_s for m in found.extra] == [5.01]


def test_recordings_are_kept_apart():
    one, other = truth(1.0, recording="a"), truth(1.0, recording="b")
    found = join([measured(other)], [one, other])
    assert found.missed == (one,)
    assert found.pairs[0].truth.recording == "b"


def test_the_figures_are_those_of_the_errors():
    figures = error_figures([1.0, -1.0, 3.0, 1.0])
    assert (figures.count, figures.bias, figures.largest) == (4, 1.0, 3.0)
    assert figures.rms == pytest.approx(3.0**0.5)
    assert figures.sd == pytest.approx((8.0 / 3.0) ** 0.5)
    assert figures.p95 == 3.0
    assert figures.p95_interval[1] is None  # four values do not bound it
    assert error_figures([]) is None


def test_the_intervals_hold_the_truth_about_95_times_in_100():
    rng = random.Random(7)
    held = {"bias": 0, "sd": 0, "rms": 0, "p95": 0, "gain": 0}
    true = {"bias": 0.5, "sd": 2.0, "rms": 4.25**0.5, "p95": 4.0007}
    for _ in range(400):
        errors = [rng.gauss(0.5, 2.0) for _ in range(300)]
        plain = [e + rng.gauss(0.0, 1.5) for e in errors]
        figures = error_figures(errors)
        for name, value in true.items():
            low, high = getattr(figures, f"{name}_interval")
            held[name] += low <= value <= high
        _, (low, high) = rms_gain(errors, plain)
        held["gain"] += low <= 1.0 - (4.25 / 6.5) ** 0.5 <= high
    for name, count in held.items():
        assert 0.91 <= count / 400 <= 0.99, name


def test_a_report_judges_masses_on_valid_normal_passages_only():
    truths = [truth(10.0 * k, 10_000.0 + 100.0 * k, kmh=50.0) for k in range(40)]
    passages = [measured(t, 1.5 * (-1.0) ** k) for k, t in enumerate(truths[:38])]
    passages[0] = measured(truths[0], 30.0, flags=("strip_damaged",))
    odd = truth(990.0, manoeuvre="braking")
    found = report(join([*passages, measured(odd, -20.0)], [*truths, odd]))
    assert found.judged == 37
    assert abs(found.gross.largest) == pytest.approx(1.5)
    assert found.gross.p95 == pytest.approx(1.5)
    assert (found.captured.count, found.captured.of) == (39, 41)
    assert (found.normal_captured.count, found.normal_captured.of) == (38, 40)
    assert (found.normal_invalid.count, found.normal_invalid.of) == (1, 38)
    assert found.covered.share == 1.0
    assert found.median_uncertainty == pytest.approx(2.0)
    assert found.speed.p95 == pytest.approx(0.1)
    assert found.spacing.p95 == pytest.approx(0.01)
    assert [each.name for each in found.slices["speed"]] == [" 40-60 km/h"]
    assert sum(each.gross.count for each in found.slices["mass"]) == 37
    assert len(found.slices["mass"]) == 10
    assert found.in_service.reached == 2.0
    assert found.in_service_by_regime["HS"].count == 37
    assert found.cost323.name == "A(5)"
    assert sum(found.histogram.shipped) == 37


def test_a_wrong_axle_count_is_counted_and_its_loads_are_not_compared():
    truths = [truth(10.0 * k) for k in range(12)]
    passages = [measured(t) for t in truths]
    passages[3] = measured(
        truths[3],
        axle_loads_kg=(6000.0, 6000.0, 6000.0),
        axle_spacings_m=(5.0, 1.3),
        axle_groups=((0,), (1, 2)),
        axle_load_uncertainties_kg=(200.0, 200.0, 200.0),
    )
    found = report(join(passages, truths))
    assert (found.axle_count_right.count, found.axle_count_right.of) == (11, 12)
    assert found.axle.count == 22
    assert found.gross.count == 12


def test_a_passage_without_masses_is_captured_and_judged_by_nothing():
    truths = [truth(10.0 * k) for k in range(12)]
    passages = [measured(t, plain_pct=1.0) for t in truths]
    nothing = Estimate(gross_mass_kg=None, axle_loads_kg=(None, None))
    unknown = {
        "gross_mass_kg": None,
        "axle_loads_kg": (None, None),
        "axle_load_uncertainties_kg": (None, None),
        "estimators": {"plain_mean": nothing},
    }
    passages[4] = measured(truths[4], flags=("axle_missing",), **unknown)
    found = report(join(passages, truths))
    assert (found.captured.count, found.judged) == (12, 11)
    assert (found.normal_invalid.count, found.normal_invalid.of) == (1, 12)
    with pytest.raises(ValueError, match="masses are not known"):
        measured(truths[4], **unknown)


def test_the_plain_mean_stands_beside_every_estimate():
    rng = random.Random(3)
    truths = [truth(10.0 * k, kmh=20.0 + k / 10) for k in range(300)]
    passages = [
        measured(t, rng.gauss(0.0, 1.0), plain_pct=rng.gauss(0.0, 2.0)) for t in truths
    ]
    found = report(join(passages, truths))
    shipped, plain = found.estimators
    assert (shipped.name, plain.name) == ("shipped", "plain_mean")
    assert plain.gross.rms == pytest.approx(2.0, rel=0.1)
    assert shipped.gross_gain == pytest.approx(0.5, abs=0.06)
    low, high = shipped.gross_gain_interval
    assert low < 0.5 < high
    assert plain.gross_gain == 0.0
    assert all(each.baseline is not None for each in found.slices["speed"])


def test_each_manoeuvre_is_found_by_its_own_flag_or_is_not():
    truths = [
        truth(10.0, manoeuvre="braking"),
        truth(50.0, manoeuvre="braking"),
        truth(90.0, manoeuvre="crawl"),
        truth(120.0, manoeuvre="tailgating"),
        truth(122.0, manoeuvre="tailgating"),
        truth(200.0, manoeuvre="straddling"),
        truth(300.0, manoeuvre="lane_change", flags=("s_path", "straddling")),
    ]
    passages = [
        measured(truths[0], 4.0, flags=("braking",), valid=True),
        measured(truths[1], -7.0),
        measured(truths[2], flags=("jump",)),
        measured(truths[3], 90.0, flags=("tailgating",)),
        measured(truths[5], -50.0, flags=("straddling",), lane=2),
        measured(truths[6], -50.0, flags=("straddling",), lane=2),
    ]
    found = {each.name: each for each in report(join(passages, truths)).manoeuvres}
    braking = found["braking"]
    assert (braking.found.count, braking.found.of, braking.valid_unseen) == (1, 2, 1)
    assert braking.largest_valid_error == pytest.approx(-7.0)
    assert found["crawl"].found.count == 0
    assert found["crawl"].valid_unseen == 0
    assert (found["tailgating"].found.count, found["tailgating"].unrecorded) == (2, 1)
    assert (found["straddling"].found.count, found["straddling"].unrecorded) == (1, 1)
    assert found["lane_change"].found.count == 1


def test_a_manoeuvres_flag_on_normal_driving_is_a_false_alarm():
    truths = [truth(10.0 * k) for k in range(20)]
    passages = [measured(t) for t in truths]
    passages[2] = measured(truths[2], flags=("braking",), valid=True)
    passages[3] = measured(truths[3], flags=("strip_damaged",))
    found = report(join(passages, truths))
    assert (found.false_alarms.count, found.false_alarms.of) == (1, 20)
    assert found.normal_flags == {"braking": 1, "strip_damaged": 1}
    told = {table.name: table for table in tables(found)}["normal_flags"]
    assert told.rows[0][:3] == ("braking", "1", "5.00 %")


def test_lawful_vehicles_called_overloaded_are_counted_with_their_bound():
    limits = parse_limit_table(LIMITS, name="limits")
    truths = [truth(10.0 * k, 17_990.0) for k in range(1000)]
    truths += [truth(20_000.0, 19_000.0)]  # rightly overloaded: does not count
    passages = [measured(t, u_pct=2.0) for t in truths]
    passages[0] = measured(truths[0], 1.9)  # above the limit, within U
    passages[1] = measured(truths[1], 2.2)  # above the limit less U
    passages[2] = measured(truths[2], 6.0)
    passages[3] = measured(truths[3], 9.0, flags=("jump",))  # no evidence
    passages[4] = measured(truths[4], 1.0, gross_mass_uncertainty_kg=None)
    lawful = report(join(passages, truths), limits=limits).lawful
    assert lawful.vehicles == 1000
    assert lawful.undeducted.count == 4
    assert lawful.after_uncertainty.count == 3
    assert lawful.after_table.count == 1
    assert lawful.upper_bound == pytest.approx(7.73e-3, rel=0.01)
    assert share_of(0, 0).share is None


@pytest.fixture
def files(tmp_path):
    rng = random.Random(5)
    truths = [truth(10.0 * k, 8000.0 + 100 * k, kmh=10 + k / 3) for k in range(200)]
    passages = [
        measured(t, rng.gauss(0.1, 1.0), plain_pct=rng.gauss(0.0, 1.6)) for t in truths
    ]
    for name, values in (("passages", passages), ("truth", truths)):
        content = b"".join(msgspec.json.encode(value) + b"\n" for value in values)
        (tmp_path / f"{name}.jsonl").write_bytes(content)
    (tmp_path / "limits.toml").write_text(LIMITS, encoding="utf-8")
    return tmp_path


def run(files, *more):
    names = [str(files / "passages.jsonl"), str(files / "truth.jsonl")]
    return main(["accuracy", *names, *more])


def test_the_command_prints_tables_json_and_a_picture(files, capsys):
    limits = ("--limits", str(files / "limits.toml"))
    assert run(files, *limits) == 0
    text = capsys.readouterr().out
    for words in ("gross mass: 95 % within", "COST 323", "60-80 km/h", "lawful"):
        assert words in text
    picture = files / "picture.svg"
    assert run(files, *limits, "--json", "--picture", str(picture)) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["judged"] == 200
    assert found["gross"]["p95_interval"][0] < found["gross"]["p95"]
    root = ET.fromstring(picture.read_text("utf-8"))
    assert root.tag.endswith("svg")
    assert len(root.findall("{http://www.w3.org/2000/svg}rect")) > 20


def test_what_cannot_be_joined_is_refused_in_one_line(files, capsys):
    (files / "truth.jsonl").write_text('{"lane": 1}\n', encoding="utf-8")
    assert run(files) == 2
    complaint = capsys.readouterr().err
    assert "truth.jsonl: line 1: " in complaint
    assert "started_at_s" in complaint
    assert complaint.count("\n") == 1
    assert run(files, "--tolerance", "0") == 2
    assert run(files, "--limits", str(files / "none.toml")) == 2
    assert capsys.readouterr().err.count("\n") == 2


@pytest.mark.parametrize(
    ("name", "what"), [("passages", "passage"), ("truth", "vehicle")]
)
@pytest.mark.parametrize("content", ["", "\n\n"])
def test_an_empty_file_is_no_report(files, capsys, name, what, content):
    (files / f"{name}.jsonl").write_text(content, encoding="utf-8")
    assert run(files) == 2
    complaint = capsys.readouterr().err
    assert f"{name}.jsonl: holds no {what}; expected one JSON object a line" in (
        complaint
    )
    assert complaint.count("\n") == 1


def test_where_nobody_drove_normally_there_is_no_picture(files, capsys):
    spoiled(files, "truth", {"manoeuvre": "braking"})
    assert run(files) == 0
    picture = files / "x.svg"
    assert run(files, "--picture", str(picture)) == 2
    assert "nothing to draw" in capsys.readouterr().err
    assert not picture.exists()


def spoiled(files, name, changes):
    """The first line of a file with other figures, alone in it."""
    path = files / f"{name}.jsonl"
    line = json.loads(path.read_text("utf-8").splitlines()[0])
    path.write_text(json.dumps(line | changes) + "\n", encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "changes", "says"),
    [
        ("truth", {"axle_loads_kg": [0.0, 0.0]}, "axle_loads_kg[0]"),
        ("truth", {"gross_mass_kg": 1e308}, "gross_mass_kg"),
        ("truth", {"gross_mass_kg": 5e-324}, "gross_mass_kg"),
        ("truth", {"gross_mass_kg": 9000.0}, "gross_mass_kg: 9000, but axle_loads_kg"),
        ("truth", {"gross_mass_kg": 8021.0}, "give the sum of the static axle loads"),
        ("truth", {"axle_groups": [[7]]}, "axle_groups: [[7]] for 2 axles"),
        ("truth", {"axle_groups": [[1], [2]]}, "numbered from 0"),
        ("truth", {"axle_spacings_m": [-5.0]}, "axle_spacings_m[0]"),
        ("truth", {"axle_spacings_m": []}, "axle_spacings_m: 0 for 2 axles"),
        ("truth", {"speed_mps": -1.0}, "speed_mps"),
        ("passages", {"gross_mass_kg": 1e308}, "gross_mass_kg"),
        ("passages", {"gross_mass_kg": -5.0}, "gross_mass_kg"),
        ("passages", {"axle_groups": [[7]]}, "axle_groups: [[7]] for 2 axles"),
        ("passages", {"axle_groups": [[-1], [0]]}, "axle_groups: [[-1], [0]]"),
        ("passages", {"axle_spacings_m": []}, "axle_spacings_m: 0 for 2 axles"),
        (
            "passages",
            {"axle_load_uncertainties_kg": [1.0]},
            "axle_load_uncertainties_kg: 1 for 2 axles",
        ),
        ("passages", {"gross_mass_uncertainty_kg": -1.0}, "gross_mass_uncertainty_kg"),
        (
            "passages",
            {"estimators": {"mine": {"gross_mass_kg": 1.0, "axle_loads_kg": []}}},
            "estimators.mine.axle_loads_kg: 0 for 2 axles",
        ),
    ],
)
def test_figures_that_no_report_can_be_made_of_are_named(
    files, capsys, name, changes, says
):
    spoiled(files, name, changes)
    assert run(files) == 2
    complaint = capsys.readouterr().err
    assert f"{name}.jsonl: line 1: " in complaint
    assert says in complaint
    assert complaint.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "changes", "says"),
    [
        ("truth", {"gross_mass_kg": float("nan")}, "key `gross_mass_kg`: NaN"),
        ("truth", {"speed_mps": float("inf")}, "key `speed_mps`: Infinity"),
        ("passages", {"axle_loads_kg": [1.0, float("nan")]}, "key `axle_loads_kg[1]`"),
        (
            "passages",
            {"estimators": {"mine": {"gross_mass_kg": float("-inf")}}},
            "key `estimators.mine.gross_mass_kg`: -Infinity",
        ),
    ],
)
def test_nan_and_infinity_are_named_and_called_no_figures(
    files, capsys, name, changes, says
):
    spoiled(files, name, changes)
    assert run(files) == 2
    complaint = capsys.readouterr().err
    assert f"{name}.jsonl: line 1: {says}" in complaint
    assert "is no figure" in complaint
    assert complaint.count("\n") == 1


def test_a_line_that_is_malformed_in_another_way_is_not_called_nan(files, capsys):
    path = files / "truth.jsonl"
    path.write_text('{"lane": 1, "note": "NaN", "speed_mps": }\n', encoding="utf-8")
    assert run(files) == 2
    complaint = capsys.readouterr().err
    assert "truth.jsonl: line 1: JSON is malformed" in complaint
    assert "figure" not in complaint


def test_loads_of_a_static_scale_may_be_rounded(files, capsys):
    spoiled(files, "truth", {"axle_loads_kg": [2680.0, 5340.0], "gross_mass_kg": 8e3})
    assert run(files) == 0


@pytest.mark.parametrize("title", ["\udcff", "two\nlines", "a\0b"])
def test_a_title_that_no_picture_can_have_is_refused(files, capsys, title):
    picture = files / "picture.svg"
    assert run(files, "--picture", str(picture), "--title", title) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not picture.exists()


def test_a_file_without_an_end_is_refused_and_fills_no_memory(files, capsys):
    (files / "truth.jsonl").unlink()
    (files / "truth.jsonl").symlink_to("/dev/zero")
    assert run(files) == 2
    assert "truth.jsonl: line 1 has more than 64 MiB" in capsys.readouterr().err
    assert run(files, "--limits", "/dev/zero") == 2
    assert "/dev/zero: cannot be read as a table of limits: it has more than" in (
        capsys.readouterr().err
    )


def test_nothing_to_judge_is_said_and_drawn_as_nothing():
    found = report(join([], [truth(1.0)]))
    assert found.gross is None
    text = "\n".join(as_text(table) for table in tables(found))
    assert "captured" in text
    with pytest.raises(ValueError, match="no passage"):
        draw(found, title="x")
    assert as_markdown(tables(found)[0]).splitlines()[1].startswith("|---|")


def test_tables_of_a_document_are_made_and_its_prose_is_kept(files, capsys):
    assert run(files, "--json") == 0
    (files / "four").mkdir()
    report = capsys.readouterr().out
    (files / "four/report.json").write_text(report, encoding="utf-8")
    (files / "four/picture.svg").write_text("<svg/>", encoding="utf-8")
    document = files / "doc.md"
    text = (
        "# Prose\n![what](pictures/accuracy-four.svg)\n"
        "<!-- table: four/summary -->\nold\n<!-- end -->\nmore\n"
        "<!-- table: none/summary -->\nkept\n<!-- end -->\n"
    )
    document.write_text(text, encoding="utf-8")
    assert main(["document", str(document), str(files)]) == 0
    once = document.read_text("utf-8")
    assert "| valid passages judged | 200 |" in once
    assert once.startswith("# Prose\n")
    assert "old" not in once
    assert (files / "pictures/accuracy-four.svg").read_text("utf-8") == "<svg/>"
    assert "more\n<!-- table: none/summary -->\nkept\n<!-- end -->" in once
    assert main(["document", str(document), str(files)]) == 0
    assert document.read_text("utf-8") == once
    document.write_text("<!-- table: four/nothing -->\n<!-- end -->", "utf-8")
    assert main(["document", str(document), str(files)]) == 2
    document.write_text("no marks", "utf-8")
    assert main(["document", str(document), str(files)]) == 2
    assert capsys.readouterr().err.count("\n") == 2
