"""The state of a station's control charts as a file, and its alarms as sentences."""

from pathlib import Path

import msgspec

from wim.cli.errors import WrongUseError
from wim.cli.json_lines import read_json
from wim.drift import Alarm, DriftRules, DriftState
from wim.passage import Parameters

__all__ = ["DriftStates", "alarm_sentence", "read_charts", "read_drift_states"]


class DriftStates(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True
):
    """All lanes, with the figures that their charts were made with."""

    rules: DriftRules = DriftRules()
    lanes: tuple[DriftState, ...] = ()


def read_drift_states(path: Path) -> DriftStates:
    """Return the state that ``luheng-wim drift --to-state`` wrote.

    Raises:
        WrongUseError: the file cannot be read or is no such state.
    """
    return read_json(path, DriftStates, what="a state of the charts")


def read_charts(path: Path | None) -> tuple[DriftState, ...] | None:
    """Return the charts of ``--drift``, None where it was not given.

    Raises:
        WrongUseError: the file cannot be read, is no such state, or was made with
            other figures than this version's.
    """
    if path is None:
        return None
    states = read_drift_states(path)
    if states.rules != Parameters().drift:
        message = (
            f"--drift {path}: key 'rules': not those of this version; make the state "
            f"with luheng-wim drift, without --learn"
        )
        raise WrongUseError(message)
    return states.lanes


def alarm_sentence(alarm: Alarm) -> str:
    """Return an alarm as one line for people."""
    return (
        f"DRIFTING: lane {alarm.lane}, {alarm.chart}: {100.0 * alarm.shift:+.2f} % "
        f"since {alarm.since_s:.0f} s, over {alarm.passages} readings; its records "
        f"are no evidence until it is calibrated"
    )
