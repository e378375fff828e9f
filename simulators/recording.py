"""A recording of one site under traffic, with its truth, as three files.

``recording.npz`` and ``site.toml`` are what an estimator gets; ``truth.jsonl`` is for
the judge.
"""

from pathlib import Path

import msgspec
import numpy as np

from simulators.errors import SimulatorError
from simulators.ledger import passage_truth
from simulators.strips import SignalShape, StripField, lane_length_m
from simulators.timetable import Timetable
from simulators.traffic import TrafficShape, plan_traffic
from wim.errors import TableError
from wim.samples import Site, parse_site

__all__ = ["load_site", "write_recording"]

_BLOCK_SAMPLES = 400
_TAIL_S = 2.0


def load_site(path: Path) -> tuple[Site, str]:
    """Read and check a site file.

    Returns:
        the site and its text.

    Raises:
        SimulatorError: the file cannot be read or is no site.
    """
    try:
        text = path.read_text(encoding="utf-8")
        return parse_site(text, name=str(path)), text
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path}: cannot read the site: {error}"
        raise SimulatorError(message) from error
    except TableError as error:
        raise SimulatorError(str(error)) from error


def write_recording(
    site_path: Path,
    folder: Path,
    *,
    seed: int,
    vehicles: int,
    signal: SignalShape,
    shape: TrafficShape,
) -> float:
    """Record ``vehicles`` crossings and return the length of the recording [s].

    Raises:
        SimulatorError: the site cannot be read or the folder not be written.
    """
    site, text = load_site(site_path)
    length_m = max(lane_length_m(lane) for lane in site.lanes)
    plan = plan_traffic(
        shape,
        seed=seed,
        vehicles=vehicles,
        lanes=tuple(lane.number for lane in site.lanes),
        station_length_m=length_m,
    )
    timetable = Timetable(plan, begins_s=0.0)
    passings = [entry.passing for entry in timetable.entries]
    length_s = _TAIL_S + max((p.tail_at_s(length_m) for p in passings), default=0.0)
    field = StripField(site, signal, np.random.default_rng([seed, 0]))
    rate_hz = signal.sample_rate_hz
    blocks = []
    for first in range(0, round(length_s * rate_hz), _BLOCK_SAMPLES):
        near = [
            passing
            for passing in passings
            if passing.front_at_s(-1.0) < (first + _BLOCK_SAMPLES) / rate_hz
            and passing.tail_at_s(length_m + 1.0) > first / rate_hz
        ]
        blocks.append(field.counts(near, first_sample=first, samples=_BLOCK_SAMPLES))
    truths = [
        passage_truth(entry.crossing, entry.passing.arrives_s)
        for entry in timetable.entries
    ]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(
            folder / "recording.npz",
            counts=np.concatenate(blocks),
            sample_rate_hz=np.float64(rate_hz),
        )
        (folder / "site.toml").write_text(text, encoding="utf-8")
        lines = b"".join(msgspec.json.encode(truth) + b"\n" for truth in truths)
        (folder / "truth.jsonl").write_bytes(lines)
    except OSError as error:
        message = f"{folder}: cannot write the recording: {error}"
        raise SimulatorError(message) from error
    return len(blocks) * _BLOCK_SAMPLES / rate_hz
