"""What lanes have learned outlives the daemon, and never stands in its way."""

import msgspec
import pytest
from structlog.testing import capture_logs

from edge.lane_charts import LaneCharts, Learned
from wim.drift import Chart, DriftState

CHARTS = (DriftState(lane=1, charts=(Chart(name="balance", count=7, mean=1.01),)),)
LEARNED = Learned(CHARTS, (1.3, 0.55))
NOTHING = Learned()


@pytest.fixture
def charts_of(tmp_path):
    def charts_of(parameter_hash="a" * 64, lanes=2):
        return LaneCharts(
            tmp_path / "charts.json", parameter_hash=parameter_hash, lanes=lanes
        )

    return charts_of


def test_what_was_learned_is_found_again_at_the_next_start(charts_of):
    charts_of().write(LEARNED)
    assert charts_of().read() == LEARNED


def test_a_file_without_scatters_still_has_its_charts(charts_of, tmp_path):
    charts = msgspec.json.encode({"parameter_hash": "a" * 64, "charts": CHARTS})
    (tmp_path / "charts.json").write_bytes(charts)
    assert charts_of().read() == Learned(CHARTS)


def test_what_other_parameters_taught_begins_anew(charts_of):
    charts_of().write(LEARNED)
    assert charts_of("b" * 64).read() == NOTHING


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff"])
def test_a_spoiled_file_is_no_reason_not_to_weigh(charts_of, tmp_path, content):
    (tmp_path / "charts.json").write_bytes(content)
    assert charts_of().read() == NOTHING


@pytest.mark.parametrize("scatters", [(1.0, 7.0), (0.1, 1.0), (1.0,), (1.0, None)])
def test_scatters_that_no_lane_has_begin_anew_and_are_said(
    charts_of, tmp_path, scatters
):
    kept = {"parameter_hash": "a" * 64, "charts": CHARTS, "usual_scatters": scatters}
    (tmp_path / "charts.json").write_bytes(msgspec.json.encode(kept))
    with capture_logs() as logs:
        assert charts_of().read() == NOTHING
    assert [line["event"] for line in logs] == ["charts_begin_anew"]


def test_it_is_written_every_twenty_passages(charts_of, tmp_path):
    kept = charts_of()
    for _ in range(19):
        kept.note(LEARNED)
    assert not (tmp_path / "charts.json").exists()
    later = Learned(CHARTS, (1.2, 0.55))
    kept.note(later)
    assert charts_of().read() == later


def test_a_folder_that_is_gone_stops_nothing(tmp_path):
    kept = LaneCharts(tmp_path / "gone" / "charts.json", parameter_hash="a", lanes=2)
    kept.write(LEARNED)
    assert kept.read() == NOTHING
