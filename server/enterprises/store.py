"""Rows of enterprises and weighings to values and back."""

import datetime as dt
from collections.abc import Iterable, Sequence

import msgspec

from server.db.pool import Connection, execute, fetch_all, fetch_rows, json_value
from server.db.queries import load_queries
from server.enterprises.model import Enterprise, Weighing
from wim.messages import PlateNote, WeighingMessage

__all__ = [
    "EnteredWeighing",
    "add_plates",
    "enter",
    "entered",
    "in_window",
    "put_enterprises",
]

_SQL = load_queries("server.enterprises")


class EnteredWeighing(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a weighing that has been taken."""

    subject_id: str
    station_id: str
    sequence: int
    payload_sha256: str


async def put_enterprises(
    connection: Connection, enterprises: Iterable[Enterprise], *, now: dt.datetime
) -> None:
    """Bring the configured enterprises into the table."""
    for enterprise in enterprises:
        parameters = msgspec.structs.asdict(enterprise) | {"now": now}
        await execute(connection, _SQL["put_enterprise"], parameters)


async def enter(
    connection: Connection,
    message: WeighingMessage,
    payload: bytes,
    *,
    payload_sha256: str,
    now: dt.datetime,
) -> bool:
    """Store a weighing; false when its id or its number is taken."""
    fields = {
        name: getattr(message, name)
        for name in message.__struct_fields__
        if name not in {"plate_readings", "evidence", "schema"}
    }
    parameters = fields | {
        "payload": payload,
        "payload_sha256": payload_sha256,
        "now": now,
    }
    return bool(await execute(connection, _SQL["enter"], parameters))


async def entered(connection: Connection, weighing_id: str) -> EnteredWeighing | None:
    """Return what is known of a weighing."""
    rows = await fetch_rows(connection, _SQL["entered"], {"weighing_id": weighing_id})
    return msgspec.convert(rows[0], EnteredWeighing) if rows else None


async def add_plates(
    connection: Connection, weighing_id: str, readings: Iterable[PlateNote]
) -> None:
    """Add plate readings to a weighing, after those it has."""
    for note in readings:
        await execute(
            connection,
            _SQL["add_plate"],
            {
                "weighing_id": weighing_id,
                "text": note.text,
                "colour": note.colour,
                "view": note.view,
                "weakest": min(note.character_confidences, default=None),
                "note": json_value(note),
            },
        )


async def in_window(
    connection: Connection,
    *,
    from_at: dt.datetime,
    to_at: dt.datetime,
    patterns: Sequence[str],
) -> tuple[Weighing, ...]:
    """Return weighings between two instants (both included) by plate patterns."""
    parameters = {"from_at": from_at, "to_at": to_at, "patterns": list(patterns)}
    return await fetch_all(connection, _SQL["in_window"], parameters, Weighing)
