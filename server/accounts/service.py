"""Signing in, and making accounts. Every attempt is an audit row."""

import asyncio
import datetime as dt

from server.accounts import passwords, store
from server.accounts.model import LONGEST_NAME, Account, IssuedPassword, Role
from server.audit import service as audit
from server.db.pool import Pool

__all__ = [
    "authenticate",
    "find_account",
    "make_first_admin",
    "make_or_reset",
    "note_sign_out",
]

FIRST_ADMIN = "admin"


async def authenticate(
    pool: Pool, name: str, password: str, *, now: dt.datetime
) -> Account | None:
    """Return the account when name and password fit and it is active, else None."""
    async with pool.connection() as connection:
        found = await store.with_hash(connection, name)
    kept = found.password_hash if found and found.active else None
    fits = await asyncio.to_thread(passwords.verify, password, kept)
    account = found.account() if found and fits else None
    async with pool.connection() as connection:
        await audit.append(
            connection,
            account,
            "signed_in" if account else "sign_in_refused",
            subject_kind="account",
            subject_id=name[:LONGEST_NAME].replace("\0", ""),
            now=now,
        )
    return account


async def find_account(pool: Pool, account_id: int) -> Account | None:
    """Return an active account, or None."""
    async with pool.connection() as connection:
        account = await store.find(connection, account_id)
    return account if account and account.active else None


async def note_sign_out(pool: Pool, account: Account, *, now: dt.datetime) -> None:
    """Write down that somebody signed out."""
    async with pool.connection() as connection:
        await audit.append(
            connection,
            account,
            "signed_out",
            subject_kind="account",
            subject_id=account.name,
            now=now,
        )


async def make_or_reset(
    pool: Pool,
    name: str,
    roles: tuple[Role, ...],
    *,
    simulated: bool = False,
    password: str | None = None,
    now: dt.datetime,
) -> IssuedPassword:
    """Make an account, or give an existing one these roles and a new password.

    Without a password one is made up. Open sessions of a reset account end.
    """
    issued = password or passwords.made_up()
    hashed = await asyncio.to_thread(passwords.hash_password, issued)
    async with pool.connection() as connection:
        account = await store.put(
            connection, name, roles, simulated=simulated, hashed=hashed, now=now
        )
        await audit.append(
            connection,
            None,
            "account_set",
            subject_kind="account",
            subject_id=name,
            details={"roles": ",".join(roles), "simulated": str(simulated).lower()},
            now=now,
        )
    return IssuedPassword(account=account, password=issued, one_time=password is None)


async def make_first_admin(pool: Pool, *, now: dt.datetime) -> IssuedPassword | None:
    """Make ``admin`` when there is no account at all, else do nothing."""
    async with pool.connection() as connection:
        if await store.any_exists(connection):
            return None
    return await make_or_reset(pool, FIRST_ADMIN, ("admin",), now=now)
