"""The web assets: copied whole, not twice, and one line when they cannot be had."""

import shutil
import subprocess
import sys

import pytest

from server.web import assets
from server.web.assets import FONT_FILES, WANTED, AssetsError, install, ready


@pytest.fixture
def modules(tmp_path):
    """Packages as npm would have laid them."""
    folder = tmp_path / "node_modules"
    fonts, patterns, _ = FONT_FILES
    named = [f"{fonts}/{one.replace('*', 'noto-4')}" for one in patterns]
    for name in [*(source for source, _ in WANTED), *named]:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return folder


def test_the_folder_is_filled_once_and_then_left_alone(tmp_path, modules):
    vendor = tmp_path / "static" / "vendor"
    assert install(vendor, modules=modules)
    assert ready(vendor)
    assert (vendor / "htmx.min.js").read_text() == "htmx.org/dist/htmx.min.js"
    assert not install(vendor, modules=modules)
    assert [one.name for one in vendor.parent.iterdir()] == ["vendor"]


def test_a_lost_file_or_another_lock_fills_it_anew(tmp_path, modules):
    vendor = tmp_path / "vendor"
    install(vendor, modules=modules)
    (vendor / "htmx.min.js").unlink()
    assert not ready(vendor)
    assert install(vendor, modules=modules)
    (vendor / "stamp").write_text("of an older lock")
    (vendor / "left-over.js").write_text("x")
    assert install(vendor, modules=modules)
    assert not (vendor / "left-over.js").exists()


def test_a_package_without_its_file_changes_nothing(tmp_path, modules):
    vendor = tmp_path / "vendor"
    shutil.rmtree(modules / "echarts")
    with pytest.raises(AssetsError, match="echarts"):
        install(vendor, modules=modules)
    assert not vendor.exists()


def test_a_failing_npm_is_one_line_and_exit_code_2(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(assets, "ready", lambda _=None: False)
    script = (
        "import sys; sys.stderr.write('npm error no network\\n\\nmore'); sys.exit(7)"
    )
    monkeypatch.setattr(assets, "_npm", lambda: [sys.executable, "-c", script])
    assert assets.main([]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "npm error no network" in said


def test_the_wheel_brings_npm_where_the_system_has_none(monkeypatch):
    monkeypatch.setattr(assets.shutil, "which", lambda _: None)
    asked = subprocess.run(
        [*assets._npm(), "--version"], capture_output=True, text=True, check=False
    )
    assert asked.returncode == 0
    assert int(asked.stdout.split(".")[0]) >= 9
