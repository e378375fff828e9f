"""The two commands of the README, in a fresh clone that sets itself up.

The clone holds what is committed, and gets its own ``.venv`` from the real registries.
"""

import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
UNREACHABLE = re.compile(
    r"from versions: none|ConnectionError|ConnectTimeout|ReadTimeout"
    r"|ECONNREFUSED|ECONNRESET|ENOTFOUND|ETIMEDOUT|EAI_AGAIN|ENETUNREACH"
)
pytestmark = pytest.mark.timeout(420)  # it fetches some 250 MB


def git(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    # the checkout may be another account's, as where root tests in a user's folder
    command = ["git", "-c", "safe.directory=*", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def clone() -> Iterator[Path]:
    """A clone with nothing set up, in a folder that a database's account may enter."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not in a git checkout, so there is nothing to clone")
    with tempfile.TemporaryDirectory(prefix="luheng-clone-") as folder:
        Path(folder).chmod(0o755)
        clone = Path(folder) / "luheng"
        done = git("clone", "--quiet", ROOT, clone)
        assert done.returncode == 0, done.stderr
        yield clone


def run_in(clone: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run one of the README's commands as it stands there, without a terminal."""
    done = subprocess.run(
        ["env", "-u", "PYTHON", "-u", "PYTEST_ADDOPTS", "./run", *words],
        cwd=clone,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 2 and UNREACHABLE.search(done.stderr):
        pytest.skip("the package registries cannot be reached from here")
    return done


def processes_in(folder: Path) -> list[str]:
    """Return the command lines of the processes that name a folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            if str(folder) in command:
                found.append(command)
    return found


def test_the_demo_of_the_readme_sets_a_fresh_clone_up_and_ends_with_a_summary(clone):
    assert "./run demo --vehicles 20 --exit --json" in (clone / "README.md").read_text()
    done = run_in(clone, "demo", "--vehicles", "2", "--exit", "--json")
    assert done.returncode == 0, done.stderr[-3000:]
    summary = json.loads(done.stdout)
    assert summary["vehicles"] == summary["passages"] == 2
    assert summary["failures"] == []
    for step in ("[1/3]", "[2/3]", "[3/3]", "page: http://"):
        assert step in done.stderr
    assert (clone / "demo-data").is_dir()
    assert processes_in(clone) == []
    assert git("-C", clone, "status", "--porcelain").stdout == ""


def test_the_test_command_of_the_readme_sets_a_fresh_clone_up_and_tests_it(clone):
    assert "./run test " in (clone / "README.md").read_text()
    done = run_in(clone, "test", "tests/wim/test_tables.py", "-q")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert re.search(r"\d+ passed", done.stdout)
    assert git("-C", clone, "status", "--porcelain").stdout == ""
