"""Who did what, when: rows that are only ever added.

It explains nothing: the reason of a step stands on the step.
"""

import datetime as dt

import msgspec

__all__ = ["AuditEntry"]


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
