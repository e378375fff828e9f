"""Weigh a whole recording: what ``process``, ``calibrate`` and ``replay`` share."""

import itertools
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from wim.calibration import NO_CALIBRATION, Calibration
from wim.cli.compiling import compile_kernels
from wim.cli.errors import WrongUseError
from wim.cli.progress import Progress
from wim.cli.recording import Recording
from wim.clips import Block
from wim.drift import Alarm, DriftState
from wim.passage import Passage, Weigher
from wim.samples import Site

__all__ = ["Weighed", "weigh_recording"]


class Weighed(msgspec.Struct, frozen=True, kw_only=True):
    """All passages of one recording, in the order of their first axles.

    The counters are those of :class:`wim.passage.Weigher`: what became no passage.
    """

    passages: tuple[Passage, ...]
    stray_pulses: int
    unweighed_vehicles: int
    offsets_renewed: int
    temperature_c: float | None
    start_time_s: float | None
    drift_alarms: tuple[Alarm, ...]


def weigh_recording(
    path: Path,
    *,
    site: Site,
    named: Path,
    calibration: Calibration = NO_CALIBRATION,
    drift: Sequence[DriftState] | None = None,
) -> Weighed:
    """Weigh what a recording holds; a sealed clip as its station did.

    Args:
        path: the recording.
        site: where it was made.
        named: the file of the site.
        calibration: of the station.
        drift: the control charts of its lanes before the recording, None where the
            recording's own are to be taken, or none.

    Raises:
        WrongUseError: the recording cannot be used with this site, or carries charts
            while others were given.
    """
    found: list[Passage] = []
    with Recording(path) as recording:
        recording.check_channels(site, named=named)
        if recording.drift and drift is not None:
            message = (
                f"{path}: carries the control charts of its own lanes; leave --drift "
                f"away"
            )
            raise WrongUseError(message)
        compile_kernels(lambda why: print(f"luheng-wim: {why}", file=sys.stderr))
        weigher = Weigher(
            site,
            sample_rate_hz=recording.sample_rate_hz,
            calibration=calibration,
            temperature_c=recording.temperature_c,
            joins=bool(recording.cuts),
            runs=recording.runs,
            drift=recording.drift or drift or (),
            usual_scatters=recording.usual_scatters,
            start_time_s=recording.start_time_s,
        )
        uncut = itertools.repeat(Block(0, 0, 0))
        cuts = zip(recording.blocks(), recording.cuts or uncut, strict=False)
        with Progress("weighing", total=recording.samples) as progress:
            for counts, cut in cuts:
                events = weigher.lose(cut.lost_before)
                events += weigher.receive(counts, cut.inputs)
                found += [event for event in events if isinstance(event, Passage)]
                progress.to(weigher.samples)
        found += [event for event in weigher.flush() if isinstance(event, Passage)]
        found.sort(key=lambda passage: (passage.first_axle_s, passage.lane))
        return Weighed(
            passages=tuple(found),
            stray_pulses=weigher.stray_pulses,
            unweighed_vehicles=weigher.unweighed_vehicles,
            offsets_renewed=weigher.offsets_renewed,
            temperature_c=recording.temperature_c,
            start_time_s=recording.start_time_s,
            drift_alarms=weigher.drift_alarms,
        )
