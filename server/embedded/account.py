"""Under which account embedded programs run: ourselves, but never root."""

import contextlib
import os
import pwd

from server.errors import EmbeddedError

__all__ = ["service_account"]

_NAMES = ("luheng", "postgres", "nobody")


def service_account() -> tuple[int, int] | None:
    """Return uid and gid to change to, or None to stay who we are.

    Raises:
        EmbeddedError: we are root and the machine has none of the accounts.
    """
    if os.geteuid() != 0:
        return None
    for name in _NAMES:
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return entry.pw_uid, entry.pw_gid
    message = f"running as root needs one of the accounts {', '.join(_NAMES)}; make one"
    raise EmbeddedError(message)
