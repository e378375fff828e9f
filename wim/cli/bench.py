"""``luheng-wim bench``: the speed of the chain, and what it is measured against.

It promises nothing for another machine.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from wim import bench
from wim.cli.command import Command
from wim.cli.errors import WrongUseError
from wim.cli.tables import read_site

__all__ = ["BENCH"]

_FIRST_RESULT = """
import os, sys
os.environ["NUMBA_CACHE_DIR"] = sys.argv[1]
from wim.cli.compiling import compile_kernels
compile_kernels(lambda why: sys.exit(why))
from wim.bench import first_result
print(len(first_result().axle_loads_kg), "axles", flush=True)
"""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--site",
        type=Path,
        metavar="SITE.toml",
        help="default: four lanes of four rows, left and right, 32 channels",
    )
    parser.add_argument("--seconds", type=float, default=30.0, help="of signal")
    parser.add_argument(
        "--rates",
        type=float,
        nargs="+",
        metavar="HZ",
        default=[4000.0, 10_000.0, 20_000.0],
        help="sample rates of the chain (default: 4000 10000 20000)",
    )
    parser.add_argument(
        "--memory-minutes",
        type=float,
        default=0.0,
        metavar="N",
        help="watch the memory over so much signal",
    )
    parser.add_argument(
        "--start", action="store_true", help="time fresh processes, cold and warm"
    )
    parser.add_argument(
        "--cpu-time",
        action="store_true",
        help="count the processor's time, as on a machine that others use too",
    )
    parser.add_argument("--json", action="store_true", help="one object")


def _run(options: argparse.Namespace) -> int:
    if not 5.0 <= options.seconds <= 600.0:
        message = f"--seconds {options.seconds:g}: expected 5 to 600"
        raise WrongUseError(message)
    if not all(1000.0 <= rate <= 20_000.0 for rate in options.rates):
        message = f"--rates {options.rates}: expected 1000 to 20000"
        raise WrongUseError(message)
    if not 0.0 <= options.memory_minutes <= 600.0:
        message = f"--memory-minutes {options.memory_minutes:g}: expected 0 to 600"
        raise WrongUseError(message)
    site = bench.four_lanes() if options.site is None else read_site(options.site)
    report = bench.run(
        site,
        clock=time.process_time if options.cpu_time else time.perf_counter,
        signal_s=options.seconds,
        rates_hz=options.rates,
        twin=_has_scipy(),
        memory_s=60.0 * options.memory_minutes,
        resident_bytes=_resident_bytes,
    )
    if options.start:
        with tempfile.TemporaryDirectory() as folder:
            start = _start_s_of_cpu if options.cpu_time else _start_s
            cold_s = start(folder)
            warm_s = min(start(folder) for _ in range(3))
        report = msgspec.structs.replace(
            report, first_result_cold_s=cold_s, first_result_warm_s=warm_s
        )
    if options.json:
        print(msgspec.json.encode(report).decode())
    else:
        print("\n".join(_lines(report)))
    return 0


def _has_scipy() -> bool:
    try:
        import scipy  # noqa: F401, PLC0415 -- comes with the tests' dependencies only
    except ImportError:
        return False
    return True


def _resident_bytes() -> int:
    """Return the memory of this process now (where the system tells), or its peak."""
    status = Path("/proc/self/statm")
    if status.exists():
        return int(status.read_text("ascii").split()[1]) * resource.getpagesize()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _start_s(folder: str) -> float:
    """Return how long a fresh process takes to its first passage [s].

    What it takes down afterwards nobody waits for.
    """
    started = time.perf_counter()
    with subprocess.Popen(_first_result(folder), stdout=subprocess.PIPE) as process:
        line = process.stdout.readline() if process.stdout else b""
        taken_s = time.perf_counter() - started
    if process.returncode or not line:
        raise subprocess.CalledProcessError(process.returncode, "first result")
    return taken_s


def _start_s_of_cpu(folder: str) -> float:
    """Return the processor's time of a fresh process with one passage, end and all."""
    before_s = _children_s()
    subprocess.run(_first_result(folder), check=True, stdout=subprocess.DEVNULL)
    return _children_s() - before_s


def _first_result(folder: str) -> list[str]:
    return [sys.executable, "-c", _FIRST_RESULT, folder]


def _children_s() -> float:
    """Return the processor's time of all processes that this one waited for."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _lines(report: bench.BenchReport) -> list[str]:
    lines = [f"{report.channels} channels, a truck every 3 s on each lane"]
    lines += [
        f"at {r.sample_rate_hz:g} Hz: counts to pulses "
        f"{r.signal_samples_per_s / 1e6:.0f} million samples/s "
        f"({r.signal_over_sum:.1f} times numpy.sum), counts to passages "
        f"{r.chain_samples_per_s / 1e6:.0f} million samples/s "
        f"({r.chain_over_sum:.1f} times), {r.vehicle_ms:.2f} ms a passage beyond its "
        f"pulses; {r.pulses} pulses, {r.passages} passages"
        for r in report.rates
    ]
    twin = report.twin
    if twin is None:
        lines.append("twin: not measured, it needs SciPy (pip install scipy)")
    else:
        same = "the same" if twin.agrees else "DIFFERENT"
        lines.append(
            f"NumPy and SciPy: {twin.twin_samples_per_s / 1e6:.2f} million samples/s, "
            f"{same} {twin.pulses} pulses, {twin.signal_over_twin:.0f} times slower"
        )
    late = report.latency
    lines.append(
        f"last sample to passage: p50 {late.p50_ms:.2f} ms, p99 {late.p99_ms:.2f} ms, "
        f"highest {late.highest_ms:.2f} ms over {late.passages} passages"
    )
    if report.memory is not None:
        memory = report.memory
        lines.append(
            f"memory over {memory.signal_s / 60.0:.0f} min: "
            f"{memory.early_bytes / 1e6:.1f} MB after a tenth, "
            f"{memory.late_bytes / 1e6:.1f} MB at the end"
        )
    lines.append(
        f"decoder {report.decode_mb_per_s:.1f} MB/s; bytes to passages "
        f"{report.line_over_real_time:.1f} times real time"
    )
    if report.first_result_cold_s is not None:
        lines.append(
            f"first passage of a fresh process: {report.first_result_cold_s:.1f} s "
            f"cold, {report.first_result_warm_s:.2f} s warm"
        )
    return lines


BENCH = Command(
    name="bench",
    summary="measure the chain against a sum and a twin in NumPy and SciPy",
    add_arguments=_add_arguments,
    run=_run,
)
