"""The parameter set of a station, read and checked before anything is weighed.

It makes no factor and mends no set: one that is another station's, or whose hash is not
that of its content, is refused.
"""

from edge.config import StationConfig
from edge.errors import ConfigError
from wim.calibration import NO_CALIBRATION, Calibration, parse_parameter_set
from wim.errors import TableError

__all__ = ["load_calibration"]


def load_calibration(config: StationConfig) -> Calibration:
    """Return the factors of a station's set; none without a set.

    Raises:
        ConfigError: the file cannot be read, is no whole set, or is of other strips;
            one line with the file, the key and what to do.
    """
    path, site = config.parameters, config.site
    if path is None or site is None:
        return NO_CALIBRATION
    key = f"{config.path}: key 'weighing.parameters'"
    try:
        found = parse_parameter_set(path.read_text(encoding="utf-8"), name=str(path))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        text = f"{key}: cannot read {path}: {reason}"
        raise ConfigError(text) from error
    except TableError as error:
        text = f"{key}: {error}"
        raise ConfigError(text) from error
    if found.station != site.station.id:
        text = (
            f"{key}: {path} is of station '{found.station}'; allowed: a set of "
            f"'{site.station.id}'"
        )
        raise ConfigError(text)
    known = {strip.channel for lane in site.lanes for strip in lane.strips}
    lanes = {lane.number for lane in site.lanes}
    for entry in found.calibration.strips:
        if entry.channel not in known:
            allowed = ", ".join(map(str, sorted(known)))
            text = f"{key}: {path} has channel {entry.channel}; allowed: {allowed}"
            raise ConfigError(text)
    for road in found.calibration.roads:
        if road.lane not in lanes:
            allowed = ", ".join(map(str, sorted(lanes)))
            text = f"{key}: {path} has a road of lane {road.lane}; allowed: {allowed}"
            raise ConfigError(text)
    return found.calibration
