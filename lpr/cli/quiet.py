"""What decoders in C write to the error stream while they work, caught.

Their words would stand beside our one line, and they are the only sign of a JPEG that
is damaged inside: it is decoded all the same. The stream is the whole process's, so
this is for the command alone, which has one thread.
"""

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator

__all__ = ["caught_words"]

_STREAM = 2


@contextlib.contextmanager
def caught_words() -> Iterator[list[str]]:
    """Catch what is written to the error stream within.

    Yields:
        A list that holds the lines once the block has ended.
    """
    words: list[str] = []
    sys.stderr.flush()
    with tempfile.TemporaryFile() as kept:
        own = os.dup(_STREAM)
        os.dup2(kept.fileno(), _STREAM)
        try:
            yield words
        finally:
            sys.stderr.flush()
            os.dup2(own, _STREAM)
            os.close(own)
            kept.seek(0)
            words += kept.read().decode("utf-8", "replace").splitlines()
