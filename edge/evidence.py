"""Evidence at the roadside: bytes hashed at capture, kept in a folder by their hash.

It takes no picture and sends nothing. Bytes are written and synced before anything
announces them; they are deleted only when the centre has stored them.
"""

import contextlib
import datetime as dt
import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from edge.config import View
from edge.errors import StorageError, StorageFullError
from wim.messages import EvidenceKind, EvidenceNote, Proves
from wim.seal import sha256

__all__ = [
    "PHOTO",
    "EvidenceFolder",
    "EvidenceItem",
    "free_bytes",
    "measured_signal",
    "photograph",
]

PHOTO: dict[View, tuple[EvidenceKind, Proves]] = {
    "front": ("photo_front", "vehicle_front_and_plate"),
    "side": ("photo_side", "vehicle_side_and_axles"),
    "rear": ("photo_rear", "vehicle_rear_and_load"),
    "gate": ("photo_front", "vehicle_front_and_plate"),
}
"""View → kind of evidence and what its picture proves."""

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class EvidenceItem(NamedTuple):
    """One piece of evidence: what is announced, and the bytes themselves."""

    note: EvidenceNote
    content: bytes


def photograph(
    content: bytes, view: View, *, recorder: str, recorded_at: dt.datetime
) -> EvidenceItem:
    """Return a camera's own JPEG bytes as evidence."""
    kind, proves = PHOTO[view]
    note = EvidenceNote(
        kind=kind,
        sha256=sha256(content),
        size_bytes=len(content),
        media_type="image/jpeg",
        recorder=recorder,
        recorded_at=recorded_at,
        proves=proves,
    )
    return EvidenceItem(note, content)


def measured_signal(content: bytes, *, recorded_at: dt.datetime) -> EvidenceItem:
    """Return the samples of one passage, an ``.npz`` archive, as evidence."""
    note = EvidenceNote(
        kind="samples",
        sha256=sha256(content),
        size_bytes=len(content),
        media_type="application/zip",
        recorder="line",
        recorded_at=recorded_at,
        proves="measured_signal",
    )
    return EvidenceItem(note, content)


def free_bytes(folder: Path) -> int:
    """Return the room that is left where a folder lies.

    Raises:
        StorageError: the folder is gone.
    """
    try:
        return shutil.disk_usage(folder).free
    except OSError as error:
        text = f"cannot look at {folder}: {error.strerror}"
        raise StorageError(text) from error


class EvidenceFolder:
    """Files named by their SHA-256, two levels deep."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)

    def path(self, digest: str) -> Path:
        """Return where the file of a hash lies."""
        return self.root / digest[:2] / digest

    def keep(self, item: EvidenceItem, *, reserve_bytes: int = 0) -> None:
        """Write one item and sync it, so that a power cut cannot take it back.

        Raises:
            StorageFullError: no room, or less than ``reserve_bytes`` would be left.
            StorageError: the folder cannot be written.
        """
        path = self.path(item.note.sha256)
        with contextlib.suppress(OSError):
            os.utime(path)
            return
        if reserve_bytes and free_bytes(self.root) < reserve_bytes:
            text = f"less than {reserve_bytes // 1_000_000} MB free in {self.root}"
            raise StorageFullError(text)
        part = path.with_suffix(f".part{os.getpid()}")
        try:
            path.parent.mkdir(exist_ok=True)
            with part.open("wb") as file:
                file.write(item.content)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
            _sync_folder(path.parent)
        except OSError as error:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
            text = f"cannot write {path}: {error.strerror}"
            kind = StorageFullError if error.errno in _FULL else StorageError
            raise kind(text) from error

    def sweep(self, named: Callable[[str], bool], *, before: dt.datetime) -> int:
        """Delete files that nothing names and nobody has touched lately.

        Such are delivered files, photographs of vehicles that were not taken, and what
        a kill left half written. The age keeps one that is about to be announced.

        Args:
            named: tells whether a hash is still spoken of.
            before: only files last touched before this are deleted.

        Returns:
            How many were deleted.
        """
        swept = 0
        for path in self.root.glob("??/*"):
            with contextlib.suppress(FileNotFoundError):
                old = path.stat().st_mtime < before.timestamp()
                if old and (path.suffix or not named(path.name)):
                    path.unlink()
                    swept += 1
        return swept


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
