"""The file store: bytes under their SHA-256, whole or not there at all.

A file appears under its name only after its bytes were written, hashed, compared and
flushed to the disk. It deletes nothing that it has taken.
"""

import asyncio
import errno
import hashlib
import os
import re
import secrets
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO

from server.errors import EvidenceRefused

__all__ = ["EvidenceFiles"]

_DIGEST = re.compile(r"^[0-9a-f]{64}$")
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class EvidenceFiles:
    """The files below one folder.

    Args:
        root: the folder; it and what is needed below it are made.
        max_bytes: larger files are refused.
        min_free_bytes: below this much free space nothing is taken.
    """

    def __init__(self, root: Path, *, max_bytes: int, min_free_bytes: int) -> None:
        self._root = root
        self._arriving = root / "arriving"
        self._max_bytes = max_bytes
        self._min_free_bytes = min_free_bytes

    def prepare(self) -> None:
        """Make the folders and remove what an earlier, killed server left half done."""
        self._arriving.mkdir(parents=True, exist_ok=True)
        for left in self._arriving.iterdir():
            left.unlink(missing_ok=True)

    def path(self, sha256: str) -> Path:
        """Return where the file with this hash lies or would lie.

        Raises:
            ValueError: it is no SHA-256 in lower-case hex.
        """
        if not _DIGEST.match(sha256):
            message = f"not a SHA-256: {sha256[:80]!r}"
            raise ValueError(message)
        return self._root / sha256[:2] / sha256[2:4] / sha256

    def has(self, sha256: str) -> bool:
        """Tell whether the file with this hash is there."""
        return self.path(sha256).is_file()

    async def take(
        self, sha256: str, *, size_bytes: int, content: AsyncIterator[bytes]
    ) -> None:
        """Write, check and keep one file.

        Raises:
            EvidenceRefused: too_large, size_mismatch, hash_mismatch or disk_full;
                then nothing of it stays.
        """
        target = self.path(sha256)
        if size_bytes > self._max_bytes:
            message = f"{size_bytes} bytes announced, {self._max_bytes} are the most"
            raise EvidenceRefused(message, reason="too_large")
        self._check_room(size_bytes)
        half_done = self._arriving / f"{sha256}.{secrets.token_hex(4)}"
        try:
            await self._write(half_done, sha256, size_bytes, content)
            await asyncio.to_thread(_move, half_done, target)
        except OSError as error:
            if error.errno not in _FULL:
                raise
            message = f"the disk of the evidence folder is full: {error.strerror}"
            raise EvidenceRefused(message, reason="disk_full") from error
        finally:
            half_done.unlink(missing_ok=True)

    def _check_room(self, size_bytes: int) -> None:
        free = shutil.disk_usage(self._arriving).free
        if free - size_bytes < self._min_free_bytes:
            message = (
                f"{free} bytes free in the evidence folder, {self._min_free_bytes} are "
                "kept free"
            )
            raise EvidenceRefused(message, reason="disk_full")

    async def _write(
        self, path: Path, sha256: str, size_bytes: int, content: AsyncIterator[bytes]
    ) -> None:
        digest = hashlib.sha256()
        received = 0
        with await asyncio.to_thread(path.open, "xb") as file:
            async for chunk in content:
                received += len(chunk)
                if received > size_bytes:
                    message = f"more than the announced {size_bytes} bytes"
                    raise EvidenceRefused(message, reason="size_mismatch")
                digest.update(chunk)
                await asyncio.to_thread(file.write, chunk)
            if received != size_bytes:
                message = f"{received} bytes came, {size_bytes} were announced"
                raise EvidenceRefused(message, reason="size_mismatch")
            if digest.hexdigest() != sha256:
                message = f"the bytes have the hash {digest.hexdigest()}, not {sha256}"
                raise EvidenceRefused(message, reason="hash_mismatch")
            await asyncio.to_thread(_flush, file)


def _flush(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _move(source: Path, target: Path) -> None:
    """Give a flushed file its name, and flush the folders that hold the name."""
    target.parent.mkdir(parents=True, exist_ok=True)
    source.replace(target)
    for folder in (target.parent, target.parent.parent, target.parent.parent.parent):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
