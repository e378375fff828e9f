"""``luheng-wim calibrate``: reference trucks in, a sealed parameter set out.

Each run is a recording with the static masses of the trucks in it, in the format of a
recording's truth. The time and the person are arguments, so that the same files give
the same set to the bit. Where the tails of the pulses contradict a time constant of the
site file, that is told as a finding, with exit status 1: the set is then no better than
the file.
"""

import argparse
import collections
import datetime as dt
from pathlib import Path

import msgspec

from wim.accuracy.joining import Truth
from wim.axles import Axle
from wim.calibrating import (
    Calibrated,
    Observation,
    Rules,
    calibrate,
    observations_of,
)
from wim.calibration import Calibration, ClassFactor, ParameterSet, Source, sealed
from wim.cli.command import Command
from wim.cli.errors import WrongUseError, reason
from wim.cli.files import sha256_of
from wim.cli.json_lines import read_lines
from wim.cli.parameter_sets import write_parameter_set
from wim.cli.reference_runs import Drop, dropped_sentence, reference_runs
from wim.cli.tables import read_site
from wim.cli.weighing import weigh_recording
from wim.errors import CalibrationError
from wim.samples import Lane, Site
from wim.tails import Tail, tails

__all__ = ["CALIBRATE"]


class _Printed(msgspec.Struct, frozen=True, kw_only=True):
    """What ``calibrate --json`` prints; ``dropped`` counts runs by what was amiss."""

    parameters: ParameterSet
    found: Calibrated
    tails: tuple[Tail, ...]
    dropped: dict[Drop, int]


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--run",
        dest="runs",
        nargs=2,
        type=Path,
        action="append",
        required=True,
        metavar=("RECORDING.npz", "STATIC.jsonl"),
        help="runs and their static masses; may be given again",
    )
    parser.add_argument("--site", type=Path, required=True, metavar="SITE.toml")
    parser.add_argument("--id", required=True, help="of the set, as in site-a")
    parser.add_argument("--version", type=int, default=1, metavar="N")
    parser.add_argument(
        "--made-at", required=True, metavar="TIME", help="as in 2026-03-01T08:00+08:00"
    )
    parser.add_argument("--made-by", required=True, metavar="NAME")
    parser.add_argument(
        "--static-uncertainty",
        type=float,
        default=0.1,
        metavar="PERCENT",
        help="of the reference scale, k = 1 (0.1)",
    )
    parser.add_argument(
        "--no-road",
        action="store_true",
        help="learn no road: factors and a curve over speed alone",
    )
    parser.add_argument("--out", type=Path, metavar="SET.toml")
    parser.add_argument("--json", action="store_true", help="one object")


def _run(options: argparse.Namespace) -> int:
    if not 0.0 <= options.static_uncertainty <= 10.0:
        message = f"--static-uncertainty {options.static_uncertainty:g}: expected 0..10"
        raise WrongUseError(message)
    made_at = _instant(options.made_at)
    site = read_site(options.site)
    observations: list[Observation] = []
    trucks: dict[tuple[float, ...], int] = {}
    runs = weighed_trucks = 0
    dropped: collections.Counter[Drop] = collections.Counter()
    rules = Rules(learn_roads=not options.no_road)
    axles: list[Axle] = []
    for recording, static in options.runs:
        truths = read_lines(static, Truth, what="static masses")
        weighed = weigh_recording(recording, site=site, named=options.site)
        axles += [axle for passage in weighed.passages for axle in passage.axles]
        reference = reference_runs(weighed.passages, truths, site=site)
        weighed_trucks += len(truths)
        dropped.update(reference.dropped)
        for passage, truth in reference.runs:
            spacings_m, groups = passage.axle_spacings_m, passage.axle_groups
            if spacings_m is None or groups is None:  # never of what is valid
                continue
            seen = observations_of(
                passage.axles,
                truth.axle_loads_kg,
                axle_groups=groups,
                axle_spacings_m=spacings_m,
                lane=_lane(site, passage.lane),
                run=runs + 1,
                truck=trucks.setdefault(truth.axle_loads_kg, len(trucks)),
                temperature_c=weighed.temperature_c,
                vehicle_class=truth.vehicle_class,
            )
            if not seen:
                dropped["no_whole_row"] += 1
                continue
            runs += 1
            observations += seen
    try:
        found = calibrate(
            observations,
            static_uncertainty=options.static_uncertainty / 100.0,
            rules=rules,
        )
    except CalibrationError as error:
        message = f"--run: {error}"
        if weighed_trucks == 0:
            message += "; the static masses name no truck"
        elif dropped and runs < rules.least_runs:
            message += f"; {dropped_sentence(dropped, of=weighed_trucks)}"
        raise WrongUseError(message) from error
    parameters = _parameter_set(options, site, found, made_at)
    if options.out is not None:
        write_parameter_set(options.out, parameters)
    told = tails(axles)
    if options.json:
        printed = _Printed(
            parameters=parameters, found=found, tails=told, dropped=dict(dropped)
        )
        print(msgspec.json.encode(printed).decode())
    else:
        print(_told(parameters, found))
        if dropped:
            print(dropped_sentence(dropped, of=weighed_trucks))
        for tail in told:
            if tail.contradicts:
                print(_tail_sentence(tail))
    return 1 if any(tail.contradicts for tail in told) else 0


