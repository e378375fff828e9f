"""What a station's lanes have learned of themselves, kept over restarts of the daemon.

A chart needs a thousand vehicles to learn what is usual, the usual scatter of a lane's
rows some tens. It judges nothing: the weigher does. A file that cannot be read is no
reason not to weigh; then charts and scatters begin anew.
"""

import os
from pathlib import Path
from typing import Annotated, NamedTuple

import msgspec
import structlog

from wim.drift import DriftState
from wim.scatter import USUAL_SCATTERS

__all__ = ["NOTHING_LEARNED", "LaneCharts", "Learned"]

_EVERY = 20
_LEAST, _MOST = USUAL_SCATTERS


class Learned(NamedTuple):
    """The control charts of the lanes, and how far their rows usually are apart.

    ``usual_scatters`` has one a lane, in the site's order, or none.
    """

    drift: tuple[DriftState, ...] = ()
    usual_scatters: tuple[float, ...] = ()


NOTHING_LEARNED = Learned()


class LaneCharts:
    """One file with what all lanes have learned.

    Args:
        path: the file.
        parameter_hash: of the method that learns.
        lanes: how many the site has.
    """

    def __init__(self, path: Path, *, parameter_hash: str, lanes: int) -> None:
        self._path = path
        self._of = parameter_hash
        self._lanes = lanes
        self._log = structlog.get_logger("edge.lane_charts")
        self._kept = NOTHING_LEARNED
        self._noted = 0

    def read(self) -> Learned:
        """Return what was kept; nothing where the method was another's."""
        try:
            kept = msgspec.json.decode(self._path.read_bytes(), type=_Kept)
        except FileNotFoundError:
            return NOTHING_LEARNED
        except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
            self._log.warning("charts_begin_anew", reason=str(error))
            return NOTHING_LEARNED
        if kept.parameter_hash != self._of:
            self._log.info("charts_begin_anew", reason="other parameters")
            return NOTHING_LEARNED
        if kept.usual_scatters and len(kept.usual_scatters) != self._lanes:
            reason = f"{len(kept.usual_scatters)} scatters of {self._lanes} lanes"
            self._log.warning("charts_begin_anew", reason=reason)
            return NOTHING_LEARNED
        self._kept = Learned(kept.charts, kept.usual_scatters)
        return self._kept

    def note(self, learned: Learned) -> None:
        """Take what the lanes know after a passage; every so often it is written."""
        self._noted += 1
        if self._noted % _EVERY == 0:
            self.write(learned)

    def write(self, learned: Learned) -> None:
        """Write it if it has changed; a full disk is said, no more."""
        if learned == self._kept:
            return
        content = msgspec.json.encode(_Kept(self._of, *learned))
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
        self._kept = learned


class _Kept(msgspec.Struct, frozen=True):
    parameter_hash: str
    charts: tuple[DriftState, ...]
    usual_scatters: tuple[Annotated[float, msgspec.Meta(ge=_LEAST, le=_MOST)], ...] = ()
