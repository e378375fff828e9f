"""What the demo tells the person who started it, one line a thing.

People read standard output; with ``--json`` they read standard error, and standard
output carries the summary alone.
"""

import datetime as dt
import json
import os
import sys
from typing import Any, TextIO

from simulators.errors import SimulatorError

__all__ = ["Show"]

_BEIJING = dt.timezone(dt.timedelta(hours=8))


class Show:
    """The demo's voice."""

    def __init__(self, *, machine: bool) -> None:
        self._machine = machine

    def line(self, text: str) -> None:
        """Say one line to people.

        Raises:
            SimulatorError: nobody can read it any more.
        """
        _write(sys.stderr if self._machine else sys.stdout, text)

    def overloaded(self, passage: dict[str, Any], page: str) -> None:
        """Say one line about an overloaded passage."""
        passed = dt.datetime.fromisoformat(passage["passed_at"]).astimezone(_BEIJING)
        mark = "百吨王 " if passage["hundred_tonne"] else ""
        record = passage["record_id"]
        where = f"{page}records/{record}" if record else "not valid, no record"
        self.line(
            f"{passed:%H:%M:%S}  lane {passage['lane']}  "
            f"{passage['plate'] or '未识别 unread':<9}  "
            f"{passage['axle_configuration'] or 'unknown':<7}  "
            f"{passage['gross_mass_kg'] / 1000:6.2f} t  "
            f"+{passage['overload_ratio']:.0%}  {mark}{where}"
        )

    def summary(self, summary: dict[str, Any]) -> None:
        """Say how it went."""
        if self._machine:
            _write(sys.stdout, json.dumps(summary))
            return
        row, shown = summary["axle_to_row_s"], summary["axle_to_page_s"]
        self.line(
            f"{summary['vehicles']} vehicles, {summary['passages']} passages, "
            f"{summary['overloaded']} overloaded ({summary['hundred_tonne']} of 100 t "
            f"and more), {summary['records']} records, {summary['cases']} cases"
        )
        if row["p50"] is not None and shown["p50"] is not None:
            self.line(
                f"last axle to committed row: median {row['p50']:.3f} s, "
                f"p95 {row['p95']:.3f} s; to the page: median {shown['p50']:.3f} s, "
                f"p95 {shown['p95']:.3f} s"
            )
        for failure in summary["failures"]:
            self.line(f"FAILED: {failure}")


def _write(stream: TextIO, text: str) -> None:
    try:
        stream.write(text + "\n")
        stream.flush()
    except OSError as error:
        # what is left in the buffer goes nowhere, or Python would complain at its end
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
        message = f"the output cannot be written: {error.strerror}"
        raise SimulatorError(message) from error
