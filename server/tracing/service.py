"""Leads to where a passage's load may have been weighed, for the pages."""

from server.accounts.model import Account
from server.db.pool import Pool
from server.tracing.model import CaseFile, Lead

__all__ = ["case_file", "leads"]


async def leads(pool: Pool, passage_id: str) -> tuple[Lead, ...]:
    """Return the weighings that could be this load, best first; empty if none.

    Raises:
        NotFound: no such passage.
    """
    raise NotImplementedError


async def case_file(pool: Pool, case_id: int, *, viewer: Account) -> CaseFile:
    """Return one case with its record and its leads (the case page).

    Raises:
        NotFound: no such case.
    """
    raise NotImplementedError
