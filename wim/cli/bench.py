"""``luheng-wim bench``: the speed of the chain, and what it is measured against.

It promises nothing for another machine.
"""

import argparse
import time
from pathlib import Path

import msgspec

from wim import bench
from wim.cli.command import Command
from wim.cli.errors import WrongUseError
from wim.cli.tables import read_site

__all__ = ["BENCH"]


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--site", type=Path, required=True, metavar="SITE.toml")
    parser.add_argument("--seconds", type=float, default=30.0, help="of signal")
    parser.add_argument("--json", action="store_true", help="one object")


def _run(options: argparse.Namespace) -> int:
    if not 5.0 <= options.seconds <= 600.0:
        message = f"--seconds {options.seconds:g}: expected 5 to 600"
        raise WrongUseError(message)
    report = bench.run(
        read_site(options.site), clock=time.perf_counter, signal_s=options.seconds
    )
    if options.json:
        print(msgspec.json.encode(report).decode())
        return 0
    print(
        f"{report.channels} channels at {report.sample_rate_hz:g} Hz, "
        f"{report.signal_s:g} s of signal\n"
        f"signal     {report.kernel_samples_per_s / 1e6:10.2f} million samples/s, "
        f"{report.pulses} pulses\n"
        f"chain      {report.chain_samples_per_s / 1e6:10.2f} million samples/s, "
        f"{report.chain_over_sum:.1f} times numpy.sum\n"
        f"decoder    {report.decode_mb_per_s:10.1f} MB/s\n"
        f"line       {report.chain_over_real_time:10.1f} times real time, bytes to "
        f"{report.passages} passages"
    )
    return 0


BENCH = Command(
    name="bench",
    summary="measure the chain against a sum over the same samples",
    add_arguments=_add_arguments,
    run=_run,
)
