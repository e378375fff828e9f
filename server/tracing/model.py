"""Leads 线索: weighings that could be the load of a passage.

A lead is never proof, and none is better than a wrong one.
"""

from typing import Literal

import msgspec

from server.cases.model import CaseSummary
from server.enterprises.model import Weighing
from server.review.model import Record

__all__ = ["CaseFile", "Lead"]


class Lead(msgspec.Struct, frozen=True, kw_only=True):
    """One weighing that could be this load.

    ``match`` is ``same_plate`` or ``one_character``; ``difference_kg`` is road minus
    source; ``lead_time_s`` is how long before the passage it was weighed.
    ``proof`` is always false and said aloud so that no reader of the JSON forgets it.
    """

    weighing: Weighing
    match: Literal["same_plate", "one_character"]
    passage_plate: str
    weighing_plate: str
    passage_gross_mass_kg: float
    difference_kg: float
    lead_time_s: float
    proof: Literal[False] = False


class CaseFile(msgspec.Struct, frozen=True, kw_only=True):
    """One case with its record and the leads to where it may have been loaded.

    ``searched_plates`` are the plates looked for; empty when the plate is unread, and
    then nothing could be searched.
    """

    case: CaseSummary
    record: Record
    leads: tuple[Lead, ...]
    searched_plates: tuple[str, ...]
