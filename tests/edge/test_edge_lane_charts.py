"""The control charts outlive the daemon, and never stand in its way."""

import msgspec
import pytest

from edge.lane_charts import LaneCharts
from wim.drift import Chart, DriftState

CHARTS = (DriftState(lane=1, charts=(Chart(name="balance", count=7, mean=1.01),)),)


@pytest.fixture
def charts_of(tmp_path):
    def charts_of(parameter_hash="a" * 64):
        return LaneCharts(tmp_path / "charts.json", parameter_hash=parameter_hash)

    return charts_of


def test_charts_are_found_again_at_the_next_start(charts_of):
    charts_of().write(CHARTS)
    assert charts_of().read() == CHARTS


def test_charts_of_other_parameters_begin_anew(charts_of):
    charts_of().write(CHARTS)
    assert charts_of("b" * 64).read() == ()


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff"])
def test_a_spoiled_file_is_no_reason_not_to_weigh(charts_of, tmp_path, content):
    (tmp_path / "charts.json").write_bytes(content)
    assert charts_of().read() == ()


def test_charts_are_written_every_twenty_passages(charts_of, tmp_path):
    kept = charts_of()
    for _ in range(19):
        kept.note(CHARTS)
    assert not (tmp_path / "charts.json").exists()
    later = (msgspec.structs.replace(CHARTS[0], lane=2),)
    kept.note(later)
    assert charts_of().read() == later


def test_a_folder_that_is_gone_stops_nothing(tmp_path):
    kept = LaneCharts(tmp_path / "gone" / "charts.json", parameter_hash="a" * 64)
    kept.write(CHARTS)
    assert kept.read() == ()
