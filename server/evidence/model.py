"""Evidence files as announced, received and refused.

The bytes themselves lie in :mod:`server.evidence.files`, under their SHA-256.
"""

import datetime as dt
from pathlib import Path

import msgspec

from server.errors import RefusalReason
from wim.messages import EvidenceKind, Proves

__all__ = ["EvidenceItem", "Manifest", "Refusal", "StoredFile", "SubjectEvidence"]


class EvidenceItem(msgspec.Struct, frozen=True, kw_only=True):
    """One announced file; ``stored_at`` is None until its bytes have arrived."""

    subject_id: str
    station_id: str
    kind: EvidenceKind
    sha256: str
    size_bytes: int
    media_type: str
    recorder: str
    recorded_at: dt.datetime
    proves: Proves
    announced_at: dt.datetime
    in_manifest: bool
    stored_at: dt.datetime | None


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """The final, signed list of files of one passage or weighing."""

    subject_id: str
    sealed_at: dt.datetime
    received_at: dt.datetime
    payload_sha256: str
    missing: tuple[EvidenceKind, ...]


class SubjectEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """All evidence of one passage or weighing; ``manifest`` is None until it came."""

    items: tuple[EvidenceItem, ...]
    manifest: Manifest | None

    @property
    def lacking(self) -> tuple[str, ...]:
        """What must still arrive: ``manifest`` and ``file:<kind>:<sha256>`` codes."""
        absent = [
            f"file:{item.kind}:{item.sha256}"
            for item in self.items
            if item.stored_at is None
        ]
        return tuple((["manifest"] if self.manifest is None else []) + absent)


class StoredFile(msgspec.Struct, frozen=True, kw_only=True):
    """One stored file, ready to be read from ``path``."""

    sha256: str
    path: Path
    size_bytes: int
    media_type: str


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """How often files of one station were refused for one reason."""

    station_id: str
    reason: RefusalReason
    count: int
    last_at: dt.datetime
    last_sha256: str
