"""``luheng-wim replay``: sealed samples and parameters give the same bits, or not.

A record says what it came from: the hash of its samples, that of everything else that
decides a mass, and that of the control charts with which ``process --drift`` began.
They are checked before anything is weighed; then the samples are weighed again and
every figure is held against the record, bit by bit. The exit status is 1 when anything
differs.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import msgspec

from wim import __version__
from wim.cli.command import Command
from wim.cli.drift_states import read_charts
from wim.cli.errors import WrongUseError
from wim.cli.files import sha256_of
from wim.cli.json_lines import read_lines
from wim.cli.lines import PassageLine, Seal, line_of, sentence_of
from wim.cli.parameter_sets import read_calibration
from wim.cli.tables import read_site
from wim.cli.weighing import Weighed, weigh_recording
from wim.messages import PassageMessage
from wim.passage import Parameters, Passage, parameter_hash

__all__ = ["REPLAY"]

_FIGURES = (
    "lane",
    "direction",
    "speed_mps",
    "acceleration_mps2",
    "axle_loads_kg",
    "axle_load_uncertainties_kg",
    "axle_spacings_m",
    "gross_mass_kg",
    "gross_mass_uncertainty_kg",
    "axle_groups",
    "axle_configuration",
    "flags",
    "valid",
    "samples_lost",
)
"""What lines and messages have in common, all of it decided by samples and set."""
_FIGURES_IF_TOLD = ("gross_mass_standard_uncertainties_kg",)
"""The same of figures that a record need not have."""
_TOLERANCE_S = 1e-3


class _Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One figure that is not the recorded one."""

    figure: str
    recorded: object
    replayed: object


class _Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """What ``replay --json`` prints of one record."""

    started_at_s: float | None
    same: bool
    differences: tuple[_Difference, ...]
    passage: PassageLine | None


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recording", type=Path, metavar="SAMPLES.npz")
    parser.add_argument("--site", type=Path, required=True, metavar="SITE.toml")
    parser.add_argument("--parameters", type=Path, metavar="SET.toml")
    parser.add_argument(
        "--record",
        type=Path,
        required=True,
        metavar="RECORD.jsonl",
        help="lines of process --json --seal, or a passage message",
    )
    parser.add_argument(
        "--drift",
        type=Path,
        metavar="STATE.json",
        help="control charts that the records were made with by process --drift",
    )
    parser.add_argument("--json", action="store_true", help="one object a record")


def _run(options: argparse.Namespace) -> int:
    site = read_site(options.site)
    calibration = read_calibration(options.parameters, site=site)
    records = _read_records(options.record)
    _check_charts(records, named=options.record, given=options.drift)
    seal = Seal(
        wim_version=__version__,
        samples_sha256=sha256_of(options.recording),
        parameter_hash=parameter_hash(site, Parameters(), calibration),
        drift_sha256=None if options.drift is None else sha256_of(options.drift),
    )
    broken = [
        difference
        for number, record in enumerate(records, start=1)
        for difference in _seal_differences(
            record, seal, where=f"{options.record}: record {number}"
        )
    ]
    if broken:
        for difference in dict.fromkeys(map(_told_difference, broken)):
            print(f"NOT what the record was made from: {difference}")
        return 1
    weighed = weigh_recording(
        options.recording,
        site=site,
        named=options.site,
        calibration=calibration,
        drift=read_charts(options.drift),
    )
    replayed = [_held_against(record, weighed, seal) for record in records]
    for each in replayed:
        if options.json:
            print(msgspec.json.encode(each).decode())
        else:
            print(_told(each, weighed))
    same = sum(each.same for each in replayed)
    if not options.json:
        print(f"{same} of {len(replayed)} records are the same to the bit")
    return 0 if same == len(replayed) else 1


def _read_records(path: Path) -> list[PassageLine | PassageMessage]:
    """Return the records of a file; a message is known by its ``schema``."""
    found: list[PassageLine | PassageMessage] = []
    as_any = read_lines(path, dict[str, object], what="records")
    kind = PassageMessage if any("schema" in each for each in as_any) else PassageLine
    found += read_lines(path, kind, what="records")
    if not found:
        message = f"{path}: holds no record; expected one JSON object a line"
        raise WrongUseError(message)
    return found


