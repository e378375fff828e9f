"""Which passage was which vehicle: measured lines and true lines, joined by time.

The truth is never changed to fit: a vehicle that no passage belongs to was missed, a
passage that no vehicle belongs to is extra. Lines of several recordings may stand in
one file; their key ``recording`` keeps them apart.
"""

import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Annotated, TypeAlias

import msgspec

from wim.calibration import VehicleClass
from wim.messages import FLAGS

__all__ = [
    "Estimate",
    "Joined",
    "Measured",
    "Pair",
    "Truth",
    "check_axles",
    "join",
]

TrueMass: TypeAlias = Annotated[float, msgspec.Meta(ge=1.0, le=1e6)]
TrueLength: TypeAlias = Annotated[float, msgspec.Meta(ge=0.0, le=100.0)]
TrueSpeed: TypeAlias = Annotated[float, msgspec.Meta(ge=0.0, le=200.0)]
Instant: TypeAlias = Annotated[float, msgspec.Meta(ge=-1e11, le=1e11)]
Mass: TypeAlias = Annotated[float, msgspec.Meta(ge=0.0, le=1e9)]
Figure: TypeAlias = Annotated[float, msgspec.Meta(ge=-1e9, le=1e9)]
"""What was weighed may be far off, but never so far that errors are no numbers."""
_NO_MANOEUVRE = (None, "", "none", "normal")
_ROUNDED_KG = 10.0  # an axle's load on a static scale with divisions of 20 kg


def check_axles(
    axles: int,
    *,
    spacings_m: Sequence[float] | None,
    groups: Sequence[Sequence[int]] | None,
) -> None:
    """Refuse spacings and groups of another number of axles.

    Raises:
        ValueError: they do not belong to so many axles; the text names the key.
    """
    if spacings_m is not None and len(spacings_m) != axles - 1:
        message = (
            f"axle_spacings_m: {len(spacings_m)} for {axles} axles; expected one fewer"
        )
        raise ValueError(message)
    if groups is not None and [i for group in groups for i in group] != [*range(axles)]:
        message = (
            f"axle_groups: {[list(group) for group in groups]} for {axles} axles; "
            f"expected each axle once, in order, numbered from 0"
        )
        raise ValueError(message)


