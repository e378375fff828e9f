"""``luheng-edge CONFIG.toml [--json]``: the roadside daemon.

Exit code 0 after an orderly stop, 1 when the outbox broke, 2 for a configuration or
data folder that cannot be used, with one line that says what to mend.
"""

import _thread
import argparse
import importlib.metadata
import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import structlog

from edge.clock import Clock
from edge.compiled_code import CompiledCode
from edge.config import StationConfig, load_config
from edge.errors import EdgeError
from wim import __version__ as wim_version

__all__ = ["main"]


def main() -> int:
    """Run the daemon from the command line."""
    clock = Clock()
    started_s = clock.monotonic_s()
    parser = argparse.ArgumentParser(prog="luheng-edge", description=__doc__)
    parser.add_argument("config", type=Path, help="the station's TOML file")
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object a line"
    )
    arguments = parser.parse_args()
    _begin_log(as_json=arguments.json)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        # in a thread: the interrupted one may just hold the lock of the event
        signal.signal(number, lambda *_: _thread.start_new_thread(stop.set, ()))
    try:
        config = load_config(arguments.config)
        return _run(
            config,
            started_s=started_s,
            stop=stop,
            as_json=arguments.json,
            clock=clock,
        )
    except EdgeError as error:
        print(f"luheng-edge: {' '.join(str(error).split())}", file=sys.stderr)
        return 2


def _run(
    config: StationConfig,
    *,
    started_s: float,
    stop: threading.Event,
    as_json: bool,
    clock: Clock,
) -> int:
    """Point the compiler's cache at the data folder, then load what is heavy.

    The cache of one version of the kernels is never another's: the compiler itself
    tells them apart by a file's time and size alone.
    """
    environment = os.environ  # noqa: TID251 -- numba and systemd speak only through it
    version = f"wim-{wim_version}-numba-{importlib.metadata.version('numba')}"
    compiled = None
    if "NUMBA_CACHE_DIR" not in environment:
        compiled = CompiledCode(config.data_dir / "cache" / version)
        environment["NUMBA_CACHE_DIR"] = str(compiled.folder)
    # as late as this, so that a faulty configuration is answered at once and the
    # compiler finds its cache folder
    from edge.station import run_station  # noqa: PLC0415

    return run_station(
        config,
        compiled=compiled,
        started_s=started_s,
        stop=stop,
        report=_print_json if as_json else _print_line,
        service_manager=environment.get("NOTIFY_SOCKET"),
        clock=clock,
    )


def _begin_log(*, as_json: bool) -> None:
    """Log to standard error: for people, or as JSON lines."""
    renderer: structlog.typing.Processor = structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty()
    )
    if as_json:
        renderer = structlog.processors.JSONRenderer(ensure_ascii=False)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )


def _print_json(event: str, fields: dict[str, Any]) -> None:
    print(json.dumps({"event": event, **fields}, ensure_ascii=False), flush=True)


def _print_line(event: str, fields: dict[str, Any]) -> None:
    match event:
        case "ready":
            print(f"{fields['station_id']} ready after {fields['ready_s']:.1f} s")
            print(f"public key {fields['public_key']}", flush=True)
        case _:
            words = [f"{event} {fields['sequence']}:"]
            words.append(fields["plate"] or "plate unread")
            words.append(f"{fields['gross_mass_kg'] / 1000:.2f} t")
            if "axle_configuration" in fields:
                words.append(fields["axle_configuration"] or "axles unknown")
                words.append(f"lane {fields['lane']}")
                words.append("OVERLOADED" if fields["overloaded"] else "")
            print(" ".join(word for word in words if word), flush=True)


if __name__ == "__main__":
    sys.exit(main())
