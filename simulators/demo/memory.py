"""How much memory the programs of the demo use, by the kernel's own account.

Proportional set size (PSS): a page that n processes share counts 1/n in each, so that
the sum over a program and its children is what the program really costs.
"""

import contextlib
import threading
from pathlib import Path

__all__ = ["MemoryWatch", "tree_mb"]

_NOT_COUNTED = {"postgres", "mosquitto"}


def tree_mb(pid: int) -> float:
    """Return the PSS of a process and its descendants in MB, servers left out."""
    children: dict[int, list[int]] = {}
    names: dict[int, str] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, ValueError):
                name, _, rest = (entry / "stat").read_text().rpartition(") ")
                children.setdefault(int(rest.split()[1]), []).append(int(entry.name))
                names[int(entry.name)] = name.partition(" (")[2]
    total_kb = 0
    waiting = [pid]
    while waiting:
        here = waiting.pop()
        if names.get(here) in _NOT_COUNTED:
            continue
        waiting += children.get(here, [])
        total_kb += _pss_kb(here)
    return total_kb / 1024


def _pss_kb(pid: int) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0


class MemoryWatch:
    """Samples some process trees now and then and keeps the peaks."""

    def __init__(self, pids: dict[str, int], *, every_s: float = 1.0) -> None:
        self.peak_mb = dict.fromkeys(pids, 0.0)
        self._pids = pids
        self._every_s = every_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(
            target=self._watch, name="memory-watch", daemon=True
        )
        self._thread.start()

    def stop(self) -> dict[str, float]:
        """End the watch; return the peak of each program in MB."""
        self._stopping.set()
        self._thread.join(5.0)
        return {name: round(peak, 1) for name, peak in self.peak_mb.items()}

    def _watch(self) -> None:
        while not self._stopping.wait(self._every_s):
            for name, pid in self._pids.items():
                self.peak_mb[name] = max(self.peak_mb[name], tree_mb(pid))
