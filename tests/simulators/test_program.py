import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from simulators.errors import SimulatorError
from simulators.program import Program

REPOSITORY = Path(__file__).parents[2]
ECHO = """
import os
import sys
import time
from pathlib import Path

begun = []


def main(arguments):
    begun.append(arguments)
    match arguments:
        case ["count"]:
            print(len(begun), os.getpid())
        case ["bytes"]:
            sys.stdout.buffer.write("超限\\n".encode())
        case ["fail", text]:
            print("first", file=sys.stderr)
            print(text, file=sys.stderr)
            return 2
        case ["exit"]:
            sys.exit(3)
        case ["raise"]:
            raise ValueError("nobody expected it")
        case ["die"]:
            os.write(2, b"out of memory\\n")
            os._exit(9)
        case ["sleep", path]:
            Path(path).write_text(str(os.getpid()))
            time.sleep(60.0)
    return 0
"""


@pytest.fixture(autouse=True)
def echo(tmp_path, monkeypatch):
    (tmp_path / "echo").mkdir()
    (tmp_path / "echo/__init__.py").write_text("")
    (tmp_path / "echo/__main__.py").write_text(ECHO)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(REPOSITORY)]))


@pytest.fixture
def program():
    program = Program("echo")
    yield program
    program.close()


def wait_for(path):
    for _ in range(600):
        if path.exists() and path.read_text():
            return int(path.read_text())
        time.sleep(0.1)
    raise AssertionError(path)


def is_gone(pid):
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False


def test_one_process_runs_command_after_command(program):
    first, pid = program.run(["count"], what="a count").split()
    assert program.run(["count"], what="a count").split() == [b"2", pid]
    assert first == b"1"
    assert program.run(["bytes"], what="text").decode() == "超限\n"


def test_a_command_that_fails_is_told_in_its_own_words(program):
    for arguments, says in (
        (["fail", "no such site"], "chunk 7: exit status 2: no such site"),
        (["exit"], "chunk 7: exit status 3"),
        (["raise"], "chunk 7: exit status 1: ValueError: nobody expected it"),
    ):
        with pytest.raises(SimulatorError, match=says):
            program.run(arguments, what="chunk 7")
    assert program.run(["count"], what="a count").startswith(b"4 ")


def test_a_program_that_dies_is_told_with_its_last_words(program):
    with pytest.raises(SimulatorError, match="chunk 7: the program ended: out of mem"):
        program.run(["die"], what="chunk 7")


def test_a_program_without_that_package_says_so(tmp_path):
    program = Program("nowhere")
    with pytest.raises(SimulatorError, match="No module named 'nowhere'"):
        program.run(["count"], what="a count")
    program.close()


def test_another_thread_can_break_a_command_off(program, tmp_path):
    failed = []

    def ask():
        try:
            program.run(["sleep", str(tmp_path / "pid")], what="sleep")
        except SimulatorError as error:
            failed.append(str(error))

    thread = threading.Thread(target=ask)
    thread.start()
    pid = wait_for(tmp_path / "pid")
    program.stop()
    thread.join(10.0)
    assert failed == ["sleep: the program ended: exit status -9"]
    assert is_gone(pid)


def test_a_program_does_not_outlive_whoever_started_it(tmp_path):
    code = (
        "from simulators.program import Program; "
        f"Program('echo').run(['sleep', {str(tmp_path / 'pid')!r}], what='sleep')"
    )
    parent = subprocess.Popen([sys.executable, "-c", code])
    pid = wait_for(tmp_path / "pid")
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert is_gone(pid)
