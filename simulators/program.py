"""A program of the project that stays and runs one command after another.

Starting Python and loading compiled code takes longer than weighing a hundred lorries.
Whoever has many commands for a program starts it once, hands it the arguments of one
command a line and reads a line with what it printed. It ends by itself, even amidst a
command, when whoever started it is gone, however that came about.
"""

import contextlib
import importlib
import io
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Sequence
from typing import BinaryIO

import msgspec

from simulators.errors import SimulatorError

__all__ = ["Program"]


class _Done(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one command; ``error`` is what it printed for people."""

    status: int
    printed: str
    error: str


class Program:
    """A program that waits for commands; one thread at a time may ask it.

    Args:
        module: the package whose ``__main__`` has a ``main(arguments) -> status``.
    """

    def __init__(self, module: str) -> None:
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 -- closed in close()
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
        )

    def run(self, arguments: Sequence[str], *, what: str) -> bytes:
        """Run a command and return what it printed.

        Args:
            arguments: of the command, its name first.
            what: what it does, for the complaint.

        Raises:
            SimulatorError: its status is not 0, or the program ended.
        """
        asked, answers = self._process.stdin, self._process.stdout
        assert asked is not None  # noqa: S101 -- both are pipes
        assert answers is not None  # noqa: S101
        try:
            asked.write(msgspec.json.encode(list(arguments)) + b"\n")
            asked.flush()
            line = answers.readline()
        except (OSError, ValueError):  # it ended, or was stopped by another thread
            line = b""
        if not line.endswith(b"\n"):
            self.stop()
            message = f"{what}: the program ended: {self._last_words()}"
            raise SimulatorError(message)
        done = msgspec.json.decode(line, type=_Done)
        if done.status != 0:
            said = done.error.strip().splitlines() or ["?"]
            message = f"{what}: exit status {done.status}: {said[-1]}"
            raise SimulatorError(message)
        return done.printed.encode()

    def stop(self) -> None:
        """End the program at once; what it was doing is lost."""
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """End the program and let go of its pipes."""
        self.stop()
        for pipe in (self._process.stdin, self._process.stdout, self._said):
            with contextlib.suppress(OSError):  # a command that nobody read
                if pipe is not None:
                    pipe.close()

    def _last_words(self) -> str:
        """Return the last line that it printed outside of any command."""
        self._said.seek(0)
        lines = self._said.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"exit status {self._process.returncode}"


def _serve(module: str) -> None:
    """Run the commands that come in, without end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who started it decides
    main = importlib.import_module(f"{module}.__main__").main
    waiting: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    answers = sys.stdout.buffer
    threading.Thread(
        target=_listen, args=(sys.stdin.buffer, waiting), daemon=True
    ).start()
    while True:
        arguments = msgspec.json.decode(waiting.get(), type=list[str])
        answers.write(msgspec.json.encode(_answer(main, arguments)) + b"\n")
        answers.flush()


def _listen(asked: BinaryIO, waiting: "queue.SimpleQueue[bytes]") -> None:
    """Note the commands that come in; nobody is left when they end."""
    for line in asked:
        waiting.put(line)
    os._exit(0)


def _answer(main: Callable[[list[str]], int], arguments: list[str]) -> _Done:
    """Run one command as if it were alone in a process of its own."""
    printed = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    error = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(error):
        try:
            status = main(arguments)
        except SystemExit as ended:
            status = ended.code if isinstance(ended.code, int) else 1
        except Exception:  # noqa: BLE001 -- told to who asked, as Python itself does
            status = 1
            error.write(traceback.format_exc())
        printed.flush()
    content = printed.buffer
    assert isinstance(content, io.BytesIO)  # noqa: S101 -- it is ours
    return _Done(
        status=status,
        printed=content.getvalue().decode(errors="replace"),
        error=error.getvalue(),
    )


if __name__ == "__main__":
    _serve(sys.argv[1])
