"""``luheng-wim``: recordings in, passages out; alone in ``wim`` in opening files.

It prints for people, with ``--json`` one object a line for machines. Exit status 0 is
all well, 2 is wrong use with one line that says what to do.
"""

import argparse
import sys
import time
import zipfile
import zlib
from pathlib import Path
from typing import Any, Literal, NoReturn

import msgspec
import numpy as np
import numpy.typing as npt

from wim import bench
from wim.errors import WimError
from wim.passage import Passage, Weigher
from wim.samples import Site, parse_site
from wim.validity import Flag

__all__ = ["PassageLine", "main"]

_BLOCK = 4096
_UNREADABLE = (
    OSError,
    EOFError,
    ValueError,
    NotImplementedError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What ``numpy.load`` raises on a file that is no whole archive of plain arrays."""


class PassageLine(msgspec.Struct, frozen=True, kw_only=True):
    """What ``process --json`` prints of one passage; ``null`` is not known."""

    lane: int
    started_at_s: float
    direction: Literal["forward", "reverse"]
    speed_mps: float
    acceleration_mps2: float | None
    axle_loads_kg: tuple[float, ...]
    axle_load_uncertainties_kg: tuple[float, ...] | None
    axle_spacings_m: tuple[float, ...]
    gross_mass_kg: float
    gross_mass_uncertainty_kg: float | None
    axle_groups: tuple[tuple[int, ...], ...]
    axle_configuration: str
    flags: tuple[Flag, ...]
    valid: bool


class _Recording(msgspec.Struct, frozen=True, kw_only=True):
    counts: npt.NDArray[np.int32]
    sample_rate_hz: float


class _WrongUseError(WimError):
    """The caller named something that cannot be used; the text says what to do."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit status."""
    options = _parser().parse_args(arguments)
    try:
        if options.command == "process":
            return _process(options)
        return _bench(options)
    except WimError as error:
        print(f"luheng-wim: {error}", file=sys.stderr)
        return 2


class _Parser(argparse.ArgumentParser):
    """A parser whose complaint is one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="luheng-wim", description="Weigh vehicles in motion from strip samples."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    process = commands.add_parser("process", help="weigh what a recording holds")
    process.add_argument("recording", type=Path, metavar="RECORDING.npz")
    process.add_argument("--site", type=Path, required=True, metavar="SITE.toml")
    process.add_argument("--json", action="store_true", help="one object a passage")
    speed = commands.add_parser(
        "bench", help="measure the chain against the same loop in NumPy"
    )
    speed.add_argument("--site", type=Path, required=True, metavar="SITE.toml")
    speed.add_argument("--seconds", type=float, default=30.0, help="of signal")
    speed.add_argument("--json", action="store_true", help="one object")
    return parser


def _process(options: argparse.Namespace) -> int:
    site = _read_site(options.site)
    recording = _read_recording(options.recording, site=site, named=options.site)
    weigher = Weigher(site, sample_rate_hz=recording.sample_rate_hz)
    found: list[Passage] = []
    for at in range(0, len(recording.counts), _BLOCK):
        events = weigher.receive(recording.counts[at : at + _BLOCK])
        found += [event for event in events if isinstance(event, Passage)]
    found += [event for event in weigher.flush() if isinstance(event, Passage)]
    found.sort(key=lambda passage: (passage.first_axle_s, passage.lane))
    for passage in found:
        if options.json:
            sys.stdout.buffer.write(msgspec.json.encode(_line(passage)) + b"\n")
        else:
            print(_sentence(passage))
    sys.stdout.flush()
    if not options.json:
        print(f"{len(found)} passages, {weigher.stray_pulses} stray pulses")
    return 0


def _bench(options: argparse.Namespace) -> int:
    if not 5.0 <= options.seconds <= 600.0:
        message = f"--seconds {options.seconds:g}: expected 5 to 600"
        raise _WrongUseError(message)
    report = bench.run(
        _read_site(options.site), clock=time.perf_counter, signal_s=options.seconds
    )
    if options.json:
        print(msgspec.json.encode(report).decode())
        return 0
    agrees = "the same" if report.twin_agrees else "DIFFERENT"
    print(
        f"{report.channels} channels at {report.sample_rate_hz:g} Hz, "
        f"{report.signal_s:g} s of signal ({report.twin_signal_s:g} s for the twin)\n"
        f"kernel     {report.kernel_samples_per_s / 1e6:10.2f} million samples/s\n"
        f"NumPy twin {report.twin_samples_per_s / 1e6:10.2f} million samples/s, "
        f"{agrees} {report.pulses_compared} pulses\n"
        f"ratio      {report.kernel_over_twin:10.1f}\n"
        f"decoder    {report.decode_mb_per_s:10.1f} MB/s\n"
        f"chain      {report.chain_over_real_time:10.1f} times real time, bytes to "
        f"{report.passages} passages"
    )
    return 0


def _read_site(path: Path) -> Site:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path}: cannot be read as a site: {_reason(error)}"
        raise _WrongUseError(message) from error
    return parse_site(text, name=str(path))


def _read_recording(path: Path, *, site: Site, named: Path) -> _Recording:
    try:
        with path.open("rb") as file:
            arrays = _read_arrays(np.load(file, allow_pickle=False))
    except _UNREADABLE as error:
        message = f"{path}: cannot be read as a recording: {_reason(error)}"
        raise _WrongUseError(message) from error
    for key in ("counts", "sample_rate_hz"):
        if key not in arrays:
            message = (
                f"{path}: missing array '{key}'; a recording is an .npz archive with "
                f"counts and sample_rate_hz"
            )
            raise _WrongUseError(message)
    counts, rate = arrays["counts"], arrays["sample_rate_hz"]
    if counts.dtype != np.int32 or counts.ndim != 2:
        message = (
            f"{path}: array 'counts' is {counts.dtype} of shape {counts.shape}; "
            f"expected int32 of shape (samples, channels)"
        )
        raise _WrongUseError(message)
    if counts.shape[1] < site.channels:
        message = (
            f"{path}: array 'counts' has {counts.shape[1]} channels, but {named} names "
            f"channel {site.channels - 1}; give the site of this recording"
        )
        raise _WrongUseError(message)
    if rate.shape != () or rate.dtype.kind not in "fiu" or not 100.0 <= rate <= 1e6:
        message = (
            f"{path}: array 'sample_rate_hz' must be one number from 100 to 1000000"
        )
        raise _WrongUseError(message)
    return _Recording(counts=counts, sample_rate_hz=float(rate))


def _read_arrays(loaded: object) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays of an archive by name; anything else holds none."""
    if not isinstance(loaded, np.lib.npyio.NpzFile):
        return {}
    with loaded:
        names = {"counts", "sample_rate_hz"} & set(loaded.files)
        return {name: loaded[name] for name in names}


def _reason(error: Exception) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else error
    return " ".join(str(text).split())


def _line(passage: Passage) -> PassageLine:
    return PassageLine(
        lane=passage.lane,
        started_at_s=passage.first_axle_s,
        direction=passage.direction,
        speed_mps=passage.speed_mps,
        acceleration_mps2=passage.acceleration_mps2,
        axle_loads_kg=passage.axle_loads_kg,
        axle_load_uncertainties_kg=passage.axle_load_uncertainties_kg,
        axle_spacings_m=passage.axle_spacings_m,
        gross_mass_kg=passage.gross_mass_kg,
        gross_mass_uncertainty_kg=passage.gross_mass_uncertainty_kg,
        axle_groups=passage.axle_groups,
        axle_configuration=passage.axle_configuration,
        flags=passage.flags,
        valid=passage.valid,
    )


def _sentence(passage: Passage) -> str:
    loads = " ".join(f"{load / 1000.0:.2f}" for load in passage.axle_loads_kg)
    flags = f"  {' '.join(passage.flags)}" if passage.flags else ""
    return (
        f"{passage.first_axle_s:10.3f} s  lane {passage.lane}  {passage.direction:7}"
        f"  {passage.speed_mps * 3.6:6.1f} km/h"
        f"  {passage.gross_mass_kg / 1000.0:7.2f} t  {passage.axle_configuration}"
        f" ({loads} t)  {'valid' if passage.valid else 'not valid'}{flags}"
    )


if __name__ == "__main__":
    raise SystemExit(main())
