"""Where stations stand, as GeoJSON (RFC 7946) for the map, and how each is in a word.

It invents no place: a station without coordinates is in no feature.
"""

from collections.abc import Iterable
from typing import Literal, TypeAlias

import msgspec

from server.stations.model import StationRole, StationSummary

__all__ = ["Place", "Places", "StationState", "places", "state_of"]

StationState: TypeAlias = Literal["taking", "not_taking", "offline", "never"]


class Point(msgspec.Struct, frozen=True, tag="Point"):
    """A position: longitude before latitude, degrees of WGS-84."""

    coordinates: tuple[float, float]


class PlaceProperties(msgspec.Struct, frozen=True, kw_only=True):
    """What a map says of a station."""

    station_id: str
    name: str
    role: StationRole
    state: StationState


class Place(msgspec.Struct, frozen=True, kw_only=True, tag="Feature"):
    """One station on the map."""

    geometry: Point
    properties: PlaceProperties


class Places(msgspec.Struct, frozen=True, tag="FeatureCollection"):
    """All stations whose place is known."""

    features: tuple[Place, ...]


def state_of(station: StationSummary) -> StationState:
    """Say how a station is, in one word."""
    if station.online is None:
        return "never"
    if not station.online:
        return "offline"
    return "taking" if station.taking else "not_taking"


def places(stations: Iterable[StationSummary]) -> Places:
    """Return the stations whose place is known."""
    return Places(
        features=tuple(
            Place(
                geometry=Point((one.longitude, one.latitude)),
                properties=PlaceProperties(
                    station_id=one.station_id,
                    name=one.name,
                    role=one.role,
                    state=state_of(one),
                ),
            )
            for one in stations
            if one.longitude is not None and one.latitude is not None
        )
    )
