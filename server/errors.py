"""Errors of the server, by whose business they are.

::

    ServerError
    └── EmbeddedError     the embedded database or broker cannot run  (the operator's)
"""

__all__ = ["EmbeddedError", "ServerError"]


class ServerError(Exception):
    """Root of all errors raised by ``server``."""


class EmbeddedError(ServerError):
    """The embedded database or broker cannot run; the text says what to do."""
