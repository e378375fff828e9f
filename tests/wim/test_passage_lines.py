"""What is printed of a passage beside the keys of the interface."""

from pathlib import Path

import numpy as np
import pytest

from wim.cli.lines import PassageLine, line_of
from wim.notations import Notations
from wim.passage import Weigher

DOCUMENT = Path(__file__).parents[2] / "docs/weighing-output.md"
TWO = {"loads_kg": (6000.0, 10_000.0), "spacings_m": (5.0,)}


def line(road, truck, *, seconds=5.0, site=None):
    site = site or road.site_of(road.site_text())
    counts, _ = road.drive(site, [truck], seconds=seconds)
    weigher = Weigher(site, sample_rate_hz=4000.0)
    (passage,) = road.passages(weigher.receive(counts, 0) + weigher.flush())
    return line_of(passage, start_time_s=None)


def test_every_key_of_a_line_and_of_the_notations_is_documented():
    text = DOCUMENT.read_text("utf-8")
    for name in (*PassageLine.__struct_fields__, *Notations.__struct_fields__):
        assert f"`{name}`" in text


@pytest.mark.parametrize("footprint_m", [0.18, 0.22, 0.28])
@pytest.mark.parametrize("kmh", [20.0, 80.0])
def test_the_footprint_of_each_axle_is_on_the_line(road, footprint_m, kmh):
    told = line(road, road.Truck(**TWO, speed_kmh=kmh, footprint_m=footprint_m))
    assert told.footprints_m == pytest.approx((footprint_m,) * 2, abs=0.005)


def test_a_plate_or_a_way_that_nothing_explains_tells_no_footprint(road):
    plates = road.site_of(road.site_text(extra='kind = "plate"'))
    told = line(road, road.Truck(**TWO, speed_kmh=40.0), site=plates)
    assert told.footprints_m == (None, None)
    stops = ((4, 1.6), (5, 4), (8, 4.1), (9, 7), (12, 7.2), (17, 30))
    points = np.array(((-2, -5), (0, 0), (1, 1.5), *stops)).T
    truck = road.Truck(
        **TWO, speed_kmh=9.0, gone_m=lambda since_s: np.interp(since_s, *points)
    )
    told = line(road, truck, seconds=20.0)
    assert "way_rest_m" in {finding.figure for finding in told.findings}
    assert told.footprints_m == (None, None)