def _check_charts(
    records: Sequence[PassageLine | PassageMessage], *, named: Path, given: Path | None
) -> None:
    """Refuse charts that no record was made with, and to go without those of one.

    The clip of a message carries its own; an older seal does not say, and either goes.

    Raises:
        WrongUseError: the state is missing, or one too many.
    """
    for number, record in enumerate(records, start=1):
        if isinstance(record, PassageMessage):
            said: str | msgspec.UnsetType | None = None
        else:
            said = _seal_of(record, where=f"{named}: record {number}").drift_sha256
        if given is None and isinstance(said, str):
            message = (
                f"{named}: made with the control charts of SHA-256 {said}; give that "
                f"state as --drift STATE.json"
            )
            raise WrongUseError(message)
        if given is not None and said is None:
            message = (
                f"--drift {given}: the records of {named} were made without such a "
                f"state; leave --drift away"
            )
            raise WrongUseError(message)


def _seal_of(record: PassageLine, *, where: str) -> Seal:
    if record.seal is None:
        message = f"{where} carries no seal; make it with process --json --seal"
        raise WrongUseError(message)
    return record.seal


def _seal_differences(
    record: PassageLine | PassageMessage, seal: Seal, *, where: str
) -> list[_Difference]:
    """Hold what a record says that it came from against what is at hand.

    Raises:
        WrongUseError: it does not say; ``where`` is told.
    """
    if isinstance(record, PassageMessage):
        samples = [e.sha256 for e in record.evidence if e.kind == "samples"]
        said: dict[str, str | msgspec.UnsetType | None] = {
            "samples_sha256": samples[0] if samples else None,
            "parameter_hash": record.parameter_hash,
            "wim_version": record.wim_version,
        }
    else:
        said = msgspec.structs.asdict(_seal_of(record, where=where))
    ours = msgspec.structs.asdict(seal)
    return [
        _Difference(figure=name, recorded=said[name], replayed=ours[name])
        for name in ("samples_sha256", "parameter_hash", "drift_sha256", "wim_version")
        if said.get(name) not in (None, msgspec.UNSET) and said[name] != ours[name]
    ]


def _held_against(
    record: PassageLine | PassageMessage, weighed: Weighed, seal: Seal
) -> _Replayed:
    passage = _found(record, weighed)
    started_at_s = record.started_at_s if isinstance(record, PassageLine) else None
    if passage is None:
        gone = _Difference(
            figure="passage", recorded=record.gross_mass_kg, replayed=None
        )
        return _Replayed(
            started_at_s=started_at_s, same=False, differences=(gone,), passage=None
        )
    line = line_of(passage, start_time_s=weighed.start_time_s, seal=seal)
    figures: tuple[str, ...] = _FIGURES
    figures += tuple(
        name for name in _FIGURES_IF_TOLD if getattr(record, name) is not None
    )
    if isinstance(record, PassageLine):
        figures = ("started_at_s", *figures)
    differences = tuple(
        _Difference(
            figure=name, recorded=getattr(record, name), replayed=getattr(line, name)
        )
        for name in figures
        if _bits(getattr(record, name)) != _bits(getattr(line, name))
    )
    return _Replayed(
        started_at_s=line.started_at_s,
        same=not differences,
        differences=differences,
        passage=line,
    )


def _found(record: PassageLine | PassageMessage, weighed: Weighed) -> Passage | None:
    """Return the passage of a record: by its time, or by its figures without one."""
    own = [each for each in weighed.passages if each.lane == record.lane]
    if isinstance(record, PassageLine):
        near = [
            each
            for each in own
            if abs(each.first_axle_s - record.started_at_s) <= _TOLERANCE_S
        ]
        return near[0] if near else None
    if not own:
        return None
    return min(own, key=lambda each: abs(each.gross_mass_kg - record.gross_mass_kg))


def _bits(value: object) -> bytes:
    """Return a value's JSON, which spells every float so that it comes back."""
    return msgspec.json.encode(value, order="deterministic")


def _told(each: _Replayed, weighed: Weighed) -> str:
    if each.passage is None:
        return "NOT in the samples: no passage at the recorded time"
    passage = next(
        p for p in weighed.passages if p.first_axle_s == each.passage.started_at_s
    )
    lines = [sentence_of(passage)]
    lines += [f"  DIFFERS: {_told_difference(d)}" for d in each.differences]
    lines += [] if each.differences else ["  the same to the bit"]
    return "\n".join(lines)


def _told_difference(difference: _Difference) -> str:
    recorded, replayed = (
        msgspec.json.encode(value).decode()
        for value in (difference.recorded, difference.replayed)
    )
    return f"{difference.figure}: recorded {recorded}, replayed {replayed}"


REPLAY = Command(
    name="replay",
    summary="weigh sealed samples again and compare every bit",
    add_arguments=_add_arguments,
    run=_run,
)