class Truth(msgspec.Struct, frozen=True, kw_only=True):
    """One vehicle as it was; ``manoeuvre`` None is normal driving.

    ``flags`` are those that an honest station raises; ``suspension`` is a label to
    group by, where the simulator tells it. ``gross_mass_kg`` is the sum of
    ``axle_loads_kg`` but for the rounding of a static scale (10 kg an axle).
    """

    lane: int
    started_at_s: Instant
    speed_mps: TrueSpeed
    axle_loads_kg: Annotated[tuple[TrueMass, ...], msgspec.Meta(min_length=1)]
    axle_spacings_m: tuple[TrueLength, ...]
    gross_mass_kg: TrueMass
    direction: str = "forward"
    acceleration_mps2: float | None = None
    axle_groups: tuple[tuple[int, ...], ...] | None = None
    vehicle_class: VehicleClass | None = None
    flags: tuple[str, ...] = ()
    manoeuvre: str | None = None
    severity: float | str | None = None
    suspension: str | None = None
    recording: str = ""

    def __post_init__(self) -> None:
        """Refuse a truth whose figures do not belong together."""
        check_axles(
            len(self.axle_loads_kg),
            spacings_m=self.axle_spacings_m,
            groups=self.axle_groups,
        )
        both_kg = math.fsum(self.axle_loads_kg)
        if abs(self.gross_mass_kg - both_kg) > _ROUNDED_KG * len(self.axle_loads_kg):
            message = (
                f"gross_mass_kg: {self.gross_mass_kg:g}, but axle_loads_kg make "
                f"{both_kg:g}; give the sum of the static axle loads"
            )
            raise ValueError(message)

    @property
    def is_normal(self) -> bool:
        """Tell whether the vehicle drove normally."""
        return self.manoeuvre in _NO_MANOEUVRE

    def is_told_by(self, flags: Collection[str]) -> bool:
        """Tell whether flags name the manoeuvre.

        One that is called as a flag needs that flag; another, such as a change of
        lanes, any of the flags that an honest station raises.
        """
        if self.manoeuvre in FLAGS:
            return self.manoeuvre in flags
        return any(flag in flags for flag in self.flags)


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """What one estimator makes of a passage; None where it found nothing."""

    gross_mass_kg: Figure | None
    axle_loads_kg: tuple[Figure | None, ...]


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """One passage as it was weighed: a line of ``luheng-wim process --json``.

    Masses, speed and spacings may be unknown, but not those of a valid record.
    """

    lane: int
    started_at_s: Instant
    speed_mps: Figure | None
    axle_loads_kg: Annotated[tuple[Mass | None, ...], msgspec.Meta(min_length=1)]
    axle_load_uncertainties_kg: tuple[Mass | None, ...] | None
    axle_spacings_m: tuple[Figure, ...] | None
    gross_mass_kg: Mass | None
    gross_mass_uncertainty_kg: Mass | None
    axle_groups: tuple[tuple[int, ...], ...] | None
    flags: tuple[str, ...]
    valid: bool
    axle_configuration: str | None = None
    vehicle_class: VehicleClass | None = None
    estimators: dict[str, Estimate] | None = None
    recording: str = ""

    def __post_init__(self) -> None:
        """Refuse a valid record that lacks a figure, and figures of other axles."""
        axles = len(self.axle_loads_kg)
        check_axles(axles, spacings_m=self.axle_spacings_m, groups=self.axle_groups)
        others = {"axle_load_uncertainties_kg": self.axle_load_uncertainties_kg}
        for name, estimate in (self.estimators or {}).items():
            others[f"estimators.{name}.axle_loads_kg"] = estimate.axle_loads_kg
        for name, figures in others.items():
            if figures is not None and len(figures) != axles:
                message = f"{name}: {len(figures)} for {axles} axles"
                raise ValueError(message)
        if self.valid and (self.gross_mass_kg is None or None in self.axle_loads_kg):
            message = "valid: true, but masses are not known"
            raise ValueError(message)
        if self.valid and (self.speed_mps is None or self.axle_spacings_m is None):
            message = "valid: true, but speed or axle spacings are not known"
            raise ValueError(message)

    @property
    def mass_kg(self) -> float:
        """Return the gross mass of a record that has one.

        Raises:
            ValueError: it is not known.
        """
        if self.gross_mass_kg is None:
            message = f"passage at {self.started_at_s} s has no gross mass"
            raise ValueError(message)
        return self.gross_mass_kg

    @property
    def loads_kg(self) -> tuple[float, ...]:
        """Return the axle loads that are known."""
        return tuple(load for load in self.axle_loads_kg if load is not None)


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """A vehicle and its passage."""

    truth: Truth
    measured: Measured

    @property
    def error(self) -> float:
        """Return the relative error of the gross mass [%]."""
        true = self.truth.gross_mass_kg
        return 100.0 * (self.measured.mass_kg - true) / true

    @property
    def axles_right(self) -> bool:
        """Tell whether as many axles were found as there are."""
        return len(self.measured.axle_loads_kg) == len(self.truth.axle_loads_kg)


class Joined(msgspec.Struct, frozen=True, kw_only=True):
    """All vehicles and passages, each once."""

    pairs: tuple[Pair, ...]
    missed: tuple[Truth, ...]
    extra: tuple[Measured, ...]


def join(
    measured: Sequence[Measured], truths: Sequence[Truth], *, tolerance_s: float = 1.0
) -> Joined:
    """Join passages and vehicles of one lane and recording, the nearest in time first.

    Args:
        measured: passages in any order.
        truths: vehicles in any order.
        tolerance_s: further apart than that they are not the same.
    """
    lanes: defaultdict[tuple[str, int], list[int]] = defaultdict(list)
    for k, passage in enumerate(measured):
        lanes[passage.recording, passage.lane].append(k)
    times: dict[tuple[str, int], list[float]] = {}
    for key, indices in lanes.items():
        indices.sort(key=lambda k: measured[k].started_at_s)
        times[key] = [measured[k].started_at_s for k in indices]
    near = []
    for i, truth in enumerate(truths):
        key = (truth.recording, truth.lane)
        starts = times.get(key, [])
        at = bisect_left(starts, truth.started_at_s - tolerance_s)
        while at < len(starts) and starts[at] <= truth.started_at_s + tolerance_s:
            apart = abs(starts[at] - truth.started_at_s)
            near.append((apart, i, lanes[key][at]))
            at += 1
    near.sort()
    of_truth: dict[int, int] = {}
    taken: set[int] = set()
    for _, i, k in near:
        if i not in of_truth and k not in taken:
            of_truth[i] = k
            taken.add(k)
    return Joined(
        pairs=tuple(
            Pair(truth=truth, measured=measured[of_truth[i]])
            for i, truth in enumerate(truths)
            if i in of_truth
        ),
        missed=tuple(t for i, t in enumerate(truths) if i not in of_truth),
        extra=tuple(m for k, m in enumerate(measured) if k not in taken),
    )
