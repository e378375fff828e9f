"""Passwords: hashed with Argon2id, made up when nobody gave one.

It stores nothing. The cost follows OWASP's second Argon2id setting (19 MiB, two
passes), so that a few people signing in at once stay within the server's memory.
"""

import secrets

import argon2

__all__ = ["hash_password", "made_up", "verify"]

_hasher = argon2.PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that is misread aloud
_NOBODY = _hasher.hash("nobody has this password")


def made_up() -> str:
    """Return a new password of 77 random bits, easy to type."""
    groups = ("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(4))
    return "-".join(groups)


def hash_password(password: str) -> str:
    """Return the hash under which a password is kept."""
    return _hasher.hash(password)


def verify(password: str, kept: str | None) -> bool:
    """Tell whether a password is the kept one.

    Without a kept one the same work is done, so that the time a refusal takes does not
    tell whether the account exists.
    """
    try:
        _hasher.verify(kept or _NOBODY, password)
    except argon2.exceptions.VerifyMismatchError:
        return False
    return kept is not None
