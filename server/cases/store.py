"""Rows of cases to values and back."""

import datetime as dt

from server.cases.model import CaseState, CaseSummary
from server.db.pool import LAST, Connection, fetch_all, fetch_one, fetch_rows
from server.db.queries import load_queries

__all__ = ["find", "open_case", "recent", "take_number"]

_SQL = load_queries("server.cases")


async def take_number(connection: Connection, year: int) -> int:
    """Return the next number of a year; given back when the transaction fails."""
    rows = await fetch_rows(connection, _SQL["take_number"], {"year": year})
    return int(rows[0]["last_number"])


async def open_case(
    connection: Connection,
    *,
    number: str,
    record_id: int,
    passage_id: str,
    state: CaseState,
    opened_by: int,
    now: dt.datetime,
) -> int:
    """Open a case and return its id."""
    rows = await fetch_rows(
        connection,
        _SQL["open"],
        {
            "number": number,
            "record_id": record_id,
            "passage_id": passage_id,
            "state": state,
            "opened_by": opened_by,
            "now": now,
        },
    )
    return int(rows[0]["case_id"])


async def recent(
    connection: Connection, *, limit: int, before: int | None
) -> tuple[CaseSummary, ...]:
    """Return cases, newest first."""
    parameters = {"limit": limit, "before": LAST if before is None else before}
    return await fetch_all(connection, _SQL["recent"], parameters, CaseSummary)


async def find(connection: Connection, case_id: int) -> CaseSummary | None:
    """Return one case."""
    return await fetch_one(connection, _SQL["find"], {"case_id": case_id}, CaseSummary)
