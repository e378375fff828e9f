"""Two processes that compile, and what becomes of the first without the second."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from wim.cli import compiling

CHANGED = """
import sys
from pathlib import Path
from wim.cli.compiling import compile_kernels
from wim.warming import is_compiled, warm_up

def kept():
    return {path.name for path in Path(sys.argv[1]).rglob("*.nbc")}

print(is_compiled())
compile_kernels(print)
print(is_compiled())
before = kept()
warm_up()
print(sorted(kept() - before))
"""


@pytest.mark.timeout(420)  # every kernel is compiled
def test_two_processes_leave_nothing_large_to_be_compiled(tmp_path):
    repository = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", CHANGED, str(tmp_path)],
        check=True,
        capture_output=True,
        text=True,
        env={"NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(repository)},
    )
    assert done.stdout.splitlines() == ["False", "True", "[]"]


@pytest.fixture
def told(monkeypatch):
    """Compile as with an empty cache beside a second process; return what is told.

    Our own half is loaded: what these tests are about is the other one.
    """
    monkeypatch.setattr(compiling, "is_compiled", lambda: False)

    def run(program):
        monkeypatch.setattr(compiling, "_VEHICLES", program)
        lines = []
        compiling.compile_kernels(lines.append)
        return lines

    return run


def test_a_second_process_that_does_its_half_is_not_worth_a_word(told):
    assert told("import wim.warming") == []


def test_a_second_process_that_fails_is_told_in_one_line(told):
    assert told("raise OSError('no space\\non the device')") == [
        "the second process ended with 1: on the device"
    ]


def test_a_second_process_that_is_killed_is_told_in_one_line(told):
    kill = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    assert told(kill) == ["the second process ended with -9: it said nothing"]


@pytest.fixture
def hangs(tmp_path):
    """Return a program that never ends and a function that tells whether it runs."""
    alive = tmp_path / "alive"
    program = f"""
import time
while True:
    with open({str(alive)!r}, "w") as file:
        file.write(str(time.time()))
    time.sleep(0.05)
"""

    def runs():
        last = alive.read_text() if alive.exists() else ""
        time.sleep(0.5)
        return alive.exists() and alive.read_text() != last

    return program, runs


def test_a_second_process_that_hangs_is_ended(told, monkeypatch, hangs):
    program, runs = hangs
    monkeypatch.setattr(compiling, "_LONGEST_S", 3.0)
    assert told(program) == ["the second process compiled for 3 s and was ended"]
    assert not runs()


ORPHAN = """
import sys
from wim.cli import compiling
compiling.is_compiled = lambda: False
compiling._VEHICLES = sys.argv[1]
compiling.compile_kernels(print)
"""


def test_a_second_process_ends_when_the_first_is_killed(hangs):
    program, runs = hangs
    first = subprocess.Popen(
        [sys.executable, "-c", ORPHAN, program], cwd=Path(__file__).parents[2]
    )
    while not runs():
        assert first.poll() is None
    first.kill()
    first.wait()
    given_up = time.monotonic() + 30.0
    while runs():
        assert time.monotonic() < given_up


def test_where_no_process_can_be_started_one_line_says_so(told, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    assert told("") == ["no second process to compile with: No such file or directory"]


def test_a_second_process_ends_when_the_first_is_interrupted(told, monkeypatch, hangs):
    program, runs = hangs

    def interrupted():
        while not runs():
            pass
        raise KeyboardInterrupt

    monkeypatch.setattr(compiling, "warm_up_pulses", interrupted)
    with pytest.raises(KeyboardInterrupt):
        told(program)
    assert not runs()


def test_no_process_is_started_where_everything_is_kept(monkeypatch):
    monkeypatch.setattr(compiling, "is_compiled", lambda: True)
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    lines = []
    compiling.compile_kernels(lines.append)
    assert lines == []
