"""The demo as a benchmark: latency, start-up and memory beside what they should be.

It states figures and judges none. The run has its baseline beside it: what one
``fsync`` costs on the same folder, of which every passage needs two one after the
other (outbox, database) before its row counts as committed.
"""

import json
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

from simulators.demo.run import ROADSIDE, Demo, Options
from simulators.errors import SimulatorError

__all__ = ["bench"]

_FSYNCS = 100


class Figure(NamedTuple):
    """One measured figure and its goal."""

    name: str
    measured: float | None
    goal: float
    unit: str


def bench(data_dir: Path, *, vehicles: int, seed: int, machine: bool) -> int:
    """Run the demo twice in real time, cold and warm; print the table.

    Args:
        data_dir: a folder that does not exist yet, so that the first start is cold.
        vehicles: how many cross in the second, measured run.
        seed: of the traffic.
        machine: print one JSON object instead of a table.
    """
    fsync_s = _fsync_median_s(data_dir.parent)
    cold = _demo(data_dir, vehicles=2, seed=seed)
    warm = _demo(data_dir, vehicles=vehicles, seed=seed + 1)
    row, page = warm.summary["axle_to_row_s"], warm.summary["axle_to_page_s"]
    figures = [
        Figure("last axle to committed row, median", row["p50"], 0.3, "s"),
        Figure("last axle to committed row, p95", row["p95"], 0.3, "s"),
        Figure("last axle to signed-in client, median", page["p50"], 1.0, "s"),
        Figure("last axle to signed-in client, p95", page["p95"], 1.0, "s"),
        Figure("edge ready, cold cache", cold.ready_s[ROADSIDE], 60.0, "s"),
        Figure("edge ready, warm cache", warm.ready_s[ROADSIDE], 5.0, "s"),
        Figure("edge memory, peak", warm.peak_mb[ROADSIDE], 400.0, "MB"),
        Figure("server memory, peak", warm.peak_mb["server"], 400.0, "MB"),
    ]
    failures = cold.summary["failures"] + warm.summary["failures"]
    said: dict[str, Any] = {
        "vehicles": warm.summary["vehicles"],
        "fsync_median_s": round(fsync_s, 5),
        "figures": [figure._asdict() for figure in figures],
        "failures": failures,
    }
    sys.stdout.write(json.dumps(said) + "\n" if machine else _table(said, figures))
    return 1 if failures else 0


def _demo(data_dir: Path, *, vehicles: int, seed: int) -> Demo:
    options = Options(
        data_dir, vehicles=vehicles, speed=1.0, seed=seed, leave=True, machine=False
    )
    demo = Demo(options)
    demo.run()
    return demo


def _fsync_median_s(folder: Path) -> float:
    """Return what one small append and fsync costs on this disk."""
    path = folder / f".fsync-{os.getpid()}"
    costs = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("wb", buffering=0) as file:
            for _ in range(_FSYNCS):
                file.write(b"x" * 4096)
                began = time.perf_counter()
                os.fsync(file.fileno())
                costs.append(time.perf_counter() - began)
        path.unlink()
    except OSError as error:
        message = f"--data-dir below {folder}: {error.strerror}; name another folder"
        raise SimulatorError(message) from error
    return statistics.median(costs)


def _table(said: dict[str, Any], figures: list[Figure]) -> str:
    lines = [
        "",
        (
            f"{said['vehicles']} vehicles in real time; one fsync here costs "
            f"{said['fsync_median_s'] * 1000:.2f} ms (median)"
        ),
        f"{'figure':<40}{'measured':>10}{'goal':>8}",
    ]
    for name, measured, goal, unit in figures:
        shown = "unknown" if measured is None else f"{measured:.3f}"
        lines.append(f"{name:<40}{shown:>10}{goal:>8g} {unit}")
    lines += [f"FAILED: {failure}" for failure in said["failures"]]
    return "\n".join(lines) + "\n"
