from pathlib import Path

import pytest

from wim.errors import TableError
from wim.samples import parse_site

STATIONS = Path(__file__).parents[2] / "configs/stations"


def test_every_shipped_site_loads():
    paths = sorted(STATIONS.glob("*.toml"))
    assert paths
    for path in paths:
        parse_site(path.read_text("utf-8"), name=path.name)


def test_the_demonstration_site_is_two_lanes_of_four_rows(road):
    site = road.site
    assert [lane.number for lane in site.lanes] == [1, 2]
    assert [lane.presence_input for lane in site.lanes] == [0, 1]
    assert site.channels == 16
    for lane in site.lanes:
        assert sorted({s.position_m for s in lane.strips}) == [0.0, 3.0, 6.0, 9.0]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("row = 1\n", "row = 5\n", "numbered from 0"),
        ("channel = 3", "channel = 2", "already that of lanes[0].strips[2].channel"),
        ("channel = 3", "channel = 256", "whole number ≥ 0 and ≤ 255"),
        (
            "width_m = 0.053",
            "width_m = 0.053\ntime_offset_s = nan",
            "time_offset_s': nan",
        ),
        (
            "width_m = 0.053",
            "width_m = 0.053\nlateral_from_m = 0.2\nlateral_to_m = -1.0",
            "lateral_from_m': 0.2 must be below",
        ),
        ("[0.5, 120.0]", "[0.5, inf]", "both finite"),
        ("[0.5, 120.0]", "[nan, 120.0]", "speed_range_kmh"),
        ("position_m = 3.0", "position_m = -3.0", "must lie behind"),
        ("width_m = 0.053", "width_m = 3.2", "reaches over the strip 3 m before it"),
        ('side = "right"', 'side = "left"', "one left and one right"),
        ('side = "right"', 'side = "up"', "'full'"),
        ("width_m = 0.053", "width_m = 0.0", "> 0"),
        ("width_m = 0.053", "", "missing key 'lanes[0].strips[0].width_m'"),
        ("width_m = 0.053", "widht_m = 0.053", "unknown key 'lanes[0].strips[0].widht"),
        ("[0.5, 120.0]", "[120.0, 0.5]", "must be below"),
        ("counts_per_newton = 0.2", "counts_per_newton = inf", "finite"),
        ("number = 1", "number = 1\npresence_input = 99", "≤ 31"),
        ("number = 1", "number = 99999999999", "≤ 99"),
        ("[0.5, 120.0]", "[0.0, 1e-300]", "speed_range_kmh[1]': 1e-300; expected 1 to"),
        ("[0.5, 120.0]", "[0.5, 1e300]", "expected 1 to 500 km/h"),
        ("position_m = 3.0", "position_m = 1e300", "from -1e+06 to 1e+06 m"),
        ("position_m = 9.0", "position_m = 5000.0", "4994 m behind row 2; expected at"),
        ("width_m = 0.053", "width_m = 5e-324", "width_m': 5e-324; expected a finite"),
        ("counts_per_newton = 0.2", "counts_per_newton = 1e-300", "to 1e+06 counts/N"),
        ("counts_per_newton = 0.2", "counts_per_newton = -0.2", "> 0"),
        (
            "width_m = 0.053",
            "width_m = 0.053\ntime_constant_s = 1e-300",
            "time_constant_s': 1e-300; expected a finite number from 0.001",
        ),
        (
            "width_m = 0.053",
            "width_m = 0.053\ntime_offset_s = 10.0",
            "time_offset_s': 10.0; expected a finite number from -1 to 1 s",
        ),
        (
            "width_m = 0.053",
            "width_m = 0.053\ngain_uncertainty = 2.0",
            "from 0 to 1 (0.02 is two per cent)",
        ),
        (
            "width_m = 0.053",
            "width_m = 0.053\nfull_scale_counts = 1e-9",
            "full_scale_counts': 1e-09; expected a finite number from 1",
        ),
        (
            "width_m = 0.053",
            "width_m = 0.053\nlateral_from_m = 0.2\nlateral_to_m = 1.0",
            "row 0 (0.6 m) must lie left of the right one's (0.6 m)",
        ),
        ('id = "TEST-001"', 'id = "test 1"', "station.id"),
        ("[station]", "[station", "not a TOML document"),
    ],
)
def test_a_site_that_contradicts_itself_is_refused_by_name(road, old, new, says):
    text = road.site_text()
    assert old in text
    with pytest.raises(TableError) as caught:
        parse_site(text.replace(old, new), name="bad.toml")
    message = str(caught.value)
    assert message.startswith("bad.toml: ")
    assert says in message
    assert "\n" not in message


def test_two_lanes_of_one_number_or_one_separator_are_refused():
    text = (STATIONS / "demo-site.toml").read_text("utf-8")
    with pytest.raises(TableError, match="lane numbers"):
        parse_site(text.replace("number = 2", "number = 1"), name="x")
    with pytest.raises(TableError, match="presence_input"):
        parse_site(text.replace("presence_input = 1", "presence_input = 0"), name="x")


def test_a_row_of_one_full_strip_will_do(road):
    text = road.site_text()
    kept = [part for part in text.split("[[lanes.strips]]") if "right" not in part]
    site = parse_site("[[lanes.strips]]".join(kept).replace("left", "full"), name="x")
    assert {strip.side for strip in site.lanes[0].strips} == {"full"}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('id = "TEST-001"', 'id = "site_a.4-rows"'),
        ("[0.5, 120.0]", "[0, 120]"),
        ("width_m = 0.053", "width_m = 0.053\ngain_uncertainty = 0.0"),
        ("width_m = 0.053", "width_m = 0.053\nfull_scale_counts = 32767.0"),
        ("width_m = 0.053", "width_m = 0.053\nfull_scale_counts = 32767"),
    ],
)
def test_what_others_may_write_into_a_site_is_read(road, old, new):
    text = road.site_text()
    assert old in text
    road.site_of(text.replace(old, new))
