"""The control charts of a station's lanes, kept over restarts of the daemon.

A chart needs a thousand vehicles to learn what is usual. It judges nothing: the weigher
does. A file that cannot be read is no reason not to weigh; then the charts begin anew.
"""

import os
from pathlib import Path

import msgspec
import structlog

from wim.drift import DriftState

__all__ = ["LaneCharts"]

_EVERY = 20


class LaneCharts:
    """One file with the charts of all lanes."""

    def __init__(self, path: Path, *, parameter_hash: str) -> None:
        self._path = path
        self._of = parameter_hash
        self._log = structlog.get_logger("edge.lane_charts")
        self._kept: tuple[DriftState, ...] = ()
        self._noted = 0

    def read(self) -> tuple[DriftState, ...]:
        """Return the charts as they were kept, none where the method was another's."""
        try:
            kept = msgspec.json.decode(self._path.read_bytes(), type=_Kept)
        except FileNotFoundError:
            return ()
        except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
            self._log.warning("charts_begin_anew", reason=str(error))
            return ()
        if kept.parameter_hash != self._of:
            self._log.info("charts_begin_anew", reason="other parameters")
            return ()
        self._kept = kept.charts
        return kept.charts

    def note(self, charts: tuple[DriftState, ...]) -> None:
        """Take the charts after a passage; every so often they are written."""
        self._noted += 1
        if self._noted % _EVERY == 0:
            self.write(charts)

    def write(self, charts: tuple[DriftState, ...]) -> None:
        """Write the charts if they have changed; a full disk is said, no more."""
        if charts == self._kept:
            return
        content = msgspec.json.encode(_Kept(self._of, charts))
        part = self._path.with_suffix(".part")
        try:
            with part.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            part.replace(self._path)
        except OSError as error:
            self._log.warning("charts_not_kept", reason=str(error))
            return
        self._kept = charts


class _Kept(msgspec.Struct, frozen=True):
    parameter_hash: str
    charts: tuple[DriftState, ...]
