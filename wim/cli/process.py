"""``luheng-wim process``: weigh what a recording holds.

Passages are printed when the whole recording has been read, so that nothing is said of
one whose last block turns out to be spoiled. What became no passage is counted in one
line on standard error.
"""

import argparse
import math
import sys
from pathlib import Path

import msgspec

from wim import __version__
from wim.calibration import Calibration, calibrated
from wim.cli.command import Command
from wim.cli.drift_states import alarm_sentence, read_charts
from wim.cli.errors import WrongUseError
from wim.cli.files import sha256_of
from wim.cli.lines import Estimate, Seal, line_of, sentence_of
from wim.cli.parameter_sets import read_calibration
from wim.cli.tables import read_site
from wim.cli.weighing import Weighed, weigh_recording
from wim.estimators import every_estimate
from wim.loads import Known
from wim.passage import Parameters, Passage, parameter_hash
from wim.samples import Lane, Site

__all__ = ["PROCESS"]


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recording", type=Path, metavar="RECORDING.npz")
    parser.add_argument("--site", type=Path, required=True, metavar="SITE.toml")
    parser.add_argument(
        "--parameters",
        type=Path,
        metavar="SET.toml",
        help="parameter set of luheng-wim calibrate",
    )
    parser.add_argument(
        "--drift",
        type=Path,
        metavar="STATE.json",
        help="control charts of luheng-wim drift; a lane in alarm makes no evidence",
    )
    parser.add_argument(
        "--estimators",
        action="store_true",
        help="with --json: what every estimator makes of each passage",
    )
    parser.add_argument(
        "--seal",
        action="store_true",
        help="with --json: hashes by which each passage can be replayed",
    )
    parser.add_argument("--json", action="store_true", help="one object a passage")


def _run(options: argparse.Namespace) -> int:
    for name in ("estimators", "seal"):
        if getattr(options, name) and not options.json:
            message = f"--{name}: a sentence does not hold it; add --json"
            raise WrongUseError(message)
    site = read_site(options.site)
    calibration = read_calibration(options.parameters, site=site)
    weighed = weigh_recording(
        options.recording,
        site=site,
        named=options.site,
        calibration=calibration,
        drift=read_charts(options.drift),
    )
    if options.json:
        _print_lines(options, weighed, site=site, calibration=calibration)
    else:
        _print_sentences(weighed)
    beside = _beside_the_passages(weighed)
    if beside is not None:
        sys.stdout.flush()
        print(f"luheng-wim: {options.recording}: {beside}", file=sys.stderr)
    return 0


def _print_sentences(weighed: Weighed) -> None:
    for passage in weighed.passages:
        print(sentence_of(passage))
    for alarm in weighed.drift_alarms:
        print(alarm_sentence(alarm))
    print(f"{len(weighed.passages)} passages, {weighed.stray_pulses} stray pulses")


def _print_lines(
    options: argparse.Namespace,
    weighed: Weighed,
    *,
    site: Site,
    calibration: Calibration,
) -> None:
    seal = None
    if options.seal:
        seal = Seal(
            wim_version=__version__,
            samples_sha256=sha256_of(options.recording),
            parameter_hash=parameter_hash(site, Parameters(), calibration),
            drift_sha256=None if options.drift is None else sha256_of(options.drift),
        )
    lanes = {lane.number: lane for lane in calibrated(site, calibration).lanes}
    for passage in weighed.passages:
        line = line_of(
            passage,
            start_time_s=weighed.start_time_s,
            seal=seal,
            estimators=_estimates(
                passage,
                lanes[passage.lane],
                calibration,
                temperature_c=weighed.temperature_c,
            )
            if options.estimators
            else None,
        )
        sys.stdout.buffer.write(msgspec.json.encode(line) + b"\n")


def _beside_the_passages(weighed: Weighed) -> str | None:
    """Return what was seen and became no passage, None where there was no such thing.

    It is no finding, but it may be one of the road's: vehicles that leave no record,
    pulses of nobody, a channel that jumped.
    """
    counted = (
        (weighed.unweighed_vehicles, "unweighed_vehicles (on too few rows)"),
        (weighed.stray_pulses, "stray_pulses (of no axle)"),
        (weighed.offsets_renewed, "offsets_renewed (a channel jumped)"),
    )
    told = [f"{count} {name}" for count, name in counted if count > 0]
    return ", ".join(told) or None


def _estimates(
    passage: Passage,
    lane: Lane,
    calibration: Calibration,
    *,
    temperature_c: float | None,
) -> dict[str, Estimate] | None:
    """Return what every estimator makes of a passage.

    None where it does not show how its axles stand: they share what the groups carry.
    """
    if passage.axle_spacings_m is None or passage.axle_groups is None:
        return None
    found = every_estimate(
        passage.axles,
        lane=lane,
        spacings_m=passage.axle_spacings_m,
        groups=passage.axle_groups,
        reverse=passage.direction == "reverse",
        acceleration_mps2=passage.acceleration_mps2,
        known=Known(
            calibration=calibration,
            temperature_c=temperature_c,
            vehicle_class=passage.vehicle_class,
        ),
        estimation=Parameters().estimation,
    )
    return {
        name: Estimate(gross_mass_kg=math.fsum(loads), axle_loads_kg=loads)
        for name, loads in found.items()
    }


PROCESS = Command(
    name="process",
    summary="weigh what a recording holds",
    add_arguments=_add_arguments,
    run=_run,
)
