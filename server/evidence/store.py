"""Rows of evidence to values and back."""

import datetime as dt
from collections.abc import Iterable

import msgspec

from server.db.pool import Connection, execute, fetch_all, fetch_one, fetch_rows
from server.db.queries import load_queries
from server.errors import RefusalReason
from server.evidence.model import EvidenceItem, Manifest, Refusal, SubjectEvidence
from wim.messages import EvidenceManifest, EvidenceNote

__all__ = [
    "Waiting",
    "announce",
    "announced_size",
    "count_refusal",
    "insert_manifest",
    "is_stored",
    "keep_waiting",
    "manifest",
    "mark_stored",
    "media_type",
    "of_subject",
    "records_waiting_for",
    "refusals",
    "take_overdue",
    "take_waiting",
]

_SQL = load_queries("server.evidence")


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """A manifest that came before its passage or weighing."""

    topic: str
    payload: bytes


async def announce(
    connection: Connection,
    subject_id: str,
    station_id: str,
    notes: Iterable[EvidenceNote],
    *,
    in_manifest: bool,
    now: dt.datetime,
) -> None:
    """Write down which files a station says that it will send."""
    for note in notes:
        await execute(
            connection,
            _SQL["announce"],
            msgspec.structs.asdict(note)
            | {
                "subject_id": subject_id,
                "station_id": station_id,
                "in_manifest": in_manifest,
                "now": now,
            },
        )


async def manifest(connection: Connection, subject_id: str) -> Manifest | None:
    """Return the manifest of one passage or weighing."""
    return await fetch_one(
        connection, _SQL["manifest"], {"subject_id": subject_id}, Manifest
    )


async def insert_manifest(
    connection: Connection,
    message: EvidenceManifest,
    payload: bytes,
    *,
    payload_sha256: str,
    now: dt.datetime,
) -> None:
    """Keep a manifest."""
    await execute(
        connection,
        _SQL["insert_manifest"],
        {
            "subject_id": message.subject_id,
            "station_id": message.station_id,
            "subject_hash": message.subject_hash,
            "sealed_at": message.sealed_at,
            "missing": list(message.missing),
            "payload": payload,
            "payload_sha256": payload_sha256,
            "now": now,
        },
    )


async def keep_waiting(
    connection: Connection,
    message: EvidenceManifest,
    payload: bytes,
    *,
    topic: str,
    payload_sha256: str,
    now: dt.datetime,
) -> bool:
    """Keep a manifest until its subject comes; false when it already waits."""
    return bool(
        await execute(
            connection,
            _SQL["keep_waiting"],
            {
                "subject_id": message.subject_id,
                "payload_sha256": payload_sha256,
                "topic": topic,
                "station_id": message.station_id,
                "payload": payload,
                "now": now,
            },
        )
    )


async def take_waiting(connection: Connection, subject_id: str) -> tuple[Waiting, ...]:
    """Return, and no longer keep, the manifests that wait for this subject."""
    return await fetch_all(
        connection, _SQL["take_waiting"], {"subject_id": subject_id}, Waiting
    )


async def take_overdue(
    connection: Connection, *, before: dt.datetime
) -> tuple[Waiting, ...]:
    """Return, and no longer keep, the manifests that wait since before an instant."""
    return await fetch_all(
        connection, _SQL["take_overdue"], {"before": before}, Waiting
    )


async def announced_size(
    connection: Connection, sha256: str, station_id: str
) -> int | None:
    """Return the size that a station announced for a file, None if it did not."""
    parameters = {"sha256": sha256, "station_id": station_id}
    rows = await fetch_rows(connection, _SQL["announced_size"], parameters)
    return int(rows[0]["size_bytes"]) if rows else None


async def is_stored(connection: Connection, sha256: str) -> bool:
    """Tell whether a file was stored."""
    rows = await fetch_rows(connection, _SQL["is_stored"], {"sha256": sha256})
    return bool(rows[0]["found"])


async def mark_stored(
    connection: Connection,
    sha256: str,
    *,
    station_id: str,
    size_bytes: int,
    now: dt.datetime,
) -> None:
    """Write down that a file lies in the store."""
    await execute(
        connection,
        _SQL["mark_stored"],
        {
            "sha256": sha256,
            "station_id": station_id,
            "size_bytes": size_bytes,
            "now": now,
        },
    )


async def records_waiting_for(connection: Connection, sha256: str) -> tuple[int, ...]:
    """Return the records to whose evidence a file belongs."""
    rows = await fetch_rows(connection, _SQL["records_waiting_for"], {"sha256": sha256})
    return tuple(int(row["record_id"]) for row in rows)


async def media_type(connection: Connection, sha256: str) -> str | None:
    """Return what kind of file a stored file is."""
    rows = await fetch_rows(connection, _SQL["media_type"], {"sha256": sha256})
    return str(rows[0]["media_type"]) if rows else None


async def of_subject(connection: Connection, subject_id: str) -> SubjectEvidence:
    """Return all evidence of one passage or weighing."""
    parameters = {"subject_id": subject_id}
    items = await fetch_all(connection, _SQL["items"], parameters, EvidenceItem)
    found = await manifest(connection, subject_id)
    return SubjectEvidence(items=items, manifest=found)


async def count_refusal(
    connection: Connection,
    station_id: str,
    reason: RefusalReason,
    *,
    sha256: str,
    now: dt.datetime,
) -> None:
    """Count one refused file."""
    await execute(
        connection,
        _SQL["count_refusal"],
        {"station_id": station_id, "reason": reason, "sha256": sha256, "now": now},
    )


async def refusals(connection: Connection) -> tuple[Refusal, ...]:
    """Return how often files were refused, by station and reason."""
    return await fetch_all(connection, _SQL["refusals"], {}, Refusal)
