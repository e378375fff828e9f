"""Which weights a station's plate reader has, and what is refused."""

import subprocess
import sys

import pytest

from edge.config import PlatesConfig, load_config
from edge.errors import ConfigError
from edge.reader_weights import load_pipeline
from lpr.fine_reader import packaged_fine_weights
from lpr.pipeline import Pipeline
from lpr.second_look import packaged_second_weights
from lpr.sequence import packaged_reader_weights


@pytest.fixture
def station(tmp_path, repository):
    """The shipped station with a table of plates, read from a file of its own."""

    def station(**plates):
        text = (repository / "configs/edge/station.toml").read_text("utf-8")
        for folder in ("stations", "limits"):
            text = text.replace(f"../{folder}", str(repository / "configs" / folder))
        lines = [f'{key} = "{file}"' for key, file in plates.items()]
        path = tmp_path / "station.toml"
        path.write_text("\n".join([text, "[plates]", *lines]), "utf-8")
        return load_config(path)

    return station


def test_without_files_the_station_reads_with_the_weights_that_ship(station):
    config = station()
    assert config.plates == PlatesConfig()
    assert load_pipeline(config) is Pipeline.standard()


@pytest.mark.parametrize(
    "named",
    [
        {"reader": "tuned.onnx"},
        {"second_look": "look.onnx"},
        {"fine_reader": "fine.onnx"},
        {"reader": "tuned.onnx", "second_look": "look.onnx"},
    ],
)
def test_whatever_is_its_own_a_station_looks_twice(named, station, tmp_path):
    (tmp_path / "tuned.onnx").write_bytes(packaged_reader_weights())
    (tmp_path / "look.onnx").write_bytes(packaged_second_weights())
    (tmp_path / "fine.onnx").write_bytes(packaged_fine_weights())
    pipeline = load_pipeline(station(**named))
    assert pipeline is not Pipeline.standard()
    assert pipeline.reader.fine is not None
    assert pipeline.reader.second is not None


def test_files_of_other_weights_are_refused_with_file_key_and_what_to_do(
    station, tmp_path
):
    (tmp_path / "reader.onnx").write_bytes(packaged_reader_weights())
    (tmp_path / "look.onnx").write_bytes(packaged_second_weights())
    (tmp_path / "text.onnx").write_text("no network")
    for key, file, allowed in (
        ("reader", "look.onnx", "luheng-lpr finetune"),
        ("reader", "text.onnx", "luheng-lpr finetune"),
        ("second_look", "reader.onnx", "lpr.training second"),
        ("fine_reader", "reader.onnx", "lpr.training fine"),
    ):
        config = station(**{key: file})
        with pytest.raises(ConfigError) as caught:
            load_pipeline(config)
        said = str(caught.value)
        assert said.startswith(f"{config.path}: key 'plates.{key}': ")
        assert file in said
        assert allowed in said
        assert "\n" not in said


def test_the_command_stops_on_them_with_one_line_and_exit_two(
    station, tmp_path, repository
):
    (tmp_path / "look.onnx").write_bytes(packaged_second_weights())
    config = station(reader="look.onnx")
    done = subprocess.run(
        [sys.executable, "-m", "edge", str(config.path)],
        capture_output=True,
        text=True,
        cwd=repository,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "key 'plates.reader'" in done.stderr
