"""Clips: the samples around one vehicle, sealed so that they can be weighed again.

A clip is a recording with four arrays more: how the samples were cut into blocks, with
digital inputs and losses, and what was remembered from the vehicles before of the
strips, of the lanes' drift and of their usual scatter. Weighed with the same site and
parameter set it gives the same passages, to the bit. It opens no file: bytes out,
values in.
"""

import io
from collections.abc import Iterator
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from wim.calibration import Calibration
from wim.drift import DriftState
from wim.health import Run
from wim.passage import Passage, Weigher
from wim.samples import Site

__all__ = ["Block", "Clip", "encoded", "weighed"]


class Block(NamedTuple):
    """Some samples as they came: digital inputs at their end, losses before them."""

    samples: int
    inputs: int
    lost_before: int


class Clip(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Samples of all channels of a station over one vehicle.

    ``counts`` is int32 of shape (samples, channels); ``blocks`` add up to its length.
    ``start_time_s`` is the Unix time of the first sample, ``temperature_c`` that of the
    pavement; None where it is not known. ``runs`` are what a weigher remembered of the
    strips when the samples began, in the site's order, ``drift`` its control charts,
    ``usual_scatters`` how far the rows of each lane usually were from each other; a
    clip made before these were kept has none and begins with the first usual ones.

    Raises:
        ValueError: the blocks do not add up to the samples.
    """

    counts: npt.NDArray[np.int32]
    sample_rate_hz: float
    start_time_s: float | None
    temperature_c: float | None
    blocks: tuple[Block, ...]
    runs: tuple[Run, ...]
    drift: tuple[DriftState, ...] = ()
    usual_scatters: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Refuse blocks that are not of these samples."""
        told = sum(block.samples for block in self.blocks)
        if told != len(self.counts):
            message = f"blocks of {told} samples, but counts of {len(self.counts)}"
            raise ValueError(message)

    def parts(self) -> Iterator[tuple[npt.NDArray[np.int32], Block]]:
        """Yield the samples block by block."""
        at = 0
        for block in self.blocks:
            yield self.counts[at : at + block.samples], block
            at += block.samples


def weighed(clip: Clip, site: Site, *, calibration: Calibration) -> list[Passage]:
    """Return the passages of a clip in the order in which they were known.

    A vehicle that may have begun before the clip is not valid: the samples join
    traffic under way.
    """
    weigher = Weigher(
        site,
        sample_rate_hz=clip.sample_rate_hz,
        calibration=calibration,
        temperature_c=clip.temperature_c,
        joins=True,
        runs=clip.runs,
        drift=clip.drift,
        usual_scatters=clip.usual_scatters,
        start_time_s=clip.start_time_s,
    )
    events = []
    for counts, block in clip.parts():
        if block.lost_before:
            events += weigher.lose(block.lost_before)
        events += weigher.receive(counts, block.inputs)
    events += weigher.flush()
    return [event for event in events if isinstance(event, Passage)]


def encoded(clip: Clip) -> bytes:
    """Return a clip as an ``.npz`` archive; the same clip gives the same bytes."""
    arrays: dict[str, npt.NDArray[np.generic]] = {
        "counts": np.ascontiguousarray(clip.counts),
        "sample_rate_hz": np.array(clip.sample_rate_hz, dtype=np.float64),
        "blocks": np.array(clip.blocks, dtype=np.int64).reshape(-1, 3),
        "strip_runs": np.array(clip.runs, dtype=np.int64).reshape(-1, 2),
        "drift": np.frombuffer(msgspec.json.encode(clip.drift), dtype=np.uint8),
        "usual_scatters": np.array(clip.usual_scatters, dtype=np.float64),
    }
    if clip.start_time_s is not None:
        arrays["start_time_s"] = np.array(clip.start_time_s, dtype=np.float64)
    if clip.temperature_c is not None:
        arrays["temperature_c"] = np.array(clip.temperature_c, dtype=np.float64)
    content = io.BytesIO()
    np.savez_compressed(content, allow_pickle=False, **arrays)
    return content.getvalue()
