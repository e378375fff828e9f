from pathlib import Path

import pytest

from simulators.__main__ import main
from simulators.config import parse_config

ROOT = Path(__file__).parents[2]
GOOD = """
site = "site.toml"
[lines]
strip = "strip"
scale = "scale"
"""


def test_the_shipped_configuration_loads_and_names_a_site_that_exists():
    path = ROOT / "configs" / "simulators" / "demo.toml"
    config = parse_config(path.read_text(encoding="utf-8"), path=path)
    assert Path(config.site).is_file()
    assert Path(config.lines.strip).is_absolute()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (GOOD + "wheels = 3\n", ["wheels", "strip"]),
        (GOOD.replace("strip =", "stripe ="), ["stripe"]),
        (GOOD + "[cameras]\nport = 99999\n", ["cameras.port", "65535"]),
        (GOOD + "[traffic]\noverloaded_share = 3.0\n", ["overloaded_share"]),
        (GOOD + "[signal]\nbit_depth = 12\n", ["bit_depth", "16"]),
        (GOOD.replace('"site.toml"', "7"), ["site"]),
        ("site =", ["TOML"]),
        (GOOD, ["site.toml", "cannot read"]),
    ],
)
def test_a_bad_configuration_is_told_in_one_line(tmp_path, capsys, text, said):
    path = tmp_path / "station.toml"
    path.write_text(text, encoding="utf-8")
    assert main(["station", str(path)]) == 2
    error = capsys.readouterr().err
    assert len(error.splitlines()) == 1
    assert str(tmp_path) in error
    assert all(word in error for word in said)


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["dance"],
        ["station"],
        ["station", "x.toml", "--vehicles", "-1"],
        ["station", "x.toml", "--speed", "fast"],
    ],
)
def test_wrong_use_is_told_in_one_line(words, capsys):
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_speed_out_of_range_is_refused(tmp_path, capsys):
    path = tmp_path / "station.toml"
    path.write_text(GOOD, encoding="utf-8")
    assert main(["station", str(path), "--speed", "0"]) == 2
    assert "speed" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("command", ["demo", "bench"])
@pytest.mark.parametrize("folder", ["/proc/luheng/data", "/tmp/\udcff"])
def test_a_data_folder_that_cannot_be_is_told_in_one_line(command, folder, capsys):
    words = [command, "--data-dir", folder, "--vehicles", "0"]
    assert main(words) == 2
    error = capsys.readouterr().err
    assert len(error.splitlines()) == 1
    assert "--data-dir" in error
