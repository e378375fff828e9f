"""What a command refuses, in one line that says what to do.

Every other error of ``wim`` that reaches a command is already one line and is printed
as it stands.
"""

from wim.errors import WimError

__all__ = ["WrongUseError", "reason"]


class WrongUseError(WimError):
    """The caller named something that cannot be used; the text says what to do."""


def reason(error: Exception) -> str:
    """Return what an exception of the system or a library says, in one line."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else error
    return " ".join(str(text).split()) or type(error).__name__
