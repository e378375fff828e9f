"""Errors of ``lpr``, by whose business they are.

::

    PlateReaderError
    ├── PlateError        a text is no Chinese number plate     (the caller's)
    └── WeightsError      bytes are no weights of this reader   (the installer's)

A picture raises nothing: whatever cannot be read is a reading with a reason.
"""

__all__ = ["PlateError", "PlateReaderError", "WeightsError"]


class PlateReaderError(Exception):
    """Root of all errors raised by ``lpr``."""


class PlateError(PlateReaderError):
    """A text breaks the grammar of GA 36, or a colour does not go with its kind."""


class WeightsError(PlateReaderError):
    """The bytes given as weights are damaged or belong to another reader."""
