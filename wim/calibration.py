"""From the area of a pulse to a mass: the calibration chain of a station.

The chain is ``C = C_strip * f_speed * f_temperature * f_type``. The strip's own factor
is that of the site file; a parameter set, made from reference trucks, corrects it and
brings the curves. What no reference truck has shown is not assumed: a factor that was
not measured is absent, its part of the mass stays as it is, and its part of the
uncertainty grows. It opens no file and corrects nothing by itself: a set changes only
by being replaced by the next version.
"""

import datetime as dt
import hashlib
import math
from bisect import bisect_right
from collections.abc import Sequence
from typing import Annotated, Literal, TypeAlias

import msgspec
import rfc8785

from wim.climate import TemperatureRange
from wim.errors import TableError
from wim.roads import Road
from wim.samples import Channel, Site, Strip
from wim.tables import parse_table

__all__ = [
    "NO_CALIBRATION",
    "STANDARD_GRAVITY_MPS2",
    "Calibration",
    "ChannelFactor",
    "ClassFactor",
    "Curve",
    "ParameterSet",
    "Source",
    "VehicleClass",
    "calibrated",
    "interpolated",
    "mass_kg",
    "parse_parameter_set",
    "sealed",
]

STANDARD_GRAVITY_MPS2 = 9.80665

VehicleClass: TypeAlias = Literal["rigid", "articulated", "centre_axle", "full_trailer"]
Factor: TypeAlias = Annotated[float, msgspec.Meta(ge=0.5, le=2.0)]
Relative: TypeAlias = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
Sha256: TypeAlias = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
Text: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]

_LATER = ("temperature_range_c",)
"""Keys of a calibration that the first sealed sets did not know."""
_LATER_OF_CLASSES = ("axles",)
"""Likewise, of the factor of a class."""


class ChannelFactor(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True
):
    """What the mass of one strip is multiplied by; uncertainty relative, k = 1."""

    channel: Channel
    factor: Factor
    uncertainty: Relative


class ClassFactor(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True
):
    """What masses of one vehicle class are multiplied by; uncertainty k = 1.

    With ``axles`` it is for those of the class that have so many, before the one for
    the whole class.
    """

    vehicle_class: VehicleClass
    factor: Factor
    uncertainty: Relative
    axles: Annotated[int, msgspec.Meta(ge=2, le=24)] | None = None


