"""The folder in which the compiler keeps its code between starts: whole, or emptied.

It compiles nothing. The compiler does not sync what it writes and raises on a file that
a power cut has left half written; a station must not need somebody who comes and
deletes it. So what was whole is noted with its hash, and what is not as noted is
compiled anew.
"""

import hashlib
import os
import shutil
from pathlib import Path

from edge.errors import StorageError

__all__ = ["CompiledCode"]


class CompiledCode:
    """One folder of compiled code and the note beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._note = folder.with_name(f"{folder.name}.sha256")

    def discard_if_damaged(self) -> bool:
        """Delete code that is not as it was noted; return whether there was any.

        Raises:
            StorageError: the folder cannot be read or emptied.
        """
        try:
            if not any(path.is_file() for path in self.folder.rglob("*")):
                return False
            if self._note.exists() and self._note.read_bytes() == self._digest():
                return False
            shutil.rmtree(self.folder)
        except OSError as error:
            text = f"cannot use {self.folder}: {error.strerror}"
            raise StorageError(text) from error
        return True

    def note_whole(self) -> None:
        """Note the folder as it is now, once everything has been compiled.

        Raises:
            StorageError: the note cannot be written.
        """
        try:
            part = self._note.with_suffix(".part")
            with part.open("wb") as file:
                file.write(self._digest())
                file.flush()
                os.fsync(file.fileno())
            part.replace(self._note)
        except OSError as error:
            text = f"cannot write {self._note}: {error.strerror}"
            raise StorageError(text) from error

    def _digest(self) -> bytes:
        """Return the hash over names and bytes of all files, in hex."""
        total = hashlib.sha256()
        for path in sorted(self.folder.rglob("*")):
            if path.is_file():
                content = hashlib.sha256(path.read_bytes()).hexdigest()
                total.update(f"{path.relative_to(self.folder)} {content}\n".encode())
        return total.hexdigest().encode("ascii")