def _lane(site: Site, number: int) -> Lane:
    return next(lane for lane in site.lanes if lane.number == number)


def _instant(text: str) -> dt.datetime:
    try:
        instant = dt.datetime.fromisoformat(text)
    except ValueError as error:
        message = f"--made-at {text}: {error}; give it as in 2026-03-01T08:00+08:00"
        raise WrongUseError(message) from error
    if instant.tzinfo is None:
        message = f"--made-at {text}: needs a time zone, as in 2026-03-01T08:00+08:00"
        raise WrongUseError(message)
    return instant


def _parameter_set(
    options: argparse.Namespace, site: Site, found: Calibrated, made_at: dt.datetime
) -> ParameterSet:
    files = [path for run in options.runs for path in run] + [options.site]
    built = {
        "id": options.id,
        "version": options.version,
        "station": site.station.id,
        "made_at": made_at,
        "made_by": options.made_by,
        "basis": (
            f"{found.after.runs} runs of {found.trucks} reference trucks; gross mass "
            f"bias {found.before.bias:+.2f} % before, {found.after.bias:+.2f} % after"
        ),
        "calibration": found.calibration,
        "sources": tuple(Source(file=f.name, sha256=sha256_of(f)) for f in files),
    }
    try:
        return sealed(
            msgspec.convert(
                msgspec.to_builtins(built, builtin_types=(dt.datetime,)), ParameterSet
            )
        )
    except msgspec.ValidationError as error:
        message = f"the set cannot be made: {reason(error)}"
        raise WrongUseError(message) from error


def _told(parameters: ParameterSet, found: Calibrated) -> str:
    """Return a set as people read it; uncertainties expanded, k = 2."""
    calibration = found.calibration
    named = f"{parameters.id} version {parameters.version} for {parameters.station}"
    spread = f"{_sd(found.before.sd)} before, {_sd(found.after.sd)} after"
    lines = [
        f"{named}: {parameters.basis}",
        f"spread of the runs {spread}",
        "strip    factor     U (k = 2)",
    ]
    lines += [
        f"{each.channel:5d}  {each.factor:8.4f}  ± {200.0 * each.uncertainty:.2f} %"
        for each in calibration.strips
    ]
    curves = (("m/s", calibration.speed), ("°C", calibration.temperature))
    for unit, curve in curves:
        if curve is None:
            lines.append(f"no curve over {unit}: too little was driven")
            continue
        lines += [
            f"{at:6.1f} {unit}  {factor:8.4f}  ± {200.0 * u:.2f} %"
            for at, factor, u in zip(
                curve.at, curve.factor, curve.uncertainty, strict=True
            )
        ]
    lines += [
        f"{_named(each)}  {each.factor:.4f}  ± {200.0 * each.uncertainty:.2f} %"
        for each in calibration.vehicle_classes
    ]
    lines += [
        f"road of lane {road.lane} learned: "
        + ", ".join(
            f"{rest:.2f} of the usual swing left at {speed * 3.6:.0f} km/h"
            for speed, rest in zip(road.rest_speeds_mps, road.rest, strict=True)
        )
        for road in calibration.roads
    ]
    lines.append(_temperatures_told(calibration))
    lines.append(f"hash {parameters.hash}")
    return "\n".join(lines)


def _named(factor: ClassFactor) -> str:
    """Return whose factor it is, for people."""
    axles = "" if factor.axles is None else f", {factor.axles} axles"
    return factor.vehicle_class + axles


def _temperatures_told(calibration: Calibration) -> str:
    """Return which pavement temperatures a set stands for, for people."""
    if calibration.calibrated_c is None:
        return (
            "pavement temperature not known of every run: U counts a whole climate; "
            "record temperature_c and calibrate again"
        )
    from_c, to_c = calibration.calibrated_c
    return f"made for pavement of {from_c:.1f} to {to_c:.1f} °C; U grows beyond"


def _tail_sentence(tail: Tail) -> str:
    """Return what the tails of a strip say against the site file, for people."""
    stated = "none" if tail.stated_s is None else f"{tail.stated_s:g} s"
    seen_s = tail.time_constant_s
    seen = "none"
    if seen_s is not None:
        expanded_s = 2.0 * tail.rate_uncertainty_per_s * seen_s * seen_s
        seen = f"{seen_s:.2f} ± {expanded_s:.2f} s"
    return (
        f"TIME CONSTANT of channel {tail.channel}: the tails of {tail.pulses} pulses "
        f"say {seen}, the site file {stated}; mend the site file and calibrate again"
    )


def _sd(value: float | None) -> str:
    return "?" if value is None else f"{value:.2f} %"


CALIBRATE = Command(
    name="calibrate",
    summary="make a parameter set from runs of reference trucks",
    add_arguments=_add_arguments,
    run=_run,
)
