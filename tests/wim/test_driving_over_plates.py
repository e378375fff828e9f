"""Plates: weighed by their area, by their plateau where no way tells the speed."""

import numpy as np
import pytest

WIDE_M = 0.5
LOADS_KG = (6000.0, 10_000.0)
SPACING_M = 5.0


def plates(road, *, rows=2):
    text = road.site_text(rows=rows, extra='kind = "plate"')
    return road.site_of(text.replace("width_m = 0.053", f"width_m = {WIDE_M}"))


def through(*points):
    """A way through (time, place) points at speeds that change smoothly."""
    times, places = np.array(points, dtype=float).T

    def gone(t):
        around = np.linspace(-0.6, 0.6, 25)
        return sum(np.interp(t + d, times, places) for d in around) / len(around)

    return gone


def passage_of(road, site, truck, *, seconds):
    counts, _ = road.drive(site, [truck], seconds=seconds)
    (passage,) = road.passages(road.weigh(site, counts, separator=False))
    return passage


STANDS = [
    (2, ((-4, -10), (0, 1.2), (2, 1.2), (10, 21.2))),
    (4, ((-4, -10), (0, 1.2), (2, 1.2), (10, 21.2))),
    (4, ((-4, -10), (0, 1.5), (1, 1.5), (9, 21.5))),
    (4, ((-4, -10), (0, 2.0), (1.5, 2.0), (9, 22.0))),
]
"""Rows, and a way on which the first axle stands for a while behind the first one."""


@pytest.mark.parametrize(("rows", "points"), STANDS)
def test_a_lorry_that_stood_between_plates_is_shown_with_its_mass(road, rows, points):
    truck = road.Truck(LOADS_KG, (SPACING_M,), 0.0, at_s=6.0, gone_m=through(*points))
    passage = passage_of(road, plates(road, rows=rows), truck, seconds=22.0)
    assert passage.flags == ("stop_and_go",)
    assert not passage.valid
    assert not passage.figures.smooth
    assert passage.axle_loads_kg == pytest.approx(LOADS_KG, rel=0.01)
    # it went at 9 km/h, less near a stand: nobody crawled over a plate
    assert passage.figures.slowest_mps == pytest.approx(2.5, abs=0.5)


@pytest.mark.parametrize(("rows", "points"), STANDS)
def test_plates_betray_a_stand_between_them(road, rows, points):
    truck = road.Truck(LOADS_KG, (SPACING_M,), 0.0, at_s=6.0, gone_m=through(*points))
    passage = passage_of(road, plates(road, rows=rows), truck, seconds=22.0)
    assert passage.figures.stall < 0.6
    told = {(finding.flag, finding.figure) for finding in passage.findings}
    assert ("stop_and_go", "stall") in told


@pytest.mark.parametrize("kmh", [4.0, 15.0, 60.0, 110.0])
@pytest.mark.parametrize("footprint_m", [0.18, 0.28])
def test_who_drives_steadily_over_plates_goes_between_them_as_over_them(
    road, kmh, footprint_m
):
    truck = road.Truck(LOADS_KG, (SPACING_M,), kmh, footprint_m=footprint_m, at_s=2.0)
    passage = passage_of(road, plates(road), truck, seconds=4.0 + 12.0 / (kmh / 3.6))
    assert passage.figures.stall == pytest.approx(1.0, abs=0.03)
    assert "stop_and_go" not in passage.flags
    assert passage.gross_mass_kg == pytest.approx(sum(LOADS_KG), rel=0.01)
