"""Parameter sets as files: read, checked against the site, and written."""

import datetime as dt
from pathlib import Path

import msgspec
import tomli_w

from wim.calibration import (
    NO_CALIBRATION,
    Calibration,
    ParameterSet,
    parse_parameter_set as parse,
)
from wim.cli.errors import WrongUseError, reason
from wim.cli.tables import read_text
from wim.samples import Site

__all__ = ["read_calibration", "read_parameter_set", "write_parameter_set"]


def read_parameter_set(path: Path, *, site: Site) -> ParameterSet:
    """Return a parameter set of a site.

    Raises:
        WrongUseError: the file cannot be read, or the set is another station's.
        TableError: it is no set, or was edited; the line names file and key.
    """
    found = parse(read_text(path, what="a parameter set"), name=str(path))
    if found.station != site.station.id:
        message = (
            f"{path}: key 'station': {found.station}, but the site is "
            f"{site.station.id}; give the set of this station"
        )
        raise WrongUseError(message)
    known = {strip.channel for lane in site.lanes for strip in lane.strips}
    for entry in found.calibration.strips:
        if entry.channel not in known:
            message = (
                f"{path}: key 'calibration.strips': channel {entry.channel} is none "
                f"of the site's ({', '.join(map(str, sorted(known)))})"
            )
            raise WrongUseError(message)
    return found


def read_calibration(path: Path | None, *, site: Site) -> Calibration:
    """Return the factors of a set; those of the site file alone without one."""
    if path is None:
        return NO_CALIBRATION
    return read_parameter_set(path, site=site).calibration


def write_parameter_set(path: Path, parameters: ParameterSet) -> None:
    """Write a set, and refuse to replace a file: a version is never changed.

    Raises:
        WrongUseError: the file is there already or cannot be written.
    """
    built = msgspec.to_builtins(parameters, builtin_types=(dt.datetime,))
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(tomli_w.dumps(_present(built)))
    except FileExistsError as error:
        message = f"--out {path}: is there already; a version is never changed"
        raise WrongUseError(message) from error
    except OSError as error:
        message = f"--out {path}: cannot be written: {reason(error)}"
        raise WrongUseError(message) from error


def _present(table: dict[str, object]) -> dict[str, object]:
    """Leave out what is not known, for which TOML has no word."""
    found: dict[str, object] = {}
    for key, value in table.items():
        if isinstance(value, dict):
            found[key] = _present(value)
        elif isinstance(value, list | tuple):
            found[key] = [_present(v) if isinstance(v, dict) else v for v in value]
        elif value is not None:
            found[key] = value
    return found