class Curve(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A factor over some figure: linear between its points, constant beyond them.

    ``uncertainty`` is relative, k = 1, and common to all strips. Beyond the points,
    where nothing was measured, it grows by as much as the curve bends over its own
    length.
    """

    at: Annotated[tuple[float, ...], msgspec.Meta(min_length=2, max_length=64)]
    factor: tuple[Factor, ...]
    uncertainty: tuple[Relative, ...]

    def __post_init__(self) -> None:
        """Refuse points that are no curve."""
        n = len(self.at)
        if len(self.factor) != n or len(self.uncertainty) != n:
            message = (
                f"curve of {n} places has {len(self.factor)} factors and "
                f"{len(self.uncertainty)} uncertainties; give one of each a place"
            )
            raise ValueError(message)
        if not all(math.isfinite(x) for x in self.at) or any(
            b <= a for a, b in zip(self.at, self.at[1:], strict=False)
        ):
            message = f"curve places {list(self.at)} must be finite and grow"
            raise ValueError(message)

    def factor_at(self, x: float) -> float:
        """Return the factor at a place.

        >>> curve = Curve(at=(0.0, 10.0), factor=(1.0, 1.1), uncertainty=(0.0, 0.0))
        >>> curve.factor_at(-5.0), round(curve.factor_at(2.5), 6), curve.factor_at(99.0)
        (1.0, 1.025, 1.1)
        """
        return interpolated(self.at, self.factor, x)

    def uncertainty_at(self, x: float) -> float:
        """Return the relative standard uncertainty of the factor at a place."""
        known = interpolated(self.at, self.uncertainty, x)
        beyond = max(self.at[0] - x, x - self.at[-1], 0.0)
        bend = max(self.factor) - min(self.factor)
        return known + bend * beyond / (self.at[-1] - self.at[0])

    @property
    def unknown_place_uncertainty(self) -> float:
        """Return the uncertainty of taking no factor when the place is not known."""
        return max(
            abs(factor - 1.0) + uncertainty
            for factor, uncertainty in zip(self.factor, self.uncertainty, strict=True)
        )


class Calibration(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True
):
    """Factors of one station; what is absent was not measured.

    ``speed`` is over m/s, ``temperature`` over °C of the pavement; ``roads`` say by
    lane what the road does to every truck. ``reference_uncertainty`` (relative, k = 1)
    is that of the scale that weighed the reference trucks, None where there were none.
    ``temperature_range_c`` is from and to which pavement temperature the factors hold
    as they are, None where the reference runs do not tell.
    """

    strips: tuple[ChannelFactor, ...] = ()
    speed: Curve | None = None
    temperature: Curve | None = None
    vehicle_classes: tuple[ClassFactor, ...] = ()
    roads: tuple[Road, ...] = ()
    reference_uncertainty: Relative | None = None
    temperature_range_c: TemperatureRange | None = None

    def __post_init__(self) -> None:
        """Refuse two factors for one thing, and a range that is none."""
        channels = [entry.channel for entry in self.strips]
        classes = [
            entry.vehicle_class + ("" if entry.axles is None else f" {entry.axles}")
            for entry in self.vehicle_classes
        ]
        if len(set(channels)) < len(channels):
            message = f"strips: channels {channels} must differ"
            raise ValueError(message)
        if len(set(classes)) < len(classes):
            message = f"vehicle_classes: classes {classes} must differ"
            raise ValueError(message)
        lanes = [road.lane for road in self.roads]
        if len(set(lanes)) < len(lanes):
            message = f"roads: lanes {lanes} must differ"
            raise ValueError(message)
        if self.temperature_range_c is not None:
            from_c, to_c = self.temperature_range_c
            if not -100.0 <= from_c <= to_c <= 100.0:
                message = (
                    f"temperature_range_c: {from_c} to {to_c}; expected the lower one "
                    f"first, both from -100 to 100"
                )
                raise ValueError(message)

    def road_of(self, lane: int) -> Road | None:
        """Return the road of a lane, None where none was learned."""
        return next((road for road in self.roads if road.lane == lane), None)

    def strip_factor(self, channel: int) -> float:
        """Return the factor of one strip, 1 where none was measured."""
        entry = _of_channel(self.strips, channel)
        return 1.0 if entry is None else entry.factor

    def class_factor(
        self, vehicle_class: VehicleClass | None, *, axles: int | None = None
    ) -> float:
        """Return the factor of a vehicle class, 1 where none was measured.

        Args:
            vehicle_class: of the vehicle, None where it is not known.
            axles: that it has; without, those of all its class are taken together.
        """
        entry = self._of_class(vehicle_class, axles)
        return 1.0 if entry is None else entry.factor

    def _of_class(
        self, vehicle_class: VehicleClass | None, axles: int | None
    ) -> ClassFactor | None:
        of_class = [
            entry
            for entry in self.vehicle_classes
            if entry.vehicle_class == vehicle_class and entry.axles in (axles, None)
        ]
        # the one for so many axles goes before the one for the whole class
        return max(of_class, key=lambda entry: entry.axles or 0, default=None)

    def common_factor(
        self,
        *,
        speed_mps: float,
        temperature_c: float | None,
        vehicle_class: VehicleClass | None,
        axles: int | None = None,
    ) -> float:
        """Return the factor that all strips have in common."""
        (factor,) = self.common_factors(
            [speed_mps],
            temperature_c=temperature_c,
            vehicle_class=vehicle_class,
            axles=axles,
        )
        return factor

    def common_factors(
        self,
        speeds_mps: Sequence[float],
        *,
        temperature_c: float | None,
        vehicle_class: VehicleClass | None,
        axles: int | None = None,
    ) -> list[float]:
        """Return the factor that all strips have in common, at some speeds."""
        steady = self.class_factor(vehicle_class, axles=axles)
        factors = [steady] * len(speeds_mps)
        if self.speed is not None:
            factors = [steady * self.speed.factor_at(speed) for speed in speeds_mps]
        if self.temperature is not None and temperature_c is not None:
            warm = self.temperature.factor_at(temperature_c)
            factors = [factor * warm for factor in factors]
        return factors

    def common_uncertainty(
        self,
        *,
        speed_mps: float,
        vehicle_class: VehicleClass | None,
        uncalibrated: float,
        axles: int | None = None,
    ) -> float:
        """Return the relative standard uncertainty that all strips have in common.

        Where a factor is known to matter and its figure is not (a vehicle of no class
        and factors of classes), the whole effect is counted. ``uncalibrated`` is what
        counts where no reference truck has been over the strips. What the temperature
        leaves is told apart (:meth:`temperature_uncertainty`).
        """
        reference = self.reference_uncertainty
        variance = _square(uncalibrated if reference is None else reference)
        if self.speed is not None:
            variance += _square(self.speed.uncertainty_at(speed_mps))
        if self.vehicle_classes:
            known = self._of_class(vehicle_class, axles)
            variance += _square(
                known.uncertainty
                if known is not None
                else max(
                    abs(entry.factor - 1.0) + entry.uncertainty
                    for entry in self.vehicle_classes
                )
            )
        return math.sqrt(variance)

    def temperature_uncertainty(self, temperature_c: float | None) -> float:
        """Return what the curve over the temperature leaves, 0 where there is none.

        The whole effect where there is a curve and no thermometer.
        """
        if self.temperature is None:
            return 0.0
        if temperature_c is None:
            return self.temperature.unknown_place_uncertainty
        return self.temperature.uncertainty_at(temperature_c)

    @property
    def calibrated_c(self) -> TemperatureRange | None:
        """Return the temperatures that were calibrated at, None where not known."""
        if self.temperature is not None:
            return self.temperature.at[0], self.temperature.at[-1]
        return self.temperature_range_c


NO_CALIBRATION = Calibration()
"""The site file alone: no reference truck has been over the strips."""


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A file that a set was made from."""

    file: Text
    sha256: Sha256


class ParameterSet(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True
):
    """One version of a station's calibration: legally relevant, so sealed by a hash.

    ``basis`` says in words what the factors rest on, ``sources`` which files;
    ``hash`` is the SHA-256 of the RFC 8785 form of everything else; what came into the
    format after sets had been sealed is no part of it where it is absent.
    """

    id: Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    version: Annotated[int, msgspec.Meta(ge=1)]
    station: Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    made_at: Annotated[dt.datetime, msgspec.Meta(tz=True)]
    made_by: Text
    basis: Text
    calibration: Calibration
    sources: tuple[Source, ...] = ()
    hash: Annotated[str, msgspec.Meta(pattern="^([0-9a-f]{64})?$")] = ""

    @property
    def content_hash(self) -> str:
        """Return the SHA-256 that ``hash`` must be."""
        built = msgspec.to_builtins(self)
        del built["hash"]
        for key in _LATER:
            if built["calibration"][key] is None:
                del built["calibration"][key]
        for entry in built["calibration"]["vehicle_classes"]:
            for key in _LATER_OF_CLASSES:
                if entry[key] is None:
                    del entry[key]
        return hashlib.sha256(rfc8785.dumps(built)).hexdigest()


def sealed(parameters: ParameterSet) -> ParameterSet:
    """Return the same set with its hash."""
    return msgspec.structs.replace(parameters, hash=parameters.content_hash)


def parse_parameter_set(text: str, *, name: str) -> ParameterSet:
    """Parse and check one parameter set (TOML).

    Args:
        text: the document.
        name: what to call it in messages, usually its path.

    Raises:
        TableError: a key is unknown, missing or wrong, or the hash is not that of the
            content; the message names document and key.
    """
    found = parse_table(text, ParameterSet, name=name)
    if found.hash != found.content_hash:
        message = (
            f"{name}: key 'hash': {found.hash[:16] or 'empty'} is not that of the "
            f"content, {found.content_hash[:16]}...; a set is never edited, make a "
            f"new version with luheng-wim calibrate"
        )
        raise TableError(message)
    return found


def calibrated(site: Site, calibration: Calibration) -> Site:
    """Return a site whose strips have the factors of a calibration in them."""
    return msgspec.structs.replace(
        site,
        lanes=tuple(
            msgspec.structs.replace(
                lane,
                strips=tuple(
                    msgspec.structs.replace(
                        strip,
                        counts_per_newton=strip.counts_per_newton
                        / calibration.strip_factor(strip.channel),
                        gain_uncertainty=_known_gain(strip, calibration),
                    )
                    for strip in lane.strips
                ),
            )
            for lane in site.lanes
        ),
    )


def mass_kg(strip: Strip, *, area_counts_s: float, speed_mps: float) -> float:
    """Return the mass that a wheel's pulse stands for, by the strip's own factor.

    Args:
        strip: the strip that was crossed, calibrated.
        area_counts_s: time integral of the counts above the offset.
        speed_mps: speed of the wheel while it was on this strip.
    """
    force_n = area_counts_s * speed_mps / (strip.counts_per_newton * strip.width_m)
    return force_n / STANDARD_GRAVITY_MPS2


def _known_gain(strip: Strip, calibration: Calibration) -> float | None:
    entry = _of_channel(calibration.strips, strip.channel)
    return strip.gain_uncertainty if entry is None else max(entry.uncertainty, 1e-6)


def _of_channel(entries: Sequence[ChannelFactor], channel: int) -> ChannelFactor | None:
    return next((entry for entry in entries if entry.channel == channel), None)


def interpolated(at: Sequence[float], values: Sequence[float], x: float) -> float:
    """Return a value linearly between growing places, constant beyond them."""
    if x <= at[0]:
        return values[0]
    i = bisect_right(at, x)
    if i == len(at):
        return values[-1]
    before, low = at[i - 1], values[i - 1]
    share = (x - before) / (at[i] - before)
    return low + share * (values[i] - low)


def _square(value: float) -> float:
    return value * value
