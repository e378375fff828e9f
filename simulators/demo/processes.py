"""The programs of the demo as child processes that talk in JSON lines.

It reads what they say and ends them in order; what they mean is not decided here.
Every child gets a session of its own, so that Ctrl-C reaches the demo alone, and a
parent-death signal, so that nothing outlives a killed demo.
"""

import contextlib
import ctypes
import json
import os
import queue
import signal
import subprocess
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["Child", "Event"]

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class Event(NamedTuple):
    """One thing that happened: who said it, what it is, and its fields."""

    source: str
    name: str
    fields: dict[str, Any]


class Child:
    """One program of the demo.

    Its standard output is read as JSON lines into ``events``; other lines and its
    standard error go to ``log_file``. When it ends, the event ``ended`` follows with
    its exit ``code``.
    """

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        *,
        events: "queue.SimpleQueue[Event]",
        log_file: Path,
    ) -> None:
        self.name = name
        self.log_file = log_file
        self._events = events
        self._log = log_file.open("ab")
        self._process = subprocess.Popen(
            list(arguments),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            start_new_session=True,
            # one system call through a library that is already loaded
            preexec_fn=_die_with(os.getpid()),  # noqa: PLW1509
        )
        self._reader = threading.Thread(
            target=self._read, name=f"{name}-reader", daemon=True
        )
        self._reader.start()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def say(self, line: str) -> None:
        """Write one line to the program's standard input."""
        pipe = self._process.stdin
        if pipe:
            with contextlib.suppress(BrokenPipeError):
                pipe.write(line.encode() + b"\n")
                pipe.flush()

    def ask_to_end(self) -> None:
        """Ask the program to end, without waiting."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def end(self, grace_s: float) -> int:
        """Wait for the end of an asked program, kill it after the grace time."""
        try:
            code = self._process.wait(grace_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        self._reader.join(5.0)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        self._log.close()
        return code

    def last_words(self) -> str:
        """Return the last line of its log, for a message to a person."""
        lines = self.log_file.read_text("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"

    def _read(self) -> None:
        pipe = self._process.stdout
        if pipe is None:
            return
        for line in pipe:
            try:
                fields = json.loads(line)
                name = fields.pop("event")
            except (ValueError, KeyError, AttributeError):
                self._log.write(line)
                self._log.flush()
            else:
                self._events.put(Event(self.name, name, fields))
        code = self._process.wait()
        self._events.put(Event(self.name, "ended", {"code": code}))


def _die_with(parent: int) -> Callable[[], None]:
    """Return what a child does before exec: end when the demo ends."""

    def before_exec() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
        if os.getppid() != parent:  # it ended between fork and prctl
            os._exit(1)

    return before_exec
