"""Leads to where a passage's load may have been weighed, for the pages."""

from server.accounts.model import Account
from server.cases import service as cases
from server.db.pool import Connection, Pool
from server.enterprises import store as enterprises_store
from server.errors import NotFound
from server.passages import store as passages_store
from server.passages.model import Passage
from server.tracing import workflow
from server.tracing.model import CaseFile, Lead

__all__ = ["case_file", "leads"]


async def leads(pool: Pool, passage_id: str) -> tuple[Lead, ...]:
    """Return the weighings that could be this load, best first; empty if none.

    Raises:
        NotFound: no such passage.
    """
    async with pool.connection() as connection:
        passage = await passages_store.find_passage(connection, passage_id)
        if passage is None:
            message = f"no passage {passage_id}"
            raise NotFound(message)
        return await _leads(connection, passage)


async def case_file(pool: Pool, case_id: int, *, viewer: Account) -> CaseFile:
    """Return one case with its record and its leads (the case page).

    Raises:
        NotFound: no such case.
    """
    found = await cases.find_case(pool, case_id, viewer=viewer)
    passage = found.record.passage
    async with pool.connection() as connection:
        return CaseFile(
            case=found.case,
            record=found.record,
            leads=await _leads(connection, passage),
            searched_plates=workflow.plates_of(passage),
        )


async def _leads(connection: Connection, passage: Passage) -> tuple[Lead, ...]:
    plates = workflow.plates_of(passage)
    if not plates:
        return ()
    passed_at = passage.summary.passed_at
    weighings = await enterprises_store.in_window(
        connection,
        from_at=passed_at - workflow.WINDOW,
        to_at=passed_at,
        patterns=workflow.patterns(plates),
    )
    return workflow.find_leads(passage, plates, weighings)
