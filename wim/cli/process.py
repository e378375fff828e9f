"""``luheng-wim process``: weigh what a recording holds.

Passages are printed when the whole recording has been read, so that nothing is said of
one whose last block turns out to be spoiled.
"""

import argparse
import sys
from pathlib import Path

import msgspec

from wim.cli.command import Command
from wim.cli.lines import line_of, sentence_of
from wim.cli.tables import read_site
from wim.cli.weighing import weigh_recording

__all__ = ["PROCESS"]


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recording", type=Path, metavar="RECORDING.npz")
    parser.add_argument("--site", type=Path, required=True, metavar="SITE.toml")
    parser.add_argument("--json", action="store_true", help="one object a passage")


def _run(options: argparse.Namespace) -> int:
    site = read_site(options.site)
    weighed = weigh_recording(options.recording, site=site, named=options.site)
    for passage in weighed.passages:
        if options.json:
            line = line_of(passage, start_time_s=weighed.start_time_s)
            sys.stdout.buffer.write(msgspec.json.encode(line) + b"\n")
        else:
            print(sentence_of(passage))
    if not options.json:
        print(f"{len(weighed.passages)} passages, {weighed.stray_pulses} stray pulses")
    return 0


PROCESS = Command(
    name="process",
    summary="weigh what a recording holds",
    add_arguments=_add_arguments,
    run=_run,
)
