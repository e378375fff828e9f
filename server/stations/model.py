"""Stations 检测点 and source scales: who they are, how they are, what was not believed.

Who exists and with which key is the configuration's business; this keeps what they
said last and what was counted.
"""

import datetime as dt
from collections.abc import Iterable
from typing import Literal, TypeAlias

import msgspec

from wim.messages import DeviceStatus

__all__ = [
    "QuarantineCode",
    "QuarantineEntry",
    "Registry",
    "SequenceGap",
    "Station",
    "StationRole",
    "StationSummary",
]

StationRole: TypeAlias = Literal["roadside", "source"]
QuarantineCode: TypeAlias = Literal[
    "unknown_topic",
    "unknown_station",
    "wrong_station",
    "wrong_role",
    "schema",
    "signature",
    "time",
    "other_bytes",
    "sequence_taken",
    "other_subject",
    "no_subject",
    "not_storable",
]
"""Why a message is quarantined; the sentence beside it names the figures."""


class Station(msgspec.Struct, frozen=True, kw_only=True):
    """One configured sender: its key decides what is believed.

    Where it stands is in degrees of WGS-84; both are None when nobody said.
    """

    station_id: str
    name: str
    role: StationRole
    public_key: str
    latitude: float | None = None
    longitude: float | None = None


class Registry:
    """The configured stations, by id."""

    def __init__(self, stations: Iterable[Station]) -> None:
        self._stations = {station.station_id: station for station in stations}

    def find(self, station_id: str) -> Station | None:
        """Return the station with this id, or None."""
        return self._stations.get(station_id)

    def public_key(self, station_id: str) -> str | None:
        """Return the hex public key of this station, or None when it is unknown."""
        station = self.find(station_id)
        return station.public_key if station else None

    def all(self) -> tuple[Station, ...]:
        """Return all configured stations."""
        return tuple(self._stations.values())


class SequenceGap(msgspec.Struct, frozen=True, kw_only=True):
    """Numbers of a station's sequence that never arrived, first and last included."""

    first: int
    last: int
    missing: int
    found_at: dt.datetime


class StationSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One station on the stations page.

    ``latitude`` and ``longitude`` [degrees of WGS-84] are None when nobody said;
    ``online`` is None before its first status. ``refusals`` counts refused evidence
    files by reason, ``quarantined`` messages that were not believed.
    """

    station_id: str
    name: str
    role: StationRole
    latitude: float | None
    longitude: float | None
    online: bool | None
    taking: bool | None
    not_taking_reason: str | None
    boot_id: str | None
    status_sent_at: dt.datetime | None
    status_received_at: dt.datetime | None
    outbox_depth: int | None
    oldest_unacknowledged_at: dt.datetime | None
    lowest_unacknowledged_sequence: int | None
    devices: tuple[DeviceStatus, ...]
    counters: dict[str, int]
    messages_stored: int
    last_message_at: dt.datetime | None
    last_sequence: int | None
    gaps: tuple[SequenceGap, ...]
    chain_breaks: int
    quarantined: int
    refusals: dict[str, int]


class QuarantineEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One message that was not believed, kept whole with the reason.

    ``excerpt`` is the start of the payload, for reading; ``deliveries`` counts how
    often the same bytes came.
    """

    quarantine_id: int
    received_at: dt.datetime
    last_received_at: dt.datetime
    topic: str
    station_id: str | None
    code: QuarantineCode
    reason: str
    payload_sha256: str
    size_bytes: int
    deliveries: int
    excerpt: str
