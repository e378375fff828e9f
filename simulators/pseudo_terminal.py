"""A serial line that ends in a pseudo-terminal under a name that stays.

A real line does not wait for its reader: while nobody has the device open, bytes are
gone at once; a reader that has it open and does not read is waited for a bounded
time, and then whole writes are dropped and counted until it reads again. What was
begun is always finished, so that a drop never cuts a frame.
"""

import contextlib
import os
import select
import termios
import threading
import tty
from pathlib import Path
from typing import Self

from simulators.errors import SimulatorError

__all__ = ["PseudoTerminal"]

_MOST_AT_ONCE = 4096


class PseudoTerminal:
    """One line; :meth:`plug` opens it, :meth:`unplug` pulls it out.

    Counters: ``written_bytes``, ``unheard_writes`` while nobody had it open,
    ``dropped_writes`` because its reader did not read. Safe to use from several
    threads, one write at a time.
    """

    def __init__(self, link: Path, *, patience_s: float = 1.0) -> None:
        self.link = link
        self.written_bytes = 0
        self.unheard_writes = 0
        self.dropped_writes = 0
        self._patience_s = patience_s
        self._master: int | None = None
        self._rest = b""
        self._stalled = False
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        """Plug it in."""
        self.plug()
        return self

    def __exit__(self, *_: object) -> None:
        """Pull it out."""
        self.unplug()

    def plug(self) -> None:
        """Open a fresh pseudo-terminal under the link; nothing if it is plugged.

        Raises:
            SimulatorError: something that is no link stands at its name, or the
                folder cannot be written.
        """
        with self._lock:
            if self._master is not None:
                return
            master, slave = os.openpty()
            try:
                _make_raw(slave)
                os.set_blocking(master, False)
                self._point_link(os.ttyname(slave))
            except (OSError, SimulatorError) as error:
                os.close(master)
                message = f"{self.link}: cannot place the serial line here: {error}"
                raise SimulatorError(message) from error
            finally:
                os.close(slave)  # from now on a hang-up says that nobody listens
            self._master, self._rest, self._stalled = master, b"", False

    def unplug(self) -> None:
        """Pull the line out: readers see a hang-up and the link is gone."""
        with self._lock:
            if self._master is None:
                return
            if self.link.is_symlink():
                self.link.unlink(missing_ok=True)
            os.close(self._master)
            self._master = None

    def write(self, data: bytes) -> bool:
        """Write all of it, or nothing; return whether it went or goes out.

        Waits up to the patience for a reader that is there and does not read.
        """
        with self._lock:
            if self._master is None or self._hung_up(self._master):
                self.unheard_writes += 1
                self._rest = b""
                return False
            if self._rest and not self._push(self._master, self._rest):
                self.dropped_writes += 1
                return False
            return self._push(self._master, data) or self._begun(data)

    def read(self) -> bytes:
        """Return what whoever has it open has sent; nothing if nobody has."""
        with self._lock:
            if self._master is None or self._hung_up(self._master):
                return b""
            with contextlib.suppress(BlockingIOError):
                return os.read(self._master, _MOST_AT_ONCE)
            return b""

    def _begun(self, data: bytes) -> bool:
        """Return whether a write that did not finish left its rest to be sent."""
        if len(self._rest) < len(data):
            return True
        self._rest = b""
        self.dropped_writes += 1
        return False

    def _push(self, master: int, data: bytes) -> bool:
        """Write until done or out of patience; what is left becomes the rest."""
        left = memoryview(data)
        while left:
            sent = 0
            with contextlib.suppress(BlockingIOError):
                sent = os.write(master, left)
            left = left[sent:]
            self.written_bytes += sent
            if sent:
                self._stalled = False
            elif self._stalled or not self._writable(master):
                self._stalled = True
                break
        self._rest = bytes(left)
        return not left

    def _writable(self, master: int) -> bool:
        poll = select.poll()
        poll.register(master, select.POLLOUT)
        events = poll.poll(self._patience_s * 1000.0)
        return any(event & select.POLLOUT for _, event in events)

    @staticmethod
    def _hung_up(master: int) -> bool:
        poll = select.poll()
        poll.register(master, 0)
        return any(event & select.POLLHUP for _, event in poll.poll(0))

    def _point_link(self, device: str) -> None:
        self.link.parent.mkdir(parents=True, exist_ok=True)
        if self.link.is_symlink():
            self.link.unlink()
        elif self.link.exists():
            message = "something that is no link stands there; name another path"
            raise SimulatorError(message)
        self.link.symlink_to(device)


def _make_raw(slave: int) -> None:
    """Make the line carry bytes as they are, from the first on."""
    tty.setraw(slave, termios.TCSANOW)
