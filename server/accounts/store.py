"""Rows of accounts to values and back."""

import datetime as dt

import msgspec

from server.accounts.model import Account, Role
from server.db.pool import Connection, execute, fetch_one, fetch_rows
from server.db.queries import load_queries

__all__ = ["AccountWithHash", "any_exists", "find", "put", "with_hash"]

_SQL = load_queries("server.accounts")


class AccountWithHash(Account, frozen=True, kw_only=True):
    """An account as only the password check sees it."""

    password_hash: str

    def account(self) -> Account:
        """Return the account without its hash."""
        fields = {name: getattr(self, name) for name in Account.__struct_fields__}
        return Account(**fields)


async def with_hash(connection: Connection, name: str) -> AccountWithHash | None:
    """Return the account of this name with its password's hash."""
    if "\0" in name:
        return None  # PostgreSQL cannot hold it, so nobody is called that
    return await fetch_one(
        connection, _SQL["with_hash"], {"name": name}, AccountWithHash
    )


async def find(connection: Connection, account_id: int) -> Account | None:
    """Return the account with this id."""
    return await fetch_one(
        connection, _SQL["find"], {"account_id": account_id}, Account
    )


async def any_exists(connection: Connection) -> bool:
    """Tell whether there is any account."""
    rows = await fetch_rows(connection, _SQL["any_exists"])
    return bool(rows[0]["found"])


async def put(
    connection: Connection,
    name: str,
    roles: tuple[Role, ...],
    *,
    simulated: bool,
    hashed: str,
    now: dt.datetime,
) -> Account:
    """Make or reset an account; a reset ends its sessions."""
    rows = await fetch_rows(
        connection,
        _SQL["put"],
        {
            "name": name,
            "roles": list(roles),
            "simulated": simulated,
            "hashed": hashed,
            "now": now,
        },
    )
    account = msgspec.convert(rows[0], Account)
    await execute(connection, _SQL["end_sessions"], {"account_id": account.account_id})
    return account
