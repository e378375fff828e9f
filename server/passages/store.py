"""Rows of passages to values and back.

The ledger decides what is new; the passages table only ever gets what the ledger took.
"""

import datetime as dt
from collections.abc import Iterable

import msgspec

from server.db.pool import (
    LAST,
    Connection,
    execute,
    fetch_all,
    fetch_one,
    json_value,
)
from server.db.queries import load_queries
from server.passages.model import Passage, PassageSummary, Verdict
from wim.messages import PassageMessage, PlateNote

__all__ = [
    "Entered",
    "add_plates",
    "enter",
    "entered",
    "find_passage",
    "find_summary",
    "insert",
    "lock_subject",
    "prepare_day",
    "recent",
]

_SQL = load_queries("server.passages")


class Entered(msgspec.Struct, frozen=True, kw_only=True):
    """What the ledger knows of a passage or weighing."""

    subject_id: str
    station_id: str
    sequence: int
    payload_sha256: str


async def prepare_day(connection: Connection, day: dt.date) -> None:
    """Make sure that passages of one UTC day have a partition of their own."""
    await execute(connection, _SQL["prepare_day"], {"day": day})


async def lock_subject(connection: Connection, subject_id: str) -> None:
    """Let nobody else write about this passage or weighing until the transaction ends.

    So a manifest and its passage that arrive at once do not miss each other.
    """
    await execute(connection, _SQL["lock_subject"], {"subject_id": subject_id})


async def enter(
    connection: Connection,
    message: PassageMessage,
    *,
    payload_sha256: str,
    alert: bool,
    now: dt.datetime,
) -> bool:
    """Enter a passage in the ledger; false when its id or its number is taken."""
    return bool(
        await execute(
            connection,
            _SQL["enter"],
            {
                "passage_id": message.passage_id,
                "station_id": message.station_id,
                "sequence": message.sequence,
                "passed_at": message.passed_at,
                "payload_sha256": payload_sha256,
                "previous_hash": message.previous_hash,
                "alert": alert,
                "now": now,
            },
        )
    )


async def entered(connection: Connection, passage_id: str) -> Entered | None:
    """Return what the ledger knows of a passage."""
    return await fetch_one(
        connection, _SQL["entered"], {"passage_id": passage_id}, Entered
    )


async def insert(
    connection: Connection,
    message: PassageMessage,
    payload: bytes,
    *,
    payload_sha256: str,
    verdict: Verdict | None,
    verdict_problem: str | None,
    bands: tuple[str, ...],
    now: dt.datetime,
) -> None:
    """Store a passage that the ledger has just taken."""
    station_verdict = message.assessment
    fields = {
        name: getattr(message, name)
        for name in message.__struct_fields__
        if name not in {"assessment", "plate_readings", "evidence", "schema"}
    }
    loads_u, spacings = message.axle_load_uncertainties_kg, message.axle_spacings_m
    groups = message.axle_groups
    parameters = fields | {
        "axle_count": len(message.axle_loads_kg),
        "axle_loads_kg": list(message.axle_loads_kg),
        "axle_load_uncertainties_kg": None if loads_u is None else list(loads_u),
        "axle_spacings_m": None if spacings is None else list(spacings),
        "axle_groups": None if groups is None else json_value(groups),
        "flags": list(message.flags),
        "findings": json_value(message.findings),
        "station_verdict": json_value(station_verdict) if station_verdict else None,
        "verdict": json_value(verdict) if verdict else None,
        "verdict_problem": verdict_problem,
        "bands": list(bands),
        "payload": payload,
        "payload_sha256": payload_sha256,
        "now": now,
    }
    await execute(connection, _SQL["insert"], parameters)


async def add_plates(
    connection: Connection, passage_id: str, readings: Iterable[PlateNote]
) -> None:
    """Add plate readings to a passage, after those it has."""
    for note in readings:
        await execute(
            connection,
            _SQL["add_plate"],
            {
                "passage_id": passage_id,
                "text": note.text,
                "colour": note.colour,
                "view": note.view,
                "weakest": min(note.character_confidences, default=None),
                "note": json_value(note),
            },
        )


async def recent(
    connection: Connection,
    *,
    limit: int,
    after: int | None,
    before: int | None,
    overloaded_only: bool,
) -> tuple[PassageSummary, ...]:
    """Return passages, newest arrival first."""
    name = "recent_alerts" if overloaded_only else "recent"
    return await fetch_all(
        connection,
        _SQL[name if after is None else f"{name}_after"],
        {
            "limit": limit,
            "after": after,
            "before": LAST if before is None else before,
        },
        PassageSummary,
    )


async def find_summary(
    connection: Connection, passage_id: str
) -> PassageSummary | None:
    """Return one line of the alert wall."""
    return await fetch_one(
        connection, _SQL["find_summary"], {"passage_id": passage_id}, PassageSummary
    )


async def find_passage(connection: Connection, passage_id: str) -> Passage | None:
    """Return one passage whole."""
    return await fetch_one(
        connection, _SQL["find_passage"], {"passage_id": passage_id}, Passage
    )
