"""Errors of ``lpr``, by whose business they are.

::

    PlateReaderError
    ├── PlateError        a text is no Chinese number plate     (the caller's)
    ├── PictureError      bytes are no picture that is read     (the caller's)
    ├── WeightsError      bytes are no weights of this reader   (the installer's)
    └── EngineError       an engine is not installed, or fails  (the installer's)

A picture once decoded raises nothing: what cannot be read is a reading with a reason.
"""

__all__ = [
    "EngineError",
    "PictureError",
    "PlateError",
    "PlateReaderError",
    "WeightsError",
]


class PlateReaderError(Exception):
    """Root of all errors raised by ``lpr``."""


class PlateError(PlateReaderError):
    """A text breaks the grammar of GA 36, or a colour does not go with its kind."""


class WeightsError(PlateReaderError):
    """The bytes given as weights are damaged or belong to another reader."""


class PictureError(PlateReaderError):
    """Bytes are no picture, a damaged one, or too large; the text goes after a name."""


class EngineError(PlateReaderError):
    """An engine that was asked for is not installed or refuses its network."""
