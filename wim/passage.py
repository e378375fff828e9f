"""From samples to passages (过车记录): a streaming weigher for all lanes of a site.

It reads no clock and does no I/O: samples come in blocks of any size, and the same
samples give the same bits whatever the blocks.
"""

import hashlib
from typing import Annotated, Literal, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from wim.samples import Site
from wim.validity import Flag

__all__ = [
    "Event",
    "Parameters",
    "Passage",
    "VehicleEntered",
    "Weigher",
    "parameter_hash",
    "warm_up",
]


class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Figures of the method; legally relevant, so their hash goes into every record."""

    axle_gap_m: Annotated[float, msgspec.Meta(gt=0.0)] = 12.0


class VehicleEntered(msgspec.Struct, frozen=True, kw_only=True):
    """A first axle has crossed row 0 (the last row when reversing).

    ``first_axle_s`` [s since the first sample] agrees with that of the passage within
    a few milliseconds. What enters and is no vehicle after all leaves no passage.
    """

    lane: int
    first_axle_s: float


class Passage(msgspec.Struct, frozen=True, kw_only=True):
    """One vehicle over one lane; what is not known is None.

    Times [s] count from the first sample of the stream, lost samples included, and
    are those of row 0 (of the last row when reversing); ``ended_s`` is when the last
    wheel left the last row.
    """

    lane: int
    first_axle_s: float
    last_axle_s: float
    ended_s: float
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
    samples_lost: int


Event: TypeAlias = VehicleEntered | Passage


class Weigher:
    """Samples of one station in, vehicles out."""

    def __init__(
        self,
        site: Site,
        *,
        sample_rate_hz: float,
        parameters: Parameters = Parameters(),  # noqa: B008 (frozen value)
    ) -> None:
        self.site = site
        self.sample_rate_hz = sample_rate_hz
        self.parameters = parameters

    def receive(self, counts: npt.NDArray[np.int32], inputs: int = 0) -> list[Event]:
        """Take the next block.

        Args:
            counts: int32 of shape (samples, channels), channels as in the site.
            inputs: digital inputs at the end of the block, one bit each.
        """
        raise NotImplementedError

    def lose(self, n_samples: int) -> list[Event]:
        """Take note that so many samples of every channel are missing here."""
        raise NotImplementedError

    def flush(self) -> list[Event]:
        """Close what is open, as at the end of a recording."""
        raise NotImplementedError


def parameter_hash(site: Site, parameters: Parameters) -> str:
    """Return the SHA-256 of everything but the samples that decides a mass."""
    content = msgspec.json.encode([site, parameters], order="deterministic")
    return hashlib.sha256(content).hexdigest()


def warm_up() -> None:
    """Compile or load every kernel, so that the first vehicle does not wait."""
    raise NotImplementedError
