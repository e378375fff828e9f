"""The truth of a simulation, one JSON object a line, for tests and judges only.

Masses, plates and classes leave the simulators through this door and no other.
"""

import datetime as dt
from pathlib import Path
from typing import TextIO

import msgspec

from simulators.errors import SimulatorError
from simulators.traffic import Crossing

__all__ = ["Ledger", "PassageTruth", "passage_truth"]


class PassageTruth(msgspec.Struct, frozen=True, kw_only=True):
    """What an estimator's line about one passage should say."""

    lane: int
    started_at_s: float
    direction: str
    speed_mps: float
    acceleration_mps2: float
    axle_loads_kg: tuple[float, ...]
    axle_load_uncertainties_kg: None = None
    axle_spacings_m: tuple[float, ...]
    gross_mass_kg: float
    gross_mass_uncertainty_kg: None = None
    axle_groups: tuple[tuple[int, ...], ...]
    axle_configuration: str
    flags: tuple[str, ...] = ()
    valid: bool = True
    vehicle_class: str
    manoeuvre: str | None = None
    severity: float | None = None


def passage_truth(crossing: Crossing, started_at_s: float) -> PassageTruth:
    """Return the truth of one crossing that begins at some time of the samples."""
    vehicle = crossing.vehicle
    return PassageTruth(
        lane=crossing.lane,
        started_at_s=started_at_s,
        direction="forward",
        speed_mps=crossing.speed_mps,
        acceleration_mps2=0.0,
        axle_loads_kg=vehicle.axle_loads_kg,
        axle_spacings_m=vehicle.axle_spacings_m,
        gross_mass_kg=vehicle.gross_mass_kg,
        axle_groups=vehicle.axle_groups,
        axle_configuration=vehicle.axle_configuration,
        vehicle_class=vehicle.vehicle_class,
    )


class _VehicleTruth(msgspec.Struct, frozen=True, kw_only=True):
    """What the ledger tells of a vehicle in every line."""

    vehicle: int
    load: str
    model: str
    plate: str
    plate_colour: str
    rear_plate: str


class _CrossedLine(
    _VehicleTruth, frozen=True, kw_only=True, tag_field="event", tag="crossed"
):
    """One crossing of the station; ``weighed``: it was at the source before."""

    weighed: bool
    first_axle_at: dt.datetime
    last_sample_written_at: dt.datetime
    truth: PassageTruth


class _WeighedLine(
    _VehicleTruth, frozen=True, kw_only=True, tag_field="event", tag="weighed"
):
    """One weighing at the source."""

    gross_mass_kg: float
    stood_at: dt.datetime
    left_at: dt.datetime


class Ledger:
    """A file of truth; with no path it keeps nothing.

    Raises:
        SimulatorError: the file cannot be written.
    """

    def __init__(self, path: Path | None) -> None:
        self._file: TextIO | None = None
        if path is not None:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                self._file = path.open("w", encoding="utf-8")
            except OSError as error:
                message = f"{path}: cannot write the ledger: {error.strerror}"
                raise SimulatorError(message) from error

    def crossed(
        self,
        crossing: Crossing,
        *,
        started_at_s: float,
        first_axle_at: dt.datetime,
        last_sample_written_at: dt.datetime,
    ) -> None:
        """Write down one crossing."""
        self._write(
            _CrossedLine(
                **msgspec.structs.asdict(_about(crossing)),
                weighed=crossing.weighing is not None,
                first_axle_at=first_axle_at,
                last_sample_written_at=last_sample_written_at,
                truth=passage_truth(crossing, started_at_s),
            )
        )

    def weighed(
        self, crossing: Crossing, *, stood_at: dt.datetime, left_at: dt.datetime
    ) -> None:
        """Write down one weighing at the source."""
        self._write(
            _WeighedLine(
                **msgspec.structs.asdict(_about(crossing)),
                gross_mass_kg=crossing.vehicle.gross_mass_kg,
                stood_at=stood_at,
                left_at=left_at,
            )
        )

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _write(self, line: _CrossedLine | _WeighedLine) -> None:
        if self._file is not None:
            self._file.write(msgspec.json.encode(line).decode() + "\n")
            self._file.flush()


def _about(crossing: Crossing) -> _VehicleTruth:
    vehicle = crossing.vehicle
    return _VehicleTruth(
        vehicle=crossing.number,
        load=vehicle.load,
        model=vehicle.model,
        plate=vehicle.plate.text,
        plate_colour=vehicle.plate.colour,
        rear_plate=vehicle.rear_plate.text,
    )
