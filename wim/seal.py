"""Canonical bytes, hashes, signatures and the chain that make a message stand in court.

It keeps no keys and reads no files: key bytes come in as arguments.

Canonical form is RFC 8785 (JSON Canonicalization Scheme) of the message without its
``signature`` field, so that anyone can check a signature in any language. Signatures
are Ed25519 (RFC 8032), hashes SHA-256 (FIPS 180-4), both written in lower-case hex.
"""

import hashlib
from typing import Any

import msgspec
import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from wim.errors import SealError

__all__ = [
    "GENESIS",
    "canonical",
    "check_signature",
    "check_upload",
    "public_key",
    "sha256",
    "sign",
    "sign_upload",
]

GENESIS = "0" * 64
"""``previous_hash`` of the first message of a chain."""


def sha256(content: bytes) -> str:
    """Return the SHA-256 of some bytes in lower-case hex."""
    return hashlib.sha256(content).hexdigest()


def canonical(message: msgspec.Struct) -> bytes:
    """Return the bytes that a signature covers: RFC 8785 without ``signature``."""
    built: dict[str, Any] = msgspec.to_builtins(message)
    built.pop("signature", None)
    return rfc8785.dumps(built)


def public_key(private_key: bytes) -> str:
    """Return the hex public key that belongs to 32 raw private bytes."""
    key = Ed25519PrivateKey.from_private_bytes(private_key)
    return key.public_key().public_bytes_raw().hex()


def sign(message: msgspec.Struct, private_key: bytes) -> str:
    """Return the hex signature of a message under 32 raw private bytes."""
    return _sign(canonical(message), private_key)


def check_signature(payload: bytes, signer: str) -> None:
    """Check the ``signature`` inside a JSON payload against a hex public key.

    The payload is taken as it arrived, so that a sender in any language may spell its
    numbers and times as it likes.

    Raises:
        SealError: the signature is absent, malformed, or not of this message and key.
    """
    try:
        built = msgspec.json.decode(payload, type=dict[str, Any])
        signature = str(built.pop("signature", ""))
        content = rfc8785.dumps(built)
    except (
        msgspec.DecodeError,
        UnicodeDecodeError,
        RecursionError,
        rfc8785.CanonicalizationError,
    ) as error:
        message = f"the payload has no canonical form: {error}"
        raise SealError(message) from error
    _check(content, signature, signer, what="message")


def sign_upload(digest: str, station_id: str, private_key: bytes) -> str:
    """Return the hex signature under which a station may upload one evidence file."""
    return _sign(_upload(digest, station_id), private_key)


def check_upload(digest: str, station_id: str, signature: str, signer: str) -> None:
    """Check that a station signed the upload of the file with this hash.

    Raises:
        SealError: the signature is malformed, or not of this upload and key.
    """
    _check(_upload(digest, station_id), signature, signer, what="upload")


def _upload(digest: str, station_id: str) -> bytes:
    return rfc8785.dumps({"evidence": digest, "station_id": station_id})


def _sign(content: bytes, private_key: bytes) -> str:
    return Ed25519PrivateKey.from_private_bytes(private_key).sign(content).hex()


def _check(content: bytes, signature: str, signer: str, *, what: str) -> None:
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(signer))
        key.verify(bytes.fromhex(signature), content)
    except InvalidSignature as error:
        message = f"the signature of this {what} is not of key {signer[:16]}…"
        raise SealError(message) from error
    except ValueError as error:
        message = f"the signature or key of this {what} is malformed: {error}"
        raise SealError(message) from error
