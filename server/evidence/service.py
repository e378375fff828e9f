"""Taking evidence files, and saying what of a passage's evidence is there.

A file is taken when the station that announced it signed the upload and its bytes have
the announced hash and size. Every refusal is counted under its station and reason.
"""

import datetime as dt
from collections.abc import AsyncIterator
from typing import Literal

from server.db.events import notify
from server.db.pool import Pool
from server.errors import EvidenceRefused, NotFound
from server.evidence import store
from server.evidence.files import EvidenceFiles
from server.evidence.model import Refusal, StoredFile, SubjectEvidence
from wim.errors import SealError
from wim.seal import check_upload

__all__ = ["find_file", "of_subject", "receive_upload", "refusals"]

UNKNOWN_STATION = "?"
"""Under this name refusals of stations are counted that do not exist."""


async def receive_upload(
    pool: Pool,
    files: EvidenceFiles,
    sha256: str,
    *,
    station_id: str,
    signer: str | None,
    signature: str,
    content: AsyncIterator[bytes],
    now: dt.datetime,
) -> Literal["stored", "had"]:
    """Take one uploaded file (``PUT /evidence/{sha256}``).

    Args:
        pool: the database.
        files: the file store.
        sha256: the hash in the address.
        station_id: who says that he uploads.
        signer: that station's public key (``Registry.public_key``), None if unknown.
        signature: the header's signature of this upload.
        content: the bytes, in chunks.
        now: the present instant.

    Returns:
        ``stored`` (answer 201) or ``had`` (200; the content is then not read).

    Raises:
        EvidenceRefused: not taken, and counted; by its ``reason`` the answer is
            401 unknown_station, 403 bad_signature, 409 not_announced, 413 too_large,
            422 hash_mismatch and size_mismatch, 507 disk_full.
    """
    try:
        return await _take(
            pool,
            files,
            sha256,
            station_id=station_id,
            signer=signer,
            signature=signature,
            content=content,
            now=now,
        )
    except EvidenceRefused as refused:
        counted = UNKNOWN_STATION if signer is None else station_id
        async with pool.connection() as connection:
            await store.count_refusal(
                connection, counted, refused.reason, sha256=sha256, now=now
            )
        raise


async def _take(
    pool: Pool,
    files: EvidenceFiles,
    sha256: str,
    *,
    station_id: str,
    signer: str | None,
    signature: str,
    content: AsyncIterator[bytes],
    now: dt.datetime,
) -> Literal["stored", "had"]:
    if signer is None:
        message = f"no station {station_id} is configured"
        raise EvidenceRefused(message, reason="unknown_station")
    try:
        check_upload(sha256, station_id, signature, signer)
    except SealError as error:
        raise EvidenceRefused(str(error), reason="bad_signature") from error
    async with pool.connection() as connection:
        announced = await store.announced_size(connection, sha256, station_id)
        stored = await store.is_stored(connection, sha256)
    if announced is None:
        message = f"{station_id} has announced no file {sha256}"
        raise EvidenceRefused(message, reason="not_announced")
    if stored and files.has(sha256):
        return "had"
    await files.take(sha256, size_bytes=announced, content=content)
    async with pool.connection() as connection:
        await store.mark_stored(
            connection, sha256, station_id=station_id, size_bytes=announced, now=now
        )
        for record_id in await store.records_waiting_for(connection, sha256):
            await notify(connection, "record", str(record_id))
    return "stored"


async def find_file(pool: Pool, files: EvidenceFiles, sha256: str) -> StoredFile:
    """Return where one stored file lies and what it is.

    Raises:
        NotFound: it was never stored.
    """
    async with pool.connection() as connection:
        stored = await store.media_type(connection, sha256)
    if stored is None or not files.has(sha256):
        message = f"no stored file {sha256}"
        raise NotFound(message)
    path = files.path(sha256)
    return StoredFile(
        sha256=sha256, path=path, size_bytes=path.stat().st_size, media_type=stored
    )


async def of_subject(pool: Pool, subject_id: str) -> SubjectEvidence:
    """Return all evidence of one passage or weighing."""
    async with pool.connection() as connection:
        return await store.of_subject(connection, subject_id)


async def refusals(pool: Pool) -> tuple[Refusal, ...]:
    """Return how often files were refused, by station and reason."""
    async with pool.connection() as connection:
        return await store.refusals(connection)
