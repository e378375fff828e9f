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
from wim.cli.progress import Progress
from wim.cli.recording import Recording
from wim.cli.tables import read_site
from wim.passage import Passage, Weigher

__all__ = ["PROCESS"]


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recording", type=Path, metavar="RECORDING.npz")
    parser.add_argument("--site", type=Path, required=True, metavar="SITE.toml")
    parser.add_argument("--json", action="store_true", help="one object a passage")


def _run(options: argparse.Namespace) -> int:
    site = read_site(options.site)
    found: list[Passage] = []
    with Recording(options.recording) as recording:
        recording.check_channels(site, named=options.site)
        weigher = Weigher(site, sample_rate_hz=recording.sample_rate_hz)
        with Progress("weighing", total=recording.samples) as progress:
            for counts in recording.blocks():
                events = weigher.receive(counts)
                found += [event for event in events if isinstance(event, Passage)]
                progress.to(weigher.samples)
    found += [event for event in weigher.flush() if isinstance(event, Passage)]
    found.sort(key=lambda passage: (passage.first_axle_s, passage.lane))
    for passage in found:
        if options.json:
            sys.stdout.buffer.write(msgspec.json.encode(line_of(passage)) + b"\n")
        else:
            print(sentence_of(passage))
    if not options.json:
        print(f"{len(found)} passages, {weigher.stray_pulses} stray pulses")
    return 0


PROCESS = Command(
    name="process",
    summary="weigh what a recording holds",
    add_arguments=_add_arguments,
    run=_run,
)
