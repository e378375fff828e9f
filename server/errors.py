"""Errors of the centre, by whose business they are.

::

    ServerError
    ├── ConfigError        a configuration cannot be used        (the operator's)
    ├── EmbeddedError      the embedded database or broker cannot run (the operator's)
    ├── MigrationError     a database cannot be brought up       (the operator's)
    ├── NotFound           there is no such thing                (the caller's)
    ├── NotAllowed         this person may not do this           (the officer's)
    ├── Conflict           the thing has moved on, or lacks what the step needs
    └── EvidenceRefused    an evidence file is not taken         (the station's)
"""

from typing import Literal, TypeAlias

__all__ = [
    "ConfigError",
    "Conflict",
    "EmbeddedError",
    "EvidenceRefused",
    "MigrationError",
    "NotAllowed",
    "NotFound",
    "RefusalReason",
    "ServerError",
]

RefusalReason: TypeAlias = Literal[
    "unknown_station",
    "bad_signature",
    "not_announced",
    "hash_mismatch",
    "size_mismatch",
    "too_large",
    "disk_full",
]
"""Why an evidence file is not taken; counted by station and reason."""


class ServerError(Exception):
    """Root of all errors raised by ``server``."""


class ConfigError(ServerError):
    """A configuration cannot be used; one line says which file and key, and why."""


class EmbeddedError(ServerError):
    """The embedded database or broker cannot run; the text says what to do."""


class MigrationError(ServerError):
    """The database cannot be brought to the schema that this program needs."""


class NotFound(ServerError):  # noqa: N818 - the word the caller reads
    """No thing with this id."""


class NotAllowed(ServerError):  # noqa: N818 - the word the caller reads
    """This person may not do this.

    Attributes:
        code: ``role`` (lacks the role) or ``same_person`` (has already decided
            another step of the same record).
    """

    def __init__(self, message: str, *, code: Literal["role", "same_person"]) -> None:
        super().__init__(message)
        self.code = code


class Conflict(ServerError):  # noqa: N818 - the word the caller reads
    """The thing is not in a state in which this step can be taken.

    Attributes:
        code: ``state`` (another step was taken before) or ``lacking`` (the step needs
            something that has not arrived).
        lacking: what has not arrived, as codes.
    """

    def __init__(
        self,
        message: str,
        *,
        code: Literal["state", "lacking"] = "state",
        lacking: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message)
        self.code = code
        self.lacking = lacking


class EvidenceRefused(ServerError):  # noqa: N818 - the word the caller reads
    """An evidence file is not taken, and has been counted under its reason."""

    def __init__(self, message: str, *, reason: RefusalReason) -> None:
        super().__init__(message)
        self.reason = reason
