"""Is this message what it says it is? A pure look at topic and payload.

It stores nothing: what it does not believe comes back with code and reason, and goes to
the quarantine whole.
"""

import datetime as dt
from typing import TypeAlias

import msgspec

from server.stations.model import QuarantineCode, Registry, Station
from wim.errors import MessageError, SealError
from wim.messages import (
    EvidenceManifest,
    PassageMessage,
    StatusMessage,
    WeighingMessage,
    decode,
)
from wim.seal import check_signature, sha256

__all__ = ["Believed", "Doubted", "examine"]

EARLIEST_AGE = dt.timedelta(days=730)
"""Older than the limitation of two years nothing can still be of use."""
FURTHEST_AHEAD = dt.timedelta(minutes=15)
LONGEST_PLATE = 32
"""No plate has as many characters, and an index cannot hold any number of them."""

_PREFIX = "luheng/v1/"
_MAX_SEQUENCE = 2**63 - 1
_KINDS: dict[
    str,
    type[PassageMessage]
    | type[WeighingMessage]
    | type[EvidenceManifest]
    | type[StatusMessage],
] = {
    "passage": PassageMessage,
    "weighing": WeighingMessage,
    "evidence": EvidenceManifest,
    "status": StatusMessage,
}
_ROLE_OF = {"passage": "roadside", "weighing": "source"}

Message: TypeAlias = PassageMessage | WeighingMessage | EvidenceManifest | StatusMessage


class Believed(msgspec.Struct, frozen=True, kw_only=True):
    """A message that may be stored, with the bytes as they came."""

    topic: str
    station: Station
    message: Message
    payload: bytes
    digest: str


class Doubted(msgspec.Struct, frozen=True, kw_only=True):
    """A message for the quarantine.

    ``station_id`` is the topic's if it is configured. ``sequence`` is only given when
    the message carries the right signature: a forged one fills no gap.
    """

    topic: str
    station_id: str | None
    payload: bytes
    digest: str
    code: QuarantineCode
    reason: str
    sequence: int | None = None


class _Doubt(Exception):  # noqa: N818 - it leaves this module as a value
    def __init__(self, code: QuarantineCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class _Numbered(msgspec.Struct):
    sequence: int | None = None


def examine(
    topic: str, payload: bytes, *, registry: Registry, now: dt.datetime
) -> Believed | Doubted:
    """Check topic, schema, station, role, signature and time of one message."""
    digest = sha256(payload)
    station: Station | None = None
    try:
        station, leaf = _sender(topic, registry)
        message = _message(payload, station, leaf, now=now)
    except _Doubt as doubt:
        return Doubted(
            topic=topic,
            station_id=station.station_id if station else None,
            payload=payload,
            digest=digest,
            code=doubt.code,
            reason=str(doubt),
            sequence=_signed_sequence(payload, station),
        )
    return Believed(
        topic=topic, station=station, message=message, payload=payload, digest=digest
    )


def _sender(topic: str, registry: Registry) -> tuple[Station, str]:
    station_id, slash, leaf = topic.removeprefix(_PREFIX).partition("/")
    if not topic.startswith(_PREFIX) or not slash or leaf not in _KINDS:
        reason = f"nothing is expected on topic {topic}"
        raise _Doubt("unknown_topic", reason)
    station = registry.find(station_id)
    if station is None:
        reason = f"no station {station_id} is configured"
        raise _Doubt("unknown_station", reason)
    return station, leaf


def _message(
    payload: bytes, station: Station, leaf: str, *, now: dt.datetime
) -> Message:
    try:
        message: Message = decode(payload, _KINDS[leaf])
    except MessageError as error:
        raise _Doubt("schema", str(error)) from error
    if message.station_id != station.station_id:
        reason = f"it says station {message.station_id} on {station.station_id}'s topic"
        raise _Doubt("wrong_station", reason)
    if isinstance(message, StatusMessage):
        return message
    if _ROLE_OF.get(leaf, station.role) != station.role:
        reason = f"a {station.role} station sends no {leaf}"
        raise _Doubt("wrong_role", reason)
    try:
        check_signature(payload, station.public_key)
    except SealError as error:
        raise _Doubt("signature", str(error)) from error
    _check_time(message, now=now)
    _check_plates(message)
    return message


def _check_time(
    message: PassageMessage | WeighingMessage | EvidenceManifest, *, now: dt.datetime
) -> None:
    if isinstance(message, PassageMessage):
        name, at = "passed_at", message.passed_at
    elif isinstance(message, WeighingMessage):
        name, at = "weighed_at", message.weighed_at
    else:
        name, at = "sealed_at", message.sealed_at
    if at > now + FURTHEST_AHEAD:
        reason = f"{name} {at.isoformat()} lies ahead of the centre's clock"
        raise _Doubt("time", reason)
    if at < now - EARLIEST_AGE:
        days = EARLIEST_AGE.days
        reason = f"{name} {at.isoformat()} is more than {days} days ago"
        raise _Doubt("time", reason)


def _check_plates(
    message: PassageMessage | WeighingMessage | EvidenceManifest,
) -> None:
    for note in message.plate_readings:
        if note.text is not None and len(note.text) > LONGEST_PLATE:
            reason = (
                f"a plate of {len(note.text)} characters; {LONGEST_PLATE} are the most"
            )
            raise _Doubt("schema", reason)


def _signed_sequence(payload: bytes, station: Station | None) -> int | None:
    if station is None:
        return None
    try:
        check_signature(payload, station.public_key)
        sequence = msgspec.json.decode(payload, type=_Numbered).sequence
    except (SealError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return sequence if sequence and 0 < sequence <= _MAX_SEQUENCE else None
