"""Who did what, when: rows that are only ever added.

It explains nothing: the reason of a step stands on the step.
"""

import datetime as dt
from typing import Protocol

import msgspec

__all__ = ["Actor", "AuditEntry"]


class Actor(Protocol):
    """Whoever acts: an account."""

    @property
    def account_id(self) -> int:
        """Its number."""

    @property
    def name(self) -> str:
        """What it is called."""


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One act. ``account_id`` is null when the centre itself acted."""

    audit_id: int
    at: dt.datetime
    account_id: int | None
    account_name: str
    action: str
    subject_kind: str
    subject_id: str
    details: dict[str, str]
