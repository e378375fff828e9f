"""What a simulated station is: read once, checked whole, unknown keys refused.

It opens no file; paths in it are relative to the folder of the configuration.
"""

from pathlib import Path
from typing import Annotated, Literal

import msgspec

from simulators.errors import SimulatorError
from simulators.strips import SignalShape
from simulators.traffic import TrafficShape
from wim.errors import TableError
from wim.tables import parse_table

__all__ = ["CamerasConfig", "LinesConfig", "StationConfig", "parse_config"]


class LinesConfig(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True
):
    """Where the serial lines end: the names under which the edge finds them."""

    strip: str
    scale: str


class CamerasConfig(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True
):
    """Where the cameras are served; port 0 is any free one."""

    host: str = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 0
    frames_per_s: Annotated[float, msgspec.Meta(ge=4.0, le=30.0)] = 12.0
    idle_frames_per_s: Annotated[float, msgspec.Meta(ge=1.0, le=30.0)] = 2.0


class StationConfig(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True
):
    """One simulated station with a source enterprise before it."""

    site: str
    block_ms: Literal[10, 20, 40] = 20
    lines: LinesConfig
    cameras: CamerasConfig = CamerasConfig()
    signal: SignalShape = SignalShape()
    traffic: TrafficShape = TrafficShape()


def parse_config(text: str, *, path: Path) -> StationConfig:
    """Parse a configuration; its paths come back absolute.

    Raises:
        SimulatorError: in one line, the file, the key and what is allowed.
    """
    try:
        config = parse_table(text, StationConfig, name=str(path))
    except TableError as error:
        raise SimulatorError(str(error)) from error
    folder = path.parent
    return msgspec.structs.replace(
        config,
        site=str(folder / config.site),
        lines=LinesConfig(
            strip=str(folder / config.lines.strip),
            scale=str(folder / config.lines.scale),
        ),
    )
