"""How a case begins: its first state and its number."""

import datetime as dt

from server.cases.model import CaseState

__all__ = ["FIRST", "case_number", "case_year"]

FIRST: CaseState = "filing_approval"

_BEIJING = dt.timezone(dt.timedelta(hours=8))


def case_year(now: dt.datetime) -> int:
    """Return the year in whose series a case is numbered: Beijing's.

    >>> case_year(dt.datetime(2026, 12, 31, 20, 0, tzinfo=dt.UTC))
    2027
    """
    return now.astimezone(_BEIJING).year


def case_number(year: int, number: int) -> str:
    """Return the number by which a case is called.

    >>> case_number(2026, 1)
    '路衡-2026-000001'
    """
    return f"路衡-{year}-{number:06d}"
