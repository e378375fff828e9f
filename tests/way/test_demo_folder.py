"""The demo's data folder: one demo at a time, and one line for what may not be."""

import pytest

from simulators.demo.folder import DemoFolder
from simulators.errors import SimulatorError


def test_a_second_demo_on_the_same_folder_is_refused_until_the_first_has_ended(
    tmp_path,
):
    first = DemoFolder(tmp_path / "demo")
    with pytest.raises(SimulatorError, match="another demo is using it"):
        DemoFolder(tmp_path / "demo")
    first.close()
    DemoFolder(tmp_path / "demo").close()


def test_keys_stay_and_configurations_are_written_anew(tmp_path):
    folder = DemoFolder(tmp_path / "路 衡")
    key = folder.public_key("DEMO-001")
    path = folder.simulator_config()
    path.write_text("spoiled")
    folder.close()
    folder = DemoFolder(tmp_path / "路 衡")
    assert folder.public_key("DEMO-001") == key
    assert "路 衡" in folder.simulator_config().read_text("utf-8")
    folder.close()


@pytest.mark.parametrize("taken", ["keys/DEMO-001.key", "config/server.toml"])
def test_what_cannot_be_read_or_written_is_told_in_one_line(tmp_path, taken):
    (tmp_path / taken).mkdir(parents=True)
    folder = DemoFolder(tmp_path)
    with pytest.raises(SimulatorError, match=f"--data-dir .*{taken}") as refused:
        folder.server_config()
    assert len(str(refused.value).splitlines()) == 1
    folder.close()


def test_a_file_in_the_place_of_the_folder_is_told_in_one_line(tmp_path):
    (tmp_path / "demo").touch()
    with pytest.raises(SimulatorError, match="name a folder that you may write"):
        DemoFolder(tmp_path / "demo")
