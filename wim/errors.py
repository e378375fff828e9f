"""Errors of ``wim``, by whose business they are.

::

    WimError
    ├── TableError        a TOML table is not what it should be   (the operator's)
    ├── CalibrationError  runs give no sound calibration          (the operator's)
    ├── MessageError      a message breaks the schema             (the sender's)
    └── SealError         a signature or hash does not fit        (the auditor's)

A noisy sensor line raises nothing: noise is an event of the decoders.
"""

__all__ = ["CalibrationError", "MessageError", "SealError", "TableError", "WimError"]


class WimError(Exception):
    """Root of all errors raised by ``wim``."""


class TableError(WimError):
    """A configuration table has an unknown key, a wrong type or a missing value."""


class CalibrationError(WimError):
    """Runs of reference trucks are too few, or contradict the site file."""


class MessageError(WimError):
    """A message does not follow its schema; the text names the field and the figure."""


class SealError(WimError):
    """A signature, hash or chain link does not fit what it is said to cover."""
