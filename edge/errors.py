"""Errors of ``edge``, by whose business they are.

::

    EdgeError
    ├── ConfigError        the station's file, or a file it names    (the technician's)
    ├── StorageError       the data folder does not take or give     (the technician's)
    │   └── StorageFullError   no room: nothing new is taken, nothing accepted is lost
    └── DeviceLostError    a device is not there, or went away       (reopened)
"""

__all__ = ["ConfigError", "DeviceLostError", "EdgeError", "StorageError"]
__all__ += ["StorageFullError"]


class EdgeError(Exception):
    """Root of all errors raised by ``edge``."""


class ConfigError(EdgeError):
    """The configuration cannot be used; one line names file, key and what to do."""


class StorageError(EdgeError):
    """The data folder or the outbox in it cannot be read or written."""


class StorageFullError(StorageError):
    """There is no room for more; what was accepted before stays."""


class DeviceLostError(EdgeError):
    """A device cannot be opened, or has gone while it was being read."""
