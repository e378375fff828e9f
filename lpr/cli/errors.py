"""What a command refuses, in one line that says what to do."""

from lpr.errors import PlateReaderError

__all__ = ["WrongUseError", "reason"]


class WrongUseError(PlateReaderError):
    """The caller named something that cannot be used; the text says what to do."""


def reason(error: Exception) -> str:
    """What an exception of the system or a library says, in one line."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else error
    return " ".join(str(text).split()) or type(error).__name__
