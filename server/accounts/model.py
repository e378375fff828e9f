"""People who work with the centre, and what they may do.

It holds no password: a password is only ever a hash in the table.
"""

import datetime as dt
from typing import Literal, TypeAlias, get_args

import msgspec

__all__ = ["LONGEST_NAME", "ROLES", "Account", "IssuedPassword", "Role"]

Role: TypeAlias = Literal[
    "alert_desk", "reviewer", "decider", "handler", "supervisor", "auditor", "admin"
]
ROLES: tuple[Role, ...] = get_args(Role)
LONGEST_NAME = 64


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """One person, or one simulated officer of the demonstration."""

    account_id: int
    name: str
    roles: tuple[Role, ...]
    simulated: bool
    active: bool
    created_at: dt.datetime


class IssuedPassword(msgspec.Struct, frozen=True, kw_only=True):
    """An account just made or reset, with its password, shown once.

    ``one_time`` is true when the centre made the password up.
    """

    account: Account
    password: str
    one_time: bool
