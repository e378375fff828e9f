"""Rows of stations and of the quarantine to values and back."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import msgspec

from server.db.pool import (
    LAST,
    Connection,
    execute,
    fetch_all,
    fetch_rows,
    json_value,
)
from server.db.queries import load_queries
from server.stations.model import (
    QuarantineCode,
    QuarantineEntry,
    SequenceGap,
    Station,
    StationSummary,
)
from wim.messages import StatusMessage, topic

__all__ = [
    "Quarantined",
    "count_stored",
    "find_payload",
    "find_quarantined",
    "put_quarantined",
    "put_stations",
    "put_status",
    "quarantine",
    "quarantined",
    "release",
    "summaries",
]

LONGEST_TOPIC = 200
"""Ours are shorter; one of 65 535 bytes fits no index and would hold up the rest."""

_SQL = load_queries("server.stations")


class Quarantined(msgspec.Struct, frozen=True, kw_only=True):
    """A message that was not believed, as it came."""

    quarantine_id: int
    topic: str
    code: QuarantineCode
    payload: bytes


async def put_stations(
    connection: Connection, stations: Sequence[Station], *, now: dt.datetime
) -> None:
    """Bring the configured stations into the table; others are kept, unlisted."""
    for station in sorted(stations, key=lambda one: one.station_id):
        await execute(
            connection,
            _SQL["put_station"],
            msgspec.structs.asdict(station) | {"now": now},
        )
    ids = [station.station_id for station in stations]
    await execute(connection, _SQL["forget_others"], {"station_ids": ids})


async def put_status(
    connection: Connection, status: StatusMessage, *, now: dt.datetime
) -> bool:
    """Take a station's status; false when it is older than what is known.

    A boot never seen before is the present one. Of the present boot a later
    ``sent_at`` wins, and its last will says no more than that it is offline. An
    earlier boot says nothing any more.
    """
    key = {"station_id": status.station_id}
    rows = await fetch_rows(connection, _SQL["lock_station"], key)
    known = rows[0]
    boot = key | {"boot_id": status.boot_id, "now": now}
    new_boot = bool(await execute(connection, _SQL["put_boot"], boot))
    if not new_boot and known["boot_id"] != status.boot_id:
        return False
    if status.sent_at is None:  # a last will knows nothing but that it is over
        if known["boot_id"] == status.boot_id:
            await execute(connection, _SQL["put_last_will"], key | {"now": now})
            return True
    elif not new_boot and _older(status.sent_at, known["status_sent_at"], now):
        return False
    await execute(
        connection,
        _SQL["put_status"],
        boot
        | {
            "online": status.online,
            "sent_at": status.sent_at,
            "status": json_value(status),
        },
    )
    await _note_gaps(connection, status, int(known["checked_through"]), now=now)
    return True


def _older(sent_at: dt.datetime, known: dt.datetime | None, now: dt.datetime) -> bool:
    """Tell whether a status is overtaken.

    One from the future never overtakes: the station's clock was wrong, and set since.
    """
    return known is not None and sent_at < known <= now


async def _note_gaps(
    connection: Connection,
    status: StatusMessage,
    checked_through: int,
    *,
    now: dt.datetime,
) -> None:
    """Note numbers below the lowest unacknowledged one that never arrived."""
    lowest = status.lowest_unacknowledged_sequence
    if lowest is None or lowest - 1 <= checked_through:
        return
    parameters = {
        "station_id": status.station_id,
        "first": checked_through + 1,
        "last": lowest - 1,
        "now": now,
    }
    await execute(connection, _SQL["note_gaps"], parameters)
    await execute(connection, _SQL["put_checked_through"], parameters)


async def count_stored(
    connection: Connection,
    station_id: str,
    sequences: Sequence[int],
    *,
    now: dt.datetime,
) -> None:
    """Count messages of one station just stored, and links that do not fit.

    Every sequenced message carries the hash of the one before it.
    """
    around = {near for n in sequences for near in (n - 1, n, n + 1)}
    rows = await fetch_rows(
        connection,
        _SQL["broken_links"],
        {"station_id": station_id, "around": sorted(around), "new": list(sequences)},
    )
    await execute(
        connection,
        _SQL["count_stored"],
        {
            "station_id": station_id,
            "stored": len(sequences),
            "last_sequence": max(sequences),
            "chain_breaks": rows[0]["broken"],
            "now": now,
        },
    )


async def summaries(connection: Connection) -> tuple[StationSummary, ...]:
    """Return every configured station, by id."""
    gaps: dict[str, list[SequenceGap]] = {}
    for row in await fetch_rows(connection, _SQL["gaps"]):
        if row["missing"]:
            station_id = row.pop("station_id")
            gaps.setdefault(station_id, []).append(msgspec.convert(row, SequenceGap))
    return tuple(
        msgspec.convert(row | {"gaps": gaps.get(row["station_id"], [])}, StationSummary)
        for row in await fetch_rows(connection, _SQL["summaries"])
    )


async def put_quarantined(
    connection: Connection,
    *,
    topic: str,
    station_id: str | None,
    sequence: int | None,
    code: QuarantineCode,
    reason: str,
    payload: bytes,
    payload_sha256: str,
    now: dt.datetime,
) -> int:
    """Keep a message that is not believed; the same bytes again are only counted.

    So are heartbeats with the same fault: one comes every few seconds, says nothing
    that the first did not, and would fill the disk.
    """
    again = {"topic": topic[:LONGEST_TOPIC], "code": code, "now": now}
    rows = await fetch_rows(connection, _SQL["count_status_again"], again)
    if rows:
        return int(rows[0]["quarantine_id"])
    rows = await fetch_rows(
        connection,
        _SQL["put_quarantined"],
        {
            "topic": topic[:LONGEST_TOPIC],
            "station_id": station_id,
            "sequence": sequence,
            "code": code,
            "reason": reason.replace("\0", "\N{REPLACEMENT CHARACTER}"),
            "payload": payload,
            "payload_sha256": payload_sha256,
            "now": now,
        },
    )
    return int(rows[0]["quarantine_id"])


async def quarantine(
    connection: Connection, *, limit: int, before: int | None
) -> tuple[QuarantineEntry, ...]:
    """Return quarantined messages, newest first."""
    parameters = {"limit": limit, "before": LAST if before is None else before}
    rows = await fetch_rows(connection, _SQL["quarantine"], parameters)
    return tuple(_entry(row) for row in rows)


async def find_quarantined(
    connection: Connection, quarantine_id: int
) -> QuarantineEntry | None:
    """Return one quarantined message."""
    parameters = {"quarantine_id": quarantine_id}
    rows = await fetch_rows(connection, _SQL["find_quarantined"], parameters)
    return _entry(rows[0]) if rows else None


async def find_payload(connection: Connection, quarantine_id: int) -> bytes | None:
    """Return the whole bytes of one quarantined message."""
    parameters = {"quarantine_id": quarantine_id}
    rows = await fetch_rows(connection, _SQL["find_payload"], parameters)
    return bytes(rows[0]["payload"]) if rows else None


async def quarantined(
    connection: Connection, *, station_id: str | None, after: int, limit: int
) -> tuple[Quarantined, ...]:
    """Return messages to take again, oldest first; heartbeats are over and left out."""
    topics = None if station_id is None else topic(station_id, "%")
    parameters = {"topics": topics, "after": after, "limit": limit}
    return await fetch_all(connection, _SQL["quarantined"], parameters, Quarantined)


async def release(connection: Connection, quarantine_id: int) -> None:
    """Keep a message no longer in the quarantine: its bytes are stored elsewhere."""
    await execute(connection, _SQL["release"], {"quarantine_id": quarantine_id})


def _entry(row: dict[str, Any]) -> QuarantineEntry:
    head = bytes(row.pop("head")).decode("utf-8", "replace")
    return msgspec.convert(row | {"excerpt": head}, QuarantineEntry)
