"""A child process that is kept alive, and that does not outlive its parent.

It knows nothing of what the child serves. One thread owns the child for its whole
life: it starts it, waits for it, starts it again when it dies unasked, and ends it on
request. (The kernel ties the parent-death signal to the *thread* that forked.)
"""

import ctypes
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog

from server.errors import EmbeddedError

__all__ = ["SupervisedChild"]

_PR_SET_PDEATHSIG = 1
_RESTART_PAUSE_S = (0.5, 1.0, 2.0, 5.0, 10.0)
_TAIL_BYTES = 2000

_libc = ctypes.CDLL(None, use_errno=True)
_log = structlog.get_logger(__name__)


class SupervisedChild:
    """One foreground program under supervision.

    Args:
        name: what to call it in log lines.
        arguments: the command; the program must stay in the foreground.
        ready: tells whether it serves; polled until true.
        log_file: where its standard output and error go.
        folder: its working directory.
        account: (uid, gid) to run as, or None for our own.
        stop_signal: what asks it to end in good order.
    """

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        *,
        ready: Callable[[], bool],
        log_file: Path,
        folder: Path,
        account: tuple[int, int] | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
    ) -> None:
        self._name = name
        self._arguments = list(arguments)
        self._ready = ready
        self._log_file = log_file
        self._folder = folder
        self._account = account
        self._stop_signal = stop_signal
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()
        self._started = threading.Event()
        self._served = threading.Event()
        self._failure = ""
        self._thread: threading.Thread | None = None
        self.restarts = 0

    @property
    def pid(self) -> int | None:
        """The child's process id while it runs."""
        process = self._process
        return process.pid if process and process.poll() is None else None

    def start(self, timeout_s: float) -> None:
        """Start the child and wait until it serves.

        Raises:
            EmbeddedError: it ended, or did not serve in time; the text has its last
                words.
        """
        self._thread = threading.Thread(
            target=self._own, name=f"{self._name}-supervisor", daemon=True
        )
        self._thread.start()
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if self._failure:
                break
            if self._started.wait(0.02) and self.pid is not None and self._ready():
                self._served.set()
                return
        words = self._failure or f"did not serve within {timeout_s:.0f} s"
        self.stop(grace_s=5.0)
        message = f"{self._name} {words}; see {self._log_file}{self._last_words()}"
        raise EmbeddedError(message)

    def stop(self, grace_s: float = 30.0) -> None:
        """Ask the child to end, and then kill it after the grace time; repeatable."""
        self._stopping.set()
        process = self._process
        if process and process.poll() is None:
            process.send_signal(self._stop_signal)
            try:
                process.wait(grace_s)
            except subprocess.TimeoutExpired:
                _log.warning("child killed after grace", child=self._name)
                process.kill()
        if self._thread:
            self._thread.join(grace_s)

    def _own(self) -> None:
        while not self._stopping.is_set():
            code = self._run_once()
            if self._stopping.is_set():
                return
            if not self._served.is_set():
                self._failure = f"ended at its start with exit code {code}"
                return
            pause = _RESTART_PAUSE_S[min(self.restarts, len(_RESTART_PAUSE_S) - 1)]
            self.restarts += 1
            _log.warning(
                "child ended unasked", child=self._name, code=code, restart_in_s=pause
            )
            self._stopping.wait(pause)

    def _run_once(self) -> int:
        uid, gid = self._account or (None, None)
        with self._log_file.open("ab") as log:
            self._process = subprocess.Popen(
                self._arguments,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._folder,
                user=uid,
                group=gid,
                extra_groups=None if uid is None else [],
                start_new_session=True,
                # it calls one system call through a library that is already loaded
                preexec_fn=_die_with(os.getpid(), self._stop_signal),  # noqa: PLW1509
            )
        self._started.set()
        return self._process.wait()

    def _last_words(self) -> str:
        try:
            tail = self._log_file.read_bytes()[-_TAIL_BYTES:].decode(errors="replace")
        except OSError:
            return ""
        lines = tail.strip().splitlines()[-3:]
        return ": " + " | ".join(lines) if lines else ""


def _die_with(parent: int, stop_signal: signal.Signals) -> Callable[[], None]:
    """Return what the child does before exec: end when its parent ends."""

    def before_exec() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, int(stop_signal), 0, 0, 0)
        if os.getppid() != parent:  # it ended between fork and prctl
            os._exit(1)

    return before_exec
