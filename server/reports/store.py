"""Counted rows to figures."""

import datetime as dt
from collections.abc import Sequence

import msgspec

from server.db.pool import Connection, fetch_all, fetch_rows
from server.db.queries import load_queries
from server.passages.model import PassageSummary
from server.reports.model import DayFigures, HourFigures, MassPoint
from server.review.model import RecordState

__all__ = [
    "any_simulated",
    "day",
    "front_photos",
    "hundred_tonne",
    "masses",
    "record_states",
    "summaries",
]

_SQL = load_queries("server.reports")


async def day(
    connection: Connection, begins: dt.datetime, ends: dt.datetime
) -> DayFigures:
    """Count the span of one day."""
    span = {"begins": begins, "ends": ends}
    hours = await fetch_all(connection, _SQL["hours"], span, HourFigures)
    (row,) = await fetch_rows(connection, _SQL["day"], span)
    return DayFigures(hours=hours, records_open=row["records_open"], cases=row["cases"])


async def record_states(connection: Connection) -> dict[RecordState, int]:
    """Count the records in each state that has any."""
    rows = await fetch_rows(connection, _SQL["record_states"])
    return {msgspec.convert(row["state"], RecordState): row["count"] for row in rows}


async def hundred_tonne(
    connection: Connection, since: dt.datetime, *, limit: int
) -> tuple[PassageSummary, ...]:
    """Return alerts with the mark of 百吨王, newest arrival first."""
    return await fetch_all(
        connection,
        _SQL["hundred_tonne"],
        {"since": since, "limit": limit},
        PassageSummary,
    )


async def masses(
    connection: Connection, since: dt.datetime, station_id: str | None, *, limit: int
) -> tuple[MassPoint, ...]:
    """Return the passages since an instant, the latest to pass first."""
    return await fetch_all(
        connection,
        _SQL["masses"],
        {"since": since, "station_id": station_id, "limit": limit},
        MassPoint,
    )


async def summaries(
    connection: Connection, passage_ids: Sequence[str]
) -> tuple[PassageSummary, ...]:
    """Return these passages, newest arrival first; unknown ids are left out."""
    return await fetch_all(
        connection,
        _SQL["summaries"],
        {"passage_ids": list(passage_ids)},
        PassageSummary,
    )


async def front_photos(
    connection: Connection, passage_ids: Sequence[str]
) -> dict[str, str]:
    """Return the hash of a stored front photo by passage."""
    rows = await fetch_rows(
        connection, _SQL["front_photos"], {"passage_ids": list(passage_ids)}
    )
    return {row["subject_id"]: row["sha256"] for row in rows}


async def any_simulated(connection: Connection) -> bool:
    """Tell whether there is any simulated account."""
    (row,) = await fetch_rows(connection, _SQL["simulated_accounts"])
    return bool(row["found"])
